"""How wide the columns of a table of lines are on a given width, and which of them have to go. Knows no terminal."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

GAP = 2

Tone: TypeAlias = Literal["", "muted", "accent", "warning", "good", "bad"]


class LineColumn(NamedTuple):
    """A column of a table of lines. `width` is the least it needs; `grow` is its share of what is left over, up to
    `most`; of the columns that do not fit, the one with the highest `drop` goes first, and 0 never goes."""

    title: str
    width: int
    grow: int = 0
    most: int = 400
    right: bool = False
    drop: int = 0


class Cell(NamedTuple):
    """A cell's text, already made safe to show, and the tone it is shown in."""

    text: str
    tone: Tone = ""


def widths(columns: Sequence[LineColumn], room: int) -> tuple[int, ...]:
    """The width of each column in `room` characters, gaps left out; 0 for a column that is not shown."""
    shown = set(range(len(columns)))
    for place in sorted(range(len(columns)), key=lambda each: -columns[each].drop):
        if _needed(columns, shown) <= room or not columns[place].drop:
            break
        shown.discard(place)
    result = [column.width if place in shown else 0 for place, column in enumerate(columns)]
    return tuple(_grown(columns, result, room - _needed(columns, shown)))


def _needed(columns: Sequence[LineColumn], shown: set[int]) -> int:
    return sum(columns[place].width for place in shown) + GAP * max(0, len(shown) - 1)


def _grown(columns: Sequence[LineColumn], result: list[int], spare: int) -> list[int]:
    """`spare` more (or, when negative, fewer) characters given to the columns that grow."""
    growing = [place for place, column in enumerate(columns) if column.grow and result[place]]
    if spare < 0:
        first = growing[0] if growing else 0
        result[first] = max(4, result[first] + spare)
        return result
    while spare > 0 and growing:
        shares = sum(columns[place].grow for place in growing)
        given = 0
        for place in growing:
            fair = max(1, spare * columns[place].grow // shares)
            more = min(fair, columns[place].most - result[place], spare - given)
            result[place] += more
            given += more
        spare -= given
        growing = [place for place in growing if result[place] < columns[place].most]
        if not given:
            break
    return result
