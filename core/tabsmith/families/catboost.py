"""CatBoost: categories by its own ordered statistics, stopped early on an inner split, saved as its own .cbm file."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.errors import ModelDamagedError
from tabsmith.families.registry import register
from tabsmith.families.spec import (
    FamilyRequirements,
    FamilySpec,
    ParameterValue,
    PortfolioEntry,
    TableSize,
    choice,
    entry,
    integer,
    number,
)
from tabsmith.text import clean

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats, Ints, StoppingRows

_PATIENCE: Final = 50  # trees
_USUAL_RATE: Final = 0.05
_LEARNING_RATES: Final = {
    "RMSE": (0.157, 0.01721, -0.61),
    "Logloss": (0.246, 0.005934, -0.451),
    "MultiClass": (0.02, 0.09402, -0.382),
}
"""Of each loss: the exponent of the rows, a factor, and the exponent of the thousands of trees."""


class CatBoostModel(msgspec.Struct, frozen=True):
    """A fitted CatBoost model and the columns that hold categories."""

    model: Any
    categorical: tuple[int, ...]
    outputs: int

    @property
    def rounds(self) -> int:
        return int(self.model.tree_count_)

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        from tabsmith.families.estimator import probabilities

        threads = 1 if len(X) < 1000 else -1
        features = _features_data(X, self.categorical)
        raw = self.model.predict(features, prediction_type="RawFormulaVal", thread_count=threads)
        values = np.asarray(raw, dtype=np.float64).reshape(len(X), -1)
        return probabilities(values) if self.outputs > 1 else values

    def contributions(self, X: "Floats", background: "Floats") -> "Floats":  # noqa: ARG002 - the trees keep averages
        """See AdditiveModel: exact for trees (Lundberg et al. 2020, TreeSHAP)."""
        import catboost
        import numpy as np

        pool = catboost.Pool(_features_data(X, self.categorical))
        values = np.asarray(self.model.get_feature_importance(pool, type="ShapValues"), dtype=np.float64)
        values = values.reshape(len(X), -1, X.shape[1] + 1)
        numeric = [column for column in range(X.shape[1]) if column not in set(self.categorical)]
        ordered = np.empty_like(values)
        ordered[:, :, [*numeric, *self.categorical, X.shape[1]]] = values
        return ordered

    def save(self, path: Path) -> None:
        self.model.save_model(str(path), format="cbm")


def fit(request: "FitRequest") -> CatBoostModel:
    """With as many trees as the request knows of; else as many as the rows to stop by want, and fitted again on all rows
    where those were taken from them, when there is time."""
    import numpy as np

    everything = np.arange(len(request.y))
    started = time.monotonic()
    rows, stop = request.stopping()
    if request.classification and len(np.unique(request.y[rows])) < request.outputs:  # a class would be missing
        rows, stop = everything, None
    model = _train(request, rows, stop, request.rounds)
    if len(rows) < len(request.y) and request.has_time_for_another(time.monotonic() - started):
        model = _train(request, everything, None, max(1, int(model.tree_count_)))
    return CatBoostModel(model, request.categorical, request.outputs if request.classification else 1)


def _train(request: "FitRequest", rows: "Ints", stop: "StoppingRows | None", trees: int) -> Any:
    """A booster of `trees` trees, or, if 0, of at most as many as the recipe says."""
    import catboost

    from tabsmith.families.estimator import stopping_patience

    def pool(X: "Floats", y: Any, weights: "Floats | None") -> Any:
        return catboost.Pool(_features_data(X, request.categorical), y, weight=weights)

    parameters = _parameters(request, len(rows)) | ({"iterations": trees} if trees else {})
    validation = {}
    if stop is not None:
        patience = stopping_patience(_PATIENCE, float(parameters["learning_rate"]), _USUAL_RATE)
        validation = {
            "eval_set": pool(stop.X, stop.y, stop.weights),
            "early_stopping_rounds": patience,
            "use_best_model": True,
        }
    weights = None if request.weights is None else request.weights[rows]
    train = pool(request.X[rows], request.y[rows], weights)
    return catboost.CatBoost(parameters).fit(train, callbacks=[_DeadlineCallback(request)], **validation)


def _learning_rate(loss: str, rows: int, trees: int) -> float:
    """The learning rate that CatBoost chooses for a fit with rows to stop by.

    Without such rows it would choose another one, which would not go with the trees that another fold has found.
    """
    of_rows, factor, of_trees = _LEARNING_RATES.get(loss, (0.0, 0.03, 0.0))
    return float(f"{min(0.5, factor * rows**of_rows * (trees / 1000) ** of_trees):.4g}")


def _parameters(request: "FitRequest", rows: int) -> dict[str, Any]:
    losses = {"absolute error": "MAE", "relative error": "MAPE", "quantile": f"Quantile:alpha={request.loss.quantile}"}
    loss = losses.get(request.loss.kind, "RMSE")
    weights: ParameterValue = "None"
    if request.classification:
        loss = "Logloss" if request.outputs == 2 else "MultiClass"
        weights = request.parameters.text("auto_class_weights")
    parameters = request.parameters.given(
        "iterations", "learning_rate", "depth", "l2_leaf_reg", "random_strength", "rsm", "one_hot_max_size",
        "border_count", "bagging_temperature",
    )  # fmt: skip
    trees = request.parameters.integer("iterations")
    return {
        "learning_rate": _learning_rate(loss, rows, trees),
        **parameters,
        **({"bootstrap_type": "Bayesian"} if "bagging_temperature" in parameters else {}),
        **({"auto_class_weights": weights} if weights != "None" else {}),
        **({"monotone_constraints": _numbers_first(request)} if request.monotone else {}),
        "loss_function": loss,
        "random_seed": request.seed,
        "thread_count": request.threads,
        "allow_writing_files": False,
        "verbose": False,
    }


def load(path: Path, file: "EstimatorFile", features: int) -> CatBoostModel:
    """The model saved in `path`. Raises ModelDamagedError."""
    import catboost

    from tabsmith.families.saved_catboost import require_sound_model

    require_sound_model(path, features - len(file.categorical), len(file.categorical), file.model_outputs)
    model = catboost.CatBoost()
    try:
        model.load_model(str(path), format="cbm")
    except (catboost.CatBoostError, OSError) as error:
        raise ModelDamagedError(f"A saved model cannot be read: {clean(error)}", where=str(path)) from error
    return CatBoostModel(model, file.categorical, file.model_outputs)


class _DeadlineCallback:
    """Ends the boosting when the time is up; the trees grown so far are kept."""

    def __init__(self, request: "FitRequest") -> None:
        self._request = request

    def after_iteration(self, info: Any) -> bool:  # noqa: ARG002 - CatBoost's signature
        return not self._request.out_of_time()


def _features_data(X: "Floats", categorical: tuple[int, ...]) -> Any:
    """CatBoost's own container: numbers, and categories as bytes; it reorders columns, numbers first."""
    import catboost
    import numpy as np

    if not categorical:
        return catboost.FeaturesData(num_feature_data=np.ascontiguousarray(X, dtype=np.float32))
    numeric = [column for column in range(X.shape[1]) if column not in set(categorical)]
    codes = np.nan_to_num(X[:, list(categorical)], nan=-1.0).astype(np.int64)
    levels = np.asarray([b"%d" % code for code in range(-1, int(codes.max(initial=0)) + 1)], dtype=object)
    return catboost.FeaturesData(
        num_feature_data=np.ascontiguousarray(X[:, numeric], dtype=np.float32) if numeric else None,
        cat_feature_data=levels[codes + 1],
    )


_ROUND_SECONDS: Final = 1.8e-4
_ROW_SECONDS: Final = 1.7e-8
"""What a tree of depth 6 costs for each column, and for each column and row, on a core of today."""

_TIMES_OF_A_CLASS: Final = 0.55
"""What one class costs beside a regression: all classes share the splits of one tree."""

_SHARE: Final = 0.15  # of the time, for one recipe: dearer than others, and on most tables the best


_FEWEST_ROUNDS: Final = 30
_LATE: Final = 20  # ranks, where even so many rounds are too dear: after whatever else there is


def _numbers_first(request: "FitRequest") -> list[int]:
    """The monotone constraints in CatBoost's order of the columns."""
    categorical = set(request.categorical)
    numeric = [sign for column, sign in enumerate(request.monotone) if column not in categorical]
    return [*numeric, *(0 for _ in request.categorical)]


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    def boosted(rank: int, name: str, usual: int, depth: int, **more: ParameterValue) -> PortfolioEntry:
        times = 2.0 ** (depth - 6) * (_TIMES_OF_A_CLASS if size.outputs > 1 else 1.0)
        affordable = size.affordable_rounds(_ROUND_SECONDS * times, _ROW_SECONDS * times**0.5, share=_SHARE)
        late = _LATE if affordable < _FEWEST_ROUNDS else 0
        rounds = max(_FEWEST_ROUNDS, min(usual, affordable))
        return entry(size.boosting_rank(rank) + late, name, iterations=rounds, depth=depth, **more)

    return [
        boosted(2, "CatBoost, default", 1000, 6),
        boosted(9, "CatBoost, shallow", 1000, 4, l2_leaf_reg=2.0),
        boosted(13, "CatBoost, deep", 1000, 8, l2_leaf_reg=4.0, rsm=0.8),
        boosted(20, "CatBoost, random", 1500, 6, random_strength=2.0, bagging_temperature=1.0),
        boosted(22, "CatBoost, smooth", 1000, 6, l2_leaf_reg=10.0),
        boosted(24, "CatBoost, one-hot", 1000, 5, one_hot_max_size=25),
    ]


register(
    FamilySpec(
        name="catboost",
        label="CatBoost",
        aliases="cat cb catb",
        parameters=(
            integer("iterations", 10, 10_000, 500, "trees", log=True),
            number("learning_rate", 0.001, 1.0, None, "how much each tree adds; left out: by rows and trees", log=True),
            integer("depth", 1, 12, 6, "levels of a tree"),
            number("l2_leaf_reg", 0.0, 1000.0, 3.0, "l2 penalty on leaf values"),
            number("random_strength", 0.0, 100.0, 1.0, "noise in the choice of splits"),
            number("bagging_temperature", 0.0, 10.0, None, "how unevenly rows are weighted (Bayesian bootstrap)"),
            number("rsm", 0.05, 1.0, 1.0, "share of the columns tried at each level"),
            integer("one_hot_max_size", 2, 255, 2, "columns of at most so many categories become one-hot", log=True),
            integer("border_count", 8, 1024, 254, "bins per column", log=True),
            choice(
                "auto_class_weights",
                "None Balanced SqrtBalanced",
                "Balanced: rare classes weigh as much as frequent ones",
                "binary",
                "multiclass",
            ),
        ),
        portfolio=_portfolio,
        is_random=lambda _: True,  # its order of the rows
        suits=lambda size: size.outputs <= 100,
        requirements=FamilyRequirements(native_levels=20_000, native_level_rows=1, monotone=True),
        fit=fit,
        load=load,
        saved_file="model.cbm",
        distribution="catboost",
        preload=("catboost",),
    )
)
