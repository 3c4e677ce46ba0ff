"""How rows are set aside: at random by default; by groups or by time only where the rows themselves show them."""

from collections.abc import Mapping, Sequence
from typing import Final

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.groups import EntityColumn
from tabsmith.tables.schema.time_order import find_time_order
from tabsmith.tables.schema.types import ColumnKind, ProblemType, Split, usual_folds
from tabsmith.text import clean, plural

_LEAST_HOLDOUT_ROWS: Final = 40  # a smaller table can spare no hold-out
_MANY_HOLDOUT_ROWS: Final = 5_000  # enough for a narrow interval of most scores; more are better spent on learning
_HOLDOUT: Final = 0.2


def holdout_share(rows: int) -> float:
    """The share of rows that is set aside as the hold-out: a fifth, less on large tables, 0 where none can be spared."""
    if rows < _LEAST_HOLDOUT_ROWS:
        return 0.0
    return float(f"{min(_HOLDOUT, max(_MANY_HOLDOUT_ROWS / rows, 0.01)):.3g}")


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
    folds = usual_folds(rows)
    others = [column for column in profile.columns if column.name != target]
    classes = problem_type in {"binary", "multiclass"}
    order = find_time_order(others, kinds, sample, target, classes=classes)
    surely_grouped = any(entity.sure and entity.name != target for entity in entities)
    if order is not None and order.rows == "panel" and (kinds[order.column] == "date" or not surely_grouped):
        return Split("forward", order.column, holdout, 5, order.reason, order.entity)
    for entity in entities:
        if entity.sure and entity.name != target:
            reason = f"each {clean(entity.name, 40)} has about {entity.rows_per_group:.0f} rows, which stay together in one part"
            return Split("grouped", entity.name, holdout, min(folds, entity.groups), reason)
    if order is not None and order.rows != "dated":
        return Split("forward", order.column, holdout, 5, order.reason, order.entity)
    dated = f"; {order.reason}" if order is not None else ""
    if classes:
        return Split("stratified", "", holdout, folds, f"same class mix in every part; {plural(rows, 'row')}{dated}")
    reason = (
        f"no group or time column found; {plural(rows, 'row')}" if order is None else f"{plural(rows, 'row')}{dated}"
    )
    return Split("random", "", holdout, folds, reason)
