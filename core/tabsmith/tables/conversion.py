"""Columns of text become columns of numbers, dates and booleans: which reading each takes, and the SQL that does it.

Raw columns are always called c0, c1, ... and are text; so no name from outside ever stands in the SQL.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.tables.cells import MISSING_IN_NUMBERS, TEXT, Reading, candidates, missing_words, uses_decimal_comma
from tabsmith.tables.engine import one_of

if TYPE_CHECKING:
    import duckdb

_ASKED_AT_ONCE: Final = 100  # columns in one statement


class Plan(msgspec.Struct, frozen=True):
    """How one raw column is taken. `readings` are the ones still possible, best first."""

    position: int
    readings: tuple[Reading, ...]
    missing: tuple[str, ...]
    trim: bool = False
    seen: bool = True  # the sample held a value
    sure: bool = False  # the first reading fits every row
    kept: bool = False  # as text, every cell as it stands, the empty ones too

    @property
    def reading(self) -> Reading:
        return self.readings[0]

    @property
    def column(self) -> str:
        return f"c{self.position}"


def plan_columns(
    sample: Sequence[Sequence[str]], width: int, *, delimiter: str, as_text: bool, padded: bool
) -> tuple[Plan, ...]:
    """A plan for each of `width` columns, by the rows of `sample`."""
    if as_text:
        return tuple(Plan(position, (TEXT,), (), kept=True) for position in range(width))
    columns = [[row[position] for row in sample] for position in range(width)]
    comma = uses_decimal_comma(columns, delimiter)
    return tuple(_planned(position, values, comma, padded) for position, values in enumerate(columns))


def _planned(position: int, values: Sequence[str], comma: bool, padded: bool) -> Plan:
    readings = candidates(values, decimal_comma=comma)
    missing = missing_words(values, "text")
    trim = padded or any(value[:1].isspace() or value[-1:].isspace() for value in values)
    seen = any(value.strip() and value.strip() not in missing for value in values)
    if readings[0] is TEXT:
        trim = padded
    return Plan(position, readings, missing, trim, seen)


def shared_missing(plans: Sequence[Plan]) -> tuple[str, ...]:
    """The words that stand for missing in every column: the CSV reader can take them by itself."""
    if any(plan.kept for plan in plans) or not plans:
        return ()
    return tuple(word for word in plans[0].missing if all(word in plan.missing for plan in plans))


def strict_select(plans: Sequence[Plan], already_missing: tuple[str, ...]) -> str:
    """A select list that converts raw columns by their first readings, and fails where the sample was wrong."""
    return ", ".join(f"{_strict(plan, already_missing)} AS {plan.column}" for plan in plans)


def native_type(plan: Plan) -> str:
    """The type with which the CSV reader is to read this column: its own conversion where that is as good."""
    return plan.reading.native or "VARCHAR"


def _strict(plan: Plan, already_missing: tuple[str, ...]) -> str:
    column = plan.column
    if plan.kept:
        return f"coalesce({column}, '')"
    if plan.reading.native:
        return column
    if plan.reading is TEXT:
        text = f"trim({column})" if plan.trim else column
        words = tuple(word for word in plan.missing if plan.trim or word not in already_missing)
        blank = f"WHEN {text} = '' THEN NULL "
        some = f"WHEN {one_of(text, words)} THEN NULL " if words else ""
        return f"CASE {blank}{some}ELSE {text} END"
    text = f"trim({column})" if plan.trim else column
    value = (plan.reading.strict or f"coalesce({plan.reading.sql}, error('no {plan.reading.storage}'))").replace(
        "{t}", text
    )
    return f"CASE WHEN {text} IS NULL OR {text} = '' THEN NULL ELSE {value} END"


def safe_select(plans: Sequence[Plan]) -> str:
    """A select list that converts raw columns by their first readings, which are known to fit every value."""
    return ", ".join(f"{_safe(plan)} AS {plan.column}" for plan in plans)


def _safe(plan: Plan) -> str:
    if plan.kept or plan.reading is TEXT:
        return _strict(plan, ())
    text = f"trim({plan.column})"
    return f"CASE WHEN {_is_missing(plan)} THEN NULL ELSE {plan.reading.sql.replace('{t}', text)} END"


def _is_missing(plan: Plan) -> str:
    text = f"trim({plan.column})"
    return f"{plan.column} IS NULL OR {text} = '' OR {one_of(text, MISSING_IN_NUMBERS)}"


def narrowed(opened: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[Plan]) -> tuple[Plan, ...]:
    """The plans with only the readings that fit every row of `relation` (SQL).

    Columns are asked about in groups: a statement with thousands of expressions takes minutes to plan.
    """
    result = {plan.position: plan for plan in plans}
    for group in _groups([plan for plan in plans if len(plan.readings) > 1 and not plan.seen], _ASKED_AT_ONCE):
        for plan in _looked_at(opened, relation, group):
            result[plan.position] = plan
    while doubtful := [plan for plan in result.values() if len(plan.readings) > 1 and not plan.sure]:
        for group in _groups(doubtful, _ASKED_AT_ONCE):
            for plan in _first_counted(opened, relation, group):
                result[plan.position] = plan
    return tuple(result[plan.position] for plan in plans)


def _groups(plans: Sequence[Plan], most: int) -> Iterator[Sequence[Plan]]:
    for start in range(0, len(plans), most):
        yield plans[start : start + most]


def _looked_at(opened: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[Plan]) -> list[Plan]:
    """Plans of columns in which the sample held no value, by a few of the values that stand further below."""
    asked: list[str] = []
    for plan in plans:
        present = f"FILTER (NOT ({_is_missing(plan)}))"
        asked += [f"{which}({plan.column}) {present}" for which in ("min", "max", "any_value")]
    row = opened.execute(f"SELECT {', '.join(asked)} FROM {relation}").fetchall()[0]  # noqa: S608
    looked: list[Plan] = []
    for place, plan in enumerate(plans):
        values = [value for value in row[3 * place : 3 * place + 3] if value is not None]
        fitting = [
            reading
            for reading in plan.readings[:-1]
            if values and all(reading.pattern.fullmatch(value.strip()) for value in values)
        ]
        looked.append(msgspec.structs.replace(plan, readings=(*fitting, TEXT), seen=bool(values)))
    return looked


def _first_counted(opened: "duckdb.DuckDBPyConnection", relation: str, plans: Sequence[Plan]) -> list[Plan]:
    """The plans, each sure of its first reading when that fits every row, or without it."""
    texts = ", ".join(f"{checked(plan)[0]} AS {plan.column}" for plan in plans)
    counts = ", ".join(f"count({plan.column}), count({plan.reading.sql.replace('{t}', plan.column)})" for plan in plans)
    row = opened.execute(f"SELECT {counts} FROM (SELECT {texts} FROM {relation})").fetchall()[0]  # noqa: S608
    return [decided(plan, row[2 * place], row[2 * place + 1]) for place, plan in enumerate(plans)]


def checked(plan: Plan) -> tuple[str, str]:
    """SQL: the trimmed text or NULL where it is missing; and from that text `t` the value of the first reading."""
    text = f"CASE WHEN {_is_missing(plan)} THEN NULL ELSE trim({plan.column}) END"
    return text, plan.reading.sql.replace("{t}", "t")


def decided(plan: Plan, present: int, fitting: int) -> Plan:
    """The plan once its first reading was tried on all rows; of `present` values it fits `fitting`."""
    if present == fitting and present:
        return msgspec.structs.replace(plan, sure=True)
    return msgspec.structs.replace(plan, readings=plan.readings[1:] if present else (TEXT,))
