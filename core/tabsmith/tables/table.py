"""The public API for tables: `read_table`, `Table` and `detect_schema`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabsmith.tables.info import LineNote, TableInfo
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.read.sources import DateOrder, ReadOptions, Source, parse_source
from tabsmith.tables.schema.types import Schema

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """A table once read. Its rows lie in a snapshot on disk; `info` describes the table and how it was read."""

    info: TableInfo

    @property
    def profile(self) -> TableProfile:
        """Counts, distributions and the most frequent values of every column."""
        return self.info.profile

    @property
    def rows(self) -> int:
        return self.info.rows

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' exact names."""
        return tuple(column.name for column in self.info.profile.columns)

    @property
    def rejected(self) -> tuple[LineNote, ...]:
        """The lines that are not in the table, with the reason: the first thousand of `info.rejected_count`."""
        return self.info.rejected

    @property
    def repaired(self) -> tuple[LineNote, ...]:
        """The lines that were repaired, with the reason: the first thousand of `info.repaired_count`."""
        return self.info.repaired

    def to_pandas(self) -> "pd.DataFrame":
        """All rows as a frame, typed as in `tabsmith.tables.snapshot.load_frame`."""
        from tabsmith.tables.snapshot import load_frame

        return load_frame(self.info)

    def schema(self, target: str | None = None) -> Schema:
        """The detected schema, as by `detect_schema`. Raises SchemaError."""
        return detect_schema(self, target)

    def __repr__(self) -> str:
        return f"<Table of {self.rows:,} rows and {len(self.columns):,} columns>"


def read_table(
    path: str | Path | Source,
    *,
    as_text: bool = False,
    delimiter: str | None = None,
    quote: str | None = None,
    escape: str | None = None,
    encoding: str | None = None,
    header: int | None = None,
    skip: int | None = None,
    sheet: str | None = None,
    query: str | None = None,
    dates: DateOrder | None = None,
    missing: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Table:
    """The table that `path` means: a file, a folder or pattern of files, a database's address, a sample, or a Source.

    Whatever is not given is found out from the source.

    Parameters
    ----------
    path : a path, `sample:iris`, an SQLAlchemy address such as `postgresql://ann@host/db`, or a Source, which holds its
        own options
    as_text : keep every cell as the text that stands there
    delimiter, quote, escape, encoding : how a text is written; "" for no quote or escape
    header : the number of the line with the names, from 1; 0 if there is none
    skip : lines to skip at the top
    sheet : a sheet of a workbook, a table of a database, or a file in a zip archive
    query : an SQL query to a database, in place of one of its tables
    dates : "day first" or "month first", for dates in which nothing else decides the order
    missing : numbers, as texts, that stand for a missing value, such as "999"
    columns : names for all columns

    The size limit comes from the setting `paths.max_mb`. Raises PathError, ReadError, UsageError, StorageError.
    """
    from tabsmith import config
    from tabsmith.tables.read.guard import ANYWHERE
    from tabsmith.tables.read.reader import read_source

    if isinstance(path, str | Path):
        options = ReadOptions(
            delimiter=delimiter, quote=quote, escape=escape, encoding=encoding, header=header, skip=skip,
            sheet=sheet, query=query, dates=dates, missing=tuple(missing), columns=tuple(columns),
        )  # fmt: skip
        path = parse_source(str(path), as_text=as_text, options=options)
    return Table(read_source(path, allowed=ANYWHERE, max_mb=config.load().paths.max_mb))


def detect_schema(table: "Table | TableInfo | pd.DataFrame", target: str | None = None) -> Schema:
    """The detected schema of a table or frame: kinds and roles of its columns, target, problem type and split.

    Without `target`, the likeliest target is chosen. Raises SchemaError if there is no column `target`, or if it
    cannot be predicted.
    """
    from tabsmith.tables.schema.detect import detect_schema as detect

    if isinstance(table, Table):
        table = table.info
    if not isinstance(table, TableInfo):
        from tabsmith.tables.read.frames import from_frame

        table = from_frame(table)
    return detect(table, target)
