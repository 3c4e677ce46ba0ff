"""The threshold of the event's probability, tuned on out-of-fold predictions for a metric or for costs.

A threshold that is tuned is a little too good on the rows that it was tuned on. What it is compared by here is its score
on each fold when it was tuned on the others; what the report says is measured on the test set.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.decisions.goals import (
    AutomaticThreshold,
    BestForMetric,
    FixedThreshold,
    LabelGoal,
    LeastCost,
)
from tabsmith.modeling.decisions.label_rules import EventThreshold, LabelRule, MostProbable
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.decisions.predicted_rows import PredictedRows
from tabsmith.modeling.metric_catalogue import Metric, get_metric

CANDIDATES: Final = 200
SMOOTHED: Final = 5  # neighbouring candidates whose scores are averaged: a single peak is chance
MAX_ROWS: Final = 200_000  # that are looked at, evenly spaced
HALF: Final = 0.5

Measure = Callable[[PredictedRows, EventThreshold], float]
"""How good labels by a threshold are: higher is better, NaN where that is undefined."""


def goal_measure(goal: LabelGoal, metric: Metric) -> Measure:
    """What `goal` wants to be high: a metric in the sense that higher is better, or the negative cost of a row.

    `metric` is the run's own, which an automatic and a fixed threshold are measured by.
    """
    if isinstance(goal, LeastCost):
        costs = goal
        return lambda rows, rule: -cost_per_row(costs, rows, rule)
    wanted = get_metric(goal.metric) if isinstance(goal, BestForMetric) else metric
    sign = 1.0 if wanted.greater_is_better else -1.0
    return lambda rows, rule: sign * rows.score(wanted.about(rule.event, rule))


def cost_per_row(costs: LeastCost, rows: PredictedRows, rule: EventThreshold) -> float:
    """The mean cost of a row with the labels that `rule` gives, in the unit of `costs`."""
    is_event = rows.y == rule.event
    predicted = choose_labels(rule, rows.probabilities) == rule.event
    of_events = np.where(predicted, costs.hit, costs.miss)
    of_others = np.where(predicted, costs.alarm, 0.0)
    return rows.mean(np.where(is_event, of_events, of_others))


def choose_rule(goal: LabelGoal, metric: Metric, rows: PredictedRows, folds: Sequence[Ints]) -> LabelRule:
    """The rule that reaches `goal` on `rows` of two classes, predicted out of fold.

    `folds` are the positions of each fold's rows. A goal that is automatic keeps to the most probable class unless the
    metric compares labels and other folds confirm the gain of another threshold, beyond one standard error.
    """
    event = metric.event
    if isinstance(goal, FixedThreshold):
        return EventThreshold(event, goal.threshold)
    if isinstance(goal, AutomaticThreshold) and not metric.uses_labels:
        return MostProbable()
    parts = [rows.take(_thinned(fold, len(folds))) for fold in folds]
    together = _joined(parts)
    if len(np.unique(together.y)) < 2:
        return MostProbable()
    measure = goal_measure(goal, metric)
    best = EventThreshold(event, tune(measure, together, event))
    if isinstance(goal, BestForMetric):
        return best
    known = EventThreshold(event, goal.threshold if isinstance(goal, LeastCost) else HALF)
    gains = _gains_of_tuning(measure, parts, known)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    if len(gains) and gains.mean() > error:
        return best
    return MostProbable() if isinstance(goal, AutomaticThreshold) else known


class CrossValidated(NamedTuple):
    """The mean of a score over folds and its standard error."""

    score: float
    standard_error: float


def cross_validated_score(
    goal: LabelGoal, metric: Metric, rule: EventThreshold, rows: PredictedRows, folds: Sequence[Ints]
) -> CrossValidated:
    """The score of labels under `metric`, each fold's by a threshold that was tuned on the other folds.

    `rule` is the one that was chosen on all of them; it stands for every fold where it was not tuned.
    """
    parts = [rows.take(_thinned(fold, len(folds))) for fold in folds]
    tuned = isinstance(goal, AutomaticThreshold | BestForMetric) and len(parts) > 1
    scores = []
    for position, part in enumerate(parts):
        of_fold = rule
        if tuned:
            others = _joined([each for at, each in enumerate(parts) if at != position])
            of_fold = EventThreshold(rule.event, tune(goal_measure(goal, metric), others, rule.event))
        scores.append(part.score(metric.about(rule.event, of_fold)))
    defined = np.asarray([score for score in scores if score == score])
    if not len(defined):
        return CrossValidated(float("nan"), 0.0)
    error = float(defined.std(ddof=1) / np.sqrt(len(defined))) if len(defined) > 1 else 0.0
    return CrossValidated(float(defined.mean()), error)


def tune(measure: Measure, rows: PredictedRows, event: int) -> float:
    """The threshold between two probabilities of the event at which `measure`, smoothed, is highest.

    Returns 0.5 if the measure is undefined at every one of them, or if all probabilities are equal.
    """
    candidates = _candidates(rows.probabilities[:, event], rows.y == event)
    scores = np.asarray([measure(rows, EventThreshold(event, each)) for each in candidates.tolist()])
    defined = np.isfinite(scores)
    if not defined.any():
        return HALF
    # Each mean is over the neighbours that have a score; a candidate without one is never chosen.
    window = np.ones(min(SMOOTHED, len(scores)))
    total = np.convolve(np.where(defined, scores, 0.0), window, mode="same")
    counted = np.convolve(defined.astype(float), window, mode="same")
    smooth = np.where(defined, total / np.maximum(counted, 1), -np.inf)
    return float(candidates[int(smooth.argmax())])


def _candidates(probability: Floats, is_event: npt.NDArray[np.bool_]) -> Floats:
    """Thresholds between the probabilities; of many, those that part all rows and those that part the events evenly, since
    a rare event has few of the former."""
    values = np.unique(probability)
    middles = (values[1:] + values[:-1]) / 2
    if len(middles) <= CANDIDATES:
        return np.asarray(middles, dtype=np.float64)
    levels = np.linspace(0, 1, CANDIDATES // 2 + 2)[1:-1]
    found = [np.quantile(part, levels) for part in (probability, probability[is_event]) if len(part)]
    return np.unique(np.concatenate(found))


def _gains_of_tuning(measure: Measure, parts: Sequence[PredictedRows], known: EventThreshold) -> Floats:
    """By how much each fold's measure is better at a threshold tuned on the other folds than at `known`."""
    gains = []
    for position, part in enumerate(parts):
        others = _joined([each for at, each in enumerate(parts) if at != position] or [part])
        tuned = EventThreshold(known.event, tune(measure, others, known.event))
        gain = measure(part, tuned) - measure(part, known)
        if gain == gain:
            gains.append(gain)
    return np.asarray(gains, dtype=np.float64)


def _joined(parts: Sequence[PredictedRows]) -> PredictedRows:
    weights = [part.weights for part in parts if part.weights is not None]
    return PredictedRows(
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate(weights) if weights else None,
    )


def _thinned(fold: Ints, folds: int) -> Ints:
    most = MAX_ROWS // folds
    return fold if len(fold) <= most else fold[np.linspace(0, len(fold) - 1, most).astype(np.int64)]
