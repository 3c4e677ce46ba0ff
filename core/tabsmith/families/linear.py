"""Linear models: ridge, lasso and elastic net for numbers, logistic regression for classes."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning

from tabsmith.families import skops_files
from tabsmith.families.estimator import SKOPS_FILE, EstimatorFile, FitRequest, FittedModel, two_class_columns
from tabsmith.modeling.rows import Floats

_STEP: Final = 50  # iterations between two looks at the clock


@dataclass(frozen=True)
class LinearModel:
    """A fitted scikit-learn linear model; predicts by its coefficients alone."""

    model: Any

    def predict(self, X: Floats) -> Floats:
        made = np.asarray(X @ np.atleast_2d(self.model.coef_).T + self.model.intercept_, dtype=np.float64)
        if not hasattr(self.model, "classes_"):
            return made
        return two_class_columns(expit(made[:, 0])) if made.shape[1] == 1 else np.asarray(softmax(made, axis=1))

    def save(self, folder: Path) -> None:
        skops_files.dump(self.model, folder / SKOPS_FILE)


def fit(job: FitRequest) -> FittedModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it ends at max_iter or at the deadline, as asked
        return LinearModel(_classifier(job) if job.classification else _regressor(job))


def load(folder: Path, file: EstimatorFile) -> FittedModel:  # noqa: ARG001 - the same call for every family
    return LinearModel(skops_files.load(folder / SKOPS_FILE))


def _regressor(job: FitRequest) -> Any:
    from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge

    alpha, most = job.settings.number("alpha"), job.settings.integer("max_iter")
    match job.settings.text("penalty"):
        case "none":
            return LinearRegression().fit(job.X, job.y)
        case "l1":  # per row, as scikit-learn counts it, so that alpha means the same for every penalty
            return Lasso(alpha=alpha / len(job.y), max_iter=most, random_state=job.seed).fit(job.X, job.y)
        case "elasticnet":
            share = job.settings.number("l1_ratio")
            model = ElasticNet(alpha=alpha / len(job.y), l1_ratio=share, max_iter=most, random_state=job.seed)
            return model.fit(job.X, job.y)
        case _:
            return Ridge(alpha=alpha, random_state=job.seed).fit(job.X, job.y)


def _classifier(job: FitRequest) -> Any:
    from sklearn.linear_model import LogisticRegression

    penalty, most = job.settings.text("penalty"), job.settings.integer("max_iter")
    share = {"l1": 1.0, "elasticnet": job.settings.number("l1_ratio")}.get(penalty, 0.0)
    model = LogisticRegression(
        C=np.inf if penalty == "none" else 1.0 / job.settings.number("alpha"),
        l1_ratio=share,
        solver="saga" if share else "lbfgs",
        max_iter=_STEP,
        warm_start=True,
        random_state=job.seed,
    )
    for done in range(0, most, _STEP):
        model.set_params(max_iter=min(_STEP, most - done))
        model.fit(job.X, job.y, sample_weight=job.weights)
        if job.late() or int(np.max(model.n_iter_)) < model.max_iter:
            break
    return model
