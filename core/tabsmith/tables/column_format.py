"""How the texts of a column are read, as data: found once from the whole column, kept in the schema and in the model, and
used for every new row, cell by cell. Imports no table library.
"""

from typing import Final

import msgspec

MISSING_WORDS: Final = (*("NA", "N/A", "n/a", "null", "NULL", "NaN", "nan", "?", "-", "#N/A", "<NA>", "\\N", "#NULL!"),)
"""The words that stand for a missing value in a column of any kind, unless they mean something there."""


class ColumnFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """How each text of a column becomes a value. The same text always becomes the same value, whatever stands beside it.

    `name` is the name of a format in `tables.read.value_formats`; it decides storage, date order, decimal and thousands
    marks, currency and percent. A text that the format cannot read is a missing value.
    """

    name: str = "text"
    missing: tuple[str, ...] = MISSING_WORDS  # words that stand for a missing value in this column
    spellings: dict[str, str] = {}  # further spellings of a level ("YES", " yes "), each with the level it is taken as


class OddCell(msgspec.Struct, frozen=True):
    """A cell that its column's format cannot read, and that is treated as missing."""

    line: int  # of the source, counted from 1; 0 where the source has no lines
    text: str  # cleaned, at most 80 characters
