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
_SAMPLED: Final = 300  # rows
_ENOUGH: Final = 5  # values by which a mask, a common beginning or "never empty" is believed
_MOST_MASKS: Final = 4
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
    longest: int = 0
    holds_typed: bool = False  # a text column in which some cells are numbers or dates

    @property
    def is_strict(self) -> bool:
        """Whether few texts could stand in the column."""
        return bool(self.formats or self.masks or self.prefix)

    def cost(self, cell: str) -> float:
        """How surprising `cell` is in this column: 0 for a usual cell, `MISFIT` for one that cannot be read."""
        text = cell.strip()
        if not text:
            return _cost_of_rarity(self.count - self.empty) if self.empty == 0 else 0.0
        if self.count and self.empty == self.count:
            return _cost_of_rarity(self.count) + 0.5
        if self.formats:
            fits = any(format_.pattern.fullmatch(text) for format_ in self.formats)
            return 0.0 if fits else 0.5 if text in MISSING_IN_NUMBERS else MISFIT
        if self.masks and _mask(text) not in self.masks:
            return _ODD
        if self.prefix and not text.startswith(self.prefix):
            return _ODD
        cost = _UNUSUAL if not self.holds_typed and self.count > 1 and is_typed_value(text) else 0.0
        return cost + (1.0 if len(text) > 3 * self.longest + 20 else 0.0)


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
    if formats or not values:
        return ColumnShape(len(cells), empty, formats)
    masks = Counter(_mask(value) for value in values)
    prefix = _common_beginning(values)
    is_enough = len(values) >= _ENOUGH
    return ColumnShape(
        count=len(cells),
        empty=empty,
        masks=frozenset(masks) if is_enough and len(masks) <= _MOST_MASKS and _are_codes(values) else frozenset(),
        prefix=prefix if is_enough and len(prefix) >= _PREFIX else "",
        longest=max(len(value) for value in values),
        holds_typed=any(is_typed_value(value) for value in values),
    )


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
