"""The app: its screens by name, its keys and themes, the worker supervisor, and leaving."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.events import DescendantFocus, Event, Key, Paste
from textual.notifications import SeverityLevel

from tabsmith.errors import ErrorReport, report_of
from tabsmith.text import clean_block
from tabsmith_tui.actions import ActionCommands, bindings_of, check_keymap, key_words
from tabsmith_tui.exit_summary import ExitSummary, exit_summary
from tabsmith_tui.key_queue import KeyQueue
from tabsmith_tui.screens.base import start_worker
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.store import SessionOwner, Store
from tabsmith_tui.theme import THEMES, theme_name

if TYPE_CHECKING:
    from tabsmith.agents.protocol import AgentName
    from tabsmith.config import AgentSettings, Settings
    from tabsmith.runs.supervisor import Supervisor
    from tabsmith.runs.watch import RunSummary
    from tabsmith.tables.read.sources import SampleName
    from tabsmith.workflow.conversation import Conversation
    from tabsmith_tui.bridge_client import BridgeClient


_HERE = Path(__file__).parent


@dataclass(slots=True)
class PredictDraft:
    """What was typed on the predict screen; it is there again when that is opened again."""

    model_id: str = ""
    path: str = ""
    out: str = ""


class TabsmithApp(App[ExitSummary], inherit_bindings=False):
    """The whole program on a terminal. Time, ids, disk and processes come in from outside.

    `supervisor` is made when it is first needed, and started after the first frame. `conversation` is the guided one
    of this terminal's user, None until the guided screen has begun it.
    """

    TITLE = "tabsmith"
    # Textual loads no CSS_PATH of the first screen, so its file is named here.
    CSS_PATH: ClassVar = [_HERE / "app.tcss", _HERE / "screens" / "home.tcss"]
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
        phone: "BridgeClient | None" = None,
    ) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.settings = settings
        self.store = store or Store()
        self.clock = clock
        self.conversation: Conversation | None = None
        self.predict_draft = PredictDraft()
        self.newest_model = ""  # the model trained last in this sitting, for the farewell
        self._supervisor = supervisor
        self._phone = phone
        self._new_id = new_id
        self._keys = KeyQueue(self, super().on_event)
        wanted = "ansi" if self.no_color else settings.ui.theme
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = theme_name(wanted or "", {})

    def new_id(self) -> str:
        """The id of a new run."""
        if self._new_id is None:
            from tabsmith.runs.spec import new_run_id

            self._new_id = new_run_id
        return self._new_id()

    def agents(self) -> "tuple[tuple[AgentName, ...], dict[AgentName, str]]":
        """The agents that can be used here, and why the others cannot. Looks at files: call it off the UI thread."""
        from tabsmith.agents.availability import selectable_agents

        return selectable_agents(self.settings.agents)

    def take_agents(self, agents: "AgentSettings") -> None:
        """Go on with these settings of agents: they were changed, or read anew."""
        import msgspec

        self.settings = msgspec.structs.replace(self.settings, agents=agents)

    @property
    def supervisor(self) -> "Supervisor":
        """Whoever starts workers."""
        if self._supervisor is None:
            from tabsmith.runs.supervisor import Supervisor

            self._supervisor = Supervisor()
        return self._supervisor

    async def on_event(self, event: Event) -> None:
        """Keys and pastes are taken in turn."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    # Start and end ------------------------------------------------------------------------------------------------

    def get_default_screen(self) -> HomeScreen:
        """Home is at the bottom of everything."""
        return HomeScreen()

    def on_mount(self) -> None:
        """Take up the person's keys; the warm worker waits for the first frame."""
        keymap = check_keymap(self.settings.ui.keymap)
        if keymap.keys:
            self.set_keymap(keymap.keys)
        for problem in keymap.problems:
            self.notify(problem, title="Settings", severity="warning", timeout=15)
        self.call_after_refresh(self._warm_up)

    def _warm_up(self) -> None:
        start_worker(self, self._start_supervisor, "supervisor")

    async def _start_supervisor(self) -> None:
        try:
            await self.supervisor.start()
        except Exception as error:  # noqa: BLE001 - the app is of use without a warm worker; said in words
            self.notify(f"No worker could be started: {error}", title="Workers", severity="warning")

    async def action_leave(self) -> None:
        """Leave; with a living run, ask what is to become of it."""
        living = await self.living_runs()
        if not living:
            await self._leave(())
            return
        from tabsmith_tui.screens.dialogs import leave_question

        def answered(answer: str | None) -> None:
            if answer == "leave":
                start_worker(self, partial(self._leave, living), "leave")
            elif answer == "stop":
                start_worker(self, partial(self._stop_and_leave, living), "leave")

        self.push_screen(leave_question(living), answered)

    async def action_quit(self) -> None:
        """Every way out is the same way."""
        await self.action_leave()

    async def action_interrupt(self) -> None:
        """ctrl+c copies what is selected; with nothing selected, it leaves."""
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.notify("Copied the selection.")
        else:
            await self.action_leave()

    async def living_runs(self) -> "tuple[RunSummary, ...]":
        """The runs that are at work now."""
        runs = await asyncio.to_thread(self.store.runs)
        return tuple(run for run in runs if not run.state.ended)

    async def _stop_and_leave(self, living: "tuple[RunSummary, ...]") -> None:
        from tabsmith.runs.commands import Stop

        for run in living:
            await asyncio.to_thread(self.store.send, run.id, Stop())
        await self._leave(())

    async def _leave(self, living: "tuple[RunSummary, ...]") -> None:
        if self._supervisor is not None:
            await self._supervisor.close()
        self.exit(exit_summary(living, session=self._saved_at(), model_id=self.newest_model))

    def _saved_at(self) -> str:
        """Where the session of this sitting stands on disk, "" for nowhere: a phone may have gone on with it."""
        if self.conversation is None:
            return ""
        from tabsmith_tui.session_watch import read_header

        try:
            found = read_header(self.conversation.store.path)
        except (OSError, ValueError):
            return ""  # one that cannot be read cannot be taken up again
        return found.state.value if found else ""

    # Screens by name ----------------------------------------------------------------------------------------------

    def open_home(self) -> None:
        """Back to home, whatever lies above it."""
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def open_guided(self, *, resume: bool, sample: "SampleName | None" = None) -> None:
        """The guided steps: where the saved session stands (`resume`), or from the start; with `sample`, the table of
        that name is chosen already."""
        from tabsmith_tui.screens.guided import GuidedScreen

        self.push_screen(GuidedScreen(resume=resume, sample=sample))

    def open_session_of(self, owner: SessionOwner) -> None:
        """The guided steps of somebody at a phone, where they stand; what is done here is seen there."""
        from tabsmith_tui.screens.guided import GuidedScreen

        self.push_screen(GuidedScreen(resume=True, owner=owner))

    def open_run(self, run_id: str) -> None:
        """A run, live or replayed."""
        from tabsmith_tui.screens.run import RunScreen

        self.push_screen(RunScreen(run_id))

    def open_result(self, model_id: str) -> None:
        """A model's report."""
        from tabsmith_tui.screens.result import ResultScreen

        self.push_screen(ResultScreen(model_id))

    def open_predict(self, model_id: str = "") -> None:
        """Predict with a model; "" lets the person choose one."""
        from tabsmith_tui.screens.predict import PredictScreen

        self.push_screen(PredictScreen(model_id))

    def open_models(self) -> None:
        """All models."""
        from tabsmith_tui.screens.models import ModelsScreen

        self.push_screen(ModelsScreen())

    def open_runs(self) -> None:
        """All runs."""
        from tabsmith_tui.screens.runs import RunsScreen

        self.push_screen(RunsScreen())

    def open_agents(self) -> None:
        """Which agents there are, their settings, and the conditions at which runs stop."""
        from tabsmith_tui.screens.agents import AgentsScreen

        self.push_screen(AgentsScreen())

    def action_open_agents(self) -> None:
        """The agents."""
        self.open_agents()

    def open_tasks(self) -> None:
        """A task file: written, opened, run."""
        from tabsmith_tui.screens.task_file import TaskFileScreen

        self.push_screen(TaskFileScreen())

    def action_open_tasks(self) -> None:
        """A task file."""
        self.open_tasks()

    def open_bridge(self) -> None:
        """The bridge to phones: on or off, who is there, what was said."""
        from tabsmith_tui.screens.bridge import BridgeScreen

        self.push_screen(BridgeScreen(self._phone))

    def action_open_bridge(self) -> None:
        """The bridge to phones."""
        self.open_bridge()

    def action_open_predict(self) -> None:
        """Predict, with a model to choose."""
        self.open_predict()

    def action_open_models(self) -> None:
        """All models."""
        self.open_models()

    def action_open_runs(self) -> None:
        """All runs."""
        self.open_runs()

    # Everywhere ---------------------------------------------------------------------------------------------------

    def get_key_display(self, binding: Binding) -> str:
        """Keys as they are written on a keyboard."""
        return key_words(binding.key)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Nothing blinks."""
        if hasattr(event.widget, "cursor_blink"):  # fields of every kind; importing them all here would cost time
            event.widget.cursor_blink = False

    def action_help_panel(self) -> None:
        """Show or hide the help panel of the screen."""
        from tabsmith_tui.widgets.help_panel import toggle_help

        toggle_help(self.screen)

    def action_next_theme(self) -> None:
        """Dark, light, terminal colours, and round again."""
        if self.no_color:
            self.notify("NO_COLOR is set, so there is one theme: the terminal's own.")
            return
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def show_error(self, error: BaseException | ErrorReport) -> None:
        """Open the dialog that says what happened, where, and what to do next."""
        from tabsmith_tui.screens.error import ErrorScreen

        self.push_screen(ErrorScreen(error if isinstance(error, ErrorReport) else report_of(error)))

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,  # noqa: ARG002 - words here are never markup, whoever asks
    ) -> None:
        """Show a notification; its words are cleaned and literal."""
        super().notify(
            clean_block(message, 1_000),
            title=clean_block(title, 100),
            severity=severity,
            timeout=timeout,
            markup=False,
        )


def run_app(settings: "Settings") -> int:
    """Run the app on this terminal; afterwards say in the normal terminal what goes on, and how to come back.

    Returns the exit code.
    """
    app = TabsmithApp(settings)
    summary = app.run()
    if summary is None:
        return app.return_code or 0
    for line in summary.lines:
        sys.stdout.write(line + "\n")
    return summary.exit_code
