"""The rows of a database: of a server by its SQLAlchemy address, streamed in batches into a snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tabsmith.errors import ReadError
from tabsmith.tables.info import Dialect
from tabsmith.tables.read.arrow_columns import unique_names
from tabsmith.tables.read.file_reader import Workplace
from tabsmith.tables.read.formats.base import Progress, ReadResult
from tabsmith.tables.read.remote.addresses import PASSWORD_VARIABLE, full_url, without_secrets
from tabsmith.tables.read.row_parts import RowParts
from tabsmith.tables.read.sources import DatabaseSource
from tabsmith.tables.read.table_choice import only_table
from tabsmith.text import clean

if TYPE_CHECKING:
    import sqlalchemy


class DatabaseExtraError(ReadError):
    """The library or the driver that reads a database is not installed."""


def read_database(source: DatabaseSource, place: Workplace, progress: Progress) -> ReadResult:
    """Read a table or a query of a database server into the snapshot `place.out`; nothing is changed there.

    Raises DatabaseExtraError, and ReadError if the server, the table or the query does not answer.
    """
    with _connection(source.url) as connection:
        table, tables, select = _chosen_rows(connection, source)
        cursor = connection.exec_driver_sql(select)
        names = unique_names(list(cursor.keys()))
        parts = RowParts(place.scratch)
        parts.add_fetched(names, cursor.fetchmany, progress)
    if not parts.rows:
        raise ReadError("The database gives no rows.", where=source.url, next_step="Choose another table or query.")
    every_row = source.options.every_row
    as_text = source.as_text and not every_row
    columns = parts.write(
        place.database, place.out, as_text=as_text, read_texts=not every_row, dates=source.options.dates
    )
    return ReadResult(
        parts.names,
        columns,
        dialect=Dialect(delimiter="", quote=""),
        sheet=table,
        sheets=tables,
    )


@contextmanager
def _connection(url: str) -> "Iterator[sqlalchemy.Connection]":
    """A connection to the database at `url` that streams its answers and takes back whatever a query changed."""
    try:
        import sqlalchemy
    except ModuleNotFoundError as error:
        raise DatabaseExtraError(
            "Reading from a database server needs a part of tabsmith that is not installed.",
            where=url,
            next_step="Install it: pip install 'tabsmith[sql]'",
        ) from error
    secret_url = full_url(url)
    try:
        engine = sqlalchemy.create_engine(secret_url, poolclass=sqlalchemy.pool.NullPool, hide_parameters=True)
        with engine.connect() as connection:
            connection = connection.execution_options(stream_results=True, no_parameters=True)
            try:
                yield connection
            finally:
                connection.rollback()
    except ModuleNotFoundError as error:
        raise DatabaseExtraError(
            f"The driver of this kind of database is not installed: {clean(error.name or error, 60)}.",
            where=url,
            next_step=f"Install it: pip install {clean(error.name or 'its driver', 60)}",
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
        # Without its cause, whose text holds the address with the password.
        raise ReadError(
            f"The database does not answer: {clean(without_secrets(reason[0], secret_url), 300)}",
            where=url,
            next_step=f"Check the address, the table and the query; a password may stand in {PASSWORD_VARIABLE}.",
        ) from None


def _chosen_rows(connection: "sqlalchemy.Connection", source: DatabaseSource) -> tuple[str, tuple[str, ...], str]:
    """The table that is meant ("" for a query), the names of all, and the statement that gives its rows.

    Raises ReadError, and SeveralTablesError if none was chosen of several.
    """
    import sqlalchemy

    if source.options.query:
        return "", (), source.options.query
    inspector = sqlalchemy.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    names = tuple(sorted((*inspector.get_table_names(), *inspector.get_view_names())))
    chosen = source.options.sheet or ""
    schema, dot, table = chosen.partition(".")
    if dot and chosen not in names and table in (*inspector.get_table_names(schema), *inspector.get_view_names(schema)):
        return chosen, names, f"SELECT * FROM {quote(schema)}.{quote(table)}"  # noqa: S608
    name = only_table(chosen or None, names, "table", source.url)
    return name, names, f"SELECT * FROM {quote(name)}"  # noqa: S608
