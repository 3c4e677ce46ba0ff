"""Classifier and Regressor keep scikit-learn's promises, over real runs in a worker process."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from tabsmith.estimators import Classifier, Regressor

QUICK = {"model": "linear", "iterations": 1}


@parametrize_with_checks([Classifier(**QUICK), Regressor(**QUICK)], expected_failed_checks=lambda _: {})
def test_scikit_learn_accepts_the_estimator(estimator, check):
    """Every check passes; one that cannot is to be named in `expected_failed_checks`, with the reason."""
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
