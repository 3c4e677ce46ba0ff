"""Where in a sheet the table lies: its header below titles, group headings above it, totals and notes below it.

Rows are lists of typed cells, "" for an empty one, as a spreadsheet holds them.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

from tabsmith.errors import ReadError
from tabsmith.tables.read.arrow_columns import numbered_names, unique_names
from tabsmith.tables.read.rows.table_structure import is_note, is_total_label
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.text import plural

Row: TypeAlias = list[Any]
NumberedRow: TypeAlias = tuple[int, Row]
"""A row with its number in the sheet, counted from 1."""

HEAD_ROWS: Final = 60
"""Rows at the top of a sheet among which the header is sought."""
TAIL_ROWS: Final = 40
"""Rows at the bottom of a sheet among which totals and notes are sought."""

_FILLED: Final = 0.6  # of the widest row's cells that the first row of a table fills at least
_EXPECTED: Final = 0.5  # of the expected names that a header holds at least


@dataclass(frozen=True, slots=True)
class MergedCells:
    """A range of merged cells: rows counted from 1, columns from 0, both ends within. Only its first cell has a value."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def width(self) -> int:
        return self.right - self.left + 1


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Where the table of a sheet lies."""

    names: tuple[str, ...]
    header: tuple[str, ...]  # the header's cells as text; empty without a header
    first: int  # the number of the first row below the header
    skipped: int  # rows above the header


def find_layout(head: Sequence[NumberedRow], merged: Sequence[MergedCells], options: ReadOptions) -> SheetLayout:
    """The layout of the sheet that begins with the rows `head`. Raises ReadError for a header that is not there."""
    rows = [(number, row) for number, row in head if number > (options.skip or 0) and any(cell != "" for cell in row)]
    if not rows:
        raise ReadError("The sheet holds no rows there.", next_step="Choose another sheet, or skip fewer rows.")
    width = max(len(row) for _, row in rows)
    top, has_header = _chosen_header(rows, options) or _find_header(rows, merged, options.expected)
    if not has_header:
        number = rows[top][0]
        names = options.columns or numbered_names(width)
        return SheetLayout(_require_width(names, width), (), number, number - 1)
    header, upper, lower = _header_texts(rows, top, merged)
    names = _require_width(options.columns, width) if options.columns else unique_names(header)
    return SheetLayout(names, tuple(header), lower + 1, upper - 1)


def _require_width(names: tuple[str, ...], width: int) -> tuple[str, ...]:
    if len(names) != width:
        raise ReadError(
            f"{plural(len(names), 'name')} were given for a sheet with {plural(width, 'column')}.",
            next_step="Give one name for each column.",
        )
    return unique_names(names)


# The header ----------------------------------------------------------------------------------------------------------


def _chosen_header(rows: Sequence[NumberedRow], options: ReadOptions) -> tuple[int, bool] | None:
    if options.header is None:
        return None
    if options.header == 0:
        return 0, False
    for index, (number, _) in enumerate(rows):
        if number == options.header:
            return index, True
    raise ReadError(
        f"Row {options.header} of the sheet is empty or not among its first {HEAD_ROWS} rows.",
        next_step="Give the number of the row with the names, or 0 for none.",
    )


def _find_header(
    rows: Sequence[NumberedRow], merged: Sequence[MergedCells], expected: tuple[str, ...]
) -> tuple[int, bool]:
    """The index of the table's first row, and whether that row names the columns."""
    wanted = {name.strip().casefold() for name in expected}
    if wanted:
        found = [len(wanted & {cell_text(cell).strip().casefold() for cell in row}) for _, row in rows]
        best = max(found)
        if best >= max(1, _EXPECTED * len(wanted)):
            return found.index(best), True
    filled = [sum(cell != "" for cell in row) for _, row in rows]
    top = next(index for index, count in enumerate(filled) if count >= max(1, _FILLED * max(filled)))
    is_last = top + 1 == len(rows)
    return top, not is_last and _names_columns(rows[top], merged)


def _names_columns(numbered: NumberedRow, merged: Sequence[MergedCells]) -> bool:
    """Whether a row holds names: mostly texts, or beside texts only whole numbers in steps, such as years."""
    number, row = numbered
    cells = [cell for cell in row if cell != ""]
    texts = sum(isinstance(cell, str) for cell in cells)
    if texts > len(cells) / 2 or _groups_in(number, len(row), merged):
        return True
    numbers = [cell for cell in cells if isinstance(cell, float) and cell.is_integer()]
    if texts + len(numbers) < len(cells) or len(numbers) < 2:
        return False
    steps = {right - left for left, right in pairwise(numbers)}
    return len(steps) == 1 and 0 not in steps and (texts > 0 or row[0] == "" or numbers[0] in {0, 1})


def _groups_in(number: int, width: int, merged: Sequence[MergedCells]) -> list[MergedCells]:
    """The headings in a row that stand above several columns, but not above all: "2019" above "Q1" and "Q2"."""
    return [cells for cells in merged if cells.top == number and 1 < cells.width < width]


def _header_texts(rows: Sequence[NumberedRow], top: int, merged: Sequence[MergedCells]) -> tuple[list[str], int, int]:
    """The names in the header at index `top`, those of two rows joined, and the numbers of its first and last row."""
    number, row = rows[top]
    width = max(len(other) for _, other in rows)
    if _groups_in(number, width, merged) and top + 1 < len(rows):
        upper, lower = rows[top], rows[top + 1]
    elif top > 0 and _groups_in(rows[top - 1][0], width, merged):
        upper, lower = rows[top - 1], rows[top]
    else:
        return [cell_text(cell) for cell in _padded(row, width)], number, number
    headings = _padded(upper[1], width)
    for cells in _groups_in(upper[0], width, merged):
        headings[cells.left : cells.right + 1] = [headings[cells.left]] * cells.width
    joined = [
        " ".join(filter(None, (cell_text(heading).strip(), cell_text(cell).strip())))
        for heading, cell in zip(headings, _padded(lower[1], width), strict=True)
    ]
    return joined, upper[0], lower[0]


def _padded(row: Row, width: int) -> Row:
    return [*row, *[""] * (width - len(row))]


# Below the table -----------------------------------------------------------------------------------------------------


def rows_below(tail: Sequence[NumberedRow], width: int) -> dict[int, str]:
    """The rows at the end of a sheet that are no rows of its table, by number, each with the reason.

    These are notes (a single text, where the table is wider, after an empty row or beginning like a source or a
    note), and then one row of totals.
    """
    reasons: dict[int, str] = {}
    place = len(tail) - 1
    while place > 0 and width > 1:
        number, row = tail[place]
        cells = [cell for cell in row if cell != ""]
        if len(cells) != 1 or not isinstance(cells[0], str):
            break
        if not is_note(cells[0]) and not _gap_above(tail, place):
            break
        reasons[number] = "a note below the table, not a row"
        place -= 1
    number, row = tail[place] if tail else (0, [])
    label = next((cell for cell in row if cell != ""), "")
    if place > 0 and width > 1 and isinstance(label, str) and is_total_label(label):
        reasons[number] = "a total, not a row"
    return reasons


def _gap_above(tail: Sequence[NumberedRow], place: int) -> bool:
    """Whether an empty row stands above, with nothing but single texts between."""
    for index in range(place, 0, -1):
        if sum(cell != "" for cell in tail[index][1]) > 1:
            return False
        if tail[index][0] - tail[index - 1][0] > 1:
            return True
    return False


# Cells ---------------------------------------------------------------------------------------------------------------


def cell_text(cell: Any) -> str:
    """A cell as a person sees it: `3` for 3.0, a day without a time."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return str(cell.date())
    return str(cell).encode("utf-8", "replace").decode()
