"""Columns as groups: values as they are, times by year, month or day, and numbers of many values in ranges."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tabsmith.formatting import number
from tabsmith.statistics.repeating_code import TABLE
from tabsmith.statistics.selected_rows import SelectedRows, is_number, is_time
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean

MISSING: Final = "missing"
_MOST_NUMBERS: Final = 50  # different numbers that are groups of their own
_MOST_TIMES: Final = 24
_RANGES: Final = 10
_YEAR: Final = 365.25 * 86_400


@dataclass(frozen=True, slots=True)
class Grouping:
    """How the values of a column make groups: SQL of a value's group (which sorts), its label, the same in
    pandas, and a note for people."""

    sql: str
    label: Callable[[Any], str]
    code: str
    note: str = ""


def group_by(rows: SelectedRows, column: ColumnProfile) -> Grouping:
    """How a column makes groups."""
    name = rows.sql(column)
    as_it_is = f"{TABLE}[{column.name!r}]"
    numbers = column.numbers
    if is_time(column) and column.distinct > _MOST_TIMES and numbers is not None:
        span = numbers.maximum - numbers.minimum
        part, form = (
            ("year", "%Y") if span > 3 * _YEAR else ("month", "%Y-%m") if span > _YEAR / 4 else ("day", "%Y-%m-%d")
        )
        return Grouping(
            f"strftime(CAST({name} AS TIMESTAMP), '{form}')",
            _text,
            f"pd.to_datetime({as_it_is}).dt.strftime({form!r})",
            f"{clean(column.name)} is grouped by {part}.",
        )
    if is_number(column) and column.distinct > _MOST_NUMBERS and numbers is not None:
        low, width = numbers.minimum, (numbers.maximum - numbers.minimum) / _RANGES

        def range_label(index: Any) -> str:
            if index is None:
                return MISSING
            return f"{number(low + width * index)} to {number(low + width * (index + 1))}"

        return Grouping(
            f"CAST(least({_RANGES - 1}, floor((CAST({name} AS DOUBLE) - {low!r}) / {width!r})) AS INTEGER)",
            range_label,
            f"(({as_it_is} - {low!r}) // {width!r}).clip(upper={_RANGES - 1})",
            f"{clean(column.name)} has many values and is grouped into {_RANGES} ranges of equal width.",
        )
    if is_number(column):
        return Grouping(name, lambda value: MISSING if value is None else f"{value:.12g}", as_it_is)
    if column.storage == "boolean":
        return Grouping(name, lambda value: MISSING if value is None else "true" if value else "false", as_it_is)
    return Grouping(f"CAST({name} AS VARCHAR)", _text, as_it_is)


def _text(value: Any) -> str:
    return MISSING if value is None else clean(value, 60)
