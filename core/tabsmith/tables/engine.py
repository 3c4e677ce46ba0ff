"""DuckDB as tabsmith uses it: bounded in memory and threads, cut off from the network, quoted by the rules."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

_MEMORY: Final = "600MB"
_THREADS: Final = 4
_BEAT: Final = 0.1  # seconds between two looks at a query's progress


@contextlib.contextmanager
def connection(*, spill: Path, threads: int = 0) -> "Iterator[duckdb.DuckDBPyConnection]":
    """An in-memory database that writes what does not fit into `spill`. One thread starts no thread at all."""
    import duckdb

    threads = threads or min(_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _THREADS)
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": _MEMORY,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(config=config) as opened:
        # Of itself it draws its progress on stdout when Python runs no file.
        opened.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false; SET TimeZone = 'UTC'")
        yield opened


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: tuple[str, ...]) -> str:
    """`texts` as SQL strings with commas between them."""
    return ", ".join(literal(text) for text in texts)


def one_of(value: str, texts: tuple[str, ...]) -> str:
    """SQL: whether `value` (SQL) is one of `texts`.

    Not with IN: a list of some length becomes a join, and rows leave it in another order than they came.
    """
    entries = ", ".join(f"{literal(text)}: 1" for text in texts)
    return f"map_contains(MAP {{{entries}}}, {value})"


def run(opened: "duckdb.DuckDBPyConnection", sql: str, advance: Callable[[float], None]) -> None:
    """Run `sql`, calling `advance` with the share done (0..1) a few times a second. Raises duckdb.Error."""
    failure: list[BaseException] = []

    def work() -> None:
        try:
            opened.execute(sql)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=work, name="duckdb", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_BEAT)
            share = opened.query_progress()
            if share > 0:
                advance(min(1.0, share / 100))
    except BaseException:
        opened.interrupt()
        thread.join()
        raise
    if failure:
        raise failure[0]
