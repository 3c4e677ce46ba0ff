"""The dialect of a delimited text, sniffed from its first lines: delimiter, quote, escape, and where the table begins.

A delimiter is good if it cuts the lines into equally many cells and the cells look like values (consistency and type
score, after van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns", 2019).
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.tables.info import Dialect
from tabsmith.tables.read.rows.column_shapes import column_shapes, typed_formats
from tabsmith.tables.read.rows.table_structure import (
    NumberedRow,
    Row,
    count_expected,
    find_table,
    holds_totals,
    names_other_columns,
    without_footers,
)
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.tables.read.value_formats import is_typed_value

if TYPE_CHECKING:
    import _csv

SNIFFED: Final = 262_144  # characters by which the dialect is sniffed
_DELIMITERS: Final = {
    ",": 1.0,
    ";": 1.0,
    "\t": 1.05,
    "|": 1.0,
    " ": 0.6,
    ":": 0.4,
    "^": 0.8,
    "~": 0.7,
    "#": 0.5,
    "\x1f": 1.1,
    "\x1e": 1.1,
    "\x01": 1.1,  # no text holds these for another reason
}
"""The weight of each delimiter in its score."""
_WEAK_DELIMITERS: Final = (" ", ":", "#")  # which stand within values, too
_QUOTES: Final = ('"', "'", "`")
_SINGLE_SPACE: Final = 0.97  # the weight of a space that is one delimiter, beside that of several that are one
_SCORED_ROWS: Final = 400  # per delimiter
_EXPECTED_ROWS: Final = 100  # among which expected names are looked for
_MOST_QUOTED_LINES: Final = 30  # that a quoted value spans in a text with stray quotes
_GAPS: Final = 20  # empty lines behind which a second table is looked for
_LEAST_LINES: Final = 20  # sniffed, however long they are
_LEAST_SCORE: Final = 0.1  # a lower score means that the table has one column
_UNUSED_DELIMITERS: Final = (",", ";", "\t", "|", "\x1f")  # the first that does not occur stands for one column
_BACKSLASH: Final = "\\"
_PLAIN: Final = re.compile(r"[^,;\t|\"]*")
_DECLARATION: Final = re.compile(r'"?sep=([,;\t|:^~])"?\r?\n')  # a first line that is meant for Excel
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")  # not cut at form feeds and the like
_RULE: Final = re.compile(r"\s*[|+]?(?:\s*:?[-=]{2,}:?\s*[|+])*\s*:?[-=]{2,}:?\s*[|+]?\s*")
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?")
_SPACES: Final = re.compile(r"\S(?:\s\S|\S)*")

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
    padded: bool = False  # spaces follow the delimiters
    drops_last: bool = False  # every line ends in a delimiter, which adds no column
    further_header: tuple[tuple[int, str], ...] = ()  # lines below the names that are no rows, with their numbers
    holds_totals: bool = False  # some rows are totals of others all along, so that a last one is nothing special
    first: int = 1  # the number of the line at which the rows of values begin
    records_above: int = 0  # rows above the first row of values; a quoted name may span lines


def sniff_dialect(text: str, options: ReadOptions | None = None, *, tabs: bool = False) -> SniffResult:
    """The dialect of `text`, the beginning of a file; `tabs` if the file's name suggests tabs (.tsv).

    What `options` decide is taken as it is: delimiter, quote, escape, the line of the header, lines to skip.
    """
    options = options or ReadOptions()
    text, newline, is_cut = _whole_lines(text)
    declaration = _DECLARATION.match(text)
    skipped = max(options.skip or 0, 1 if declaration else 0)
    body = text[_line_end(text, newline, skipped) if skipped else 0 :]
    if declaration and options.delimiter is None:
        options = msgspec.structs.replace(options, delimiter=declaration[1])
    dialect = _best_dialect(body, options, tabs)
    rows = [(line + skipped, row) for line, row in _careful_rows(body, dialect)]
    if is_cut and len(rows) > 1:
        rows = rows[:-1]  # perhaps cut within a quoted value
    table = find_table(rows, header_line=options.header, expected=options.expected)
    end = _second_names(rows, table.first, table.width)
    below = [row for _, row in rows[table.first : end] if row]
    header_line = rows[table.start][0] if table.names else 0
    start_line = _line_number(rows, table.start, skipped + 1)
    return SniffResult(
        dialect=msgspec.structs.replace(
            dialect,
            header=bool(table.names),
            skipped_lines=start_line - 1,
            header_line=header_line,
            further_header_lines=table.unit_rows,
            named_columns=table.named,
            row_values=table.row_values or table.width,
        ),
        width=table.width,
        names=table.names,
        sample=tuple(
            tuple(row[: table.width])
            for row in without_footers(below, table.width)
            if len(row) == table.width + table.drops_last and tuple(row) != table.names
        ),
        clean=(
            all(len(row) == table.width for row in below)
            and is_plain(dialect)
            and _has_plain_lines(text, newline)
            and follows_rules(body, dialect)
            and end == len(rows)
            and not cuts_quoted_value(body, dialect)
        ),
        padded=dialect.delimiter not in {"", " "} and _is_padded(below, table.width),
        drops_last=table.drops_last,
        further_header=tuple(
            (line, dialect.delimiter.join(row)) for line, row in rows[table.first - table.unit_rows : table.first]
        ),
        holds_totals=holds_totals(below, table.width),
        first=_line_number(rows, table.first, skipped + 1),
        records_above=skipped + table.first,
    )


def is_plain(dialect: Dialect) -> bool:
    """Whether the readers of DuckDB and Arrow know such a dialect."""
    return (
        dialect.delimiter != ""
        and not dialect.joins_spaces
        and dialect.escape != _BACKSLASH
        and not dialect.skips_spaces
        and not dialect.framed
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


def numbered_rows(text: str, dialect: Dialect) -> Iterator[NumberedRow]:
    """The rows of `text`, each with the number of its first line; the row of an empty line is []."""
    lines = (match.group() for match in _LINE.finditer(text) if match.group())
    if dialect.framed or dialect.starts:
        for number, line in enumerate(lines, 1):
            yield number, split_line(line.rstrip("\r\n"), dialect)
        return
    reader = csv_reader(lines, dialect)
    number = 1
    try:
        for row in reader:
            yield number, [cell for cell in row if cell] if dialect.joins_spaces else row
            number = reader.line_num + 1
    except csv.Error:
        return  # a null byte or the like: the rows before it count


def _careful_rows(text: str, dialect: Dialect) -> Iterator[NumberedRow]:
    """The rows of `text` as by `numbered_rows`, but that a quote which nothing closes in time is text."""
    if not dialect.quote or dialect.framed or dialect.starts or follows_rules(text, dialect):
        yield from numbered_rows(text, dialect)
        return
    lines = [match.group() for match in _LINE.finditer(text) if match.group()]
    index = 0
    while index < len(lines):
        row, count = _row_at(lines, index, dialect)
        yield index + 1, [cell for cell in row if cell] if dialect.joins_spaces else row
        index += count


def _row_at(lines: Sequence[str], index: int, dialect: Dialect) -> tuple[Row, int]:
    """The row that begins at a line, and how many lines it takes."""
    for count in range(1, _MOST_QUOTED_LINES + 1):
        part = lines[index : index + count]
        if dialect.quote not in part[-1] and count > 1:
            continue
        try:
            return next(csv_reader(part, dialect, strict=True), []), count
        except csv.Error as error:
            if "unexpected end" not in str(error) or index + count >= len(lines):
                break
    bare = lines[index].rstrip("\r\n")
    lenient = parse_leniently(bare, dialect)
    return split_line(bare, dialect) if lenient is None else lenient, 1


def parse_leniently(bare: str, dialect: Dialect, literal: int = -1) -> Row | None:
    """The cells of a line if a quote closes a value only before a delimiter or at the end; None if one never closes.

    A quote at the index `literal` opens no value.
    """
    if dialect.escape != dialect.quote:
        bare = without_backslashes(bare, dialect.quote)
    cells: Row = []
    start, end = 0, len(bare)
    quote, delimiter = dialect.quote, dialect.delimiter
    while start <= end:
        if bare.startswith(quote, start) and start != literal:
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


def split_line(line: str, dialect: Dialect) -> Row:
    """The cells of a line in which no delimiter stands within quotes; [] for an empty line and for a ruled one."""
    if dialect.framed:
        return [] if _RULE.fullmatch(line) or not line.strip() else _framed_cells(line)
    if dialect.starts:
        ends = (*dialect.starts[1:], None)
        cells = [line[start:end].strip() for start, end in zip(dialect.starts, ends, strict=True)]
        return cells if any(cells) else []
    cells = line.split(dialect.delimiter)
    if dialect.joins_spaces:
        return [cell for cell in cells if cell]
    return [cell.lstrip(" ") for cell in cells] if dialect.skips_spaces else cells


def _framed_cells(line: str) -> Row:
    inner = line.strip()
    inner = inner.removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in inner.split("|")]


def csv_reader(lines: Iterable[str], dialect: Dialect, *, strict: bool = False) -> "_csv.Reader":
    """Python's CSV reader over `lines`, in this dialect; `strict` raises csv.Error where a line breaks the rules."""
    if dialect.escape == _BACKSLASH:
        lines = (without_backslashes(line, dialect.quote) for line in lines)
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        doublequote=True,
        skipinitialspace=dialect.skips_spaces,
        strict=strict,
    )


def without_backslashes(line: str, quote: str) -> str:
    """The line with each quote behind a backslash doubled instead; backslashes elsewhere stay."""
    return line.replace(_BACKSLASH + quote, quote * 2)


def follows_rules(text: str, dialect: Dialect) -> bool:
    """Whether every quote in `text` opens or closes a value, or is escaped."""
    if not dialect.quote or dialect.quote not in text:
        return True
    try:
        for _ in csv_reader((match.group() for match in _LINE.finditer(text) if match.group()), dialect, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" in str(error)  # the text is cut within a value
    return True


def cuts_quoted_value(text: str, dialect: Dialect) -> bool:
    """Whether a delimiter was lost before a quoted value that holds another: `red"large, blue",7`."""
    quote = dialect.quote
    return bool(quote) and quote in text and _cut_value(quote, dialect.delimiter).search(text) is not None


@lru_cache(maxsize=8)
def _cut_value(quote: str, delimiter: str) -> re.Pattern[str]:
    mark, other = re.escape(quote), rf"[^{re.escape(quote + delimiter)}\r\n]"
    return re.compile(rf"{other}{mark}{other}+{re.escape(delimiter)}{other}*{mark}(?:{re.escape(delimiter)}|[\r\n]|\Z)")


def _is_padded(rows: Sequence[Row], width: int) -> bool:
    """Whether nearly all cells but the first of each row begin with a space."""
    if width < 2 or not rows:
        return False
    later = [cell for row in rows[:200] for cell in row[1:] if cell]
    return bool(later) and sum(cell[0] == " " for cell in later) > 0.9 * len(later)


def _second_names(rows: Sequence[NumberedRow], first: int, width: int) -> int:
    """The index of the row behind an empty line at which names of columns stand again, or the number of rows."""
    behind_gap = (
        index for index in range(first + 1, len(rows)) if len(rows[index][1]) == width and not rows[index - 1][1]
    )
    for index in islice(behind_gap, _GAPS):
        row = rows[index][1]
        above = [other for _, other in rows[first:index] if len(other) == width]
        if names_other_columns(row, column_shapes(above, width)):
            return index
    return len(rows)


def _line_number(rows: Sequence[NumberedRow], index: int, first: int) -> int:
    """The number of the line at which the row at `index` begins, or would begin behind the last one."""
    if index < len(rows):
        return rows[index][0]
    return rows[-1][0] + 1 if rows else first


# The dialect ---------------------------------------------------------------------------------------------------------


def _best_dialect(text: str, options: ReadOptions, tabs: bool) -> Dialect:
    """The dialect that cuts out the most expected names, and among several the one with the highest score."""
    if options.delimiter is None and _is_framed(text):
        return Dialect("|", "", "", framed=True)
    best_score, best = _LEAST_SCORE, None
    for dialect in _candidates(text, options):
        rows = [row for _, row in islice(numbered_rows(text, dialect), _SCORED_ROWS) if row]
        score = _score(rows, dialect) * (1.5 if tabs and dialect.delimiter == "\t" else 1.0)
        if options.expected and options.delimiter is None:
            named = (count_expected(row, options.expected) for row in rows[:_EXPECTED_ROWS] if len(row) > 1)
            score += max(named, default=0)
        elif options.delimiter is None and not _parts_quoted(text, dialect) and _is_one_column(rows, dialect):
            continue
        if score > best_score + 1e-9:
            best_score, best = score, dialect
    if (best is None or best.delimiter in _WEAK_DELIMITERS) and options.delimiter is None:
        starts = _fixed_starts(text)
        if len(starts) > 1 and (best is None or best_score < 0.5):
            return Dialect("", "", "", starts=starts)
    if best is not None:
        return best
    quote = '"' if options.quote is None else options.quote
    unused = next((mark for mark in _UNUSED_DELIMITERS if mark not in text), _UNUSED_DELIMITERS[-1])
    return Dialect(options.delimiter or unused, quote, quote)


def _candidates(text: str, options: ReadOptions) -> Iterator[Dialect]:
    """The dialects in which `text` may be written; of two that cut alike, the more usual one first."""
    delimiters = [options.delimiter] if options.delimiter else [mark for mark in _DELIMITERS if mark in text]
    for quote in _quotes(text, options):
        escapes = [options.escape] if options.escape is not None else [quote]
        if options.escape is None and quote and _BACKSLASH + quote in text:
            escapes.append(_BACKSLASH)
        for delimiter in delimiters:
            for escape in escapes:
                if delimiter == " ":
                    yield Dialect(delimiter, quote, escape, joins_spaces=True)
                yield Dialect(delimiter, quote, escape)
                if delimiter != " " and quote and f"{delimiter} {quote}" in text:
                    yield Dialect(delimiter, quote, escape, skips_spaces=True)


def _quotes(text: str, options: ReadOptions) -> list[str]:
    if options.quote is not None:
        return [options.quote]
    return ['"', *(quote for quote in _QUOTES[1:] if _opens_values(quote).search(text))]


def _opens_values(quote: str) -> re.Pattern[str]:
    """A pattern of a whole value between two of the quotes."""
    return re.compile(rf"(?:^|[,;\t|:\x1f ]){quote}[^{quote}\r\n]*{quote}(?:[,;\t|:\x1f \r\n]|\Z)", re.MULTILINE)


def _score(rows: Sequence[Row], dialect: Dialect) -> float:
    widths = Counter(len(row) for row in rows)
    width, count = widths.most_common(1)[0] if rows else (0, 0)
    if width < 2 and rows:
        wider = Counter(len(row) for row in rows if len(row) > 1).most_common(1)
        if wider and wider[0][1] >= 0.4 * len(rows):
            width, count = wider[0]
    if width < 2:
        return 0.0
    regular = [row for row in rows if len(row) == width][:100]
    cells = [cell for row in regular for cell in row[:200]]
    type_score = sum(_cell_score(cell) for cell in cells) / len(cells)
    odd_quotes = sum(1 for cell in cells if _is_misquoted(cell, dialect.quote)) if dialect.quote else 0
    consistency = count / len(rows)
    quote_score = 1 - odd_quotes / max(1, len(cells))
    habit = _DELIMITERS.get(dialect.delimiter, 1.0)
    habit *= (1.0 if dialect.quote == '"' else 0.99) * (0.995 if dialect.escape == _BACKSLASH else 1.0)
    if dialect.delimiter == " " and not dialect.joins_spaces:
        habit *= _SINGLE_SPACE
    return consistency**2 * type_score * habit * quote_score * (1 - 0.3 / width)


def _cell_score(cell: str) -> float:
    if is_typed_value(cell):
        return 1.0 if cell else 0.8
    return 0.8 if _PLAIN.fullmatch(cell) else 0.35


def has_odd_quotes(cell: str, quote: str) -> bool:
    """Whether a quote stands at the edge of a parsed cell, as it does where a quote was misunderstood."""
    return bool(cell) and (cell[0] == quote or cell[-1] == quote)


def _is_misquoted(cell: str, quote: str) -> bool:
    """Whether a parsed cell begins or ends with the quote, or stands between two quotes of another kind."""
    is_between = len(cell) > 1 and cell[0] == cell[-1] and cell[0] in _QUOTES
    return is_between or has_odd_quotes(cell, quote)


def _parts_quoted(text: str, dialect: Dialect) -> bool:
    """Whether the delimiter stands right between two quoted values."""
    return bool(dialect.quote) and f"{dialect.quote}{dialect.delimiter}{dialect.quote}" in text


def _is_one_column(rows: Sequence[Row], dialect: Dialect) -> bool:
    """Whether the delimiter stands only within values of one column: times, decimal commas, names, addresses."""
    has_header = bool(rows) and len(rows[0]) == 1
    body = rows[1:] if has_header else rows
    if not body:
        return False
    delimiter = dialect.delimiter
    if any(delimiter in cell for row in body[:_EXPECTED_ROWS] for cell in row):
        return False  # quotes keep it out of values elsewhere
    lines = [delimiter.join(row) for row in body[:_EXPECTED_ROWS]]
    is_name = has_header and " " not in rows[0][0].strip()
    if is_name and sum(is_typed_value(line) for line in lines) >= 0.9 * len(lines):
        return True
    if delimiter in _WEAK_DELIMITERS:
        return has_header or not _has_types(body) or all(_CLOCK.fullmatch(line.strip()) for line in lines)
    is_prose = is_name and all(not cell or cell[0] == " " for row in body for cell in row[1:])
    return is_prose and not _has_types(body)


def _has_types(rows: Sequence[Row]) -> bool:
    """Whether a column is one of numbers, dates or booleans, but for its first cell, perhaps a name."""
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    below = [row for row in rows[len(rows) > 1 :] if len(row) == width]
    return any(typed_formats([row[position] for row in below]) for position in range(width))


def _is_framed(text: str) -> bool:
    """Whether the lines are those of a table drawn with bars and dashes, as in Markdown or from a database."""
    lines = [line.strip() for line in islice(text.splitlines(), _SCORED_ROWS) if line.strip()]
    barred = sum("|" in line for line in lines)
    ruled = sum(bool(_RULE.fullmatch(line)) and ("|" in line or "+" in line) for line in lines[:5])
    framed = sum(line.startswith("|") and line.endswith("|") and len(line) > 2 for line in lines)
    return barred > 0 and ((ruled > 0 and barred >= 0.5 * len(lines)) or framed > 0.8 * len(lines) > 1.6)


def _fixed_starts(text: str) -> tuple[int, ...]:
    """Where columns of fixed width begin: behind at least two characters that are spaces in every line."""
    lines = [line for line in islice(text.splitlines(), _SCORED_ROWS) if line.strip()]
    if len(lines) < 3 or "\t" in text:
        return ()
    longest = max(map(len, lines))
    filled = [any(len(line) > index and line[index] != " " for line in lines) for index in range(longest)]
    profile = "".join("x" if is_filled else " " for is_filled in filled)
    return tuple(match.start() for match in _SPACES.finditer(profile))
