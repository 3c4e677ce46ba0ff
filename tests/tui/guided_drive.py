"""Drives the guided steps with keys: waits for a state or a condition, never for a time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from textual.pilot import Pilot

from tabsmith.config import Settings
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import State
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens.guided import GuidedScreen
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import StepView
from tests.tui.guided_stage import Replay
from tests.tui.stage import NOW, FixedStore, screen_text

DEADLINE = 6.0


def guided_app(
    supervisor: Any = None,
    *,
    allowed: tuple[Path, ...] = (Path("/tmp"),),
    theme: str = "dark",
    clock: Callable[[], float] = lambda: NOW,
    time_limit: float = 3.0,
) -> TabsmithApp:
    """An app whose supervisor replays, and that reads files in `allowed`."""
    numbers = iter(range(1, 1_000))
    settings = Settings()
    settings = msgspec.structs.replace(
        settings,
        ui=msgspec.structs.replace(settings.ui, theme=theme),
        paths=msgspec.structs.replace(settings.paths, allowed=allowed),
        training=msgspec.structs.replace(settings.training, time=time_limit),
    )

    return TabsmithApp(
        settings,
        supervisor if supervisor is not None else Replay(),
        store=FixedStore(),
        clock=clock,
        new_id=lambda: f"20261120-140631-{next(numbers):06x}",
    )


class Drive:
    """A running app and the keys to press in it."""

    def __init__(self, app: TabsmithApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> GuidedScreen:
        """The guided screen, wherever it lies in the stack."""
        return next(screen for screen in self.app.screen_stack if isinstance(screen, GuidedScreen))

    @property
    def session(self) -> WorkflowSession:
        return self.screen.session

    @property
    def view(self) -> StepView:
        view = self.screen.view
        assert view is not None
        return view

    async def until(self, condition: Callable[[], bool], what: str = "", seconds: float = DEADLINE) -> None:
        """Wait until `condition` holds."""
        deadline = time.monotonic() + seconds
        await self.pilot.pause()
        while True:
            try:
                if condition():
                    await self.pilot.pause()  # what the condition saw is drawn
                    return
            except (StopIteration, AssertionError):
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}; shown is {self.app.screen}")
            await asyncio.sleep(0.005)

    async def at(self, state: State) -> None:
        """Wait until the step of `state` is shown."""
        await self.until(lambda: self.session.state is state and self.view.form.state is state, state.value)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Put a text where the cursor is, as a paste does."""
        from textual.events import Paste

        self.app.post_message(Paste(text))
        await self.pilot.pause()
        await self.pilot.pause()

    async def give_path(self, path: object) -> None:
        """From the choice of a source to the load option, with the file at `path`."""
        await self.at(State.CHOOSING_DATA_SOURCE)
        await self.press("enter")
        await self.at(State.AWAITING_FILE_PATH)
        await self.type(str(path))
        await self.press("enter")

    async def to_schema(self, path: object) -> None:
        """To the schema of the file at `path`."""
        await self.give_path(path)
        await self.at(State.CHOOSING_LOAD_OPTION)
        await self.press("enter")
        await self.at(State.CONFIRMING_SCHEMA)

    def shown(self) -> str:
        """All that the screen shows, as text."""
        return screen_text(self.app)

    @property
    def path_typed(self) -> str:
        return self.view.query_one(PathField).line.value


@asynccontextmanager
async def drive(app: TabsmithApp, size: tuple[int, int] = (100, 32), *, resume: bool = False) -> AsyncIterator[Drive]:
    """The app, running, at its guided steps."""
    async with app.run_test(size=size) as pilot:
        driven = Drive(app, pilot)
        app.open_screen("guided", resume=resume)
        await driven.until(lambda: driven.screen.view is not None, "the guided steps")
        yield driven
