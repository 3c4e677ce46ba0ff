"""Dialogs that show a table: its first rows, and its lines that were rejected or repaired."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from tabsmith.presentation.spans import Span, Tone
from tabsmith.tables.info import LineNote, Preview, TableInfo
from tabsmith.text import clean, plural
from tabsmith_tui.screens.base import DialogScreen
from tabsmith_tui.views.lines import LineColumn
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, set_border_title

WIDEST_CELL = 24


class TableView(DialogScreen[None]):
    """A table in a dialog."""

    DEFAULT_CSS = """
    TableView .dialog { border-title-color: $primary; border-title-style: bold; }
    TableView .dialog { width: 96%; max-width: 160; height: 85%; }
    TableView LinesTable { height: 1fr; background: $surface; }
    TableView .below { margin-top: 1; max-height: 5; color: $quiet; }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._heading = title

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, self._heading)
            yield LinesTable(chooses=False)
            yield TextLine(classes="below")
        yield KeysBar()


class LinesView(TableView):
    """The rejected lines, then the repaired ones: number, reason and beginning."""

    ABOUT = "Lines of the file that are not rows of the table, or that were repaired, and why."

    def __init__(self, info: TableInfo) -> None:
        super().__init__("Lines that could not be read, or were repaired")
        self._info = info
        tagged: list[tuple[str, Tone, LineNote]] = [("rejected", "warn", note) for note in info.rejected]
        tagged += [("repaired", "dim", note) for note in info.repaired]
        self._notes: Sequence[tuple[str, Tone, LineNote]] = tagged

    def on_mount(self) -> None:
        columns = (
            LineColumn("line", 9, right=True),
            LineColumn("what", 8),
            LineColumn("reason", 20, grow=2),
            LineColumn("its beginning", 16, grow=2, drop=1),
        )
        table = self.query_one(LinesTable)
        table.show_rows(len(self._notes), self._cells, columns=columns)
        table.focus()
        self._below(0)

    def on_lines_table_moved(self, event: LinesTable.Moved) -> None:
        self._below(event.index)

    def _cells(self, index: int) -> tuple[Span, ...]:
        what, tone, note = self._notes[index]
        return Span(f"{note.line:,}"), Span(what, tone), Span(clean(note.reason)), Span(clean(note.text), "dim")

    def _below(self, index: int) -> None:
        info = self._info
        more = info.rejected_count + info.repaired_count - len(self._notes)
        rest = f"\n+{plural(more, 'line')} more" if more > 0 else ""
        note = self._notes[index][2] if self._notes else LineNote(0, "Every line was read.")
        self.query_one(".below", TextLine).show(
            assemble(literal(note.reason, 300), "\n", literal(note.text, 300), rest)
        )


class PreviewView(TableView):
    """The first rows; left and right go through the columns."""

    ABOUT = "The first rows as they were read. Left and right show other columns."
    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "turn(-1)", "columns before"),
        ("right", "turn(1)", "columns after"),
    ]

    def __init__(self, preview: Preview, title: str) -> None:
        super().__init__(f"Preview of {clean(title, 60)}")
        self._preview = preview
        self._first = 0

    def on_mount(self) -> None:
        self._draw()
        self.query_one(LinesTable).focus()

    def on_resize(self) -> None:
        self._draw()

    def action_turn(self, by: int) -> None:
        self._first = max(0, min(len(self._preview.names) - 1, self._first + by))
        self._draw()

    def _draw(self) -> None:
        first = self._first
        shown = range(first, min(len(self._preview.names), first + 24))
        columns = tuple(
            LineColumn(clean(self._preview.names[index], WIDEST_CELL), self._width(index), drop=index - first)
            for index in shown
        )
        self.query_one(LinesTable).show_rows(len(self._preview.rows), self._cells, columns=columns)
        below = f"{plural(len(self._preview.names), 'column')}, from number {first + 1:,} on; ← → for others"
        self.query_one(".below", TextLine).show(below)

    def _cells(self, index: int) -> tuple[Span, ...]:
        row = self._preview.rows[index]
        return tuple(Span(clean(text, 60)) for text in row[self._first : self._first + 24])

    def _width(self, index: int) -> int:
        longest = max((len(row[index]) for row in self._preview.rows[:50] if index < len(row)), default=0)
        return max(4, min(WIDEST_CELL, max(longest, len(self._preview.names[index]))))
