"""Scores of predictions under a metric, and how sure a score is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.results import Metric, MetricName


class ScoreInterval(msgspec.Struct, frozen=True):
    """A score with its 95 % bootstrap interval; None where it could not be drawn."""

    score: float
    low: float | None
    high: float | None


def score(metric: Metric, y: Ints | Floats, prediction: Floats, classes: int, weights: Floats | None = None) -> float:
    """The score in the metric's own sign and unit; NaN where it is undefined (one class only, no rows, no number).

    `y` holds class positions or numbers, `prediction` the probabilities (rows, classes) or the numbers (rows, 1), and
    `weights`, where rows have them, how much each row counts (positive): a row of weight 2 counts as two rows.
    """
    if not len(y) or not np.isfinite(prediction).all():
        return float("nan")
    if metric.name in ("roc_auc", "average_precision", "balanced_accuracy") and len(np.unique(y)) < 2:
        return float("nan")
    if metric.name == "r2" and (len(y) < 2 or np.ptp(y) == 0):
        return float("nan")
    return float(_SCORERS[metric.name](y, prediction, classes, weights))


def _roc_auc(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    from scipy.stats import rankdata

    if weights is not None:
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(y, prediction[:, 1], sample_weight=weights))
    # By ranks (Mann and Whitney 1947): several times as quick as sorting thresholds, and selection asks often.
    ranks = rankdata(prediction[:, 1])
    positive = int(np.count_nonzero(y))
    pairs = positive * (len(y) - positive)
    return float((ranks[y == 1].sum() - positive * (positive + 1) / 2) / pairs)


def _average_precision(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(y, prediction[:, 1], sample_weight=weights))


def _log_loss(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    # Not by scikit-learn, which refuses rows whose probabilities sum to 1 only within float32.
    probabilities = np.clip(prediction, 1e-15, None)
    true_class = probabilities[np.arange(len(y)), y.astype(int)] / probabilities.sum(axis=1)
    return float(-np.average(np.log(true_class), weights=weights))


def _accuracy(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    return float(np.average(prediction.argmax(axis=1) == y, weights=weights))


def _balanced_accuracy(y: Ints | Floats, prediction: Floats, classes: int, weights: Floats | None) -> float:
    counts = _class_totals(y.astype(int), weights, classes)
    is_right = prediction.argmax(axis=1) == y
    right = np.bincount(y.astype(int), weights=is_right if weights is None else is_right * weights, minlength=classes)
    return float((right[counts > 0] / counts[counts > 0]).mean())


def _f1(y: Ints | Floats, prediction: Floats, classes: int, weights: Floats | None) -> float:
    # By hand, because a bootstrap asks a thousand times; the mean is over the classes that occur, as in scikit-learn.
    labels = prediction.argmax(axis=1)
    hits = labels == y
    right = _class_totals(labels[hits], None if weights is None else weights[hits], classes)
    both = _class_totals(y.astype(int), weights, classes) + _class_totals(labels, weights, classes)
    scores = 2 * right / np.where(both > 0, both, 1)
    return float(scores[1] if classes == 2 else scores[both > 0].mean())


def _class_totals(codes: Ints, weights: Floats | None, classes: int) -> Floats:
    """The number of rows of each class, or the sum of their weights."""
    return np.bincount(codes, weights=weights, minlength=classes).astype(np.float64)


def _rmse(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    return float(np.sqrt(np.average((y - prediction[:, 0]) ** 2, weights=weights)))


def _mae(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    return float(np.average(np.abs(y - prediction[:, 0]), weights=weights))


def _median_ae(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    return median(np.abs(y - prediction[:, 0]), weights)


def median(values: Floats, weights: Floats | None) -> float:
    """The median; with `weights`, the value at which half of their sum is reached, or midway between two such values."""
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    half = reached[-1] / 2
    below, above = np.searchsorted(reached, half, side="left"), np.searchsorted(reached, half, side="right")
    return float((values[order[below]] + values[order[min(above, len(order) - 1)]]) / 2)


def _r2(y: Ints | Floats, prediction: Floats, _: int, weights: Floats | None) -> float:
    spread = np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)
    return float(1 - np.average((y - prediction[:, 0]) ** 2, weights=weights) / spread)


_SCORERS: Final[dict[MetricName, Callable[[Ints | Floats, Floats, int, Floats | None], float]]] = {
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "average_precision": _average_precision,
    "rmse": _rmse,
    "mae": _mae,
    "median_ae": _median_ae,
    "r2": _r2,
}


def taken(weights: Floats | None, index: Ints) -> Floats | None:
    """The weights of the rows at the positions `index`; None where rows have no weights."""
    return None if weights is None else weights[index]


MIN_DRAWS: Final = 100


def bootstrap_draws(generator: np.random.Generator, rows: int, groups: Ints | None, draws: int) -> Iterator[Ints]:
    """The row positions of each bootstrap draw: `rows` rows with replacement, or whole groups where there are any."""
    members = None if groups is None else [np.flatnonzero(groups == group) for group in np.unique(groups)]
    for _ in range(draws):
        if members is None:
            yield generator.integers(rows, size=rows)
        else:
            yield np.concatenate([members[group] for group in generator.integers(len(members), size=len(members))])


def bootstrap_intervals(
    metrics: Sequence[Metric],
    y: Ints | Floats,
    prediction: Floats,
    classes: int,
    *,
    seed: int,
    groups: Ints | None = None,
    weights: Floats | None = None,
    draws: int = 500,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[ScoreInterval, ...]:
    """Each metric's score with its 95 % percentile bootstrap interval (Efron 1979); groups are drawn whole, and a drawn
    row brings its weight.

    Draws on which a metric is undefined are left out. `enough` ends the drawing early, for the first metric not before
    `MIN_DRAWS`. Fewer than 20 draws give no interval.
    """
    generator = np.random.default_rng(seed)
    scores: dict[Metric, list[float]] = {metric: [] for metric in metrics}
    for draw, index in enumerate(bootstrap_draws(generator, len(y), groups, draws)):
        late = enough()
        if late and draw >= MIN_DRAWS:
            break
        for metric in metrics[:1] if late else metrics:
            value = score(metric, y[index], prediction[index], classes, taken(weights, index))
            if value == value:
                scores[metric].append(value)
    intervals = []
    for metric in metrics:
        drawn = scores[metric]
        low, high = np.percentile(drawn, [2.5, 97.5]).tolist() if len(drawn) >= 20 else (None, None)
        intervals.append(ScoreInterval(score(metric, y, prediction, classes, weights), low, high))
    return tuple(intervals)
