"""Scores of predictions under a metric, and how sure a score is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.metric_catalogue import Metric, MetricName


class ScoreInterval(msgspec.Struct, frozen=True):
    """A score with its 95 % bootstrap interval; None where it could not be drawn."""

    score: float
    low: float | None
    high: float | None


def score(metric: Metric, y: Ints | Floats, prediction: Floats, classes: int) -> float:
    """The score in the metric's own sign and unit; NaN where it is undefined (one class only, no rows, no number).

    `y` holds class positions or numbers, `prediction` the probabilities (rows, classes) or the numbers (rows, 1).
    """
    if not len(y) or not np.isfinite(prediction).all():
        return float("nan")
    if metric.name in ("roc_auc", "average_precision", "balanced_accuracy") and len(np.unique(y)) < 2:
        return float("nan")
    if metric.name == "r2" and (len(y) < 2 or np.ptp(y) == 0):
        return float("nan")
    return float(_SCORERS[metric.name](y, prediction, classes))


def _roc_auc(y: Ints | Floats, prediction: Floats, _: int) -> float:
    from scipy.stats import rankdata

    # By ranks (Mann and Whitney 1947): several times as quick as sorting thresholds, and selection asks often.
    ranks = rankdata(prediction[:, 1])
    positive = int(np.count_nonzero(y))
    pairs = positive * (len(y) - positive)
    return float((ranks[y == 1].sum() - positive * (positive + 1) / 2) / pairs)


def _average_precision(y: Ints | Floats, prediction: Floats, _: int) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(y, prediction[:, 1]))


def _log_loss(y: Ints | Floats, prediction: Floats, _: int) -> float:
    # Not by scikit-learn, which refuses rows whose probabilities sum to 1 only within float32.
    probabilities = np.clip(prediction, 1e-15, None)
    true_class = probabilities[np.arange(len(y)), y.astype(int)] / probabilities.sum(axis=1)
    return float(-np.log(true_class).mean())


def _accuracy(y: Ints | Floats, prediction: Floats, _: int) -> float:
    return float((prediction.argmax(axis=1) == y).mean())


def _balanced_accuracy(y: Ints | Floats, prediction: Floats, classes: int) -> float:
    counts = np.bincount(y.astype(int), minlength=classes)
    right = np.bincount(y.astype(int), weights=prediction.argmax(axis=1) == y, minlength=classes)
    return float((right[counts > 0] / counts[counts > 0]).mean())


def _f1(y: Ints | Floats, prediction: Floats, classes: int) -> float:
    # By hand, because a bootstrap asks a thousand times; the mean is over the classes that occur, as in scikit-learn.
    labels = prediction.argmax(axis=1)
    right = np.bincount(labels[labels == y], minlength=classes)
    both = np.bincount(y.astype(int), minlength=classes) + np.bincount(labels, minlength=classes)
    scores = 2 * right / np.maximum(both, 1)
    return float(scores[1] if classes == 2 else scores[both > 0].mean())


def _rmse(y: Ints | Floats, prediction: Floats, _: int) -> float:
    return float(np.sqrt(np.mean((y - prediction[:, 0]) ** 2)))


def _mae(y: Ints | Floats, prediction: Floats, _: int) -> float:
    return float(np.mean(np.abs(y - prediction[:, 0])))


def _median_ae(y: Ints | Floats, prediction: Floats, _: int) -> float:
    return float(np.median(np.abs(y - prediction[:, 0])))


def _r2(y: Ints | Floats, prediction: Floats, _: int) -> float:
    return float(1 - np.sum((y - prediction[:, 0]) ** 2) / np.sum((y - y.mean()) ** 2))


_SCORERS: Final[dict[MetricName, Callable[[Ints | Floats, Floats, int], float]]] = {
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
    draws: int = 500,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[ScoreInterval, ...]:
    """Each metric's score with its 95 % percentile bootstrap interval (Efron 1979); groups are drawn whole.

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
            value = score(metric, y[index], prediction[index], classes)
            if value == value:
                scores[metric].append(value)
    intervals = []
    for metric in metrics:
        drawn = scores[metric]
        low, high = np.percentile(drawn, [2.5, 97.5]).tolist() if len(drawn) >= 20 else (None, None)
        intervals.append(ScoreInterval(score(metric, y, prediction, classes), low, high))
    return tuple(intervals)
