"""For tests of screens: an app with a fixed clock, fixed ids, things on its store that the test says, no workers.

`make_app(...)` gives the app. `FixedStore(runs=..., models=..., reports=...)` is what home, runs and models list.
`IdleSupervisor` starts nothing; give one of your own with the jobs' answers, or a real one.
`snap_compare` is the plugin's, but waits after every key for what the app does in the background; only a worker of the
group "job" may still be at work in a picture. `settle(pilot)` waits in the same way in a test of behaviour.
`Terminal` of tests/tui/terminal.py runs a whole program in a real pseudo-terminal.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

import pytest

from tabsmith.config import Settings
from tabsmith_tui.app import TabsmithApp
from tests.tui.stage import NOW, FixedStore, IdleSupervisor, settle


class MakeApp(Protocol):
    """Makes an app; `theme` is "dark", "light" or "ansi"."""

    def __call__(
        self,
        store: FixedStore | None = None,
        *,
        supervisor: Any = None,
        theme: str = "dark",
        phone: Any = None,
        **keymap: str,
    ) -> TabsmithApp: ...


@pytest.fixture
def snap_compare(snap_compare: Callable[..., bool]) -> Callable[..., bool]:
    """Compare a picture of the app, when it has come to rest after the last key, with the golden one."""

    def compare(
        app: TabsmithApp,
        press: Iterable[str] = (),
        terminal_size: tuple[int, int] = (80, 24),
        run_before: Callable[[Any], Awaitable[None]] | None = None,
    ) -> bool:
        async def walk(pilot: Any) -> None:
            await settle(pilot)
            if run_before is not None:
                await run_before(pilot)
                await settle(pilot)
            for key in press:
                await pilot.press(key)
                await settle(pilot)

        return snap_compare(app, terminal_size=terminal_size, run_before=walk)

    return compare


@pytest.fixture
def make_app() -> MakeApp:
    """An app that shows the same thing every time."""

    def make(
        store: FixedStore | None = None,
        *,
        supervisor: Any = None,
        theme: str = "dark",
        phone: Any = None,
        **keymap: str,
    ) -> TabsmithApp:
        import msgspec

        keys = {name.replace("__", "."): value for name, value in keymap.items()}
        settings = Settings()
        settings = msgspec.structs.replace(settings, ui=msgspec.structs.replace(settings.ui, theme=theme, keymap=keys))
        numbers = iter(range(1, 1_000))
        return TabsmithApp(
            settings,
            supervisor or IdleSupervisor(),
            store=store or FixedStore(),
            clock=lambda: NOW,
            new_id=lambda: f"20261120-140631-{next(numbers):06x}",
            bridge_client=phone,
        )

    return make
