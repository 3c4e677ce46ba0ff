"""Derived columns computed: SQL expressions over the rows of a frame, in row order, in bounded memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tabsmith.errors import RecipeError
from tabsmith.recipes import sql, sql_engine
from tabsmith.recipes.recipe import DerivedColumn
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

MAX_TEXT: Final = 1000  # characters; longer results are cut
CHUNK_ROWS: Final = 122_880
_CHUNK_BYTES: Final = 64_000_000


def compute(frame: "pd.DataFrame", derived: Sequence[DerivedColumn], *, chunk_rows: int = CHUNK_ROWS) -> "pd.DataFrame":
    """The derived columns alone, with the rows and the index of `frame`: numbers and booleans as float64 (missing is
    NaN, true is 1.0), text as pandas text of at most 1,000 characters, dates as datetime64 without a zone.

    A cell that cannot be computed (a division by zero, an overflow, a cast that does not fit) is missing. Raises
    RecipeError when an expression breaks a rule of `sql`, or does not fit the frame's types.
    """
    import pandas as pd

    if not derived:
        return pd.DataFrame(index=frame.index)
    names = [str(name) for name in frame.columns]
    values: dict[str, pd.Series] = {}
    with sql_engine.connect_sandboxed() as connection:
        arrays: dict[str, pa.Array] = {}
        for column in derived:
            used = _check(connection, column, names)
            for name in used.columns:
                if name not in arrays:
                    arrays[name] = _to_arrow(frame.iloc[:, names.index(name)])
            values[column.name] = _evaluate(connection, column, used, arrays, chunk_rows)
    return pd.DataFrame({name: series.array for name, series in values.items()}, index=frame.index)


def source_columns(derived: Sequence[DerivedColumn], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The columns among `names` that each derived column is computed from, by its name. Raises RecipeError."""
    if not derived:
        return {}
    with sql_engine.connect_sandboxed() as connection:
        return {column.name: tuple(_check(connection, column, names).columns) for column in derived}


def _check(connection: "duckdb.DuckDBPyConnection", column: DerivedColumn, names: Sequence[str]) -> sql.SqlExpression:
    """The expression of `column`, checked again because a recipe may come from a file. DuckDB checks its types later."""
    expression = sql.parse_expression(connection, column.sql, [sql.SqlColumn(name, ()) for name in names])
    if isinstance(expression, str):
        raise _refused(column, expression)
    return expression


def _refused(column: DerivedColumn, what: str) -> RecipeError:
    return RecipeError(
        f"The derived column {clean(column.name, 60)} cannot be computed: {what}",
        where=clean(column.sql, 200),
        next_step="Change or leave out this derived column.",
    )


def _evaluate(
    connection: "duckdb.DuckDBPyConnection",
    column: DerivedColumn,
    used: sql.SqlExpression,
    arrays: "dict[str, pa.Array]",
    chunk_rows: int,
) -> "pd.Series":
    import duckdb
    import pyarrow as pa

    table = pa.table({name: arrays[name] for name in used.columns})
    rows = max(1, min(chunk_rows, _CHUNK_BYTES // (used.growth * _longest_text(table))))
    query = ""
    parts: list[pa.Table] = []
    try:
        for start in range(0, max(1, table.num_rows), rows):
            connection.register("cells", table.slice(start, rows))
            query = query or _query(connection, column)
            parts.append(connection.sql(query).to_arrow_table())
            connection.unregister("cells")
    except (duckdb.Error, pa.ArrowException) as error:
        raise _refused(column, clean(str(error).split("\n", 1)[0], 200)) from error
    series: pd.Series = pa.concat_tables(parts).column(0).to_pandas()
    return series


def _query(connection: "duckdb.DuckDBPyConnection", column: DerivedColumn) -> str:
    expression = f"TRY(\n{column.sql}\n)"
    kind = str(connection.sql(f"SELECT {expression} FROM cells LIMIT 0").types[0])  # noqa: S608
    if kind == "VARCHAR":
        value = f"left(value, {MAX_TEXT})"
    elif kind == "DATE" or kind.startswith("TIMESTAMP"):
        value = "value::TIMESTAMP"
    elif sql.is_result(kind):
        value = "CASE WHEN isfinite(value::DOUBLE) THEN value::DOUBLE END"
    else:
        raise _refused(column, f"its result is of type {clean(kind, 60)}.")
    return f"SELECT {value} AS value FROM (SELECT {expression} AS value FROM cells)"  # noqa: S608


def _longest_text(table: "pa.Table") -> int:
    """Bytes of the longest text in the table; 32 where there is no text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    longest = 32
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            longest = max(longest, pc.max(pc.binary_length(column)).as_py() or 0)
    return longest


def _to_arrow(series: "pd.Series") -> "pa.Array":
    """The column as DuckDB reads it: text, numbers, booleans, or dates without a zone. Mixed values become text."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    try:
        array = pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        array = pa.Array.from_pandas(series.map(str, na_action="ignore").astype(object))
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
