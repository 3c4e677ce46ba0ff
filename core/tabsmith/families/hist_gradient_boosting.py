"""Scikit-learn's histogram boosting, grown in steps until an inner split improves no more or the deadline comes."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import expit, softmax

from tabsmith.families import skops_files
from tabsmith.families.estimator import (
    SKOPS_FILE,
    EstimatorFile,
    FitRequest,
    FittedModel,
    fits_absolute_error,
    two_class_columns,
)
from tabsmith.modeling.rows import Floats

_PATIENCE: Final = 20  # trees
_FEWEST_TO_STOP: Final = 100
_FIRST_TREES: Final = 50
_FEWEST_FOR_THREADS: Final = 1000  # rows


@dataclass(frozen=True)
class HistGradientBoostingModel:
    """A fitted HistGradientBoosting model."""

    model: Any

    def predict(self, X: Floats) -> Floats:
        # The public predict wakes all threads once per tree: half a second for a row on a busy machine.
        threads = 1 if len(X) < _FEWEST_FOR_THREADS else None
        made = np.asarray(self.model._raw_predict(X, n_threads=threads), dtype=np.float64)  # noqa: SLF001
        if not hasattr(self.model, "classes_"):
            return made
        return two_class_columns(expit(made[:, 0])) if made.shape[1] == 1 else np.asarray(softmax(made, axis=1))

    def save(self, folder: Path) -> None:
        skops_files.dump(self.model, folder / SKOPS_FILE)


def fit(job: FitRequest) -> FittedModel:
    """Stopped early on the inner rows, then, when there is time, fitted again on all rows with as many trees."""
    most = job.settings.integer("max_iter")
    if len(job.y) < _FEWEST_TO_STOP:
        return HistGradientBoostingModel(_grown(job, _new(job), most, job.X, job.y, job.weights, {}))
    rows, stop = job.inner()
    if job.classification:  # a class that only the inner rows hold cannot be scored
        stop = stop[np.isin(job.y[stop], job.y[rows])]
    weights = job.weights
    held = {"X_val": job.X[stop], "y_val": job.y[stop]}
    if weights is not None:
        held["sample_weight_val"] = weights[stop]
    started = time.monotonic()
    model = _new(job).set_params(early_stopping=True)
    _grown(job, model, most, job.X[rows], job.y[rows], None if weights is None else weights[rows], held)
    if job.has_time_for_another(time.monotonic() - started):
        trees = max(1, int(np.argmax(model.validation_score_)))
        model = _new(job).set_params(max_iter=trees).fit(job.X, job.y, sample_weight=weights)
    return HistGradientBoostingModel(model)


def _grown(
    job: FitRequest, model: Any, most: int, X: Floats, y: Any, weights: Floats | None, held: dict[str, Any]
) -> Any:
    """A warm start in growing steps: scikit-learn knows no other way to end a fit at a deadline."""
    model.set_params(max_iter=min(_FIRST_TREES, most), warm_start=True)
    while True:
        model.fit(X, y, sample_weight=weights, **held)
        done = int(model.n_iter_)
        if done < model.max_iter or done >= most or job.late():
            return model
        model.set_params(max_iter=min(most, 2 * done))


def _new(job: FitRequest) -> Any:
    return _kind(job)(
        early_stopping=False,
        n_iter_no_change=_PATIENCE,
        categorical_features=None,
        random_state=job.seed,
        **job.settings.given(
            "learning_rate", "max_leaf_nodes", "l2_regularization", "max_features", "max_depth", "max_bins"
        ),
        min_samples_leaf=min(job.settings.integer("min_samples_leaf"), max(2, len(job.y) // 10)),
        **({"loss": "absolute_error"} if fits_absolute_error(job) else {}),
    )


def load(folder: Path, file: EstimatorFile) -> FittedModel:  # noqa: ARG001 - the same call for every family
    return HistGradientBoostingModel(skops_files.load(folder / SKOPS_FILE))


def _kind(job: FitRequest) -> Any:
    from sklearn import ensemble

    return ensemble.HistGradientBoostingClassifier if job.classification else ensemble.HistGradientBoostingRegressor
