"""The condition screen: a condition is parsed while it is typed, and tried at once on the iterations of a run."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import OptionList

from tabsmith.conditions import BUILT_IN, VARIABLES
from tabsmith.errors import TabsmithError
from tabsmith.presentation.spans import Span
from tabsmith_tui import condition_backtest
from tabsmith_tui.actions import bindings
from tabsmith_tui.condition_backtest import StoredRun
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.views import agents as view
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import TextLine, assemble, content, literal, set_border_title
from tabsmith_tui.widgets.menu import Group, Item, Menu

_BUILT_IN: Final = "built-in "
_NAME: Final = "name "


class ConditionLine(TypedLine):
    """The condition; enter makes it a breakpoint."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "save", id="condition.save"),
        Binding("down", "screen.focus_next", "Names", show=False),
    ]
    HELP = (
        "A condition such as quality < 0.5 and iteration > 3, or the name of a built-in one. It takes the names listed "
        "here, numbers, < <= > >= == !=, and, or, not, + - * / and parentheses. What is typed is tried at once."
    )


class NameList(Menu):
    """The names and built-in conditions to insert."""

    HELP = "Built-in conditions, and the names for your own. Enter puts the one under the cursor into the condition."


class ConditionScreen(TabsmithScreen):
    """`keep` saves the condition, or returns the error; then the screen stays open."""

    SCOPE = "condition"
    CSS_PATH = STYLES / "agents.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual's declaration
    BINDINGS = bindings("condition.insert", "condition.run", "condition.back")
    AUTO_FOCUS = "ConditionLine"
    ABOUT = (
        "A breakpoint: a condition that is checked after every iteration of an agent. Below are the iterations of a "
        "run at which it would have paused the run, with the values."
    )

    def __init__(self, text: str, keep: Callable[[str], Awaitable[TabsmithError | None]]) -> None:
        super().__init__()
        self._text = text
        self._keep = keep
        self._stored: StoredRun | None = None
        self._read = False

    def body(self) -> ComposeResult:
        with Vertical(id="form"):
            yield ConditionLine(self._text, placeholder="quality < 0.5 and iteration > 3", select_on_focus=False)
            yield TextLine(id="problems")
        with Vertical(id="below"):
            with Vertical(id="trial", classes="panel"), VerticalScroll():
                yield TextLine(id="tried")
            with Vertical(id="names", classes="panel") as names:
                set_border_title(names, "Names")
                yield NameList()
                yield TextLine(id="meaning", classes="quiet")

    def on_mount(self) -> None:
        """Find a run to try the condition on, after the first frame."""
        self.show_subject("agents · breakpoint")
        built_in = tuple(
            Item(_BUILT_IN + condition.name, (literal(condition.name), literal(condition.meaning, 120, "$quiet")))
            for condition in BUILT_IN.values()
        )
        names = tuple(
            Item(_NAME + name.name, (literal(name.name), literal(name.description, 120, "$quiet")))
            for name in VARIABLES.values()
        )
        self.query_one(NameList).put([Group("Names for your own", names), Group("Built-in conditions", built_in)])
        self._say()
        self.call_after_refresh(self._look)

    # The trial ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        start_worker(self, partial(self._take_run, condition_backtest.newest_stored), "trial", alone=True)

    async def _take_run(self, find: Callable[[], StoredRun | None]) -> None:
        try:
            self._stored = await asyncio.to_thread(find)
        except TabsmithError as error:
            self.show_error(error)
        self._read = True
        self._say()

    def _say(self) -> None:
        condition, lines = view.parsed_condition(self.query_one(ConditionLine).value)
        self.query_one("#problems", TextLine).show(content(lines))
        stored = self._stored
        on = (
            assemble("On ", literal(stored.run_id, 60), "  ", literal(stored.subject, 60, "$quiet"))
            if stored
            else "Trial"
        )
        set_border_title(self.query_one("#trial"), on)
        lines = view.condition_trial(condition, stored)
        self.query_one("#tried", TextLine).show(content(lines) if self._read else literal("Looking for a run…"))

    async def action_other_run(self) -> None:
        """Choose the run to try the condition on."""
        from tabsmith_tui.screens.column_dialogs import Picker, PickerEntry

        runs = [run for run in await asyncio.to_thread(self.services.store.runs) if run.tried]
        if not runs:
            self.app.notify("There is no run yet with iterations to try it on.")
            return
        entries = [
            PickerEntry(run.id, (Span(run.state.value), Span(""), Span(f"{run.source} {run.target}"))) for run in runs
        ]

        def chosen(run_id: str | None) -> None:
            if run_id:
                start_worker(
                    self, partial(self._take_run, partial(condition_backtest.stored_run, run_id)), "trial", alone=True
                )

        self.app.push_screen(Picker("Try it on which run?", entries, [run.id for run in runs]), chosen)

    # Writing --------------------------------------------------------------------------------------------------------

    @on(TypedLine.Changed)
    def _typed(self, event: TypedLine.Changed) -> None:
        event.stop()
        self._say()

    @on(TypedLine.Submitted)
    def _submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        start_worker(self, partial(self._save, event.value), "save", alone=True)

    async def _save(self, text: str) -> None:
        error = await self._keep(text)
        if error is None:
            if self.is_current:
                self.app.pop_screen()
            return
        problem = literal(f"✘ {error.what} {error.next_step}", 500, "$bad")
        where = literal(error.where, 300, "$quiet")
        self.query_one("#problems", TextLine).show(assemble(problem, "\n", where))

    @on(OptionList.OptionHighlighted)
    def _moved(self, _event: OptionList.OptionHighlighted) -> None:
        chosen = self.query_one(NameList).current
        built_in = BUILT_IN.get(chosen.removeprefix(_BUILT_IN))
        name = VARIABLES.get(chosen.removeprefix(_NAME))
        if built_in is not None:
            self.query_one("#meaning", TextLine).show(f"{built_in.expression}: {built_in.meaning}")
        elif name is not None:
            self.query_one("#meaning", TextLine).show(f"{name.name} ({name.kind}): {name.description}")

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_insert()

    def action_insert(self) -> None:
        """Insert a name at the cursor; a built-in condition replaces the text."""
        chosen = self.query_one(NameList).current
        field = self.query_one(ConditionLine)
        if chosen.startswith(_BUILT_IN):
            field.value = chosen.removeprefix(_BUILT_IN)
            field.cursor_position = len(field.value)
        elif chosen:
            before = field.value[: field.cursor_position]
            gap = " " if before and not before.endswith((" ", "(")) else ""
            field.insert_text_at_cursor(f"{gap}{chosen.removeprefix(_NAME)} ")
        field.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Names are inserted from their list."""
        return action != "insert" or self.query_one(NameList).has_focus

    def action_back(self) -> None:
        """Go back without saving."""
        self.app.pop_screen()
