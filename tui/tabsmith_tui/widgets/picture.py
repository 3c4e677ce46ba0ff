"""A column's distribution as a small picture of eight bars, `▁▃█▅▂▁▁▁`, made from its profile. Knows no terminal."""

from collections.abc import Sequence
from typing import Final

from tabsmith.tables.profile import Column

WIDTH: Final = 8
_BARS: Final = "▁▂▃▄▅▆▇█"


def bars(counts: Sequence[int], width: int = WIDTH) -> str:
    """`counts` as up to `width` bars, the highest one full; more counts than bars are added up in neighbours."""
    if not counts or max(counts) <= 0:
        return ""
    merged = _merge(counts, width)
    top = max(merged)
    return "".join(_BARS[min(len(_BARS) - 1, round(count / top * (len(_BARS) - 1)))] for count in merged)


def picture(column: Column, width: int = WIDTH) -> str:
    """The distribution of `column`: a histogram of numbers and dates, the most frequent values of anything else.

    Empty when nothing is known, or when there is only one value to draw.
    """
    if column.distinct <= 1:
        return ""
    if column.numbers is not None and column.numbers.bins:
        return bars(column.numbers.bins, width)
    counts = [value.count for value in column.top[:width]]
    rest = column.rows - column.missing - sum(value.count for value in column.top)
    if len(counts) < width and rest > 0:
        counts.append(rest)
    return bars(counts, width)


def _merge(counts: Sequence[int], width: int) -> list[int]:
    if len(counts) <= width:
        return list(counts)
    merged = [0] * width
    for place, count in enumerate(counts):
        merged[place * width // len(counts)] += count
    return merged
