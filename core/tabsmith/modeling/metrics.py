"""Scores of predictions under a metric, and how sure a score is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import TrainingError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.text import plural


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
    if not classes:
        scorer = _NUMBER_SCORERS.get(metric.name)
        return _quantile_loss(metric, y, prediction[:, 0]) if scorer is None else scorer(y, prediction[:, 0])
    positions = y.astype(np.int64, copy=False)
    if metric.uses_labels:
        labels = choose_labels(metric.rule, prediction)
        return _LABEL_SCORERS[metric.name](_confusion(positions, labels, classes), metric.event)
    return _PROBABILITY_SCORERS[metric.name](positions, prediction, metric.event)


def require_defined(metric: Metric, y: Ints | Floats) -> None:
    """Raise TrainingError if `metric` cannot be measured on rows with the targets `y` (class positions or numbers)."""
    if metric.name == "mape" and (zeros := int(np.count_nonzero(y == 0))):
        raise TrainingError(
            f"MAPE divides by the target, which is 0 in {plural(zeros, 'row')}.", next_step="Choose mae or rmsle."
        )
    if metric.name == "rmsle" and (negative := int(np.count_nonzero(y < 0))):
        raise TrainingError(
            f"RMSLE takes the logarithm of the target, which is negative in {plural(negative, 'row')}.",
            next_step="Choose rmse or mae.",
        )


# Of probabilities ----------------------------------------------------------------------------------------------------


def _roc_auc(y: Ints, prediction: Floats, event: int) -> float:
    return _separation(prediction[:, event], y == event)


def _separation(values: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """The probability that a positive row has a higher value than another row; NaN if all rows are of one sort."""
    from scipy.stats import rankdata

    # By ranks (Mann and Whitney 1947): several times as quick as sorting thresholds, and selection asks often.
    count = int(np.count_nonzero(positive))
    pairs = count * (len(positive) - count)
    if not pairs:
        return float("nan")
    return float((rankdata(values)[positive].sum() - count * (count + 1) / 2) / pairs)


def _roc_auc_ovr(y: Ints, prediction: Floats, _: int) -> float:
    present = np.unique(y)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([_separation(prediction[:, label], y == label) for label in present]))


def _average_precision(y: Ints, prediction: Floats, event: int) -> float:
    """The mean of the precisions at each threshold, weighted by the gain in recall, as scikit-learn defines it."""
    positive = y == event
    count = int(np.count_nonzero(positive))
    if not count or count == len(y):
        return float("nan")
    order = np.argsort(-prediction[:, event], kind="stable")
    values = prediction[order, event]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # of each run of equal values
    found = np.cumsum(positive[order])[last]
    return float(np.sum(np.diff(found, prepend=0) * found / (last + 1)) / count)


def _log_loss(y: Ints, prediction: Floats, _: int) -> float:
    # Not by scikit-learn, which refuses rows whose probabilities sum to 1 only within float32.
    probabilities = np.clip(prediction, 1e-15, None)
    true_class = probabilities[np.arange(len(y)), y] / probabilities.sum(axis=1)
    return float(-np.log(true_class).mean())


def _brier_score(y: Ints, prediction: Floats, _: int) -> float:
    """The mean squared distance of the probabilities from the truth (Brier 1950), halved for two classes."""
    of_truth = prediction[np.arange(len(y)), y]
    squares = (prediction**2).sum(axis=1) - of_truth**2 + (1 - of_truth) ** 2
    return float(squares.mean() / (2 if prediction.shape[1] == 2 else 1))


_PROBABILITY_SCORERS: Final[dict[str, Callable[[Ints, Floats, int], float]]] = {
    "roc_auc": _roc_auc,
    "roc_auc_ovr": _roc_auc_ovr,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier_score": _brier_score,
}


# Of labels -----------------------------------------------------------------------------------------------------------


def _confusion(y: Ints, labels: Ints, classes: int) -> Ints:
    """(classes, classes): the number of rows of each class that got each label."""
    counts: Ints = np.bincount(y * classes + labels, minlength=classes * classes)
    return counts.reshape(classes, classes)


def _accuracy(confusion: Ints, _: int) -> float:
    return float(np.trace(confusion) / confusion.sum())


def _balanced_accuracy(confusion: Ints, _: int) -> float:
    counts = confusion.sum(axis=1)
    present = counts > 0
    return float((np.diag(confusion)[present] / counts[present]).mean()) if present.sum() > 1 else float("nan")


def _f1_by_class(confusion: Ints) -> Floats:
    """The F1 of each class; NaN for one that neither occurs nor is predicted."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores: Floats = np.full(len(both), np.nan)
    present = both > 0
    scores[present] = 2.0 * np.diag(confusion)[present] / both[present]
    return scores


def _f1(confusion: Ints, event: int) -> float:
    # Models saved before there was F1 macro have "F1" as the mean over more than two classes.
    return float(_f1_by_class(confusion)[event]) if len(confusion) == 2 else _f1_macro(confusion, event)


def _f1_macro(confusion: Ints, _: int) -> float:
    return float(np.nanmean(_f1_by_class(confusion)))


def _precision(confusion: Ints, event: int) -> float:
    return _share(confusion[event, event], confusion[:, event].sum())


def _recall(confusion: Ints, event: int) -> float:
    return _share(confusion[event, event], confusion[event].sum())


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def _matthews_corrcoef(confusion: Ints, _: int) -> float:
    """The correlation of truth and label (Gorodkin 2004); 0 for labels of one class only, NaN for truth of one."""
    truth, labels = confusion.sum(axis=1).astype(float), confusion.sum(axis=0).astype(float)
    rows = truth.sum()
    spread_of_truth, spread_of_labels = rows**2 - truth @ truth, rows**2 - labels @ labels
    if not spread_of_truth:
        return float("nan")
    if not spread_of_labels:
        return 0.0
    return float((np.trace(confusion) * rows - truth @ labels) / np.sqrt(spread_of_truth * spread_of_labels))


def _kappa(power: int) -> Callable[[Ints, int], float]:
    """Cohen's kappa whose disagreements count as the distance of the classes to this power (Cohen 1968); 0: all alike."""

    def kappa(confusion: Ints, _: int) -> float:
        truth, labels = confusion.sum(axis=1), confusion.sum(axis=0)
        if np.count_nonzero(truth) < 2:
            return float("nan")
        positions = np.arange(len(confusion))
        distance = np.abs(positions[:, None] - positions[None, :])
        weights = distance**power if power else distance > 0
        expected = np.outer(truth, labels) / confusion.sum()
        return float(1 - (weights * confusion).sum() / (weights * expected).sum())

    return kappa


_LABEL_SCORERS: Final[dict[str, Callable[[Ints, int], float]]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "f1_macro": _f1_macro,
    "f1_micro": _accuracy,  # the same where each row has one class and one label
    "precision": _precision,
    "recall": _recall,
    "matthews_corrcoef": _matthews_corrcoef,
    "cohen_kappa": _kappa(0),
    "linear_weighted_kappa": _kappa(1),
    "quadratic_weighted_kappa": _kappa(2),
}


# Of numbers ----------------------------------------------------------------------------------------------------------


def _rmse(y: Ints | Floats, prediction: Floats) -> float:
    return float(np.sqrt(np.mean((y - prediction) ** 2)))


def _mae(y: Ints | Floats, prediction: Floats) -> float:
    return float(np.mean(np.abs(y - prediction)))


def _median_ae(y: Ints | Floats, prediction: Floats) -> float:
    return float(np.median(np.abs(y - prediction)))


def _r2(y: Ints | Floats, prediction: Floats) -> float:
    if len(y) < 2 or np.ptp(y) == 0:
        return float("nan")
    return float(1 - np.sum((y - prediction) ** 2) / np.sum((y - y.mean()) ** 2))


def _mape(y: Ints | Floats, prediction: Floats) -> float:
    return float(np.mean(np.abs((y - prediction) / y))) if np.all(y != 0) else float("nan")


def _rmsle(y: Ints | Floats, prediction: Floats) -> float:
    """The root mean squared difference of log(1 + value); a negative prediction counts as 0."""
    if np.any(y < 0):
        return float("nan")
    return float(np.sqrt(np.mean((np.log1p(y) - np.log1p(np.maximum(prediction, 0.0))) ** 2)))


def _quantile_loss(metric: Metric, y: Ints | Floats, prediction: Floats) -> float:
    """The mean pinball loss (Koenker and Bassett 1978), which the quantile of the metric's level makes least."""
    over = prediction - y
    return float(np.mean(np.maximum((1 - metric.quantile) * over, -metric.quantile * over)))


_NUMBER_SCORERS: Final[dict[str, Callable[[Ints | Floats, Floats], float]]] = {
    "rmse": _rmse,
    "mae": _mae,
    "median_ae": _median_ae,
    "r2": _r2,
    "mape": _mape,
    "rmsle": _rmsle,
}


# How sure a score is -------------------------------------------------------------------------------------------------

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
