"""What a table may span, whatever format it comes in: its columns, and the cells of which nearly all are empty.

A file of a kilobyte can name a cell a million rows away, and one of a megabyte a new column in every line: the memory that they
ask for goes with what they span, not with what they hold.
"""

from typing import Final

from tabsmith.errors import ReadError
from tabsmith.tables.read.opened_file import MEGABYTE, refuse_too_large

MOST_COLUMNS: Final = 50_000
MOST_SPANNED: Final = 20_000_000
"""Cells that a table may span if nearly all of them are empty."""
LEAST_FILLED: Final = 0.02
UNPACK_RATIO: Final = 200
"""A workbook that declares more than this is made to fill the memory; so is a packed text that is larger than a few lines."""
SMALL_WORKBOOK: Final = 20 * MEGABYTE  # below this, the ratio does not matter
SMALL_UNPACKED: Final = 200 * MEGABYTE


def require_columns(count: int, display_path: str) -> None:
    """Raise ReadError for a table of more columns than tabsmith reads."""
    if count > MOST_COLUMNS:
        raise ReadError(
            f"The file seems to have {count:,} columns; tabsmith reads up to {MOST_COLUMNS:,}.",
            where=display_path,
            next_step="Turn the table around, or keep fewer columns.",
        )


def require_modest_unpacking(packed: int, unpacked: int, display_path: str) -> None:
    """Raise FileTooLargeError for a file that unpacks to so much more than it has that it is made to fill the disk."""
    if unpacked > SMALL_UNPACKED and unpacked > UNPACK_RATIO * max(1, packed):
        refuse_too_large(
            f"{packed / 1000:,.0f} kB of the file unpack to {unpacked / MEGABYTE:,.0f} MB and more: no table is as even.",
            display_path,
        )


def is_nearly_empty(rows: int, columns: int, filled: int) -> bool:
    """Whether a table spans a huge rectangle with next to nothing in it."""
    return rows * columns > MOST_SPANNED and filled < LEAST_FILLED * rows * columns
