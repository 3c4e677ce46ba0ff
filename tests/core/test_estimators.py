"""Classifier and Regressor keep scikit-learn's promises, over real runs in a worker process."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from tabsmith.estimators import Classifier, Regressor
from tests.soak import SOAK

QUICK = {"model": "linear", "iterations": 1}


def checks() -> Iterator[Any]:
    """Every check of scikit-learn with an estimator. Of the checks that both estimators are for, and of those that come
    with several kinds of data, `make test` takes the first."""
    taken: set[str] = set()
    for estimator in (Classifier(**QUICK), Regressor(**QUICK)):
        for _, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if SOAK or name not in taken:
                taken.add(name)
                yield pytest.param(estimator, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.soak
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


def test_a_frame_keeps_its_column_types_and_the_labels_theirs():
    frame = pd.DataFrame({"size": ["s", "l"] * 20, "target": np.arange(40.0)})
    labels = np.asarray(["small", "large"] * 20)
    model = Classifier(**QUICK).fit(frame, labels)
    assert model.classes_.tolist() == ["large", "small"]
    assert (model.predict(frame) == labels).all()
    assert model.predict_proba(frame).shape == (40, 2)


def test_a_regressor_can_be_cross_validated_and_cloned():
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = X @ [3.0, -1.0]
    assert cross_val_score(clone(Regressor(metric="mae", **QUICK)), X, y, cv=2).min() > 0.9


def test_a_metric_that_does_not_fit_is_a_value_error_in_words():
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match="does not fit a regression task"):
        Regressor(metric="accuracy", **QUICK).fit(X, X[:, 0])
