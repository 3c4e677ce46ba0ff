"""The profile of a snapshot: counts and moments of every column, distributions from a sample.

Up to 100,000 rows everything is exact. Beyond, counts and moments are taken in one pass over all rows, distinct counts
are estimates, and quartiles, bins, lengths and the most frequent values come from 100,000 rows drawn evenly, and their
counts are scaled to the whole table. Columns are taken in groups, so that memory does not grow with their number.

The distribution of one column from sampled rows in memory: distinct and frequent values, moments, bins, lengths.
"""

import math
from collections.abc import Iterator, Sequence
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
    TableProfile,
    TextLengths,
    ValueCount,
)
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb


LONG_TEXT: Final = 400  # characters by which long texts are told apart when they are counted
_BINS: Final = 16
_TOP: Final = 12
_VALUE_LENGTH: Final = 60

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class ColumnTotals(msgspec.Struct, frozen=True):
    """Of all rows of a column: values present, distinct ones, and least, greatest, mean and deviation if numeric."""

    present: int
    distinct: int
    moments: tuple[float | int | None, ...]


class ColumnDistribution(msgspec.Struct, frozen=True):
    """What a `Column` says beside its name, storage and rows."""

    present: int
    distinct: int
    top: tuple[ValueCount, ...] = ()
    numbers: NumericSummary | None = None
    lengths: TextLengths | None = None


def column_distribution(
    place: int, storage: StorageType, table: Any, step: int, totals: ColumnTotals | None
) -> ColumnDistribution:
    """Column `c<place>` of an Arrow table that holds every `step`-th row; `totals` when these are not all rows.

    A text comes with columns `length<place>` and `words<place>`, a date with `number<place>`.
    """
    array = table.column(f"c{place}")
    present = totals.present if totals else len(array) - array.null_count
    if len(array) == array.null_count:
        return ColumnDistribution(present, totals.distinct if totals else 0)
    if storage == "text":
        values, counts = _counted(array)
        lengths = _lengths(table.column(f"length{place}"), table.column(f"words{place}"))
        top = _top(values, counts, storage, step, present)
        return ColumnDistribution(present, totals.distinct if totals else len(values), top, None, lengths)
    if storage in {"date", "timestamp"}:
        values, counts = _counted(array)
        numbers = _floats(table.column(f"number{place}"))
    else:
        plain = _plain(array)
        values, counts = np.unique(plain, return_counts=True)
        numbers = plain.astype(np.float64)
    top = _top(values, counts, storage, step, present)
    return ColumnDistribution(present, totals.distinct if totals else len(values), top, _numbers(numbers, step, totals))


def _plain(array: Any) -> Any:
    """The values that are present, as numbers."""
    import pyarrow as pa

    present = array.drop_null()
    if pa.types.is_boolean(present.type):
        present = present.cast(pa.int8())
    return present.to_numpy()


def _floats(array: Any) -> Floats:
    return np.asarray(array.drop_null().to_numpy(), dtype=np.float64)


def _counted(array: Any) -> tuple[Any, Counts]:
    """The distinct values of an Arrow column that are present, and how often each comes."""
    found = array.drop_null().combine_chunks().value_counts()
    return found.field(0), np.asarray(found.field(1).to_numpy(), dtype=np.int64)


def _top(values: Any, counts: Counts, storage: StorageType, step: int, present: int) -> tuple[ValueCount, ...]:
    """The most frequent values, of equally frequent ones the least."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, np.ndarray):  # in order already
        places = np.argsort(-counts, kind="stable")[:_TOP]
        texts = [_text(value, storage) for value in values[places].tolist()]
    else:
        wanted = pa.table({"count": counts, "value": values})
        places = pc.select_k_unstable(wanted, _TOP, [("count", "descending"), ("value", "ascending")]).to_numpy()
        picked = values.take(pa.array(places))
        texts = [_text(value, storage) for value in picked.cast(pa.string()).to_pylist()]
    return tuple(
        ValueCount(clean(text, _VALUE_LENGTH), min(present, int(counts[place]) * step))
        for text, place in zip(texts, places, strict=True)
    )


def _text(value: Any, storage: StorageType) -> str:
    if storage == "boolean":
        return "true" if value else "false"
    text = str(value)
    if storage == "timestamp":
        return text.rstrip("0").rstrip(".") if "." in text else text
    return text


def _numbers(values: Floats, step: int, totals: ColumnTotals | None) -> NumericSummary | None:
    """Moments and bins of the finite values. Every number in it is finite: it goes into journals as JSON."""
    values = values[np.isfinite(values)]
    if totals is not None:
        if any(moment is None for moment in totals.moments[:2]):
            return None
        low, high, mean, deviation = (math.nan if moment is None else float(moment) for moment in totals.moments)
    elif len(values):
        low, high = float(values.min()), float(values.max())
        modest = values[np.abs(values) < 1e150]  # squares beyond overflow
        mean = float(modest.mean()) if len(modest) else math.nan
        deviation = float(modest.std()) if len(modest) else math.nan
    else:
        return None
    mean = mean if math.isfinite(mean) else low / 2 + high / 2
    deviation = deviation if math.isfinite(deviation) else 0.0
    if not len(values):  # the sample met only infinities
        return NumericSummary(low, high, mean, deviation, (mean, mean, mean), ())
    quartiles = _quartiles(values)
    span = high - low
    if not math.isfinite(span) or span <= 0:
        bins: tuple[int, ...] = (len(values) * step,)
    else:
        places = np.clip(np.floor((values - low) / span * _BINS), 0, _BINS - 1).astype(np.int64)
        bins = tuple((np.bincount(places, minlength=_BINS) * step).tolist())
    return NumericSummary(low, high, mean, deviation, quartiles, bins)


def _quartiles(values: Floats) -> tuple[float, float, float]:
    """Quarter, half and three quarters, between neighbours by their distance; safe where a difference overflows."""
    ordered = np.sort(values)
    found = []
    for share in (0.25, 0.5, 0.75):
        place = share * (len(ordered) - 1)
        below, part = int(place), place - int(place)
        above = min(below + 1, len(ordered) - 1)
        found.append(float(ordered[below] * (1 - part) + ordered[above] * part))
    return found[0], found[1], found[2]


def _lengths(lengths: Any, words: Any) -> TextLengths | None:
    characters, several = _floats(lengths), _floats(words)
    return TextLengths(int(characters.min()), int(characters.max()), float(characters.mean()), float(several.mean()))


SAMPLED: Final = 100_000
_AT_ONCE: Final = 500  # columns asked about in one statement
_CELLS: Final = 4_000_000  # sampled numbers in memory at once
_TEXT_WEIGHT: Final = 8  # of a text, in numbers


class _SnapshotColumn(msgspec.Struct, frozen=True):
    """One column of the snapshot, before it is looked at."""

    place: int
    name: str
    storage: StorageType

    @property
    def column(self) -> str:
        return f"c{self.place}"


def profile_snapshot(
    database: "duckdb.DuckDBPyConnection", snapshot: Path, names: Sequence[str], storages: Sequence[StorageType]
) -> TableProfile:
    """The profile of the Parquet file `snapshot`, whose columns c0, c1 ... are called `names`."""
    database.execute("SET parquet_metadata_cache = true")
    source = f"read_parquet({sql_literal(str(snapshot))}, file_row_number=true)"
    rows = int(database.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])  # noqa: S608
    step = max(1, math.ceil(rows / SAMPLED))
    asked = [
        _SnapshotColumn(place, name, storage) for place, (name, storage) in enumerate(zip(names, storages, strict=True))
    ]
    totals: dict[int, ColumnTotals] = {}
    if step > 1:
        for start in range(0, len(asked), _AT_ONCE):
            totals |= _totals(database, source, asked[start : start + _AT_ONCE])
    columns: list[ColumnProfile] = []
    for group in _groups(asked, max(1, -(-rows // step))):
        columns += _columns(database, source, rows, step, group, totals)
    return TableProfile(rows, tuple(columns))


def _groups(asked: Sequence[_SnapshotColumn], rows: int) -> Iterator[list[_SnapshotColumn]]:
    """The columns in groups of which the sampled rows fit in memory."""
    group: list[_SnapshotColumn] = []
    weight = 0
    for column in asked:
        size = rows * (_TEXT_WEIGHT if column.storage == "text" else 1)
        if group and (weight + size > _CELLS or len(group) == _AT_ONCE):
            yield group
            group, weight = [], 0
        group.append(column)
        weight += size
    if group:
        yield group


def _totals(
    database: "duckdb.DuckDBPyConnection", source: str, asked: Sequence[_SnapshotColumn]
) -> dict[int, ColumnTotals]:
    """What one pass over all rows tells of columns too long to be taken into memory."""
    wanted: list[str] = []
    for each in asked:
        wanted += [f"count({each.column})", f"approx_count_distinct({each.column})"]
        if each.storage != "text":
            number = _number(each.column, each.storage)
            # Squares beyond 1e150 overflow, at which the database gives up.
            modest = f"CASE WHEN abs({number}) < 1e150 THEN {number} END" if each.storage == "float" else number
            wanted += [f"min({number})", f"max({number})", f"avg({modest})", f"stddev_pop({modest})"]
    row = database.execute(f"SELECT {', '.join(wanted)} FROM {source}").fetchall()[0]  # noqa: S608
    result: dict[int, ColumnTotals] = {}
    cursor = 0
    for each in asked:
        width = 2 if each.storage == "text" else 6
        present, distinct, *moments = row[cursor : cursor + width]
        result[each.place] = ColumnTotals(int(present), min(int(present), int(distinct)), tuple(moments))
        cursor += width
    return result


def _number(column: str, storage: StorageType) -> str:
    """SQL: a value as a number, NULL where it is infinite. Dates are seconds since 1970."""
    if storage in {"date", "timestamp"}:
        return f"CASE WHEN isfinite({column}) THEN epoch({column}) END"
    number = f"CAST({column} AS DOUBLE)"
    return f"CASE WHEN isfinite({column}) THEN {number} END" if storage == "float" else number


def _columns(
    database: "duckdb.DuckDBPyConnection",
    source: str,
    rows: int,
    step: int,
    asked: Sequence[_SnapshotColumn],
    totals: dict[int, ColumnTotals],
) -> list[ColumnProfile]:
    picked: list[str] = []
    for each in asked:
        if each.storage == "text":
            words = f"1 + length(trim({each.column})) - length(replace(trim({each.column}), ' ', ''))"
            picked += [
                f"left({each.column}, {LONG_TEXT}) AS {each.column}",
                f"length({each.column}) AS length{each.place}",
                f"CASE WHEN trim({each.column}) = '' THEN 0 ELSE {words} END AS words{each.place}",
            ]
        else:
            picked.append(each.column)
            if each.storage in {"date", "timestamp"}:
                picked.append(f"{_number(each.column, each.storage)} AS number{each.place}")
    where = f"WHERE file_row_number % {step} = 0" if step > 1 else ""
    table = database.sql(f"SELECT {', '.join(picked)} FROM {source} {where}").to_arrow_table()  # noqa: S608
    result = []
    for each in asked:
        found = column_distribution(each.place, each.storage, table, step, totals.get(each.place))
        if step == 1 and found.lengths and found.lengths.longest > LONG_TEXT:
            found = msgspec.structs.replace(found, distinct=_distinct_texts(database, source, each.column))
        result.append(
            ColumnProfile(
                each.name, each.storage, rows, rows - found.present, found.distinct, found.top, found.numbers,
                found.lengths,
            )
        )  # fmt: skip
    return result


def _distinct_texts(database: "duckdb.DuckDBPyConnection", source: str, column: str) -> int:
    """How many different texts a column of long ones has; by their hashes, which are kept in less room."""
    asked = f"SELECT count(DISTINCT hash({column})) FROM {source} WHERE {column} IS NOT NULL"  # noqa: S608
    return int(database.execute(asked).fetchall()[0][0])
