"""The run that a conversation waits for: its present state, and its end as an action of the conversation."""

import time
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from tabsmith.errors import ErrorReport, RunNotFoundError
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.workflow import actions

if TYPE_CHECKING:
    from tabsmith.runs.watch import RunWatch

RESUME_SECONDS: Final = 60.0
"""Seconds that a worker may take from being asked to resume a run to its first event."""

RunEndAction: TypeAlias = actions.RunFinished | actions.RunStopped | actions.RunFailed | actions.RunInterrupted


def run_snapshot(run_id: str) -> RunSnapshot | None:
    """The run as its journal tells it now; None if there is no such run."""
    from tabsmith.runs.watch import RunWatch

    try:
        return RunWatch(run_id).refresh()
    except RunNotFoundError:
        return None


def run_end_action(run_id: str, run: RunSnapshot) -> RunEndAction | None:
    """The action that the end of a run means for the conversation; None while the run goes on."""
    if not run.state.ended:
        return None
    if run.state == RunState.INTERRUPTED:
        return actions.RunInterrupted(run_id)
    if run.report is not None:
        return actions.RunFinished(run.report)
    if run.error is None and run.outcome == "cancelled":
        return actions.RunStopped(run_id)
    unknown = ErrorReport(
        "TrainingError", "The run ended without a model.", where=f"run {run_id}", next_step="Its log may say why."
    )
    return actions.RunFailed(run_id, run.error or unknown)


class AwaitedRunView(NamedTuple):
    """The run as it is now, and the action that its end means; None while it goes on."""

    run: RunSnapshot
    end: RunEndAction | None


class AwaitedRun:
    """Follows the journal of the awaited run; each look reads only what is new."""

    def __init__(self) -> None:
        self._watch: RunWatch | None = None
        self._ended_attempt = 0
        self._resumed_at = 0.0

    def resumed(self, run_id: str) -> None:
        """Note that the run is about to be resumed: the end of its last attempt no longer counts."""
        self._watch = None
        self._ended_attempt = 0
        view = self.look(run_id)
        self._ended_attempt = view.run.attempt if view else 0
        self._resumed_at = time.monotonic()

    def look(self, run_id: str) -> AwaitedRunView | None:
        """The run now; None while it is being started or resumed."""
        from tabsmith.runs.watch import RunWatch

        try:
            if self._watch is None or self._watch.folder.id != run_id:
                self._watch = RunWatch(run_id)
                self._ended_attempt = 0
        except RunNotFoundError:
            return None
        run = self._watch.refresh()
        late = time.monotonic() - self._resumed_at > RESUME_SECONDS
        if run.state.ended and run.attempt == self._ended_attempt and not late:
            return None
        return AwaitedRunView(run, run_end_action(run_id, run))
