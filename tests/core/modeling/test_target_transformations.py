"""A regression's target is transformed before the fit, and predictions are put back without bias."""

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tabsmith.families.estimator import FitRequest, ParameterValues, RegressionLoss, StoppingRows, fit_estimator
from tabsmith.families.registry import family_names, get_family
from tabsmith.families.target import TransformedTarget

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(3000, 2))
SPREAD = 0.8
Y = np.exp(1.5 * X[:, 0] + SPREAD * DRAW.normal(size=len(X)))
TRUTH = np.exp(1.5 * X[:, 0] + SPREAD**2 / 2)  # the mean of the target at X
EVERY_EIGHTH = np.arange(len(X)) % 8 == 0


def request(family: str = "linear", **fields) -> FitRequest:
    """A regression of Y on X with a logarithm of the target."""
    spec = get_family(family)
    return FitRequest(
        **{
            "family": spec,
            "parameters": ParameterValues(spec, {}),
            "task": "regression",
            "X": X,
            "y": Y,
            "outputs": 1,
            "loss": RegressionLoss(),
            "categorical": (),
            "inner": lambda: (np.flatnonzero(~EVERY_EIGHTH), np.flatnonzero(EVERY_EIGHTH)),
            "threads": 1,
            "seed": 0,
            "seconds_left": lambda: math.inf,
            "target": "log",
            **fields,
        }
    )


@pytest.mark.parametrize("kind", ["log", "yeo_johnson"])
@pytest.mark.parametrize("y", [Y, -Y, Y - 5.0, np.round(Y), np.asarray([0.0, 1.0] * 20)])
def test_what_is_transformed_is_put_back(kind, y):
    target = TransformedTarget.fitted(kind, y)
    np.testing.assert_allclose(target.put_back(target.transform(y)), y, rtol=1e-6, atol=1e-6)
    far = target.put_back(np.asarray([-1e9, 1e9]))
    assert np.isfinite(far).all()
    assert far[1] <= y.max() + np.ptp(y)


def test_predictions_of_a_logarithm_are_the_mean_of_the_target_not_its_median():
    made = fit_estimator(request(), 0).predict(X)[:, 0]
    middle = np.abs(X[:, 0]) < 1.5  # away from where predictions end
    assert np.mean(made[middle]) == pytest.approx(np.mean(TRUTH[middle]), rel=0.05)
    plain = fit_estimator(request(target="none"), 0).predict(X)[:, 0]
    assert np.mean((made - TRUTH) ** 2) < 0.2 * np.mean((plain - TRUTH) ** 2)


def test_absolute_errors_are_put_back_to_the_median():
    made = fit_estimator(request("lightgbm", loss=RegressionLoss("absolute error")), 0)
    assert made.file.target.errors == ()
    ratio = np.median(made.predict(X)[:, 0] / np.exp(1.5 * X[:, 0]))
    assert ratio == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("fields", [{"rounds": 20}, {"held": StoppingRows(X[:300], Y[:300])}])
def test_known_rounds_and_rows_to_stop_by_are_used(fields):
    made = fit_estimator(request("lightgbm", **fields), 0)
    assert len(made.file.target.errors) > 10
    assert not fields.get("rounds") or made.rounds == fields["rounds"]


def test_a_fit_without_time_for_another_is_the_one_that_found_the_errors():
    weights = np.where(EVERY_EIGHTH, 2.0, 1.0)
    made = fit_estimator(request("lightgbm", seconds_left=lambda: 0.0, sample_weights=weights), 0)
    assert len(made.file.target.errors) > 10
    assert np.isfinite(made.predict(X)).all()


@pytest.mark.parametrize("family", [name for name in family_names() if get_family(name).requirements.monotone])
def test_a_monotone_prediction_never_falls_as_the_column_grows(family):
    noisy = np.sin(3 * X[:, 0]) + X[:, 0] + DRAW.normal(size=len(X))
    spec = get_family(family)
    small = {"n_estimators": 60, "iterations": 60, "max_iter": 60}
    parameters = ParameterValues(
        spec, {key: value for key, value in small.items() if key in {p.name for p in spec.parameters}}
    )
    grid = np.column_stack([np.linspace(-3, 3, 200), np.zeros(200)])
    fields = {"y": noisy, "target": "none", "parameters": parameters, "rounds": 60}
    with threadpool_limits(1):
        free = fit_estimator(request(family, **fields), 0).predict(grid)[:, 0]
        bound = fit_estimator(request(family, **fields, monotone=(1, 0)), 0).predict(grid)[:, 0]
    assert (np.diff(free) < -1e-6).any()
    assert (np.diff(bound) >= -1e-9).all()
