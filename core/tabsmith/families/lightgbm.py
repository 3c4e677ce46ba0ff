"""LightGBM: its native booster, stopped early on an inner split, saved as its own text."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightgbm
import numpy as np

from tabsmith.errors import ModelDamagedError
from tabsmith.families.estimator import EstimatorFile, FitRequest, FittedModel, fits_absolute_error, two_class_columns
from tabsmith.modeling.rows import Floats, Ints
from tabsmith.text import clean

FILE: Final = "booster.txt"
PATIENCE: Final = 50
_FEWEST_TO_STOP: Final = 100  # rows below which no rows are spared to stop early by


@dataclass(frozen=True)
class LightGBMModel:
    """A fitted booster; one thread, because a row is not worth waking others."""

    booster: Any
    outputs: int

    def predict(self, X: Floats) -> Floats:
        threads = 1 if len(X) < 1000 else 0
        made = np.asarray(self.booster.predict(X, num_threads=threads), dtype=np.float64)
        if self.outputs == 2:
            return two_class_columns(made)
        return made.reshape(len(X), -1)

    def save(self, folder: Path) -> None:
        self.booster.save_model(str(folder / FILE))


def fit(job: FitRequest) -> FittedModel:
    """Stopped early on the inner rows, then, when there is time, fitted again on all rows with as many trees: the
    eighth of the rows that the stopping cost is worth 3 to 6 % of a regression's error.
    """
    most = job.settings.integer("n_estimators")
    outputs = job.outputs if job.classification else 1
    everything, nothing = np.arange(len(job.y)), np.arange(0)
    if len(job.y) < _FEWEST_TO_STOP:
        return LightGBMModel(_train(job, everything, nothing, most), outputs)
    started = time.monotonic()
    booster = _train(job, *job.inner(), most)
    trees = booster.best_iteration or booster.current_iteration()
    if job.has_time_for_another(time.monotonic() - started):
        booster = _train(job, everything, nothing, trees)
    return LightGBMModel(booster, outputs)


def _train(job: FitRequest, rows: Ints, stop: Ints, trees: int) -> Any:
    data_settings = {
        "max_bin": job.settings.integer("max_bin"),
        "feature_pre_filter": False,
        "verbose": -1,
        "num_threads": job.threads,
        "min_data_in_bin": 1 if len(job.y) < 500 else 3,
    }
    weights = job.weights
    train = lightgbm.Dataset(
        job.X[rows],
        job.y[rows],
        weight=None if weights is None else weights[rows],
        categorical_feature=list(job.categorical),
        params=data_settings,
        free_raw_data=True,
    )
    callbacks: list[Any] = [_StopAtDeadline(job)]
    valid = []
    if len(stop):
        weight = None if weights is None else weights[stop]
        valid = [train.create_valid(job.X[stop], job.y[stop], weight=weight)]
        callbacks.append(lightgbm.early_stopping(PATIENCE, first_metric_only=True, verbose=False))
    return lightgbm.train(
        _parameters(job) | data_settings, train, num_boost_round=trees, valid_sets=valid, callbacks=callbacks
    )


def load(folder: Path, file: EstimatorFile) -> FittedModel:
    try:
        booster = lightgbm.Booster(model_file=str(folder / FILE))
    except (lightgbm.basic.LightGBMError, OSError) as error:
        raise ModelDamagedError(f"A saved booster cannot be read: {clean(error)}", where=str(folder / FILE)) from error
    return LightGBMModel(booster, file.core_outputs)


class _StopAtDeadline:
    """Ends the boosting when the time is up; what is there is kept."""

    order = 40
    before_iteration = False

    def __init__(self, job: FitRequest) -> None:
        self.job = job

    def __call__(self, env: Any) -> None:
        if self.job.late():
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list or [])


def _parameters(job: FitRequest) -> dict[str, Any]:
    settings = job.settings
    names = (
        "learning_rate", "num_leaves", "feature_fraction", "bagging_fraction", "bagging_freq", "lambda_l1",
        "lambda_l2", "extra_trees", "max_depth", "min_gain_to_split", "path_smooth", "cat_smooth", "cat_l2",
    )  # fmt: skip
    objective = "regression_l1" if fits_absolute_error(job) else "regression"
    if job.classification:
        objective = "binary" if job.outputs == 2 else "multiclass"
    # A leaf of 20 rows, the default, would allow no split at all in the smallest tables.
    leaf = min(settings.integer("min_data_in_leaf"), max(2, len(job.y) // 10))
    return {
        **settings.given(*names),
        "objective": objective,
        **({"num_class": job.outputs} if objective == "multiclass" else {}),
        "min_data_in_leaf": leaf,
        "min_data_per_group": min(100, max(2, len(job.y) // 20)),
        "seed": job.seed,
        "deterministic": True,
        "force_col_wise": True,
    }
