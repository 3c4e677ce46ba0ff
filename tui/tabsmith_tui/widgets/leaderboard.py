"""The leaderboard and the iterations of a run: a table whose cursor stays on its trial while rows move."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

from textual.binding import Binding, BindingType

from tabsmith.presentation.spans import Span, Tone
from tabsmith_tui.widgets.lines_table import Cell, LineColumn, LinesTable
from tabsmith_tui.widgets.lines_table import Tone as CellTone

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
    """Rows by index; a row is made only when it is visible."""

    def __len__(self) -> int: ...

    @property
    def columns(self) -> Sequence[LineColumn]:
        """The columns of the rows."""
        ...

    def key(self, index: int) -> str:
        """The key of a row, the same at all times."""
        ...

    def cells(self, index: int) -> Sequence[Span]:
        """The row's cells, one for each column."""
        ...


class TrialsTable(LinesTable, inherit_bindings=False):
    """A table of trials whose cursor stays on its trial when rows are added above; the screen handles enter."""

    HELP = (
        "Every row is a recipe that was tried. enter or a second click opens all that is known of it. ▲ is better and "
        "▼ worse than the champion, whichever way the metric goes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in LinesTable.BINDINGS if not (isinstance(binding, Binding) and binding.key == "enter")
    ]

    def __init__(self, columns: Sequence[LineColumn], *, id: str) -> None:  # noqa: A002
        super().__init__(columns, id=id)
        self.help_text = ""  # of rows that are no recipes
        self._rows: TableRows | None = None

    @property
    def key(self) -> str:
        """The key of the row under the cursor; "" without rows."""
        return self._rows.key(self.cursor) if self._rows is not None and self.cursor < len(self._rows) else ""

    def show(self, rows: TableRows) -> None:
        """Show these rows. A cursor on the first row stays there, so that the newest or best row is visible."""
        current = self.key if self.cursor else ""
        self._rows = rows
        cursor = next((index for index in range(len(rows)) if rows.key(index) == current), 0) if current else 0
        self.show_rows(len(rows), lambda index: _cells(rows.cells(index)), columns=rows.columns, cursor=cursor)


def _cells(spans: Sequence[Span]) -> list[Cell]:
    return [Cell(span.text, _TONES[span.tone]) for span in spans]
