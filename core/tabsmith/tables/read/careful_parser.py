"""The careful path: text that breaks the rules, line by line. What has one reading is repaired, the rest rejected.

Every repaired and rejected line is noted with its number and the reason.
"""

import csv
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from tabsmith.tables.info import Dialect, LineNote
from tabsmith.tables.read.encoding import one_byte_encoding
from tabsmith.text import clean, plural

NOTES_KEPT: Final = 1_000
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

    def repair(self, line: int, reason: str, text: str) -> None:
        self.repaired_count += 1
        if len(self.repaired) < NOTES_KEPT:
            self.repaired.append(LineNote(line, reason, clean(text, 80)))

    def reject(self, line: int, reason: str, text: str) -> None:
        self.rejected_count += 1
        if len(self.rejected) < NOTES_KEPT:
            self.rejected.append(LineNote(line, reason, clean(text, 80)))


def decode_lines(stream: BinaryIO, notes: LineNotes) -> Iterator[str]:
    """The lines of a text that should be UTF-8, with their ends; a line that is not is read as Western text.

    Lines end in LF, CRLF or CR, mixed as they come.
    """
    number = 0
    rest = b""
    while True:
        block = stream.read(_BLOCK)
        data = rest + block
        if not data:
            return
        final = not block
        position = 0
        for match in _LINE.finditer(data):
            piece = match.group()
            complete = piece.endswith(b"\n") or (piece.endswith(b"\r") and match.end() < len(data))
            if not piece or not (complete or final):
                break
            position = match.end()
            number += 1
            yield _decoded(piece, number, notes)
        rest = data[position:]
        if final:
            return


def _decoded(piece: bytes, number: int, notes: LineNotes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        encoding = one_byte_encoding(piece)
        text = piece.decode(encoding)
        notes.repair(number, f"not UTF-8; read as {encoding}", text)
        return text


class LineParser:
    """Lines into rows of exactly `width` cells.

    `fits(position, cell)` says whether a cell can stand in a column, by what the sample showed: it decides where a
    delimiter belongs to a value.
    """

    def __init__(self, dialect: Dialect, width: int, fits: Callable[[int, str], bool], notes: LineNotes) -> None:
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._width = width
        self._fits = fits
        self._notes = notes

    def rows(self, lines: Iterator[str], first: int) -> Iterator[list[str]]:
        """The rows in `lines`, whose first line has the number `first`."""
        number = first
        waiting: list[str] = []
        while True:
            line = waiting.pop() if waiting else next(lines, None)
            if line is None:
                return
            start = number
            number += 1
            bare = line.rstrip("\r\n")
            if self._quote not in bare:
                if not bare.strip() and (self._width > 1 or not bare):
                    continue  # an empty line holds nothing
                cells: list[str] | None = self._split(bare)
            else:
                cells, taken = self._quoted(line, bare, lines, waiting, start)
                number += taken
            row = self._fitted(cells, start, bare)
            if row is not None:
                yield row

    def _split(self, bare: str) -> list[str]:
        cells = bare.split(self._delimiter)
        return [cell for cell in cells if cell] if self._delimiter == " " else cells

    def _quoted(
        self, line: str, bare: str, lines: Iterator[str], waiting: list[str], start: int
    ) -> tuple[list[str], int]:
        """The cells of a line with quotes, and how many more lines belong to it."""
        cells, closed = self._parse(line)
        if cells is not None and closed and len(cells) == self._width:
            return cells, 0
        if not closed:
            more = self._joined(line, lines, waiting)
            if more is not None:
                return more
        for reading, reason in (
            (self._lenient(bare), "quotes within a quoted value kept as text"),
            (self._split(bare), "a stray quote kept as text"),
        ):
            if reading is not None and len(reading) == self._width:
                self._notes.repair(start, reason, bare)
                return reading, 0
        return (cells if cells is not None and closed else self._lenient(bare) or self._split(bare)), 0

    def _parse(self, text: str) -> tuple[list[str] | None, bool]:
        """The cells by the rules, and whether every quote that was opened is closed."""
        try:
            rows = list(
                csv.reader([text], delimiter=self._delimiter, quotechar=self._quote, doublequote=True, strict=True)
            )
        except csv.Error as error:
            return None, "unexpected end" not in str(error)
        return (rows[0] if len(rows) == 1 else None), True

    def _joined(self, line: str, lines: Iterator[str], waiting: list[str]) -> tuple[list[str], int] | None:
        """The cells when the line goes on in the next ones, or None, with these lines put back."""
        taken: list[str] = []
        while len(taken) < _LONGEST_VALUE:
            following = waiting.pop() if waiting else next(lines, None)
            if following is None:
                break
            taken.append(following)
            if self._quote not in following:
                continue
            cells, closed = self._parse(line + "".join(taken))
            if cells is not None and closed:
                if len(cells) == self._width:
                    return cells, len(taken)
                break
            if closed:
                break
        waiting.extend(reversed(taken))
        return None

    def _lenient(self, bare: str) -> list[str] | None:
        """The cells when a quote closes a value only before a delimiter or at the end; None when one never closes."""
        cells: list[str] = []
        position, end = 0, len(bare)
        quote, delimiter = self._quote, self._delimiter
        while position <= end:
            if bare.startswith(quote, position):
                close = position + 1
                while True:
                    close = bare.find(quote, close)
                    if close < 0:
                        return None
                    if close + 1 == end or bare.startswith(delimiter, close + 1):
                        break
                    close += 1
                cells.append(bare[position + 1 : close].replace(quote * 2, quote))
                position = close + 2
                if close + 1 == end:
                    return cells
            else:
                stop = bare.find(delimiter, position)
                stop = end if stop < 0 else stop
                cells.append(bare[position:stop])
                position = stop + 1
        return cells

    def _fitted(self, cells: list[str] | None, line: int, bare: str) -> list[str] | None:
        """The row with exactly as many cells as the table has columns, or None when there is no one reading."""
        if cells is None:
            self._notes.reject(line, "the quotes in this line cannot be understood", bare)
            return None
        count, width = len(cells), self._width
        if count == width:
            return cells
        if count < width:
            return self._padded(cells, line, bare)
        if not any(cell.strip() for cell in cells[width:]):
            if count > width + 1 or not self._ends_empty:
                self._notes.repair(line, f"{plural(count - width, 'empty value')} too many at the end dropped", bare)
            return cells[:width]
        return self._merged(cells, line, bare)

    _ends_empty = False

    def expect_last_delimiter(self) -> None:
        """Every line ends in a delimiter: the empty cell after it is no fault."""
        self._ends_empty = True

    def _padded(self, cells: list[str], line: int, bare: str) -> list[str] | None:
        missing = self._width - len(cells)
        if len(cells) == 1 and self._width > 2:
            self._notes.reject(line, f"1 value where {self._width} are expected", bare)
            return None
        if not all(self._fits(position, cell) for position, cell in enumerate(cells)):
            reason = (
                f"{len(cells)} values where {self._width} are expected, and they do not fit the columns from the left"
            )
            self._notes.reject(line, reason, bare)
            return None
        self._notes.repair(line, f"{plural(missing, 'value')} missing at the end", bare)
        return [*cells, *[""] * missing]

    def _merged(self, cells: list[str], line: int, bare: str) -> list[str] | None:
        """A delimiter within a value: the one place where joining cells makes all columns fit."""
        extra = len(cells) - self._width
        readings = []
        for position in range(self._width):
            joined = self._delimiter.join(cells[position : position + extra + 1])
            row = [*cells[:position], joined, *cells[position + extra + 1 :]]
            if all(self._fits(place, cell) for place, cell in enumerate(row)):
                readings.append(row)
        if len(readings) == 1:
            self._notes.repair(line, "a delimiter within a value, taken as part of it", bare)
            return readings[0]
        self._notes.reject(line, f"{len(cells)} values where {self._width} are expected", bare)
        return None
