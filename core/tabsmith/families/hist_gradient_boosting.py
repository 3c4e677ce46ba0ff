"""Scikit-learn's histogram boosting, grown in steps until an inner split improves no more or the deadline comes."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.families.registry import register
from tabsmith.families.saved_values import SavedAttributes
from tabsmith.families.skops_files import SkopsModel
from tabsmith.families.spec import (
    CLASS_WEIGHT,
    FamilyRequirements,
    FamilySpec,
    PortfolioEntry,
    TableSize,
    entry,
    integer,
    number,
)

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats

_PATIENCE: Final = 20  # trees
_FIRST_TREES: Final = 50
_MIN_ROWS_FOR_THREADS: Final = 1000


class HistGradientBoostingModel(SkopsModel, frozen=True):
    """A fitted HistGradientBoosting model."""

    @property
    def rounds(self) -> int:
        import numpy as np

        validated = len(self.model.validation_score_) > 0
        return max(1, int(np.argmax(self.model.validation_score_))) if validated else int(self.model.n_iter_)

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        from tabsmith.families.estimator import probabilities

        # The public predict wakes all threads once per tree: half a second for a row on a busy machine.
        threads = 1 if len(X) < _MIN_ROWS_FOR_THREADS else None
        values = np.asarray(self.model._raw_predict(X, n_threads=threads), dtype=np.float64)  # noqa: SLF001
        return probabilities(values) if hasattr(self.model, "classes_") else values

    @classmethod
    def load(cls, path: Path, file: "EstimatorFile", features: int) -> "HistGradientBoostingModel":
        """The model saved in `path`, made again from its trees. Raises ModelDamagedError."""
        import numpy as np
        from sklearn import ensemble
        from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

        from tabsmith.families.saved_trees import histogram_tree

        name = "HistGradientBoostingClassifier" if file.present else "HistGradientBoostingRegressor"
        saved = SavedAttributes.read(path, name)
        outputs = file.model_outputs if file.model_outputs > 2 else 1
        saved.expect(n_features_in_=features, n_trees_per_iteration_=outputs, is_categorical_=None, _preprocessor=None)
        trees = saved.items("_predictors")
        if not all(isinstance(trees_of_round, list) and len(trees_of_round) == outputs for trees_of_round in trees):
            raise saved.wrong("_predictors", "of another number of trees in a round than the model")
        model: Any = getattr(ensemble, name)()
        model.n_features_in_, model._n_features, model.n_trees_per_iteration_ = features, features, outputs  # noqa: SLF001
        model.is_categorical_, model._preprocessor = None, None  # noqa: SLF001
        model._baseline_prediction = saved.numbers("_baseline_prediction", 1, outputs).astype(np.float64)  # noqa: SLF001
        model._predictors = [  # noqa: SLF001 - scikit-learn has no public way to make a fitted one
            [histogram_tree(path, tree, features) for tree in trees_of_round] for trees_of_round in trees
        ]
        scores = saved.value("validation_score_")
        model.validation_score_ = np.zeros(0) if np.size(scores) == 0 else saved.numbers("validation_score_", None)
        model._bin_mapper = _BinMapper()  # noqa: SLF001
        model._bin_mapper.is_categorical_, model._bin_mapper.bin_thresholds_ = np.zeros(features, np.uint8), []  # noqa: SLF001
        if file.present:
            model.classes_ = np.arange(file.model_outputs)
        model._loss = model._get_loss(sample_weight=None)  # noqa: SLF001 - its link makes probabilities of the trees' sums
        return cls(model)


def fit(request: "FitRequest") -> HistGradientBoostingModel:
    """With as many trees as the request knows of; else as many as the rows to stop by want, and fitted again on all rows
    where those were taken from them, when there is time."""
    max_trees = request.rounds or request.parameters.integer("max_iter")
    weights = request.weights
    started = time.monotonic()
    rows, stop = request.stopping()
    if stop is None:
        model = _new_model(request)
        return HistGradientBoostingModel(_grow(request, model, max_trees, request.X, request.y, weights, {}))
    validation = {"X_val": stop.X, "y_val": stop.y}
    if stop.weights is not None:
        validation["sample_weight_val"] = stop.weights
    model = _new_model(request).set_params(early_stopping=True)
    row_weights = None if weights is None else weights[rows]
    _grow(request, model, max_trees, request.X[rows], request.y[rows], row_weights, validation)
    stopped = HistGradientBoostingModel(model)
    if len(rows) < len(request.y) and request.has_time_for_another(time.monotonic() - started):
        again = _new_model(request).set_params(max_iter=stopped.rounds)
        return HistGradientBoostingModel(again.fit(request.X, request.y, sample_weight=weights))
    return stopped


def _grow(
    request: "FitRequest",
    model: Any,
    max_trees: int,
    X: "Floats",
    y: Any,
    weights: "Floats | None",
    validation: dict[str, Any],
) -> Any:
    """A warm start in growing steps: scikit-learn knows no other way to end a fit at a deadline."""
    model.set_params(max_iter=min(_FIRST_TREES, max_trees), warm_start=True)
    while True:
        model.fit(X, y, sample_weight=weights, **validation)
        done = int(model.n_iter_)
        if done < model.max_iter or done >= max_trees or request.out_of_time():
            return model
        model.set_params(max_iter=min(max_trees, 2 * done))


def _new_model(request: "FitRequest") -> Any:
    from sklearn import ensemble

    name = "HistGradientBoostingClassifier" if request.classification else "HistGradientBoostingRegressor"
    return getattr(ensemble, name)(
        early_stopping=False,
        n_iter_no_change=_PATIENCE,
        categorical_features=None,
        random_state=request.seed,
        **request.parameters.given(
            "learning_rate", "max_leaf_nodes", "l2_regularization", "max_features", "max_depth", "max_bins"
        ),
        min_samples_leaf=min(request.parameters.integer("min_samples_leaf"), max(2, len(request.y) // 10)),
        **({"monotonic_cst": list(request.monotone)} if request.monotone else {}),
        **({"loss": "absolute_error"} if request.absolute_error else {}),
        **({"loss": "quantile", "quantile": request.loss.quantile} if request.loss.kind == "quantile" else {}),
    )


_ROUND_SECONDS: Final = 1e-4
_ROW_SECONDS: Final = 6e-9


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    leaf = size.leaf_rows(20)
    affordable = size.affordable_rounds(_ROUND_SECONDS, _ROW_SECONDS)
    return [
        entry(26, "histogram boosting, default", max_iter=max(20, min(400, affordable)), learning_rate=0.1,
              min_samples_leaf=leaf),
        entry(16, "histogram boosting, slow", max_iter=max(20, min(1500, 2 * affordable)), learning_rate=0.03,
              max_features=0.7, min_samples_leaf=leaf),
        entry(31, "histogram boosting, small trees", max_iter=max(20, min(1500, 2 * affordable)), learning_rate=0.06,
              max_leaf_nodes=8, l2_regularization=1.0, max_features=0.7, min_samples_leaf=leaf),
    ]  # fmt: skip


register(
    FamilySpec(
        name="hist_gradient_boosting",
        label="histogram boosting",
        aliases="hgb hist hgbt histgbm histgradientboosting histgb sklearngbm",
        parameters=(
            number("learning_rate", 0.001, 1.0, 0.1, "how much each tree adds", log=True),
            integer("max_iter", 10, 5000, 200, "trees", log=True),
            integer("max_leaf_nodes", 2, 512, 31, "most leaves in a tree", log=True),
            integer("min_samples_leaf", 1, 1000, 20, "fewest rows in a leaf", log=True),
            number("l2_regularization", 0.0, 1000.0, 0.0, "l2 penalty on leaf values"),
            number("max_features", 0.05, 1.0, 1.0, "share of the columns tried at each split"),
            integer("max_depth", 1, 64, None, "deepest level; left out: no limit"),
            integer("max_bins", 8, 255, 255, "bins per column"),
            CLASS_WEIGHT,
        ),
        portfolio=_portfolio,
        is_random=lambda parameters: parameters.number("max_features") < 1,
        requirements=FamilyRequirements(monotone=True),
        fit=fit,
        load=HistGradientBoostingModel.load,
        # No native categories: scikit-learn keeps them in types that no saved model may hold.
        trusted_types=(
            "numpy.random._generator.Generator",
            "sklearn._loss._loss.CyAbsoluteError",
            "sklearn._loss._loss.CyHalfBinomialLoss",
            "sklearn._loss._loss.CyHalfMultinomialLoss",
            "sklearn._loss._loss.CyHalfSquaredError",
            "sklearn._loss._loss.CyPinballLoss",
            "sklearn._loss.link.HalfLogitLink",
            "sklearn._loss.link.IdentityLink",
            "sklearn._loss.link.Interval",
            "sklearn._loss.link.LogLink",
            "sklearn._loss.link.LogitLink",
            "sklearn._loss.link.MultinomialLogit",
            "sklearn._loss.loss.AbsoluteError",
            "sklearn._loss.loss.HalfBinomialLoss",
            "sklearn._loss.loss.HalfMultinomialLoss",
            "sklearn._loss.loss.HalfSquaredError",
            "sklearn._loss.loss.PinballLoss",
            "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
            "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
            "sklearn.preprocessing._label.LabelEncoder",
        ),
        preload=("sklearn.ensemble", "sklearn.preprocessing"),
    )
)
