"""Arrow columns on their way into a snapshot: their names, their values from Python, and how a snapshot stores them."""

import datetime as dt
import decimal
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.database import sql_literal
from tabsmith.tables.profile.types import StorageType, StoredColumn
from tabsmith.tables.read.sources import DateOrder
from tabsmith.tables.read.values.row_lines import no_lines
from tabsmith.tables.read.values.text_columns import RelationTexts, converted_select, plan_columns, settle_plans

if TYPE_CHECKING:
    import duckdb

_SAMPLED_TEXTS: Final = 5_000  # values of a text column by which its formats are planned
_INTEGERS: Final = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_LARGE_INTEGERS: Final = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_TYPED: Final[dict[StorageType, str]] = {
    "integer": "integer", "float": "number", "boolean": "boolean", "date": "date, ISO 8601",
    "timestamp": "time, ISO 8601", "text": "text",
}  # fmt: skip
"""The format in which texts are read for a column of each storage."""
_EXACT: Final = 2**53  # beyond, a float cannot hold every whole number


# Names ---------------------------------------------------------------------------------------------------------------


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """`names` trimmed, an empty one called `column_<n>` (from 1), a repeated one `<name>_2`, `<name>_3` ..."""
    given = [name.strip() or f"column_{number}" for number, name in enumerate(names, 1)]
    taken = set(given)
    used: set[str] = set()
    result: list[str] = []
    for name in given:
        unique, count = name, 2
        while unique in used or (unique != name and unique in taken):
            unique = f"{name}_{count}"
            count += 1
        used.add(unique)
        result.append(unique)
    return tuple(result)


def numbered_names(count: int) -> tuple[str, ...]:
    """`column_1` to `column_<count>`, for a table without a header."""
    return tuple(f"column_{number}" for number in range(1, count + 1))


# Values from Python --------------------------------------------------------------------------------------------------


def column_array(values: Sequence[Any]) -> Any:
    """Python values as an Arrow array: of one type where they have one, else each as its text.

    Whole numbers beside floats become floats; whole numbers over 64 bits and nested values become text.
    """
    import pyarrow as pa

    types = {type(value) for value in values if value is not None}
    if types <= {int, float} and float in types:
        if any(type(value) is int and abs(value) > _EXACT for value in values):
            return pa.array([_text(value) for value in values], pa.large_string())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    try:
        if len(types) == 1 and not types & {dict, list, tuple, set}:
            return pa.array(list(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError):
        pass  # kept as text below
    return pa.array([_text(value) for value in values], pa.large_string())


def plain_value(value: Any) -> Any:
    """A value of a frame or a database as a plain Python value; an object of any other type becomes its text.

    Times with a zone are in UTC, without the zone; decimals without a fraction are whole numbers.
    """
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if value is None or isinstance(value, bool | int | float | str | bytes | dt.date | dict | list):
        return value
    if isinstance(value, decimal.Decimal):
        return int(value) if value.as_tuple().exponent == 0 else float(value)
    return str(value)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")


# Into a snapshot -----------------------------------------------------------------------------------------------------


def write_columns(
    database: "duckdb.DuckDBPyConnection",
    columns: Sequence[Any],
    out: Path,
    *,
    as_text: bool,
    read_texts: bool = True,
    dates: DateOrder | None = None,
) -> tuple[StoredColumn, ...]:
    """Write Arrow arrays to the Parquet file `out`, with columns c0, c1 ..., as `convert_relation` does."""
    import pyarrow as pa

    table = pa.Table.from_arrays(list(columns), names=[f"c{position}" for position in range(len(columns))])
    database.register("given", table)
    return convert_relation(database, "given", out, as_text=as_text, read_texts=read_texts, dates=dates)


def convert_relation(
    database: "duckdb.DuckDBPyConnection",
    relation: str,
    out: Path,
    *,
    as_text: bool,
    read_texts: bool = True,
    kept: tuple[str, ...] = (),
    dates: DateOrder | None = None,
) -> tuple[StoredColumn, ...]:
    """Copy `relation` (SQL, columns c0, c1 ...) to the Parquet file `out`; returns how each column is stored.

    Without `as_text`, a column of text becomes one of numbers, dates or booleans as in a text file; without `read_texts`,
    every column stays what it is. Further columns of the relation, called as in `kept`, are copied as they are.
    """
    described = database.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
    described = [row for row in described if row[0] not in kept]
    selected: list[str] = []
    stored: list[StoredColumn] = []
    for position, row in enumerate(described):
        value, column = _stored(database, relation, f"c{position}", str(row[1]), as_text)
        selected.append(f"{value} AS c{position}")
        stored.append(column)
    converted = f"(SELECT {', '.join((*selected, *kept))} FROM {relation})"  # noqa: S608
    if not read_texts:
        stored = [msgspec.structs.replace(column, verbatim=True) for column in stored]
    elif not as_text and any(column.storage == "text" for column in stored):
        converted, stored = _with_texts_read(database, converted, stored, kept, dates)
    database.execute(f"COPY (SELECT * FROM {converted}) TO {sql_literal(str(out))} (FORMAT parquet)")  # noqa: S608
    return tuple(stored)


def _stored(
    database: "duckdb.DuckDBPyConnection", relation: str, column: str, type_: str, as_text: bool
) -> tuple[str, StoredColumn]:
    """The SQL value of a column of the DuckDB type `type_`, and how it is stored."""
    if as_text:
        return f"coalesce({_as_text(column, type_)}, '')", StoredColumn("text", verbatim=True)
    if type_ in _INTEGERS:
        return f"CAST({column} AS BIGINT)", _typed("integer")
    if type_ in _LARGE_INTEGERS or type_.startswith("DECIMAL"):
        return _large_number(database, relation, column, type_)
    if type_ in {"FLOAT", "DOUBLE"}:
        # A float that is not a number is a missing value.
        return f"CASE WHEN isnan({column}) THEN NULL ELSE CAST({column} AS DOUBLE) END", _typed("float")
    if type_ == "BOOLEAN":
        return column, _typed("boolean")
    if type_ == "DATE":
        return _if_finite(column, f"TRY_CAST({column} AS TIMESTAMP)"), _typed("date")
    if type_.startswith("TIMESTAMP"):
        has_zone = "ZONE" in type_ or "TZ" in type_
        timestamp = f"TRY_CAST({column} AS TIMESTAMP{'TZ' if has_zone else ''})"
        value = f"CAST({timestamp} AT TIME ZONE 'UTC' AS TIMESTAMP)" if has_zone else timestamp
        return _if_finite(value, timestamp), _typed("timestamp")
    if type_ == "INTERVAL":
        return f"epoch({column})", _typed("float", note="durations, taken as seconds")
    if type_.startswith("TIME"):  # what begins with TIMESTAMP is above
        return f"epoch({column})", _typed("float", note="times of day, taken as seconds since midnight")
    if type_ == "BLOB":
        return _bytes(database, relation, column)
    return _as_text(column, type_), StoredColumn("text")


def _typed(storage: StorageType, note: str = "") -> StoredColumn:
    """A column that has a type in its source; texts of new rows are read as those of a text file would be."""
    return StoredColumn(storage, ColumnFormat(_TYPED[storage]), note=note)


def _bytes(database: "duckdb.DuckDBPyConnection", relation: str, column: str) -> tuple[str, StoredColumn]:
    """Bytes as the text that they encode in UTF-8; bytes that are no text are missing, counted and told."""
    text = _as_text(column, "BLOB")
    counted = f"SELECT count({column}) - count({text}) FROM {relation}"  # noqa: S608
    row = database.execute(counted).fetchone()
    odd = int(row[0]) if row else 0
    return text, StoredColumn("text", odd_count=odd, note="bytes that are no text, taken as missing" if odd else "")


def _if_finite(value: str, timestamp: str) -> str:
    """SQL: a date beyond what microseconds since 1970 can hold, infinity among them, is a missing value."""
    return f"CASE WHEN isfinite({timestamp}) THEN {value} END"


def _large_number(
    database: "duckdb.DuckDBPyConnection", relation: str, column: str, type_: str
) -> tuple[str, StoredColumn]:
    """Large whole numbers stay exact: as integers if they fit in 64 bits, else as text. Decimals become floats."""
    if type_.startswith("DECIMAL") and not type_.endswith(",0)"):
        return f"CAST({column} AS DOUBLE)", _typed("float")
    fits = f"SELECT count({column}) = count(TRY_CAST({column} AS BIGINT)) FROM {relation}"  # noqa: S608
    row = database.execute(fits).fetchone()
    if row and row[0]:
        return f"CAST({column} AS BIGINT)", _typed("integer")
    return f"CAST({column} AS VARCHAR)", StoredColumn("text", note="whole numbers beyond 64 bits, kept as text")


def _as_text(column: str, type_: str) -> str:
    if type_ == "BLOB":
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE TRY(decode({column})) END"
    if type_.startswith(("STRUCT", "MAP", "UNION")) or type_.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _with_texts_read(
    database: "duckdb.DuckDBPyConnection",
    relation: str,
    stored: Sequence[StoredColumn],
    kept: tuple[str, ...],
    dates: DateOrder | None,
) -> tuple[str, list[StoredColumn]]:
    """The relation and its columns with each column of text in the first format that fits all of its values."""
    texts = [position for position, column in enumerate(stored) if column.storage == "text" and not column.note]
    if not texts:
        return relation, list(stored)
    selected = ", ".join(f"c{position}" for position in texts)
    rows = database.execute(f"SELECT {selected} FROM {relation} LIMIT {_SAMPLED_TEXTS}").fetchall()  # noqa: S608
    sample = [tuple("" if cell is None else cell for cell in row) for row in rows]
    plans = plan_columns(sample, len(texts), delimiter=",", as_text=False, padded=False, dates=dates)
    renumbered = ", ".join(f"c{position} AS c{index}" for index, position in enumerate(texts))
    numbered = f"(SELECT {renumbered}, row_number() OVER () - 1 AS row FROM {relation})"  # noqa: S608
    columns = [f"c{position}" for position in range(len(stored))]
    result = list(stored)
    for position, plan in zip(texts, settle_plans(RelationTexts(database, numbered), plans, no_lines), strict=True):
        columns[position] = converted_select([msgspec.structs.replace(plan, position=position)])
        result[position] = plan.stored
    return f"(SELECT {', '.join((*columns, *kept))} FROM {relation})", result  # noqa: S608
