"""What the cells of a column look like, learned from a sample: by it a line with too many or too few cells is repaired.

A shape says how surprising a cell would be in its column. A reading of a line is as good as its most likely rival is
surprising; a line without one clear reading is rejected, never shifted.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from tabsmith.tables.read.value_formats import MISSING_IN_NUMBERS, ValueFormat, fitting_formats, is_typed_value

MISFIT: Final = 4.0
"""The cost of a cell that is not in the format of its column."""

_ODD: Final = 3.0  # text unlike all the others, or a value where there never was one
_UNUSUAL: Final = 1.5
_NEW_LEVEL: Final = 1.5  # a text that is none of the few that come back all the time
_SAMPLED: Final = 300  # rows
_ENOUGH: Final = 5  # values by which a mask, a common beginning or "never empty" is believed
_MOST_MASKS: Final = 4
_LEVEL_SHARE: Final = 0.25  # of the values are different ones, at most, where the same few come back
_LEAST_REPEATED: Final = 10  # values by which few levels are believed
_PREFIX: Final = 3  # characters
_ODD_SHARE: Final = 0.1  # of the values of a column with a format, at most, are in no format
_DIGIT: Final = re.compile(r"\d")
_LETTERS: Final = re.compile(r"[A-Z]+|[^\W\d_A-Z]+")


class ColumnShape(msgspec.Struct, frozen=True):
    """What the cells of one column look like."""

    count: int  # of cells in the sample
    empty: int  # of these
    formats: tuple[ValueFormat, ...] = ()  # of a column of numbers, dates or booleans
    masks: frozenset[str] = frozenset()  # of a text column whose cells are all written in a few ways, as codes are
    prefix: str = ""  # with which all cells begin
    levels: frozenset[str] = frozenset()  # the few texts that come back all the time
    longest: int = 0
    holds_typed: bool = False  # a text column in which some cells are numbers or dates

    @property
    def is_strict(self) -> bool:
        """Whether few texts could stand in the column."""
        return bool(self.formats or self.masks or self.prefix or self.levels)

    @property
    def is_never_empty(self) -> bool:
        """Whether enough cells were seen, and none was empty."""
        return self.count >= _ENOUGH and self.empty == 0

    def cost(self, cell: str) -> float:
        """How surprising `cell` is in this column: 0 for a usual cell, `MISFIT` for one that cannot be read."""
        text = cell.strip()
        if not text:
            return _cost_of_rarity(self.count - self.empty) if self.empty == 0 else 0.0
        if self.count and self.empty == self.count:
            return _cost_of_rarity(self.count) + 0.5
        if self.formats:
            fits = any(format_.pattern.fullmatch(text) for format_ in self.formats)
            return self._cost_of_level(text) if fits else 0.5 if text in MISSING_IN_NUMBERS else MISFIT
        if self.masks and _mask(text) not in self.masks:
            return _ODD
        if self.prefix and not text.startswith(self.prefix):
            return _ODD
        is_odd = not self.holds_typed and self.count > 1 and is_typed_value(text)
        cost = _UNUSUAL if is_odd else self._cost_of_level(text)
        return cost + (1.0 if len(text) > 3 * self.longest + 20 else 0.0)

    def _cost_of_level(self, text: str) -> float:
        return _NEW_LEVEL if self.levels and text not in self.levels else 0.0


def _cost_of_rarity(seen: int) -> float:
    """The cost of what never occurred among `seen` cells."""
    return 2.0 if seen >= _ENOUGH else 1.0 if seen else 0.0


def column_shapes(sample: Sequence[Sequence[str]], width: int) -> tuple[ColumnShape, ...]:
    """The shape of each of `width` columns, by the rows of `sample`."""
    rows = sample[:_SAMPLED]
    return tuple(_shape([row[position].strip() for row in rows]) for position in range(width))


def _shape(cells: Sequence[str]) -> ColumnShape:
    values = [cell for cell in cells if cell]
    empty = len(cells) - len(values)
    formats = typed_formats(values)
    levels = _levels(values)
    if formats or not values:
        are_words = any(value.isalpha() for value in levels)
        return ColumnShape(len(cells), empty, formats, levels=levels if are_words else frozenset())
    masks = _repeated([_mask(value) for value in values])
    prefix = _common_beginning(values)
    is_enough = len(values) >= _ENOUGH
    return ColumnShape(
        count=len(cells),
        empty=empty,
        masks=masks if is_enough and len(masks) <= _MOST_MASKS and _are_codes(values) else frozenset(),
        prefix=prefix if is_enough and len(prefix) >= _PREFIX else "",
        levels=levels,
        longest=max(len(value) for value in values),
        holds_typed=any(is_typed_value(value) for value in values),
    )


def _levels(values: Sequence[str]) -> frozenset[str]:
    """The different values of a column in which the same few come back; none of any other column."""
    levels = _repeated(values)
    is_few = len(values) >= _LEAST_REPEATED and len(levels) <= _LEVEL_SHARE * len(values)
    return levels if is_few else frozenset()


def _repeated(values: Sequence[str]) -> frozenset[str]:
    """The texts that stand in `values` more than once, which nearly all of them do; none of any other values."""
    counts = Counter(values)
    once = [value for value, count in counts.items() if count == 1]
    is_rare = len(once) <= max(1, _ODD_SHARE * len(values))
    return frozenset(counts) - frozenset(once) if is_rare else frozenset()


def _common_beginning(values: Sequence[str]) -> str:
    first, last = min(values), max(values)
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def typed_formats(values: Sequence[str]) -> tuple[ValueFormat, ...]:
    """The formats of numbers, dates or booleans that fit at least 90 % of `values`; () for a column of text."""
    for comma in (False, True):
        if formats := fitting_formats(values, decimal_comma=comma)[:-1]:
            return formats if any(_is_value(value) for value in values) else ()
    odd = [value for value in values if not is_typed_value(value)]
    if not 0 < len(odd) <= _ODD_SHARE * len(values) or len(set(odd)) > 3:
        return ()
    return typed_formats([value for value in values if is_typed_value(value)])


def _is_value(text: str) -> bool:
    return bool(text.strip()) and text.strip() not in MISSING_IN_NUMBERS


def _mask(text: str) -> str:
    """How `text` is written: each run of letters of one case as one letter, each digit as 9."""
    return _DIGIT.sub("9", _LETTERS.sub(_letter, text))


def _letter(match: re.Match[str]) -> str:
    return "A" if match.group().isupper() else "a"


def _are_codes(values: Sequence[str]) -> bool:
    """Whether the values are written like codes or times, with digits, rather than as words."""
    return all(any(character.isdigit() for character in value) for value in values)
