"""The layout of a table's columns: their widths in a given room, and which are left out. Knows no terminal."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

GAP = 2

Tone: TypeAlias = Literal["", "muted", "accent", "warning", "good", "bad"]


class LineColumn(NamedTuple):
    """A column of a table. `width` is its minimum in terminal cells; `grow` is its share of the spare room, up to `most`;
    if the columns do not fit, the one with the highest `drop` is left out first, and one with 0 never is."""

    title: str
    width: int
    grow: int = 0
    most: int = 400
    right: bool = False
    drop: int = 0


class Cell(NamedTuple):
    """The text of a cell, already cleaned, and its tone."""

    text: str
    tone: Tone = ""


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
