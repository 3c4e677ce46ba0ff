"""The best constant prediction under each metric, and when a report says that a model beats it."""

import numpy as np
import pytest

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.baseline import CERTAINTY, DRAWS, best_constant, compare_with_baseline
from tabsmith.modeling.metric_catalogue import METRICS, Metric, MetricName, get_metric

CLASSES: Ints = np.array([0] * 6 + [1] * 3 + [2] * 1)
SKEWED: Ints = np.array([0] * 8 + [1] * 2)
NUMBERS: Floats = np.array([0.0, 1.0, 2.0, 3.0, 94.0])  # mean 20, median 2


def by(name: MetricName) -> Metric:
    return get_metric(name)


def score_of(name: MetricName, y: Ints | Floats, answer: Floats, classes: int = 0) -> float:
    return metrics.score(by(name), y, np.repeat(answer, len(y), axis=0), classes)


# The constant ---------------------------------------------------------------------------------------------------------


def test_for_accuracy_it_is_the_largest_class() -> None:
    assert best_constant(by("accuracy"), CLASSES, 3).argmax() == 0
    assert score_of("accuracy", CLASSES, best_constant(by("accuracy"), CLASSES, 3), 3) == 0.6


def test_for_log_loss_it_is_the_share_of_each_class() -> None:
    answer = best_constant(by("log_loss"), CLASSES, 3)
    assert answer.tolist() == [[0.6, 0.3, 0.1]]
    entropy = -sum(share * np.log(share) for share in (0.6, 0.3, 0.1))
    assert score_of("log_loss", CLASSES, answer, 3) == pytest.approx(entropy)


def test_for_roc_auc_no_constant_gets_more_than_one_half() -> None:
    assert score_of("roc_auc", SKEWED, best_constant(by("roc_auc"), SKEWED, 2), 2) == 0.5


def test_for_f1_of_two_classes_it_is_the_class_that_is_counted_not_the_larger_one() -> None:
    answer = best_constant(by("f1"), SKEWED, 2)
    assert answer.argmax() == 1
    assert score_of("f1", SKEWED, answer, 2) == pytest.approx(2 * 2 / (10 + 2))


@pytest.mark.parametrize(("name", "value"), [("rmse", 20.0), ("mae", 2.0), ("median_ae", 2.0), ("r2", 20.0)])
def test_of_numbers_it_is_the_mean_or_the_median_whichever_the_metric_likes(name: MetricName, value: float) -> None:
    assert best_constant(by(name), NUMBERS, 0).tolist() == [[value]]


def test_by_r2_it_gets_nothing() -> None:
    assert score_of("r2", NUMBERS, best_constant(by("r2"), NUMBERS, 0)) == pytest.approx(0.0)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_by_no_metric_another_constant_is_better(metric: Metric) -> None:
    draw = np.random.default_rng(5)
    if metric.tasks == ("regression",):
        y, classes, others = NUMBERS, 0, np.linspace(-5, 100, 211)[:, None]
    else:
        y, classes, others = SKEWED, 2, draw.dirichlet([1.0, 1.0], 50)
    best = score_of(metric.name, y, best_constant(metric, y, classes), classes)
    for other in others:
        rival = score_of(metric.name, y, other[None, :], classes)
        assert not metric.better(rival, best) or rival == pytest.approx(best)


def test_among_a_thousand_classes_only_the_largest_are_looked_at_and_it_is_one_row_of_all() -> None:
    y = np.arange(1_000).repeat(2)
    y[0] = 999
    answer = best_constant(by("accuracy"), y, 1_000)
    assert answer.shape == (1, 1_000)
    assert answer.argmax() == 999


def test_a_class_that_no_row_has_is_no_guess_by_accuracy() -> None:
    assert best_constant(by("accuracy"), np.array([2, 2, 1]), 4).argmax() == 2


# Against it -----------------------------------------------------------------------------------------------------------


def test_a_model_that_is_right_beats_it_and_one_that_says_the_same_does_not() -> None:
    y = np.tile([0, 1], 30)
    right = np.eye(2)[y] * 0.8 + 0.1
    answer = best_constant(by("log_loss"), y, 2)
    best = compare_with_baseline(by("log_loss"), y, right, answer, 2, seed=0)
    same = compare_with_baseline(by("log_loss"), y, np.repeat(answer, 60, axis=0), answer, 2, seed=0)
    assert best is not None
    assert same is not None
    assert (best.beaten, best.share) == ("yes", 1.0)
    assert (same.beaten, same.share) == ("not shown", 0.0)  # a tie is no win
    assert best.score == same.score == pytest.approx(np.log(2))


def test_better_means_less_where_less_is_better() -> None:
    y = np.linspace(0.0, 9.0, 40)
    answer = best_constant(by("rmse"), y, 0)
    near = compare_with_baseline(by("rmse"), y, (y + 0.1)[:, None], answer, 0, seed=0)
    far = compare_with_baseline(by("rmse"), y, (y + 50)[:, None], answer, 0, seed=0)
    assert near is not None
    assert far is not None
    assert (near.beaten, far.beaten, far.share) == ("yes", "not shown", 0.0)


def test_of_models_without_skill_about_one_in_a_hundred_is_taken_for_better() -> None:
    wrongly = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        y = draw.integers(0, 2, 80)
        prediction = np.column_stack([1 - (p := draw.random(80)), p])
        found = compare_with_baseline(
            by("roc_auc"), y, prediction, np.array([[0.5, 0.5]]), 2, seed=seed, enough=lambda: True
        )
        assert found is not None
        wrongly += found.beaten == "yes"
    assert wrongly <= 5  # one is expected; more than five would be one chance in a thousand


def test_groups_are_drawn_whole_so_that_one_lucky_group_proves_nothing() -> None:
    # Within a group all rows are alike: four groups of twenty-five are four observations, not a hundred.
    y = np.repeat([0.0, 10.0, 20.0, 30.0], 25)
    prediction = np.where(y == 0.0, 0.0, 16.5)[:, None]  # right for one group, and a guess for the others
    groups = np.repeat([0, 1, 2, 3], 25)
    answer = best_constant(by("rmse"), y, 0)
    rows = compare_with_baseline(by("rmse"), y, prediction, answer, 0, seed=0)
    whole = compare_with_baseline(by("rmse"), y, prediction, answer, 0, seed=0, groups=groups)
    assert rows is not None
    assert whole is not None
    assert rows.beaten == "yes"
    assert whole.beaten == "not shown"
    assert 0.5 < whole.share < CERTAINTY


def test_draws_on_which_the_metric_has_no_value_do_not_count() -> None:
    y = np.array([1, 0, 0, 0, 0])  # many draws hold one class only
    prediction = np.column_stack([1 - (p := np.array([0.9, 0.1, 0.2, 0.3, 0.4])), p])
    found = compare_with_baseline(by("roc_auc"), y, prediction, np.array([[0.5, 0.5]]), 2, seed=0)
    assert found is not None
    assert (found.beaten, found.share) == ("yes", 1.0)


def test_where_the_metric_has_no_value_there_is_no_comparison() -> None:
    constant = np.full((6, 2), 0.5)
    assert (
        compare_with_baseline(by("roc_auc"), np.zeros(6, dtype=int), constant, np.array([[0.5, 0.5]]), 2, seed=0)
        is None
    )
    assert compare_with_baseline(by("r2"), np.full(6, 3.0), np.full((6, 1), 3.0), np.array([[3.0]]), 0, seed=0) is None


def test_a_prediction_that_is_no_number_beats_nothing() -> None:
    y = np.linspace(0.0, 9.0, 40)
    broken = y[:, None].copy()
    broken[3] = np.nan
    found = compare_with_baseline(by("rmse"), y, broken, best_constant(by("rmse"), y, 0), 0, seed=0)
    assert found is not None
    assert found.beaten == "not shown"


def test_the_same_seed_draws_the_same_and_the_time_ends_it_after_a_tenth() -> None:
    y = np.linspace(0.0, 9.0, 40)
    answer = best_constant(by("rmse"), y, 0)
    noisy = (y + np.random.default_rng(0).normal(0, 2.7, 40))[:, None]
    asked: list[int] = []

    def enough() -> bool:
        asked.append(1)
        return True

    first = compare_with_baseline(by("rmse"), y, noisy, answer, 0, seed=3)
    assert first == compare_with_baseline(by("rmse"), y, noisy, answer, 0, seed=3)
    short = compare_with_baseline(by("rmse"), y, noisy, answer, 0, seed=3, enough=enough)
    assert len(asked) == DRAWS // 10 + 1
    assert short is not None
    assert short.share * (DRAWS // 10) == pytest.approx(round(short.share * (DRAWS // 10)))
    assert 0.0 < short.share < 1.0
