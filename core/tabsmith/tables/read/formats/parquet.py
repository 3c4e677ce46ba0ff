"""Parquet: copied into the snapshot by DuckDB, column by column."""

from typing import Final

from tabsmith.errors import ReadError
from tabsmith.tables.database import sql_literal
from tabsmith.tables.read.arrow_columns import convert_relation, unique_names
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.table_limits import require_columns
from tabsmith.text import clean

_MICROSECONDS: Final = {
    "duration[s]": "* 1000000", "duration[ms]": "* 1000", "duration[us]": "", "duration[ns]": "// 1000",
}  # fmt: skip
"""SQL that makes microseconds of a duration in each unit."""


def _recognises(head: FileHead) -> bool:
    return head.data.startswith(b"PAR1")


def _read(request: ReadRequest) -> ReadResult:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    opened = request.opened
    display_path = opened.file.display_path
    try:
        schema = pq.ParquetFile(opened.name).schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(error, display_path) from error
    names = tuple(schema.names)
    if not names:
        raise ReadError("The Parquet file has no columns.", where=display_path, next_step="Choose another file.")
    require_columns(len(names), display_path)
    columns = ", ".join(f"c{position}" for position in range(len(names)))
    selected = ", ".join(_value(f"c{position}", str(schema.field(position).type)) for position in range(len(names)))
    relation = f"(SELECT {selected} FROM read_parquet({sql_literal(opened.name)}) AS t({columns}))"  # noqa: S608
    try:
        storages = convert_relation(
            request.database,
            relation,
            request.out,
            as_text=request.as_text,
            read_texts=not request.options.every_row,
            dates=request.options.dates,
        )
    except duckdb.Error as error:
        raise _damaged(error, display_path) from error
    return ReadResult(unique_names(names), storages)


def _value(column: str, type_: str) -> str:
    """SQL: a column of Arrow's type `type_`; durations, which Parquet keeps as whole numbers, are intervals again."""
    if type_ not in _MICROSECONDS:
        return column
    return f"to_microseconds({column} {_MICROSECONDS[type_]}) AS {column}"


def _damaged(error: Exception, display_path: str) -> ReadError:
    return ReadError(
        f"The Parquet file is damaged or cut off: {clean(error, 200)}",
        where=display_path,
        next_step="Get the file again, or write it anew.",
    )


def _estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
    """Rows and columns by the file's footer, which is all that pyarrow reads here."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(file.path)
    except (pa.ArrowException, OSError, ValueError):
        return max(1, file.size // (8 * 10)), 10  # a damaged file: reading it says how
    return footer.num_rows, footer.num_columns


PARQUET = FileFormat("parquet", "Parquet", (".parquet", ".pq"), _recognises, _read, _estimate)
