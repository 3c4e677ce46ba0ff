"""Where the table lies within the rows of a text: below which titles, with which header, how wide, and what is no row.

The names are looked for by what stands below them: names are in other formats than the values of their columns.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

import msgspec

from tabsmith.tables.read.rows.column_shapes import MISFIT, ColumnShape, column_shapes, typed_formats
from tabsmith.tables.read.value_formats import is_typed_value

Row: TypeAlias = list[str]
NumberedRow: TypeAlias = tuple[int, Row]
"""A row and the number of its first line; a row of an empty line is []."""

_NAME_LENGTH: Final = 200
_HEADER_ROWS: Final = 100  # among which the header is looked for by expected names
_COMPARED_ROWS: Final = 100  # with which a header is compared
_COMPARED_COLUMNS: Final = 500
_MOST_UNIT_ROWS: Final = 3
_TITLED_WIDTH: Final = 3  # columns of a table in which a header that leaves most names out is no header
_MOST_REMARKS: Final = 2  # cells of a remark below a table, where it holds a delimiter
_LACKING: Final = 0.5  # of the columns that are never empty are so in a remark, at least
_LEAST_LACKING: Final = 2
_FOOTERS: Final = 10  # rows at the end that may be none
_YEARS: Final = range(1800, 2101)
_TOTAL: Final = re.compile(
    r"(?:(?:grand|sub|over-?all|sum)[ -]?)?totals?(?: +\(?[\d./-]+\)?)?|sum|average|mean|overall|summe|gesamt|insgesamt|total g[eé]n[eé]ral|totale|итого|всего|合計|总计",
    re.IGNORECASE,
)
_NOTE: Final = re.compile(
    r"(?:sources?|notes?|footnotes?|remarks?|data from|last updated|downloaded|copyright|quelle|hinweis|anmerkung|fuente|nota|stand)\b"
    r".*|[*†‡(©].*",
    re.IGNORECASE | re.DOTALL,
)


class Structure(msgspec.Struct, frozen=True):
    """The parts of a table within the rows of a text, as indices of these rows."""

    start: int  # the header, or the first row without one
    width: int
    names: tuple[str, ...] = ()  # () without a header
    unit_rows: int = 0  # further header lines right below the header: units, descriptions, the header once more
    drops_last: bool = False  # every line ends in a delimiter, which adds no column
    named: int = 0  # columns that the header names, perhaps not as many as there are
    row_values: int = 0  # in most rows

    @property
    def first(self) -> int:
        """The index of the first row of values."""
        return self.start + bool(self.names) + self.unit_rows


def find_table(
    rows: Sequence[NumberedRow], *, header_line: int | None = None, expected: tuple[str, ...] = ()
) -> Structure:
    """Where the table lies within `rows`.

    `header_line` is the number of the line with the names if a person gave it, 0 for none. A line that holds the
    `expected` names of columns is the header, whatever else the lines suggest.
    """
    cells = [row for _, row in rows]
    named = _row_at_line(rows, header_line) if header_line else None
    if header_line is None and named is None:
        named = _expected_header(cells, expected)
    if named is not None:
        return _below_header(cells, named)
    width = modal_width(cells)
    start = _table_start(cells, width)
    if header_line == 0:
        return Structure(start, width)
    start = _below_titles(cells, start, width)
    first, rest = cells[start] if cells else [], [row for row in cells[start + 1 :] if row]
    full = [row for row in rest if len(row) == width]
    if not first or (any(len(cell) > _NAME_LENGTH for cell in first) and not full):
        return Structure(start, width)
    if _is_r_header(first, full, width) or _is_header(first[:width], full):
        return _below_header(cells, start)
    return Structure(start, width)


def modal_width(rows: Sequence[Row]) -> int:
    """The most frequent number of cells in a row: of several cells, if at least 30 % of the rows agree."""
    counts = Counter(len(row) for row in rows if row)
    if not counts:
        return 0
    several = Counter({width: count for width, count in counts.items() if width > 1}).most_common(1)
    if several and several[0][1] >= 0.3 * counts.total():
        return several[0][0]
    return counts.most_common(1)[0][0]


def _is_blank(row: Row) -> bool:
    return not any(cell.strip() for cell in row)


# The first row -------------------------------------------------------------------------------------------------------


def _row_at_line(rows: Sequence[NumberedRow], line: int) -> int | None:
    """The index of the row that holds the line number `line`, or None if the text ends before."""
    indices = [index for index, (number, row) in enumerate(rows) if number <= line and row]
    return indices[-1] if indices else None


def _table_start(rows: Sequence[Row], width: int) -> int:
    """The index of the table's first row: from there on, most rows are as wide as the table."""
    for index, row in enumerate(rows):
        if _is_blank(row):
            continue
        following = [next_row for next_row in rows[index + 1 : index + 5] if next_row]
        full = [next_row for next_row in following if len(next_row) == width]
        fits = len(row) == width or _is_r_header(row, full, width) or (len(row) == width - 1 and _ends_empty(full))
        if len(row) > width > 1:
            fits = _is_blank(row[width:]) or _names_more(row, full)
        if len(row) < width and following:
            fits = fits or _names_fewer(row, rows[index + 1], width)
        if fits and 2 * sum(_is_as_wide(next_row, width) for next_row in following) >= len(following):
            return index
    return next((index for index, row in enumerate(rows) if not _is_blank(row)), 0)


def _names_more(row: Row, full: Sequence[Row]) -> bool:
    """Whether `row` holds the names of more columns than the rows below have values, perhaps with gaps between."""
    names = [cell for cell in row if cell.strip()]
    if not full or len(names) < len(full[0]) or any(is_typed_value(name) for name in names):
        return False
    return len(names) in {len(full[0]), len(row)} and _has_values(full[0])


def _names_fewer(row: Row, next_row: Row, width: int) -> bool:
    """Whether `row` holds the names of fewer columns than the values right below it."""
    are_names = all(cell.strip() and not is_typed_value(cell) for cell in row) and len(set(row)) == len(row)
    return (
        width > len(row) > 1
        and 2 * len(row) >= width
        and are_names
        and len(next_row) == width
        and _has_values(next_row)
    )


def _is_as_wide(row: Row, width: int) -> bool:
    return len(row) == width or (len(row) > width and _is_blank(row[width:]))


def _has_values(row: Row) -> bool:
    return any(cell.strip() and is_typed_value(cell) for cell in row)


def _ends_empty(rows: Sequence[Row]) -> bool:
    return bool(rows) and all(not row[-1].strip() for row in rows if row)


def _is_r_header(row: Row, full: Sequence[Row], width: int) -> bool:
    """Whether `row` is a header as R writes it: without a name above the row names, which are all different."""
    if len(row) != width - 1 or width < 2 or not full or any(is_typed_value(cell) for cell in row):
        return False
    row_names = [values[0] for values in full]
    if not all(values[0].strip() and values[-1].strip() for values in full) or len(set(row_names)) < len(full):
        return False
    if width == 2:  # perhaps a title
        return row_names == [str(number) for number in range(1, len(full) + 1)] and is_typed_value(full[0][-1])
    return _has_values(full[0])


def _below_titles(rows: Sequence[Row], start: int, width: int) -> int:
    """The index of the header below lines of titles that are padded with delimiters, or `start` if there are none."""
    index = start
    has_gap = False
    while index < len(rows) - 1 and _is_sparse(rows[index], width):
        has_gap = has_gap or _is_blank(rows[index])
        index += 1
    if index == start or len(rows[index]) != width:
        return start
    titles = [row for row in rows[start:index] if not _is_blank(row)]
    if sum(bool(cell.strip()) for cell in rows[index]) < max(2, width - 1):
        return start
    below = [row for row in rows[index + 1 :] if len(row) == width]
    if not _is_header(rows[index], below):
        return start
    is_told = has_gap or len(titles) > 1 or any(" " in cell.strip() for row in titles for cell in row)
    has_types = any(typed_formats([row[position] for row in below]) for position in range(width))
    return index if has_types or is_told or width >= _TITLED_WIDTH else start


def _is_sparse(row: Row, width: int) -> bool:
    """Whether most cells of a row are empty, so that it may be a title."""
    filled = sum(bool(cell.strip()) for cell in row)
    most = width // 2 if _is_blank(row[-2:]) else (width - 1) // 2
    return len(row) <= width and filled <= max(1, most) < width


# The header ----------------------------------------------------------------------------------------------------------


def _below_header(rows: Sequence[Row], start: int) -> Structure:
    """The table whose header is the row at `start`."""
    first = rows[start]
    rest = [row for row in rows[start + 1 :] if row]
    width = modal_width(rest) if rest else len(first)
    full = [row for row in rest if len(row) == width]
    named, row_values = len(_without_empty_end(first)), width
    names, drops_last = tuple(first), False
    if width == len(first) + 1 and _ends_empty(full):
        row_values = width = len(first)
        drops_last = True
    elif width == len(first) > 1 and not first[-1].strip() and _ends_empty(full):
        row_values = width = width - 1
        drops_last, names = True, names[:-1]
    elif _is_r_header(first, full, width):
        names, named = ("rownames", *names), width
    elif width == sum(bool(cell.strip()) for cell in first) < len(first) and full:
        names = tuple(cell for cell in first if cell.strip())
    elif width < len(first):
        width = max(width, len(_without_empty_end(first)))
        names = names[:width]
    elif width > len(first):
        width, names = _width_beyond_header(rest, width, names)
    below = [row[:width] for row in full] if drops_last else [row for row in rest if len(row) == width]
    return Structure(
        start=start,
        width=width,
        names=names,
        unit_rows=_unit_rows(rest, below, names, width),
        drops_last=drops_last,
        named=named,
        row_values=row_values,
    )


def _without_empty_end(row: Row) -> Row:
    end = len(row)
    while end > 1 and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _width_beyond_header(rest: Sequence[Row], width: int, names: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """The width and names of a table whose rows are wider than its header: as wide as most rows, if most rows are."""
    wider = sum(len(row) > len(names) and not _is_blank(row[len(names) :]) for row in rest)
    if len(rest) > 2 and wider * 2 > len(rest):
        return width, (*names, *[""] * (width - len(names)))
    return len(names), names


def _expected_header(rows: Sequence[Row], expected: tuple[str, ...]) -> int | None:
    """The index of the row with the most `expected` names: at least half of them, or of its own cells."""
    counts = [count_expected(row, expected) for row in rows[:_HEADER_ROWS]] if expected else []
    most = max(counts, default=0)
    if most == 0:
        return None
    index = counts.index(most)
    cells = sum(1 for cell in rows[index] if cell.strip())
    return index if 2 * most >= min(cells, len(expected)) else None


def count_expected(row: Row, expected: tuple[str, ...]) -> int:
    """How many of the `expected` names stand in the row, in upper or lower case, with or without spaces around."""
    return len({_folded(name) for name in expected} & {_folded(cell) for cell in row})


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name.strip().lstrip("\ufeff")).casefold()


def _is_header(first: Row, rest: Sequence[Row]) -> bool:
    """Whether `first` names the columns of the rows below it."""
    rest = [row for row in rest[:_COMPARED_ROWS] if list(row) != list(first)]  # the names may stand there once more
    if _holds_series(first, rest):
        return True
    typed_columns = agreeing = 0
    for position, cell in enumerate(first[:_COMPARED_COLUMNS]):
        values = [row[position] for row in rest]
        if not any(value.strip() for value in values):
            continue
        formats = typed_formats(values)
        typed_columns += bool(formats)
        agreeing += any(format_.pattern.fullmatch(cell.strip()) for format_ in formats)
    if typed_columns:
        has_names = any(cell.strip() and not is_typed_value(cell) for cell in first[:_COMPARED_COLUMNS])
        if agreeing == 0 and has_names:
            return True
        if not has_names or agreeing > typed_columns / 2:
            return False
        return len({cell.strip() for cell in first}) == len(first)
    repeated = any(cell and sum(row[position] == cell for row in rest) > 1 for position, cell in enumerate(first))
    return not all(is_typed_value(cell) for cell in first) and not repeated


def _holds_series(first: Row, rest: Sequence[Row]) -> bool:
    """Whether the numbers in `first` go up in a way in which the numbers below do not: years, wavelengths, 0, 1, 2."""
    positions = [position for position, cell in enumerate(first) if _number(cell) is not None]
    texts = [cell.strip() for position, cell in enumerate(first) if position not in positions]
    below = [[_number(row[position]) for position in positions] for row in rest]
    if not positions or not rest or not _could_name(first, rest) or _share(_is_unnumbered, below[:5]) > 0:
        return False
    numbers = [float(first[position]) for position in positions]
    if _counts_up(numbers) and (len(numbers) > 2 or texts):
        return _share(_is_steady, below[:2]) == 0
    if all(_is_year(number) for number in numbers):
        years_below = _share(_is_year, [number for row in below for number in row])
        return _goes_up(numbers) and years_below < 0.2 and (len(numbers) > 1 or any(texts))
    return len(numbers) > 2 and _is_steady(numbers) and _share(_is_steady, below) < 0.2


def _could_name(first: Row, rest: Sequence[Row]) -> bool:
    """Whether the cells of `first` differ from each other, at most one is empty, and none is repeated below."""
    cells = [cell.strip() for cell in first]
    repeated = any(cell and [row[position] for row in rest].count(cell) > 1 for position, cell in enumerate(first))
    return len(set(cells)) == len(cells) and not repeated


def _share(holds: Callable[[Any], bool], items: Sequence[Any]) -> float:
    return sum(map(holds, items)) / len(items) if items else 0.0


def _is_unnumbered(numbers: Sequence[float | None]) -> bool:
    return all(number is None for number in numbers)


def _number(text: str) -> float | None:
    """The number that `text` is, written plainly, or None."""
    if not re.fullmatch(r"\s*-?\d+(?:\.\d+)?\s*", text):
        return None
    return float(text)


def _is_year(number: float | None) -> bool:
    return number is not None and number in _YEARS


def _goes_up(numbers: Sequence[float]) -> bool:
    return all(earlier < later for earlier, later in pairwise(numbers))


def _counts_up(numbers: Sequence[float]) -> bool:
    """Whether the numbers count from 0 or 1."""
    return (
        len(numbers) > 1
        and list(numbers) == [numbers[0] + step for step in range(len(numbers))]
        and numbers[0] in {0, 1}
    )


def _is_steady(numbers: Sequence[float | None]) -> bool:
    """Whether the numbers go up or down in equal steps."""
    if len(numbers) < 2 or any(number is None for number in numbers):
        return False
    steps = [later - earlier for earlier, later in pairwise(number for number in numbers if number is not None)]
    return steps[0] != 0 and all(abs(step - steps[0]) < 1e-6 * abs(steps[0]) for step in steps)


def _unit_rows(rest: Sequence[Row], below: Sequence[Row], names: tuple[str, ...], width: int) -> int:
    """How many rows right below the header are further header lines: units, descriptions, the names once more."""
    count = 0
    while count < min(_MOST_UNIT_ROWS, len(below) - 1) and rest[count][:width] == below[count]:
        row = below[count]
        if tuple(row) != names and not _has_units(row, below[count + 1 :], width):
            break
        count += 1
    return count


def _has_units(row: Row, rest: Sequence[Row], width: int) -> bool:
    """Whether `row` holds text above columns of values, and no value: units, or further names."""
    rest = rest[_MOST_UNIT_ROWS - 1 :] if len(rest) > 2 * _MOST_UNIT_ROWS else rest  # perhaps more such lines
    if len(rest) < 3:
        return False
    above_values = 0
    for position in range(min(width, _COMPARED_COLUMNS)):
        values = [other[position] for other in rest[:_COMPARED_ROWS]]
        is_typed = bool(typed_formats(values))
        cell = row[position].strip()
        if is_typed and cell and is_typed_value(cell):
            return False
        above_values += is_typed and bool(cell)
    return above_values >= 2


# Rows that are none --------------------------------------------------------------------------------------------------


def is_total(row: Row) -> bool:
    """Whether a row is labelled as the sum of others."""
    return is_total_label(next((cell for cell in row if cell.strip()), ""))


def is_total_label(text: str) -> bool:
    """Whether a text is the label of a sum or a mean of rows."""
    return bool(_TOTAL.fullmatch(text.strip().rstrip(":")))


def is_note(text: str) -> bool:
    """Whether a text is a remark about a table: its source, a footnote."""
    return bool(_NOTE.fullmatch(text.strip()))


def without_footers(rows: Sequence[Row], width: int) -> Sequence[Row]:
    """The rows without the totals, remarks and empty lines at their end, in a table of `width` columns."""
    end = len(rows)
    regular = [row for row in rows[: max(end - _FOOTERS, 2 * end // 3)] if len(row) == width]
    shapes = column_shapes(regular, width) if end and could_be_remark(rows[-1]) else ()
    while end > 1 and (
        is_total(rows[end - 1])
        or is_footer(rows[end - 1], len(rows[end - 1]))
        or is_remark(_fitted(rows[end - 1], width), shapes)
    ):
        end -= 1
    return rows[:end]


def _fitted(row: Row, width: int) -> Row:
    """The row without empty cells beyond the width, or with empty cells up to it."""
    return [*_without_empty_end(row), *[""] * width][: max(width, len(_without_empty_end(row)))]


def could_be_remark(row: Row) -> bool:
    """Whether a row has as few values as a remark."""
    return sum(bool(cell.strip()) for cell in row) <= _MOST_REMARKS


def is_remark(row: Row, shapes: Sequence[ColumnShape]) -> bool:
    """Whether a last row of the table is a remark below it, or nothing, padded with delimiters.

    Most columns that are never empty are empty in it, and no value stands in a column of such values.
    """
    filled = [position for position, cell in enumerate(row) if cell.strip()]
    if len(filled) > _MOST_REMARKS or any(
        shapes[position].is_strict and shapes[position].cost(row[position]) == 0 for position in filled
    ):
        return False
    always = [position for position, shape in enumerate(shapes) if shape.is_never_empty]
    lacking = sum(not row[position].strip() for position in always)
    return lacking >= max(_LEAST_LACKING, _LACKING * len(always))


def holds_totals(rows: Sequence[Row], width: int) -> bool:
    """Whether some of `rows` are totals of others all along, so that a last one is nothing special."""
    return any(is_total(row) for row in without_footers(rows, width))


def names_other_columns(row: Row, shapes: Sequence[ColumnShape]) -> bool:
    """Whether a row behind an empty line holds names: texts alone, also in the columns of numbers and dates, two at least."""
    if len(set(row)) < len(row) or not all(cell.strip() and not is_typed_value(cell) for cell in row):
        return False
    typed = [shape.cost(cell) for shape, cell in zip(shapes, row, strict=True) if shape.formats]
    return len(typed) > 1 and min(typed) >= MISFIT


def is_footer(row: Row, width: int) -> bool:
    """Whether a last row of the table is a remark below it: its source, a note."""
    filled = [cell.strip() for cell in row if cell.strip()]
    return len(filled) == 1 and width > 1 and is_note(filled[0])
