"""DuckDB as tabsmith uses it: bounded in memory and threads, cut off from the network, its errors translated.

Errors of Arrow and of Python's own I/O are translated with it, so that no library's exception leaves this package.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tabsmith.errors import ReadError, StorageError, TabsmithError
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb


MEMORY_LIMIT: Final = "600MB"
_THREADS: Final = 4
_PROGRESS_INTERVAL: Final = 0.1  # seconds
_DISK_FULL: Final = ("no space left", "disk full", "max_temp_directory_size", "disk quota", "not enough space")


@contextlib.contextmanager
def connect(*, spill: Path, threads: int = 0) -> "Iterator[duckdb.DuckDBPyConnection]":
    """An in-memory database that writes to the folder `spill` what does not fit in memory.

    With `threads=1` no thread is started; 0 means up to four, as many as this process may use cores.
    """
    import duckdb

    threads = threads or min(_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _THREADS)
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(config=config) as database:
        # Unasked, DuckDB its progress on stdout when Python runs no file.
        database.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET TimeZone = 'UTC'")
        yield database


def sql_literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def sql_literals(texts: tuple[str, ...]) -> str:
    """`texts` as SQL strings with commas between them."""
    return ", ".join(sql_literal(text) for text in texts)


def sql_is_one_of(value: str, texts: tuple[str, ...]) -> str:
    """SQL: whether `value` (SQL) is one of `texts`.

    Not with IN: a list of some length becomes a join, and rows leave it in another order than they came.
    """
    entries = ", ".join(f"{sql_literal(text)}: 1" for text in texts)
    return f"map_contains(MAP {{{entries}}}, {value})"


def run_with_progress(database: "duckdb.DuckDBPyConnection", sql: str, advance: Callable[[float], None]) -> None:
    """Run `sql`, calling `advance` with the share that is done (0 to 1) a few times a second. Raises duckdb.Error."""
    failure: list[BaseException] = []

    def work() -> None:
        try:
            database.execute(sql)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=work, name="duckdb", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_PROGRESS_INTERVAL)
            share = database.query_progress()
            if share > 0:
                advance(min(1.0, share / 100))
    except BaseException:
        database.interrupt()
        thread.join()
        raise
    if failure:
        raise failure[0]


@contextlib.contextmanager
def translate_errors(source: str) -> Iterator[None]:
    """Turn errors of DuckDB, Arrow and Python within the block into ReadError or StorageError, at `source`."""
    import duckdb
    import pyarrow as pa

    try:
        yield
    except TabsmithError:
        raise
    except (duckdb.InterruptException, pa.ArrowCancelled):
        raise  # the reading was interrupted on purpose
    except (duckdb.Error, pa.ArrowException, MemoryError, OSError) as error:
        raise _translated(error, source) from error


def _translated(error: Exception, source: str) -> TabsmithError:
    import duckdb

    message = str(error)
    first_line = clean(message.splitlines()[0] if message else type(error).__name__, 200)
    no_space = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    if no_space or any(sign in message.lower() for sign in _DISK_FULL):
        return StorageError(
            "The disk is full: the table's snapshot could not be written.",
            where=source,
            next_step="Make room on the disk, or move tabsmith's folders with TABSMITH_HOME.",
        )
    # Arrow's own error for memory is a MemoryError too.
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return ReadError(
            "The table does not fit in memory while it is read.",
            where=source,
            next_step="Give a file with fewer columns or shorter cells, or let reading take a larger share of the memory: "
            "tabsmith config set resources.memory 0.9",
        )
    if isinstance(error, OSError):
        return StorageError(
            f"The table could not be read or its snapshot written: {clean(error.strerror or first_line, 200)}.",
            where=source,
            next_step="Check the disk and the permissions of the file and of tabsmith's folders.",
        )
    return ReadError(
        f"The file could not be made into a table: {first_line}",
        where=source,
        next_step="Export it again as CSV or Parquet, and report this file if it looks right to you.",
    )
