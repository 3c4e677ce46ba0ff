"""The app: its screens, keys and themes, the worker supervisor, and leaving."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import App
from textual.binding import Binding, BindingType
from textual.events import DescendantFocus, Event, Key, Paste
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tabsmith.errors import ErrorReport, report_of
from tabsmith.text import clean_block
from tabsmith_tui.actions import ActionCommands, KeyQueue, bindings_of, check_keymap, key_words
from tabsmith_tui.screens import SCREENS, ScreenName
from tabsmith_tui.screens.base import STYLES, PredictDraft, start_worker
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.store import Store
from tabsmith_tui.theme import THEMES, theme_name

if TYPE_CHECKING:
    from tabsmith.agents.protocol import AgentName
    from tabsmith.config.settings import AgentSettings, Settings
    from tabsmith.runs.supervisor import Supervisor
    from tabsmith.runs.watch import RunSummary
    from tabsmith.workflow.conversation import Conversation
    from tabsmith_tui.bridge_client import BridgeClient
    from tabsmith_tui.screens.base import AppServices

    def _implements(app: "TabsmithApp") -> AppServices:
        """Checked by mypy: the app has every service that screens use."""
        return app


ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class TabsmithApp(App[tuple[str, ...]], inherit_bindings=False):
    """The terminal app. It implements `AppServices`, and takes the time, ids, disk and processes from outside.

    `supervisor` is made when it is first needed, and started after the first frame.
    """

    TITLE = "tabsmith"
    SCREENS: ClassVar[dict[ScreenName, Callable[..., Screen[Any]]]] = SCREENS  # type: ignore[assignment]
    CSS_PATH: ClassVar = [STYLES / "app.tcss", STYLES / "home.tcss"]  # Textual loads no CSS_PATH of the first screen
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("app")
    COMMANDS: ClassVar = {ActionCommands}
    COMMAND_PALETTE_BINDING = "f2"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        settings: "Settings",
        supervisor: "Supervisor | None" = None,
        *,
        store: Store | None = None,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] | None = None,
        bridge_client: "BridgeClient | None" = None,
    ) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.settings = settings
        self.store = store or Store()
        self.clock = clock
        self.conversation: Conversation | None = None
        self.predict_draft = PredictDraft()
        self.newest_model = ""
        self._supervisor = supervisor
        self._bridge_client = bridge_client
        self._new_id = new_id
        self._keys = KeyQueue(self, super().on_event)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_name(("ansi" if self.no_color else settings.ui.theme) or "", {})

    # Services for the screens -------------------------------------------------------------------------------------

    def new_id(self) -> str:
        if self._new_id is None:
            from tabsmith.runs.spec import new_run_id

            self._new_id = new_run_id
        return self._new_id()

    def agents(self) -> "tuple[tuple[AgentName, ...], dict[AgentName, str]]":
        from tabsmith.agents.backend import selectable_agents

        return selectable_agents(self.settings.agents)

    def take_agents(self, agents: "AgentSettings") -> None:
        import msgspec

        self.settings = msgspec.structs.replace(self.settings, agents=agents)

    @property
    def supervisor(self) -> "Supervisor":
        if self._supervisor is None:
            from tabsmith.runs.supervisor import Supervisor

            self._supervisor = Supervisor()
        return self._supervisor

    @property
    def bridge_client(self) -> "BridgeClient":
        if self._bridge_client is None:
            from tabsmith_tui.bridge_client import BridgeClient

            self._bridge_client = BridgeClient()
        return self._bridge_client

    def open_screen(self, name: ScreenName, *arguments: object, **options: object) -> None:
        self.push_screen(self.SCREENS[name](*arguments, **options))

    def action_open_screen(self, name: ScreenName) -> None:
        """Open a screen that needs no arguments, by a key."""
        self.open_screen(name)

    def open_home(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def show_error(self, error: BaseException | ErrorReport) -> None:
        from tabsmith_tui.screens.dialogs import ErrorScreen

        self.push_screen(ErrorScreen(error if isinstance(error, ErrorReport) else report_of(error)))

    # Start and end ------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> HomeScreen:
        """The home screen, below every other screen."""
        return HomeScreen()

    def on_mount(self) -> None:
        """Apply the person's keymap; the supervisor starts after the first frame."""
        keymap = check_keymap(self.settings.ui.keymap)
        if keymap.keys:
            self.set_keymap(keymap.keys)
        for problem in keymap.problems:
            self.notify(problem, title="Settings", severity="warning", timeout=15)
        if not self.is_headless:
            self.leave_on_signals()
        self.call_after_refresh(self._warm_up)

    def _warm_up(self) -> None:
        start_worker(self, self._start_supervisor, "supervisor")

    async def _start_supervisor(self) -> None:
        try:
            await self.supervisor.start()
        except Exception as error:  # noqa: BLE001 - the app works without a preloaded worker; the error is shown
            self.notify(f"No worker could be started: {error}", title="Workers", severity="warning")

    def leave_on_signals(self) -> None:
        """Leave when the terminal goes or the app is asked to end (HUP, TERM, QUIT), with the terminal as it was before.

        Runs go on, as they do when the app is left by a key; the exit code is 128 plus the signal, as of a program that
        the signal ended.
        """
        loop = asyncio.get_running_loop()
        for number in ENDING_SIGNALS:
            loop.add_signal_handler(number, partial(self.exit, return_code=128 + number))

    async def action_leave(self) -> None:
        """Leave the app; if a run is running, ask what happens to it."""
        running = await self.running_runs()
        if not running:
            await self._leave(())
            return
        from tabsmith_tui.screens.dialogs import leave_question

        def answered(answer: str | None) -> None:
            if answer == "leave":
                start_worker(self, partial(self._leave, running), "leave")
            elif answer == "stop":
                start_worker(self, partial(self._stop_and_leave, running), "leave")

        self.push_screen(leave_question(running), answered)

    async def action_quit(self) -> None:
        """Leave the app, as `action_leave` does."""
        await self.action_leave()

    async def action_interrupt(self) -> None:
        """Copy the selection; without one, leave the app."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.notify("Copied the selection.")
        else:
            await self.action_leave()

    async def running_runs(self) -> "tuple[RunSummary, ...]":
        """Return the runs that have not ended."""
        runs = await asyncio.to_thread(self.store.runs)
        return tuple(run for run in runs if not run.state.ended)

    async def _stop_and_leave(self, running: "tuple[RunSummary, ...]") -> None:
        from tabsmith.runs.events import Stop

        for run in running:
            await asyncio.to_thread(self.store.send, run.id, Stop())
        await self._leave(())

    async def _leave(self, running: "tuple[RunSummary, ...]") -> None:
        from tabsmith.presentation.summaries import exit_lines

        if self._supervisor is not None:
            await self._supervisor.close()
        self.exit(exit_lines(running, session=self._saved_step(), model_id=self.newest_model))

    def _saved_step(self) -> str:
        """The step of this app's session on disk, which a phone may have changed; "" without one."""
        if self.conversation is None:
            return ""
        from tabsmith.workflow.states import place_of
        from tabsmith_tui.store import read_header

        try:
            header = read_header(self.conversation.store.path)
        except (OSError, ValueError):
            return ""  # an unreadable session cannot be resumed
        return place_of(header.state) if header else ""

    # Keys and messages --------------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Queue keys and pastes; handle other events at once."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    def get_key_display(self, binding: Binding) -> str:
        """The key as it is written on a keyboard."""
        return key_words(binding.key)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Keep the cursor of the focused field from blinking."""
        if hasattr(event.widget, "cursor_blink"):  # of every kind of field; importing them all here would cost time
            event.widget.cursor_blink = False

    def action_help_panel(self) -> None:
        """Show or hide the help panel of the screen."""
        from tabsmith_tui.widgets.help_panel import toggle_help

        toggle_help(self.screen)

    def action_next_theme(self) -> None:
        """Switch to the next theme."""
        if self.no_color:
            self.notify("NO_COLOR is set, so there is one theme: the terminal's own.")
            return
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 - notifications are never markup
    ) -> None:
        """Show a notification; its text is cleaned and literal."""
        super().notify(
            clean_block(message, 1_000),
            title=clean_block(title, 100),
            severity=severity,
            timeout=timeout,
            markup=False,
        )


def run_app(settings: "Settings") -> int:
    """Run the app on this terminal, and print its summary when it is left. Returns the exit code."""
    app = TabsmithApp(settings)
    for line in app.run() or ():
        sys.stdout.write(line + "\n")
    from tabsmith_tui.commands.output import clean_when_due

    clean_when_due(settings)
    return app.return_code or 0
