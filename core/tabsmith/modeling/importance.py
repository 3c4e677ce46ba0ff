"""How much a model relies on each column: how much its score falls when one column's values are shuffled (Breiman 2001).

Measured out of fold on the training rows, each fold's rows by the fold models that have not seen them: the hold-out
stays a hold-out, and a row costs one fold model per member instead of all of them. Original columns are shuffled, and
derived columns computed again from them, so the answer is in the columns that a person knows.
"""

from collections.abc import Callable, Sequence

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.cross_validation import compute_derived_columns
from tabsmith.modeling.ensemble import BaggedMember
from tabsmith.modeling.results import ColumnImportance
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import TrainingData

MAX_ROWS = 2000
ROUNDS = 3


def importance(
    data: TrainingData, members: Sequence[BaggedMember], *, seed: int, enough: Callable[[], bool]
) -> tuple[ColumnImportance, ...]:
    """The mean fall of the score over up to three shuffles of each column, most important first.

    `members` hold the models of all folds, in the folds' order. `enough` is asked before every shuffle; a column that
    was not reached is left out.
    """
    generator = np.random.default_rng(seed)
    share = min(1.0, MAX_ROWS / max(1, data.train_rows))
    parts = [_sample(rows, share, generator) for _, rows in data.folds]
    rows = [data.rows.take(part) for part in parts]
    base = _score(data, members, rows, parts)
    names = [column.name for column in data.inputs if column.role in ("feature", "time") and column.kind != "constant"]
    falls: dict[str, list[float]] = {name: [] for name in names}
    sign = 1.0 if data.metric.greater_is_better else -1.0
    for _ in range(ROUNDS):
        for name in names:
            if enough():
                break
            shuffled = [
                part.replaced({name: part.columns[name].take(generator.permutation(len(part)))}) for part in rows
            ]
            fall = sign * (base - _score(data, members, shuffled, parts))
            if fall == fall:
                falls[name].append(fall)
    measured = [
        ColumnImportance(name, float(np.mean(values)), float(np.std(values)))
        for name, values in falls.items()
        if values
    ]
    return tuple(sorted(measured, key=lambda column: -column.drop))


def _sample(rows: Ints, share: float, generator: np.random.Generator) -> Ints:
    count = max(1, round(len(rows) * share))
    return rows if count >= len(rows) else np.sort(generator.choice(rows, count, replace=False))


def _score(
    data: TrainingData, members: Sequence[BaggedMember], rows: Sequence[RowArrays], parts: Sequence[Ints]
) -> float:
    """The score of all sampled rows together: a sample of one fold is too small for a score of its own."""
    prediction: list[Floats] = []
    for fold, part in enumerate(rows):
        mean = np.zeros((len(part), data.outputs))
        for member in members:
            derived = compute_derived_columns(part, member.recipe)
            mean += member.weight * member.models[fold].predict(part.replaced(derived))
        prediction.append(mean)
    index = np.concatenate(list(parts))
    weights = metrics.taken(data.weights, index)
    return metrics.score(data.metric, data.y[index], np.concatenate(prediction), data.classes, weights)
