"""A table of plain cells from outside: literal, one line high, with a cursor on its rows."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from rich.text import Text
from textual.content import Content
from textual.widgets import DataTable
from textual.widgets.data_table import CellDoesNotExist, ColumnKey, RowKey

from tabsmith.text import clean
from tabsmith_tui.widgets.literal import ContentText, assemble

Row: TypeAlias = tuple[str, Sequence[ContentText]]
"""A row of a Table: its key, and its cells."""


class PlainTable(DataTable[Any]):
    """A DataTable whose headings and cells are literal, and plain: Textual measures styled content wrongly in a table,
    so only its words are kept. Rows, not cells, have the cursor. Keep it under 200 rows."""

    def __init__(self, *headings: ContentText, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(cursor_type="row", id=id, classes=classes)
        self._headings = headings

    def on_mount(self) -> None:
        """Put the headings up."""
        if not self.columns:
            for index, heading in enumerate(self._headings):
                self.add_column(heading, key=str(index))

    def add_column(
        self, label: Any, *, width: int | None = None, key: str | None = None, default: Any = None
    ) -> ColumnKey:
        """Add a column; its label is made literal."""
        return super().add_column(_cell(assemble(label)), width=width, key=key, default=default)

    def add_row(self, *cells: ContentText, height: int | None = 1, key: str | None = None, label: Any = None) -> RowKey:
        """Add a row; its cells are made literal and one line high."""
        shown = None if label is None else _cell(assemble(label))
        return super().add_row(*map(_cell, cells), height=height, key=key, label=shown)

    def update_cell(self, row_key: Any, column_key: Any, value: ContentText, *, update_width: bool = False) -> None:
        """Put another value in a cell."""
        super().update_cell(row_key, column_key, _cell(value), update_width=update_width)

    def put_rows(self, rows: Iterable[Row]) -> None:
        """Show these rows and no others; the cursor stays on the row it was on, as long as that is there."""
        rows = list(rows)
        if not self.columns:
            self.on_mount()
        current, position = self.current, self.cursor_row
        if [key for key, _ in rows] == [key.value for key in self.rows]:
            self._refresh_cells(rows)
            return
        self.clear()
        for key, cells in rows:
            self.add_row(*cells, key=key)
        if current and any(key == current for key, _ in rows):
            position = self.get_row_index(current)
        if rows:
            self.move_cursor(row=min(position, len(rows) - 1), animate=False)

    @property
    def current(self) -> str:
        """The key of the row that has the cursor; "" when there are no rows."""
        try:
            return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value or ""
        except CellDoesNotExist:
            return ""

    def _refresh_cells(self, rows: Iterable[Row]) -> None:
        columns = list(self.columns)
        for key, cells in rows:
            for column, cell in zip(columns, cells, strict=True):
                value = _cell(cell)
                if self.get_cell(key, column) != value:
                    super().update_cell(key, column, value, update_width=True)


def _cell(value: ContentText) -> Text:
    return Text(value.plain if isinstance(value, Content) else clean(value), no_wrap=True, overflow="ellipsis")
