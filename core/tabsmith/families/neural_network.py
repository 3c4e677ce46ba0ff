"""A multi-layer perceptron, one pass over the rows at a time, so that the clock is looked at in between."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.families.registry import register
from tabsmith.families.saved_values import SavedAttributes, require_numbers
from tabsmith.families.skops_files import SkopsModel
from tabsmith.families.spec import (
    SMALL,
    FamilyRequirements,
    FamilySpec,
    PortfolioEntry,
    TableSize,
    choice,
    entry,
    integer,
    number,
    switch,
)

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats

_PATIENCE: Final = 10  # passes
_TOLERANCE: Final = 1e-4
_ACTIVATIONS: Final = "relu tanh logistic"


class NeuralNetworkModel(SkopsModel, frozen=True):
    """A fitted scikit-learn perceptron."""

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        inputs = X.astype(np.float32)
        if hasattr(self.model, "classes_"):
            return np.asarray(self.model.predict_proba(inputs), dtype=np.float64)
        return np.asarray(self.model.predict(inputs), dtype=np.float64).reshape(-1, 1)

    def save(self, path: Path) -> None:
        self.model._optimizer = None  # noqa: SLF001 - only needed to go on fitting, and twice the size of the rest
        super().save(path)

    @classmethod
    def load(cls, path: Path, file: "EstimatorFile", features: int) -> "NeuralNetworkModel":
        """The model saved in `path`, made again from its weights. Raises ModelDamagedError."""
        import numpy as np
        from sklearn import neural_network
        from sklearn.preprocessing import LabelBinarizer

        saved = SavedAttributes.read(path, "MLPClassifier" if file.present else "MLPRegressor")
        outputs = file.model_outputs if file.model_outputs > 2 else 1
        weights, biases = saved.items("coefs_"), saved.items("intercepts_")
        if len(weights) != len(biases):
            raise saved.wrong("intercepts_", "of another number of layers than coefs_")
        model: Any = getattr(neural_network, saved.type)(
            activation=saved.text("activation", tuple(_ACTIVATIONS.split()))
        )
        model.coefs_, model.intercepts_ = [], []
        width = features
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
            size = outputs if layer == len(weights) else None
            model.coefs_.append(require_numbers(path, f"layer {layer}", weight, (width, size)))
            width = model.coefs_[-1].shape[1]
            model.intercepts_.append(require_numbers(path, f"layer {layer}", bias, (width,)))
        model.n_layers_, model.n_outputs_, model.n_features_in_ = len(weights) + 1, outputs, features
        model.out_activation_ = ("softmax" if outputs > 1 else "logistic") if file.present else "identity"
        if file.present:
            model.classes_ = np.arange(file.model_outputs)
            model._label_binarizer = LabelBinarizer().fit(model.classes_)  # noqa: SLF001 - what its own fit does
        return cls(model)


def fit(request: "FitRequest") -> NeuralNetworkModel:
    """With early stopping, the weights of the best pass on the inner rows; without, those of the last pass, which is
    the first after the training loss has stopped falling."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    parameters = request.parameters
    stopping = parameters.flag("early_stopping") and len(request.y) >= 50
    X, y = request.X.astype(np.float32), request.y
    rows, stop = request.inner() if stopping else (np.arange(len(y)), np.arange(0))
    model: Any = (MLPClassifier if request.classification else MLPRegressor)(
        hidden_layer_sizes=tuple(int(size) for size in parameters.text("hidden_layer_sizes").split(",")),
        random_state=request.seed,
        **parameters.given("alpha", "learning_rate_init", "activation", "batch_size"),
    )
    weights = np.ones(len(y)) if request.weights is None else request.weights
    classes = {"classes": np.arange(request.outputs)} if request.classification else {}
    if isinstance(model.batch_size, int):
        model.set_params(batch_size=min(model.batch_size, len(rows)))
    best_loss, best_weights, passes_without_gain = np.inf, None, 0
    for number_of_pass in range(parameters.integer("max_iter")):
        model.partial_fit(X[rows], y[rows], sample_weight=weights[rows], **(classes if number_of_pass == 0 else {}))
        loss = _loss(model, X[stop], y[stop], weights[stop]) if stopping else float(model.loss_)
        if not np.isfinite(loss):
            break
        if loss < best_loss - _TOLERANCE * max(1.0, abs(best_loss) if np.isfinite(best_loss) else 1.0):
            best_loss, passes_without_gain = loss, 0
            best_weights = [layer.copy() for layer in (*model.coefs_, *model.intercepts_)]
        else:
            passes_without_gain += 1
        if passes_without_gain >= _PATIENCE or request.out_of_time():
            break
    if best_weights is not None and (stopping or not np.isfinite(loss)):
        layers = len(model.coefs_)
        model.coefs_, model.intercepts_ = best_weights[:layers], best_weights[layers:]
    return NeuralNetworkModel(model)


def _loss(model: Any, X: Any, y: Any, weights: "Floats") -> float:
    import numpy as np

    prediction = NeuralNetworkModel(model).predict(X)
    if hasattr(model, "classes_"):
        return float(-np.average(np.log(np.clip(prediction[np.arange(len(y)), y], 1e-12, None)), weights=weights))
    return float(np.average((prediction[:, 0] - y) ** 2, weights=weights))


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    passes = 100 if size.rows < 20_000 else 30
    early = size.rows >= SMALL  # a tenth of a small table is too few rows to stop by
    return [
        entry(6, "neural network, default", hidden_layer_sizes="128,64", max_iter=passes, early_stopping=early),
        entry(29, "neural network, small",
              hidden_layer_sizes="32", alpha=0.01, max_iter=passes, early_stopping=early),
        entry(17, "neural network, wide",
              hidden_layer_sizes="256,128", alpha=0.001, max_iter=passes, early_stopping=early),
    ]  # fmt: skip


register(
    FamilySpec(
        name="neural_network",
        label="neural network",
        aliases="mlp nn net neuralnet neural perceptron multilayerperceptron",
        parameters=(
            choice("hidden_layer_sizes", "128,64 32 64 128 256 64,32 256,128 256,256 256,128,64", "neurons per layer"),
            number("alpha", 1e-7, 10.0, 1e-4, "l2 penalty on weights", log=True),
            number("learning_rate_init", 1e-5, 0.1, 1e-3, "first step size", log=True),
            choice("activation", _ACTIVATIONS, "what a neuron does with its sum"),
            integer("batch_size", 8, 4096, None, "rows per step; left out: the library's own", log=True),
            integer("max_iter", 5, 1000, 100, "passes over the rows at most", log=True),
            switch("early_stopping", "true: stop when a tenth of the rows, set aside, improves no more"),
        ),
        portfolio=_portfolio,
        is_random=lambda _: True,  # its first weights
        suits=lambda size: size.rows >= 100 and size.cells <= 20_000_000,
        requirements=FamilyRequirements(scaling="squash", missing=False, standardized_target=True),
        fit=fit,
        load=NeuralNetworkModel.load,
        trusted_types=(
            "numpy.random.mtrand.RandomState",
            "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
            "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
            "sklearn.preprocessing._label.LabelBinarizer",
        ),
        preload=("sklearn.neural_network",),
    )
)
