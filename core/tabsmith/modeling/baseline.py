"""The baseline: the best constant prediction, and whether a model is better than that beyond doubt."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Baseline

CERTAINTY: Final = 0.99
"""Share of the bootstrap draws in which a model has to beat the baseline for the report to say that it does."""

DRAWS: Final = 1_000
MAX_CERTAIN_CLASSES: Final = 50


def best_constant(metric: Metric, y: Ints | Floats, classes: int, weights: Floats | None = None) -> Floats:
    """The constant prediction that scores best on `y`, weighted by `weights` if given, as one row (1, classes or 1).

    For classes, either the share of each or one class for certain; for numbers, the mean, the median, or the constant
    that makes the metric's own loss least.
    """
    if not classes:
        candidates = [np.array([[number]]) for number in _constant_numbers(metric, y.astype(np.float64), weights)]
    else:
        counts = np.bincount(y.astype(np.int64), weights=weights, minlength=classes)
        certain = np.eye(classes)[np.argsort(-counts, kind="stable")[:MAX_CERTAIN_CLASSES]]
        candidates = [(counts / counts.sum())[None, :], *(row[None, :] for row in certain)]
    best, best_score = candidates[0], float("nan")
    for candidate in candidates:
        score = metrics.score(metric, y, _repeated(candidate, len(y)), classes, weights)
        if metric.better(score, best_score):
            best, best_score = candidate, score
    return best


def compare_with_baseline(
    metric: Metric,
    y: Ints | Floats,
    prediction: Floats,
    constant: Floats,
    classes: int,
    *,
    seed: int,
    groups: Ints | None = None,
    weights: Floats | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Baseline | None:
    """`prediction` against the prediction of `constant` (one row) for every row, by a paired bootstrap.

    Groups are drawn whole. None where the metric is undefined for a constant. `enough` ends the drawing early, but not
    before a tenth of the draws.
    """
    baseline = _repeated(constant, len(y))
    score = metrics.score(metric, y, baseline, classes, weights)
    if not np.isfinite(score):
        return None
    generator = np.random.default_rng(seed)
    wins = drawn = 0
    for draw, index in enumerate(metrics.bootstrap_draws(generator, len(y), groups, DRAWS)):
        if enough() and draw >= DRAWS // 10:
            break
        drawn_weights = metrics.taken(weights, index)
        ours = metrics.score(metric, y[index], prediction[index], classes, drawn_weights)
        theirs = metrics.score(metric, y[index], baseline[index], classes, drawn_weights)
        if theirs == theirs:  # a model whose own score is undefined does not win
            drawn += 1
            wins += metric.better(ours, theirs)
    share = wins / drawn if drawn else 0.0
    return Baseline(score, "yes" if share >= CERTAINTY else "not shown", share)


def _constant_numbers(metric: Metric, y: Floats, weights: Floats | None) -> list[float]:
    numbers = [float(np.average(y, weights=weights)), metrics.quantile(y, metric.quantile, weights)]
    if metric.name == "rmsle" and y.min() >= 0:
        numbers.append(float(np.expm1(np.average(np.log1p(y), weights=weights))))
    if metric.name == "mape" and np.all(y != 0):
        by_size = 1 / np.abs(y)
        numbers.append(metrics.quantile(y, 0.5, by_size if weights is None else weights * by_size))
    return numbers


def _repeated(row: Floats, count: int) -> Floats:
    return np.broadcast_to(row, (count, row.shape[1]))
