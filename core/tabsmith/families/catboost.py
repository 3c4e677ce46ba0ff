"""CatBoost: categories by its own ordered statistics, stopped early on an inner split, saved as its own .cbm file."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import catboost
import numpy as np

from tabsmith.errors import ModelDamagedError
from tabsmith.families.estimator import EstimatorFile, FitRequest, FittedModel, fits_absolute_error, two_class_columns
from tabsmith.modeling.rows import Floats, Ints
from tabsmith.text import clean

FILE: Final = "model.cbm"
PATIENCE: Final = 50
_FEWEST_TO_STOP: Final = 100
_MOST_TO_FIT_AGAIN: Final = 10_000  # rows


@dataclass(frozen=True)
class CatBoostModel:
    """A fitted CatBoost model and the columns that hold categories."""

    model: Any
    categorical: tuple[int, ...]
    outputs: int

    def predict(self, X: Floats) -> Floats:
        threads = 1 if len(X) < 1000 else -1
        pool = _features(X, self.categorical)
        raw = np.asarray(self.model.predict(pool, prediction_type="RawFormulaVal", thread_count=threads), dtype=float)
        if self.outputs == 1:
            return raw.reshape(-1, 1)
        if self.outputs == 2:
            return two_class_columns(1 / (1 + np.exp(-raw.reshape(-1))))
        powers = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> None:
        self.model.save_model(str(folder / FILE), format="cbm")


def fit(job: FitRequest) -> FittedModel:
    """Stopped early on the inner rows, then, on smaller tables and when there is time, fitted again on all rows."""
    outputs = job.outputs if job.classification else 1
    everything, nothing = np.arange(len(job.y)), np.arange(0)
    rows, stop = job.inner() if len(job.y) >= _FEWEST_TO_STOP else (everything, nothing)
    if job.classification and len(np.unique(job.y[rows])) < job.outputs:  # a class is in the inner rows alone
        rows, stop = everything, nothing
    started = time.monotonic()
    model = _train(job, rows, stop, _parameters(job))
    again = len(stop) > 0 and len(job.y) <= _MOST_TO_FIT_AGAIN
    if again and job.has_time_for_another(time.monotonic() - started):
        # The rate that CatBoost chose goes with its trees; left to itself it would choose another one now.
        trees = {"iterations": max(1, int(model.tree_count_)), "learning_rate": float(model.learning_rate_)}
        model = _train(job, everything, nothing, _parameters(job) | trees)
    return CatBoostModel(model, job.categorical, outputs)


def _train(job: FitRequest, rows: Ints, stop: Ints, parameters: dict[str, Any]) -> Any:
    held = {}
    if len(stop):
        held = {"eval_set": _pool(job, stop), "early_stopping_rounds": PATIENCE, "use_best_model": True}
    model = catboost.CatBoost(parameters)
    return model.fit(_pool(job, rows), callbacks=[_DeadlineCallback(job)], **held)


def _parameters(job: FitRequest) -> dict[str, Any]:
    loss = "MAE" if fits_absolute_error(job) else "RMSE"
    if job.classification:
        loss = "Logloss" if job.outputs == 2 else "MultiClass"
    settings = job.settings
    weights = settings.given("auto_class_weights").get("auto_class_weights", "None") if job.classification else "None"
    parameters = settings.given(
        "iterations", "learning_rate", "depth", "l2_leaf_reg", "random_strength", "rsm", "one_hot_max_size",
        "border_count", "bagging_temperature",
    )  # fmt: skip
    return {
        **parameters,
        **({"bootstrap_type": "Bayesian"} if "bagging_temperature" in parameters else {}),
        **({"auto_class_weights": weights} if weights != "None" else {}),
        "loss_function": loss,
        "random_seed": job.seed,
        "thread_count": job.threads,
        "allow_writing_files": False,
        "verbose": False,
    }


def load(folder: Path, file: EstimatorFile) -> FittedModel:
    model = catboost.CatBoost()
    try:
        model.load_model(str(folder / FILE), format="cbm")
    except (catboost.CatBoostError, OSError) as error:
        raise ModelDamagedError(f"A saved model cannot be read: {clean(error)}", where=str(folder / FILE)) from error
    return CatBoostModel(model, file.categorical, file.core_outputs)


class _DeadlineCallback:
    """Ends the boosting when the time is up; what is there is kept."""

    def __init__(self, job: FitRequest) -> None:
        self.job = job

    def after_iteration(self, info: Any) -> bool:  # noqa: ARG002 - CatBoost's signature
        return not self.job.late()


def _pool(job: FitRequest, rows: Any) -> Any:
    return catboost.Pool(_features(job.X[rows], job.categorical), job.y[rows])


def _features(X: Floats, categorical: tuple[int, ...]) -> Any:
    """CatBoost's own container: numbers, and categories as bytes; it reorders columns, numbers first."""
    if not categorical:
        return catboost.FeaturesData(num_feature_data=np.ascontiguousarray(X, dtype=np.float32))
    numeric = [place for place in range(X.shape[1]) if place not in set(categorical)]
    codes = np.nan_to_num(X[:, list(categorical)], nan=-1.0).astype(np.int64)
    words = np.asarray([b"%d" % code for code in range(-1, int(codes.max(initial=0)) + 1)], dtype=object)
    return catboost.FeaturesData(
        num_feature_data=np.ascontiguousarray(X[:, numeric], dtype=np.float32) if numeric else None,
        cat_feature_data=words[codes + 1],
    )
