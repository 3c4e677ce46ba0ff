"""Lines with too many or too few cells, read as what they most likely were meant to be, or rejected.

Each possible repair is weighed by the shapes of the columns (`rows/column_shapes.py`). A repair counts only if it is clearly
likelier than every other one: a line is never shifted on a guess.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import Final

import msgspec

from tabsmith.tables.read.rows.column_shapes import ColumnShape
from tabsmith.tables.read.rows.table_structure import Row
from tabsmith.text import plural

_MOST_COST: Final = 5.0  # of a repair: one cell may look odd
_MARGIN: Final = 1.0  # by which a repair must be likelier than the next
_CHANGE: Final = 0.5  # the cost of changing a line within, rather than at its end
_NO_SPACE: Final = 0.5  # the further cost of a delimiter within a value that no space follows
_MOST_REPAIRS: Final = 500  # tried for one line


class Repair(msgspec.Struct, frozen=True):
    """One reading of a line as a whole row."""

    row: tuple[str, ...]
    cost: float
    reason: str


class Rejection(msgspec.Struct, frozen=True):
    """Why a line has no clear reading."""

    reason: str


def repair_row(cells: Row, shapes: Sequence[ColumnShape], delimiter: str) -> Repair | Rejection:
    """The one clear reading of `cells`, which are more or fewer than the columns, or why there is none."""
    width = len(shapes)
    if len(cells) == 1 and width > 2:
        return Rejection(f"1 value where {width} are expected")
    candidates = _of_too_many(cells, shapes, delimiter) if len(cells) > width else _of_too_few(cells, shapes)
    by_row: dict[tuple[str, ...], Repair] = {}
    for repair in islice(candidates, _MOST_REPAIRS):
        known = by_row.get(repair.row)
        if known is None or repair.cost < known.cost:
            by_row[repair.row] = repair
    repairs = sorted(by_row.values(), key=lambda repair: repair.cost)
    if (
        not repairs
        or repairs[0].cost > _MOST_COST
        or any(repair.cost < repairs[0].cost + _MARGIN for repair in repairs[1:2])
    ):
        return Rejection(f"{plural(len(cells), 'value')} where {width} are expected")
    return repairs[0]


def row_cost(row: Sequence[str], shapes: Sequence[ColumnShape]) -> float:
    """How surprising the cells of a whole row are in their columns."""
    return sum(shape.cost(cell) for shape, cell in zip(shapes, row, strict=True))


def _of_too_many(cells: Row, shapes: Sequence[ColumnShape], delimiter: str) -> Iterator[Repair]:
    width = len(shapes)
    extra = len(cells) - width
    if not any(cell.strip() for cell in cells[width:]):
        row = cells[:width]
        reason = f"{plural(extra, 'empty value')} too many at the end dropped"
        yield Repair(tuple(row), row_cost(row, shapes), reason)
    empty = [position for position, cell in enumerate(cells) if not cell.strip()]
    for left_out in combinations(empty, extra):
        row = [cell for position, cell in enumerate(cells) if position not in left_out]
        yield Repair(tuple(row), row_cost(row, shapes) + _CHANGE, f"{plural(extra, 'empty value')} too many left out")
    for position in range(width):
        parts = cells[position : position + extra + 1]
        has_spaces = all(part[:1] == " " for part in parts[1:])
        if not (parts[0].strip() and parts[-1].strip()) or (extra > 1 and not has_spaces):
            continue
        row = [*cells[:position], delimiter.join(parts), *cells[position + extra + 1 :]]
        cost = row_cost(row, shapes) + _CHANGE + (0 if has_spaces else _NO_SPACE)
        yield Repair(tuple(row), cost, "a delimiter within a value, taken as part of it")


def _of_too_few(cells: Row, shapes: Sequence[ColumnShape]) -> Iterator[Repair]:
    width = len(shapes)
    lacking = width - len(cells)
    row = [*cells, *[""] * lacking]
    # Rows are cut short at their end everywhere, so that an empty end is no surprise.
    cost = row_cost(cells, shapes[: len(cells)])
    yield Repair(tuple(row), cost, f"{plural(lacking, 'value')} missing at the end")
    for position in range(len(cells)):
        row = [*cells[:position], *[""] * lacking, *cells[position:]]
        reason = f"{plural(lacking, 'value')} missing before value {position + 1}"
        yield Repair(tuple(row), row_cost(row, shapes) + 2 * _CHANGE, reason)
    if lacking == 1:
        for position, cell in enumerate(cells):
            for left, right in _parts(cell, shapes[position], shapes[position + 1]):
                row = [*cells[:position], left, right, *cells[position + 1 :]]
                yield Repair(
                    tuple(row), row_cost(row, shapes) + _CHANGE, "a delimiter missing between two values put in"
                )


def _parts(cell: str, left: ColumnShape, right: ColumnShape) -> Iterator[tuple[str, str]]:
    """The ways to cut `cell` into two values that both look like their columns."""
    if not (left.is_strict or right.is_strict):
        return
    for index in range(1, len(cell)):
        parts = cell[:index], cell[index:]
        if left.cost(parts[0]) == 0 and right.cost(parts[1]) == 0:
            yield parts
