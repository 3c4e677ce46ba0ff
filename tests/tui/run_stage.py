"""Runs on the screen for tests: a journal on disk, its lock held as a worker would hold it, the dashboard over it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from textual.pilot import Pilot

from tabsmith.runs.folder import RunFolder
from tabsmith.runs.watch import RunWatch
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens.run import RunScreen
from tests.stories import journals
from tests.stories.journals import Story

PATIENCE = 10.0  # seconds


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str = "") -> None:
    """Wait until `condition` holds; fail when it does not in ten seconds."""
    async with asyncio.timeout(PATIENCE) as waiting:
        try:
            while not condition():
                await pilot.pause(0.01)
        except asyncio.CancelledError:
            if waiting.expired():
                raise AssertionError(f"in vain waited for {what or condition}") from None
            raise
    await pilot.pause()


@contextlib.contextmanager
def worker_alive(folder: RunFolder) -> Iterator[None]:
    """The run's lock held by this process, as its worker holds it."""
    with folder.lock():
        yield


async def open_run(pilot: Pilot[Any], *, dead: bool = False) -> RunScreen:
    """The dashboard over the run on disk; with `dead`, opened by a watch whose clock goes on, so that it looks for the
    worker at once."""
    ticks = itertools.count(journals.START, 10.0)
    watch = RunWatch(journals.RUN_ID, clock=lambda: next(ticks)) if dead else None
    screen = RunScreen(journals.RUN_ID, watch)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.live.attempt > 0 or screen.live.state.ended, "the journal")
    if dead:
        await until(pilot, lambda: screen.live.state.ended, "the end of the run")
    return screen


@contextlib.asynccontextmanager
async def running(
    app: TabsmithApp, story: Story, size: tuple[int, int] = (120, 40), *, alive: bool = True
) -> AsyncIterator[tuple[Pilot[Any], RunScreen, RunFolder]]:
    """The app with the story's run open."""
    folder = journals.write(story.events, story.spec)
    with contextlib.ExitStack() as held:
        if alive:
            held.enter_context(worker_alive(folder))
        async with app.run_test(size=size) as pilot:
            yield pilot, await open_run(pilot, dead=not alive and not story.snapshot.state.ended), folder


def append(folder: RunFolder, *events: Any) -> None:
    """More of the run happens."""
    journal = folder.events()
    journal.sync = False
    with journal:
        for event in events:
            journal.append(event)
