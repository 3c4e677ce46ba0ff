"""The agents screen: which agents are ready, the default, their settings, and the breakpoints of runs."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList

from tabsmith.agents.backend import Availability
from tabsmith.agents.protocol import AgentName
from tabsmith.errors import AgentMissingError, TabsmithError
from tabsmith.formatting import time_of_day
from tabsmith.presentation.spans import Line as DrawnLine
from tabsmith.text import clean
from tabsmith_tui import agent_settings
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.agent_settings import BREAKPOINTS, COMMON, DEFAULT, OWN, AgentSettingsForm
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.views import agents as view
from tabsmith_tui.widgets.form_rows import SettingRow
from tabsmith_tui.widgets.literal import TONE_STYLES, TextLine, assemble, content, literal, set_border_title
from tabsmith_tui.widgets.menu import Group, Item, Menu


class AgentList(Menu):
    """The four agents."""

    HELP = (
        "The agents that can propose recipes. ✔ ready: everything it needs is here. ? not checked: only its own "
        "program knows whether it is logged in. ✘ not ready: something is missing; the text below says what."
    )

    def show(self, agents: Sequence[Availability], default: AgentName) -> None:
        """Show these; the cursor stays on its agent."""
        self.put([Group("", tuple(_agent_item(agent, default) for agent in agents))])


class ConditionList(Menu):
    """The conditions at which runs stop and ask."""

    HELP = (
        "Breakpoints: they are checked after every iteration of an agent; if one is true, the run pauses and asks you."
    )

    def show(self, conditions: Sequence[str]) -> None:
        """Show these; the cursor stays on its condition."""
        self.put([Group("", tuple(map(_condition_item, conditions)), grow=2)])


def _agent_item(agent: Availability, default: AgentName) -> Item:
    chosen = agent.agent == default
    state = view.availability(agent)
    mark = ("◉ ", "$accent") if chosen else ("○ ", "$quiet")
    return Item(
        agent.agent,
        (
            assemble(mark, agent.agent),
            assemble((state.text, TONE_STYLES[state.tone])),
            assemble(("default" if chosen else "", "$accent")),
        ),
    )


def _condition_item(text: str) -> Item:
    often, meaning = view.condition_meaning(text)
    return Item(text, (literal(text, 300), literal(often, 20), literal(meaning, 200, "$quiet")))


class AgentsScreen(TabsmithScreen):
    """The settings as they are on disk and in the environment; the screen itself keeps only typed text that is not
    saved."""

    SCOPE = "agents"
    CSS_PATH = STYLES / "agents.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    BINDINGS = bindings_of("agents")
    AUTO_FOCUS = "AgentList"
    ABOUT = (
        "Who proposes recipes, how they are reached, and when a run pauses for you. Everything here is stored in the "
        "settings file and can be changed there too; a value of the environment overrides it. Runs that are under "
        "way keep what they were started with."
    )

    def __init__(self) -> None:
        super().__init__()
        self._form: AgentSettingsForm | None = None
        self._lock = asyncio.Lock()
        self._checked: dict[str, DrawnLine] = {}

    def body(self) -> ComposeResult:
        yield TextLine(id="problem")
        with VerticalScroll(id="page", can_focus=False):
            with Vertical(id="who", classes="panel") as who:
                set_border_title(who, "Agents")
                yield AgentList(id="agents")
                yield TextLine(id="about")
            with Vertical(id="how"):
                with Vertical(id="settings", classes="panel") as settings:
                    set_border_title(settings, "Settings")
                    yield Vertical(id="rows")
                with Vertical(id="breaks", classes="panel") as breaks:
                    set_border_title(breaks, "Breakpoints")
                    yield ConditionList(id="breakpoints")
                    yield TextLine(id="breaks-note", classes="quiet")

    def on_mount(self) -> None:
        """Read the settings after the first frame."""
        self.show_subject("agents")
        self.call_after_refresh(self.action_reload)

    # What is there --------------------------------------------------------------------------------------------------

    def action_reload(self) -> None:
        """Read everything again."""
        start_worker(self, self._reload, "agents")

    async def _reload(self) -> None:
        self._checked.clear()
        async with self._lock:
            await self._take(agent_settings.read)

    async def _take(self, work: Callable[[], AgentSettingsForm]) -> TabsmithError | None:
        """Call `work` in a thread and show the form it returns. If it fails, return the error and change nothing."""
        try:
            form = await asyncio.to_thread(work)
        except TabsmithError as error:
            if self._form is None:
                self._show_problem(error)
            return error
        self._form = form
        self.services.take_agents(form.settings.agents)
        self._show_problem(None)
        await self._show(form)
        return None

    def _show_problem(self, error: TabsmithError | None) -> None:
        line = self.query_one("#problem", TextLine)
        line.display = error is not None
        if error is not None:
            line.show(literal(f"✘ {error.what} {error.where} {error.next_step} f5 reads again.", 600))

    async def _show(self, form: AgentSettingsForm) -> None:
        rows = self.query_one("#rows")
        if not rows.children:
            names = [*(name for own in OWN.values() for name in own), *COMMON]
            await rows.mount_all(SettingRow(form.entries[name]) for name in names)
        else:
            for row in self.query(SettingRow):
                row.show(form.entries[row.setting.key])
        self.query_one(AgentList).show(form.found, form.default)
        self.query_one(ConditionList).show(form.breakpoints)
        fixed = form.entries[BREAKPOINTS].fixed
        none = "" if form.breakpoints else "None: runs pause for you only when a limit is spent."
        self.query_one("#breaks-note", TextLine).show(
            view.environment_note(form.entries[BREAKPOINTS])
            if fixed
            else none or "a adds one, enter edits and tries it."
        )
        self._show_current()

    @property
    def _current(self) -> Availability | None:
        """The agent under the cursor."""
        name = self.query_one("#agents", Menu).current
        return next((agent for agent in self._form.found if agent.agent == name), None) if self._form else None

    def _show_current(self) -> None:
        agent, form = self._current, self._form
        if agent is None or form is None:
            return
        self.query_one("#about", TextLine).show(
            content(view.agent_lines(agent, form, self._checked.get(agent.agent, ())))
        )
        set_border_title(self.query_one("#settings"), assemble("Settings of ", agent.agent, " and of all agents"))
        for row in self.query(SettingRow):
            row.display = row.setting.key in (*OWN[agent.agent], *COMMON)
        self.refresh_bindings()

    @on(OptionList.OptionHighlighted)
    def _moved(self, _event: OptionList.OptionHighlighted) -> None:
        self._show_current()

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_list.id == "breakpoints":
            self.action_edit()

    # Changing -------------------------------------------------------------------------------------------------------

    @on(SettingRow.Save)
    def _save(self, event: SettingRow.Save) -> None:
        event.stop()
        start_worker(self, partial(self._save_row, event.row, event.text), "agents")

    async def _save_row(self, row: SettingRow, text: str) -> None:
        key = row.setting.key
        async with self._lock:
            error = await self._take(partial(agent_settings.save, key, text))
        if error is not None:
            row.complain(error, text)
        elif self._form is not None:
            row.saved(self._form.entries[key], text)
            self._checked.clear()
            self._show_current()
            self._show_saved()

    def _show_saved(self) -> None:
        if self._form is not None:
            path = literal(self._form.settings_file, 200, "$quiet")
            self.show_status(assemble(("✔ saved ", "$good"), time_of_day(self.services.clock())), path)

    def action_use(self) -> None:
        """Make the agent under the cursor the default."""
        agent, form = self._current, self._form
        if agent is None or form is None or not self._may_change(DEFAULT):
            return
        start_worker(self, partial(self._change, partial(agent_settings.save, DEFAULT, agent.agent)), "agents")
        if agent.usable == "not usable":
            self.app.notify(
                f"{agent.agent} is not ready: {agent.why}. {agent.next_step}", severity="warning", timeout=10
            )

    async def _change(self, work: Callable[[], AgentSettingsForm]) -> None:
        async with self._lock:
            error = await self._take(work)
        if error is not None:
            self.show_error(error)
        else:
            self._show_saved()

    def _may_change(self, key: str) -> bool:
        """Whether `key` can be changed in the file; if not, notify why."""
        if self._form is None:
            return False
        entry = self._form.entries[key]
        if entry.fixed:
            self.app.notify(view.environment_note(entry), title=key, severity="warning")
        return not entry.fixed

    def action_add(self) -> None:
        """Write a new condition."""
        self._write("")

    def action_edit(self) -> None:
        """Edit the condition under the cursor."""
        self._write(self.query_one("#breakpoints", Menu).current)

    def _write(self, text: str) -> None:
        from tabsmith_tui.screens.condition import ConditionScreen

        if self._may_change(BREAKPOINTS):
            self.app.push_screen(ConditionScreen(text, partial(self._keep, text)))

    async def _keep(self, before: str, text: str) -> TabsmithError | None:
        """Save a condition in place of another one; returns the error if that fails."""

        def work() -> AgentSettingsForm:
            return agent_settings.save_breakpoints(
                agent_settings.with_condition(agent_settings.read().breakpoints, text, before)
            )

        async with self._lock:
            error = await self._take(work)
        if error is None:
            self._show_saved()
        return error

    def action_remove(self) -> None:
        """Remove the condition under the cursor."""
        text = self.query_one("#breakpoints", Menu).current
        if not text or not self._may_change(BREAKPOINTS):
            return

        def work() -> AgentSettingsForm:
            kept = [condition for condition in agent_settings.read().breakpoints if condition != text]
            return agent_settings.save_breakpoints(kept)

        start_worker(self, partial(self._change, work), "agents")
        self.app.notify(f"Removed: {clean(text, 200)}")

    def action_check(self) -> None:
        """Check whether the model's server accepts connections."""
        if self._form is not None:
            start_worker(self, partial(self._check, self._form), "check", alone=True)

    async def _check(self, form: AgentSettingsForm) -> None:
        from tabsmith_tui.agent_settings import connection_problem, server_address

        try:
            address = await asyncio.to_thread(server_address, form.settings.agents.llm)
            line = view.connection_line(address, await asyncio.to_thread(connection_problem, address))
        except AgentMissingError as error:
            self.app.notify(f"{error.what} {error.next_step}", severity="warning")
            return
        self._checked["llm"] = line
        self._show_current()

    # Keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Each list has its own keys."""
        if action not in ("use", "edit", "remove", "check"):
            return True
        if not self.is_mounted or self._form is None:
            return False
        menu = self.query_one("#agents" if action in ("use", "check") else "#breakpoints", Menu)
        if action == "check" and menu.current != "llm":
            return False
        return menu.has_focus and bool(menu.current)

    def action_back(self) -> None:
        """Go to text that is not saved; in its field, undo it; without any, go back."""
        unsaved = [row for row in self.query(SettingRow) if row.unsaved]
        focused = next((row for row in unsaved if row.entry.has_focus), None)
        if focused is not None:
            focused.undo()
        elif unsaved:
            self._go_to(unsaved[0])
        else:
            self.app.pop_screen()

    def _go_to(self, row: SettingRow) -> None:
        if not row.display:
            name = next(agent for agent, own in OWN.items() if row.setting.key in own)
            menu = self.query_one("#agents", Menu)
            menu.highlighted = menu.get_option_index(name)
            self._show_current()
        row.entry.focus()
        self.app.notify("This is not saved. Enter saves it, escape undoes it.", severity="warning")
