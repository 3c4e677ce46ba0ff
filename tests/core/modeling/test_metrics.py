"""Scores against scikit-learn's own, undefined ones, and their intervals; ensembles built from them."""

import msgspec
import numpy as np
import pytest
import sklearn.metrics as reference

from tabsmith.errors import TrainingError, UsageError
from tabsmith.modeling import metrics
from tabsmith.modeling.ensemble import select_weights
from tabsmith.modeling.metric_catalogue import METRICS, Metric, default_metric, get_metric, metrics_for

DRAW = np.random.default_rng(0)
CLASSES = DRAW.integers(0, 2, 200)
SURE = np.round(DRAW.random(200) * 0.6 + CLASSES * 0.3, 1)  # rounded, so that scores tie
BINARY = np.column_stack([1 - SURE, SURE])
THREE = DRAW.integers(0, 3, 200)
SHARES = DRAW.dirichlet([1, 1, 1], 200)
NUMBERS = DRAW.normal(size=200)
GUESSES = (NUMBERS + DRAW.normal(size=200)).reshape(-1, 1)


def _score(name, y, prediction, classes):
    return metrics.score(get_metric(name), y, prediction, classes)


def test_scores_are_those_of_scikit_learn():
    labels = BINARY.argmax(axis=1)
    expected = {
        "roc_auc": reference.roc_auc_score(CLASSES, SURE),
        "log_loss": reference.log_loss(CLASSES, np.clip(BINARY, 1e-15, 1)),
        "accuracy": reference.accuracy_score(CLASSES, labels),
        "balanced_accuracy": reference.balanced_accuracy_score(CLASSES, labels),
        "f1": reference.f1_score(CLASSES, labels),
        "average_precision": reference.average_precision_score(CLASSES, SURE),
    }
    for name, value in expected.items():
        assert _score(name, CLASSES, BINARY, 2) == pytest.approx(value), name
    for event in (0, 1):
        of_event = {
            "f1": reference.f1_score(CLASSES, labels, pos_label=event),
            "precision": reference.precision_score(CLASSES, labels, pos_label=event),
            "recall": reference.recall_score(CLASSES, labels, pos_label=event),
            "average_precision": reference.average_precision_score(event == CLASSES, BINARY[:, event]),
            "roc_auc": expected["roc_auc"],
        }
        for name, value in of_event.items():
            assert metrics.score(get_metric(name).about(event), CLASSES, BINARY, 2) == pytest.approx(value), name
    assert _score("log_loss", THREE, SHARES, 3) == pytest.approx(reference.log_loss(THREE, SHARES))
    assert _score("f1", THREE, SHARES, 3) == pytest.approx(
        reference.f1_score(THREE, SHARES.argmax(axis=1), average="macro")
    )
    guessed = SHARES.argmax(axis=1)
    of_three = {
        "f1_macro": reference.f1_score(THREE, guessed, average="macro"),
        "f1_micro": reference.f1_score(THREE, guessed, average="micro"),
        "balanced_accuracy": reference.balanced_accuracy_score(THREE, guessed),
        "matthews_corrcoef": reference.matthews_corrcoef(THREE, guessed),
        "cohen_kappa": reference.cohen_kappa_score(THREE, guessed),
        "linear_weighted_kappa": reference.cohen_kappa_score(THREE, guessed, weights="linear"),
        "quadratic_weighted_kappa": reference.cohen_kappa_score(THREE, guessed, weights="quadratic"),
        "roc_auc_ovr": reference.roc_auc_score(THREE, SHARES, multi_class="ovr"),
        "brier_score": np.mean([reference.brier_score_loss(k == THREE, SHARES[:, k]) for k in range(3)]) * 3,
    }
    for name, value in of_three.items():
        assert _score(name, THREE, SHARES, 3) == pytest.approx(value), name
    assert _score("brier_score", CLASSES, BINARY, 2) == pytest.approx(reference.brier_score_loss(CLASSES, SURE))
    guesses = GUESSES[:, 0]
    positive = np.exp(NUMBERS)
    of_numbers = {
        "mape": reference.mean_absolute_percentage_error(positive, np.exp(guesses)),
        "rmsle": reference.root_mean_squared_log_error(positive, np.exp(guesses)),
        "quantile:0.9": reference.mean_pinball_loss(positive, np.exp(guesses), alpha=0.9),
    }
    for name, value in of_numbers.items():
        assert _score(name, positive, np.exp(GUESSES), 0) == pytest.approx(value), name
    assert _score("rmse", NUMBERS, GUESSES, 0) == pytest.approx(reference.root_mean_squared_error(NUMBERS, guesses))
    assert _score("mae", NUMBERS, GUESSES, 0) == pytest.approx(reference.mean_absolute_error(NUMBERS, guesses))
    assert _score("median_ae", NUMBERS, GUESSES, 0) == pytest.approx(reference.median_absolute_error(NUMBERS, guesses))
    assert _score("r2", NUMBERS, GUESSES, 0) == pytest.approx(reference.r2_score(NUMBERS, guesses))


def test_a_score_that_is_undefined_is_nan_and_nan_never_wins():
    alone = _score("roc_auc", np.zeros(5, dtype=int), BINARY[:5], 2)
    assert alone != alone
    broken = _score("rmse", NUMBERS, np.full((200, 1), np.nan), 0)
    for name in ("roc_auc", "rmse"):
        assert not get_metric(name).better(broken, 1.0)
        assert get_metric(name).better(1.0, broken)


def test_every_metric_has_a_score_and_every_task_a_default():
    for each in METRICS:
        for task in each.tasks:
            assert each in metrics_for(task)
    assert [default_metric(task).name for task in ("binary", "multiclass", "regression")] == [
        "roc_auc",
        "log_loss",
        "rmse",
    ]


def test_a_metric_is_found_by_the_names_that_people_have_for_it():
    expected = {
        "AUC": "roc_auc", "pr-auc": "average_precision", "logloss": "log_loss", "neg_log_loss": "log_loss",
        "Brier": "brier_score", "mcc": "matthews_corrcoef", "QWK": "quadratic_weighted_kappa",
        "neg_root_mean_squared_error": "rmse", "f1_score": "f1", "mean absolute error": "mae", "r2_score": "r2",
        "pinball:.25": "quantile:0.25", "quantile": "quantile:0.9", "root_mean_squared_log_error": "rmsle",
    }  # fmt: skip
    for typed, name in expected.items():
        assert get_metric(typed).name == name, typed
    assert get_metric("auc", "multiclass").name == "roc_auc_ovr"
    assert get_metric("f1", "multiclass").name == "f1_macro"
    for unknown in ("quantile:1.5", "quantile:x", "rmsee", "rmse\n"):
        with pytest.raises(UsageError):
            get_metric(unknown, "binary")
    metric = get_metric("quantile:0.9")
    assert msgspec.json.decode(msgspec.json.encode(metric), type=Metric) == metric, "its name passes validation"
    old = b'{"name":"f1","label":"F1","greater_is_better":true,"tasks":["binary","multiclass"]}'
    assert metrics.score(msgspec.json.decode(old, type=Metric), THREE, SHARES, 3) == _score(
        "f1_macro", THREE, SHARES, 3
    )


def test_a_metric_that_the_target_forbids_is_refused_before_training():
    with pytest.raises(TrainingError, match="0 in 2 rows"):
        metrics.require_defined(get_metric("mape"), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(TrainingError, match="negative in 1 row"):
        metrics.require_defined(get_metric("rmsle"), np.array([0.0, -2.0, 1.0]))


def test_an_interval_holds_its_score_and_is_wider_when_groups_are_drawn_whole():
    metric = [get_metric("rmse")]
    groups = np.repeat(np.arange(10), 20)
    shifted = GUESSES + groups.reshape(-1, 1)
    (alone,) = metrics.bootstrap_intervals(metric, NUMBERS, shifted, 0, seed=0, draws=200)
    (grouped,) = metrics.bootstrap_intervals(metric, NUMBERS, shifted, 0, seed=0, draws=200, groups=groups)
    assert alone.low < alone.score < alone.high
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)
    hurried = [*metric, get_metric("mae")]
    first, second = metrics.bootstrap_intervals(hurried, NUMBERS, shifted, 0, seed=0, enough=lambda: True)
    assert first.low < first.score < first.high, "the run's own metric always has its interval"
    assert (second.low, second.high) == (None, None)


def test_an_ensemble_is_never_worse_than_its_best_member():
    metric = get_metric("rmse")
    for seed in range(5):
        draw = np.random.default_rng(seed)
        library = [NUMBERS.reshape(-1, 1) + draw.normal(scale=1 + place / 4, size=(200, 1)) for place in range(8)]
        weights = select_weights(library, NUMBERS, metric, 0)
        mixed = sum(weight * prediction for weight, prediction in zip(weights, library, strict=True))
        best = min(metrics.score(metric, NUMBERS, each, 0) for each in library)
        assert sum(weights) == pytest.approx(1.0)
        assert metrics.score(metric, NUMBERS, mixed, 0) <= best
        assert sum(weight > 0 for weight in weights) <= 6


def test_of_equal_members_one_is_enough_and_nan_is_never_chosen():
    metric = get_metric("rmse")
    broken = np.full_like(GUESSES, np.nan)
    assert select_weights([broken, GUESSES, GUESSES.copy()], NUMBERS, metric, 0) == (0.0, 1.0, 0.0)
    with pytest.raises(TrainingError, match="No recipe has a score"):
        select_weights([broken], NUMBERS, metric, 0)
