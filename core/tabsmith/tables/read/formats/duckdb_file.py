"""DuckDB files: a table, a view or a query, read by DuckDB itself, without access to anything but the file."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import ReadError
from tabsmith.tables.database import MEMORY_LIMIT
from tabsmith.tables.read.arrow_columns import unique_names
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.row_parts import BATCH_CELLS, RowParts
from tabsmith.tables.read.table_choice import only_table
from tabsmith.tables.read.table_limits import require_columns
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb

_ROW_BYTES: Final = 30  # of a row in the file, about
_AS_TEXT: Final = ("INTERVAL", "TIME", "UUID", "BIT")
"""Types that are read as their text, as no snapshot keeps them."""
_TABLES: Final = (
    "SELECT CASE WHEN schema_name = 'main' THEN name ELSE schema_name || '.' || name END FROM ("
    "SELECT schema_name, table_name AS name FROM duckdb_tables() WHERE NOT internal UNION ALL "
    "SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal) ORDER BY 1"
)


def _recognises(head: FileHead) -> bool:
    return head.data[8:12] == b"DUCK"


def _read(request: ReadRequest) -> ReadResult:
    import duckdb

    display_path = request.opened.file.display_path
    try:
        with closing(_open(request)) as database:
            tables = tuple(str(row[0]) for row in database.execute(_TABLES).fetchall())
            table = "" if request.options.query else only_table(request.options.sheet, tables, "table", display_path)
            query = request.options.query or f"SELECT * FROM {_quoted(table)}"  # noqa: S608
            described = database.execute(f"DESCRIBE {query}").fetchall()
            names = unique_names([str(column[0]) for column in described])
            require_columns(len(names), request.opened.file.display_path)
            numbered = ", ".join(f"c{position}" for position in range(len(names)))
            selected = ", ".join(
                f"CAST(c{position} AS VARCHAR)" if str(column[1]).startswith(_AS_TEXT) else f"c{position}"
                for position, column in enumerate(described)
            )
            parts = RowParts(request.scratch)
            rows = database.sql(f"SELECT {selected} FROM ({query.rstrip().rstrip(';')}) AS t({numbered})")  # noqa: S608
            batches: Any = rows.to_arrow_reader(max(1, BATCH_CELLS // max(1, len(names))))
            for batch in batches:
                parts.add_arrays(dict(zip(names, batch.columns, strict=True)))
                request.progress(-1.0, f"reading, {parts.rows:,} rows so far")
    except duckdb.Error as error:
        raise ReadError(
            f"DuckDB cannot read this: {clean(str(error).splitlines()[0], 200)}",
            where=display_path,
            next_step="Check the table and the query, and that no other program has the file open for writing.",
        ) from error
    return request.table_of(parts, table, tables)


def _open(request: ReadRequest) -> "duckdb.DuckDBPyConnection":
    import duckdb

    path = request.opened.file.path
    # Changes that wait in a log beside the file are found by the file's own path only.
    name = str(path) if Path(f"{path}.wal").exists() else request.opened.name
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        "memory_limit": MEMORY_LIMIT,
        "threads": 2,
        "temp_directory": str(request.scratch),
    }
    return duckdb.connect(name, read_only=True, config=config)


def _quoted(name: str) -> str:
    schema, dot, table = name.partition(".")
    parts = (schema, table) if dot else (name,)
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def _estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
    columns = 10
    return max(1, file.size // _ROW_BYTES), columns


DUCKDB = FileFormat("duckdb", "DuckDB", (".duckdb", ".ddb"), _recognises, _read, _estimate)
