"""What the rules have in common: one rule per kind of event, and how a rule changes a try or adds to the log."""

from collections.abc import Callable
from functools import singledispatch
from typing import Final, Literal

from msgspec.structs import replace

from tabsmith.orchestration.events import Event
from tabsmith.runs.events import RunEvent
from tabsmith.runs.snapshot import LogLine, RunSnapshot, Try

LOG_LINES: Final = 500


@singledispatch
def apply(event: RunEvent, _snapshot: RunSnapshot) -> RunSnapshot:
    """The run after one event. Raises TypeError for a kind of event that has no rule."""
    raise TypeError(f"no rule for {type(event).__name__}")


on: Callable[..., Callable[..., object]] = apply.register


def try_of(snapshot: RunSnapshot, iteration: int) -> Try:
    """The latest try, when it is that iteration; else a new one."""
    latest = snapshot.latest
    return latest if latest is not None and latest.iteration == iteration else Try(iteration, snapshot.actual)


def changed(snapshot: RunSnapshot, iteration: int, **changes: object) -> RunSnapshot:
    """The snapshot with its latest try changed: only that one ever changes, so a long run folds in linear time."""
    new = replace(try_of(snapshot, iteration), **changes)
    if snapshot.latest is None or snapshot.latest.iteration == iteration:
        return replace(snapshot, latest=new)
    return replace(snapshot, settled=snapshot.tries, latest=new)


def log(
    snapshot: RunSnapshot,
    event: Event,
    word: str,
    text: str,
    level: Literal["info", "warning", "error"] = "info",
) -> RunSnapshot:
    """The snapshot with one more line in its log."""
    return replace(snapshot, log=(*snapshot.log[-LOG_LINES + 1 :], LogLine(event.at, word, text, level)))
