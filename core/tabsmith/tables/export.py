"""Tables written for other programs, as CSV or Parquet: whole or not at all, without formulas for a spreadsheet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import UsageError
from tabsmith.storage.files import storage_error
from tabsmith.tables.info import TableInfo
from tabsmith.text import clean

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS: Final = 20_000
_SUFFIXES: Final = (".csv", ".parquet")
_FORMULA: Final = r"^[=+\-@\t\r]"
_HARMLESS: Final = (
    r"^(?:"
    r"[+-] ?[$€£¥]?[.,]?\d[\d.,' \x{a0}\x{202f}]*(?:[eE][+-]?\d+)?[ \x{a0}]?[%‰°$€£¥µ²³/\pL]*"  # a number, perhaps with its unit
    r"|\+ ?(?:\(\d+\)|\d)[\d ()/.-]*"  # a telephone number
    r"|[+-]+"  # signs alone
    r")$"
)
"""Texts that begin with a sign and cannot do harm: a spreadsheet calls a function or another program only by a name with
`(`, `|` or `!` after it, and computes only where there is a second term."""


class TableWriter:
    """Writes Arrow tables of one schema to a file, as CSV or Parquet."""

    def __init__(self, path: Path, *, csv: bool) -> None:
        self._path = path
        self._csv = csv
        self._writer: Any = None

    def write(self, table: Any) -> None:
        """Append `table`, a pyarrow Table."""
        import pyarrow.csv
        import pyarrow.parquet

        if self._csv:
            table = _without_formulas(table)
        if self._writer is None:
            writer_class = pyarrow.csv.CSVWriter if self._csv else pyarrow.parquet.ParquetWriter
            self._writer = writer_class(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextmanager
def open_table_writer(out: Path) -> Iterator[TableWriter]:
    """A writer whose file appears at `out` when the block ends well; if the block fails, nothing is left behind.

    Raises UsageError for a suffix other than .csv and .parquet, StorageError if the file cannot be written.
    """
    out = require_table_suffix(out)
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
    """Write a table, as it was read, to `out`; returns the absolute path. Raises UsageError, StorageError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tabsmith.tables.snapshot import ensure_snapshot

    names = [column.name for column in info.profile.columns]
    with pq.ParquetFile(ensure_snapshot(info).snapshot) as file, open_table_writer(out) as writer:
        writer.write(file.schema_arrow.empty_table().rename_columns(names))
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            writer.write(pa.Table.from_batches([batch]).rename_columns(names))
    return out.expanduser().absolute()


def require_free(out: Path) -> Path:
    """`out`, if nothing is there that writing a table would replace. Raises UsageError."""
    if os.path.lexists(out.expanduser()):
        raise UsageError(
            f"{clean(out.name)} exists already.",
            where=clean(out, 500),
            next_step="Give another name, or --force to replace it.",
        )
    return out


def require_table_suffix(out: Path) -> Path:
    """`out` as an absolute path. Raises UsageError if its suffix is neither .csv nor .parquet."""
    if out.suffix.lower() not in _SUFFIXES:
        raise UsageError(
            f"No table can be written to {clean(out.name)}.",
            where=str(out),
            next_step="Give a file that ends in .csv or .parquet.",
        )
    return out.expanduser().absolute()


def is_text(type_: "pa.DataType") -> bool:
    """Whether an Arrow type is one of text."""
    import pyarrow as pa

    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _without_formulas(table: "pa.Table") -> "pa.Table":
    """The table with an apostrophe before each text and heading that a spreadsheet would run when it opens the file.

    Such a text begins like a formula; numbers and telephone numbers with a sign stay as they are.
    """
    import pyarrow as pa

    columns = [_quoted(column) if is_text(column.type) else column for column in table.columns]
    return pa.table(columns, names=_quoted(pa.chunked_array([pa.array(table.column_names, pa.string())])).to_pylist())


def _quoted(texts: "pa.ChunkedArray") -> "pa.ChunkedArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    formula = pc.and_not(pc.match_substring_regex(texts, _FORMULA), pc.match_substring_regex(texts, _HARMLESS))
    apostrophe, empty = pa.scalar("'", texts.type), pa.scalar("", texts.type)
    return pc.if_else(formula, pc.binary_join_element_wise(apostrophe, texts, empty), texts)
