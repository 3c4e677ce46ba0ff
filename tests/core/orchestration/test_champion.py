"""The champion rule: noise and ties leave the title where it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.modeling.results import Evaluation, FoldScore, Metric
from tabsmith.orchestration.champion import judge
from tabsmith.recipes.recipe import Recipe

RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
AUC = Metric("roc_auc", "ROC AUC", greater_is_better=True, tasks=("binary",))


def evaluation(*scores: float) -> Evaluation:
    folds = tuple(FoldScore(fold, score, 0.1, 0.1) for fold, score in enumerate(scores))
    return Evaluation(Recipe("linear"), folds, sum(scores) / len(scores), 0.0, 1.0, "evaluations/0001")


def test_the_first_score_takes_the_title() -> None:
    assert judge(None, evaluation(0.5, 0.6), AUC).won


def test_a_steady_gain_wins_in_the_metrics_own_direction() -> None:
    assert judge(evaluation(0.80, 0.82, 0.84), evaluation(0.83, 0.85, 0.87), AUC).won
    assert judge(evaluation(10.0, 12.0, 11.0), evaluation(9.0, 11.0, 10.0), RMSE).won
    assert not judge(evaluation(10.0, 12.0, 11.0), evaluation(11.0, 13.0, 12.0), RMSE).won


def test_a_gain_within_one_standard_error_is_noise() -> None:
    judgement = judge(evaluation(0.80, 0.80, 0.80, 0.80), evaluation(0.95, 0.70, 0.94, 0.71), AUC)
    assert not judgement.won
    assert "within noise" in judgement.rule


def test_a_steady_gain_under_the_floor_is_a_tie() -> None:
    judgement = judge(evaluation(0.8, 0.8, 0.8), evaluation(0.80001, 0.80001, 0.80001), AUC)
    assert not judgement.won
    assert "floor" in judgement.rule


@pytest.mark.parametrize("metric", [RMSE, AUC])
def test_nan_never_wins(metric: Metric) -> None:
    assert not judge(None, evaluation(math.nan, math.nan), metric).won
    assert not judge(evaluation(0.1, 0.1), evaluation(math.nan, math.nan), metric).won


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_recipe_never_beats_itself(scores: list[float]) -> None:
    assert not judge(evaluation(*scores), evaluation(*scores), AUC).won


@given(st.data(), st.integers(1, 8))
def test_two_recipes_never_beat_each_other(data: st.DataObject, folds: int) -> None:
    scores = st.lists(st.floats(0.01, 1e3), min_size=folds, max_size=folds)
    one, other = evaluation(*data.draw(scores)), evaluation(*data.draw(scores))
    assert not (judge(one, other, RMSE).won and judge(other, one, RMSE).won)
