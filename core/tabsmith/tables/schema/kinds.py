"""The kind of each column, with its evidence: constants, dates and numbers here, texts in `text_kinds`."""

from typing import Final

import numpy as np

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.read.values.number_formats import parse_number_form
from tabsmith.tables.schema.lexicon import is_code_name, is_key_name, is_quantity_name
from tabsmith.tables.schema.text_kinds import detect_text_kind
from tabsmith.tables.schema.types import ColumnKind
from tabsmith.text import clean, plural

_FEW_VALUES: Final = 20
_NEARLY_UNIQUE: Final = 0.98
_EXACT: Final = 2**53  # beyond, a float cannot hold every whole number
_FEW_CODES: Final = 5  # different whole numbers that are taken for labels, unless the name is that of a quantity
_LEAST_ROWS: Final = 30
_FIRST_YEAR, _LAST_YEAR, _YEARS = 1900, 2100, 150


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
        return detect_text_kind(column, present, sample)
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
    if evidence := _unit_evidence(column):
        return "embedded number", f"{evidence}, {values}"
    if not is_whole(column, sample):
        return "numeric", f"decimal numbers, {values}"
    assert column.numbers is not None
    low, high = column.numbers.minimum, column.numbers.maximum
    if column.distinct == 2 and (low, high) == (0, 1):
        return "boolean", "only 0 and 1"
    if evidence := _key_evidence(column, present, sample):
        return "identifier", evidence
    if column.storage == "integer" and max(abs(low), abs(high)) > _EXACT:
        return "category", f"whole numbers of 16 digits and more, kept exactly as labels; {values}"
    if is_key_name(column.name) or is_code_name(column.name):
        return "code", f"coded integer, a number used as a label; {values}"
    if column.distinct <= _FEW_CODES and present >= _LEAST_ROWS and not is_quantity_name(column.name):
        return "code", f"coded integer: only {values}"
    if column.storage == "integer" and _is_years(low, high):
        return "code", f"coded integer, years from {low:.0f} to {high:.0f}"
    return "numeric", f"whole numbers, {values}"


def _key_evidence(column: ColumnProfile, present: int, sample: RowSample) -> str:
    """Why a column of whole numbers is a key of the rows; "" if it is none."""
    assert column.numbers is not None
    is_key = is_key_name(column.name)
    is_unique = column.distinct >= _NEARLY_UNIQUE * present and column.missing == 0 and present > _FEW_VALUES
    if is_unique and column.storage == "integer":
        fills_range = column.numbers.maximum - column.numbers.minimum + 1 <= present * 1.02
        if fills_range and _is_ordered(column.name, sample):
            return "counts the rows"
        if is_key:
            return "a different number in every row, and the name suggests a key"
        if fills_range and present >= 100:
            return "every number of a range once"
    if is_key and column.distinct > max(_FEW_VALUES, 0.5 * present):
        return "the name suggests a key, and few values occur twice"
    return ""


def _is_years(low: float, high: float) -> bool:
    return low >= _FIRST_YEAR and high <= _LAST_YEAR and high - low <= _YEARS


def _unit_evidence(column: ColumnProfile) -> str:
    """In what unit or scale the numbers of a column are written; "" for plain numbers."""
    form = parse_number_form(column.format.name)
    if form is None or column.distinct <= _FEW_CODES:
        return ""
    if form.unit:
        return f"numbers in {clean(form.unit, 20)}"
    return "numbers with K and M" if form.scaled else ""


def _is_ordered(name: str, sample: RowSample) -> bool:
    steps = np.diff(sample.numbers(name))
    return bool(np.all(steps > 0)) or bool(np.all(steps < 0))
