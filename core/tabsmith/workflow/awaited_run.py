"""The run that a guided session waits for: where it is, and what its end says to the conversation."""

import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tabsmith.runs.snapshot import RunSnapshot
    from tabsmith.runs.watch import RunWatch
    from tabsmith.workflow.restore import RunEndAction

PATIENCE: Final = 60.0  # seconds that a worker may take from being asked to resume a run to its first event


class AwaitedRunView(NamedTuple):
    """The run as it is now, and its end as an answer: None while it goes on."""

    run: "RunSnapshot"
    end: "RunEndAction | None"


class AwaitedRun:
    """Reads the run's journal, again and again only what is new."""

    def __init__(self) -> None:
        self._watch: RunWatch | None = None
        self._ended_attempt = 0
        self._resumed_at = 0.0

    def resumed(self, run_id: str) -> None:
        """The run is about to be taken up again: the end of its last attempt is an end no more."""
        self._watch = None
        self._ended_attempt = 0
        look = self.look(run_id)
        self._ended_attempt = look.run.attempt if look else 0
        self._resumed_at = time.monotonic()

    def look(self, run_id: str) -> AwaitedRunView | None:
        """The run now; None while it is being started or taken up again."""
        from tabsmith.errors import RunNotFoundError
        from tabsmith.runs.watch import RunWatch
        from tabsmith.workflow.restore import run_end_action

        try:
            if self._watch is None or self._watch.folder.id != run_id:
                self._watch = RunWatch(run_id)
                self._ended_attempt = 0
        except RunNotFoundError:
            return None
        run = self._watch.refresh()
        late = time.monotonic() - self._resumed_at > PATIENCE
        if run.state.ended and run.attempt == self._ended_attempt and not late:
            return None
        return AwaitedRunView(run, run_end_action(run_id, run))
