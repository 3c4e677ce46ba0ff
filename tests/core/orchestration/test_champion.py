"""The champion rule: noise and ties leave the title where it is."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.loop.champion import CONFIRMED_AFTER, ChampionStatus, Judgement, judge_challenger
from tabsmith.recipes.recipe import Recipe

RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
AUC = Metric("roc_auc", "ROC AUC", greater_is_better=True, tasks=("binary",))


def evaluation(*scores: float) -> Evaluation:
    folds = tuple(FoldScore(fold, score, 0.1, 0.1) for fold, score in enumerate(scores))
    return Evaluation(Recipe("linear"), folds, sum(scores) / len(scores), 0.0, 1.0, "evaluations/0001")


def test_the_first_score_takes_the_title() -> None:
    assert judge_challenger(None, evaluation(0.5, 0.6), AUC).won


def test_a_steady_gain_wins_in_the_metrics_own_direction() -> None:
    assert judge_challenger(evaluation(0.80, 0.82, 0.84), evaluation(0.83, 0.85, 0.87), AUC).won
    assert judge_challenger(evaluation(10.0, 12.0, 11.0), evaluation(9.0, 11.0, 10.0), RMSE).won
    assert not judge_challenger(evaluation(10.0, 12.0, 11.0), evaluation(11.0, 13.0, 12.0), RMSE).won


def test_a_gain_within_one_standard_error_is_noise() -> None:
    judgement = judge_challenger(evaluation(0.80, 0.80, 0.80, 0.80), evaluation(0.95, 0.70, 0.94, 0.71), AUC)
    assert not judgement.won
    assert "within noise" in judgement.rule


def test_a_steady_gain_under_the_floor_is_a_tie() -> None:
    judgement = judge_challenger(evaluation(0.8, 0.8, 0.8), evaluation(0.80001, 0.80001, 0.80001), AUC)
    assert not judgement.won
    assert "floor" in judgement.rule


@pytest.mark.parametrize("metric", [RMSE, AUC])
def test_nan_never_wins(metric: Metric) -> None:
    assert not judge_challenger(None, evaluation(math.nan, math.nan), metric).won
    assert not judge_challenger(evaluation(0.1, 0.1), evaluation(math.nan, math.nan), metric).won


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
def test_a_recipe_never_beats_itself(scores: list[float]) -> None:
    assert not judge_challenger(evaluation(*scores), evaluation(*scores), AUC).won


@given(st.data(), st.integers(1, 8))
def test_two_recipes_never_beat_each_other(data: st.DataObject, folds: int) -> None:
    scores = st.lists(st.floats(0.01, 1e3), min_size=folds, max_size=folds)
    one, other = evaluation(*data.draw(scores)), evaluation(*data.draw(scores))
    for on_probation in (False, True):
        there, back = (
            judge_challenger(*pair, RMSE, on_probation=on_probation) for pair in ((one, other), (other, one))
        )
        assert not (there.won and back.won)


@pytest.mark.parametrize("score", [math.inf, -math.inf])
@pytest.mark.parametrize("metric", [RMSE, AUC])
def test_a_score_beyond_all_numbers_never_wins_and_never_raises(metric: Metric, score: float) -> None:
    assert not judge_challenger(None, evaluation(score, score), metric).won
    assert not judge_challenger(evaluation(0.1, 0.1), evaluation(score, score), metric).won


def test_folds_that_are_no_numbers_under_a_mean_that_is_one_never_win() -> None:
    strange = msgspec.structs.replace(evaluation(math.nan, math.nan), mean=0.99)
    assert not judge_challenger(evaluation(0.1, 0.1), strange, AUC, on_probation=True).won


@given(st.lists(st.floats(), min_size=1, max_size=4), st.lists(st.floats(), min_size=1, max_size=4))
def test_any_two_scores_can_be_judged(one: list[float], other: list[float]) -> None:
    assert judge_challenger(evaluation(*one), evaluation(*other), AUC).rule


# Probation: CHAMPION is beaten narrowly by NARROWLY (1.5 standard errors), clearly by CLEARLY, and LEVEL is noise.

CHAMPION = evaluation(0.80, 0.80, 0.80, 0.80)
NARROWLY = evaluation(0.83, 0.79, 0.83, 0.80)
CLEARLY = evaluation(0.83, 0.82, 0.83, 0.82)
LEVEL = evaluation(0.84, 0.78, 0.83, 0.77)


def test_a_narrow_win_is_on_probation_and_a_clear_one_is_not() -> None:
    narrow, clear = judge_challenger(CHAMPION, NARROWLY, AUC), judge_challenger(CHAMPION, CLEARLY, AUC)
    assert (narrow.won, narrow.probation) == (True, True)
    assert "on probation for 3 challengers" in narrow.rule
    assert (clear.won, clear.probation) == (True, False)
    assert not judge_challenger(None, NARROWLY, AUC).probation


def test_against_a_champion_on_probation_more_than_the_floor_is_enough() -> None:
    assert not judge_challenger(CHAMPION, LEVEL, AUC).won
    weak = judge_challenger(CHAMPION, LEVEL, AUC, on_probation=True)
    assert (weak.won, weak.probation) == (True, True)
    assert "a champion on probation" in weak.rule
    tie = evaluation(0.8001, 0.8001, 0.8001, 0.8001)
    assert not judge_challenger(CHAMPION, tie, AUC, on_probation=True).won
    assert not judge_challenger(CHAMPION, CHAMPION, AUC, on_probation=True).won


def test_a_champion_on_probation_is_confirmed_after_it_withstood_three_challengers() -> None:
    title = ChampionStatus().after(judge_challenger(CHAMPION, NARROWLY, AUC))
    lost = Judgement(won=False, rule="within noise")
    held = [title := title.after(lost) for _ in range(CONFIRMED_AFTER)]
    assert [each.probation for each in held] == [True, True, False]
    assert title.after(lost) == ChampionStatus()


def test_a_new_champion_starts_its_own_probation() -> None:
    title = ChampionStatus(probation=True, challengers_met=2)
    assert title.after(judge_challenger(CHAMPION, NARROWLY, AUC)) == ChampionStatus(probation=True)
    assert title.after(judge_challenger(CHAMPION, CLEARLY, AUC)) == ChampionStatus()
