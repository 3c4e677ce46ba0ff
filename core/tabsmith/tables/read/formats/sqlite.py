"""SQLite files: a table, a view or a query, read by Python's own library, which never writes to the file."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tabsmith.errors import ReadError
from tabsmith.tables.read.arrow_columns import unique_names
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.row_parts import RowParts
from tabsmith.tables.read.table_choice import only_table
from tabsmith.tables.read.table_limits import require_columns
from tabsmith.text import clean

_ROW_BYTES: Final = 100  # of a row in the file, about
_READING: Final = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
)


def _recognises(head: FileHead) -> bool:
    return head.data.startswith(b"SQLite format 3\x00")


def _read(request: ReadRequest) -> ReadResult:
    display_path = request.opened.file.display_path
    try:
        with closing(_open(request)) as database:
            tables = tuple(str(name) for (name,) in database.execute(_TABLES))
            table = "" if request.options.query else only_table(request.options.sheet, tables, "table", display_path)
            cursor = database.execute(request.options.query or f"SELECT * FROM {_quoted(table)}")  # noqa: S608
            if cursor.description is None:
                raise ReadError("The query gives no rows.", where=display_path, next_step="Write a SELECT.")
            names = unique_names([column[0] for column in cursor.description])
            require_columns(len(names), request.opened.file.display_path)
            parts = RowParts(request.scratch)
            parts.add_fetched(names, cursor.fetchmany, request.progress)
    except sqlite3.Error as error:
        raise ReadError(
            f"SQLite cannot read this: {clean(error, 200)}.",
            where=display_path,
            next_step="Check the table and the query, and that no other program is writing to the file.",
        ) from error
    return request.table_of(parts, table, tables)


def _open(request: ReadRequest) -> sqlite3.Connection:
    """The database, opened so that nothing but reading is possible, whatever a query says."""
    path = request.opened.name
    log = Path(f"{request.opened.file.path}-wal")
    # Without changes that wait in a log beside it, the file is read as it is, and no file is made beside it.
    mode = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    database = sqlite3.connect(f"file:{quote(path)}?{mode}", uri=True)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)
    return database


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
    columns = 10
    return max(1, file.size // _ROW_BYTES), columns


SQLITE = FileFormat("sqlite", "SQLite", (".sqlite", ".sqlite3", ".db", ".db3"), _recognises, _read, _estimate)
