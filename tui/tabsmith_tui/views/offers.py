"""Which keys of a run have a meaning where it stands; the others are not offered."""

from collections.abc import Mapping

from tabsmith.runs import replying, spending
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot


def resumable(run: RunSnapshot, *, replaying: bool, resuming: bool) -> bool:
    """Whether the run waits to be taken up again."""
    return run.state is RunState.INTERRUPTED and not replaying and not resuming


def has_result(run: RunSnapshot, *, replaying: bool) -> bool:
    """Whether there is a model to go to."""
    return run.state is RunState.DONE and run.report is not None and not replaying


def offered(run: RunSnapshot, *, replaying: bool, resuming: bool) -> Mapping[str, bool]:
    """Textual's actions of the run screen that depend on its state, and whether each is offered."""
    can_resume = resumable(run, replaying=replaying, resuming=resuming)
    can_open = has_result(run, replaying=replaying)
    commanded = not run.state.ended and not replaying
    asked = replying.open_question(run) is not None and not replaying
    return {
        **{action: takes and not replaying for action, takes in replying.takes(run).items()},
        "stop": commanded and not asked,
        "stop_now": commanded,
        "more": commanded,
        "note": commanded and spending.speaks(run) and not replying.permits(run),  # there its key says no
        "mode": commanded and spending.speaks(run),  # a search is never asked about
        "pause": commanded and not asked and run.state is not RunState.PAUSED,
        "go_on": commanded and run.state is RunState.PAUSED,
        "play": replaying,
        "step": replaying,
        "resume": can_resume,
        "result": can_open,
        "open": not can_resume and not can_open and not asked,
        "replay": run.state.ended and not replaying,
        "copy": run.error is not None,
        "leave": commanded,
        "back": not commanded,
    }
