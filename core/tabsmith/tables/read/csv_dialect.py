"""The dialect of a delimited text, sniffed from its first lines: delimiter, quote, preamble, header, width.

A delimiter is good if it cuts the lines into equally many cells and the cells look like values (consistency and type
score, after van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns", 2019).
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

import msgspec

from tabsmith.tables.info import Dialect
from tabsmith.tables.read.value_formats import fitting_formats, is_typed_value

SNIFFED: Final = 262_144  # characters by which the dialect is sniffed
_DELIMITERS: Final = {",": 1.0, ";": 1.0, "\t": 1.05, "|": 1.0, " ": 0.6, ":": 0.4, "^": 0.8, "~": 0.7}
"""The weight of each delimiter in its score."""
_SCORED_ROWS: Final = 400  # per delimiter
_HEADER_ROWS: Final = 100  # among which the header is looked for by expected names
_LEAST_LINES: Final = 20  # sniffed, however long they are
_LEAST_SCORE: Final = 0.1  # a lower score means that the table has one column
_PLAIN: Final = re.compile(r"[^,;\t|\"]*")
_NAME_LENGTH: Final = 200
_DECLARATION: Final = re.compile(r'"?sep=([,;\t|:^~])"?\r?\n')  # a first line that is meant for Excel
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")  # not cut at form feeds and the like

Row: TypeAlias = list[str]

csv.field_size_limit(1 << 30)


class SniffResult(msgspec.Struct, frozen=True):
    """The dialect and what else the first lines show.

    `names` is empty without a header; `sample` holds rows below the header, as text.
    """

    dialect: Dialect
    width: int
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    clean: bool  # every line in the sample is written by the rules
    units: bool = False  # a second header line (units) stands below the first
    padded: bool = False  # spaces follow the delimiters
    ends_empty: bool = False  # every line ends in a delimiter
    first: int = 1  # the number of the line at which the rows begin


def sniff_dialect(text: str, *, tabs: bool = False, expected: tuple[str, ...] = ()) -> SniffResult:
    """The dialect of `text`, the beginning of a file; `tabs` if the file's name suggests tabs (.tsv).

    A line that holds the `expected` names of columns is the header, whatever else the lines suggest.
    """
    text, newline, is_cut = _whole_lines(text)
    declaration = _DECLARATION.match(text)
    delimiter, quote = (declaration[1], '"') if declaration else _best_delimiter(text, tabs, expected)
    numbered = list(_rows(text, delimiter, quote))
    if is_cut and len(numbered) > 1:
        numbered = numbered[:-1]  # perhaps cut within a quoted value
    named_line = _expected_header([row for _, row in numbered], expected)
    if named_line is not None:
        full_width, start = len(numbered[named_line][1]), named_line
    else:
        full_width = _width([row for _, row in numbered])
        start = min(1, len(numbered) - 1) if declaration else _table_start(numbered, full_width)
    rows, width = _without_last_empty([row for _, row in numbered[start:] if row], full_width)
    has_header, names = (True, tuple(rows[0][:width])) if named_line is not None else _header(rows, width)
    data = rows[1:] if has_header else rows
    units = has_header and _has_units(data, width)
    return SniffResult(
        dialect=Dialect(delimiter, quote, quote, has_header, numbered[start][0] - 1 if start < len(numbered) else 0),
        width=width,
        names=names,
        sample=tuple(tuple(row) for row in data[units:] if len(row) == width),
        clean=(
            all(len(row) == width for row in rows)
            and not units
            and not any(_has_odd_quotes(row, quote) for row in rows)
            and _has_plain_lines(text, newline)
            and delimiter != " "
            and width == full_width
        ),
        units=units,
        padded=delimiter != " " and _is_padded(data, width),
        ends_empty=width < full_width,
        first=_line_number(numbered, start + has_header + units),
    )


# Lines and rows ------------------------------------------------------------------------------------------------------


def _whole_lines(text: str) -> tuple[str, str, bool]:
    """The lines of `text` by which it is sniffed, how they end, and whether the text was cut off behind them."""
    newline = "\n" if "\n" in text else "\r"
    length = min(len(text), max(SNIFFED, _line_end(text, newline, _LEAST_LINES)))
    is_cut = length < len(text) or len(text) >= SNIFFED
    text = text[:length]
    if is_cut:
        text = text[: text.rfind(newline) + 1] or text
    return text, newline, is_cut


def _line_end(text: str, newline: str, lines: int) -> int:
    """The index behind line number `lines` of `text`, or its length if it has fewer lines."""
    index = -1
    for _ in range(lines):
        index = text.find(newline, index + 1)
        if index < 0:
            return len(text)
    return index + 1


def _has_plain_lines(text: str, newline: str) -> bool:
    """Whether all lines end alike, and none holds a null byte."""
    mixes_cr_with_lf = newline == "\n" and re.search(r"\r(?!\n)", text)
    mixes_lf_with_crlf = "\r\n" in text and re.search(r"(?<!\r)\n", text)
    return "\x00" not in text and not mixes_cr_with_lf and not mixes_lf_with_crlf


def _rows(text: str, delimiter: str, quote: str) -> Iterator[tuple[int, Row]]:
    """The rows of `text`, each with the number of its first line."""
    lines = (match.group() for match in _LINE.finditer(text) if match.group())
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, doublequote=True)
    line = 1
    try:
        for row in reader:
            yield line, [cell for cell in row if cell] if delimiter == " " else row
            line = reader.line_num + 1
    except csv.Error:
        return  # a null byte or the like: the rows before it count


def _line_number(rows: Sequence[tuple[int, Row]], index: int) -> int:
    """The number of the line at which the row at `index` begins, or would begin behind the last one."""
    if index < len(rows):
        return rows[index][0]
    return rows[-1][0] + 1 if rows else 1


# The delimiter -------------------------------------------------------------------------------------------------------


def _best_delimiter(text: str, tabs: bool, expected: tuple[str, ...]) -> tuple[str, str]:
    """The delimiter and the quote that cut out the most `expected` names, and among these with the highest score."""
    quotes = ['"', "'"] if text.count("'") > 4 and text.count("'") > 2 * text.count('"') else ['"']
    best_score, best = _LEAST_SCORE, (",", '"')
    for quote in quotes:
        for delimiter in _DELIMITERS:
            if delimiter not in text:
                continue
            score = _score(text, delimiter, quote) * (1.5 if tabs and delimiter == "\t" else 1.0)
            if expected:
                rows = [row for _, row in islice(_rows(text, delimiter, quote), _HEADER_ROWS)]
                score += max((_count_expected(row, expected) for row in rows if len(row) > 1), default=0)
            if quote == "'":
                score *= 0.99
            if score > best_score + 1e-9:
                best_score, best = score, (delimiter, quote)
    return best


def _score(text: str, delimiter: str, quote: str) -> float:
    rows = [row for _, row in islice(_rows(text, delimiter, quote), _SCORED_ROWS) if row]
    width, count = Counter(len(row) for row in rows).most_common(1)[0] if rows else (0, 0)
    if width < 2 and rows:
        wider = Counter(len(row) for row in rows if len(row) > 1).most_common(1)
        if wider and wider[0][1] >= 0.4 * len(rows):
            width, count = wider[0]
    if width < 2:
        return 0.0
    regular = [row for row in rows if len(row) == width][:100]
    cells = [cell for row in regular for cell in row[:200]]
    type_score = sum(_cell_score(cell) for cell in cells) / len(cells)
    odd_quotes = sum(1 for row in regular for cell in row if _has_odd_quotes([cell], quote))
    consistency = count / len(rows)
    quote_score = 1 - odd_quotes / max(1, len(cells))
    return consistency**2 * type_score * _DELIMITERS[delimiter] * quote_score * (1 - 0.3 / width)


def _cell_score(cell: str) -> float:
    if is_typed_value(cell):
        return 1.0 if cell else 0.8
    return 0.8 if _PLAIN.fullmatch(cell) else 0.35


# The table within the text -------------------------------------------------------------------------------------------


def _width(rows: Sequence[Row]) -> int:
    """The most frequent number of cells in a row: of several cells, if at least 30 % of the rows agree."""
    counts = Counter(len(row) for row in rows if row)
    if not counts:
        return 0
    several = Counter({width: count for width, count in counts.items() if width > 1}).most_common(1)
    if several and several[0][1] >= 0.3 * counts.total():
        return several[0][0]
    return counts.most_common(1)[0][0]


def _table_start(rows: Sequence[tuple[int, Row]], width: int) -> int:
    """The index of the table's first row: from there on, most rows are as wide as the table."""
    for index, (_, row) in enumerate(rows):
        if not row or not any(cell.strip() for cell in row):
            continue
        next_widths = [len(following) for _, following in rows[index + 1 : index + 5] if following]
        next_row = rows[index + 1][1] if index + 1 < len(rows) else []
        fits = len(row) == width or _is_r_header(row, next_row, width)
        if len(row) > width > 1 and not any(cell.strip() for cell in row[width:]):
            fits = True
        if fits and (not next_widths or next_widths.count(width) * 2 >= len(next_widths)):
            return index
    return 0


def _is_r_header(row: Row, next_row: Row, width: int) -> bool:
    """Whether `row` is a header as R writes it: without a name above the row names, and values right below."""
    if not len(row) == width - 1 > 1 or any(is_typed_value(cell) for cell in row):
        return False
    return len(next_row) == width and any(is_typed_value(cell) for cell in next_row)


def _expected_header(rows: Sequence[Row], expected: tuple[str, ...]) -> int | None:
    """The index of the row with the most `expected` names: at least half of them, or of its own cells."""
    counts = [_count_expected(row, expected) for row in rows[:_HEADER_ROWS]]
    most = max(counts, default=0)
    if most == 0:
        return None
    index = counts.index(most)
    cells = sum(1 for cell in rows[index] if cell.strip())
    return index if 2 * most >= min(cells, len(expected)) else None


def _count_expected(row: Row, expected: tuple[str, ...]) -> int:
    """How many of the `expected` names stand in the row, in upper or lower case, with or without spaces around."""
    return len({_folded(name) for name in expected} & {_folded(cell) for cell in row})


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name.strip().lstrip("\ufeff")).casefold()


def _without_last_empty(rows: list[Row], width: int) -> tuple[list[Row], int]:
    """The rows and the width without a last empty cell: if all lines end in a delimiter, there is one cell too many."""
    full = [row for row in rows if len(row) == width]
    if width > 2 and full and len(full) >= 0.9 * len(rows) and not any(row[-1].strip() for row in full):
        return [row[:-1] if len(row) == width else row for row in rows], width - 1
    return rows, width


def _header(rows: list[Row], width: int) -> tuple[bool, tuple[str, ...]]:
    """Whether the first row names the columns, and the names."""
    if not rows:
        return False, ()
    first, rest = rows[0], [row for row in rows[1:] if len(row) == width]
    if len(first) == width - 1:
        return True, ("rownames", *first)  # R writes no name above its row names
    first = first[:width]
    if any(len(cell) > _NAME_LENGTH for cell in first) and not rest:
        return False, ()
    is_header = _is_header(first, rest)
    return is_header, tuple(first) if is_header else ()


def _is_header(first: Row, rest: list[Row]) -> bool:
    if _counts_columns(first) and len(rest) > 1 and not any(_counts_columns(row) for row in rest[:2]):
        return True
    typed_columns = agreeing = 0
    for position, cell in enumerate(first):
        values = [row[position] for row in rest]
        if not any(value.strip() for value in values):
            continue
        formats = fitting_formats(values, decimal_comma=False)[:-1] or fitting_formats(values, decimal_comma=True)[:-1]
        typed_columns += bool(formats)
        agreeing += any(format_.pattern.fullmatch(cell.strip()) for format_ in formats)
    all_typed = all(is_typed_value(cell) for cell in first)
    if typed_columns:
        names = sum(1 for cell in first if cell.strip() and not is_typed_value(cell))
        if agreeing == 0 and names:
            return True
        if names == 0 or agreeing > typed_columns / 2:
            return False
        return len({cell.strip() for cell in first}) == len(first)
    repeated = any(cell and sum(row[position] == cell for row in rest) > 1 for position, cell in enumerate(first))
    return not all_typed and not repeated


def _counts_columns(row: Row) -> bool:
    """Whether the cells count from 0 or 1: the names of a table that was written without names."""
    cells = [cell.strip() for cell in row]
    return len(cells) > 2 and any(
        cells == [str(number) for number in range(start, start + len(cells))] for start in (0, 1)
    )


def _has_units(data: list[Row], width: int) -> bool:
    """Whether the first row below the header holds text above columns of numbers, and no value: units, or names."""
    full = [row for row in data if len(row) == width]
    if len(full) < 4 or full[0] is not data[0]:
        return False
    first, rest = full[0], full[1:]
    above_numbers = 0
    for position in range(width):
        values = [row[position] for row in rest]
        if not any(value.strip() for value in values):
            continue
        is_numeric = any(len(fitting_formats(values, decimal_comma=comma)) > 1 for comma in (False, True))
        cell = first[position].strip()
        if is_numeric and cell and is_typed_value(cell):
            return False
        above_numbers += is_numeric and bool(cell)
    return above_numbers >= 2


def _has_odd_quotes(row: Row, quote: str) -> bool:
    """Whether a quote stands at the edge of a parsed cell, which then was not written by the rules."""
    return any(quote in cell and (cell[0] == quote or cell[-1] == quote) for cell in row if cell)


def _is_padded(data: Sequence[Row], width: int) -> bool:
    """Whether nearly all cells but the first of each row begin with a space."""
    if width < 2 or not data:
        return False
    later = [cell for row in data[:200] for cell in row[1:] if cell]
    return bool(later) and sum(cell[0] == " " for cell in later) > 0.9 * len(later)
