"""Columns of text become columns of numbers, dates and booleans: a plan for each column, and the SQL that converts it.

Text columns are called c0, c1, ..., so that no name from outside ever stands in the SQL. The fast path converts a
whole relation at once. The careful path keeps its rows of text in a Parquet file and converts it piece by piece:
groups of columns and of rows, so that a table of 20,000 columns takes no more memory than a narrow one.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.tables.column_format import MISSING_WORDS, ColumnFormat
from tabsmith.tables.database import sql_is_one_of
from tabsmith.tables.profile.types import StoredColumn
from tabsmith.tables.read.cell_reader import cell_value, is_present, trimmed
from tabsmith.tables.read.value_formats import (
    TEXT,
    ValueFormat,
    fitting_formats,
    missing_words,
    uses_decimal_comma,
)

if TYPE_CHECKING:
    import duckdb

_COLUMNS_PER_STATEMENT: Final = 100
_BATCH_CELLS: Final = 400_000  # Python objects at once
_ROW_GROUP_CELLS: Final = 4_000_000
_LONGEST_ROW_GROUP: Final = 100_000  # rows
_COLUMNS_AT_ONCE: Final = 5_000
_TEXTS_AT_ONCE: Final = 8_000_000
_DISTINCT_TEXTS: Final = 1_000  # by which a column without values in the sample is planned


class ColumnPlan(msgspec.Struct, frozen=True):
    """How one text column is converted. `formats` are the ones still possible, best first."""

    position: int
    formats: tuple[ValueFormat, ...]
    missing: tuple[str, ...]
    trim: bool = False
    has_values: bool = True  # in the sample
    confirmed: bool = False  # the first format fits every row
    verbatim: bool = False  # text exactly as it stands in the file, empty cells too

    @property
    def format(self) -> ValueFormat:
        return self.formats[0]

    @property
    def column(self) -> str:
        return f"c{self.position}"

    @property
    def column_format(self) -> ColumnFormat:
        return ColumnFormat(self.format.name, self.missing if self.format is TEXT else MISSING_WORDS)

    @property
    def stored(self) -> StoredColumn:
        return StoredColumn(self.format.storage, self.column_format)


# Planning ------------------------------------------------------------------------------------------------------------


def plan_columns(
    sample: Sequence[Sequence[str]], width: int, *, delimiter: str, as_text: bool, padded: bool
) -> tuple[ColumnPlan, ...]:
    """A plan for each of `width` columns, by the rows of `sample`; `padded` if spaces follow the delimiters."""
    if as_text:
        return tuple(ColumnPlan(position, (TEXT,), (), verbatim=True) for position in range(width))
    columns = [[row[position] for row in sample] for position in range(width)]
    decimal_comma = uses_decimal_comma(columns, delimiter)
    return tuple(_plan(position, values, decimal_comma, padded) for position, values in enumerate(columns))


def _plan(position: int, values: Sequence[str], decimal_comma: bool, padded: bool) -> ColumnPlan:
    formats = fitting_formats(values, decimal_comma=decimal_comma)
    missing = missing_words(values)
    trim = padded
    if formats[0] is not TEXT:
        trim = padded or any(value[:1].isspace() or value[-1:].isspace() for value in values)
    has_values = any(value.strip() and value.strip() not in missing for value in values)
    return ColumnPlan(position, formats, missing, trim, has_values)


def _plan_after_check(plan: ColumnPlan, present: int, fitting: int) -> ColumnPlan:
    """The plan once its first format was tried on all rows: of `present` values, `fitting` are in it."""
    if present == fitting and present:
        return msgspec.structs.replace(plan, confirmed=True)
    return msgspec.structs.replace(plan, formats=plan.formats[1:] if present else (TEXT,))


def _is_open(plan: ColumnPlan) -> bool:
    return len(plan.formats) > 1 and not plan.confirmed


# SQL -----------------------------------------------------------------------------------------------------------------


def shared_missing(plans: Sequence[ColumnPlan]) -> tuple[str, ...]:
    """The words that mean a missing value in every column: the CSV reader can take them by itself."""
    if any(plan.verbatim for plan in plans) or not plans:
        return ()
    return tuple(word for word in plans[0].missing if all(word in plan.missing for plan in plans))


def native_type(plan: ColumnPlan) -> str:
    """The type with which the CSV reader reads this column: its own conversion where that is as good, else text."""
    return plan.format.native or "VARCHAR"


def strict_select(plans: Sequence[ColumnPlan], already_missing: tuple[str, ...]) -> str:
    """A select list that converts text columns by their first formats, and fails where the sample was wrong."""
    return ", ".join(f"{_strict(plan, already_missing)} AS {plan.column}" for plan in plans)


def safe_select(plans: Sequence[ColumnPlan]) -> str:
    """A select list that converts text columns by their first formats, which are known to fit every value."""
    return ", ".join(f"{_safe(plan)} AS {plan.column}" for plan in plans)


def _strict(plan: ColumnPlan, already_missing: tuple[str, ...]) -> str:
    if plan.verbatim:
        return f"coalesce({plan.column}, '')"
    if plan.format.native:
        return plan.column
    if plan.format is TEXT:
        text = f"nfc_normalize({trimmed(plan.column)})"
        words = tuple(word for word in plan.missing if plan.trim or word not in already_missing)
        missing = f"WHEN {sql_is_one_of(text, words)} THEN NULL " if words else ""
        return f"CASE WHEN {text} = '' THEN NULL {missing}ELSE {text} END"
    text = trimmed(plan.column) if plan.trim else plan.column
    value = plan.format.strict or f"coalesce({plan.format.sql}, error('no {plan.format.storage}'))"
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN NULL ELSE {value.replace('{t}', text)} END"


def _safe(plan: ColumnPlan) -> str:
    if plan.verbatim:
        return _strict(plan, ())
    return cell_value(plan.column, plan.format, plan.column_format)


def _is_missing(plan: ColumnPlan) -> str:
    return f"NOT {is_present(plan.column, plan.format, plan.column_format)}"


def _present_text(plan: ColumnPlan) -> str:
    """SQL: the trimmed text of a column, NULL where it is missing."""
    return f"CASE WHEN {is_present(plan.column, plan.format, plan.column_format)} THEN {trimmed(plan.column)} END"


# The fast path: a relation converted at once -------------------------------------------------------------------------


def narrow_plans(
    database: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[ColumnPlan]
) -> tuple[ColumnPlan, ...]:
    """The plans with only the formats that fit every row of `relation` (SQL).

    Columns are asked about in groups: a statement with thousands of expressions takes minutes to plan.
    """
    result = {plan.position: plan for plan in plans}
    for group in _groups([plan for plan in plans if len(plan.formats) > 1 and not plan.has_values]):
        for plan in _planned_by_extremes(database, relation, group):
            result[plan.position] = plan
    while still_open := [plan for plan in result.values() if _is_open(plan)]:
        for group in _groups(still_open):
            for plan in _checked_by_count(database, relation, group):
                result[plan.position] = plan
    return tuple(result[plan.position] for plan in plans)


def _groups(plans: Sequence[ColumnPlan]) -> Iterator[Sequence[ColumnPlan]]:
    for start in range(0, len(plans), _COLUMNS_PER_STATEMENT):
        yield plans[start : start + _COLUMNS_PER_STATEMENT]


def _planned_by_extremes(
    database: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[ColumnPlan]
) -> list[ColumnPlan]:
    """Plans of columns in which the sample held no value, by a few of the values further below."""
    selected = [
        f"{aggregate}({plan.column}) FILTER (NOT ({_is_missing(plan)}))"
        for plan in plans
        for aggregate in ("min", "max", "any_value")
    ]
    row = database.execute(f"SELECT {', '.join(selected)} FROM {relation}").fetchall()[0]  # noqa: S608
    result: list[ColumnPlan] = []
    for index, plan in enumerate(plans):
        values = [value for value in row[3 * index : 3 * index + 3] if value is not None]
        formats = [
            format_
            for format_ in plan.formats[:-1]
            if values and all(format_.pattern.fullmatch(value.strip()) for value in values)
        ]
        result.append(msgspec.structs.replace(plan, formats=(*formats, TEXT), has_values=bool(values)))
    return result


def _checked_by_count(
    database: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[ColumnPlan]
) -> list[ColumnPlan]:
    texts = ", ".join(f"{_present_text(plan)} AS {plan.column}" for plan in plans)
    counts = ", ".join(f"count({plan.column}), count({plan.format.sql.replace('{t}', plan.column)})" for plan in plans)
    row = database.execute(f"SELECT {counts} FROM (SELECT {texts} FROM {relation})").fetchall()[0]  # noqa: S608
    return [_plan_after_check(plan, row[2 * index], row[2 * index + 1]) for index, plan in enumerate(plans)]


# The careful path: rows of text in a file, converted piece by piece --------------------------------------------------


def write_text_rows(rows: Iterator[list[str]], columns: Sequence[str], out: Path, advance: Callable[[], None]) -> int:
    """Write rows of text to a Parquet file with the columns called `columns`; returns the number of rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(column, pa.large_string()) for column in columns])
    batch_rows = max(20, _BATCH_CELLS // len(columns))
    group_rows = min(_LONGEST_ROW_GROUP, max(batch_rows, _ROW_GROUP_CELLS // len(columns)))
    count = waiting_rows = 0
    waiting: list[Any] = []
    with pq.ParquetWriter(out, schema) as writer:
        while batch := list(islice(rows, batch_rows)):
            columns = [pa.array(values, pa.large_string()) for values in zip(*batch, strict=True)]
            waiting.append(pa.Table.from_arrays(columns, schema=schema))
            waiting_rows += len(batch)
            count += len(batch)
            if waiting_rows >= group_rows:
                writer.write_table(pa.concat_tables(waiting))
                waiting, waiting_rows = [], 0
            advance()
        if waiting:
            writer.write_table(pa.concat_tables(waiting))
    return count


def convert_text_rows(
    database: "duckdb.DuckDBPyConnection",
    text_rows: Path,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
    *,
    kept: tuple[str, ...] = (),
) -> tuple[ColumnPlan, ...]:
    """Convert the Parquet file `text_rows` to the Parquet file `out`; returns the plans that fit all rows.

    `kept` names further columns that are copied as they are. `advance` is called with the share that is done (0 to 1).
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(text_rows, pre_buffer=False) as file:
        at_once = max(1, min(_COLUMNS_AT_ONCE, _TEXTS_AT_ONCE // max(1, file.metadata.num_rows)))
        narrowed: list[ColumnPlan] = []
        for start in range(0, len(plans), at_once):
            part = plans[start : start + at_once]
            if any(len(plan.formats) > 1 for plan in part):
                texts = file.read(columns=[plan.column for plan in part], use_threads=False)
                part = _narrowed(database, texts, part)
            narrowed += part
            advance(0.5 * len(narrowed) / len(plans))
        _write_converted(database, file, narrowed, out, advance, kept)
    return tuple(narrowed)


def _alike(plans: Sequence[ColumnPlan]) -> list[list[ColumnPlan]]:
    """Plans whose columns need the same SQL, together: such columns are converted as one long column.

    A statement with an expression for each of a thousand columns takes minutes to plan.
    """
    groups: dict[tuple[object, ...], list[ColumnPlan]] = {}
    for plan in plans:
        key = (id(plan.format), plan.missing, plan.trim, plan.verbatim)
        groups.setdefault(key, []).append(plan)
    return list(groups.values())


def _long_column(texts: Any, plans: Sequence[ColumnPlan]) -> Any:
    """The columns of `plans` below each other, as the one column c0."""
    import pyarrow as pa

    chunks = [chunk for plan in plans for chunk in texts.column(plan.column).chunks]
    return pa.table({"c0": pa.chunked_array(chunks, pa.large_string())})


def _narrowed(database: "duckdb.DuckDBPyConnection", texts: Any, plans: Sequence[ColumnPlan]) -> list[ColumnPlan]:
    """The plans with a first format that fits every row of its column in the Arrow table `texts`."""
    result = {plan.position: plan if plan.has_values else _planned_by_texts(texts, plan) for plan in plans}
    while still_open := [plan for plan in result.values() if _is_open(plan)]:
        for group in _alike(still_open):
            first = msgspec.structs.replace(group[0], position=0)
            database.register("texts", _long_column(texts, group))
            value = first.format.sql.replace("{t}", "t")
            query = (
                f"SELECT t IS NOT NULL AS present, {value} IS NOT NULL AS fits "  # noqa: S608
                f"FROM (SELECT {_present_text(first)} AS t FROM texts)"
            )
            present, fitting = (
                column.to_numpy().reshape(len(group), texts.num_rows).sum(axis=1).tolist()
                for column in database.sql(query).to_arrow_table().columns
            )
            for index, plan in enumerate(group):
                result[plan.position] = _plan_after_check(plan, present[index], fitting[index])
    return [result[plan.position] for plan in plans]


def _planned_by_texts(texts: Any, plan: ColumnPlan) -> ColumnPlan:
    """The plan of a column in which the sample held no value, by distinct values further below."""
    import pyarrow.compute as pc

    distinct = pc.unique(texts.column(plan.column)).slice(0, _DISTINCT_TEXTS).to_pylist()
    fitting = fitting_formats([text for text in distinct if text], decimal_comma=False)
    possible = {id(format_) for format_ in plan.formats}
    return msgspec.structs.replace(
        plan, formats=tuple(format_ for format_ in fitting if id(format_) in possible), has_values=True
    )


def _write_converted(
    database: "duckdb.DuckDBPyConnection",
    file: Any,
    plans: Sequence[ColumnPlan],
    out: Path,
    advance: Callable[[float], None],
    kept: tuple[str, ...],
) -> None:
    """Convert one row group of `file` after the other, columns that are alike together."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for row_group in range(file.num_row_groups):
            texts = file.read_row_group(row_group, use_threads=False)
            columns: dict[int, Any] = {}
            for group in _alike(plans):
                database.register("texts", _long_column(texts, group))
                select = safe_select([msgspec.structs.replace(group[0], position=0)])
                values = database.sql(f"SELECT {select} FROM texts").to_arrow_table().column(0).combine_chunks()  # noqa: S608
                for index, plan in enumerate(group):
                    columns[plan.position] = values.slice(index * texts.num_rows, texts.num_rows)
            table = pa.table(
                [*(columns[plan.position] for plan in plans), *(texts.column(name) for name in kept)],
                names=[*(plan.column for plan in plans), *kept],
            )
            writer = writer or pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
            advance(0.5 + 0.5 * (row_group + 1) / file.num_row_groups)
    finally:
        if writer is not None:
            writer.close()
