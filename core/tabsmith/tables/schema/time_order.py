"""Whether rows make a series in time: one series, one for each entity, or rows that are merely dated.

Rows of a series are predicted from earlier ones, so they are split by time. Rows that are merely dated are drawn at
random: a split by time would cost them the latest rows for nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, Literal, TypeAlias

import msgspec
import numpy as np

from tabsmith.tables.profile.row_sample import Floats, RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.dependence import unexplained
from tabsmith.tables.schema.lexicon import is_period_name
from tabsmith.tables.schema.types import ColumnKind
from tabsmith.text import clean, plural

_LEAST_MOMENTS: Final = 15  # of a series
_ONE_ROW_A_MOMENT: Final = 0.9  # different moments for each row
_EVEN: Final = 0.7  # of the intervals are like the median one
_LEAST_ROWS_TO_COMPARE: Final = 50
_ALIKE: Final = 0.3  # correlation of neighbours in time
_ENTITY_COLUMNS: Final = 6  # that are tried, alone and in pairs
_LEAST_PRESENT: Final = 0.5  # of the rows that a panel without gaps would have


RowsInTime: TypeAlias = Literal["series", "panel", "dated"]
"""`series`: one row after the other. `panel`: a series for each entity. `dated`: rows with a date and no series."""


class TimeOrder(msgspec.Struct, frozen=True):
    """A column that says when each row was, what it makes of the rows, and why, in a sentence without its stop."""

    column: str
    rows: RowsInTime
    reason: str
    entity: tuple[str, ...] = ()  # the columns that name each series of a panel


def find_time_order(
    columns: Sequence[ColumnProfile],
    kinds: Mapping[str, ColumnKind],
    sample: RowSample,
    target: str,
    *,
    classes: bool,
) -> TimeOrder | None:
    """The column by which the rows are a series, else the first one that dates them, else None.

    `columns` are those beside the target, of which `classes` says whether it holds labels.
    """
    dated: TimeOrder | None = None
    for column in columns:
        if not (kinds[column.name] == "date" or _numbers_periods(column)):
            continue
        order = _order(column, columns, kinds, sample, target, classes=classes)
        if order is not None and order.rows != "dated":
            return order
        dated = dated or order
    return dated


def _order(
    column: ColumnProfile,
    columns: Sequence[ColumnProfile],
    kinds: Mapping[str, ColumnKind],
    sample: RowSample,
    target: str,
    *,
    classes: bool,
) -> TimeOrder | None:
    """What a column of dates or periods makes of the rows; None where it holds too few moments to say."""
    name = clean(column.name, 40)
    times = sample.numbers(column.name)
    is_date = kinds[column.name] == "date"
    if np.isnan(times).any() or min(len(times), column.distinct) < _LEAST_MOMENTS:
        return None
    if column.distinct < _ONE_ROW_A_MOMENT * column.rows:
        entity = _panel_entity(column, columns, kinds, sample)
        if entity:
            named = " and ".join(clean(part, 40) for part in entity)
            reason = f"each {named} has one row at each {name}: later rows are predicted from earlier ones"
            return TimeOrder(column.name, "panel", reason, entity)
        if not is_date:
            return None
        shared = plural(round(column.rows / column.distinct), "row")
        reason = f"{name} dates the rows, about {shared} at each, and makes no series of them"
        return TimeOrder(column.name, "dated", reason)
    steps = np.diff(times)
    if not (np.all(steps >= 0) or np.all(steps <= 0)):
        reason = f"{name} dates the rows, which stand in no order of time and make no series"
        return TimeOrder(column.name, "dated", reason) if is_date else None
    if _is_even(steps):
        reason = f"the rows follow each other in time by {name}, at even intervals"
        return TimeOrder(column.name, "series", reason)
    if not is_date:
        return None
    alike = _likeness_of_neighbours(times, columns, kinds, sample, target, classes=classes)
    if alike >= max(_ALIKE, 4 / np.sqrt(len(times))):
        reason = (
            f"neighbours in time by {name} are alike, beyond what the other columns explain (correlation {alike:.2f})"
        )
        return TimeOrder(column.name, "series", reason)
    reason = f"{name} dates the rows, but neighbours in time are no more alike than others, so they make no series"
    return TimeOrder(column.name, "dated", reason)


def _numbers_periods(column: ColumnProfile) -> bool:
    """Whether the column holds whole numbers under the name of a period, such as the years of a yearly series."""
    return column.storage == "integer" and is_period_name(column.name)


def _is_even(steps: Floats) -> bool:
    """Whether intervals are even within a fifth: months and years differ by a few days."""
    intervals = np.abs(steps)
    median = float(np.median(intervals))
    return median > 0 and float(np.mean(np.abs(intervals - median) <= 0.2 * median)) >= _EVEN


def _panel_entity(
    time: ColumnProfile, columns: Sequence[ColumnProfile], kinds: Mapping[str, ColumnKind], sample: RowSample
) -> tuple[str, ...]:
    """The column, or two together, that have one row at each of even moments; empty if there is none."""
    if not _is_even(np.diff(np.unique(sample.numbers(time.name)))):
        return ()
    candidates = [
        column
        for column in columns
        if column.name != time.name
        and kinds[column.name] in {"category", "code", "identifier", "boolean"}
        and not column.missing
        and 2 <= column.distinct <= column.rows / _LEAST_MOMENTS
    ][:_ENTITY_COLUMNS]
    moments = sample.codes(time.name)
    for count in (1, 2):
        for entities in combinations(candidates, count):
            whole = time.distinct * int(np.prod([column.distinct for column in entities], dtype=np.int64))
            if not _LEAST_PRESENT * whole <= time.rows <= whole:
                continue
            places = np.column_stack([moments, *(sample.codes(column.name) for column in entities)])
            if len(np.unique(places, axis=0)) == len(places):
                return tuple(column.name for column in entities)
    return ()


def _likeness_of_neighbours(
    times: Floats,
    columns: Sequence[ColumnProfile],
    kinds: Mapping[str, ColumnKind],
    sample: RowSample,
    target: str,
    *,
    classes: bool,
) -> float:
    """The correlation, from -1 to 1, of each row's unexplained part of the target with that of the next in time.

    0 where there are too few rows to tell, or nothing is left to explain.
    """
    features = [column.name for column in columns if kinds[column.name] not in {"date", "identifier", "constant"}]
    rest = unexplained(sample, target, features, classes=classes)[np.argsort(times, kind="stable")]
    rest = rest[~np.isnan(rest)]
    if len(rest) < _LEAST_ROWS_TO_COMPARE or np.ptp(rest) == 0:
        return 0.0
    earlier, later = rest[:-1] - rest.mean(), rest[1:] - rest.mean()
    return float(np.sum(earlier * later) / np.sum((rest - rest.mean()) ** 2))
