"""Arrow tables become snapshots: columns of any type are kept as one of the six that a snapshot has."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.tables.conversion import plan_columns, safe_select
from tabsmith.tables.engine import literal
from tabsmith.tables.profile import Storage

if TYPE_CHECKING:
    import duckdb

_SAMPLED: Final = 1_000  # texts of a column that are looked at first
_INTEGERS: Final = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}


def convert_relation(
    database: "duckdb.DuckDBPyConnection", relation: str, out: Path, *, as_text: bool, read_texts: bool
) -> tuple[Storage, ...]:
    """Copy `relation` (SQL, columns c0, c1 ...) to the Parquet file `out`; how each column is kept.

    With `read_texts`, columns of text are taken for numbers, dates or booleans where all of their values are.
    """
    described = database.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
    types = [str(row[1]) for row in described]
    picked: list[str] = []
    storages: list[Storage] = []
    for position, kind in enumerate(types):
        value, storage = _kept(database, relation, f"c{position}", kind, as_text)
        picked.append(f"{value} AS c{position}")
        storages.append(storage)
    inner = f"(SELECT {', '.join(picked)} FROM {relation})"  # noqa: S608
    if read_texts and not as_text:
        inner, storages = _texts_read(database, inner, storages)
    database.execute(f"COPY (SELECT * FROM {inner}) TO {literal(str(out))} (FORMAT parquet)")  # noqa: S608
    return tuple(storages)


def _kept(
    database: "duckdb.DuckDBPyConnection", relation: str, column: str, kind: str, as_text: bool
) -> tuple[str, Storage]:
    """The SQL value and the storage for a column of a DuckDB type."""
    if as_text:
        return f"coalesce({_as_text(column, kind)}, '')", "text"
    if kind in _INTEGERS:
        return f"CAST({column} AS BIGINT)", "integer"
    if kind in {"UBIGINT", "HUGEINT", "UHUGEINT"} or kind.startswith("DECIMAL"):
        return _large(database, relation, column, kind)
    if kind in {"FLOAT", "DOUBLE"}:
        # A float that is not a number is a missing value.
        return f"CASE WHEN isnan({column}) THEN NULL ELSE CAST({column} AS DOUBLE) END", "float"
    if kind == "BOOLEAN":
        return column, "boolean"
    if kind == "DATE":
        return _known(column, f"TRY_CAST({column} AS TIMESTAMP)"), "date"
    if kind.startswith("TIMESTAMP"):
        zoned = "ZONE" in kind or "TZ" in kind
        moment = f"TRY_CAST({column} AS TIMESTAMP{'TZ' if zoned else ''})"
        return _known(f"CAST({moment} AT TIME ZONE 'UTC' AS TIMESTAMP)" if zoned else moment, moment), "timestamp"
    return _as_text(column, kind), "text"


def _known(value: str, moment: str) -> str:
    """A date beyond what microseconds since 1970 can hold, infinity among them, says nothing: a missing value."""
    return f"CASE WHEN isfinite({moment}) THEN {value} END"


def _large(database: "duckdb.DuckDBPyConnection", relation: str, column: str, kind: str) -> tuple[str, Storage]:
    """Large whole numbers stay exact: as integers where they fit in 64 bits, else as text. Decimals become floats."""
    if kind.startswith("DECIMAL") and not kind.endswith(",0)"):
        return f"CAST({column} AS DOUBLE)", "float"
    fits = f"SELECT count({column}) = count(TRY_CAST({column} AS BIGINT)) FROM {relation}"  # noqa: S608
    row = database.execute(fits).fetchone()
    if row and row[0]:
        return f"CAST({column} AS BIGINT)", "integer"
    return f"CAST({column} AS VARCHAR)", "text"


def _as_text(column: str, kind: str) -> str:
    if kind == "BLOB":
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE TRY(decode({column})) END"
    if kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _texts_read(
    database: "duckdb.DuckDBPyConnection", inner: str, storages: list[Storage]
) -> tuple[str, list[Storage]]:
    from tabsmith.tables.conversion import narrowed

    texts = [position for position, storage in enumerate(storages) if storage == "text"]
    if not texts:
        return inner, storages
    picked = ", ".join(f"c{position}" for position in texts)
    rows = database.execute(f"SELECT {picked} FROM {inner} LIMIT {_SAMPLED}").fetchall()  # noqa: S608
    sample = [tuple("" if cell is None else cell for cell in row) for row in rows]
    renamed = ", ".join(f"c{position} AS c{place}" for place, position in enumerate(texts))
    plans = plan_columns(sample, len(texts), delimiter=",", as_text=False, padded=False)
    plans = narrowed(database, f"(SELECT {renamed} FROM {inner})", plans)  # noqa: S608
    import msgspec

    moved = {
        position: msgspec.structs.replace(plan, position=position) for position, plan in zip(texts, plans, strict=True)
    }
    columns = [
        safe_select([moved[position]]) if position in moved else f"c{position}" for position in range(len(storages))
    ]
    kept: list[Storage] = [
        moved[position].reading.storage if position in moved else storage for position, storage in enumerate(storages)
    ]
    return f"(SELECT {', '.join(columns)} FROM {inner})", kept  # noqa: S608


def column_array(values: Sequence[Any]) -> Any:
    """Python values as an Arrow array: of one type where they have one, else each as its text.

    Whole numbers beside floats become floats; whole numbers over 64 bits, and nested values, become text.
    """
    import pyarrow as pa

    present = {type(value) for value in values if value is not None}
    if present <= {int, float} and float in present:
        if any(type(value) is int and abs(value) > 2**53 for value in values):
            return pa.array([_plain_text(value) for value in values], pa.large_string())
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    try:
        if len(present) == 1 and not present & {dict, list, tuple, set}:
            return pa.array(list(values))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeEncodeError):
        pass  # kept as text below
    if not present:
        return pa.array([None] * len(values), pa.large_string())
    return pa.array([_plain_text(value) for value in values], pa.large_string())


def _plain_text(value: object) -> str | None:
    import json

    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")
