"""The threshold of the event's probability, tuned on out-of-fold predictions for a metric or for costs.

A threshold that is tuned is a little too good on the rows that it was tuned on. What it is compared by here is its score
on each fold when it was tuned on the others; what the report says is measured on the test set.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.decisions.goals import (
    AutomaticThreshold,
    BestForMetric,
    FixedThreshold,
    LabelGoal,
    LeastCost,
)
from tabsmith.modeling.decisions.label_rules import EventThreshold, LabelRule, MostProbable
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.metric_catalogue import Metric, get_metric

CANDIDATES: Final = 200
SMOOTHED: Final = 5  # neighbouring candidates whose scores are averaged: a single peak is chance
MAX_ROWS: Final = 200_000  # that are looked at, evenly spaced
HALF: Final = 0.5

Measure = Callable[[Ints, Floats, EventThreshold], float]
"""How good labels by a threshold are: higher is better, NaN where that is undefined."""


def goal_measure(goal: LabelGoal, metric: Metric) -> Measure:
    """What `goal` wants to be high: a metric in the sense that higher is better, or the negative cost of a row.

    `metric` is the run's own, which an automatic and a fixed threshold are measured by.
    """
    if isinstance(goal, LeastCost):
        costs = goal
        return lambda y, probabilities, rule: -cost_per_row(costs, y, choose_labels(rule, probabilities), rule.event)
    wanted = get_metric(goal.metric) if isinstance(goal, BestForMetric) else metric
    sign = 1.0 if wanted.greater_is_better else -1.0

    def measure(y: Ints, probabilities: Floats, rule: EventThreshold) -> float:
        return sign * metrics.score(wanted.about(rule.event, rule), y, probabilities, probabilities.shape[1])

    return measure


def cost_per_row(costs: LeastCost, y: Ints, labels: Ints, event: int) -> float:
    """The mean cost of a row, in the unit of `costs`."""
    is_event, predicted = y == event, labels == event
    misses = np.count_nonzero(is_event & ~predicted)
    alarms = np.count_nonzero(~is_event & predicted)
    hits = np.count_nonzero(is_event & predicted)
    return float((costs.miss * misses + costs.alarm * alarms + costs.hit * hits) / len(y))


def choose_rule(goal: LabelGoal, metric: Metric, y: Ints, probabilities: Floats, folds: Sequence[Ints]) -> LabelRule:
    """The rule that reaches `goal` on out-of-fold `probabilities` (rows, 2) of the classes `y`.

    `folds` are the positions of each fold's rows. A goal that is automatic keeps to the most probable class unless the
    metric compares labels and other folds confirm the gain of another threshold, beyond one standard error.
    """
    event = metric.event
    if isinstance(goal, FixedThreshold):
        return EventThreshold(event, goal.threshold)
    if isinstance(goal, AutomaticThreshold) and not metric.uses_labels:
        return MostProbable()
    folds = [_thinned(fold, len(folds)) for fold in folds]
    rows = np.concatenate(folds)
    if len(np.unique(y[rows])) < 2:
        return MostProbable()
    measure = goal_measure(goal, metric)
    best = EventThreshold(event, tune(measure, y[rows], probabilities[rows], event))
    known = EventThreshold(event, goal.threshold if isinstance(goal, LeastCost) else HALF)
    if isinstance(goal, BestForMetric):
        return best
    gains = _gains_of_tuning(measure, y, probabilities, folds, known)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    if len(gains) and gains.mean() > error:
        return best
    return MostProbable() if isinstance(goal, AutomaticThreshold) else known


def tune(measure: Measure, y: Ints, probabilities: Floats, event: int) -> float:
    """The threshold between two probabilities of the event at which `measure`, smoothed, is highest.

    Returns 0.5 if the measure is undefined at every one of them, or if all probabilities are equal.
    """
    values = np.unique(probabilities[:, event])
    middles = (values[1:] + values[:-1]) / 2
    if len(middles) > CANDIDATES:
        middles = np.unique(np.quantile(probabilities[:, event], np.linspace(0, 1, CANDIDATES + 2)[1:-1]))
    scores = np.asarray([measure(y, probabilities, EventThreshold(event, float(each))) for each in middles])
    if not np.isfinite(scores).any():
        return HALF
    # Each mean is over the neighbours that have a score; a candidate without one is never chosen.
    defined = np.isfinite(scores)
    window = np.ones(min(SMOOTHED, len(scores)))
    total = np.convolve(np.where(defined, scores, 0.0), window, mode="same")
    counted = np.convolve(defined.astype(float), window, mode="same")
    smooth = np.where(defined, total / np.maximum(counted, 1), -np.inf)
    return float(middles[int(smooth.argmax())])


def _gains_of_tuning(
    measure: Measure, y: Ints, probabilities: Floats, folds: Sequence[Ints], known: EventThreshold
) -> Floats:
    """By how much each fold's measure is better at a threshold tuned on the other folds than at `known`."""
    gains = []
    for position, fold in enumerate(folds):
        others = np.concatenate([part for at, part in enumerate(folds) if at != position] or [fold])
        tuned = EventThreshold(known.event, tune(measure, y[others], probabilities[others], known.event))
        gain = measure(y[fold], probabilities[fold], tuned) - measure(y[fold], probabilities[fold], known)
        if gain == gain:
            gains.append(gain)
    return np.asarray(gains, dtype=np.float64)


def _thinned(fold: Ints, folds: int) -> Ints:
    most = MAX_ROWS // folds
    return fold if len(fold) <= most else fold[np.linspace(0, len(fold) - 1, most).astype(np.int64)]
