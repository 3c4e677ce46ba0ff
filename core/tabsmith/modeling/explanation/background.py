"""The rows that a model compares with when it explains a prediction: a few of its training rows, kept as plain data."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tabsmith.modeling.explanation.contributions import BACKGROUND_ROWS
from tabsmith.modeling.explanation.types import BackgroundCells
from tabsmith.modeling.rows import ColumnValues, NumberColumn, RowArrays, TextColumn, missing_column, text_column
from tabsmith.tables.schema.types import ColumnSchema

_MAX_CELLS: Final = 100_000
_MIN_ROWS: Final = 10
_MAX_TEXT: Final = 1_000  # characters of a cell


def draw_background(rows: RowArrays, *, seed: int) -> BackgroundCells:
    """Up to fifty of `rows`, drawn at random; fewer of a table with thousands of columns."""
    count = min(len(rows), BACKGROUND_ROWS, max(_MIN_ROWS, _MAX_CELLS // max(1, len(rows.columns))))
    drawn = rows.take(np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False)))
    return {name: _cells(column) for name, column in drawn.columns.items()}


def background_rows(cells: Mapping[str, Sequence[float | str | None]], columns: Sequence[ColumnSchema]) -> RowArrays:
    """The rows of `draw_background`, with all of `columns`; a column that it does not hold is missing."""
    count = max((len(values) for values in cells.values()), default=0)
    return RowArrays(count, {column.name: _column(cells.get(column.name), column, count) for column in columns})


def _cells(column: ColumnValues) -> tuple[float | str | None, ...]:
    if isinstance(column, TextColumn):
        return tuple(column.levels[code][:_MAX_TEXT] if code >= 0 else None for code in column.codes.tolist())
    return tuple(None if value != value else value for value in column.values.tolist())


def _column(cells: Sequence[float | str | None] | None, column: ColumnSchema, count: int) -> ColumnValues:
    empty = missing_column(column.kind, count)
    if cells is None:
        return empty
    if isinstance(empty, TextColumn):
        levels = [cell for cell in cells if isinstance(cell, str)]
        places = iter(range(len(levels)))
        codes = [next(places) if isinstance(cell, str) else -1 for cell in cells]
        return text_column(np.asarray(codes, dtype=np.int64), levels)
    values = np.asarray([cell if isinstance(cell, int | float) else np.nan for cell in cells], dtype=np.float64)
    return NumberColumn(values, column.kind == "code") if isinstance(empty, NumberColumn) else type(empty)(values)
