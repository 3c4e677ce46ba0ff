"""The careful path: text that breaks the rules, parsed line by line. Lines with one reading are repaired.

A line that cannot be read in exactly one way is rejected. Every repaired and rejected line is noted with its number
and the reason.
"""

import csv
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from tabsmith.tables.info import Dialect, LineNote
from tabsmith.tables.read.encoding import one_byte_encoding
from tabsmith.text import clean, plural

_NOTES_KEPT: Final = 1_000
_LONGEST_VALUE: Final = 2_000  # lines that one quoted value may span
_BLOCK: Final = 1 << 20
_LINE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")


class LineNotes:
    """The lines that were repaired or rejected: the first thousand of each, and how many there are."""

    def __init__(self) -> None:
        self.repaired: list[LineNote] = []
        self.rejected: list[LineNote] = []
        self.repaired_count = 0
        self.rejected_count = 0
        self.last_reason = ""  # of the line rejected last, with its number

    def repair(self, line: int, reason: str, text: str) -> None:
        self.repaired_count += 1
        if self.repaired_count <= _NOTES_KEPT:
            self.repaired.append(LineNote(line, reason, clean(text, 80)))

    def reject(self, line: int, reason: str, text: str) -> None:
        self.last_reason = f"line {line}: {reason}"
        self.rejected_count += 1
        if self.rejected_count <= _NOTES_KEPT:
            self.rejected.append(LineNote(line, reason, clean(text, 80)))


def decode_lines(stream: BinaryIO, notes: LineNotes) -> Iterator[str]:
    """The lines of a UTF-8 text, with their ends: LF, CRLF or CR, also mixed.

    A line that is not UTF-8 is read in a one-byte encoding, and noted.
    """
    number = 0
    rest = b""
    while True:
        block = stream.read(_BLOCK)
        data = rest + block
        if not data:
            return
        is_last = not block
        end = 0
        for match in _LINE.finditer(data):
            line = match.group()
            is_complete = line.endswith(b"\n") or (line.endswith(b"\r") and match.end() < len(data))
            if not line or not (is_complete or is_last):
                break
            end = match.end()
            number += 1
            yield _decoded(line, number, notes)
        rest = data[end:]
        if is_last:
            return


def _decoded(line: bytes, number: int, notes: LineNotes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        encoding = one_byte_encoding(line)
        text = line.decode(encoding)
        notes.repair(number, f"not UTF-8; read as {encoding}", text)
        return text


class LineParser:
    """Parses lines into rows of exactly `width` cells.

    `fits(position, cell)` says whether a cell can stand in a column, by the values of the sample; it decides where a
    delimiter belongs to a value. With `every_row`, each row ends in a further cell, "" or the reason why its line
    cannot be read; the other cells of such a row are empty.
    """

    def __init__(
        self,
        dialect: Dialect,
        width: int,
        fits: Callable[[int, str], bool],
        notes: LineNotes,
        *,
        every_row: bool = False,
    ) -> None:
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._width = width
        self._fits = fits
        self._notes = notes
        self._every_row = every_row
        self.line = 0  # at which the row that was given last begins
        self._ends_empty = False

    def expect_last_delimiter(self) -> None:
        """Take one delimiter at the end of every line for granted, without a note."""
        self._ends_empty = True

    def rows(self, lines: Iterator[str], first: int) -> Iterator[list[str]]:
        """The rows in `lines`, whose first line has the number `first`."""
        number = first
        put_back: list[str] = []
        while True:
            line = put_back.pop() if put_back else next(lines, None)
            if line is None:
                return
            start = number
            number += 1
            bare = line.rstrip("\r\n")
            if self._quote not in bare:
                if not bare.strip() and (self._width > 1 or not bare):
                    continue  # an empty line holds nothing
                cells = self._split(bare)
            else:
                cells, further_lines = self._parse_quoted(line, bare, lines, put_back, start)
                number += further_lines
            row = self._with_full_width(cells, start, bare)
            self.line = start
            if self._every_row:
                yield [*row, ""] if row is not None else [*[""] * self._width, self._notes.last_reason]
            elif row is not None:
                yield row

    def _split(self, bare: str) -> list[str]:
        cells = bare.split(self._delimiter)
        return [cell for cell in cells if cell] if self._delimiter == " " else cells

    # Quotes -----------------------------------------------------------------------------------------------------------

    def _parse_quoted(
        self, line: str, bare: str, lines: Iterator[str], put_back: list[str], start: int
    ) -> tuple[list[str], int]:
        """The cells of a line with quotes, and how many more lines belong to it."""
        cells, is_closed = self._parse_strictly(line)
        if cells is not None and is_closed and len(cells) == self._width:
            return cells, 0
        if not is_closed:
            continued = self._parse_with_next_lines(line, lines, put_back)
            if continued is not None:
                return continued
        lenient = self._parse_leniently(bare)
        plain = self._split(bare)
        for reading, reason in (
            (lenient, "quotes within a quoted value kept as text"),
            (plain, "a stray quote kept as text"),
        ):
            if reading is not None and len(reading) == self._width:
                self._notes.repair(start, reason, bare)
                return reading, 0
        return (cells if cells is not None and is_closed else lenient or plain), 0

    def _parse_strictly(self, text: str) -> tuple[list[str] | None, bool]:
        """The cells by the rules (None if `text` breaks them), and whether every quote that was opened is closed."""
        try:
            rows = list(
                csv.reader([text], delimiter=self._delimiter, quotechar=self._quote, doublequote=True, strict=True)
            )
        except csv.Error as error:
            return None, "unexpected end" not in str(error)
        return (rows[0] if len(rows) == 1 else None), True

    def _parse_with_next_lines(
        self, line: str, lines: Iterator[str], put_back: list[str]
    ) -> tuple[list[str], int] | None:
        """The cells if the line goes on in the next lines, or None, with these lines put back."""
        following: list[str] = []
        while len(following) < _LONGEST_VALUE:
            next_line = put_back.pop() if put_back else next(lines, None)
            if next_line is None:
                break
            following.append(next_line)
            if self._quote not in next_line:
                continue
            cells, is_closed = self._parse_strictly(line + "".join(following))
            if cells is not None and is_closed and len(cells) == self._width:
                return cells, len(following)
            if is_closed:
                break
        put_back.extend(reversed(following))
        return None

    def _parse_leniently(self, bare: str) -> list[str] | None:
        """The cells if a quote closes a value only before a delimiter or at the end; None if one never closes."""
        cells: list[str] = []
        start, end = 0, len(bare)
        quote, delimiter = self._quote, self._delimiter
        while start <= end:
            if bare.startswith(quote, start):
                close = start + 1
                while True:
                    close = bare.find(quote, close)
                    if close < 0:
                        return None
                    if close + 1 == end or bare.startswith(delimiter, close + 1):
                        break
                    close += 1
                cells.append(bare[start + 1 : close].replace(quote * 2, quote))
                start = close + 2
                if close + 1 == end:
                    return cells
            else:
                stop = bare.find(delimiter, start)
                stop = end if stop < 0 else stop
                cells.append(bare[start:stop])
                start = stop + 1
        return cells

    # Width ------------------------------------------------------------------------------------------------------------

    def _with_full_width(self, cells: list[str], line: int, bare: str) -> list[str] | None:
        """The row with exactly as many cells as the table has columns, or None if the line has no single reading."""
        count, width = len(cells), self._width
        if count == width:
            return cells
        if count < width:
            return self._padded(cells, line, bare)
        if not any(cell.strip() for cell in cells[width:]):
            if count > width + 1 or not self._ends_empty:
                self._notes.repair(line, f"{plural(count - width, 'empty value')} too many at the end dropped", bare)
            return cells[:width]
        return self._with_joined_cells(cells, line, bare)

    def _padded(self, cells: list[str], line: int, bare: str) -> list[str] | None:
        if len(cells) == 1 and self._width > 2:
            self._notes.reject(line, f"1 value where {self._width} are expected", bare)
            return None
        if not all(self._fits(position, cell) for position, cell in enumerate(cells)):
            reason = (
                f"{len(cells)} values where {self._width} are expected, and they do not fit the columns from the left"
            )
            self._notes.reject(line, reason, bare)
            return None
        missing = self._width - len(cells)
        self._notes.repair(line, f"{plural(missing, 'value')} missing at the end", bare)
        return [*cells, *[""] * missing]

    def _with_joined_cells(self, cells: list[str], line: int, bare: str) -> list[str] | None:
        """The row if a delimiter stands within a value: if there is one place where joining cells fits all columns."""
        extra = len(cells) - self._width
        readings = []
        for position in range(self._width):
            joined = self._delimiter.join(cells[position : position + extra + 1])
            row = [*cells[:position], joined, *cells[position + extra + 1 :]]
            if all(self._fits(column, cell) for column, cell in enumerate(row)):
                readings.append(row)
        if len(readings) == 1:
            self._notes.repair(line, "a delimiter within a value, taken as part of it", bare)
            return readings[0]
        self._notes.reject(line, f"{len(cells)} values where {self._width} are expected", bare)
        return None
