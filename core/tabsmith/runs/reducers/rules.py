"""What reducers have in common: how they are registered, change the current trial and add to the log."""

from collections.abc import Callable
from functools import singledispatch
from typing import Final, Literal

from msgspec.structs import replace

from tabsmith.orchestration.events import Event
from tabsmith.orchestration.loop_state import Trial
from tabsmith.runs.events import RunEvent
from tabsmith.runs.snapshot import LogLine, RunSnapshot

LOG_LINES: Final = 500


@singledispatch
def reduce_event(event: RunEvent, _snapshot: RunSnapshot) -> RunSnapshot:
    """Return the run after one event. Raises TypeError for a kind of event that has no reducer."""
    raise TypeError(f"no reducer for {type(event).__name__}")


reducer: Callable[..., Callable[..., object]] = reduce_event.register


def current_trial(snapshot: RunSnapshot, iteration: int) -> Trial:
    """Return the latest trial if it is that iteration; else a new trial."""
    latest = snapshot.latest
    return latest if latest is not None and latest.iteration == iteration else Trial(iteration, snapshot.actual)


def with_trial(snapshot: RunSnapshot, iteration: int, **changes: object) -> RunSnapshot:
    """Return the snapshot with its latest trial changed. Only the latest one ever changes, so a long run folds in linear
    time."""
    new = replace(current_trial(snapshot, iteration), **changes)
    if snapshot.latest is None or snapshot.latest.iteration == iteration:
        return replace(snapshot, latest=new)
    return replace(snapshot, settled=snapshot.trials, latest=new)


def with_log(
    snapshot: RunSnapshot,
    event: Event,
    word: str,
    text: str,
    level: Literal["info", "warning", "error"] = "info",
) -> RunSnapshot:
    """Return the snapshot with one more line in its log."""
    return replace(snapshot, log=(*snapshot.log[-LOG_LINES + 1 :], LogLine(event.at, word, text, level)))
