"""How rows are set aside: at random by default; by groups or by time only where the rows themselves show them."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.groups import EntityColumn
from tabsmith.tables.schema.lexicon import is_period_name
from tabsmith.tables.schema.types import ColumnKind, ProblemType, Split
from tabsmith.text import clean, plural

_MANY_ROWS: Final = 10_000
_FEW_ROWS: Final = 60
_LEAST_HOLDOUT_ROWS: Final = 40  # a smaller table can spare no hold-out
_LEAST_MOMENTS: Final = 15  # rows of a series
_HOLDOUT: Final = 0.2


def holdout_share(rows: int) -> float:
    """The share of rows that is set aside as the hold-out, 0 on tables too small to spare any."""
    return 0.0 if rows < _LEAST_HOLDOUT_ROWS else _HOLDOUT


def choose_split(
    profile: TableProfile,
    kinds: Mapping[str, ColumnKind],
    sample: RowSample,
    problem_type: ProblemType,
    target: str,
    entities: Sequence[EntityColumn],
) -> Split:
    """The split for the rows that have a target: grouped, forward, stratified or random, with the reason."""
    column = profile.column(target)
    rows = column.rows - column.missing
    holdout = holdout_share(rows)
    folds = 5 if rows < _FEW_ROWS or rows >= _MANY_ROWS else 8
    others = [column for column in profile.columns if column.name != target]
    for entity in entities:
        if entity.sure and entity.name != target:
            reason = f"each {clean(entity.name, 40)} has about {entity.rows_per_group:.0f} rows, which stay together in one part"
            return Split("grouped", entity.name, holdout, min(folds, entity.groups), reason)
    time_column = _time_column(others, kinds, sample)
    if time_column:
        reason = f"the rows follow each other in time by {clean(time_column, 40)}, at even intervals"
        return Split("forward", time_column, holdout, 5, reason)
    if problem_type in {"binary", "multiclass"}:
        return Split("stratified", "", holdout, folds, f"same class mix in every part; {plural(rows, 'row')}")
    return Split("random", "", holdout, folds, f"no group or time column found; {plural(rows, 'row')}")


def _time_column(columns: Sequence[ColumnProfile], kinds: Mapping[str, ColumnKind], sample: RowSample) -> str:
    """The column that orders the rows at even intervals, hardly two rows at one moment, or "".

    It holds dates, or the numbers of years, months or other periods.
    """
    for column in columns:
        if not (kinds[column.name] == "date" or _numbers_periods(column)):
            continue
        values = sample.numbers(column.name)
        if np.isnan(values).any() or len(values) < _LEAST_MOMENTS or column.distinct < 0.9 * column.rows:
            continue
        steps = np.diff(values)
        if not (np.all(steps >= 0) or np.all(steps <= 0)):
            continue
        intervals = np.abs(steps)
        median = np.median(intervals)
        # Months and years differ by a few days: intervals are even within a fifth.
        if median > 0 and np.mean(np.abs(intervals - median) <= 0.2 * median) >= 0.7:
            return column.name
    return ""


def _numbers_periods(column: ColumnProfile) -> bool:
    """Whether the column holds whole numbers under the name of a period, such as the years of a yearly series."""
    return column.storage == "integer" and is_period_name(column.name)
