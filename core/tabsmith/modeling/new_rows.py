"""New rows read as a model's columns are read: each cell by itself, in the format that the column had in training.

Texts go the way of the training table: `tables.read.cell_reader` makes a value of each, and `modeling.rows` casts it to
the column's kind. A typed cell goes straight where its type agrees with the kind, and through its text elsewhere. So a
row gets the same values alone and in any company, from a file and from a frame.
"""

import datetime as dt
import decimal
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Ints
from tabsmith.modeling.column_matching import ColumnMatch, match_columns
from tabsmith.modeling.results import AssumedReading, UnreadCell, UnreadCells, UnseenLevels
from tabsmith.modeling.rows import (
    BooleanColumn,
    ColumnValues,
    DateColumn,
    NumberColumn,
    RowArrays,
    TextColumn,
    cell_text,
    distinct_values,
    is_day_first,
    missing_column,
    read_column,
)
from tabsmith.tables.read.cell_reader import read_cells
from tabsmith.tables.read.value_formats import format_named
from tabsmith.tables.schema.types import ColumnKind, ColumnSchema
from tabsmith.text import clean

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import Series

Cells: TypeAlias = "pa.ChunkedArray | Series[Any]"
"""The cells of one column: as a snapshot or as a frame holds them."""

Values: TypeAlias = npt.NDArray[Any]
"""Floats with NaN for missing cells; of a column with levels, texts with None for missing cells."""

_EXAMPLES: Final = 3
_EXAMPLE_LENGTH: Final = 80
_DIGITS: Final = re.compile(r"[+-]?\d+", re.ASCII)
_ISO_DATE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?!\d)", re.ASCII)
_NUMBERS: Final = (bool, int, float, decimal.Decimal, np.number, np.bool_)
_DATES: Final = (dt.date, np.datetime64)


class NewRowsReader:
    """Reads batches of new rows, and gathers what was not understood in them.

    `columns` are those of the model, `names` those of the rows, `levels` the levels that categories had in training;
    `knows_formats` is False for a model whose columns have no formats.
    """

    def __init__(
        self,
        columns: Sequence[ColumnSchema],
        names: Sequence[str],
        levels: Mapping[str, Sequence[str]],
        *,
        knows_formats: bool = True,
    ) -> None:
        self.match: ColumnMatch = match_columns([column.name for column in columns], names)
        self._columns = tuple(columns)
        self._knows_formats = knows_formats
        self._readers = {
            column.name: ColumnReader(column, levels.get(column.name))
            for column in columns
            if column.name in self.match.positions
        }

    def read(self, cells: Sequence[Cells], count: int) -> RowArrays:
        """The next `count` rows as the model's columns; `cells` are all columns of the rows, in the order of `names`.

        A column that the rows lack holds missing values.
        """
        values: dict[str, ColumnValues] = {}
        for column in self._columns:
            reader = self._readers.get(column.name)
            values[column.name] = (
                missing_column(column.kind, count)
                if reader is None
                else reader.read(cells[self.match.positions[column.name]])
            )
        return RowArrays(count, values)

    @property
    def unread(self) -> tuple[UnreadCells, ...]:
        """The cells that could not be read, by column."""
        return tuple(reader.unread for reader in self._readers.values() if reader.unread.count)

    @property
    def unseen(self) -> tuple[UnseenLevels, ...]:
        """The levels that did not occur in training, by column."""
        return tuple(reader.unseen for reader in self._readers.values() if reader.unseen.count)

    @property
    def assumed(self) -> tuple[AssumedReading, ...]:
        """What had to be assumed about the texts of a column."""
        for_all = () if self._knows_formats else (AssumedReading("", "formats unknown"),)
        of_columns = (AssumedReading(name, "day first") for name, reader in self._readers.items() if reader.day_first)
        return (*for_all, *of_columns)


class ColumnReader:
    """Reads the cells of one column of a model, and gathers those that it cannot read and the levels never seen.

    `levels` are those that the column had in training; None if it has no levels, or too many to be kept.
    """

    def __init__(self, column: ColumnSchema, levels: Sequence[str] | None) -> None:
        self.unread = UnreadCells(column.name, 0, ())
        self.unseen = UnseenLevels(column.name, 0, ())
        self.day_first = False  # whether dates were read day first for want of a format
        self._column = column
        self._known = None if levels is None else KnownLevels(levels)
        self._rows = 0  # that were read so far

    def read(self, cells: Cells) -> ColumnValues:
        """The values of the next cells."""
        kind = self._column.kind
        if _agrees(cells, kind):
            series = _series(cells)
            values, _ = read_column(series, kind)
            odd = _is_missing(_plain(values)) & series.notna().to_numpy(dtype=bool)
            self._note_unread(np.flatnonzero(odd), series.iloc.__getitem__)
        else:
            codes, levels = _distinct(cells)
            level_values, level_is_odd = self._read_levels(levels)
            values = _column(level_values, codes, kind)
            odd_rows = np.flatnonzero(np.append(level_is_odd, False)[codes])
            self._note_unread(odd_rows, lambda row: levels[codes[row]])
            self._note_unseen(values)
        self._rows += len(cells)
        return values

    def _read_levels(self, levels: Sequence[object]) -> tuple[Values, npt.NDArray[np.bool_]]:
        """The distinct values `levels` as values of the column, and whether each is present and cannot be read."""
        kind = self._column.kind
        types = _DATES if kind == "date" else _NUMBERS if kind in ("numeric", "code", "boolean") else ()
        typed = np.asarray([isinstance(level, types) for level in levels], dtype=bool)
        values, odd = _empty(kind, len(levels)), np.zeros(len(levels), dtype=bool)
        if typed.any():
            values[typed] = _cast([level for level, direct in zip(levels, typed, strict=True) if direct], kind)
        if not typed.all():
            rest = [level for level, direct in zip(levels, typed, strict=True) if not direct]
            values[~typed], odd[~typed] = self._read_texts([_text(level) for level in rest])
            if self._known is not None:
                values[~typed] = [
                    self._known.spelling(value, level) for value, level in zip(values[~typed], rest, strict=True)
                ]
        return values, odd

    def _read_texts(self, texts: Sequence[str]) -> tuple[Values, npt.NDArray[np.bool_]]:
        """The values of `texts`, and whether each is present and cannot be read."""
        import pyarrow as pa

        kind, column_format = self._column.kind, self._column.format
        storage = format_named(column_format.name).storage
        cells = read_cells(pa.array(texts, pa.large_string()), column_format, storage)
        present = cells.values.is_valid().to_numpy(zero_copy_only=False)
        values = _empty(kind, len(texts))
        values[present] = _cast(_arrow_series(pa.chunked_array([cells.values.drop_null()])), kind)
        odd = cells.odd | (present & _is_missing(values))  # the latter have a value, but none of the column's kind
        if kind == "date" and _has_no_date_order(column_format.name):
            self.day_first |= any(map(is_day_first, texts))
        for position in np.flatnonzero(odd).tolist():
            if _has_one_reading(texts[position], kind, column_format.name):
                values[position : position + 1] = _cast([texts[position]], kind)
        return values, odd & _is_missing(values)

    def _note_unread(self, rows: Ints, cell: Callable[[int], object]) -> None:
        """Note the cells in `rows` of this batch."""
        if not len(rows):
            return
        open_examples = rows[: _EXAMPLES - len(self.unread.examples)].tolist()
        examples = [
            UnreadCell(self._rows + row + 1, clean(cell_text(cell(row)), _EXAMPLE_LENGTH)) for row in open_examples
        ]
        count = self.unread.count + len(rows)
        self.unread = UnreadCells(self._column.name, count, (*self.unread.examples, *examples))

    def _note_unseen(self, values: ColumnValues) -> None:
        if self._known is None or not isinstance(values, TextColumn):
            return
        unseen = [code for code, level in enumerate(values.levels) if level not in self._known]
        if not unseen:
            return
        count = self.unseen.count + int(np.isin(values.codes, unseen).sum())
        texts = dict.fromkeys((*self.unseen.levels, *(clean(values.levels[code], _EXAMPLE_LENGTH) for code in unseen)))
        self.unseen = UnseenLevels(self._column.name, count, tuple(texts)[:_EXAMPLES])


class KnownLevels:
    """The levels of a column in training, found whatever the spaces, Unicode form and case of a new spelling."""

    def __init__(self, levels: Iterable[str]) -> None:
        self._levels = frozenset(levels)
        self._by_form = tuple((form, _unique(self._levels, form)) for form in (_spaced, _without_case))
        self._by_number = _unique(self._levels, _number_form)

    def __contains__(self, level: str) -> bool:
        return level in self._levels

    def spelling(self, text: str | None, cell: object) -> str | None:
        """The level that `text` means, or `text` itself if it means none; `cell` is what stood in the rows.

        A number without a text of its own means the only level of that number: 501 means 00501.
        """
        if text is None or text in self._levels:
            return text
        for form, levels in self._by_form:
            if level := levels.get(form(text)):
                return level
        return text if isinstance(cell, str) else self._by_number.get(_number_form(text), text)


def _unique(levels: Iterable[str], form: Callable[[str], str]) -> dict[str, str]:
    """The levels by their form, without those that share it."""
    by_form: dict[str, str] = {}
    for level in levels:
        key = form(level)
        by_form[key] = "" if key in by_form else level
    return {key: level for key, level in by_form.items() if key and level}


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _without_case(text: str) -> str:
    return _spaced(text).casefold()


def _number_form(text: str) -> str:
    """The number that a text writes, the same for 1.0, 01 and 1; empty for any other text."""
    try:
        return repr(float(text))
    except ValueError:
        return ""


# Cells ---------------------------------------------------------------------------------------------------------------


def _agrees(cells: Cells, kind: ColumnKind) -> bool:
    """Whether the type of `cells` is that of the kind, so that they need not go through their texts."""
    import pyarrow as pa

    if isinstance(cells, pa.ChunkedArray):
        type_ = cells.type
        is_number = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)
        is_date = pa.types.is_timestamp(type_) or pa.types.is_date(type_)
    else:
        is_number, is_date = cells.dtype.kind in "biuf", cells.dtype.kind == "M"
    return is_date if kind == "date" else is_number if kind in ("numeric", "code", "boolean") else False


def _series(cells: Cells) -> "Series[Any]":
    import pyarrow as pa

    return _arrow_series(cells) if isinstance(cells, pa.ChunkedArray) else cells


def _arrow_series(cells: "pa.ChunkedArray") -> "Series[Any]":
    """Arrow cells as a series, whose whole numbers stay exact beside missing ones."""
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_date(cells.type) or pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.timestamp("us"))
    exact = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()} if cells.null_count else {}
    series: Series[Any] = cells.to_pandas(use_threads=False, types_mapper=exact.get)
    return series


def _distinct(cells: Cells) -> tuple[Ints, list[object]]:
    """The position of each cell's value among the distinct ones, -1 for missing cells; and the distinct values."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(cells, pa.ChunkedArray) and (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        encoded = pa.concat_arrays(cells.chunks).dictionary_encode() if cells.num_chunks else pa.array([], cells.type)
        if not len(cells):
            return np.zeros(0, dtype=np.int64), []
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, encoded.dictionary.to_pylist()
    series = _series(cells)
    if isinstance(series.dtype, pd.CategoricalDtype):
        return np.asarray(series.cat.codes, dtype=np.int64), series.cat.categories.tolist()
    return distinct_values(series)


def _text(cell: object) -> str:
    """A cell of a frame as the text that a file would hold; what no file can hold is replaced by a question mark."""
    text = str(cell).lower() if isinstance(cell, bool | np.bool_) else cell_text(cell)
    return text.encode("utf-8", "replace").decode()


def _has_no_date_order(format_name: str) -> bool:
    """Whether a format leaves open which of day and month comes first: that of dates which never were texts, and ISO 8601."""
    return format_name == "text" or "ISO 8601" in format_name


def _has_one_reading(text: str, kind: ColumnKind, format_name: str) -> bool:
    """Whether a text that is not in its column's format has one reading all the same.

    Whole numbers, years first, days first in a column that has no order of its own, and numbers with a decimal point in a
    column without decimal commas.
    """
    match kind:
        case "date":
            return _has_no_date_order(format_name) or _ISO_DATE.match(text.strip()) is not None
        case "numeric" | "code":
            return "comma" not in format_name or _DIGITS.fullmatch(text.strip()) is not None
        case _:
            return kind == "boolean"


# Values --------------------------------------------------------------------------------------------------------------


def _empty(kind: ColumnKind, count: int) -> Values:
    if kind in ("numeric", "code", "boolean", "date"):
        return np.full(count, np.nan)
    return np.full(count, None, dtype=object)


def _is_missing(values: Values) -> npt.NDArray[np.bool_]:
    return np.asarray([value is None for value in values], dtype=bool) if values.dtype == object else np.isnan(values)


def _cast(cells: "Sequence[object] | Series[Any]", kind: ColumnKind) -> Values:
    from pandas import Series

    series = cells if isinstance(cells, Series) else Series(list(cells), dtype=object)
    return _plain(read_column(series, kind)[0])


def _plain(column: ColumnValues) -> Values:
    if isinstance(column, TextColumn):
        return np.asarray([*column.levels, None], dtype=object)[column.codes]
    return column.values


def _column(level_values: Values, codes: Ints, kind: ColumnKind) -> ColumnValues:
    """The column whose cells have the values at `codes`; -1 is missing."""
    if level_values.dtype != object:
        values = np.append(level_values, np.nan)[codes]
        match kind:
            case "boolean":
                return BooleanColumn(values)
            case "date":
                return DateColumn(values)
            case _:
                return NumberColumn(values, whole=kind == "code")
    positions: dict[str, int] = {}
    level_codes = [-1 if level is None else positions.setdefault(level, len(positions)) for level in level_values]
    return TextColumn(np.asarray([*level_codes, -1], dtype=np.int64)[codes], tuple(positions))
