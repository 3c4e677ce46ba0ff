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
from tabsmith.tables.profile.number_columns import (
    SAFE_TO_SQUARE,
    Moments,
    NumberDistribution,
    Numbers,
    profile_numbers,
)
from tabsmith.tables.profile.types import (
    ColumnProfile,
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
_TOP: Final = 12
_VALUE_LENGTH: Final = 60

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
    moments: tuple[float | None, ...]  # those of `Moments`; () for texts


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
    import pyarrow.parquet as pq

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
    with pq.ParquetFile(snapshot, pre_buffer=False) as file:
        for group in _groups(columns, max(1, -(-rows // step))):
            profiles += _profile_group(database, relation, file, rows, step, group, totals)
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
                modest = f"CASE WHEN abs({number}) < {SAFE_TO_SQUARE:g} THEN {number} END"
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
    file: Any,
    rows: int,
    step: int,
    columns: Sequence[_SnapshotColumn],
    totals: Mapping[int, _Totals],
) -> list[ColumnProfile]:
    sample = _sampled(database, relation, file, step, columns)
    numbers = _number_columns(columns, sample, step, totals)
    profiles: list[ColumnProfile] = []
    for column in columns:
        profile = _profile_column(column, sample, rows, step, totals.get(column.position), numbers.get(column.position))
        if step == 1 and profile.lengths and profile.lengths.longest > _LONG_TEXT:
            profile = msgspec.structs.replace(profile, distinct=_count_distinct_texts(database, relation, column))
        profiles.append(profile)
    return profiles


def _sampled(
    database: "duckdb.DuckDBPyConnection", relation: str, file: Any, step: int, columns: Sequence[_SnapshotColumn]
) -> dict[str, Any]:
    """Every `step`-th row of the columns, as Arrow columns by name; plain numbers of all rows straight from the file."""
    plain = [column.column for column in columns if step == 1 and column.storage != "text" and not column.is_date]
    sample = dict(zip(plain, file.read(columns=plain, use_threads=False).columns, strict=True)) if plain else {}
    others = [expression for column in columns if column.column not in sample for expression in _selected(column)]
    if others:
        where = f"WHERE file_row_number % {step} = 0" if step > 1 else ""
        table = database.sql(f"SELECT {', '.join(others)} FROM {relation} {where}").to_arrow_table()  # noqa: S608
        sample |= dict(zip(table.column_names, table.columns, strict=True))
    return sample


def _number_columns(
    columns: Sequence[_SnapshotColumn], sample: Mapping[str, Any], step: int, totals: Mapping[int, _Totals]
) -> dict[int, NumberDistribution]:
    """What the sample shows of the columns of numbers, booleans and dates that have a value, by position."""
    values: dict[int, Numbers] = {}
    for column in columns:
        if column.storage != "text":
            name = f"number{column.position}" if column.is_date else column.column
            present = _numpy_values(sample[name])
            if len(present):
                values[column.position] = present
    moments = [Moments(*known.moments) if (known := totals.get(position)) is not None else None for position in values]
    return dict(zip(values, profile_numbers(list(values.values()), step, moments, _TOP), strict=True))


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
    column: _SnapshotColumn,
    sample: Mapping[str, Any],
    rows: int,
    step: int,
    totals: _Totals | None,
    numbers: NumberDistribution | None,
) -> ColumnProfile:
    """The profile of a column from `sample`, Arrow columns of every `step`-th row; `totals` if that is not all."""
    array = sample[column.column]
    sampled = len(array) - array.null_count
    present = totals.present if totals else sampled
    distinct = totals.distinct if totals else 0
    missing = rows - present
    if not sampled:
        return ColumnProfile(column.name, column.storage, rows, missing, distinct)
    lengths: TextLengths | None = None
    if numbers is not None and not column.is_date:
        top = _number_counts(numbers, column.storage, step, present)
        different = numbers.distinct
    else:
        values, counts = _value_counts(array)
        top = _most_frequent(values, counts, column.storage, step, present)
        different = len(values)
    if column.storage == "text":
        lengths = _text_lengths(sample, column.position)
    summary = numbers.summary if numbers is not None else None
    return ColumnProfile(
        column.name,
        column.storage,
        rows,
        missing,
        totals.distinct if totals else different,
        top,
        summary,
        lengths,
    )


def _numpy_values(array: Any) -> Numbers:
    """The present values of an Arrow column of numbers or booleans, whole numbers and booleans as int64."""
    import pyarrow as pa

    present = array.drop_null() if array.null_count else array
    if not pa.types.is_floating(present.type):
        present = present.cast(pa.int64())
    return np.asarray(present.to_numpy())


def _floats(array: Any) -> Floats:
    return np.asarray(array.drop_null().to_numpy(), dtype=np.float64)


def _value_counts(array: Any) -> tuple[Any, Counts]:
    """The distinct present values of an Arrow column, and how often each occurs."""
    value_counts = array.drop_null().combine_chunks().value_counts()
    return value_counts.field(0), np.asarray(value_counts.field(1).to_numpy(), dtype=np.int64)


def _number_counts(
    numbers: NumberDistribution, storage: StorageType, step: int, present: int
) -> tuple[ValueCount, ...]:
    return tuple(
        ValueCount(_value_text(value, storage), min(present, count * step))
        for value, count in zip(numbers.values.tolist(), numbers.counts.tolist(), strict=True)
    )


def _most_frequent(
    values: Any, counts: Counts, storage: StorageType, step: int, present: int
) -> tuple[ValueCount, ...]:
    """The most frequent texts or dates; of equally frequent ones the smallest."""
    import pyarrow as pa
    import pyarrow.compute as pc

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


def _text_lengths(sample: Mapping[str, Any], position: int) -> TextLengths:
    characters, words = _floats(sample[f"length{position}"]), _floats(sample[f"words{position}"])
    return TextLengths(int(characters.min()), int(characters.max()), float(characters.mean()), float(words.mean()))
