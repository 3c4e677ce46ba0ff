"""Reducers: `reduce` folds a journal, event by event, into the `RunSnapshot` that every screen draws.

Each kind of event has one reducer, in the file of its subject.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from tabsmith.runs.events import RunEvent
from tabsmith.runs.reducers import agents, iterations, runs, tasks
from tabsmith.runs.reducers.rules import reduce_event
from tabsmith.runs.snapshot import RunSnapshot

__all__ = ["agents", "iterations", "reduce", "runs", "tasks"]


def reduce(events: Iterable[RunEvent], start: RunSnapshot | None = None) -> RunSnapshot:
    """Return the run after `events`; `start` is the run before them. Pure: the same events give the same run."""
    snapshot = start or RunSnapshot()
    for event in events:
        snapshot = replace(reduce_event(event, snapshot), updated_at=event.at)
    return snapshot
