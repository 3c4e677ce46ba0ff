"""How much a model relies on each column: how much its score falls when one column's values are shuffled (Breiman 2001).

Original columns are shuffled, and derived columns computed again from them, so the answer is in the columns that a
person knows. The columns that matter come first, so that where time is short they are the ones measured.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats
from tabsmith.modeling import metrics
from tabsmith.modeling.explanation.contributions import mean_contributions
from tabsmith.modeling.explanation.out_of_fold import OutOfFoldSample
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import ColumnImportance
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import TrainingData

MAX_ROWS: Final = 2000
ROUNDS: Final = 3
ORDER_ROWS: Final = 200


def measurable_columns(data: TrainingData) -> tuple[str, ...]:
    """The columns whose importance can be measured: those that models read and that are not constant."""
    return tuple(
        column.name for column in data.inputs if column.role in ("feature", "time") and column.kind != "constant"
    )


def column_importance(
    data: TrainingData,
    sample: OutOfFoldSample,
    *,
    generator: np.random.Generator,
    enough: Callable[[], bool],
) -> tuple[ColumnImportance, ...]:
    """The mean fall of the score over up to three shuffles of each column, most important first.

    `enough` is asked before every shuffle; a column that was not reached is left out. Columns are shuffled in the order
    of `cheap_order`, all of them once before any is shuffled again.
    """
    names = cheap_order(sample, measurable_columns(data), data.metric, data.classes, generator=generator, enough=enough)
    base = _score(data.metric, sample, sample.rows, data.classes)
    falls: dict[str, list[float]] = {name: [] for name in names}
    sign = 1.0 if data.metric.greater_is_better else -1.0
    for _ in range(ROUNDS):
        for name in names:
            if enough():
                break
            shuffled = _shuffled(sample.rows, name, sample.parts, generator)
            fall = sign * (base - _score(data.metric, sample, shuffled, data.classes))
            if fall == fall:
                falls[name].append(fall)
    measured = [
        ColumnImportance(name, float(np.mean(values)), float(np.std(values)))
        for name, values in falls.items()
        if values
    ]
    return tuple(sorted(measured, key=lambda column: -column.drop))


def cheap_order(
    sample: OutOfFoldSample,
    names: Sequence[str],
    metric: Metric,
    classes: int,
    *,
    generator: np.random.Generator,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[str, ...]:
    """`names`, those that seem to matter most first: a guess from a few rows.

    By the mean size of the Shapley values of the members that give them at little cost; where none does, by one shuffle
    of each column.
    """
    sizes = mean_contributions(sample, enough)
    if sizes is None:
        few = sample.first(ORDER_ROWS)
        base = _score(metric, few, few.rows, classes)
        sign = 1.0 if metric.greater_is_better else -1.0
        sizes = {}
        for name in names:
            if enough():
                break
            fall = sign * (base - _score(metric, few, _shuffled(few.rows, name, few.parts, generator), classes))
            sizes[name] = fall if fall == fall else 0.0
    return tuple(sorted(names, key=lambda name: -sizes.get(name, -np.inf)))


def _shuffled(rows: RowArrays, name: str, parts: Sequence[slice], generator: np.random.Generator) -> RowArrays:
    """The rows with the cells of one column shuffled within each fold."""
    order = np.concatenate([part.start + generator.permutation(part.stop - part.start) for part in parts])
    return rows.replaced({name: rows.columns[name].take(order)})


def _score(metric: Metric, sample: OutOfFoldSample, rows: RowArrays, classes: int) -> float:
    """The score of all sampled rows together: a sample of one fold is too small for a score of its own."""
    prediction: Floats = sample.predict(rows)
    return metrics.score(metric, sample.y, prediction, classes, sample.weights)
