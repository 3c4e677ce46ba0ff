"""The public API for tables: `read_table`, `Table` and `detect_schema`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabsmith.tables.info import LineNote, TableInfo
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.read.sources import parse_source
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


def read_table(path: str | Path, *, as_text: bool = False) -> Table:
    """The table in the file at `path`, or a sample (`sample:iris`); `as_text` keeps every cell as text.

    The size limit comes from the setting `paths.max_mb`. Raises PathError, ReadError, StorageError.
    """
    from tabsmith import config
    from tabsmith.tables.read.guard import ANYWHERE
    from tabsmith.tables.read.reader import read_source

    source = parse_source(str(path), as_text=as_text)
    return Table(read_source(source, allowed=ANYWHERE, max_mb=config.load().paths.max_mb))


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
