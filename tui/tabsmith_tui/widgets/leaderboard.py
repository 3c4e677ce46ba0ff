"""The leaderboard and the iterations on the screen: a table whose rows move while the cursor stays on its own."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

from textual.binding import Binding, BindingType

from tabsmith.presentation.spans import Span, Tone
from tabsmith_tui.widgets.lines_layout import Cell, LineColumn
from tabsmith_tui.widgets.lines_layout import Tone as CellTone
from tabsmith_tui.widgets.lines_table import LinesTable

_TONES: Final = MappingProxyType[Tone, CellTone](
    {
        "plain": "",
        "strong": "",
        "mark": "",
        "dim": "muted",
        "good": "good",
        "bad": "bad",
        "warn": "warning",
        "accent": "accent",
    }
)


class TableRows(Protocol):
    """Rows by their place; a row is made when it is asked for, so that ten thousand cost no more than a screenful."""

    def __len__(self) -> int: ...

    @property
    def columns(self) -> Sequence[LineColumn]:
        """What the cells are."""
        ...

    def key(self, index: int) -> str:
        """What tells this row from every other, now and later."""
        ...

    def cells(self, index: int) -> Sequence[Span]:
        """The row's cells, one for each column."""
        ...


class TrialsTable(LinesTable, inherit_bindings=False):
    """Keeps its cursor on the same try when rows come in above it; enter is left to the screen."""

    HELP = (
        "Every row is a recipe that was tried. enter or a second click opens all that is known of it. ▲ is better and "
        "▼ worse than the champion, whichever way the metric goes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        each for each in LinesTable.BINDINGS if not (isinstance(each, Binding) and each.key == "enter")
    ]

    def __init__(self, columns: Sequence[LineColumn], *, id: str) -> None:  # noqa: A002
        super().__init__(columns, id=id)
        self.help_text = ""  # what the rows are, where they are no recipes
        self._rows: TableRows | None = None

    @property
    def key(self) -> str:
        """The key of the row under the cursor; "" when there are no rows."""
        return self._rows.key(self.cursor) if self._rows is not None and self.cursor < len(self._rows) else ""

    def show(self, rows: TableRows) -> None:
        """Show these rows. A cursor on the first row stays on the first, so that one sees what is new or best."""
        current = self.key if self.cursor else ""
        self._rows = rows
        place = next((index for index in range(len(rows)) if rows.key(index) == current), 0) if current else 0
        self.show_rows(len(rows), lambda index: _cells(rows.cells(index)), columns=rows.columns, cursor=place)


def _cells(spans: Sequence[Span]) -> list[Cell]:
    return [Cell(span.text, _TONES[span.tone]) for span in spans]
