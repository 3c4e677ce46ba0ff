"""The threshold of the event's probability, tuned on out-of-fold predictions for a metric or for costs.

A threshold that is tuned is a little too good on the rows that it was tuned on. What it is compared by here is its score
on each fold when it was tuned on the others; what the report says is measured on the test set.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

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
from tabsmith.modeling.decisions.labelled_rows import LabelledRows, evenly_spaced, joined
from tabsmith.modeling.metric_catalogue import Metric, get_metric

CANDIDATES: Final = 200
SMOOTHED: Final = 5  # neighbouring candidates whose scores are averaged: a single peak is chance
MAX_ROWS: Final = 200_000  # that are looked at, evenly spaced
HALF: Final = 0.5

_OF_RARE_EVENTS: Final = frozenset({"f1", "f1_macro", "balanced_accuracy", "matthews_corrcoef", "cohen_kappa"})

Measure = Callable[[Floats], float]
"""How good labels are by their confusion (2, 2), which counts truth by label: higher is better, NaN if undefined."""


def search_rule(goal: LabelGoal, metric: Metric, event_share: float) -> LabelRule:
    """The rule by which recipes are compared before a threshold is chosen for the model that is made of them.

    Where an event is rare, hardly a row is more probably the event than not, and F1 and its like would be 0 for every
    recipe. Labels are made from `event_share` on then, the share of the event: about as many rows as there are events
    are predicted to be one. Where the goal says a threshold, it is that.
    """
    match goal:
        case _ if not metric.uses_labels:
            return MostProbable()
        case FixedThreshold() | LeastCost():
            return EventThreshold(metric.event, goal.threshold)
        case _ if metric.name in _OF_RARE_EVENTS:
            return EventThreshold(metric.event, event_share)
        case _:
            return MostProbable()


def goal_measure(goal: LabelGoal, metric: Metric) -> Measure:
    """What `goal` wants to be high: a metric in the sense that higher is better, or the negative cost of a row.

    `metric` is the run's own, which an automatic and a fixed threshold are measured by; its event is the goal's.
    """
    if isinstance(goal, LeastCost):
        costs, event = goal, metric.event
        return lambda confusion: -cost_per_row(costs, confusion, event)
    wanted = get_metric(goal.metric).about(metric.event) if isinstance(goal, BestForMetric) else metric
    sign = 1.0 if wanted.greater_is_better else -1.0
    return lambda confusion: sign * metrics.score_confusion(wanted, confusion)


def cost_per_row(costs: LeastCost, confusion: Floats, event: int) -> float:
    """The mean cost of a row by the confusion (2, 2) of truth and label, in the unit of `costs`."""
    other = 1 - event
    total = (
        costs.miss * confusion[event, other]
        + costs.alarm * confusion[other, event]
        + costs.hit * confusion[event, event]
    )
    return float(total / confusion.sum())


def confusions_at(rows: LabelledRows, event: int, thresholds: Floats) -> Floats:
    """(thresholds, 2, 2): the rows by truth and label, weighted, if the event is predicted from each threshold on."""
    probability = rows.probabilities[:, event]
    order = np.argsort(probability, kind="stable")
    first = np.searchsorted(probability[order], thresholds, side="left")  # of the rows that are predicted
    weights = np.ones(len(rows)) if rows.weights is None else rows.weights
    confusions = np.empty((len(thresholds), 2, 2))
    for truth in (0, 1):
        below = np.concatenate([[0.0], np.cumsum((weights * (rows.y == truth))[order])])
        confusions[:, truth, 1 - event] = below[first]
        confusions[:, truth, event] = below[-1] - below[first]
    return confusions


def choose_rule(goal: LabelGoal, metric: Metric, rows: LabelledRows, folds: Sequence[Ints]) -> LabelRule:
    """The rule that reaches `goal` on `rows` of two classes, predicted out of fold.

    `folds` are the positions of each fold's rows. A threshold for a metric is tuned unless it is worse than 0.5 on folds
    that it was not tuned on; one for costs unless it is no better there than the threshold of theory, and a goal that is
    automatic keeps to the most probable class likewise, both by one standard error.
    """
    event = metric.event
    if isinstance(goal, FixedThreshold):
        return EventThreshold(event, goal.threshold)
    if isinstance(goal, AutomaticThreshold) and not metric.uses_labels:
        return MostProbable()
    parts = [rows.take(evenly_spaced(fold, MAX_ROWS // len(folds))) for fold in folds]
    together = joined(parts)
    if len(np.unique(together.y)) < 2:
        return MostProbable()
    measure = goal_measure(goal, metric)
    best = EventThreshold(event, tune(measure, together, event))
    known = EventThreshold(event, goal.threshold if isinstance(goal, LeastCost) else HALF)
    gains = _gains_of_tuning(measure, parts, known)
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    needed = 0.0 if isinstance(goal, BestForMetric) else error
    if len(gains) and gains.mean() > needed:
        return best
    return MostProbable() if isinstance(goal, AutomaticThreshold) else known


class CrossValidated(NamedTuple):
    """The mean of a score over folds and its standard error."""

    score: float
    standard_error: float


def cross_validated_score(goal: LabelGoal, metric: Metric, rows: LabelledRows, folds: Sequence[Ints]) -> CrossValidated:
    """The score of labels under `metric`, each fold's by the rule that the other folds choose for `goal`."""
    scores = []
    for position, fold in enumerate(folds):
        others = [part for at, part in enumerate(folds) if at != position] or [fold]
        rule = choose_rule(goal, metric, rows, others)
        scores.append(rows.take(fold).score(metric.about(metric.event, rule)))
    return mean_over_folds(scores)


def mean_over_folds(scores: Sequence[float]) -> CrossValidated:
    """The mean of the scores of folds and its standard error; folds without a score (NaN) are left out."""
    defined = np.asarray([score for score in scores if score == score])
    if not len(defined):
        return CrossValidated(float("nan"), 0.0)
    error = float(defined.std(ddof=1) / np.sqrt(len(defined))) if len(defined) > 1 else 0.0
    return CrossValidated(float(defined.mean()), error)


def tune(measure: Measure, rows: LabelledRows, event: int) -> float:
    """The threshold between two probabilities of the event at which `measure`, smoothed, is highest.

    Returns 0.5 if the measure is undefined at every one of them, or if all probabilities are equal.
    """
    candidates = _candidates(rows.probabilities[:, event], rows.y == event)
    scores = np.asarray([measure(confusion) for confusion in confusions_at(rows, event, candidates)])
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


def _gains_of_tuning(measure: Measure, parts: Sequence[LabelledRows], known: EventThreshold) -> Floats:
    """By how much each fold's measure is better at a threshold tuned on the other folds than at `known`."""
    gains = []
    for position, part in enumerate(parts):
        others = joined([each for at, each in enumerate(parts) if at != position] or [part])
        compared = np.array([tune(measure, others, known.event), known.threshold])
        tuned, before = confusions_at(part, known.event, compared)
        gain = measure(tuned) - measure(before)
        if gain == gain:
            gains.append(gain)
    return np.asarray(gains, dtype=np.float64)
