"""What is decided about a model's predictions, from its out-of-fold predictions; applied, and measured on the test set."""

from dataclasses import dataclass

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.decisions import calibration, class_weights, conformal, thresholds
from tabsmith.modeling.decisions.calibration import CalibrationCheck
from tabsmith.modeling.decisions.goals import AutomaticThreshold, BestForMetric, CostByClass, LabelGoal, LeastCost
from tabsmith.modeling.decisions.label_rules import ClassWeights, EventThreshold, LabelRule, MostProbable
from tabsmith.modeling.decisions.labelled_rows import LabelledRows
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.decisions.thresholds import CrossValidated
from tabsmith.modeling.decisions.types import (
    LEVEL,
    UNCALIBRATED,
    CalibrationReport,
    ClassWeight,
    ClassWeightsReport,
    Conformal,
    DecisionReport,
    Decisions,
    IntervalsReport,
    NoIntervals,
    ThresholdReport,
)
from tabsmith.modeling.ensemble import Ensemble
from tabsmith.modeling.metric_catalogue import Metric, get_metric
from tabsmith.modeling.training_data import TrainingData


@dataclass(frozen=True)
class FittedDecisions:
    """The decisions about a model of `data`, and what was learned when they were made."""

    data: TrainingData
    decisions: Decisions
    check: CalibrationCheck
    out_of_fold: Floats  # (training rows, classes or 1), calibrated

    @property
    def metric(self) -> Metric:
        """The run's metric, for the labels that the model will give."""
        return self.data.metric.about(self.data.metric.event, self.decisions.rule)

    def calibrated(self, prediction: Floats) -> Floats:
        """The ensemble's `prediction` as the delivered model gives it: (rows, classes) calibrated, or (rows, 1) as it is."""
        return calibration.calibrate(self.decisions.calibration, prediction) if self.data.classes else prediction

    def labels(self, probabilities: Floats) -> Ints:
        """The class positions that the delivered model predicts for calibrated `probabilities`."""
        return choose_labels(self.decisions.rule, probabilities)

    def cross_validated(self, ensemble: Ensemble) -> CrossValidated:
        """The cross-validated score of the model's predictions: the ensemble's own, but where labels are compared that are
        not of the most probable class, that of the labels that the model gives, with each fold's rule chosen by the other folds."""
        data = self.data
        by_weights = isinstance(self.decisions.rule, ClassWeights)
        if not data.metric.uses_labels or not (data.classes == 2 or by_weights):
            return CrossValidated(ensemble.score, ensemble.standard_error)
        rows = LabelledRows(data.y.astype(np.int64), self.out_of_fold, data.weights)
        folds = [scored for _, scored in data.folds]
        found = (
            class_weights.cross_validated_score(data.goal, data.metric, rows, folds, data.class_costs)
            if by_weights
            else thresholds.cross_validated_score(data.goal, data.metric, rows, folds)
        )
        return found if found.score == found.score else CrossValidated(ensemble.score, ensemble.standard_error)

    def report(self, y: Ints | Floats, prediction: Floats, weights: Floats | None) -> DecisionReport:
        """The decisions measured on rows with the targets `y`, the calibrated `prediction`, and the weights if they have any."""
        data = self.data
        if not data.classes:
            numbers = np.asarray(y, dtype=np.float64)
            return DecisionReport(intervals=_measure_intervals(self.decisions, numbers, prediction[:, 0]))
        positions = y.astype(np.int64)
        error = _expected_error(data.metric.event, positions, prediction)
        reliability = CalibrationReport(self.check.method, self.check.gain, self.check.gain_error, error)
        if data.classes != 2:
            rows = LabelledRows(positions, prediction, weights)
            return DecisionReport(
                calibration=reliability, class_weights=_measure_weights(data, self.decisions.rule, rows)
            )
        return DecisionReport(
            event=data.labels.words()[data.metric.event],
            calibration=reliability,
            threshold=_measure_threshold(data, self.decisions.rule, LabelledRows(positions, prediction, weights)),
        )


def fit_decisions(data: TrainingData, ensemble: Ensemble) -> FittedDecisions:
    """The decisions by the out-of-fold predictions of the chosen `ensemble`.

    Rows that no fold predicts are left aside. Calibration comes first, and the threshold is that of calibrated
    probabilities.
    """
    prediction = ensemble.prediction
    folds = [scored for _, scored in data.folds]
    unchecked = CalibrationCheck(UNCALIBRATED, 0.0, 0.0)
    if not data.classes:
        numbers = np.asarray(data.y, dtype=np.float64)
        intervals = conformal.fit_intervals(numbers, prediction[:, 0], folds)
        return FittedDecisions(data, Decisions(intervals=intervals), unchecked, prediction)
    rows = LabelledRows(np.asarray(data.y, dtype=np.int64), prediction, data.weights)
    check = calibration.check_calibration(data.metric, rows, folds)
    calibrated = rows.predicted_as(calibration.calibrate(check.method, prediction))
    rule: LabelRule = MostProbable()
    if data.classes == 2:
        rule = thresholds.choose_rule(data.goal, data.metric, calibrated, folds)
    else:
        rule = class_weights.choose_weights(data.goal, data.metric, calibrated, folds, data.class_costs)
    return FittedDecisions(data, Decisions(check.method, rule), check, calibrated.probabilities)


def _expected_error(event: int, y: Ints, probabilities: Floats) -> float:
    if probabilities.shape[1] == 2:
        return calibration.expected_error(probabilities[:, event], np.asarray(y == event, dtype=np.float64))
    came_true = np.asarray(probabilities.argmax(axis=1) == y, dtype=np.float64)
    return calibration.expected_error(probabilities.max(axis=1), came_true)


def _measure_threshold(data: TrainingData, rule: LabelRule, rows: LabelledRows) -> ThresholdReport | None:
    """What a threshold brings beside 0.5; None if the most probable class is the label and nobody asked for another."""
    goal, event = data.goal, data.metric.event
    if isinstance(goal, AutomaticThreshold) and not isinstance(rule, EventThreshold):
        return None
    threshold = rule.threshold if isinstance(rule, EventThreshold) else thresholds.HALF
    both = thresholds.confusions_at(rows, event, np.array([threshold, thresholds.HALF]))
    if isinstance(goal, LeastCost):
        score, at_half = (1_000 * thresholds.cost_per_row(goal, confusion, event) for confusion in both)
    else:
        metric = get_metric(goal.metric if isinstance(goal, BestForMetric) else _label_metric(data, goal)).about(event)
        score, at_half = (metrics.score_confusion(metric, confusion) for confusion in both)
    return ThresholdReport(goal, threshold, len(rows), _defined(score), _defined(at_half))


def _measure_weights(data: TrainingData, rule: LabelRule, rows: LabelledRows) -> ClassWeightsReport | None:
    """What weights of several classes bring beside the most probable class; None if nobody asked and none are used."""
    goal = data.goal
    if isinstance(rule, ClassWeights):
        weights = np.asarray(rule.weights)
    elif isinstance(goal, AutomaticThreshold):
        return None
    else:
        weights = np.ones(data.classes)
    both = [
        metrics.confusion_of(rows.y, choose_labels(each, rows.probabilities), rows.classes, rows.weights)
        for each in (rule, MostProbable())
    ]
    if isinstance(goal, CostByClass):
        name = ""
        score, unweighted = (1_000 * class_weights.cost_per_row(data.class_costs, confusion) for confusion in both)
    else:
        metric = class_weights.goal_metric(goal, data.metric)
        name = metric.name
        score, unweighted = (metrics.score_confusion(metric, confusion) for confusion in both)
    listed = zip(data.labels.words(), (weights / weights.max()).tolist(), strict=True)
    return ClassWeightsReport(
        goal,
        name,
        tuple(ClassWeight(label, weight) for label, weight in listed),
        len(rows),
        _defined(score),
        _defined(unweighted),
    )


def _defined(score: float) -> float | None:
    return score if score == score else None


def _label_metric(data: TrainingData, goal: LabelGoal) -> str:
    """The metric by which a threshold is told from 0.5: the run's own if it compares labels, else F1."""
    return data.metric.name if data.metric.uses_labels or isinstance(goal, AutomaticThreshold) else "f1"


def _measure_intervals(decisions: Decisions, y: Floats, prediction: Floats) -> IntervalsReport | None:
    match decisions.intervals:
        case NoIntervals():
            return None
        case Conformal() as rule:
            return conformal.measure_intervals(rule, y, prediction) if conformal.knows_level(rule, LEVEL) else None
