"""The profile of a snapshot: counts and moments of every column, and its distribution from a sample of rows.

Up to 100,000 rows everything is exact. Beyond, counts and moments are taken in one pass over all rows, distinct counts
are estimates, and quartiles, bins, lengths and the most frequent values come from 100,000 rows drawn evenly, with
their counts scaled to the whole table. Columns are profiled in groups, so that memory does not grow with their number.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.tables.database import sql_literal
from tabsmith.tables.profile.types import (
    ColumnProfile,
    NumericSummary,
    StorageType,
    StoredColumn,
    TableProfile,
    TextLengths,
    ValueCount,
)
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb

_SAMPLED_ROWS: Final = 100_000
_COLUMNS_PER_STATEMENT: Final = 500
_CELLS: Final = 4_000_000  # sampled numbers in memory at once
_TEXT_WEIGHT: Final = 8  # of a text in memory, in numbers
_LONG_TEXT: Final = 400  # characters by which texts are told apart when their distinct values are counted
_BINS: Final = 16
_TOP: Final = 12
_VALUE_LENGTH: Final = 60
_SAFE_TO_SQUARE: Final = 1e150  # the square of a larger float overflows

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class _SnapshotColumn(msgspec.Struct, frozen=True):
    """One column of the snapshot, to be profiled."""

    position: int
    name: str
    storage: StorageType

    @property
    def column(self) -> str:
        return f"c{self.position}"

    @property
    def is_date(self) -> bool:
        return self.storage in {"date", "timestamp"}


class _Totals(msgspec.Struct, frozen=True):
    """Counts over all rows of a column, and its minimum, maximum, mean and deviation if it is numeric."""

    present: int
    distinct: int
    moments: tuple[float | int | None, ...]


def profile_snapshot(
    database: "duckdb.DuckDBPyConnection",
    snapshot: Path,
    names: Sequence[str],
    stored: Sequence[StoredColumn],
    *,
    only: Sequence[int] | None = None,
) -> TableProfile:
    """The profile of the Parquet file `snapshot`, whose columns c0, c1 ... are called `names`.

    With `only`, the profile has nothing but the columns at these positions, in this order.
    """
    database.execute("SET parquet_metadata_cache = true")
    relation = f"read_parquet({sql_literal(str(snapshot))}, file_row_number=true)"
    rows = int(database.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])  # noqa: S608
    step = max(1, math.ceil(rows / _SAMPLED_ROWS))
    columns = [
        _SnapshotColumn(position, names[position], stored[position].storage)
        for position in (range(len(names)) if only is None else only)
    ]
    totals: dict[int, _Totals] = {}
    if step > 1:
        for start in range(0, len(columns), _COLUMNS_PER_STATEMENT):
            totals |= _count_totals(database, relation, columns[start : start + _COLUMNS_PER_STATEMENT])
    profiles: list[ColumnProfile] = []
    for group in _groups(columns, max(1, -(-rows // step))):
        profiles += _profile_group(database, relation, rows, step, group, totals)
    return TableProfile(
        rows,
        tuple(
            _with_format(profile, stored[column.position]) for profile, column in zip(profiles, columns, strict=True)
        ),
    )


def _with_format(profile: ColumnProfile, stored: StoredColumn) -> ColumnProfile:
    return msgspec.structs.replace(
        profile, format=stored.format, odd_cells=stored.odd_cells, odd_count=stored.odd_count, note=stored.note
    )


def _groups(columns: Sequence[_SnapshotColumn], rows: int) -> Iterator[list[_SnapshotColumn]]:
    """The columns in groups whose `rows` sampled rows fit in memory."""
    group: list[_SnapshotColumn] = []
    weight = 0
    for column in columns:
        size = rows * (_TEXT_WEIGHT if column.storage == "text" else 1)
        if group and (weight + size > _CELLS or len(group) == _COLUMNS_PER_STATEMENT):
            yield group
            group, weight = [], 0
        group.append(column)
        weight += size
    if group:
        yield group


# All rows: counts and moments ----------------------------------------------------------------------------------------


def _count_totals(
    database: "duckdb.DuckDBPyConnection", relation: str, columns: Sequence[_SnapshotColumn]
) -> dict[int, _Totals]:
    """The totals of columns, by position, from one pass over all rows."""
    selected: list[str] = []
    for column in columns:
        selected += [f"count({column.column})", f"approx_count_distinct({column.column})"]
        if column.storage != "text":
            number = _number(column)
            modest = number
            if column.storage == "float":  # DuckDB fails where a square overflows
                modest = f"CASE WHEN abs({number}) < {_SAFE_TO_SQUARE:g} THEN {number} END"
            selected += [f"min({number})", f"max({number})", f"avg({modest})", f"stddev_pop({modest})"]
    values = iter(database.execute(f"SELECT {', '.join(selected)} FROM {relation}").fetchall()[0])  # noqa: S608
    totals: dict[int, _Totals] = {}
    for column in columns:
        present, distinct = int(next(values)), int(next(values))
        moments = () if column.storage == "text" else tuple(next(values) for _ in range(4))
        totals[column.position] = _Totals(present, min(present, distinct), moments)
    return totals


def _number(column: _SnapshotColumn) -> str:
    """SQL: a value as a number, NULL where it is infinite. Dates are seconds since 1970."""
    if column.is_date:
        return f"CASE WHEN isfinite({column.column}) THEN epoch({column.column}) END"
    number = f"CAST({column.column} AS DOUBLE)"
    return f"CASE WHEN isfinite({column.column}) THEN {number} END" if column.storage == "float" else number


# Sampled rows: distributions -----------------------------------------------------------------------------------------


def _profile_group(
    database: "duckdb.DuckDBPyConnection",
    relation: str,
    rows: int,
    step: int,
    columns: Sequence[_SnapshotColumn],
    totals: Mapping[int, _Totals],
) -> list[ColumnProfile]:
    where = f"WHERE file_row_number % {step} = 0" if step > 1 else ""
    selected = ", ".join(expression for column in columns for expression in _selected(column))
    sample = database.sql(f"SELECT {selected} FROM {relation} {where}").to_arrow_table()  # noqa: S608
    profiles: list[ColumnProfile] = []
    for column in columns:
        profile = _profile_column(column, sample, rows, step, totals.get(column.position))
        if step == 1 and profile.lengths and profile.lengths.longest > _LONG_TEXT:
            profile = msgspec.structs.replace(profile, distinct=_count_distinct_texts(database, relation, column))
        profiles.append(profile)
    return profiles


def _selected(column: _SnapshotColumn) -> list[str]:
    """What is selected of a column: a text with its length and number of words, a date with its number."""
    name, position = column.column, column.position
    if column.storage == "text":
        words = f"1 + length(trim({name})) - length(replace(trim({name}), ' ', ''))"
        return [
            f"left({name}, {_LONG_TEXT}) AS {name}",
            f"length({name}) AS length{position}",
            f"CASE WHEN trim({name}) = '' THEN 0 ELSE {words} END AS words{position}",
        ]
    return [name, f"{_number(column)} AS number{position}"] if column.is_date else [name]


def _count_distinct_texts(database: "duckdb.DuckDBPyConnection", relation: str, column: _SnapshotColumn) -> int:
    """The number of different texts in a column of long texts, by their hashes, which take less memory."""
    name = column.column
    query = f"SELECT count(DISTINCT hash({name})) FROM {relation} WHERE {name} IS NOT NULL"  # noqa: S608
    return int(database.execute(query).fetchall()[0][0])


def _profile_column(
    column: _SnapshotColumn, sample: Any, rows: int, step: int, totals: _Totals | None
) -> ColumnProfile:
    """The profile of a column from `sample`, an Arrow table of every `step`-th row; `totals` if that is not all."""
    array = sample.column(column.column)
    sampled = len(array) - array.null_count
    present = totals.present if totals else sampled
    distinct = totals.distinct if totals else 0
    missing = rows - present
    if not sampled:
        return ColumnProfile(column.name, column.storage, rows, missing, distinct)
    numbers: NumericSummary | None = None
    lengths: TextLengths | None = None
    values: Any
    if column.storage == "text":
        values, counts = _value_counts(array)
        lengths = _text_lengths(sample, column.position)
    elif column.is_date:
        values, counts = _value_counts(array)
        numbers = _numeric_summary(_floats(sample.column(f"number{column.position}")), step, totals)
    else:
        plain = _numpy_values(array)
        values, counts = np.unique(plain, return_counts=True)
        numbers = _numeric_summary(plain.astype(np.float64), step, totals)
    top = _most_frequent(values, counts, column.storage, step, present)
    distinct = totals.distinct if totals else len(values)
    return ColumnProfile(column.name, column.storage, rows, missing, distinct, top, numbers, lengths)


def _numpy_values(array: Any) -> Any:
    """The present values of an Arrow column of numbers or booleans."""
    import pyarrow as pa

    present = array.drop_null()
    if pa.types.is_boolean(present.type):
        present = present.cast(pa.int8())
    return present.to_numpy()


def _floats(array: Any) -> Floats:
    return np.asarray(array.drop_null().to_numpy(), dtype=np.float64)


def _value_counts(array: Any) -> tuple[Any, Counts]:
    """The distinct present values of an Arrow column, and how often each occurs."""
    value_counts = array.drop_null().combine_chunks().value_counts()
    return value_counts.field(0), np.asarray(value_counts.field(1).to_numpy(), dtype=np.int64)


def _most_frequent(
    values: Any, counts: Counts, storage: StorageType, step: int, present: int
) -> tuple[ValueCount, ...]:
    """The most frequent values; of equally frequent ones the smallest."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, np.ndarray):  # in order already
        indices = np.argsort(-counts, kind="stable")[:_TOP]
        texts = [_value_text(value, storage) for value in values[indices].tolist()]
    else:
        table = pa.table({"count": counts, "value": values})
        indices = pc.select_k_unstable(table, _TOP, [("count", "descending"), ("value", "ascending")]).to_numpy()
        selected = values.take(pa.array(indices)).cast(pa.string())
        texts = [_value_text(value, storage) for value in selected.to_pylist()]
    return tuple(
        ValueCount(clean(text, _VALUE_LENGTH), min(present, int(counts[index]) * step))
        for text, index in zip(texts, indices, strict=True)
    )


def _value_text(value: Any, storage: StorageType) -> str:
    if storage == "boolean":
        return "true" if value else "false"
    text = str(value)
    if storage == "timestamp":
        return text.rstrip("0").rstrip(".") if "." in text else text
    return text


def _numeric_summary(values: Floats, step: int, totals: _Totals | None) -> NumericSummary | None:
    """Moments and bins of the finite values; every number is finite, because the profile goes into journals as JSON."""
    values = values[np.isfinite(values)]
    if totals is not None:
        if any(moment is None for moment in totals.moments[:2]):
            return None
        low, high, mean, deviation = (math.nan if moment is None else float(moment) for moment in totals.moments)
    elif len(values):
        low, high = float(values.min()), float(values.max())
        modest = values[np.abs(values) < _SAFE_TO_SQUARE]
        mean = float(modest.mean()) if len(modest) else math.nan
        deviation = float(modest.std()) if len(modest) else math.nan
    else:
        return None
    mean = mean if math.isfinite(mean) else low / 2 + high / 2
    deviation = deviation if math.isfinite(deviation) else 0.0
    if not len(values):  # the sample holds only infinities
        return NumericSummary(low, high, mean, deviation, (mean, mean, mean), ())
    span = high - low
    if not math.isfinite(span) or span <= 0:
        bins: tuple[int, ...] = (len(values) * step,)
    else:
        indices = np.clip(np.floor((values - low) / span * _BINS), 0, _BINS - 1).astype(np.int64)
        bins = tuple((np.bincount(indices, minlength=_BINS) * step).tolist())
    return NumericSummary(low, high, mean, deviation, _quartiles(values), bins)


def _quartiles(values: Floats) -> tuple[float, float, float]:
    """The quartiles by linear interpolation, without a difference, which could overflow."""
    ordered = np.sort(values)
    quartiles = []
    for share in (0.25, 0.5, 0.75):
        rank = share * (len(ordered) - 1)
        below, weight = int(rank), rank - int(rank)
        above = min(below + 1, len(ordered) - 1)
        quartiles.append(float(ordered[below] * (1 - weight) + ordered[above] * weight))
    return quartiles[0], quartiles[1], quartiles[2]


def _text_lengths(sample: Any, position: int) -> TextLengths:
    characters, words = _floats(sample.column(f"length{position}")), _floats(sample.column(f"words{position}"))
    return TextLengths(int(characters.min()), int(characters.max()), float(characters.mean()), float(words.mean()))
