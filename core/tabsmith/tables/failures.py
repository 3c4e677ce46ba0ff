"""What table libraries raise, in words: no exception of theirs leaves the room of tables as it is."""

import contextlib
import errno
from collections.abc import Iterator

from tabsmith.errors import ReadError, StorageError, TabsmithError
from tabsmith.text import clean

_FULL = ("no space left", "disk full", "max_temp_directory_size", "disk quota", "not enough space")


@contextlib.contextmanager
def told(shown: str) -> Iterator[None]:
    """Turns what DuckDB, Arrow and Python raise within into ReadError or StorageError; `shown` names the source."""
    import duckdb
    import pyarrow as pa

    try:
        yield
    except TabsmithError:
        raise
    except (duckdb.InterruptException, pa.ArrowCancelled):
        raise  # somebody wants to end it
    except (duckdb.Error, pa.ArrowException, MemoryError, OSError) as error:
        raise _in_words(error, shown) from error


def _in_words(error: Exception, shown: str) -> TabsmithError:
    import duckdb

    words = str(error).lower()
    first = clean(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    if full or any(sign in words for sign in _FULL):
        return StorageError(
            "The disk is full: the table's snapshot could not be written.",
            where=shown,
            next_step="Make room on the disk, or move tabsmith's folders with TABSMITH_HOME.",
        )
    # Arrow's own error for memory is a MemoryError too.
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
        return ReadError(
            "The table does not fit in memory while it is read.",
            where=shown,
            next_step="Close other programs, or give a file with fewer columns or shorter cells.",
        )
    if isinstance(error, OSError):
        return StorageError(
            f"The table could not be read or its snapshot written: {clean(error.strerror or first, 200)}.",
            where=shown,
            next_step="Check the disk and the permissions of the file and of tabsmith's folders.",
        )
    return ReadError(
        f"The file could not be made into a table: {first}",
        where=shown,
        next_step="Export it again as CSV or Parquet, and report this file if it looks right to you.",
    )
