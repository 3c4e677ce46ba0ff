"""Whether a plan can be carried out on a table, judged by the table's profile alone: errors that say what to do instead."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from tabsmith.errors import (
    EmptyTableError,
    NoNumericColumnsError,
    TooFewColumnsError,
    TooFewRowsError,
    TooMuchMissingError,
    UnknownColumnError,
    UnsuitableColumnError,
)
from tabsmith.formatting import percent
from tabsmith.statistics.plan import (
    Compare,
    Describe,
    Frequency,
    MissingValues,
    Outliers,
    Plan,
    Regress,
    Relate,
    Trend,
)
from tabsmith.statistics.selected_rows import is_number, is_time
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.text import clean, did_you_mean, plural, similar

Columns: TypeAlias = Sequence[ColumnProfile]

_NAMED: Final = 8  # columns listed in a message
_OF_NUMBERS: Final = frozenset({"sum", "mean", "median", "deviation", "variance", "quartiles"})
MOST_GROUPS: Final = 1_000
ROWS_NEEDED: Final = {"relate": 3, "compare": 4, "regress": 5, "outliers": 4, "trend": 3}
"""Rows with all their values that an operation needs at least, whatever its method."""


def check_plan(plan: Plan, profile: TableProfile) -> None:
    """Raise a PlanError that says what to do instead, if `plan` cannot be carried out on a table with this profile."""
    if profile.rows == 0 or not profile.columns:
        raise EmptyTableError("The table has no rows.", next_step="Choose a table with at least one row.")
    if plan.rows.column:
        find_columns(profile, (plan.rows.column,))
    match plan:
        case Describe():
            _check_describe(plan, profile)
        case Relate():
            _check_relate(plan, profile)
        case Compare():
            _check_compare(plan, profile)
        case Regress():
            _check_regress(plan, profile)
        case Frequency():
            if not plan.columns:
                raise TooFewColumnsError(
                    "No column was named to count.", next_step=f"Name one of: {_names(profile.columns)}."
                )
            find_columns(profile, plan.columns)
        case MissingValues():
            find_columns(profile, plan.columns)
        case Outliers():
            chosen = find_columns(profile, plan.columns) or profile.columns
            require_numbers(chosen, profile, "Outliers are looked for among numbers")
            _require_values([column for column in chosen if is_number(column)][:1], "outliers")
        case Trend():
            _check_trend(plan, profile)


def find_columns(profile: TableProfile, names: Sequence[str]) -> list[ColumnProfile]:
    """The profiles of the columns called `names`. Raises UnknownColumnError with the most similar names."""
    there = {column.name: column for column in profile.columns}
    for name in names:
        if name not in there:
            nearest = similar(name, there)
            raise UnknownColumnError(
                f"The table has no column {clean(name)}.",
                next_step=did_you_mean(nearest, f"It has: {_names(profile.columns)}."),
                column=name,
                nearest=nearest,
            )
    return [there[name] for name in names]


def require_numbers(columns: Columns, profile: TableProfile, purpose: str, *, needed: int = 1) -> None:
    """Raise NoNumericColumnsError if fewer than `needed` of `columns` hold numbers."""
    found = sum(1 for column in columns if is_number(column))
    if found >= needed:
        return
    numeric = [column for column in profile.columns if is_number(column)]
    if len(numeric) < needed:
        there = "has none" if not numeric else f"has only {clean(numeric[0].name)}"
        raise NoNumericColumnsError(
            f"{purpose}, and the table {there}.",
            next_step="Count values with `frequency`, or compare categories with `compare`.",
        )
    raise NoNumericColumnsError(
        f"{purpose}; {_names([column for column in columns if not is_number(column)])} holds something else.",
        next_step=f"Name a numeric column: {_names(numeric)}.",
    )


def require_rows(used: int, dropped: int, needed: int, what: str) -> None:
    """Raise TooFewRowsError or TooMuchMissingError if fewer than `needed` rows have all their values."""
    if used >= needed:
        return
    if dropped and used + dropped >= needed:
        raise TooMuchMissingError(
            f"Too much is missing: {plural(dropped, 'row')} of {used + dropped:,} "
            f"({percent(dropped / (used + dropped))}) lack a value, and {what} needs {needed:,} complete rows.",
            next_step="Leave out the column that misses most; `missing` shows which one that is.",
        )
    raise TooFewRowsError(
        f"There are too few rows: {used:,}, and {what} needs at least {needed:,}.",
        next_step="Ask of all rows, or of a table with more rows.",
    )


def require_groups(count: int, column: ColumnProfile, *, least: int = 2, most: int = MOST_GROUPS) -> None:
    """Raise UnsuitableColumnError if a column makes fewer than `least` or more than `most` groups."""
    if least <= count <= most:
        return
    if count < least:
        raise UnsuitableColumnError(
            f"{clean(column.name)} has {plural(count, 'different value')}, and at least {least} are needed.",
            next_step="Name a column with several values.",
        )
    raise UnsuitableColumnError(
        f"{clean(column.name)} has {count:,} different values, too many for groups (at most {most:,}).",
        next_step="Name a column with fewer values, or choose some of its values.",
    )


def _check_describe(plan: Describe, profile: TableProfile) -> None:
    columns = find_columns(profile, plan.columns)
    for column in find_columns(profile, plan.by):
        if not is_number(column) and not is_time(column):
            require_groups(column.distinct, column, least=1)
    asked = _OF_NUMBERS.intersection(plan.aggregates)
    if asked:
        name = min(asked)
        require_numbers(columns or profile.columns, profile, f"A {name} is of numbers")


def _check_relate(plan: Relate, profile: TableProfile) -> None:
    columns = find_columns(profile, plan.columns)
    find_columns(profile, (plan.target,) if plan.target else ())
    if len({*plan.columns, *((plan.target,) if plan.target else ())}) == 1 and plan.columns:
        raise TooFewColumnsError(
            "At least two columns are needed to see how they go together.",
            next_step=f"Name another: {_names(profile.columns)}.",
        )
    if len(profile.columns) < 2:
        raise TooFewColumnsError(
            "At least two columns are needed, and the table has one.", next_step="Choose a table with more columns."
        )
    if plan.method in {"pearson", "spearman", "kendall"}:
        both = [*columns, *find_columns(profile, (plan.target,) if plan.target else ())] or list(profile.columns)
        require_numbers(both, profile, f"{plan.method.capitalize()}'s correlation is of numbers", needed=2)
    if len(columns) == 2:
        _require_values(columns, "relate")


def _check_compare(plan: Compare, profile: TableProfile) -> None:
    value = find_columns(profile, (plan.value,))
    if not plan.by and not plan.paired_with and plan.method != "normality":
        raise TooFewColumnsError(
            "A comparison needs groups: the column that makes them was not named.",
            next_step=f"Name the column by which to compare: {_names([c for c in profile.columns if c.name != plan.value])}.",
        )
    others = find_columns(profile, tuple(name for name in (plan.by, plan.paired_with) if name))
    if any(other.name == plan.value for other in others):
        raise TooFewColumnsError(
            f"{clean(plan.value)} cannot be compared with itself: at least two columns are needed.",
            next_step=f"Name another: {_names([c for c in profile.columns if c.name != plan.value])}.",
        )
    _require_values([*value, *others], "compare")


def _check_regress(plan: Regress, profile: TableProfile) -> None:
    if plan.formula:
        return  # read, and its names looked up, by formula.py
    if not plan.outcome:
        raise TooFewColumnsError(
            "No outcome was named.", next_step=f"Name the column to explain: {_names(profile.columns)}."
        )
    find_columns(profile, (plan.outcome, *plan.predictors))
    if not [name for name in plan.predictors if name != plan.outcome]:
        raise TooFewColumnsError(
            "A regression needs at least one predictor beside its outcome.",
            next_step=f"Name one or more of: {_names([c for c in profile.columns if c.name != plan.outcome])}.",
        )


def _check_trend(plan: Trend, profile: TableProfile) -> None:
    time, *_ = find_columns(profile, tuple(name for name in (plan.time, plan.value, plan.by) if name))
    if not is_time(time) and not is_number(time):
        times = [column for column in profile.columns if is_time(column)]
        raise UnsuitableColumnError(
            f"{clean(time.name)} holds neither times nor numbers, so nothing moves along it.",
            next_step=f"Name a column of dates: {_names(times)}."
            if times
            else "Read the table with its dates, or name a year.",
        )
    if plan.value:
        require_numbers(find_columns(profile, (plan.value,)), profile, "A trend is of numbers")
    _require_values(find_columns(profile, (plan.time, plan.value) if plan.value else (plan.time,)), "trend")


def _require_values(columns: Columns, operation: str) -> None:
    for column in columns:
        require_rows(column.rows - column.missing, column.missing, ROWS_NEEDED[operation], f"`{operation}`")


def _names(columns: Columns) -> str:
    names = ", ".join(clean(column.name, 40) for column in columns[:_NAMED])
    return f"{names} and {len(columns) - _NAMED:,} more" if len(columns) > _NAMED else names
