"""A real worker, killed with SIGKILL right after each kind of event, some of the times with all that it started."""

import contextlib
import time
from collections import Counter

import psutil

from tabsmith.agents.usage import NO_USAGE
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.history import open_history
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Limits, ModelChoice
from tabsmith.storage import lock_owner
from tests.core.runs.conftest import Start, ended, kill, resumed
from tests.core.runs.scripted import Asked, as_told, ridge

MOMENTS = (
    loop.IterationEnded,
    loop.SessionUsed,
    loop.SessionClosed,
    loop.Proposed,
    loop.FoldScored,
    loop.Evaluated,
    loop.Decided,
)
ITERATIONS = 10


def after(folder: RunFolder, kind: type, seen: int, seconds: float = 60.0) -> int:
    """Wait until an event of that kind is appended behind the offset `seen`; the offset behind it."""
    journal = folder.events()
    deadline = time.monotonic() + seconds
    while True:
        chunk = journal.read(seen)
        seen = chunk.next_offset
        if any(isinstance(event, kind) for event in chunk.values):
            return seen
        assert time.monotonic() < deadline, f"there was no {kind.__name__}"
        time.sleep(0.001)


def kill_all(folder: RunFolder) -> None:
    """End the worker and its children, the agents' process among them."""
    holder = lock_owner(folder.root / "worker.lock")
    assert holder is not None
    worker = psutil.Process(holder.pid)
    children = worker.children(recursive=True)
    for each in (worker, *children):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    kill(folder)


def test_a_worker_killed_after_every_kind_of_event_pays_for_nothing_twice(start: Start, model: Asked) -> None:
    server = model(ridge(ITERATIONS))
    folder = start(ModelChoice(agent="llm", limits=Limits(seconds=300, iterations=ITERATIONS), cores=1))
    seen = 0
    for number, moment in enumerate(MOMENTS):
        seen = after(folder, moment, seen)
        (kill_all if number % 2 else kill)(folder)
        seen = max(seen, folder.events().read().next_offset)
        resumed(folder, number + 2)
    run = ended(folder, 120)

    assert run.attempt == len(MOMENTS) + 1
    assert [each.iteration for each in run.trials] == list(range(1, ITERATIONS + 1))
    assert all(each.ended_at for each in run.trials)
    heard = [session for session in run.sessions if session.outcome == "answered"]
    lost = [session for session in run.sessions if session.outcome == "lost"]
    assert len(heard) == ITERATIONS
    assert len(heard) + len(lost) == len(run.sessions)
    assert len({session.id for session in run.sessions}) == len(run.sessions)
    assert run.usage == sum((session.usage for session in run.sessions), NO_USAGE)
    assert len(server.requests) <= len(run.sessions)
    if not lost:  # else a reply may have been on its way
        assert as_told(run.usage) == server.handed_out
    assert [record.iteration for record in open_history().read().values] == list(range(1, ITERATIONS + 1))
    events = folder.events().read().values
    evaluated = Counter(event.iteration for event in events if isinstance(event, loop.Evaluated))
    assert evaluated == Counter(range(1, ITERATIONS + 1))
    closed = Counter(event.session for event in events if isinstance(event, loop.SessionClosed))
    assert closed == Counter(session.id for session in run.sessions)
