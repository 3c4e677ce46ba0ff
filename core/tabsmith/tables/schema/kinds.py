"""What each column is: number, code, category, boolean, date, text, identifier or constant, and by what evidence."""

from typing import Final

import numpy as np

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.lexicon import is_code_name, is_key_name
from tabsmith.tables.schema.types import ColumnKind
from tabsmith.text import plural

_YES_AND_NO: Final = (
    {"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"on", "off"}, {"0", "1"},
)  # fmt: skip
_FEW: Final = 20
_MANY_WORDS: Final = 3.0
_UNIQUE: Final = 0.98


def detect_kind(column: ColumnProfile, sample: RowSample) -> tuple[ColumnKind, str]:
    """The kind of a column and the evidence for it in words."""
    present = column.rows - column.missing
    if present == 0:
        return "constant", "every value is missing"
    if column.distinct <= 1:
        return "constant", f"one value in all rows{' that have one' if column.missing else ''}"
    if column.storage == "boolean":
        return "boolean", "true or false"
    if column.storage in {"date", "timestamp"}:
        return "date", "dates with times" if column.storage == "timestamp" else "dates"
    if column.storage == "text":
        return _text_kind(column, present)
    return _number_kind(column, present, sample)


def is_whole(column: ColumnProfile, sample: RowSample) -> bool:
    """Whether a number column holds whole numbers only."""
    if column.storage == "integer":
        return True
    if column.storage != "float":
        return False
    values = sample.numbers(column.name)
    values = values[~np.isnan(values)]
    return bool(len(values)) and bool(np.all(values == np.round(values)))


def _number_kind(column: ColumnProfile, present: int, sample: RowSample) -> tuple[ColumnKind, str]:
    if not is_whole(column, sample):
        return "numeric", f"numbers with decimals, {plural(column.distinct, 'distinct value')}"
    numbers = column.numbers
    assert numbers is not None
    low, high = numbers.minimum, numbers.maximum
    if column.distinct == 2 and (low, high) == (0, 1):
        return "boolean", "only 0 and 1"
    unique = column.distinct >= _UNIQUE * present and column.missing == 0 and present > _FEW
    if unique and column.storage == "integer":
        if high - low + 1 <= present * 1.02 and _in_order(column.name, sample):
            return "identifier", "counts the rows"
        if is_key_name(column.name):
            return "identifier", "a different number in every row, and named like a key"
        if high - low + 1 <= present * 1.02 and present >= 100:
            return "identifier", "every number of a range once"
    if is_key_name(column.name) and column.distinct > max(_FEW, 0.5 * present):
        return "identifier", "named like a key, and hardly any value comes twice"
    if is_code_name(column.name) or is_key_name(column.name):
        return "code", f"whole numbers that name something, {plural(column.distinct, 'distinct value')}"
    return "numeric", f"whole numbers, {plural(column.distinct, 'distinct value')}"


def _in_order(name: str, sample: RowSample) -> bool:
    values = sample.numbers(name)
    steps = np.diff(values)
    return bool(np.all(steps > 0)) or bool(np.all(steps < 0))


def _text_kind(column: ColumnProfile, present: int) -> tuple[ColumnKind, str]:
    lengths = column.lengths
    words = lengths.words if lengths else 1.0
    seen = plural(column.distinct, "distinct text")
    if column.distinct == 2:
        values = {value.text.strip().lower() for value in column.top}
        if any(values == pair for pair in _YES_AND_NO):
            return "boolean", " and ".join(sorted(value.text for value in column.top))
        return "category", "two distinct texts"
    share = column.distinct / present
    if share >= 0.9 and present > _FEW:
        if words >= _MANY_WORDS and not is_key_name(column.name):
            return "text", f"free text, {words:.0f} words on average"
        if share >= _UNIQUE or is_key_name(column.name):
            return "identifier", "a different text in nearly every row"
    if words >= _MANY_WORDS and column.distinct > 0.2 * present and column.distinct > _FEW:
        return "text", f"free text, {words:.0f} words on average"
    return "category", seen
