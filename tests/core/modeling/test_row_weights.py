"""Rows that count more than others: in every metric, in the baseline, in the ensemble, and in every family's fit."""

import time
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tabsmith.errors import SchemaError
from tabsmith.families.estimator import FitRequest, ParameterValues, RegressionLoss, fit_estimator
from tabsmith.families.registry import families, get_family
from tabsmith.modeling import metrics
from tabsmith.modeling.baseline import best_constant, compare_with_baseline
from tabsmith.modeling.ensemble import select_weights
from tabsmith.modeling.metric_catalogue import METRICS, default_metric, get_metric
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.runs.spec import Detect
from tabsmith.runs.stages import understand
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.schema.edits import with_role
from tests.core.modeling.shapes import QUICK, schema, table

DRAW = np.random.default_rng(2)
WEIGHTS = DRAW.integers(1, 4, 90).astype(float)
REPEATED = np.repeat(np.arange(90), WEIGHTS.astype(int))
LABELS = DRAW.integers(0, 2, 90)
SHARES = np.round(DRAW.dirichlet([1, 1], 90), 1)
NUMBERS = DRAW.normal(size=90)
GUESSES = NUMBERS[:, None] + DRAW.normal(size=(90, 1))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_row_of_weight_two_counts_as_two_rows(metric):
    y, prediction, classes = (
        (np.exp(NUMBERS), np.exp(GUESSES), 0)
        if metric in map(get_metric, _names("regression"))
        else (LABELS, SHARES, 2)
    )
    weighted = metrics.score(metric, y, prediction, classes, WEIGHTS)
    assert weighted == pytest.approx(metrics.score(metric, y[REPEATED], prediction[REPEATED], classes))
    assert weighted != pytest.approx(metrics.score(metric, y, prediction, classes), abs=1e-9)
    ones = metrics.score(metric, y, prediction, classes, np.ones(90))
    assert ones == pytest.approx(metrics.score(metric, y, prediction, classes))
    answer = best_constant(metric, y, classes, WEIGHTS)
    np.testing.assert_allclose(answer, best_constant(metric, y[REPEATED], classes))


def _names(task):
    return [metric.name for metric in METRICS if task in metric.tasks]


def test_an_interval_lies_about_the_weighted_score():
    metric = get_metric("mae")
    (interval,) = metrics.bootstrap_intervals([metric], NUMBERS, GUESSES, 0, seed=0, weights=WEIGHTS)
    assert interval.score == metrics.score(metric, NUMBERS, GUESSES, 0, WEIGHTS)
    assert interval.low < interval.score < interval.high


def test_a_model_that_is_right_where_rows_count_beats_the_baseline():
    heavy = NUMBERS > 0
    prediction = np.where(heavy, NUMBERS, -5.0)[:, None]
    weights = np.where(heavy, 50.0, 0.01)
    for given, beaten in ((None, "not shown"), (weights, "yes")):
        answer = best_constant(get_metric("rmse"), NUMBERS, 0, given)
        found = compare_with_baseline(get_metric("rmse"), NUMBERS, prediction, answer, 0, seed=0, weights=given)
        assert found.beaten == beaten


def test_an_ensemble_is_chosen_for_the_rows_that_count():
    early = np.arange(90) < 45
    library = [np.where(early, NUMBERS, 9.0)[:, None], np.where(early, 3.0, NUMBERS)[:, None]]
    weights = np.where(early, 100.0, 0.001)
    assert select_weights(library, NUMBERS, get_metric("mae"), 0)[1] > 0.5
    assert select_weights(library, NUMBERS, get_metric("mae"), 0, row_weights=weights) == (1.0, 0.0)


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("family", [family.name for family in families() if family.weighs_rows])
def test_a_family_fits_the_rows_that_count(family, task):
    X = np.tile(np.linspace(-1, 1, 60), 2)[:, None]
    heavy = np.arange(120) < 60
    y = np.where(heavy, X[:, 0] > 0, X[:, 0] <= 0).astype(np.int64 if task == "binary" else np.float64)
    all_rows = np.arange(120)
    request = FitRequest(
        family=get_family(family),
        parameters=ParameterValues(get_family(family), QUICK.get(family, {})),
        task=task,
        X=X,
        y=y,
        outputs=2 if task == "binary" else 1,
        loss=RegressionLoss(),
        categorical=(),
        inner=lambda: (all_rows[all_rows % 8 > 0], all_rows[all_rows % 8 == 0]),
        threads=1,
        seed=0,
        seconds_left=lambda: 60.0,
        sample_weights=np.where(heavy, 1.9, 0.1),
    )
    high, low = (_answer(request, sign) for sign in (1.0, -1.0))
    assert high > low
    other_way = replace(request, sample_weights=np.where(heavy, 0.1, 1.9))
    assert _answer(other_way, 1.0) < _answer(other_way, -1.0)


def _answer(request, x):
    with threadpool_limits(1):
        estimator = fit_estimator(request, 2 if request.classification else 0)
    return float(estimator.predict(np.array([[x * 0.8]]))[0, -1])


def test_balanced_classes_are_balanced_by_the_weights_of_their_rows():
    family = get_family("linear")
    request = FitRequest(
        family=family,
        parameters=ParameterValues(family, {"class_weight": "balanced"}),
        task="binary",
        X=np.zeros((4, 1)),
        y=np.array([0, 0, 0, 1]),
        outputs=2,
        loss=RegressionLoss(),
        categorical=(),
        inner=lambda: (np.arange(4), np.arange(0)),
        threads=1,
        seed=0,
        seconds_left=time.monotonic,
        sample_weights=np.array([1.0, 1.0, 2.0, 4.0]),
    )
    assert request.weights.tolist() == [1.0, 1.0, 2.0, 4.0]  # the classes weigh the same already
    assert replace(request, sample_weights=None).weights.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0])


COLUMNS = {"size": "numeric", "colour": "category", "count": "numeric"}


def weighted(counts):
    frame = table(rows=len(counts))
    frame["count"] = counts
    weighing = with_role(schema("number", "regression", columns=COLUMNS), "count", "weight")
    return prepare_training_data(frame, weighing, default_metric("regression"), seed=0)


def test_a_weight_is_no_feature_and_its_mean_is_one():
    data = weighted(np.arange(1, 101))
    assert [column.name for column in data.inputs] == ["size", "colour"]
    assert data.weights.mean() == pytest.approx(1.0)
    assert len(data.holdout_weights) == data.holdout_rows
    everyone = np.sort(np.concatenate([data.weights, data.holdout_weights]))
    np.testing.assert_allclose(everyone / everyone[0], np.arange(1, 101))
    assert any("rows count by count" in note for note in data.notes)


@pytest.mark.parametrize("wrong", [np.nan, -1.0, 0.0])
def test_a_row_without_a_positive_weight_is_refused_by_its_number(wrong):
    counts = np.ones(100)
    counts[[4, 70]] = wrong
    with pytest.raises(SchemaError, match=r'2 rows have no positive number in the weight column "count": row 5, 71\.'):
        weighted(counts)


def test_a_column_of_words_says_not_how_much_a_row_counts():
    with pytest.raises(SchemaError, match="of kind category"):
        with_role(schema("number", "regression", columns=COLUMNS), "colour", "weight")


def test_a_run_that_detects_the_schema_counts_rows_by_the_column_asked_for():
    info = from_frame(table(rows=60)[["size", "colour", "grade", "number"]])
    schema = understand(info, Detect("number", "grade")).schema
    assert (schema.target, schema.weight) == ("number", "grade")
