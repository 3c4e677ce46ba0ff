"""Decisions about predictions: calibration, thresholds and costs, intervals; each against data whose truth is known."""

import numpy as np
import pytest

from tabsmith.errors import PredictionError, SchemaError, UsageError
from tabsmith.families.estimator import Floats, Ints, two_class_columns
from tabsmith.modeling import metrics
from tabsmith.modeling.decisions.calibration import calibrate, check_calibration, expected_error
from tabsmith.modeling.decisions.class_weights import choose_weights
from tabsmith.modeling.decisions.class_weights import cost_per_row as cost_of_classes
from tabsmith.modeling.decisions.conformal import fit_intervals, interval_score, intervals_of
from tabsmith.modeling.decisions.goals import (
    AUTOMATIC,
    BestForMetric,
    CostByClass,
    FixedThreshold,
    LeastCost,
    goal_text,
    parse_goal,
    parse_goal_text,
)
from tabsmith.modeling.decisions.label_rules import ClassWeights, EventThreshold, LabelRule, MostProbable
from tabsmith.modeling.decisions.labelled_rows import LabelledRows
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.decisions.thresholds import (
    choose_rule,
    confusions_at,
    cost_per_row,
    cross_validated_score,
    search_rule,
)
from tabsmith.modeling.decisions.types import Isotonic, Platt, Temperature, Uncalibrated
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.tables.schema.event import choose_event, find_event


def parts(rows: int, folds: int = 5) -> list[Ints]:
    return [np.arange(rows)[fold::folds] for fold in range(folds)]


def drawn(rows: int, seed: int = 0, shift: float = 0.0) -> tuple[Ints, Floats]:
    """Classes, and the probabilities by which they were drawn; with a `shift` below 0 the event is rare."""
    draw = np.random.default_rng(seed)
    right = 1 / (1 + np.exp(-(draw.normal(size=rows) * 2 + shift)))
    return (draw.random(rows) < right).astype(np.int64), two_class_columns(right)


def log_loss(y: Ints, probabilities: Floats) -> float:
    return metrics.score(get_metric("log_loss"), y, probabilities, probabilities.shape[1])


# Calibration ----------------------------------------------------------------------------------------------------------


def test_probabilities_that_are_right_are_left_alone() -> None:
    metric = get_metric("log_loss")
    for seed in range(4):
        assert check_calibration(metric, LabelledRows(*drawn(1_000, seed)), parts(1_000)).method == Uncalibrated()
    y, probabilities = drawn(150)
    assert check_calibration(metric, LabelledRows(y, probabilities**3), parts(150)).method == Uncalibrated(), (
        "too few rows to know"
    )


@pytest.mark.parametrize("rows", [300, 3_000])
def test_classes_told_apart_without_error_are_as_sure_as_their_rows_allow(rows: int) -> None:
    y = np.arange(rows) % 3
    hesitant = np.full((rows, 3), 0.05)
    hesitant[np.arange(rows), y] = 0.9
    check = check_calibration(get_metric("log_loss"), LabelledRows(y, hesitant), parts(rows))
    assert calibrate(check.method, hesitant)[0].max() == pytest.approx(1 - 1 / (rows + 2), rel=1e-4)


@pytest.mark.parametrize("classes", [2, 4])
def test_probabilities_too_sure_of_themselves_are_drawn_back(classes: int) -> None:
    draw = np.random.default_rng(1)
    right = draw.dirichlet(np.ones(classes), 3_000)
    y = (right.cumsum(axis=1) > draw.random((3_000, 1))).argmax(axis=1)
    sure = right**2.5 / (right**2.5).sum(axis=1, keepdims=True)
    check = check_calibration(get_metric("log_loss"), LabelledRows(y[:2_000], sure[:2_000]), parts(2_000))
    assert isinstance(check.method, Temperature)
    assert check.method.temperature == pytest.approx(2.5, rel=0.15)
    mended = calibrate(check.method, sure[2_000:])
    assert mended.sum(axis=1) == pytest.approx(1)
    assert log_loss(y[2_000:], mended) == pytest.approx(log_loss(y[2_000:], right[2_000:]), abs=0.01)
    assert log_loss(y[2_000:], mended) < log_loss(y[2_000:], sure[2_000:])


def test_probabilities_that_lean_to_one_class_are_shifted_and_bent_ones_follow_a_curve() -> None:
    y, right = drawn(6_000)
    odds = np.log(right[:, 1] / right[:, 0])
    leaning = two_class_columns(1 / (1 + np.exp(-(odds + 1.5))))
    check = check_calibration(get_metric("log_loss"), LabelledRows(y, leaning), parts(6_000))
    assert isinstance(check.method, Platt)
    assert check.method.intercept == pytest.approx(-1.5, abs=0.2)
    stepped = two_class_columns(np.where(right[:, 1] < 0.5, right[:, 1] * 0.2, 1 - (1 - right[:, 1]) * 1.9))
    bent = check_calibration(get_metric("log_loss"), LabelledRows(y, stepped), parts(6_000))
    assert isinstance(bent.method, Isotonic)
    assert log_loss(y, calibrate(bent.method, stepped)) < log_loss(y, stepped) - 0.02
    assert np.isnan(calibrate(bent.method, np.full((1, 2), np.nan))).all()


def test_the_expected_error_tells_right_probabilities_from_wrong_ones() -> None:
    y, right = drawn(5_000)
    came_true = (y == 1).astype(float)
    assert expected_error(right[:, 1], came_true) < 0.03
    assert expected_error(np.full(5_000, 0.9), came_true) == pytest.approx(0.9 - came_true.mean())


# Labels ---------------------------------------------------------------------------------------------------------------


def test_a_threshold_for_f1_of_a_rare_event_is_far_below_one_half_and_is_better_on_new_rows() -> None:
    y, probabilities = drawn(4_000, shift=-3.0)
    later, new = drawn(4_000, seed=9, shift=-3.0)
    metric = get_metric("f1").about(1)
    for goal in (AUTOMATIC, BestForMetric("f1")):
        rule = choose_rule(goal, metric, LabelledRows(y, probabilities), parts(4_000))
        assert isinstance(rule, EventThreshold)
        assert 0.15 < rule.threshold < 0.45
        assert metrics.score(metric.about(1, rule), later, new, 2) > metrics.score(metric, later, new, 2) + 0.03
    other = choose_rule(BestForMetric("f1"), metric.about(0), LabelledRows(y, probabilities), parts(4_000))
    assert isinstance(other, EventThreshold)
    assert other.event == 0, "the threshold is of the event's probability, whichever class that is"
    assert choose_labels(EventThreshold(0, 0.3), np.array([[0.3, 0.7], [0.2, 0.8]])).tolist() == [0, 1]


def test_a_tuned_threshold_claims_what_it_gets_on_folds_that_it_was_not_tuned_on() -> None:
    metric, goal = get_metric("balanced_accuracy"), BestForMetric("balanced_accuracy")
    claimed, fitted = [], []
    for seed in range(40):
        draw = np.random.default_rng(seed)
        y = (draw.random(120) < 0.5).astype(np.int64)
        rows = LabelledRows(y, two_class_columns(np.round(draw.random(120), 1)))
        rule = choose_rule(goal, metric, rows, parts(120))
        claimed.append(cross_validated_score(goal, metric, rows, parts(120)).score)
        fitted.append(rows.score(metric.about(1, rule)))
    assert abs(np.mean(claimed) - 0.5) < 0.02, "labels are noise"
    assert np.mean(fitted) > np.mean(claimed) + 0.005, "a threshold fits noise where it was tuned"
    at = EventThreshold(1, 0.3)
    fixed = cross_validated_score(FixedThreshold(0.3), get_metric("accuracy"), rows, parts(120))
    assert fixed.score == pytest.approx(rows.score(get_metric("accuracy").about(1, at)))


def test_a_threshold_finds_rare_events_and_counts_rows_by_their_weights() -> None:
    y, probabilities = drawn(40_000, shift=-8.0)
    assert y.mean() < 0.004
    too_low = LabelledRows(y, two_class_columns(probabilities[:, 1] ** 2))
    rule = choose_rule(LeastCost(99.0, 1.0), get_metric("roc_auc"), too_low, parts(40_000))
    assert isinstance(rule, EventThreshold)
    assert 0.000_02 < rule.threshold < 0.000_5, "the square of 0.01, which theory says for right probabilities"
    some, right = drawn(3_000)
    events_count = LabelledRows(some, right, np.where(some == 1, 9.0, 1.0))
    weighted = choose_rule(BestForMetric("accuracy"), get_metric("roc_auc"), events_count, parts(3_000))
    assert isinstance(weighted, EventThreshold)
    assert weighted.threshold == pytest.approx(0.1, abs=0.05)


def several(rows: int, seed: int = 0) -> LabelledRows:
    """Rows of three classes, of which the last is rare, with the probabilities by which they were drawn."""
    draw = np.random.default_rng(seed)
    right = draw.dirichlet([3.0, 3.0, 0.5], rows)
    return LabelledRows((right.cumsum(axis=1) > draw.random((rows, 1))).argmax(axis=1), right)


def test_weights_of_classes_find_the_rare_one_and_are_better_on_new_rows() -> None:
    metric, none = get_metric("balanced_accuracy"), np.ones(3)
    for goal in (AUTOMATIC, BestForMetric("balanced_accuracy")):
        rule = choose_weights(goal, metric, several(3_000), parts(3_000), none)
        assert isinstance(rule, ClassWeights)
        assert rule.weights[2] == max(rule.weights) == 1.0
        new = several(3_000, seed=5)
        assert new.score(metric.about(0, rule)) > new.score(metric) + 0.03
    assert choose_weights(AUTOMATIC, get_metric("accuracy"), several(3_000), parts(3_000), none) == MostProbable()
    assert choose_weights(AUTOMATIC, get_metric("log_loss"), several(300), parts(300), none) == MostProbable()


def test_costs_of_classes_are_least_by_the_rule_of_theory() -> None:
    rows, costs = several(4_000), np.array([1.0, 1.0, 6.0])
    goal = CostByClass((("measles", 6.0),))
    rule = choose_weights(goal, get_metric("log_loss"), rows, parts(4_000), costs)
    assert rule == ClassWeights((1.0, 1.0, 6.0))

    def paid(by: LabelRule) -> float:
        return cost_of_classes(costs, metrics.confusion_of(rows.y, choose_labels(by, rows.probabilities), 3))

    assert paid(rule) < paid(MostProbable())
    assert paid(rule) < paid(ClassWeights((1.0, 1.0, 60.0)))


def test_a_goal_as_one_text_comes_back_as_it_was_written() -> None:
    for text in ("", "0.3", "f1", "miss=5,alarm=1", "miss=5,alarm=1,hit=-2", "measles=5,flu=2"):
        assert goal_text(parse_goal_text(text)) == text


def test_without_a_goal_a_metric_of_probabilities_leaves_the_most_probable_class() -> None:
    y, probabilities = drawn(1_000, shift=-3.0)
    assert choose_rule(AUTOMATIC, get_metric("roc_auc"), LabelledRows(y, probabilities), parts(1_000)) == MostProbable()
    even, right = drawn(1_000)
    assert choose_rule(AUTOMATIC, get_metric("accuracy"), LabelledRows(even, right), parts(1_000)) == MostProbable()
    assert choose_rule(
        FixedThreshold(0.3), get_metric("roc_auc"), LabelledRows(y, probabilities), []
    ) == EventThreshold(1, 0.3)


def test_recipes_are_told_apart_by_f1_where_no_row_is_more_probably_the_event_than_not() -> None:
    y, probabilities = drawn(4_000, shift=-5.0)
    good = LabelledRows(y, two_class_columns(0.4 * probabilities[:, 1]))
    bad = LabelledRows(y, two_class_columns(np.full(4_000, y.mean())))
    f1 = get_metric("f1")
    assert good.score(f1) == bad.score(f1) == 0
    compared = f1.about(1, search_rule(AUTOMATIC, f1, 0.4 * y.mean()))
    assert good.score(compared) > bad.score(compared) + 0.05
    assert search_rule(LeastCost(9.0, 1.0), f1, 0.02) == EventThreshold(1, 0.1)
    assert search_rule(AUTOMATIC, get_metric("accuracy"), 0.02) == MostProbable()
    assert search_rule(FixedThreshold(0.3), get_metric("roc_auc"), 0.02) == MostProbable()


def test_costs_give_the_threshold_that_costs_least_on_new_rows() -> None:
    costs = LeastCost(miss=9.0, alarm=1.0)
    y, probabilities = drawn(4_000)
    later, new = drawn(4_000, seed=7)
    rule = choose_rule(costs, get_metric("roc_auc"), LabelledRows(y, probabilities), parts(4_000))
    assert isinstance(rule, EventThreshold)
    assert rule.threshold == pytest.approx(0.1, abs=0.03), "probabilities are right, so theory knows the threshold"
    compared = confusions_at(LabelledRows(later, new), 1, np.array([rule.threshold, 0.5]))
    cost, at_half = (cost_per_row(costs, confusion, 1) for confusion in compared)
    assert cost < 0.7 * at_half
    wrong = two_class_columns(probabilities[:, 1] ** 3)
    mended = choose_rule(costs, get_metric("roc_auc"), LabelledRows(y, wrong), parts(4_000))
    assert isinstance(mended, EventThreshold)
    assert mended.threshold < 0.05, "probabilities are wrong, so what was seen overrules theory"
    four = LabelledRows(np.array([1, 1, 0, 0]), two_class_columns(np.array([0.9, 0.1, 0.9, 0.1])))
    (confusion,) = confusions_at(four, 1, np.array([0.5]))
    assert cost_per_row(costs, confusion, 1) == (9 + 1) / 4
    heavy = LabelledRows(four.y, four.probabilities, np.array([1.0, 3.0, 1.0, 1.0]))
    assert cost_per_row(costs, confusions_at(heavy, 1, np.array([0.5]))[0], 1) == (3 * 9 + 1) / 6


@pytest.mark.parametrize("event", [0, 1])
def test_confusions_at_thresholds_are_those_of_the_labels(event: int) -> None:
    y, probabilities = drawn(500)
    rows = LabelledRows(y, np.round(probabilities, 1), np.arange(500.0) % 3 + 1)
    levels = np.array([0.0, 0.3, 0.5, 1.0])
    for threshold, confusion in zip(levels.tolist(), confusions_at(rows, event, levels), strict=True):
        labels = choose_labels(EventThreshold(event, threshold), rows.probabilities)
        assert confusion == pytest.approx(metrics.confusion_of(y, labels, 2, rows.weights))


def test_goals_are_read_and_wrong_ones_are_refused_in_words() -> None:
    assert parse_goal(None, None) == AUTOMATIC
    assert parse_goal("0.3", None) == parse_goal("30%", None) == FixedThreshold(0.3)
    assert parse_goal("MCC", None) == BestForMetric("matthews_corrcoef")
    assert parse_goal(None, "miss=5, alarm: 1") == LeastCost(5.0, 1.0)
    assert parse_goal(None, "alarm=1,miss=5,hit=-2") == LeastCost(5.0, 1.0, -2.0)
    wrong = [("1.5", None), ("auc", None), ("0", None), ("0.3", "miss=1,alarm=1"), (None, "miss=5"), (None, "miss=x,alarm=1"),
             (None, "miss=1,alarm=0"), (None, "miss=1,miss=2,alarm=1"), (None, "measles=0"), (None, "measles=2,miss=1")]  # fmt: skip
    for threshold, cost in wrong:
        with pytest.raises(UsageError):
            parse_goal(threshold, cost)


def test_the_event_is_the_class_that_says_yes_or_the_rarer_one_or_the_one_that_is_named() -> None:
    assert choose_event(["no", "yes"], [10, 90]).position == 1
    assert choose_event(["True", "False"], [90, 10]).position == 0
    assert choose_event(["1", "2"], [30, 70]).position == 0
    assert choose_event(["benign", "malignant"], [60, 40]).position == 1
    assert find_event("MALIGNANT", ["benign", "malignant"], "state") == 1
    with pytest.raises(SchemaError, match="has no class"):
        find_event("ill", ["benign", "malignant"], "state")


# Intervals ------------------------------------------------------------------------------------------------------------


def numbers(rows: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Numbers whose skewed error grows with the prediction, and the predictions."""
    draw = np.random.default_rng(seed)
    prediction = draw.uniform(10, 100, rows)
    return prediction + (draw.exponential(size=rows) - 1) * prediction / 5, prediction


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_hold_as_many_new_rows_as_they_say(level: float) -> None:
    rule = fit_intervals(*numbers(2_000), parts(2_000))
    y, prediction = numbers(20_000, seed=1)
    ends = intervals_of(rule, prediction, level)
    inside = (ends[:, 0] <= y) & (y <= ends[:, 1])
    assert inside.mean() == pytest.approx(level, abs=0.03)
    low, high = inside[prediction < 30].mean(), inside[prediction > 80].mean()
    assert abs(low - high) < 0.12, "rows that are hard and rows that are easy are covered alike"
    assert rule.difficulty.predicted
    assert np.all(ends[:, 1] - prediction > prediction - ends[:, 0]) or level < 0.8, "the error is skewed upward"


def test_equal_errors_give_intervals_of_one_width_and_a_large_model_keeps_little() -> None:
    draw = np.random.default_rng(2)
    prediction = draw.normal(size=30_000)
    y = prediction + draw.normal(size=30_000)
    rule = fit_intervals(y, prediction, parts(30_000))
    assert not rule.difficulty.predicted
    assert len(rule.residuals) == 2_001
    ends = intervals_of(rule, np.array([0.0, np.nan]), 0.9)
    assert ends[0] == pytest.approx([-1.645, 1.645], abs=0.05)
    assert np.isnan(ends[1]).all()


def test_a_level_that_few_rows_cannot_know_is_refused_and_a_positive_target_stays_positive() -> None:
    y = np.arange(30.0)
    rule = fit_intervals(y, y[::-1].copy(), parts(30))
    with pytest.raises(PredictionError, match="199 out-of-fold rows"):
        intervals_of(rule, y, 0.99)
    with pytest.raises(PredictionError, match="between 0 and 1"):
        intervals_of(rule, y, 90)
    assert intervals_of(rule, y, 0.9).min() >= 0
    assert interval_score(np.array([5.0]), np.array([[0.0, 4.0]]), 0.9)[0] == pytest.approx(4 + 20 * 1)
