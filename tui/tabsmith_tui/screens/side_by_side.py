"""Several runs side by side, live: as many columns as there is room for."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from tabsmith.errors import TabsmithError
from tabsmith.presentation import budgets
from tabsmith.presentation.spans import line
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch
from tabsmith.text import plural
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import TabsmithScreen
from tabsmith_tui.views import run_column
from tabsmith_tui.widgets.bars import pill
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, set_border_title

_NARROWEST: Final = 38  # cells of a column
_EVERY: Final = 0.2  # seconds between two looks at the journals


class RunColumn(Vertical, can_focus=True):
    """One run in a column; a second click opens it."""

    HELP = "A run. Left and right go to the next column, enter opens the run of this one."
    DEFAULT_CSS = """
    RunColumn { width: 1fr; border: round $border; border-title-color: $foreground; padding: 0 1; }
    RunColumn:focus { border: round $primary; border-title-color: $primary; border-title-style: bold; }
    RunColumn TextLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Chosen(Message):
        """The run of this column should be opened."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self._status = TextLine()
        self._drawing = Drawing()
        set_border_title(self, literal(f"run {budgets.short_run_id(run_id)}"))

    def compose(self) -> ComposeResult:
        yield self._status
        yield self._drawing

    def show(self, run: RunSnapshot, now: float) -> None:
        """Show the run as it is `now`."""
        doing = literal(f"  {run.message}" if run.message and not run.state.ended else "", 80, "$quiet")
        self._status.show(assemble(pill(run.state), f"  {budgets.elapsed(run, now)}", doing))
        second = 0.0 if run.state.ended else float(int(now))  # clocks are drawn once a second
        self._drawing.show((run, second), lambda width, height: run_column.run_column(run, now, width, height))

    def show_problem(self, problem: str) -> None:
        """Show that the run cannot be read."""
        self._status.show(literal("✘ cannot be read", style="$bad"))
        self._drawing.show(problem, lambda _width, _height: (line(problem, "bad"),))

    @property
    def text(self) -> str:
        """The text below the pill."""
        return self._drawing.text

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self.post_message(self.Chosen())


class SideBySideScreen(TabsmithScreen):
    """The runs `run_ids`, at most `MOST_SIDE_BY_SIDE`, each in a column."""

    SCOPE = "beside"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("beside")
    CSS = "SideBySideScreen #columns { height: 1fr; }"
    ABOUT = "Several runs in the same order of lines, live. Left and right go from run to run; enter opens one."

    def __init__(self, run_ids: Sequence[str]) -> None:
        super().__init__()
        self._columns = [RunColumn(run_id) for run_id in run_ids]
        self._watches: dict[str, RunWatch] = {}
        self._first = 0  # the column on the left edge

    def body(self) -> ComposeResult:
        with Horizontal(id="columns"):
            yield from self._columns

    def on_mount(self) -> None:
        """Start following the journals."""
        self._columns[0].focus()
        self.run_worker(self._follow(), group="job")

    def on_resize(self, event: events.Resize) -> None:
        """Show as many columns as there is room for."""
        self._lay_out(event.size.width)

    @property
    def shown(self) -> tuple[str, ...]:
        """The ids of the shown runs, from left to right."""
        return tuple(column.run_id for column in self._columns if column.display)

    def _lay_out(self, width: int) -> None:
        room = max(1, min(len(self._columns), width // _NARROWEST))
        focused = next((index for index, column in enumerate(self._columns) if column.has_focus), self._first)
        self._first = max(0, min(self._first, focused, len(self._columns) - room))
        self._first = max(self._first, focused - room + 1)
        for index, column in enumerate(self._columns):
            column.display = self._first <= index < self._first + room
        hidden = len(self._columns) - room
        more = f" · {room} shown, left and right for the others" if hidden else ""
        self.show_subject(f"{plural(len(self._columns), 'run')} side by side{more}")

    # Following ------------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            for column in tuple(self._columns):
                await self._look_at(column)
            await asyncio.sleep(_EVERY)

    async def _look_at(self, column: RunColumn) -> None:
        # In a thread, as for one run: the first look at a long journal takes time.
        try:
            watch = self._watches.get(column.run_id)
            if watch is None:
                watch = await asyncio.to_thread(RunWatch, column.run_id, self.services.clock)
                self._watches[column.run_id] = watch
            run = await asyncio.to_thread(watch.refresh)
        except TabsmithError as error:
            if column.is_attached:
                column.show_problem(error.what)
            return
        if column.is_attached:
            column.show(run, self.services.clock())

    # Keys -------------------------------------------------------------------------------------------------------------

    @property
    def _current(self) -> RunColumn:
        return next((column for column in self._columns if column.has_focus), self._columns[self._first])

    def action_move(self, by: int) -> None:
        """Go to the next column; a hidden one is shown."""
        index = self._columns.index(self._current) + by
        if 0 <= index < len(self._columns):
            column = self._columns[index]
            column.display = True
            column.focus()
            self.call_after_refresh(self._lay_out, self.size.width)

    def action_open(self) -> None:
        """Open the run of this column."""
        self.services.open_screen("run", self._current.run_id)

    def on_run_column_chosen(self) -> None:
        """Open the run that was clicked twice."""
        self.action_open()

    async def action_remove(self) -> None:
        """Remove the column; removing the last one closes the screen."""
        if len(self._columns) == 1:
            self.action_back()
            return
        column = self._current
        index = self._columns.index(column)
        self._columns.remove(column)
        self._watches.pop(column.run_id, None)
        await column.remove()
        self._columns[min(index, len(self._columns) - 1)].focus()
        self.call_after_refresh(self._lay_out, self.size.width)

    def action_back(self) -> None:
        """Go back; all runs continue."""
        self.dismiss(None)
