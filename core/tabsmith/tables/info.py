"""A table once read, as data: where its snapshot lies and what happened while it was read. Imports no table library."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.read.sources import JoinKind, Source

Route: TypeAlias = Literal["fast", "careful"]
"""Whether the file was read by DuckDB or Arrow alone, or line by line because it breaks the rules of its format."""

FormatName: TypeAlias = str
"""The name of a registered file format, "sample" or "frame"."""


REASON_COLUMN: Final = "reason"
"""The column of a snapshot that says why a row is empty: its line could not be read. See `ReadOptions.every_row`."""


class LineNote(msgspec.Struct, frozen=True):
    """A line of the source (counted from 1) that was repaired or rejected, and why."""

    line: int
    reason: str
    text: str = ""  # the line's beginning, cleaned


class Dialect(msgspec.Struct, frozen=True):
    """How a text table is written: its delimiter, quotes, header and preamble."""

    delimiter: str = ","  # "" if every line is one value, or for columns of fixed width
    quote: str = '"'  # "" for none
    escape: str = ""  # what stands before a quote within quotes: the quote itself, or a backslash
    header: bool = True
    skipped_lines: int = 0  # above the header, or above the first row: titles, remarks, empty lines
    header_line: int = 0  # the number of the line with the names; 0 without a header
    further_header_lines: int = 0  # below the names: units, descriptions, the names once more
    named_columns: int = 0  # by the header
    row_values: int = 0  # in most rows, perhaps more or fewer than the header names
    joins_spaces: bool = False  # several spaces in a row are one delimiter
    skips_spaces: bool = False  # spaces behind a delimiter are no part of the value
    framed: bool = False  # lines are framed by delimiters, and ruled with dashes, as in Markdown
    starts: tuple[int, ...] = ()  # of the columns of fixed width, in characters


class JoinStep(msgspec.Struct, frozen=True):
    """What joining one further table did to the rows."""

    table: str
    on: tuple[str, ...]
    how: JoinKind
    rows_before: int
    rows_after: int
    unmatched: int  # rows without a partner in the table: left out by an inner join, else with missing values
    unused: int  # rows of the table whose keys are not there
    multiplied: int  # rows that are there only because a key is in the table more than once


class TableInfo(msgspec.Struct, frozen=True):
    """A table once read. `snapshot` is a Parquet file in the cache folder, named by `fingerprint`."""

    source: Source
    fingerprint: str
    snapshot: str
    format: FormatName
    route: Route
    encoding: str
    dialect: Dialect
    profile: TableProfile
    rejected: tuple[LineNote, ...] = ()
    repaired: tuple[LineNote, ...] = ()
    rejected_count: int = 0  # of all lines; `rejected` holds the first thousand
    repaired_count: int = 0
    size: int = 0  # bytes of the source
    modified: float = 0.0  # modification time of the source, seconds since 1970
    other_encodings: tuple[str, ...] = ()  # in which the text reads as well: its letters should be looked at
    sheet: str = ""  # of a workbook, or the table or file that was read of several
    sheets: tuple[str, ...] = ()  # all that the source holds, `sheet` among them
    joins: tuple[JoinStep, ...] = ()
    checksum: str = ""  # SHA-256 of the snapshot; "" if an older tabsmith wrote it

    @property
    def rows(self) -> int:
        return self.profile.rows

    @property
    def snapshot_path(self) -> Path:
        return Path(self.snapshot)


class Preview(msgspec.Struct, frozen=True):
    """The first rows of a table as cleaned text, for a screen."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Estimate(msgspec.Struct, frozen=True):
    """What loading a file will cost, estimated from its size and first lines before it is read."""

    size: int  # bytes on disk
    rows: int  # about
    columns: int
    memory: int  # bytes, about
    format: FormatName
