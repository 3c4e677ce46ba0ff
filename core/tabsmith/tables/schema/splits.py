"""How the rows of a table are set aside: at random by default, otherwise only where the rows themselves say so."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.lexicon import is_entity_name
from tabsmith.tables.schema.types import ColumnKind, ProblemType, Split
from tabsmith.text import clean, plural

_MANY_ROWS: Final = 10_000
_FEW_ROWS: Final = 60
_NO_HOLDOUT: Final = 40
_LEAST_GROUPS: Final = 20


def choose_split(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, task: ProblemType, target: str, rows: int
) -> Split:
    """The split for `rows` rows that have a target: grouped, forward, stratified or random, with the reason."""
    holdout = 0.0 if rows < _NO_HOLDOUT else 0.2
    folds = 5 if rows < _FEW_ROWS or rows >= _MANY_ROWS else 8
    others = [column for column in profile.columns if column.name != target]
    for column in others:
        if _repeats(column, kinds[column.name]):
            per = (column.rows - column.missing) / max(1, column.distinct)
            reason = f"{clean(column.name, 40)} comes back in about {per:.0f} rows each: its rows stay together"
            return Split("grouped", column.name, holdout, min(folds, max(2, column.distinct)), reason)
    ordered = _ordering_date(others, kinds, sample)
    if ordered:
        reason = f"the rows follow each other in time by {clean(ordered, 40)}, one row a moment"
        return Split("forward", ordered, holdout, 5, reason)
    if task in {"binary", "multiclass"}:
        return Split("stratified", "", holdout, folds, f"classes in equal shares; {plural(rows, 'row')}")
    return Split("random", "", holdout, folds, f"no column groups or orders the rows; {plural(rows, 'row')}")


def _repeats(column: ColumnProfile, kind: ColumnKind) -> bool:
    """Whether a person, animal or the like, named as such, comes back in several rows."""
    present = column.rows - column.missing
    if kind in {"constant", "date", "boolean", "text"} or column.storage == "float" or not is_entity_name(column.name):
        return False
    return _LEAST_GROUPS <= column.distinct <= present / 1.5 and column.missing_share < 0.05


def _ordering_date(columns: Sequence[ColumnProfile], kinds: Mapping[str, ColumnKind], sample: RowSample) -> str:
    """The one date column along which the rows stand in order with hardly two at one moment, or ""."""
    dates = [column for column in columns if kinds[column.name] == "date"]
    for column in dates:
        values = sample.numbers(column.name)
        if np.isnan(values).any() or len(values) < _NO_HOLDOUT or column.distinct < 0.9 * column.rows:
            continue
        steps = np.diff(values)
        if not (np.all(steps >= 0) or np.all(steps <= 0)):
            continue
        size = np.abs(steps)
        middle = np.median(size)
        # Months and years differ by a few days: a beat is regular within a fifth.
        if middle > 0 and np.mean(np.abs(size - middle) <= 0.2 * middle) >= 0.7:
            return column.name
    return ""
