"""The rows of a table as arrays, one per column: what encoders read. A frame's columns are cast to the schema's kinds.

A row of a frame costs hundreds of microseconds in pandas; the same row as arrays costs a few, and a batch that many
fold models read is taken apart once.
"""

import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.tables.schema.embedded_numbers import embedded_number
from tabsmith.tables.schema.types import ColumnKind, ColumnSchema

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_SMALL = 64  # rows up to which plain Python beats pandas' factorize
_MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "none", "null", "nat", "<na>"})
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_YEAR = re.compile(r"\d{4}")  # without a year, pandas takes the current one
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})\b(.*)", re.ASCII | re.DOTALL)
_TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on", "1", "1.0"})
_FALSE_WORDS = frozenset({"false", "f", "no", "n", "off", "0", "0.0"})


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A numeric column; NaN is missing. To SQL, `whole` ones are integers."""

    values: Floats
    whole: bool = False

    def take(self, index: npt.NDArray[Any]) -> "NumberColumn":
        return NumberColumn(self.values[index], self.whole)

    def joined(self, other: "ColumnValues") -> "NumberColumn":
        assert isinstance(other, NumberColumn)
        return NumberColumn(np.concatenate([self.values, other.values]), self.whole and other.whole)


@dataclass(frozen=True, slots=True)
class BooleanColumn:
    """A boolean column as 0.0 and 1.0; NaN is missing."""

    values: Floats

    def take(self, index: npt.NDArray[Any]) -> "BooleanColumn":
        return BooleanColumn(self.values[index])

    def joined(self, other: "ColumnValues") -> "BooleanColumn":
        assert isinstance(other, BooleanColumn)
        return BooleanColumn(np.concatenate([self.values, other.values]))


@dataclass(frozen=True, slots=True)
class DateColumn:
    """A date column in seconds since 1970, UTC; NaN is missing."""

    values: Floats

    def take(self, index: npt.NDArray[Any]) -> "DateColumn":
        return DateColumn(self.values[index])

    def joined(self, other: "ColumnValues") -> "DateColumn":
        assert isinstance(other, DateColumn)
        return DateColumn(np.concatenate([self.values, other.values]))


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of texts: `levels[codes[row]]`; the code -1 is missing."""

    codes: Ints
    levels: tuple[str, ...]

    def take(self, index: npt.NDArray[Any]) -> "TextColumn":
        return TextColumn(self.codes[index], self.levels)

    def joined(self, other: "ColumnValues") -> "TextColumn":
        assert isinstance(other, TextColumn)
        if self.levels == other.levels:
            return TextColumn(np.concatenate([self.codes, other.codes]), self.levels)
        levels = dict.fromkeys((*self.levels, *other.levels))
        positions = {level: position for position, level in enumerate(levels)}
        table = np.asarray([*(positions[level] for level in other.levels), -1], dtype=np.int64)
        return TextColumn(np.concatenate([self.codes, table[other.codes]]), tuple(levels))


ColumnValues: TypeAlias = NumberColumn | BooleanColumn | DateColumn | TextColumn


@dataclass(frozen=True)
class RowArrays:
    """Equally long columns by name. Immutable; what is derived from a column is kept."""

    count: int
    columns: Mapping[str, ColumnValues]
    _texts: dict[str, TextColumn] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return self.count

    def take(self, index: npt.NDArray[Any]) -> "RowArrays":
        """The rows at the integer positions `index`, in that order."""
        return RowArrays(len(index), {name: column.take(index) for name, column in self.columns.items()})

    def joined(self, others: "RowArrays") -> "RowArrays":
        """These rows and then `others`, which were taken from the same rows."""
        return RowArrays(
            self.count + others.count,
            {name: column.joined(others.columns[name]) for name, column in self.columns.items()},
        )

    def replaced(self, columns: Mapping[str, ColumnValues]) -> "RowArrays":
        """The same rows with `columns` added or put in place of those of the same name."""
        return RowArrays(self.count, {**self.columns, **columns})

    def floats(self, name: str) -> Floats:
        """A numeric, boolean or date column as floats; a text column's cells that are numbers, as those."""
        column = self.columns[name]
        if isinstance(column, TextColumn):
            return _looked_up(column.codes, [_number(level) or 0.0 for level in column.levels])
        return column.values

    def texts(self, name: str) -> TextColumn:
        """Any column as texts; a whole number is written without a point."""
        column = self.columns[name]
        if isinstance(column, TextColumn):
            return column
        if name not in self._texts:
            levels, codes = np.unique(column.values, return_inverse=True)
            missing = np.isnan(column.values)
            codes = codes.astype(np.int64)
            codes[missing] = -1
            self._texts[name] = TextColumn(
                codes, tuple(cell_text(level) for level in levels[~np.isnan(levels)].tolist())
            )
        return self._texts[name]

    def comparable(self, name: str) -> Floats:
        """A column as floats that are equal where its cells are: the codes of a text column. NaN is missing."""
        column = self.columns[name]
        if not isinstance(column, TextColumn):
            return column.values
        return np.where(column.codes < 0, np.nan, column.codes.astype(np.float64))

    def strings(self, name: str) -> list[str]:
        """A column's cells as texts, missing ones empty."""
        column = self.texts(name)
        levels = [*column.levels, ""]
        return [levels[code] for code in column.codes.tolist()]

    def frame(self) -> "DataFrame":
        """The rows as a frame for SQL: DOUBLE, BOOLEAN, TIMESTAMP and VARCHAR columns."""
        from pandas import DataFrame

        return DataFrame({name: _cells(column) for name, column in self.columns.items()}, index=range(self.count))


@dataclass(frozen=True, slots=True)
class CastRows:
    """A frame read as a schema's columns."""

    rows: RowArrays
    missing: tuple[str, ...]  # columns the frame lacks: all their values are missing
    extra: tuple[str, ...]  # columns the frame has beside them
    unparsable: Mapping[str, int]  # cells that are not of the column's kind, by column; treated as missing


def read_rows(frame: "DataFrame", columns: Sequence[ColumnSchema]) -> CastRows:
    """`frame` cast to the kinds of `columns`, by name; order and type of the frame's columns do not matter."""
    values: dict[str, ColumnValues] = {}
    missing: list[str] = []
    unparsable: dict[str, int] = {}
    positions = {str(name): position for position, name in enumerate(frame.columns)}
    for column in columns:
        position = positions.get(column.name)
        if position is None:
            missing.append(column.name)
            values[column.name] = missing_column(column.kind, len(frame))
            continue
        values[column.name], bad = read_column(frame.iloc[:, position], column.kind)
        if bad:
            unparsable[column.name] = bad
    extra = tuple(name for name in positions if name not in values)
    return CastRows(RowArrays(len(frame), values), tuple(missing), extra, unparsable)


def read_column(series: "Series[Any]", kind: ColumnKind) -> tuple[ColumnValues, int]:
    """A column cast to `kind`, and the number of cells that do not fit it and are missing."""
    match kind:
        case "numeric" | "code":
            values, bad = to_floats(series)
            return NumberColumn(values, whole=kind == "code"), bad
        case "embedded number":
            values, bad = to_floats(series, embedded_number)
            return NumberColumn(values), bad
        case "boolean":
            if series.dtype.kind in "biuf":
                values, bad = to_floats(series)
                neither = (values != 0) & (values != 1) & ~np.isnan(values)
                values[neither] = np.nan
                return BooleanColumn(values), bad + int(neither.sum())
            values, bad = _parsed(series, lambda levels: [_boolean(level) for level in levels])
            return BooleanColumn(values), bad
        case "date":
            values, bad = _dates(series)
            return DateColumn(values), bad
        case _:
            codes, levels = distinct_values(series)
            return text_column(codes, [cell_text(level) for level in levels]), 0


def infer_column(series: "Series[Any]") -> ColumnValues:
    """A derived column, read by the type that SQL gave it."""
    kind = series.dtype.kind
    if kind == "b" or str(series.dtype) == "boolean":
        return read_column(series, "boolean")[0]
    if kind in "iuf":
        return read_column(series, "numeric")[0]
    if kind == "M":
        return read_column(series, "date")[0]
    values = [value for value in series.tolist() if not is_missing(value)]
    if values and all(isinstance(value, bool) for value in values):
        return read_column(series, "boolean")[0]
    if values and not any(isinstance(value, str) for value in values):  # Decimal, date and the like
        numeric = all(_number(value) is not None for value in values)
        return read_column(series, "numeric" if numeric else "date")[0]
    return read_column(series, "category")[0]


def to_floats(series: "Series[Any]", read_text: Callable[[str], float | None] | None = None) -> tuple[Floats, int]:
    """A column as floats, with infinite values missing, and the number of cells that are no numbers.

    `read_text` reads a cell of text; without it, Python's `float` does.
    """
    if series.dtype.kind in "biuf":
        values = series.to_numpy(dtype=np.float64, na_value=np.nan).copy()
        values[np.isinf(values)] = np.nan
        return values, 0
    if series.dtype.kind == "M":
        return _dates(series)
    if read_text is not None:
        return _parsed(series, lambda levels: [read_text(cell_text(level)) for level in levels])
    return _parsed(series, lambda levels: [_number(level) for level in levels])


def cell_text(value: object) -> str:
    """A cell as text, which is the same for 1 and 1.0, because a missing cell makes floats of integers."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def _parsed(series: "Series[Any]", parse: Callable[[list[object]], list[float | None]]) -> tuple[Floats, int]:
    """A column parsed level by level, and the number of cells that are no values; `parse` gives None for a level that
    it cannot read."""
    codes, levels = distinct_values(series)
    parsed = parse(levels)
    unreadable = [
        value is None and str(level).strip().lower() not in _MISSING_WORDS
        for level, value in zip(levels, parsed, strict=True)
    ]
    bad = int(np.asarray([*unreadable, False])[codes].sum())
    return _looked_up(codes, [math.nan if value is None else value for value in parsed]), bad


def _dates(series: "Series[Any]") -> tuple[Floats, int]:
    import pandas as pd

    if series.dtype.kind == "M":
        if getattr(series.dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        stamps = series.to_numpy().astype("datetime64[us]")
        values = stamps.astype(np.int64) / 1e6
        values[np.isnat(stamps)] = np.nan
        return values, 0

    def parse(levels: list[object]) -> list[float | None]:
        texts = [year_first(cell_text(level)) for level in levels]
        dated = pd.Series([text if _YEAR.search(text) else None for text in texts], dtype=object)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pandas on texts in several forms
            stamps = pd.to_datetime(dated, errors="coerce", format="mixed", utc=True)
        seconds, _ = _dates(stamps)
        return [None if value != value else value for value in seconds.tolist()]

    return _parsed(series, parse)


def is_day_first(text: str) -> bool:
    """Whether a text is a date whose day and month could be taken for each other, as in 02/09/2023."""
    match = _DAY_FIRST.fullmatch(text.strip())
    return match is not None and match[2] != "." and 1 <= int(match[1]) <= 12


def year_first(text: str) -> str:
    """A date with the day before the month, as `02/09/2023 10:30`, rewritten as `2023-09-02 10:30`; any other text as it is.

    A text has one reading, whatever stands beside it: without a format, the day is read first.
    """
    match = _DAY_FIRST.fullmatch(text.strip())
    if match is None:
        return text
    day, _, month, year, rest = match.groups()
    century = "" if len(year) == 4 else "19" if int(year) >= 69 else "20"  # as strptime reads %y
    return f"{century}{year}-{month:0>2}-{day:0>2}{rest}"


def distinct_values(series: "Series[Any]") -> tuple[Ints, list[object]]:
    """Codes and distinct values in order of appearance; the code -1 is missing."""
    if len(series) > _SMALL:
        import pandas as pd

        codes, levels = pd.factorize(series.array)
        return codes.astype(np.int64), list(levels.tolist())
    positions: dict[object, int] = {}
    small = [-1 if is_missing(value) else positions.setdefault(value, len(positions)) for value in series.tolist()]
    return np.asarray(small, dtype=np.int64), list(positions)


def text_column(codes: Ints, levels: list[str]) -> TextColumn:
    """Texts with distinct levels: 1 and 1.0 were two values and are one text."""
    positions: dict[str, int] = {}
    merged = [positions.setdefault(level, len(positions)) for level in levels]
    if len(positions) < len(levels):
        codes = np.asarray([*merged, -1], dtype=np.int64)[codes]
    return TextColumn(codes, tuple(positions))


def _looked_up(codes: Ints, values: list[float]) -> Floats:
    return np.asarray([*values, math.nan], dtype=np.float64)[codes]


def is_missing(value: object) -> bool:
    """Whether a cell of a frame is empty: None, NaN, NaT or NA."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _number(value: object) -> float | None:
    if isinstance(value, str):
        value = value.strip().replace("\u2212", "-")
        if "_" in value:  # digits with underscores are a number to Python only
            return None
        if _GROUPED.fullmatch(value):
            value = value.replace(",", "")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _boolean(value: object) -> float | None:
    text = str(value).strip().lower()
    return 1.0 if text in _TRUE_WORDS else 0.0 if text in _FALSE_WORDS else None


def missing_column(kind: ColumnKind, count: int) -> ColumnValues:
    """A column of `count` missing cells."""
    missing = np.full(count, np.nan)
    match kind:
        case "numeric" | "code" | "embedded number":
            return NumberColumn(missing)
        case "boolean":
            return BooleanColumn(missing)
        case "date":
            return DateColumn(missing)
        case _:
            return TextColumn(np.full(count, -1, dtype=np.int64), ())


def _cells(column: ColumnValues) -> Any:
    import pandas as pd

    match column:
        case NumberColumn(values, whole=False):
            return values
        case NumberColumn(values):
            missing = np.isnan(values) | (np.abs(values) >= 2**63)
            return pd.arrays.IntegerArray(np.where(missing, 0, np.round(values)).astype(np.int64), missing)
        case BooleanColumn(values):
            missing = np.isnan(values)
            return pd.arrays.BooleanArray(np.where(missing, 0.0, values).astype(bool), missing)
        case DateColumn(values):
            stamps = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
            present = ~np.isnan(values)
            stamps[present] = np.round(values[present] * 1e6).astype(np.int64).astype("datetime64[us]")
            return stamps
        case TextColumn(codes, levels):
            return np.asarray([*levels, None], dtype=object)[codes]
