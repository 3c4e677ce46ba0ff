"""Lines cut, padded and wrapped to a width in terminal cells, and the widths of a table's columns."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from tabsmith.presentation.spans import Line, Span
from tabsmith.text import clean


def fit(text: object, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` cleaned and cut or padded to exactly `width` cells; a cut one ends in "…"."""
    if width <= 0:
        return ""
    safe = clean(text, 4 * width + 8)
    taken = cell_len(safe)
    if taken > width:
        return set_cell_size(set_cell_size(safe, width - 1).rstrip() + "…", width)
    room = " " * (width - taken)
    return room + safe if align == "right" else safe + room


def fit_line(pieces: Line, width: int) -> Line:
    """`pieces` cut or padded to exactly `width` cells."""
    fitted: list[Span] = []
    left = width
    for piece in pieces:
        taken = cell_len(piece.text)
        if taken > left:
            fitted.append(piece._replace(text=fit(piece.text, left)))
            return tuple(fitted)
        fitted.append(piece)
        left -= taken
    if left > 0:
        fitted.append(Span(" " * left))
    return tuple(fitted)


def wrap(text: str, width: int, most: int = 0) -> list[str]:
    """`text` (cleaned) in lines of at most `width` cells, broken at spaces where there are any.

    With `most`, what is over so many lines is counted in the last as "+N lines".
    """
    width = max(1, width)
    lines = [part for block in text.split("\n") for part in _wrap_block(block, width)]
    if most and len(lines) > most:
        return [*lines[: most - 1], f"+{len(lines) - most + 1} lines"]
    return lines


def wrap_line(line: Line, width: int) -> list[Line]:
    """A line of one or two pieces, whose last piece may go on over several lines."""
    if not line or width <= 0:
        return [line]
    *head, last = line
    indent = sum(len(piece.text) for piece in head)
    if indent + len(last.text) <= width or indent > width // 2:
        return [line]
    parts = wrap(last.text, width - indent)
    first, *rest = (last._replace(text=part) for part in parts)
    return [(*head, first), *((Span(" " * indent), piece) for piece in rest)]


def _wrap_block(block: str, width: int) -> list[str]:
    lines: list[str] = []
    rest = block.rstrip()
    while cell_len(rest) > width:
        head = _head(rest, width)
        space = head.rfind(" ")
        if len(rest) > len(head) and rest[len(head)] != " " and space > 0:
            head = head[:space]
        lines.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    if rest or not lines:
        lines.append(rest)
    return lines


def _head(text: str, width: int) -> str:
    """As much of the start of `text` as goes into `width` cells; at least one character."""
    if text[:width].isascii():
        return text[:width]
    taken = 0
    for index, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[: max(1, index)]
    return text


GAP: Final = 2
"""Cells between two columns of a table."""


class LineColumn(NamedTuple):
    """A column of a table. `width` is its minimum in terminal cells; `grow` is its share of the spare room, up to `most`;
    if the columns do not fit, the one with the highest `drop` is left out first, and one with 0 never is."""

    title: str
    width: int
    grow: int = 0
    most: int = 400
    right: bool = False
    drop: int = 0


def widths(columns: Sequence[LineColumn], room: int) -> tuple[int, ...]:
    """Return the width of each column within `room` cells, without gaps; 0 for a column that is left out."""
    shown = set(range(len(columns)))
    for index in sorted(range(len(columns)), key=lambda index: -columns[index].drop):
        if _needed(columns, shown) <= room or not columns[index].drop:
            break
        shown.discard(index)
    result = [column.width if index in shown else 0 for index, column in enumerate(columns)]
    return tuple(_grown(columns, result, room - _needed(columns, shown)))


def _needed(columns: Sequence[LineColumn], shown: set[int]) -> int:
    return sum(columns[index].width for index in shown) + GAP * max(0, len(shown) - 1)


def _grown(columns: Sequence[LineColumn], result: list[int], spare: int) -> list[int]:
    """Give `spare` cells to the columns that grow; a negative number is taken from the first of them."""
    growing = [index for index, column in enumerate(columns) if column.grow and result[index]]
    if spare < 0:
        first = growing[0] if growing else 0
        result[first] = max(4, result[first] + spare)
        return result
    while spare > 0 and growing:
        shares = sum(columns[index].grow for index in growing)
        given = 0
        for index in growing:
            fair = max(1, spare * columns[index].grow // shares)
            more = min(fair, columns[index].most - result[index], spare - given)
            result[index] += more
            given += more
        spare -= given
        growing = [index for index in growing if result[index] < columns[index].most]
        if not given:
            break
    return result
