"""Column names made usable: every column has one, and no two have the same. Light.

Arrow tables become snapshots: columns of any type are kept as one of the six that a snapshot has.

A pandas frame that a user has becomes Arrow columns, whatever stands in it.
"""

import datetime as dt
import decimal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import SchemaError
from tabsmith.tables.database import sql_literal
from tabsmith.tables.profile.types import StorageType
from tabsmith.tables.read.text_columns import plan_columns, safe_select
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """`names` trimmed, an empty one called `column_<n>` (from 1), a repeated one `<name>_2`, `<name>_3` ..."""
    given = [name.strip() or f"column_{position}" for position, name in enumerate(names, 1)]
    taken = set(given)
    used: set[str] = set()
    result: list[str] = []
    for name in given:
        chosen, count = name, 2
        while chosen in used or (chosen != name and chosen in taken):
            chosen = f"{name}_{count}"
            count += 1
        used.add(chosen)
        result.append(chosen)
    return tuple(result)


def numbered_names(count: int) -> tuple[str, ...]:
    """`column_1` to `column_<count>`, for a table without a header."""
    return tuple(f"column_{position}" for position in range(1, count + 1))


_SAMPLED: Final = 1_000  # texts of a column that are looked at first
_INTEGERS: Final = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}


def convert_relation(
    database: "duckdb.DuckDBPyConnection", relation: str, out: Path, *, as_text: bool, read_texts: bool
) -> tuple[StorageType, ...]:
    """Copy `relation` (SQL, columns c0, c1 ...) to the Parquet file `out`; how each column is kept.

    With `read_texts`, columns of text are taken for numbers, dates or booleans where all of their values are.
    """
    described = database.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()  # noqa: S608
    types = [str(row[1]) for row in described]
    picked: list[str] = []
    storages: list[StorageType] = []
    for position, kind in enumerate(types):
        value, storage = _kept(database, relation, f"c{position}", kind, as_text)
        picked.append(f"{value} AS c{position}")
        storages.append(storage)
    inner = f"(SELECT {', '.join(picked)} FROM {relation})"  # noqa: S608
    if read_texts and not as_text:
        inner, storages = _texts_read(database, inner, storages)
    database.execute(f"COPY (SELECT * FROM {inner}) TO {sql_literal(str(out))} (FORMAT parquet)")  # noqa: S608
    return tuple(storages)


def _kept(
    database: "duckdb.DuckDBPyConnection", relation: str, column: str, kind: str, as_text: bool
) -> tuple[str, StorageType]:
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


def _large(database: "duckdb.DuckDBPyConnection", relation: str, column: str, kind: str) -> tuple[str, StorageType]:
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
    database: "duckdb.DuckDBPyConnection", inner: str, storages: list[StorageType]
) -> tuple[str, list[StorageType]]:
    from tabsmith.tables.read.text_columns import narrow_plans

    texts = [position for position, storage in enumerate(storages) if storage == "text"]
    if not texts:
        return inner, storages
    picked = ", ".join(f"c{position}" for position in texts)
    rows = database.execute(f"SELECT {picked} FROM {inner} LIMIT {_SAMPLED}").fetchall()  # noqa: S608
    sample = [tuple("" if cell is None else cell for cell in row) for row in rows]
    renamed = ", ".join(f"c{position} AS c{place}" for place, position in enumerate(texts))
    plans = plan_columns(sample, len(texts), delimiter=",", as_text=False, padded=False)
    plans = narrow_plans(database, f"(SELECT {renamed} FROM {inner})", plans)  # noqa: S608
    import msgspec

    moved = {
        position: msgspec.structs.replace(plan, position=position) for position, plan in zip(texts, plans, strict=True)
    }
    columns = [
        safe_select([moved[position]]) if position in moved else f"c{position}" for position in range(len(storages))
    ]
    kept: list[StorageType] = [
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


def frame_columns(frame: "pd.DataFrame") -> tuple[tuple[str, ...], list[Any]]:
    """The column names as text and the columns as Arrow arrays. Raises SchemaError."""
    names = tuple(_name(column) for column in frame.columns)
    if not names:
        raise SchemaError("The frame has no columns.", next_step="Give a frame with at least one column.")
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise SchemaError(
            f"Two columns of the frame are called {clean(twice)}.", next_step="Give every column a name of its own."
        )
    return names, [_array(frame.iloc[:, place]) for place in range(len(names))]


def _name(column: object) -> str:
    if isinstance(column, tuple):
        return "_".join(str(part) for part in column if str(part))
    return str(column).encode("utf-8", "replace").decode()


def _array(series: "pd.Series[Any]") -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series))
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if series.notna().all() else object)
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype) or series.dtype.kind in "mc":
        return pa.array([None if missing else str(value) for value, missing in _pairs(series)], pa.large_string())
    if series.dtype == object:
        return column_array([None if missing else _python(value) for value, missing in _pairs(series)])
    if str(series.dtype) in {"float16", "float128"}:
        series = series.astype("float64")
    return pa.Array.from_pandas(series)


def _pairs(series: "pd.Series[Any]") -> list[tuple[Any, bool]]:
    return list(zip(series.tolist(), series.isna().tolist(), strict=True))


def _python(value: Any) -> Any:
    """A value from an object column as a plain Python one; what is none becomes its text."""
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, bool | int | float | str | dt.date | dict | list):
        return value
    return float(value) if isinstance(value, decimal.Decimal) else str(value)
