"""The kind of each column (number, code, category, boolean, date, text, identifier, constant), with its evidence."""

from typing import Final

import numpy as np

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.lexicon import is_code_name, is_key_name
from tabsmith.tables.schema.types import ColumnKind
from tabsmith.text import plural

_BOOLEAN_WORDS: Final = (
    {"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"on", "off"}, {"0", "1"},
)  # fmt: skip
_FEW_VALUES: Final = 20
_MANY_WORDS: Final = 3.0
_NEARLY_UNIQUE: Final = 0.98


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
    values = plural(column.distinct, "different value")
    if not is_whole(column, sample):
        return "numeric", f"decimal numbers, {values}"
    assert column.numbers is not None
    low, high = column.numbers.minimum, column.numbers.maximum
    if column.distinct == 2 and (low, high) == (0, 1):
        return "boolean", "only 0 and 1"
    is_key = is_key_name(column.name)
    is_unique = column.distinct >= _NEARLY_UNIQUE * present and column.missing == 0 and present > _FEW_VALUES
    if is_unique and column.storage == "integer":
        fills_range = high - low + 1 <= present * 1.02
        if fills_range and _is_ordered(column.name, sample):
            return "identifier", "counts the rows"
        if is_key:
            return "identifier", "a different number in every row, and the name suggests a key"
        if fills_range and present >= 100:
            return "identifier", "every number of a range once"
    if is_key and column.distinct > max(_FEW_VALUES, 0.5 * present):
        return "identifier", "the name suggests a key, and few values occur twice"
    if is_key or is_code_name(column.name):
        return "code", f"coded integer, a number used as a label; {values}"
    return "numeric", f"whole numbers, {values}"


def _is_ordered(name: str, sample: RowSample) -> bool:
    steps = np.diff(sample.numbers(name))
    return bool(np.all(steps > 0)) or bool(np.all(steps < 0))


def _text_kind(column: ColumnProfile, present: int) -> tuple[ColumnKind, str]:
    if column.distinct == 2:
        values = {value.text.strip().lower() for value in column.top}
        if values in _BOOLEAN_WORDS:
            return "boolean", " and ".join(sorted(value.text for value in column.top))
        return "category", "two categories"
    words = column.lengths.words if column.lengths else 1.0
    is_key = is_key_name(column.name)
    share = column.distinct / present
    if share >= 0.9 and present > _FEW_VALUES:
        if words >= _MANY_WORDS and not is_key:
            return "text", f"free text, {words:.0f} words on average"
        if share >= _NEARLY_UNIQUE or is_key:
            return "identifier", "a different text in nearly every row"
    if words >= _MANY_WORDS and share > 0.2 and column.distinct > _FEW_VALUES:
        return "text", f"free text, {words:.0f} words on average"
    return "category", plural(column.distinct, "category", "categories")
