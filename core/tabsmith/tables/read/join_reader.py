"""Several tables joined by their keys into one snapshot, and what each join did to the rows."""

from typing import TYPE_CHECKING, Final, NamedTuple

from tabsmith.errors import ReadError, UsageError
from tabsmith.tables.database import sql_literal
from tabsmith.tables.info import Dialect, JoinStep, TableInfo
from tabsmith.tables.profile.types import ColumnProfile, StoredColumn
from tabsmith.tables.read.arrow_columns import unique_names
from tabsmith.tables.read.file_reader import Workplace
from tabsmith.tables.read.formats.base import ReadResult
from tabsmith.tables.read.sources import JoinSource, describe_source
from tabsmith.text import clean, nearest

if TYPE_CHECKING:
    import duckdb

MOST_TABLES: Final = 4


class _Column(NamedTuple):
    """A column of the joined table: its name there, its SQL in the table from which it comes, and its profile there."""

    name: str
    sql: str
    profile: ColumnProfile


def require_joinable(source: JoinSource) -> None:
    """Raise UsageError for a join of too few or too many tables, or without a key."""
    if not 2 <= len(source.tables) <= MOST_TABLES:
        raise UsageError(
            f"{len(source.tables)} tables cannot be joined at once; two to {MOST_TABLES} can.",
            next_step="Join fewer, write the result with `tabsmith read --out`, and join that.",
        )
    if not source.on:
        raise UsageError("A join needs a key.", next_step="Name the columns that the tables share with --on.")


def join_tables(source: JoinSource, tables: tuple[TableInfo, ...], place: Workplace) -> ReadResult:
    """Join the snapshots of `tables` into `place.out`, one after the other; rows keep the order of the first table.

    A key that is a number in one table and text in another is compared as text. Raises ReadError for a key that a
    table does not have, and if no row is left.
    """
    database = place.database
    first = tables[0]
    database.execute(
        f"CREATE VIEW joined0 AS SELECT *, file_row_number AS row0 FROM {_snapshot(first)}"  # noqa: S608
    )
    columns = [_Column(column.name, f"c{place_}", column) for place_, column in enumerate(first.profile.columns)]
    orders = ["row0"]
    steps: list[JoinStep] = []
    for number, table in enumerate(tables[1:], 1):
        keys = [_key(table, name) for name in source.on]
        condition = " AND ".join(
            _equal(_key_column(columns, name, first), key) for name, key in zip(source.on, keys, strict=True)
        )
        added = [
            _Column(column.name, f"t{number}_c{position}", column)
            for position, column in enumerate(table.profile.columns)
            if position not in {position for position, _ in keys}
        ]
        selected = ", ".join(
            [
                "l.*",
                *(f"r.{column.sql.partition('_')[2]} AS {column.sql}" for column in added),
                f"r.file_row_number AS row{number}",
            ]
        )
        right = _snapshot(table)
        kind = "LEFT" if source.how == "left" else "INNER"
        database.execute(
            f"CREATE VIEW joined{number} AS SELECT {selected} FROM joined{number - 1} l {kind} JOIN {right} r ON {condition}"  # noqa: S608
        )
        steps.append(_step(database, number, table, condition, source))
        columns += added
        orders.append(f"row{number}")
    if not steps[-1].rows_after:
        raise ReadError(
            "No row is left after the join: no key of one table is in the other.",
            where=describe_source(source),
            next_step="Check that the key holds the same values in all tables, or keep every row of the first.",
        )
    chosen = ", ".join(f"{column.sql} AS c{position}" for position, column in enumerate(columns))
    database.execute(
        f"COPY (SELECT {chosen} FROM joined{len(tables) - 1} ORDER BY {', '.join(orders)}) "  # noqa: S608
        f"TO {sql_literal(str(place.out))} (FORMAT parquet)"
    )
    stored = tuple(
        StoredColumn(column.profile.storage, column.profile.format, column.profile.odd_cells, column.profile.odd_count)
        for column in columns
    )
    names = unique_names([column.name for column in columns])
    return ReadResult(names, stored, dialect=Dialect(delimiter="", quote=""), joins=tuple(steps))


def _snapshot(table: TableInfo) -> str:
    return f"read_parquet({sql_literal(table.snapshot)}, file_row_number=true)"


def _key(table: TableInfo, name: str) -> tuple[int, ColumnProfile]:
    """The position and the profile of the key `name` in a table: the same name, but for case and gaps."""
    columns = table.profile.columns
    wanted = name.strip().casefold()
    for position, column in enumerate(columns):
        if column.name == name:
            return position, column
    for position, column in enumerate(columns):
        if column.name.strip().casefold() == wanted:
            return position, column
    near = nearest(name, [column.name for column in columns])
    raise ReadError(
        f"The table has no column {clean(name, 60)} to join by.",
        where=describe_source(table.source),
        next_step=f"Did you mean {clean(near, 60)}?" if near else "Name a column that all tables have.",
    )


def _key_column(columns: list[_Column], name: str, first: TableInfo) -> _Column:
    """The key in what is joined so far. Raises ReadError if it is not there."""
    position, _ = _key(first, name)
    return columns[position]


def _equal(left: _Column, right: tuple[int, ColumnProfile]) -> str:
    position, profile = right
    numeric = {"integer", "float"}
    same = left.profile.storage == profile.storage or {left.profile.storage, profile.storage} <= numeric
    if same:
        return f"l.{left.sql} = r.c{position}"
    return f"CAST(l.{left.sql} AS VARCHAR) = CAST(r.c{position} AS VARCHAR)"


def _step(
    database: "duckdb.DuckDBPyConnection", number: int, table: TableInfo, condition: str, source: JoinSource
) -> JoinStep:
    """What one join did: counted on what it joined."""
    left, right = f"joined{number - 1} l", f"{_snapshot(table)} r"
    counts = database.execute(
        f"SELECT (SELECT count(*) FROM {left}), (SELECT count(*) FROM joined{number}), "  # noqa: S608
        f"(SELECT count(*) FROM {left} WHERE NOT EXISTS (SELECT 1 FROM {right} WHERE {condition})), "
        f"(SELECT count(*) FROM {right} WHERE NOT EXISTS (SELECT 1 FROM {left} WHERE {condition}))"
    ).fetchone()
    assert counts is not None
    before, after, unmatched, unused = map(int, counts)
    kept = before if source.how == "left" else before - unmatched
    return JoinStep(
        table=describe_source(table.source),
        on=source.on,
        how=source.how,
        rows_before=before,
        rows_after=after,
        unmatched=unmatched,
        unused=unused,
        multiplied=after - kept,
    )
