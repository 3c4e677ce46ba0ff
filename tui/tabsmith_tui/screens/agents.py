"""Agents: which can be used here and which is the default, their settings, and the conditions at which runs stop.

The lists of the agents' screen: the agents with their states, and the conditions at which runs stop.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList

from tabsmith.agents.availability import Availability
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
from tabsmith_tui.widgets.drawing import TONE_STYLES, content
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, set_border_title
from tabsmith_tui.widgets.menu import Group, Item, Menu
from tabsmith_tui.widgets.setting_row import SettingRow


class AgentList(Menu):
    """The four agents."""

    HELP = (
        "The agents that can propose recipes. ✔ ready: everything it needs is here. ? not checked: only its own "
        "program knows whether it is logged in. ✘ not ready: something is missing; the text below says what."
    )

    def show(self, found: Sequence[Availability], default: AgentName) -> None:
        """Show these; the cursor stays on its agent."""
        self.put([Group("", tuple(_agent(each, default) for each in found))])


class ConditionList(Menu):
    """The conditions at which runs stop and ask."""

    HELP = (
        "Breakpoints: they are checked after every iteration of an agent; if one is true, the run pauses and asks you."
    )

    def show(self, conditions: Sequence[str]) -> None:
        """Show these; the cursor stays on its condition."""
        self.put([Group("", tuple(map(_condition, conditions)), grow=2)])


def _agent(found: Availability, default: AgentName) -> Item:
    chosen = found.agent == default
    state = view.availability(found)
    mark = ("◉ ", "$accent") if chosen else ("○ ", "$quiet")
    return Item(
        found.agent,
        (
            assemble(mark, found.agent),
            assemble((state.text, TONE_STYLES[state.tone])),
            assemble(("default" if chosen else "", "$accent")),
        ),
    )


def _condition(text: str) -> Item:
    often, meaning = view.condition_meaning(text)
    return Item(text, (literal(text, 300), literal(often, 20), literal(meaning, 200, "$quiet")))


WIDE: Final = 110


class AgentsScreen(TabsmithScreen):
    """The settings are on disk and in the environment; the screen shows what they are now and keeps nothing itself but
    what is typed and not saved."""

    SCOPE = "agents"
    CSS_PATH = STYLES / "agents.tcss"
    BINDINGS = bindings_of("agents")
    AUTO_FOCUS = "AgentList"
    ABOUT = (
        "Who proposes recipes, how they are reached, and when a run pauses for you. Everything here is stored in the "
        "settings file and can be changed there too; a value of the environment stands over it. Runs that are under "
        "way keep what they were started with."
    )

    def __init__(self) -> None:
        super().__init__()
        self._desk: AgentSettingsForm | None = None
        self._turn = asyncio.Lock()
        self._checked: dict[str, DrawnLine] = {}

    def body(self) -> ComposeResult:
        """The agents and what is known of one; its settings; the breakpoints."""
        yield TextLine(id="trouble")
        with VerticalScroll(id="desk", can_focus=False):
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
        """Look after the first frame."""
        self.show_subject("agents")
        self.set_class(self.app.size.width >= WIDE, "-wide")
        self.call_after_refresh(self.action_reload)

    def on_resize(self, event: events.Resize) -> None:
        """Side by side where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")

    # What is there --------------------------------------------------------------------------------------------------

    def action_reload(self) -> None:
        """Look again at everything."""
        start_worker(self, self._reload, "agents")

    async def _reload(self) -> None:
        self._checked.clear()
        async with self._turn:
            await self._take(agent_settings.read)

    async def _take(self, work: Callable[[], AgentSettingsForm]) -> TabsmithError | None:
        """Show what `work` gives, off the UI thread; what went wrong when it fails, and then all stays as it is."""
        try:
            desk = await asyncio.to_thread(work)
        except TabsmithError as error:
            if self._desk is None:
                self._say_trouble(error)
            return error
        self._desk = desk
        self.services.take_agents(desk.settings.agents)
        self._say_trouble(None)
        await self._show(desk)
        return None

    def _say_trouble(self, error: TabsmithError | None) -> None:
        line = self.query_one("#trouble", TextLine)
        line.display = error is not None
        if error is not None:
            line.show(literal(f"✘ {error.what} {error.where} {error.next_step} f5 reads again.", 600))

    async def _show(self, desk: AgentSettingsForm) -> None:
        rows = self.query_one("#rows")
        if not rows.children:
            names = [*(name for own in OWN.values() for name in own), *COMMON]
            await rows.mount_all(SettingRow(desk.entries[name]) for name in names)
        else:
            for row in self.query(SettingRow):
                row.show(desk.entries[row.setting.key])
        self.query_one(AgentList).show(desk.found, desk.default)
        self.query_one(ConditionList).show(desk.breakpoints)
        fixed = desk.entries[BREAKPOINTS].fixed
        none = "" if desk.breakpoints else "None: runs pause for you only when a limit is spent."
        self.query_one("#breaks-note", TextLine).show(
            view.environment_note(desk.entries[BREAKPOINTS])
            if fixed
            else none or "a adds one, enter edits and tries it."
        )
        self._show_current()

    @property
    def _current(self) -> Availability | None:
        """The agent under the cursor."""
        name = self.query_one("#agents", Menu).current
        return next((each for each in self._desk.found if each.agent == name), None) if self._desk else None

    def _show_current(self) -> None:
        found, desk = self._current, self._desk
        if found is None or desk is None:
            return
        self.query_one("#about", TextLine).show(
            content(view.agent_lines(found, desk, self._checked.get(found.agent, ())))
        )
        set_border_title(self.query_one("#settings"), assemble("Settings of ", found.agent, " and of all agents"))
        for row in self.query(SettingRow):
            row.display = row.setting.key in (*OWN[found.agent], *COMMON)
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
        async with self._turn:
            error = await self._take(partial(agent_settings.save, key, text))
        if error is not None:
            row.complain(error, text)
        elif self._desk is not None:
            row.saved(self._desk.entries[key], text)
            self._checked.clear()
            self._show_current()
            self._say_saved()

    def _say_saved(self) -> None:
        if self._desk is not None:
            path = literal(self._desk.settings_file, 200, "$quiet")
            self.show_status(assemble(("✔ saved ", "$good"), time_of_day(self.services.clock())), path)

    def action_use(self) -> None:
        """Make the agent under the cursor the default."""
        found, desk = self._current, self._desk
        if found is None or desk is None or not self._may_change(DEFAULT):
            return
        start_worker(self, partial(self._change, partial(agent_settings.save, DEFAULT, found.agent)), "agents")
        if found.usable == "not usable":
            self.app.notify(
                f"{found.agent} cannot be used yet: {found.why}. {found.next_step}", severity="warning", timeout=10
            )

    async def _change(self, work: Callable[[], AgentSettingsForm]) -> None:
        async with self._turn:
            error = await self._take(work)
        if error is not None:
            self.show_error(error)
        else:
            self._say_saved()

    def _may_change(self, key: str) -> bool:
        """Whether the file decides about `key`; if not, say what does."""
        if self._desk is None:
            return False
        entry = self._desk.entries[key]
        if entry.fixed:
            self.app.notify(view.environment_note(entry), title=key, severity="warning")
        return not entry.fixed

    def action_add(self) -> None:
        """Write a new condition."""
        self._write("")

    def action_edit(self) -> None:
        """Change the condition under the cursor."""
        self._write(self.query_one("#breakpoints", Menu).current)

    def _write(self, text: str) -> None:
        from tabsmith_tui.screens.condition import ConditionScreen

        if self._may_change(BREAKPOINTS):
            self.app.push_screen(ConditionScreen(text, partial(self._keep, text)))

    async def _keep(self, before: str, text: str) -> TabsmithError | None:
        """Save the condition in the place of the one that it was; what went wrong, where something did."""

        def work() -> AgentSettingsForm:
            return agent_settings.save_breakpoints(
                agent_settings.with_condition(agent_settings.read().breakpoints, text, before)
            )

        async with self._turn:
            error = await self._take(work)
        if error is None:
            self._say_saved()
        return error

    def action_remove(self) -> None:
        """Take the condition under the cursor out of the list."""
        text = self.query_one("#breakpoints", Menu).current
        if not text or not self._may_change(BREAKPOINTS):
            return

        def work() -> AgentSettingsForm:
            kept = [each for each in agent_settings.read().breakpoints if each != text]
            return agent_settings.save_breakpoints(kept)

        start_worker(self, partial(self._change, work), "agents")
        self.app.notify(f"Removed: {clean(text, 200)}")

    def action_check(self) -> None:
        """See whether the model's server takes connections."""
        if self._desk is not None:
            start_worker(self, partial(self._check, self._desk), "check", alone=True)

    async def _check(self, desk: AgentSettingsForm) -> None:
        from tabsmith_tui.connectivity import connection_problem, server_address

        try:
            place = await asyncio.to_thread(server_address, desk.settings.agents.llm)
            said = view.connection_line(place, await asyncio.to_thread(connection_problem, place))
        except AgentMissingError as error:
            self.app.notify(f"{error.what} {error.next_step}", severity="warning")
            return
        self._checked["llm"] = said
        self._show_current()

    # Keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Each list has keys of its own."""
        if action not in ("use", "edit", "remove", "check"):
            return True
        if not self.is_mounted or self._desk is None:
            return False
        place: Literal["agents", "breakpoints"] = "agents" if action in ("use", "check") else "breakpoints"
        menu = self.query_one(f"#{place}", Menu)
        if action == "check" and menu.current != "llm":
            return False
        return menu.has_focus and bool(menu.current)

    def action_back(self) -> None:
        """What is typed and not saved is looked at first: go to it, take it back; then leave."""
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
