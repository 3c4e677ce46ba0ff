"""Nearest neighbours over scaled features."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tabsmith.families import skops_files
from tabsmith.families.estimator import SKOPS_FILE, EstimatorFile, FitRequest, FittedModel
from tabsmith.modeling.rows import Floats

MAX_NEIGHBOR_ROWS: Final = 20_000  # kept as neighbours: a prediction measures the distance to each
_CHUNK: Final = 2_000  # rows asked at once


@dataclass(frozen=True)
class NearestNeighborsModel:
    """A fitted scikit-learn nearest-neighbours model: the training rows themselves."""

    model: Any

    def predict(self, X: Floats) -> Floats:
        inputs = X.astype(np.float32)
        ask = self.model.predict_proba if hasattr(self.model, "classes_") else self.model.predict
        made = [ask(inputs[start : start + _CHUNK]) for start in range(0, max(1, len(X)), _CHUNK)]
        return np.concatenate(made).astype(np.float64).reshape(len(X), -1)

    def save(self, folder: Path) -> None:
        skops_files.dump(self.model, folder / SKOPS_FILE)


def fit(job: FitRequest) -> FittedModel:
    """Of more than 20,000 rows, that many drawn at random are the neighbours."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    index = np.arange(len(job.y))
    if len(index) > MAX_NEIGHBOR_ROWS:
        drawn = np.random.default_rng(job.seed).choice(len(index), MAX_NEIGHBOR_ROWS, replace=False)
        firsts = np.unique(job.y, return_index=True)[1] if job.classification else index[:0]  # no class is lost
        index = np.union1d(drawn, firsts)
    model: Any = (KNeighborsClassifier if job.classification else KNeighborsRegressor)(
        n_neighbors=min(job.settings.integer("n_neighbors"), len(index)),
        weights=job.settings.text("weights"),
        metric=job.settings.text("metric"),
        algorithm="brute",  # a search tree holds types of its own, and helps little beyond a few columns
        n_jobs=job.threads,
    )
    return NearestNeighborsModel(model.fit(job.X[index].astype(np.float32), job.y[index]))


def load(folder: Path, file: EstimatorFile) -> FittedModel:  # noqa: ARG001 - the same call for every family
    return NearestNeighborsModel(skops_files.load(folder / SKOPS_FILE))
