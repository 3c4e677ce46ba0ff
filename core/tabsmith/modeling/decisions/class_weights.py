"""The weights by which one of several classes becomes the label, tuned on out-of-fold predictions for a metric of labels.

With two classes, a threshold says the same and is tuned exactly (`thresholds.py`). With more, the weight of one class after
the other is tried on a grid while the others stay (coordinate ascent), which needs no derivative of the metric.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.decisions.goals import AutomaticThreshold, BestForMetric, CostByClass, LabelGoal
from tabsmith.modeling.decisions.label_rules import ClassWeights, LabelRule, MostProbable
from tabsmith.modeling.decisions.labelled_rows import LabelledRows, evenly_spaced, joined
from tabsmith.modeling.decisions.thresholds import CrossValidated, mean_over_folds
from tabsmith.modeling.metric_catalogue import Metric, get_metric

FACTORS: Final = tuple(float(2.0 ** (step / 2)) for step in range(-6, 7))
"""What a weight is multiplied by when it is tried: an eighth to eight, in steps of the square root of two."""

PASSES: Final = 2  # over all classes
MAX_ROWS: Final = 20_000  # that are looked at, evenly spaced
MAX_CLASSES: Final = 50  # tuned without being asked for: the weight of a class of few rows is chance


def goal_metric(goal: LabelGoal, metric: Metric) -> Metric:
    """The metric that `goal` wants high for several classes: its own, or else the run's, or else F1 macro."""
    if not isinstance(goal, BestForMetric):
        return metric if metric.uses_labels else get_metric("f1_macro")
    return get_metric(goal.metric, "multiclass")


def choose_weights(
    goal: LabelGoal, metric: Metric, rows: LabelledRows, folds: Sequence[Ints], costs: Floats
) -> LabelRule:
    """The rule that reaches `goal` on `rows` of several classes, predicted out of fold.

    `folds` are the positions of each fold's rows, and `costs` those of the classes where the goal is to cost least: with
    right probabilities, the label that costs least is the class whose probability times its cost is highest (Elkan 2001).
    Weights for a metric are kept if they are better than none on folds that they were not tuned on, and those that nobody
    asked for only beyond one standard error.
    """
    if isinstance(goal, CostByClass):
        return ClassWeights(tuple(costs.tolist()))
    automatic = isinstance(goal, AutomaticThreshold)
    if automatic and (not metric.uses_labels or rows.classes > MAX_CLASSES):
        return MostProbable()
    wanted = goal_metric(goal, metric)
    parts = [rows.take(evenly_spaced(fold, MAX_ROWS // len(folds))) for fold in folds]
    gains = []
    for position, part in enumerate(parts):
        others = joined([each for at, each in enumerate(parts) if at != position] or [part])
        gain = _measure(wanted, part, _tune(wanted, others)) - _measure(wanted, part, np.ones(rows.classes))
        if gain == gain:
            gains.append(gain)
    error = float(np.std(gains, ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    if not gains or np.mean(gains) <= (error if automatic else 0.0):
        return MostProbable()
    return ClassWeights(tuple(_tune(wanted, joined(parts)).tolist()))


def cross_validated_score(
    goal: LabelGoal, metric: Metric, rows: LabelledRows, folds: Sequence[Ints], costs: Floats
) -> CrossValidated:
    """The score of labels under `metric`, each fold's by weights that were tuned on the other folds."""
    scores = []
    for position, fold in enumerate(folds):
        others = [part for at, part in enumerate(folds) if at != position] or [fold]
        part = joined([rows.take(evenly_spaced(each, MAX_ROWS // len(folds))) for each in others])
        weights = costs if isinstance(goal, CostByClass) else _tune(goal_metric(goal, metric), part)
        scores.append(rows.take(fold).score(metric.about(metric.event, ClassWeights(tuple(weights.tolist())))))
    return mean_over_folds(scores)


def cost_per_row(costs: Floats, confusion: Floats) -> float:
    """The mean cost of a row by the confusion (classes, classes) of truth and label, in the unit of `costs`."""
    missed = confusion.sum(axis=1) - np.diag(confusion)
    return float(missed @ costs / confusion.sum())


def _tune(metric: Metric, rows: LabelledRows) -> Floats:
    """The weights (classes,) at which the labels of `rows` score best; ones where nothing is better."""
    weights = np.ones(rows.classes)
    best = _measure(metric, rows, weights)
    for _ in range(PASSES):
        before = best
        for position in range(rows.classes):
            present = weights[position]
            for factor in FACTORS:
                tried = weights.copy()
                tried[position] = present * factor
                score = _measure(metric, rows, tried)
                if score > best:
                    best, weights = score, tried
        if best == before:
            break
    return np.asarray(weights / weights.max(), dtype=np.float64)


def _measure(metric: Metric, rows: LabelledRows, weights: Floats) -> float:
    """The score of labels made by `weights`, in the sense that higher is better; NaN where it is undefined."""
    labels = (rows.probabilities * weights).argmax(axis=1)
    score = metrics.score_confusion(metric, metrics.confusion_of(rows.y, labels, rows.classes, rows.weights))
    return score if metric.greater_is_better else -score
