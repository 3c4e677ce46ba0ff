"""One opened file is read into a snapshot by its format, a file that was packed in it by a further one."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tabsmith.errors import ReadError
from tabsmith.tables.read.formats.base import Progress, ReadRequest, ReadResult
from tabsmith.tables.read.formats.registry import format_named
from tabsmith.tables.read.guard import ANYWHERE, open_guarded
from tabsmith.tables.read.opened_file import OpenedFile
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.text import plural

if TYPE_CHECKING:
    import duckdb


class Workplace(NamedTuple):
    """Where a source is read: a scratch folder, a database that spills there, and the Parquet file to write."""

    scratch: Path
    database: "duckdb.DuckDBPyConnection"
    out: Path


def read_opened(
    opened: OpenedFile, place: Workplace, as_text: bool, options: ReadOptions, max_mb: float, progress: Progress
) -> ReadResult:
    """Read a file into the snapshot `place.out`. Raises PathError and ReadError.

    With `options.every_row`, `as_text` keeps the texts of the file as they stand, beside the typed values that formats
    other than text have.
    """

    def read_inner(path: Path, display_path: str, inner_options: ReadOptions) -> ReadResult:
        with open_guarded(path, allowed=ANYWHERE, max_mb=max_mb, display_path=display_path) as inner:
            return read_opened(inner, place, as_text, inner_options, max_mb, progress)

    file_format = format_named(opened.file.format)
    all_texts = as_text and (file_format.holds_texts or not options.every_row)
    request = ReadRequest(
        opened, place.out, place.database, place.scratch, all_texts, max_mb, progress, options, read_inner
    )
    return _renamed(file_format.read(request), options, opened.file.display_path)


def _renamed(result: ReadResult, options: ReadOptions, display_path: str) -> ReadResult:
    """The result with the names that were given for its columns. Raises ReadError if there are not as many."""
    if not options.columns or result.names == options.columns:
        return result
    if len(options.columns) != len(result.names):
        raise ReadError(
            f"{plural(len(options.columns), 'name')} were given for {plural(len(result.names), 'column')}.",
            where=display_path,
            next_step="Give one name for each column.",
        )
    return replace(result, names=options.columns)
