"""What makes up a file format: how it is recognised, read into a snapshot, and estimated before it is read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tabsmith.errors import ReadError
from tabsmith.tables.info import Dialect, JoinStep, Route
from tabsmith.tables.profile.types import StoredColumn
from tabsmith.tables.read.arrow_columns import write_columns
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.encoding import HEAD, decode_head
from tabsmith.tables.read.opened_file import GuardedFile, OpenedFile
from tabsmith.tables.read.row_parts import RowParts
from tabsmith.tables.read.sources import ReadOptions

if TYPE_CHECKING:
    import duckdb

Progress: TypeAlias = Callable[[float, str], None]
"""Called with the share that is done (0 to 1) and what is being done."""

RowsAndColumns: TypeAlias = tuple[int, int]

_PACKED: Final = 5  # how much smaller text gets when it is packed, about


@dataclass(frozen=True)
class FileHead:
    """The beginning of a file, by which its format is recognised."""

    data: bytes  # up to 64 KiB, unpacked
    name: str  # the file's name in lower case, without .gz or .zst
    zip_members: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        dot = self.name.rfind(".")
        return self.name[dot:] if dot >= 0 else ""

    @cached_property
    def text(self) -> str:
        """The head as text, without a byte order mark and white space before it."""
        return decode_head(self.data).lstrip("\ufeff \t\r\n")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A file to read into a snapshot."""

    opened: OpenedFile
    out: Path  # the Parquet file to write, with columns c0, c1 ...
    database: "duckdb.DuckDBPyConnection"
    scratch: Path  # a folder for temporary files
    as_text: bool  # keep every cell as the text that stands in the file
    max_mb: float  # the most that may be unpacked
    progress: Progress
    options: ReadOptions
    read_file: "ReadFile"  # reads a file that was unpacked from this one

    def write_columns(self, columns: Sequence[Any]) -> tuple[StoredColumn, ...]:
        """Write Arrow arrays as the snapshot, and return how each column is stored."""
        read_texts = not self.options.every_row
        return write_columns(
            self.database, columns, self.out, as_text=self.as_text, read_texts=read_texts, dates=self.options.dates
        )

    def write_parts(self, parts: RowParts) -> tuple[StoredColumn, ...]:
        """Write the rows that came in batches as the snapshot, and return how each column is stored."""
        options = self.options
        return parts.write(
            self.database, self.out, as_text=self.as_text, read_texts=not options.every_row, dates=options.dates
        )

    def table_of(self, parts: RowParts, table: str, tables: tuple[str, ...]) -> "ReadResult":
        """Write the rows of `table`, one of a database file's `tables`, as the snapshot. Raises ReadError for no rows."""
        if not parts.rows:
            raise ReadError(
                "The table holds no rows.",
                where=self.opened.file.display_path,
                next_step="Choose another table or query.",
            )
        plain = Dialect(delimiter="", quote="")
        return ReadResult(parts.names, self.write_parts(parts), dialect=plain, sheet=table, sheets=tables)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What is known of a file once its snapshot is written."""

    names: tuple[str, ...]
    columns: tuple[StoredColumn, ...]
    route: Route = "fast"
    encoding: str = ""
    other_encodings: tuple[str, ...] = ()  # in which the text reads as well
    dialect: Dialect = field(default_factory=Dialect)
    sheet: str = ""  # of a workbook, or the table or file that was read of several
    sheets: tuple[str, ...] = ()  # all that the source holds
    notes: LineNotes = field(default_factory=LineNotes)
    joins: tuple[JoinStep, ...] = ()


ReadFile: TypeAlias = Callable[[Path, str, ReadOptions], ReadResult]
"""Reads the file at a path, which is called by a name for a person, into the snapshot that is being written."""


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format that tabsmith reads.

    `read` raises ReadError for a file that holds no table. `estimate` gets the file and its first bytes, unpacked, and
    returns about how many rows and columns the file has.
    """

    name: str  # stands in TableInfo, in the cache and in `--json`
    label: str  # as listed for a person
    suffixes: tuple[str, ...]
    recognises: Callable[[FileHead], bool]
    read: Callable[[ReadRequest], ReadResult]
    estimate: Callable[[GuardedFile, bytes], RowsAndColumns]
    holds_texts: bool = False  # its cells are texts; those of other formats have types
    is_text: bool = False  # a text format is tried after the binary ones, and may be packed as .gz or .zst
    is_lines: bool = False  # a text whose first lines alone are a file of the format


def estimated_text_size(file: GuardedFile, head: bytes) -> int:
    """About how many bytes the whole text of a file has, `head` being its first bytes, unpacked."""
    if file.compression == "none":
        return file.size
    packed_head = min(file.size, HEAD)
    return round(file.size * max(len(head) / packed_head, _PACKED))
