"""The careful path: text that breaks the rules, parsed line by line. Lines with one reading are repaired.

A line that cannot be read in exactly one way is rejected. Every repaired and rejected line is noted with its number
and the reason.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import BinaryIO, Final

import msgspec

from tabsmith.tables.info import Dialect, LineNote
from tabsmith.tables.read.csv_dialect import csv_reader, cuts_quoted_value, parse_leniently, split_line
from tabsmith.tables.read.encoding import one_byte_encoding
from tabsmith.tables.read.rows.column_shapes import MISFIT, ColumnShape, column_shapes
from tabsmith.tables.read.rows.line_repair import Rejection, Repair, repair_row, row_cost
from tabsmith.tables.read.rows.table_structure import (
    NumberedRow,
    Row,
    could_be_remark,
    is_footer,
    is_remark,
    is_total,
    names_other_columns,
)
from tabsmith.text import clean, plural

_NOTES_KEPT: Final = 1_000
_LONGEST_VALUE: Final = 2_000  # lines that one quoted value may span
_LONGEST_FOOTER: Final = 20  # rows
_ROWS_AT_ONCE: Final = 2_000
_MOST_OPENINGS: Final = 50  # quotes of one line that are tried as text
_OTHER_DELIMITERS: Final = {";": "semicolons", ",": "commas", "\t": "tabs", "|": "bars", " ": "spaces"}
_BELOW: Final = "a total or a remark below the table, not a row"
_EMPTY: Final = "a line of delimiters below the table, not a row"
_DELIMITER_AT_QUOTE: Final = "a delimiter missing beside a quote put in"
_PUT_IN: Final = 0.5  # the cost of a delimiter that is put in
_ODD_QUOTE: Final = 0.75  # the cost of a value that begins or ends with a quote
_QUOTES_KEPT: Final = "quotes within a quoted value kept as text"
_STRAY_QUOTE: Final = "a stray quote kept as text"
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
        if self.repaired_count <= _NOTES_KEPT:
            self.repaired.append(LineNote(line, reason, clean(text, 80)))

    def reject(self, line: int, reason: str, text: str) -> None:
        self.rejected_count += 1
        if self.rejected_count <= _NOTES_KEPT:
            self.rejected.append(LineNote(line, reason, clean(text, 80)))

    def extend(self, notes: "LineNotes", name: str) -> None:
        """Add the notes on one of several files, called `name` in each of their reasons."""
        self.repaired += [msgspec.structs.replace(note, reason=f"{note.reason} ({name})") for note in notes.repaired]
        self.rejected += [msgspec.structs.replace(note, reason=f"{note.reason} ({name})") for note in notes.rejected]
        del self.repaired[_NOTES_KEPT:], self.rejected[_NOTES_KEPT:]
        self.repaired_count += notes.repaired_count
        self.rejected_count += notes.rejected_count


def decode_lines(stream: BinaryIO, notes: LineNotes, first: int = 1) -> Iterator[str]:
    """The lines of a UTF-8 text, with their ends: LF, CRLF or CR, also mixed. The first has the number `first`.

    A line that is not UTF-8 is read in a one-byte encoding, and noted.
    """
    number = first - 1
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
    """Parses lines into rows of exactly `width` cells; `sample` holds some of these rows.

    Lines that are written by the rules are parsed many at a time; a line that is not is read by itself. With
    `every_row`, each row ends in a further cell, "" or the reason why its line cannot be read; the other cells of such
    a row are empty. With `ends_in_totals`, a last row that is labelled as a total is no row of the table.
    """

    def __init__(
        self,
        dialect: Dialect,
        sample: Sequence[Sequence[str]],
        width: int,
        notes: LineNotes,
        *,
        names: tuple[str, ...] = (),
        drops_last: bool = False,
        ends_in_totals: bool = True,
        every_row: bool = False,
    ) -> None:
        self._dialect = dialect
        self._sample = sample
        self._width = width
        self._notes = notes
        self._names = list(names)
        self._drops_last = drops_last
        self._ends_in_totals = ends_in_totals
        self._every_row = every_row
        self._second_table = 0  # the line at which a second table began, 0 within the first
        self.line = 0  # at which the row begins that was given last

    @cached_property
    def _shapes(self) -> tuple[ColumnShape, ...]:
        return column_shapes(self._sample, self._width)

    @property
    def is_in_second_table(self) -> bool:
        return self._second_table > 0

    def rows(self, lines: Iterator[str], first: int, *, to_end: bool = True) -> Iterator[Row]:
        """The rows in `lines`, whose first line has the number `first`; `to_end` if these are the last lines."""
        waiting: list[NumberedRow] = []
        for numbered in self._numbered_rows(_LineSource(lines, first)):
            waiting.append(numbered)
            if len(waiting) >= _ROWS_AT_ONCE:
                yield from map(self._finished, waiting[:-_LONGEST_FOOTER])
                del waiting[:-_LONGEST_FOOTER]
        footers: list[NumberedRow] = []
        while to_end and len(waiting) > 1 and self._is_below_table(waiting[-1][1]):
            footers.append(waiting.pop())
        yield from map(self._finished, waiting)
        for line, row in reversed(footers):
            yield from self._rejected(line, _BELOW if any(row) else _EMPTY, " ".join(row))

    def _is_below_table(self, row: Row) -> bool:
        if is_footer(row, self._width) or (self._ends_in_totals and is_total(row)):
            return True
        is_row = len(row) != self._width or (self._every_row and not any(row))
        return not is_row and could_be_remark(row) and is_remark(row, self._shapes)

    def _finished(self, numbered: NumberedRow) -> Row:
        self.line, row = numbered
        return [*row, ""] if self._every_row and len(row) == self._width else row

    def _rejected(self, line: int, reason: str, text: str) -> Iterator[Row]:
        """Note the line as rejected; its empty row, if every line is to have one."""
        self._notes.reject(line, reason, text)
        if self._every_row:
            self.line = line
            yield [*[""] * self._width, f"line {line}: {reason}"]

    # Many lines at a time ---------------------------------------------------------------------------------------------

    def _numbered_rows(self, source: "_LineSource") -> Iterator[NumberedRow]:
        if self._dialect.framed or self._dialect.starts or self._dialect.joins_spaces:
            while (line := source.first_line()) is not None:
                yield from self._row_of_odd_line(line, source)
            return
        width, drops_last, name = self._width, self._drops_last, self._names[0] if self._names else None
        while source.peek() is not None:
            reader = csv_reader(source.value_lines(), self._dialect, strict=True)
            try:
                for row in reader:
                    if drops_last and len(row) == width + 1 and not row[-1]:
                        row.pop()
                    if len(row) != width or (row[0] == name and row == self._names) or self._second_table:
                        break
                    if cuts_quoted_value(source.last_line, self._dialect):
                        break
                    if source.was_empty and names_other_columns(row, self._shapes):
                        break
                    yield source.accept(), row
                else:
                    continue
            except csv.Error:
                pass  # the lines that could not be parsed are read one by one
            source.put_back()
            line = source.first_line()
            if line is not None:
                yield from self._row_of_odd_line(line, source)

    # One line at a time -----------------------------------------------------------------------------------------------

    def _row_of_odd_line(self, line: str, source: "_LineSource") -> Iterator[NumberedRow]:
        """The row of a line that was not parsed with the others, or none."""
        start = source.line
        bare = line.rstrip("\r\n")
        if not bare.strip() or (self._dialect.framed and not split_line(bare, self._dialect)):
            if self._width == 1 and not bare:
                yield start, [""]
            self._second_table = 0
            return
        reading = self._read(line, bare, source)
        if reading.row == self._names:
            outcome: Repair | Rejection = Rejection("the header once more, not a row")
        elif (
            source.follows_empty_line
            and len(reading.row) == self._width
            and names_other_columns(reading.row, self._shapes)
        ):
            outcome = self._header_of_more(reading.row, source)
        elif len(reading.row) == self._width and not self._second_table:
            outcome = Repair(tuple(reading.row), 0, reading.reason)
        else:
            outcome = self._repaired(reading, bare, source)
        if isinstance(outcome, Repair):
            if outcome.reason:
                self._notes.repair(start, outcome.reason, bare)
            yield start, list(outcome.row)
            return
        for row in self._rejected(start, outcome.reason, bare):
            yield start, row

    def _repaired(self, reading: "_Reading", bare: str, source: "_LineSource") -> Repair | Rejection:
        """The reading of a line with too many or too few cells as a whole row, or why there is none."""
        cells = reading.row
        if self._drops_last and len(cells) == self._width + 1 and not cells[-1].strip():
            return Repair(tuple(cells[:-1]), 0, reading.reason)
        if self._second_table:
            return Rejection(f"part of a second table, which begins at line {self._second_table}")
        if source.follows_empty_line and len(cells) > 1 and self._is_second_table(len(cells), source):
            self._second_table = source.line
            return Rejection(f"a second table begins here, with {plural(len(cells), 'column')}")
        outcome = repair_row(cells, self._shapes, self._dialect.delimiter)
        if isinstance(outcome, Rejection) or outcome.cost > _PUT_IN:
            return self._with_other_delimiter(bare) or outcome
        return outcome

    def _is_second_table(self, width: int, source: "_LineSource") -> bool:
        following = source.peek()
        return following is not None and len(self._next_row(following)) == width

    def _next_row(self, line: str) -> Row:
        cells, is_closed = self._parse_strictly(line)
        return cells if cells is not None and is_closed else self._split(line.rstrip("\r\n"))

    def _header_of_more(self, row: Row, source: "_LineSource") -> Rejection:
        """Why a row with names behind an empty line is no row: more rows of the table follow, or a second table."""
        following = source.peek()
        cells = self._next_row(following) if following is not None else []
        if len(cells) == self._width and row_cost(cells, self._shapes) < MISFIT:
            return Rejection("names of columns once more, not a row")
        self._second_table = source.line
        return Rejection(f"a second table begins here, with {plural(len(row), 'column')}")

    def _with_other_delimiter(self, bare: str) -> Repair | None:
        """The row if the line is cut with another delimiter than the table, and every cell fits its column."""
        for delimiter in _OTHER_DELIMITERS:
            if delimiter not in bare or delimiter == self._dialect.delimiter:
                continue
            dialect = msgspec.structs.replace(self._dialect, delimiter=delimiter)
            cells = next(csv_reader([bare], dialect), [])
            if len(cells) == self._width and row_cost(cells, self._shapes) == 0:
                name = _OTHER_DELIMITERS[delimiter]
                return Repair(tuple(cells), 0, f"cut at {name}, unlike the other lines")
        return None

    def _split(self, bare: str) -> Row:
        return split_line(bare, self._dialect)

    # Quotes -----------------------------------------------------------------------------------------------------------

    def _read(self, line: str, bare: str, source: "_LineSource") -> "_Reading":
        """The cells of a line, perhaps with the next lines, and what had to be repaired for that."""
        quote = self._dialect.quote
        if not quote or quote not in bare or self._dialect.framed or self._dialect.starts:
            return _Reading(self._split(bare))
        cells, is_closed = self._parse_strictly(line)
        if cells is not None and is_closed and len(cells) == self._width:
            readings = [_Reading(cells)]
            if cuts_quoted_value(bare, self._dialect):
                readings += [other for other in self._lenient_readings(bare) if len(other.row) == self._width]
            return min(readings, key=self._cost)
        if not is_closed:
            continued = self._parse_with_next_lines(line, source)
            if continued is not None:
                return _Reading(continued)
        readings = [reading for reading in self._lenient_readings(bare) if len(reading.row) == self._width]
        readings.sort(key=self._cost)
        if cells is not None and is_closed:
            by_rules = repair_row(cells, self._shapes, self._dialect.delimiter)
            is_better = isinstance(by_rules, Repair) and (not readings or by_rules.cost < self._cost(readings[0]))
            return _Reading(cells) if is_better or not readings else readings[0]
        if readings:
            return readings[0]
        lenient = parse_leniently(bare, self._dialect)
        return _Reading(self._split(bare) if lenient is None else lenient, _QUOTES_KEPT)

    def _cost(self, reading: "_Reading") -> float:
        """How surprising a reading of a whole line is."""
        quote = self._dialect.quote
        odd_quotes = sum(cell.startswith(quote) + cell.endswith(quote) for cell in reading.row)
        return reading.cost + _ODD_QUOTE * odd_quotes + row_cost(reading.row, self._shapes)

    def _lenient_readings(self, bare: str) -> Iterator["_Reading"]:
        """The readings of a line whose quotes break the rules."""
        lenient = parse_leniently(bare, self._dialect)
        if lenient is not None:
            yield _Reading(lenient, _QUOTES_KEPT)
        for literal in self._opening_quotes(bare):
            reading = parse_leniently(bare, self._dialect, literal)
            if reading is not None:
                yield _Reading(reading, _STRAY_QUOTE)
        yield _Reading(self._split(bare), _STRAY_QUOTE)
        quote, delimiter = re.escape(self._dialect.quote), self._dialect.delimiter
        for match in islice(re.finditer(quote, bare), _MOST_OPENINGS):
            for index in (match.start(), match.end()):
                cells, is_closed = self._parse_strictly(bare[:index] + delimiter + bare[index:])
                if cells is not None and is_closed and 0 < index < len(bare):
                    yield _Reading(cells, _DELIMITER_AT_QUOTE, _PUT_IN)

    def _opening_quotes(self, bare: str) -> list[int]:
        """Where in a line a quote may open a value."""
        quote, delimiter = self._dialect.quote, self._dialect.delimiter
        found = [0] if bare.startswith(quote) else []
        index = bare.find(delimiter + quote)
        while index >= 0 and len(found) < _MOST_OPENINGS:
            found.append(index + len(delimiter))
            index = bare.find(delimiter + quote, index + 1)
        return found

    def _parse_strictly(self, text: str) -> tuple[Row | None, bool]:
        """The cells by the rules (None if `text` breaks them), and whether every quote that was opened is closed."""
        try:
            rows = list(csv_reader([text], self._dialect, strict=True))
        except csv.Error as error:
            return None, "unexpected end" not in str(error)
        row = rows[0] if len(rows) == 1 else None
        if row is not None and self._dialect.joins_spaces:
            row = [cell for cell in row if cell]
        return row, True

    def _parse_with_next_lines(self, line: str, source: "_LineSource") -> Row | None:
        """The cells if the line goes on in the next lines, or None, with these lines put back."""
        parts = [line]
        while len(parts) <= _LONGEST_VALUE and (next_line := source.further_line()) is not None:
            parts.append(next_line)
            if self._dialect.quote not in next_line:
                continue
            cells, is_closed = self._parse_strictly("".join(parts))
            if cells is not None and is_closed and len(cells) == self._width:
                return cells
            if is_closed:
                break
        source.put_back_further_lines()
        return None


class _Reading(msgspec.Struct, frozen=True):
    """The cells of a line, and what had to be repaired for them ("" for nothing)."""

    row: Row
    reason: str = ""
    cost: float = 0.0  # beyond that of its cells


class _LineSource:
    """Lines that are taken for one row after the other and can be put back, with their numbers."""

    def __init__(self, lines: Iterator[str], first: int) -> None:
        self._lines = lines
        self._ahead: deque[str] = deque()  # put back
        self._taken: list[str] = []  # for the row that is being read
        self.was_empty = False  # the line that was taken last
        self.line = first - 1  # the number of the line that was taken last
        self.follows_empty_line = False

    def peek(self) -> str | None:
        """The next line, which stays the next; None at the end."""
        if not self._ahead:
            line = next(self._lines, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[0]

    # By the reader of many lines: a row is accepted, or its lines are put back.

    def value_lines(self) -> Iterator[str]:
        """The next lines; they end if too many are taken for one row."""
        ahead, lines, taken = self._ahead, self._lines, self._taken
        taken.clear()
        while len(taken) <= _LONGEST_VALUE:
            line = ahead.popleft() if ahead else next(lines, None)
            if line is None:
                return
            taken.append(line)
            yield line

    @property
    def last_line(self) -> str:
        """The line that was taken last."""
        return self._taken[-1] if self._taken else ""

    def accept(self) -> int:
        """Count the lines that were taken as read; returns the number of the first."""
        first = self.line + 1
        self.line += len(self._taken)
        self._taken.clear()
        self.was_empty = False
        return first

    def put_back(self) -> None:
        self._ahead.extendleft(reversed(self._taken))
        self._taken.clear()

    # Line by line.

    def first_line(self) -> str | None:
        """The next line, at which a row begins; None at the end."""
        self._taken.clear()
        line = self.further_line()
        self.follows_empty_line = self.was_empty
        self.was_empty = line is not None and not line.strip()
        return line

    def further_line(self) -> str | None:
        """The next line, for the same row."""
        line = self._ahead.popleft() if self._ahead else next(self._lines, None)
        if line is not None:
            self.line += 1
            self._taken.append(line)
        return line

    def put_back_further_lines(self) -> None:
        while len(self._taken) > 1:
            self._ahead.appendleft(self._taken.pop())
            self.line -= 1
