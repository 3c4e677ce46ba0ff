"""How a text table is written, by its first lines: delimiter, quote, preamble, header, number of columns. Light.

A delimiter is good when it cuts the lines into equally many cells and the cells look like values (consistency and
type score, after van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns",
2019).
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from tabsmith.tables.info import Dialect
from tabsmith.tables.read.value_formats import fitting_formats, is_typed_value

SNIFFED: Final = 262_144  # characters that are looked at
_DELIMITERS: Final = (",", ";", "\t", "|", " ", ":", "^", "~")
_LINES: Final = 400  # judged per delimiter
_LEAST_LINES: Final = 20  # looked at, however long they are
_ENOUGH: Final = 0.1  # a score below this is no table of several columns
_PLAIN: Final = re.compile(r"[^,;\t|\"]*")
_NAME_LENGTH: Final = 200
_TOLD: Final = re.compile(r'"?sep=([,;\t|:^~])"?\r?\n')  # a first line that is meant for Excel

csv.field_size_limit(1 << 30)


class SniffResult(msgspec.Struct, frozen=True):
    """What the first lines say. `names` is empty without a header; `sample` holds rows below it, as text."""

    dialect: Dialect
    width: int
    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    clean: bool  # every line seen has one plain reading
    units: bool = False  # a second header line (units) stands below the first
    padded: bool = False  # spaces follow the delimiters
    ends_empty: bool = False  # every line ends in a delimiter
    first: int = 1  # the number of the line at which the rows begin


def sniff_dialect(text: str, *, tabs: bool = False) -> SniffResult:
    """How `text`, the beginning of a file, is written; `tabs` when its name says so (.tsv)."""
    newline = "\n" if "\n" in text else "\r"
    looked_at = min(len(text), max(SNIFFED, _line_end(text, newline, _LEAST_LINES)))
    cut = looked_at < len(text) or len(text) >= SNIFFED
    text = text[:looked_at]
    whole = text[: text.rfind(newline) + 1] or text if cut else text
    told = _TOLD.match(whole)
    delimiter, quote = (told[1], '"') if told else _best(whole, tabs)
    rows = _rows(whole, delimiter, quote, None)
    if cut and len(rows) > 1:
        rows = rows[:-1]  # perhaps cut within a quoted value
    if delimiter == " ":
        rows = [(line, _spaced(cells)) for line, cells in rows]
    width = _width([cells for _, cells in rows])
    start = _table_start(rows, width) if not told else min(1, len(rows) - 1)
    above = rows[:start]
    body = [cells for _, cells in rows[start:] if cells]
    full = width
    body, width = _without_last_empty(body, width)
    header, names = _header(body, width)
    data = body[1:] if header else body
    units = header and _has_units(data, width)
    skipped = rows[start][0] - 1 if start < len(rows) else 0
    clean = (
        all(len(cells) == width for cells in body)
        and not units
        and not any(_odd_quotes(cells, quote) for cells in body)
        and "\x00" not in whole
        and not (newline == "\n" and re.search(r"\r(?!\n)", whole))
        and not (("\r\n" in whole) and re.search(r"(?<!\r)\n", whole))
        and delimiter != " "
        and width == full
    )
    padded = delimiter != " " and _is_padded(data, width)
    return SniffResult(
        dialect=Dialect(delimiter, quote, quote, header, skipped if above or skipped else 0),
        width=width,
        names=names,
        sample=tuple(tuple(cells) for cells in data[1 if units else 0 :] if len(cells) == width),
        clean=clean,
        units=units,
        padded=padded,
        ends_empty=width < full,
        first=_first_line(rows, start + header + units),
    )


def _line_end(text: str, newline: str, lines: int) -> int:
    """Where the line number `lines` of `text` ends, or its length."""
    place = -1
    for _ in range(lines):
        place = text.find(newline, place + 1)
        if place < 0:
            return len(text)
    return place + 1


def _first_line(rows: Sequence[tuple[int, list[str]]], position: int) -> int:
    if position < len(rows):
        return rows[position][0]
    return rows[-1][0] + 1 if rows else 1


def _best(text: str, tabs: bool) -> tuple[str, str]:
    quotes = ['"', "'"] if text.count("'") > 4 and text.count("'") > 2 * text.count('"') else ['"']
    best, chosen = _ENOUGH, (",", '"')
    for quote in quotes:
        for delimiter in _DELIMITERS:
            if delimiter not in text:
                continue
            score = _score(text, delimiter, quote) * (1.5 if tabs and delimiter == "\t" else 1.0)
            if quote == "'":
                score *= 0.99
            if score > best + 1e-9:
                best, chosen = score, (delimiter, quote)
    return chosen


def _score(text: str, delimiter: str, quote: str) -> float:
    rows = [cells for _, cells in _rows(text, delimiter, quote, _LINES) if cells]
    if delimiter == " ":
        rows = [_spaced(cells) for cells in rows]
    width, times = Counter(len(cells) for cells in rows).most_common(1)[0] if rows else (0, 0)
    if width < 2 and rows:
        wider = Counter(len(cells) for cells in rows if len(cells) > 1).most_common(1)
        if wider and wider[0][1] >= 0.4 * len(rows):
            width, times = wider[0]
    if width < 2:
        return 0.0
    regular = [cells for cells in rows if len(cells) == width]
    cells = [cell for row in regular[:100] for cell in row[:200]]
    good = sum(_goodness(cell) for cell in cells) / len(cells)
    quoted = sum(1 for row in regular[:100] for cell in row if _odd_quotes([cell], quote))
    consistency = times / len(rows)
    favour = {",": 1.0, ";": 1.0, "\t": 1.05, "|": 1.0, " ": 0.6, ":": 0.4, "^": 0.8, "~": 0.7}[delimiter]
    return consistency**2 * good * favour * (1 - quoted / max(1, len(cells))) * (1 - 0.3 / width)


def _goodness(cell: str) -> float:
    if is_typed_value(cell):
        return 1.0 if cell else 0.8
    return 0.8 if _PLAIN.fullmatch(cell) else 0.35


def _rows(text: str, delimiter: str, quote: str, limit: int | None) -> list[tuple[int, list[str]]]:
    """The rows of `text`, each with the number of its first line."""
    reader = csv.reader(_Lines(text), delimiter=delimiter, quotechar=quote, doublequote=True)
    result: list[tuple[int, list[str]]] = []
    line = 1
    try:
        for cells in reader:
            result.append((line, cells))
            line = reader.line_num + 1
            if limit is not None and len(result) >= limit:
                break
    except csv.Error:  # a null byte or the like: judged by what came before
        return result
    return result


class _Lines:
    """The lines of a text with their ends, cut at line ends only (not at form feeds and the like)."""

    def __init__(self, text: str) -> None:
        self._pieces = re.finditer(r"[^\r\n]*(?:\r\n|\n|\r|\Z)", text)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        piece = next(self._pieces).group()
        if not piece:
            raise StopIteration
        return piece


def _spaced(cells: list[str]) -> list[str]:
    return [cell for cell in cells if cell]


def _width(rows: Sequence[Sequence[str]]) -> int:
    counted = Counter(len(cells) for cells in rows if cells)
    if not counted:
        return 0
    several = Counter({width: times for width, times in counted.items() if width > 1})
    best = several.most_common(1)
    if best and best[0][1] >= 0.3 * counted.total():
        return best[0][0]
    return counted.most_common(1)[0][0]


def _table_start(rows: Sequence[tuple[int, list[str]]], width: int) -> int:
    """The first row of the table: from there on, most rows are as wide as the table (a header may be one narrower)."""
    for position, (_, cells) in enumerate(rows):
        if not cells or not any(cell.strip() for cell in cells):
            continue
        following = [len(row) for _, row in rows[position + 1 : position + 5] if row]
        fits = len(cells) == width or _lacks_first_name(cells, rows[position + 1 : position + 2], width)
        if len(cells) > width > 1 and not any(cell.strip() for cell in cells[width:]):
            fits = True
        if fits and (not following or sum(each == width for each in following) * 2 >= len(following)):
            return position
    return 0


def _lacks_first_name(cells: Sequence[str], following: Sequence[tuple[int, list[str]]], width: int) -> bool:
    """Whether this is a header as R writes it: without a name above the row names, and values right below."""
    if not len(cells) == width - 1 > 1 or any(is_typed_value(cell) for cell in cells):
        return False
    below = following[0][1] if following else []
    return len(below) == width and any(is_typed_value(cell) for cell in below)


def _without_last_empty(body: list[list[str]], width: int) -> tuple[list[list[str]], int]:
    """Lines that all end in a delimiter have one cell less than it seems."""
    full = [cells for cells in body if len(cells) == width]
    if width > 2 and full and len(full) >= 0.9 * len(body) and not any(cells[-1].strip() for cells in full):
        return [cells[:-1] if len(cells) == width else cells for cells in body], width - 1
    return body, width


def _header(body: list[list[str]], width: int) -> tuple[bool, tuple[str, ...]]:
    """Whether the first row names the columns, and the names."""
    if not body:
        return False, ()
    first, rest = body[0], [cells for cells in body[1:] if len(cells) == width]
    if len(first) == width - 1:
        return True, ("rownames", *first)  # R writes no name above its row names
    first = first[:width]
    if any(len(cell) > _NAME_LENGTH for cell in first) and not rest:
        return False, ()
    if _counts_columns(first) and len(rest) > 1 and not any(_counts_columns(cells) for cells in rest[:2]):
        return True, tuple(first)
    typed_columns = agreeing = 0
    for position, cell in enumerate(first):
        values = [cells[position] for cells in rest]
        if not any(value.strip() for value in values):
            continue
        readings = fitting_formats(values, decimal_comma=False)[:-1] or fitting_formats(values, decimal_comma=True)[:-1]
        typed_columns += bool(readings)
        agreeing += any(reading.pattern.fullmatch(cell.strip()) for reading in readings)
    if typed_columns:
        names_above = sum(1 for cell in first if cell.strip() and not is_typed_value(cell))
        if agreeing == 0 and names_above:
            return True, tuple(first)
        distinct = len({cell.strip() for cell in first}) == len(first)
        if names_above == 0 or agreeing > typed_columns / 2:
            return False, ()
        return distinct, tuple(first) if distinct else ()
    if not rest:
        named = not all(is_typed_value(cell) for cell in first)
        return named, tuple(first) if named else ()
    again = sum(1 for position, cell in enumerate(first) if cell and sum(cells[position] == cell for cells in rest) > 1)
    header = again == 0 and not all(is_typed_value(cell) for cell in first)
    return header, tuple(first) if header else ()


def _counts_columns(cells: Sequence[str]) -> bool:
    """Whether cells count from 0 or 1: the names of a table that was written without any."""
    given = [cell.strip() for cell in cells]
    return len(given) > 2 and any(
        given == [str(number) for number in range(start, start + len(given))] for start in (0, 1)
    )


def _has_units(data: list[list[str]], width: int) -> bool:
    """Whether the first row below the header holds no value but text above columns of numbers: units, or names."""
    full = [cells for cells in data if len(cells) == width]
    if len(full) < 4 or full[0] is not data[0]:
        return False
    first, rest = full[0], full[1:]
    above_numbers = 0
    for position in range(width):
        values = [cells[position] for cells in rest]
        if not any(value.strip() for value in values):
            continue
        numeric = any(len(fitting_formats(values, decimal_comma=comma)) > 1 for comma in (False, True))
        cell = first[position].strip()
        if numeric and cell and is_typed_value(cell):
            return False
        above_numbers += numeric and bool(cell)
    return above_numbers >= 2


def _odd_quotes(cells: Sequence[str], quote: str) -> bool:
    """Whether a quote stands at the edge of a cell after parsing: then it was not written by the rules."""
    return any(quote in cell and (cell[0] == quote or cell[-1] == quote) for cell in cells if cell)


def _is_padded(data: Sequence[Sequence[str]], width: int) -> bool:
    if width < 2 or not data:
        return False
    later = [cell for cells in data[:200] for cell in cells[1:] if cell]
    return bool(later) and sum(cell[0] == " " for cell in later) > 0.9 * len(later)
