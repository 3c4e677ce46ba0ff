"""A multi-layer perceptron, one pass over the rows at a time, so that the clock is looked at in between."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tabsmith.families import skops_files
from tabsmith.families.estimator import SKOPS_FILE, EstimatorFile, FitRequest, FittedModel
from tabsmith.modeling.rows import Floats

_PATIENCE: Final = 10  # passes
_TOLERANCE: Final = 1e-4


@dataclass(frozen=True)
class NeuralNetworkModel:
    """A fitted scikit-learn perceptron."""

    model: Any

    def predict(self, X: Floats) -> Floats:
        inputs = X.astype(np.float32)
        if hasattr(self.model, "classes_"):
            return np.asarray(self.model.predict_proba(inputs), dtype=np.float64)
        return np.asarray(self.model.predict(inputs), dtype=np.float64).reshape(-1, 1)

    def save(self, folder: Path) -> None:
        self.model._optimizer = None  # noqa: SLF001 - only needed to go on fitting, and twice the size of the rest
        skops_files.dump(self.model, folder / SKOPS_FILE)


def fit(job: FitRequest) -> FittedModel:
    """With early stopping, the weights of the best pass on the inner rows; without, those of the last pass, which is
    the first after the training loss has stopped falling."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    settings = job.settings
    stopping = settings.flag("early_stopping") and len(job.y) >= 50
    X, y = job.X.astype(np.float32), job.y
    rows, stop = job.inner() if stopping else (np.arange(len(y)), np.arange(0))
    model: Any = (MLPClassifier if job.classification else MLPRegressor)(
        hidden_layer_sizes=tuple(int(each) for each in settings.text("hidden_layer_sizes").split(",")),
        random_state=job.seed,
        **settings.given("alpha", "learning_rate_init", "activation", "batch_size"),
    )
    classes = {"classes": np.arange(job.outputs)} if job.classification else {}
    if isinstance(model.batch_size, int):
        model.set_params(batch_size=min(model.batch_size, len(rows)))
    best, kept, waited = np.inf, None, 0
    for number in range(settings.integer("max_iter")):
        model.partial_fit(X[rows], y[rows], **(classes if number == 0 else {}))
        loss = _loss(model, X[stop], y[stop]) if stopping else float(model.loss_)
        if not np.isfinite(loss):
            break
        if loss < best - _TOLERANCE * max(1.0, abs(best) if np.isfinite(best) else 1.0):
            best, waited = loss, 0
            kept = [each.copy() for each in (*model.coefs_, *model.intercepts_)]
        else:
            waited += 1
        if waited >= _PATIENCE or job.late():
            break
    if kept is not None and (stopping or not np.isfinite(loss)):
        layers = len(model.coefs_)
        model.coefs_, model.intercepts_ = kept[:layers], kept[layers:]
    return NeuralNetworkModel(model)


def load(folder: Path, file: EstimatorFile) -> FittedModel:  # noqa: ARG001 - the same call for every family
    return NeuralNetworkModel(skops_files.load(folder / SKOPS_FILE))


def _loss(model: Any, X: Any, y: Any) -> float:
    made = NeuralNetworkModel(model).predict(X)
    if hasattr(model, "classes_"):
        return float(-np.log(np.clip(made[np.arange(len(y)), y], 1e-12, None)).mean())
    return float(np.mean((made[:, 0] - y) ** 2))
