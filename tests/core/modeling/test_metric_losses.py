"""What a regression is fitted to follows its metric."""

import msgspec
import numpy as np
import pytest

from tabsmith.families.estimator import FitRequest, Floats, ParameterValues, fit_estimator
from tabsmith.families.registry import get_family
from tabsmith.modeling import metrics
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.metric_losses import loss_for
from tests.core.modeling.shapes import QUICK

DRAW = np.random.default_rng(3)
X: Floats = DRAW.normal(size=(600, 3))
Y: Floats = np.exp(1.0 + X[:, 0] + DRAW.normal(size=600))  # skewed, and wide where it is large


def predicted(family: str, metric: str) -> Floats:
    """Predictions of the second half of the rows by a fit to the first half."""
    spec = get_family(family)
    rows = np.arange(300)
    request = FitRequest(
        family=spec,
        parameters=ParameterValues(spec, QUICK.get(family, {})),
        task="regression",
        X=X[:300],
        y=Y[:300],
        outputs=1,
        loss=loss_for(get_metric(metric)),
        categorical=(),
        inner=lambda: (rows[:260], rows[260:]),
        threads=1,
        seed=0,
        seconds_left=lambda: 60.0,
    )
    estimator = fit_estimator(request, 0)
    assert msgspec.json.decode(msgspec.json.encode(estimator.file), type=type(estimator.file)) == estimator.file
    return estimator.predict(X[300:])


def loss(family: str, fitted_for: str, measured_by: str) -> float:
    return metrics.score(get_metric(measured_by), Y[300:], predicted(family, fitted_for), 0)


@pytest.mark.parametrize("family", ["lightgbm", "catboost", "hist_gradient_boosting"])
def test_a_quantile_is_above_its_share_of_the_rows(family: str) -> None:
    above = [np.mean(Y[300:] <= predicted(family, f"quantile:{level}")[:, 0]) for level in (0.1, 0.9)]
    assert above[0] < 0.3
    assert above[1] > 0.7


@pytest.mark.parametrize("family", ["lightgbm", "linear"])
def test_a_metric_of_logarithms_is_fitted_to_logarithms(family: str) -> None:
    assert predicted(family, "rmsle").min() > -1
    assert loss(family, "rmsle", "rmsle") < loss(family, "rmse", "rmsle")


def test_shares_of_the_target_are_fitted_as_such() -> None:
    for family in ("lightgbm", "catboost"):
        assert loss(family, "mape", "mape") < loss(family, "mae", "mape") < loss(family, "rmse", "mape")
