"""Numbers on an axis: the range to show, where a value lies in it, and round ticks with their labels."""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from tabsmith.formatting import MINUS, count

_LARGEST: Final = 5e307  # beyond it the width of a range is no number any more
_SMALLEST: Final = 1e-300  # of a range; the ticks of a smaller one cannot be told apart
_FINEST: Final = 1e-6  # of a range, as a share of its numbers: a label of seven digits


class Range(msgspec.Struct, frozen=True):
    """From `low` to `high`, both finite, `low` the smaller one."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Where `value` lies: 0 at `low` and below, 1 at `high` and above."""
        return (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)

    def padded(self, by: float) -> "Range":
        """The same with `by` of its width more on either side."""
        room = (self.high - self.low) * by
        return Range(self.low - room, self.high + room)


class Tick(msgspec.Struct, frozen=True):
    """A round value and how it is written."""

    value: float
    label: str


def range_of(values: Iterable[float]) -> Range:
    """The range of the finite ones of `values`; widened where they are all but equal, so that it has a width."""
    finite = [min(_LARGEST, max(-_LARGEST, value)) for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    size = max(abs(low), abs(high))
    if high - low >= max(_SMALLEST, size * _FINEST):
        return Range(low, high)
    middle = low / 2 + high / 2
    room = max(_SMALLEST, size * 0.05) if size else 1.0
    return Range(middle - room, middle + room)


def ticks(shown: Range, about: int) -> tuple[Tick, ...]:
    """Some `about` round values in the range, each labelled with as many digits as tells it from its neighbours."""
    step, digit = _step((shown.high - shown.low) / max(1, about))
    first, last = math.ceil(shown.low / step), math.floor(shown.high / step)
    values = [place * step for place in range(first, last + 1)]
    largest = max(map(abs, values), default=0.0)
    return tuple(Tick(value, _label(value, digit, largest)) for value in values)


def whole_ticks(shown: Range, about: int) -> tuple[Tick, ...]:
    """Like `ticks`, of whole numbers only."""
    whole = [round(each.value) for each in ticks(shown, about) if each.value == round(each.value)]
    return tuple(Tick(value, count(value)) for value in whole)


def _step(least: float) -> tuple[float, int]:
    """The next round number from `least` on, and the place of its last digit as a power of ten."""
    power = math.floor(math.log10(least))
    for factor, finer in ((1.0, 0), (2.0, 0), (2.5, 1), (5.0, 0)):
        if factor * 10.0**power >= least:
            return factor * 10.0**power, power - finer
    return 10.0 ** (power + 1), power + 1


def _label(value: float, digit: int, largest: float) -> str:
    if value == 0:
        return "0"
    if 1e-3 <= largest < 1e9 and digit >= -8:
        text = f"{value:,.{max(0, -digit)}f}"
    else:
        places = max(0, min(7, math.floor(math.log10(abs(value))) - digit))
        mantissa, exponent = f"{value:.{places}e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", MINUS, 1) if text.startswith("-") else text
