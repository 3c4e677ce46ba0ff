"""The profile of a table as data: counts, distributions and frequent values of every column.

Screens, agents and the bridge see the profile and never the rows. Names and sample values in it are cleaned
(`tabsmith.text.clean`); `ColumnProfile.name` alone is exact, because it is the key by which columns are found.
"""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.tables.column_format import ColumnFormat, OddCell

StorageType: TypeAlias = Literal["integer", "float", "boolean", "date", "timestamp", "text"]
"""How a column is stored in the snapshot. Times of day and nested values are stored as text."""


class StoredColumn(msgspec.Struct, frozen=True):
    """How a column came into the snapshot."""

    storage: StorageType
    format: ColumnFormat = ColumnFormat()  # how its texts were read
    odd_cells: tuple[OddCell, ...] = ()  # the first few that the format cannot read
    odd_count: int = 0  # of all such cells
    note: str = ""  # what its values became, where a person would not expect it
    verbatim: bool = False  # texts exactly as they stand in the source


class ValueCount(msgspec.Struct, frozen=True):
    """A value and how many rows hold it."""

    text: str
    count: int


class NumericSummary(msgspec.Struct, frozen=True):
    """The distribution of a numeric, boolean (0/1) or date (seconds since 1970) column, missing values aside."""

    minimum: float
    maximum: float
    mean: float
    deviation: float
    quartiles: tuple[float, float, float]
    bins: tuple[int, ...]  # rows in each of up to 16 bins of equal width from minimum to maximum


class TextLengths(msgspec.Struct, frozen=True):
    """The lengths of a text column's values in characters."""

    shortest: int
    longest: int
    mean: float
    words: float  # number of words, on average


class ColumnProfile(msgspec.Struct, frozen=True):
    """The profile of one column."""

    name: str
    storage: StorageType
    rows: int
    missing: int
    distinct: int  # exact up to 100,000 rows; beyond, within a few per cent
    top: tuple[ValueCount, ...] = ()  # the most frequent values, at most 12, most frequent first
    numbers: NumericSummary | None = None
    lengths: TextLengths | None = None
    format: ColumnFormat = ColumnFormat()  # how its texts were read
    odd_cells: tuple[OddCell, ...] = ()  # the first few that the format cannot read; missing values
    odd_count: int = 0  # of all such cells
    note: str = ""  # what its values became, where a person would not expect it

    @property
    def missing_share(self) -> float:
        return self.missing / self.rows if self.rows else 0.0


class TableProfile(msgspec.Struct, frozen=True):
    """The profile of a table."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        """The column called `name`. Raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
