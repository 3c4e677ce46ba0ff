"""The lines of a text file at which the rows of its table stand."""

import bisect
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tabsmith.tables.info import Dialect

_BLOCK: Final = 1 << 20


class RowLines:
    """The line of each row, noted while a file is read; rows count from 0, lines from 1.

    Only the rows at which the distance between row and line changes are kept.
    """

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._distances: list[int] = []

    def note(self, row: int, line: int) -> None:
        """Note that `row` stands at `line`; rows are noted in their order."""
        if not self._rows or line - row != self._distances[-1]:
            self._rows.append(row)
            self._distances.append(line - row)

    def lines_of(self, rows: Sequence[int]) -> list[int]:
        """The lines of `rows`."""
        return [row + self._distances[bisect.bisect_right(self._rows, row) - 1] for row in rows]


def no_lines(rows: Sequence[int]) -> list[int]:
    """The lines of rows in a source without lines: 0 for each."""
    return [0] * len(rows)


def lines_in_file(
    path: Path, dialect: Dialect, first: int, rows: Sequence[int], *, count: int, width: int
) -> list[int]:
    """The lines of `rows`, in ascending order, of a well-formed UTF-8 text of `count` rows that begin at line `first`.

    Only where lines are not rows, the text is parsed up to the last of `rows`. Empty lines hold no row in a table of
    more than one column.
    """
    if _line_count(path) == first - 1 + count:
        return [first + row for row in rows]
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for _ in range(first - 1):
            file.readline()
        escape = dialect.escape if dialect.escape not in {"", dialect.quote} else None
        lines: list[int] = []
        reader = csv.reader(
            file, delimiter=dialect.delimiter, quotechar=dialect.quote or None, escapechar=escape, quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            doublequote=escape is None,
        )  # fmt: skip
        wanted = set(rows)
        row, line = 0, first
        for cells in reader:
            if cells or width == 1:
                if row in wanted:
                    lines.append(line)
                row += 1
            if len(lines) == len(rows):
                break
            line = first + reader.line_num
    return lines


def _line_count(path: Path) -> int:
    count, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")
