"""Rows of text on their way through the careful path: kept in a Parquet file, then converted piece by piece.

Pieces are groups of columns and of rows, so that a table of 20,000 columns takes no more memory than a narrow one.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.tables.cells import candidates
from tabsmith.tables.conversion import Plan, checked, decided, safe_select

if TYPE_CHECKING:
    import duckdb

_BATCH: Final = 400_000  # cells that are Python objects at once
_ROW_GROUP: Final = 4_000_000  # cells in a row group
_LONGEST_GROUP: Final = 100_000  # rows
_COLUMNS: Final = 5_000  # read at once
_LOOKED_AT: Final = 1_000  # distinct texts
_CELLS: Final = 8_000_000  # texts in memory at once


def write_raw(rows: Iterator[list[str]], width: int, raw: Path, advance: Callable[[], None]) -> int:
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


def convert_raw(
    database: "duckdb.DuckDBPyConnection", raw: Path, plans: Sequence[Plan], out: Path, advance: Callable[[float], None]
) -> tuple[Plan, ...]:
    """Convert the texts in `raw` to the Parquet file `out`; the plans that fit all rows."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(raw, pre_buffer=False) as file:
        at_once = max(1, min(_COLUMNS, _CELLS // max(1, file.metadata.num_rows)))
        narrow: list[Plan] = []
        for start in range(0, len(plans), at_once):
            part = plans[start : start + at_once]
            if any(len(plan.readings) > 1 for plan in part):
                texts = file.read(columns=[plan.column for plan in part], use_threads=False)
                part = _narrowed(database, texts, part)
            narrow += part
            advance(0.5 * len(narrow) / len(plans))
        _write(database, file, narrow, out, advance)
    return tuple(narrow)


def _alike(plans: Sequence[Plan]) -> list[list[Plan]]:
    """Plans that ask the same of their columns, together: these columns are converted as one long one.

    A statement with an expression for each of a thousand columns takes minutes to plan.
    """
    groups: dict[tuple[object, ...], list[Plan]] = {}
    for plan in plans:
        key = (tuple(id(reading) for reading in plan.readings[:1]), plan.missing, plan.trim, plan.kept)
        groups.setdefault(key, []).append(plan)
    return list(groups.values())


def _long(texts: Any, plans: Sequence[Plan]) -> Any:
    import pyarrow as pa

    chunks = [chunk for plan in plans for chunk in texts.column(plan.column).chunks]
    return pa.table({"c0": pa.chunked_array(chunks, pa.large_string())})


def _narrowed(database: "duckdb.DuckDBPyConnection", texts: Any, plans: Sequence[Plan]) -> list[Plan]:
    """The plans with a first reading that fits every row of its column."""
    result = {plan.position: plan if plan.seen else _looked_at(texts, plan) for plan in plans}
    while doubtful := [plan for plan in result.values() if len(plan.readings) > 1 and not plan.sure]:
        for group in _alike(doubtful):
            text, value = checked(msgspec.structs.replace(group[0], position=0))
            database.register("texts", _long(texts, group))
            query = f"SELECT t IS NOT NULL AS present, {value} IS NOT NULL AS fits FROM (SELECT {text} AS t FROM texts)"  # noqa: S608
            found = database.sql(query).to_arrow_table()
            present, fits = (
                column.to_numpy().reshape(len(group), texts.num_rows).sum(axis=1) for column in found.columns
            )
            for plan, some, fitting in zip(group, present.tolist(), fits.tolist(), strict=True):
                result[plan.position] = decided(plan, some, fitting)
    return [result[plan.position] for plan in plans]


def _looked_at(texts: Any, plan: Plan) -> Plan:
    """The plan of a column in which the sample held no value, by the values that stand further below."""
    import pyarrow.compute as pc

    column = texts.column(plan.column)
    values = [value for value in pc.unique(column).slice(0, _LOOKED_AT).to_pylist() if value]
    fitting = tuple(
        reading
        for reading in candidates(values, decimal_comma=False)
        if any(reading is possible for possible in plan.readings)
    )
    return msgspec.structs.replace(plan, readings=fitting, seen=True)


def _write(
    database: "duckdb.DuckDBPyConnection", file: Any, plans: Sequence[Plan], out: Path, advance: Callable[[float], None]
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
