"""Columns of text become columns of numbers, dates and booleans: which reading each takes, and the SQL that does it.

Raw columns are always called c0, c1, ... and are text; so no name from outside ever stands in the SQL.

Rows of text on their way through the careful path: kept in a Parquet file, then converted piece by piece.

Pieces are groups of columns and of rows, so that a table of 20,000 columns takes no more memory than a narrow one.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.tables.database import sql_is_one_of
from tabsmith.tables.read.value_formats import (
    MISSING_IN_NUMBERS,
    TEXT,
    ValueFormat,
    fitting_formats,
    missing_words,
    uses_decimal_comma,
)

if TYPE_CHECKING:
    import duckdb


_ASKED_AT_ONCE: Final = 100  # columns in one statement


class ColumnPlan(msgspec.Struct, frozen=True):
    """How one raw column is taken. `readings` are the ones still possible, best first."""

    position: int
    readings: tuple[ValueFormat, ...]
    missing: tuple[str, ...]
    trim: bool = False
    seen: bool = True  # the sample held a value
    sure: bool = False  # the first reading fits every row
    kept: bool = False  # as text, every cell as it stands, the empty ones too

    @property
    def reading(self) -> ValueFormat:
        return self.readings[0]

    @property
    def column(self) -> str:
        return f"c{self.position}"


def plan_columns(
    sample: Sequence[Sequence[str]], width: int, *, delimiter: str, as_text: bool, padded: bool
) -> tuple[ColumnPlan, ...]:
    """A plan for each of `width` columns, by the rows of `sample`."""
    if as_text:
        return tuple(ColumnPlan(position, (TEXT,), (), kept=True) for position in range(width))
    columns = [[row[position] for row in sample] for position in range(width)]
    comma = uses_decimal_comma(columns, delimiter)
    return tuple(_planned(position, values, comma, padded) for position, values in enumerate(columns))


def _planned(position: int, values: Sequence[str], comma: bool, padded: bool) -> ColumnPlan:
    readings = fitting_formats(values, decimal_comma=comma)
    missing = missing_words(values, "text")
    trim = padded or any(value[:1].isspace() or value[-1:].isspace() for value in values)
    seen = any(value.strip() and value.strip() not in missing for value in values)
    if readings[0] is TEXT:
        trim = padded
    return ColumnPlan(position, readings, missing, trim, seen)


def shared_missing(plans: Sequence[ColumnPlan]) -> tuple[str, ...]:
    """The words that stand for missing in every column: the CSV reader can take them by itself."""
    if any(plan.kept for plan in plans) or not plans:
        return ()
    return tuple(word for word in plans[0].missing if all(word in plan.missing for plan in plans))


def strict_select(plans: Sequence[ColumnPlan], already_missing: tuple[str, ...]) -> str:
    """A select list that converts raw columns by their first readings, and fails where the sample was wrong."""
    return ", ".join(f"{_strict(plan, already_missing)} AS {plan.column}" for plan in plans)


def native_type(plan: ColumnPlan) -> str:
    """The type with which the CSV reader is to read this column: its own conversion where that is as good."""
    return plan.reading.native or "VARCHAR"


def _strict(plan: ColumnPlan, already_missing: tuple[str, ...]) -> str:
    column = plan.column
    if plan.kept:
        return f"coalesce({column}, '')"
    if plan.reading.native:
        return column
    if plan.reading is TEXT:
        text = f"trim({column})" if plan.trim else column
        words = tuple(word for word in plan.missing if plan.trim or word not in already_missing)
        blank = f"WHEN {text} = '' THEN NULL "
        some = f"WHEN {sql_is_one_of(text, words)} THEN NULL " if words else ""
        return f"CASE {blank}{some}ELSE {text} END"
    text = f"trim({column})" if plan.trim else column
    value = (plan.reading.strict or f"coalesce({plan.reading.sql}, error('no {plan.reading.storage}'))").replace(
        "{t}", text
    )
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN NULL ELSE {value} END"


def safe_select(plans: Sequence[ColumnPlan]) -> str:
    """A select list that converts raw columns by their first readings, which are known to fit every value."""
    return ", ".join(f"{_safe(plan)} AS {plan.column}" for plan in plans)


def _safe(plan: ColumnPlan) -> str:
    if plan.kept or plan.reading is TEXT:
        return _strict(plan, ())
    text = f"trim({plan.column})"
    return f"CASE WHEN {_is_missing(plan)} THEN NULL ELSE {plan.reading.sql.replace('{t}', text)} END"


def _is_missing(plan: ColumnPlan) -> str:
    text = f"trim({plan.column})"
    return f"{plan.column} IS NULL OR {text} = '' OR {sql_is_one_of(text, MISSING_IN_NUMBERS)}"


def narrow_plans(
    opened: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[ColumnPlan]
) -> tuple[ColumnPlan, ...]:
    """The plans with only the readings that fit every row of `relation` (SQL).

    Columns are asked about in groups: a statement with thousands of expressions takes minutes to plan.
    """
    result = {plan.position: plan for plan in plans}
    for group in _groups([plan for plan in plans if len(plan.readings) > 1 and not plan.seen], _ASKED_AT_ONCE):
        for plan in _looked_at(opened, relation, group):
            result[plan.position] = plan
    while doubtful := [plan for plan in result.values() if len(plan.readings) > 1 and not plan.sure]:
        for group in _groups(doubtful, _ASKED_AT_ONCE):
            for plan in _first_counted(opened, relation, group):
                result[plan.position] = plan
    return tuple(result[plan.position] for plan in plans)


def _groups(plans: Sequence[ColumnPlan], most: int) -> Iterator[Sequence[ColumnPlan]]:
    for start in range(0, len(plans), most):
        yield plans[start : start + most]


def _looked_at(opened: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[ColumnPlan]) -> list[ColumnPlan]:
    """Plans of columns in which the sample held no value, by a few of the values that stand further below."""
    asked: list[str] = []
    for plan in plans:
        present = f"FILTER (NOT ({_is_missing(plan)}))"
        asked += [f"{which}({plan.column}) {present}" for which in ("min", "max", "any_value")]
    row = opened.execute(f"SELECT {', '.join(asked)} FROM {relation}").fetchall()[0]  # noqa: S608
    looked: list[ColumnPlan] = []
    for place, plan in enumerate(plans):
        values = [value for value in row[3 * place : 3 * place + 3] if value is not None]
        fitting = [
            reading
            for reading in plan.readings[:-1]
            if values and all(reading.pattern.fullmatch(value.strip()) for value in values)
        ]
        looked.append(msgspec.structs.replace(plan, readings=(*fitting, TEXT), seen=bool(values)))
    return looked


def _first_counted(opened: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[ColumnPlan]) -> list[ColumnPlan]:
    """The plans, each sure of its first reading when that fits every row, or without it."""
    texts = ", ".join(f"{check_sql(plan)[0]} AS {plan.column}" for plan in plans)
    counts = ", ".join(f"count({plan.column}), count({plan.reading.sql.replace('{t}', plan.column)})" for plan in plans)
    row = opened.execute(f"SELECT {counts} FROM (SELECT {texts} FROM {relation})").fetchall()[0]  # noqa: S608
    return [plan_after_check(plan, row[2 * place], row[2 * place + 1]) for place, plan in enumerate(plans)]


def check_sql(plan: ColumnPlan) -> tuple[str, str]:
    """SQL: the trimmed text or NULL where it is missing; and from that text `t` the value of the first reading."""
    text = f"CASE WHEN {_is_missing(plan)} THEN NULL ELSE trim({plan.column}) END"
    return text, plan.reading.sql.replace("{t}", "t")


def plan_after_check(plan: ColumnPlan, present: int, fitting: int) -> ColumnPlan:
    """The plan once its first reading was tried on all rows; of `present` values it fits `fitting`."""
    if present == fitting and present:
        return msgspec.structs.replace(plan, sure=True)
    return msgspec.structs.replace(plan, readings=plan.readings[1:] if present else (TEXT,))


_BATCH: Final = 400_000  # cells that are Python objects at once
_ROW_GROUP: Final = 4_000_000  # cells in a row group
_LONGEST_GROUP: Final = 100_000  # rows
_COLUMNS: Final = 5_000  # read at once
_LOOKED_AT: Final = 1_000  # distinct texts
_CELLS: Final = 8_000_000  # texts in memory at once


def write_text_rows(rows: Iterator[list[str]], width: int, raw: Path, advance: Callable[[], None]) -> int:
    """Write rows of text to a Parquet file with columns c0, c1 ...; the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(f"c{position}", pa.large_string()) for position in range(width)])
    at_once = max(20, _BATCH // width)
    group = min(_LONGEST_GROUP, max(at_once, _ROW_GROUP // width))
    count = waiting_rows = 0
    waiting: list[Any] = []
    with pq.ParquetWriter(raw, schema) as writer:
        while batch := list(islice(rows, at_once)):
            columns = [pa.array(values, pa.large_string()) for values in zip(*batch, strict=True)]
            waiting.append(pa.Table.from_arrays(columns, schema=schema))
            waiting_rows += len(batch)
            count += len(batch)
            if waiting_rows >= group:
                writer.write_table(pa.concat_tables(waiting))
                waiting, waiting_rows = [], 0
            advance()
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return count


def convert_text_rows(
    database: "duckdb.DuckDBPyConnection",
    raw: Path,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
) -> tuple[ColumnPlan, ...]:
    """Convert the texts in `raw` to the Parquet file `out`; the plans that fit all rows."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(raw, pre_buffer=False) as file:
        at_once = max(1, min(_COLUMNS, _CELLS // max(1, file.metadata.num_rows)))
        narrow: list[ColumnPlan] = []
        for start in range(0, len(plans), at_once):
            part = plans[start : start + at_once]
            if any(len(plan.readings) > 1 for plan in part):
                texts = file.read(columns=[plan.column for plan in part], use_threads=False)
                part = _narrowed_in_memory(database, texts, part)
            narrow += part
            advance(0.5 * len(narrow) / len(plans))
        _write(database, file, narrow, out, advance)
    return tuple(narrow)


def _alike(plans: Sequence[ColumnPlan]) -> list[list[ColumnPlan]]:
    """Plans that ask the same of their columns, together: these columns are converted as one long one.

    A statement with an expression for each of a thousand columns takes minutes to plan.
    """
    groups: dict[tuple[object, ...], list[ColumnPlan]] = {}
    for plan in plans:
        key = (tuple(id(reading) for reading in plan.readings[:1]), plan.missing, plan.trim, plan.kept)
        groups.setdefault(key, []).append(plan)
    return list(groups.values())


def _long(texts: Any, plans: Sequence[ColumnPlan]) -> Any:
    import pyarrow as pa

    chunks = [chunk for plan in plans for chunk in texts.column(plan.column).chunks]
    return pa.table({"c0": pa.chunked_array(chunks, pa.large_string())})


def _narrowed_in_memory(
    database: "duckdb.DuckDBPyConnection", texts: Any, plans: Sequence[ColumnPlan]
) -> list[ColumnPlan]:
    """The plans with a first reading that fits every row of its column."""
    result = {plan.position: plan if plan.seen else _replanned(texts, plan) for plan in plans}
    while doubtful := [plan for plan in result.values() if len(plan.readings) > 1 and not plan.sure]:
        for group in _alike(doubtful):
            text, value = check_sql(msgspec.structs.replace(group[0], position=0))
            database.register("texts", _long(texts, group))
            query = f"SELECT t IS NOT NULL AS present, {value} IS NOT NULL AS fits FROM (SELECT {text} AS t FROM texts)"  # noqa: S608
            found = database.sql(query).to_arrow_table()
            present, fits = (
                column.to_numpy().reshape(len(group), texts.num_rows).sum(axis=1) for column in found.columns
            )
            for plan, some, fitting in zip(group, present.tolist(), fits.tolist(), strict=True):
                result[plan.position] = plan_after_check(plan, some, fitting)
    return [result[plan.position] for plan in plans]


def _replanned(texts: Any, plan: ColumnPlan) -> ColumnPlan:
    """The plan of a column in which the sample held no value, by the values that stand further below."""
    import pyarrow.compute as pc

    column = texts.column(plan.column)
    values = [value for value in pc.unique(column).slice(0, _LOOKED_AT).to_pylist() if value]
    fitting = tuple(
        reading
        for reading in fitting_formats(values, decimal_comma=False)
        if any(reading is possible for possible in plan.readings)
    )
    return msgspec.structs.replace(plan, readings=fitting, seen=True)


def _write(
    database: "duckdb.DuckDBPyConnection",
    file: Any,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
) -> None:
    """One row group of `file` after the other, columns that are alike together."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for row_group in range(file.num_row_groups):
            texts = file.read_row_group(row_group, use_threads=False)
            made: dict[int, Any] = {}
            for group in _alike(plans):
                database.register("texts", _long(texts, group))
                select = safe_select([msgspec.structs.replace(group[0], position=0)])
                values = database.sql(f"SELECT {select} FROM texts").to_arrow_table().column(0).combine_chunks()  # noqa: S608
                for place, plan in enumerate(group):
                    made[plan.position] = values.slice(place * texts.num_rows, texts.num_rows)
            table = pa.table([made[plan.position] for plan in plans], names=[plan.column for plan in plans])
            writer = writer or pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
            advance(0.5 + 0.5 * (row_group + 1) / file.num_row_groups)
    finally:
        if writer is not None:
            writer.close()
