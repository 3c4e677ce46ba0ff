"""The profile of a snapshot: counts and moments of every column, distributions from a sample.

Up to 100,000 rows everything is exact. Beyond, counts and moments are taken in one pass over all rows, distinct counts
are estimates, and quartiles, bins, lengths and the most frequent values come from 100,000 rows drawn evenly, and their
counts are scaled to the whole table. Columns are taken in groups, so that memory does not grow with their number.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.tables.distributions import LONG_TEXT, Totals, distribution
from tabsmith.tables.engine import literal
from tabsmith.tables.profile import Column, Profile, Storage

if TYPE_CHECKING:
    import duckdb

SAMPLED: Final = 100_000
_AT_ONCE: Final = 500  # columns asked about in one statement
_CELLS: Final = 4_000_000  # sampled numbers in memory at once
_TEXT_WEIGHT: Final = 8  # of a text, in numbers


class _Asked(msgspec.Struct, frozen=True):
    """One column of the snapshot, before it is looked at."""

    place: int
    name: str
    storage: Storage

    @property
    def column(self) -> str:
        return f"c{self.place}"


def profile(
    database: "duckdb.DuckDBPyConnection", snapshot: Path, names: Sequence[str], storages: Sequence[Storage]
) -> Profile:
    """The profile of the Parquet file `snapshot`, whose columns c0, c1 ... are called `names`."""
    database.execute("SET parquet_metadata_cache = true")
    source = f"read_parquet({literal(str(snapshot))}, file_row_number=true)"
    rows = int(database.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])  # noqa: S608
    step = max(1, math.ceil(rows / SAMPLED))
    asked = [_Asked(place, name, storage) for place, (name, storage) in enumerate(zip(names, storages, strict=True))]
    totals: dict[int, Totals] = {}
    if step > 1:
        for start in range(0, len(asked), _AT_ONCE):
            totals |= _totals(database, source, asked[start : start + _AT_ONCE])
    columns: list[Column] = []
    for group in _groups(asked, max(1, -(-rows // step))):
        columns += _columns(database, source, rows, step, group, totals)
    return Profile(rows, tuple(columns))


def _groups(asked: Sequence[_Asked], rows: int) -> Iterator[list[_Asked]]:
    """The columns in groups of which the sampled rows fit in memory."""
    group: list[_Asked] = []
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


def _totals(database: "duckdb.DuckDBPyConnection", source: str, asked: Sequence[_Asked]) -> dict[int, Totals]:
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
    result: dict[int, Totals] = {}
    cursor = 0
    for each in asked:
        width = 2 if each.storage == "text" else 6
        present, distinct, *moments = row[cursor : cursor + width]
        result[each.place] = Totals(int(present), min(int(present), int(distinct)), tuple(moments))
        cursor += width
    return result


def _number(column: str, storage: Storage) -> str:
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
    asked: Sequence[_Asked],
    totals: dict[int, Totals],
) -> list[Column]:
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
        found = distribution(each.place, each.storage, table, step, totals.get(each.place))
        if step == 1 and found.lengths and found.lengths.longest > LONG_TEXT:
            found = msgspec.structs.replace(found, distinct=_distinct_texts(database, source, each.column))
        result.append(
            Column(
                each.name, each.storage, rows, rows - found.present, found.distinct, found.top, found.numbers,
                found.lengths,
            )
        )  # fmt: skip
    return result


def _distinct_texts(database: "duckdb.DuckDBPyConnection", source: str, column: str) -> int:
    """How many different texts a column of long ones has; by their hashes, which are kept in less room."""
    asked = f"SELECT count(DISTINCT hash({column})) FROM {source} WHERE {column} IS NOT NULL"  # noqa: S608
    return int(database.execute(asked).fetchall()[0][0])
