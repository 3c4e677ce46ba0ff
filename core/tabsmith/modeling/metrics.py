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


def score(metric: Metric, y: Ints | Floats, prediction: Floats, classes: int, weights: Floats | None = None) -> float:
    """The score in the metric's own sign and unit; NaN where it is undefined (one class only, no rows, no number).

    `y` holds class positions or numbers, `prediction` the probabilities (rows, classes) or the numbers (rows, 1), and
    `weights`, where rows have them, how much each row counts (positive): a row of weight 2 counts as two rows.
    """
    if not len(y) or not np.isfinite(prediction).all():
        return float("nan")
    if not classes:
        scorer = _NUMBER_SCORERS.get(metric.name)
        if scorer is None:
            return _quantile_loss(metric, y, prediction[:, 0], weights)
        return scorer(y, prediction[:, 0], weights)
    positions = y.astype(np.int64, copy=False)
    if metric.uses_labels:
        labels = choose_labels(metric.rule, prediction)
        return score_confusion(metric, confusion_of(positions, labels, classes, weights))
    return _PROBABILITY_SCORERS[metric.name](positions, prediction, metric.event, weights)


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


def _roc_auc(y: Ints, prediction: Floats, event: int, weights: Floats | None) -> float:
    return _separation(prediction[:, event], y == event, weights)


def _separation(values: Floats, positive: npt.NDArray[np.bool_], weights: Floats | None) -> float:
    """The probability that a positive row has a higher value than another row; NaN if all rows are of one sort."""
    count = int(np.count_nonzero(positive))
    pairs = count * (len(positive) - count)
    if not pairs:
        return float("nan")
    if weights is not None:
        return _weighted_separation(values, positive, weights)
    # By counting pairs (Mann and Whitney 1947), a tie as half a pair: three times as quick as ranks for many rows, ten
    # times for few, and selection and the bootstrap ask often.
    lower, higher = np.sort(values[~positive]), np.sort(values[positive])
    won_twice = np.searchsorted(lower, higher, "left").sum() + np.searchsorted(lower, higher, "right").sum()
    return float(won_twice / (2 * pairs))


def _weighted_separation(values: Floats, positive: npt.NDArray[np.bool_], weights: Floats) -> float:
    """The share of the pairs, each weighing the product of its rows' weights, in which the positive row is higher."""
    levels, position = np.unique(values, return_inverse=True)
    higher = np.bincount(position, weights=weights * positive, minlength=len(levels))
    lower = np.bincount(position, weights=weights * ~positive, minlength=len(levels))
    won = higher @ (np.cumsum(lower) - lower / 2)
    return float(won / (higher.sum() * lower.sum()))


def _roc_auc_ovr(y: Ints, prediction: Floats, _: int, weights: Floats | None) -> float:
    present = np.unique(y)
    if len(present) < 2:
        return float("nan")
    return float(np.mean([_separation(prediction[:, label], y == label, weights) for label in present]))


def _average_precision(y: Ints, prediction: Floats, event: int, weights: Floats | None) -> float:
    """The mean of the precisions at each threshold, weighted by the gain in recall, as scikit-learn defines it."""
    positive = y == event
    if positive.all() or not positive.any():
        return float("nan")
    order = np.argsort(-prediction[:, event], kind="stable")
    values = prediction[order, event]
    last = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # of each run of equal values
    counted = np.ones(len(y)) if weights is None else weights[order]
    found = np.cumsum(positive[order] * counted)[last]
    return float(np.sum(np.diff(found, prepend=0) * found / np.cumsum(counted)[last]) / found[-1])


def _log_loss(y: Ints, prediction: Floats, _: int, weights: Floats | None) -> float:
    # Not by scikit-learn, which refuses rows whose probabilities sum to 1 only within float32.
    probabilities = np.clip(prediction, 1e-15, None)
    true_class = probabilities[np.arange(len(y)), y] / probabilities.sum(axis=1)
    return float(-np.average(np.log(true_class), weights=weights))


def _brier_score(y: Ints, prediction: Floats, _: int, weights: Floats | None) -> float:
    """The mean squared distance of the probabilities from the truth (Brier 1950), halved for two classes."""
    of_truth = prediction[np.arange(len(y)), y]
    squares = (prediction**2).sum(axis=1) - of_truth**2 + (1 - of_truth) ** 2
    return float(np.average(squares, weights=weights) / (2 if prediction.shape[1] == 2 else 1))


_PROBABILITY_SCORERS: Final[dict[str, Callable[[Ints, Floats, int, Floats | None], float]]] = {
    "roc_auc": _roc_auc,
    "roc_auc_ovr": _roc_auc_ovr,
    "average_precision": _average_precision,
    "log_loss": _log_loss,
    "brier_score": _brier_score,
}


# Of labels -----------------------------------------------------------------------------------------------------------


def confusion_of(y: Ints, labels: Ints, classes: int, weights: Floats | None = None) -> Floats:
    """(classes, classes): the number of rows of each class that got each label, or the sum of their weights."""
    counts = np.bincount(y * classes + labels, weights=weights, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.float64)


def score_confusion(metric: Metric, confusion: Floats) -> float:
    """The score of labels under a metric that compares labels: `confusion` (classes, classes) counts truth by label."""
    return _LABEL_SCORERS[metric.name](confusion, metric.event)


def _accuracy(confusion: Floats, _: int) -> float:
    return float(np.trace(confusion) / confusion.sum())


def _balanced_accuracy(confusion: Floats, _: int) -> float:
    counts = confusion.sum(axis=1)
    present = counts > 0
    return float((np.diag(confusion)[present] / counts[present]).mean()) if present.sum() > 1 else float("nan")


def _f1_by_class(confusion: Floats) -> Floats:
    """The F1 of each class; NaN for one that neither occurs nor is predicted."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores: Floats = np.full(len(both), np.nan)
    present = both > 0
    scores[present] = 2.0 * np.diag(confusion)[present] / both[present]
    return scores


def _f1(confusion: Floats, event: int) -> float:
    # Models saved before there was F1 macro have "F1" as the mean over more than two classes.
    return float(_f1_by_class(confusion)[event]) if len(confusion) == 2 else _f1_macro(confusion, event)


def _f1_macro(confusion: Floats, _: int) -> float:
    return float(np.nanmean(_f1_by_class(confusion)))


def _precision(confusion: Floats, event: int) -> float:
    alarms = float(confusion[:, event].sum())
    return _share(confusion[event, event], alarms) if alarms else 0.0  # as in scikit-learn: no alarm is no success


def _recall(confusion: Floats, event: int) -> float:
    return _share(confusion[event, event], confusion[event].sum())


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _matthews_corrcoef(confusion: Floats, _: int) -> float:
    """The correlation of truth and label (Gorodkin 2004); 0 for labels of one class only, NaN for truth of one."""
    truth, labels = confusion.sum(axis=1), confusion.sum(axis=0)
    rows = truth.sum()
    spread_of_truth, spread_of_labels = rows**2 - truth @ truth, rows**2 - labels @ labels
    if np.count_nonzero(truth) < 2:
        return float("nan")
    if np.count_nonzero(labels) < 2:
        return 0.0
    return float((np.trace(confusion) * rows - truth @ labels) / np.sqrt(spread_of_truth * spread_of_labels))


def _kappa(power: int) -> Callable[[Floats, int], float]:
    """Cohen's kappa whose disagreements count as the distance of the classes to this power (Cohen 1968); 0: all alike."""

    def kappa(confusion: Floats, _: int) -> float:
        truth, labels = confusion.sum(axis=1), confusion.sum(axis=0)
        if np.count_nonzero(truth) < 2:
            return float("nan")
        positions = np.arange(len(confusion))
        distance = np.abs(positions[:, None] - positions[None, :])
        weights = distance**power if power else distance > 0
        expected = np.outer(truth, labels) / confusion.sum()
        return float(1 - (weights * confusion).sum() / (weights * expected).sum())

    return kappa


_LABEL_SCORERS: Final[dict[str, Callable[[Floats, int], float]]] = {
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


def _rmse(y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    return float(np.sqrt(np.average((y - prediction) ** 2, weights=weights)))


def _mae(y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    return float(np.average(np.abs(y - prediction), weights=weights))


def _median_ae(y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    return quantile(np.abs(y - prediction), 0.5, weights)


def _r2(y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    if len(y) < 2 or np.ptp(y) == 0:
        return float("nan")
    spread = np.average((y - np.average(y, weights=weights)) ** 2, weights=weights)
    return float(1 - np.average((y - prediction) ** 2, weights=weights) / spread)


def _mape(y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    return float(np.average(np.abs((y - prediction) / y), weights=weights)) if np.all(y != 0) else float("nan")


def _rmsle(y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    """The root mean squared difference of log(1 + value); a negative prediction counts as 0."""
    if np.any(y < 0):
        return float("nan")
    return _rmse(np.log1p(y), np.log1p(np.maximum(prediction, 0.0)), weights)


def _quantile_loss(metric: Metric, y: Ints | Floats, prediction: Floats, weights: Floats | None) -> float:
    """The mean pinball loss (Koenker and Bassett 1978), which the quantile of the metric's level makes least."""
    over = prediction - y
    losses = np.maximum((1 - metric.quantile) * over, -metric.quantile * over)
    return float(np.average(losses, weights=weights))


def quantile(values: Floats, level: float, weights: Floats | None) -> float:
    """The quantile of `level`, between two values where it lies there; with `weights`, where their sum reaches it."""
    if weights is None:
        return float(np.quantile(values, level))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    share = reached[-1] * level
    below, above = np.searchsorted(reached, share, side="left"), np.searchsorted(reached, share, side="right")
    return float((values[order[below]] + values[order[min(above, len(order) - 1)]]) / 2)


_NUMBER_SCORERS: Final[dict[str, Callable[[Ints | Floats, Floats, Floats | None], float]]] = {
    "rmse": _rmse,
    "mae": _mae,
    "median_ae": _median_ae,
    "r2": _r2,
    "mape": _mape,
    "rmsle": _rmsle,
}


def taken(weights: Floats | None, index: Ints) -> Floats | None:
    """The weights of the rows at the positions `index`; None where rows have no weights."""
    return None if weights is None else weights[index]


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
