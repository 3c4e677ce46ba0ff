"""Tables written for other programs, CSV or Parquet: whole or not at all, and nothing a spreadsheet would run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tabsmith.errors import UsageError
from tabsmith.storage.files import storage_error
from tabsmith.tables.info import TableInfo
from tabsmith.text import clean

ENDINGS: Final = (".csv", ".parquet")
BATCH_ROWS: Final = 20_000
_FORMULA: Final = r"^[=+\-@\t\r]"
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


class TableWriter:
    """Takes Arrow tables of one schema and puts them into a file, by its ending."""

    def __init__(self, path: Path, *, csv: bool) -> None:
        self._path = path
        self._csv = csv
        self._writer: Any = None

    def write(self, table: Any) -> None:
        """Append `table`, a pyarrow Table."""
        if self._csv:
            table = escape_formulas(table)
        if self._writer is None:
            self._writer = _writer(table.schema, self._path, csv=self._csv)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def open_table_writer(out: Path) -> Iterator[TableWriter]:
    """A writer whose file takes its place at `out` when all went well, and leaves nothing behind when not.

    Raises UsageError for another ending than `ENDINGS`, StorageError when it cannot be written.
    """
    out = require_table_ending(out)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    writer = TableWriter(partial, csv=out.suffix.lower() == ".csv")
    try:
        try:
            try:
                yield writer
            finally:
                writer.close()
            with partial.open("rb") as file:
                os.fsync(file.fileno())
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, out, "write the table to") from error


def write_table(info: TableInfo, out: Path) -> Path:
    """Write a table, as it was understood, to `out`; returns the absolute path. Raises UsageError, StorageError."""
    import pyarrow.parquet as pq

    from tabsmith.tables.snapshot import ensure_snapshot

    names = [column.name for column in info.profile.columns]
    with pq.ParquetFile(ensure_snapshot(info).snapshot) as file, open_table_writer(out) as writer:
        writer.write(file.schema_arrow.empty_table().rename_columns(names))
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            writer.write(_table(batch).rename_columns(names))
    return out.expanduser().absolute()


def require_table_ending(out: Path) -> Path:
    """`out`, absolute. Raises UsageError when its ending is not one that can be written."""
    if out.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"No table can be written to {clean(out.name)}.",
            where=str(out),
            next_step="Give a file that ends in .csv or .parquet.",
        )
    return out.expanduser().absolute()


def escape_formulas(table: Any) -> Any:
    """Text cells and headings that begin like a formula, led by an apostrophe; texts that are numbers stay."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            formula = pc.and_not(pc.match_substring_regex(column, _FORMULA), pc.match_substring_regex(column, _NUMBER))
            mark, empty = pa.scalar("'", column.type), pa.scalar("", column.type)
            column = pc.if_else(formula, pc.binary_join_element_wise(mark, column, empty), column)
        columns.append(column)
    names = [f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name for name in table.column_names]
    return pa.table(columns, names=names)


def _table(batch: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def _writer(schema: Any, path: Path, *, csv: bool) -> Any:
    import pyarrow.csv
    import pyarrow.parquet

    return pyarrow.csv.CSVWriter(path, schema) if csv else pyarrow.parquet.ParquetWriter(path, schema)
