"""LightGBM: its native booster, stopped early on an inner split, saved as its own text."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.errors import ModelDamagedError
from tabsmith.families.registry import register
from tabsmith.families.spec import (
    CLASS_WEIGHT,
    LARGE,
    SMALL,
    FamilyRequirements,
    FamilySpec,
    ParameterValue,
    PortfolioEntry,
    TableSize,
    entry,
    integer,
    number,
    switch,
)
from tabsmith.text import clean

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats, Ints, ParameterValues, StoppingRows

_PATIENCE: Final = 50  # trees, at a learning rate of 0.1; more at smaller ones


class LightGBMModel(msgspec.Struct, frozen=True):
    """A fitted booster; one thread, because a row is not worth waking others."""

    booster: Any
    outputs: int

    @property
    def rounds(self) -> int:
        return int(self.booster.best_iteration if self.booster.best_iteration > 0 else self.booster.current_iteration())

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        from tabsmith.families.estimator import two_class_columns

        threads = 1 if len(X) < 1000 else 0
        prediction = np.asarray(self.booster.predict(X, num_threads=threads), dtype=np.float64)
        return two_class_columns(prediction) if self.outputs == 2 else prediction.reshape(len(X), -1)

    def contributions(self, X: "Floats", background: "Floats") -> "Floats":  # noqa: ARG002 - the trees keep averages
        """See AdditiveModel: exact for trees (Lundberg et al. 2020, TreeSHAP)."""
        import numpy as np

        values = np.asarray(self.booster.predict(X, pred_contrib=True, num_threads=0 if len(X) >= 1000 else 1))
        return values.reshape(len(X), -1, X.shape[1] + 1)

    def save(self, path: Path) -> None:
        self.booster.save_model(str(path))


def fit(request: "FitRequest") -> LightGBMModel:
    """With as many trees as the request knows of; else as many as the rows to stop by want.

    Where those are taken from the fitted rows, the booster is fitted again on all of them with as many trees, when there
    is time: the eighth of the rows that the stopping cost is worth 3 to 6 % of a regression's error.
    """
    import numpy as np

    outputs = request.outputs if request.classification else 1
    started = time.monotonic()
    rows, stop = request.stopping()
    model = LightGBMModel(
        _train(request, rows, stop, request.rounds or request.parameters.integer("n_estimators")), outputs
    )
    if len(rows) < len(request.y) and request.has_time_for_another(time.monotonic() - started):
        return LightGBMModel(_train(request, np.arange(len(request.y)), None, model.rounds), outputs)
    return model


def _train(request: "FitRequest", rows: "Ints", stop: "StoppingRows | None", trees: int) -> Any:
    import lightgbm

    data_parameters = {
        "max_bin": request.parameters.integer("max_bin"),
        "feature_pre_filter": False,
        "verbose": -1,
        "num_threads": request.threads,
        "min_data_in_bin": 1 if len(request.y) < 500 else 3,
    }
    weights = request.weights
    train = lightgbm.Dataset(
        request.X[rows],
        request.y[rows],
        weight=None if weights is None else weights[rows],
        categorical_feature=list(request.categorical),
        params=data_parameters,
        free_raw_data=True,
    )
    callbacks: list[Any] = [_StopAtDeadline(request)]
    validation = []
    if stop is not None:
        validation = [train.create_valid(stop.X, stop.y, weight=stop.weights)]
        patience = round(_PATIENCE * min(4.0, max(1.0, 0.1 / request.parameters.number("learning_rate"))))
        callbacks.append(lightgbm.early_stopping(patience, first_metric_only=True, verbose=False))
    return lightgbm.train(
        _parameters(request) | data_parameters,
        train,
        num_boost_round=trees,
        valid_sets=validation,
        callbacks=callbacks,
    )


def load(path: Path, file: "EstimatorFile") -> LightGBMModel:
    """The booster saved in `path`. Raises ModelDamagedError."""
    import lightgbm

    try:
        booster = lightgbm.Booster(model_file=str(path))
    except (lightgbm.basic.LightGBMError, OSError) as error:
        raise ModelDamagedError(f"A saved booster cannot be read: {clean(error)}", where=str(path)) from error
    return LightGBMModel(booster, file.model_outputs)


class _StopAtDeadline:
    """Ends the boosting when the time is up; the trees grown so far are kept."""

    order = 40
    before_iteration = False

    def __init__(self, request: "FitRequest") -> None:
        self._request = request

    def __call__(self, env: Any) -> None:
        if self._request.out_of_time():
            import lightgbm

            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list or [])


def _parameters(request: "FitRequest") -> dict[str, Any]:
    parameters = request.parameters
    names = (
        "learning_rate", "num_leaves", "feature_fraction", "bagging_fraction", "bagging_freq", "lambda_l1",
        "lambda_l2", "extra_trees", "max_depth", "min_gain_to_split", "path_smooth", "cat_smooth", "cat_l2",
    )  # fmt: skip
    objective = "regression_l1" if request.absolute_error else "regression"
    if request.classification:
        objective = "binary" if request.outputs == 2 else "multiclass"
    # A leaf of 20 rows, the default, would allow no split at all in the smallest tables.
    leaf = min(parameters.integer("min_data_in_leaf"), max(2, len(request.y) // 10))
    return {
        **parameters.given(*names),
        "objective": objective,
        **({"num_class": request.outputs} if objective == "multiclass" else {}),
        "min_data_in_leaf": leaf,
        "min_data_per_group": min(100, max(2, len(request.y) // 20)),
        "seed": request.seed,
        "deterministic": True,
        "force_col_wise": True,
    }


def _is_random(parameters: "ParameterValues") -> bool:
    bagged = parameters.integer("bagging_freq") > 0 and parameters.number("bagging_fraction") < 1
    return bagged or parameters.number("feature_fraction") < 1 or parameters.flag("extra_trees")


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    def boosted(rank: int, name: str, trees: int, rate: float, leaves: int, **more: ParameterValue) -> PortfolioEntry:
        values: dict[str, ParameterValue] = {"min_data_in_leaf": size.leaf_rows(20), **more}
        rounds = size.boosting_rounds(trees)
        return entry(rank, name, n_estimators=rounds, learning_rate=rate, num_leaves=leaves, **values)

    return [
        boosted(1, "LightGBM, default", 200, 0.1 if size.rows < LARGE else 0.15, 31),
        boosted(4, "LightGBM, extra trees", 300, 0.07, 31, extra_trees=True, feature_fraction=0.9),
        boosted(11, "LightGBM, slow", 600, 0.03, 31, feature_fraction=0.7, bagging_fraction=0.8, bagging_freq=1),
        boosted(7, "LightGBM, small leaves", 500, 0.04, 15, feature_fraction=0.6, bagging_fraction=0.9, bagging_freq=1,
                lambda_l2=1.0, min_data_in_leaf=size.leaf_rows(5)),
        boosted(14, "LightGBM, stumps", 500, 0.05, 5, feature_fraction=0.8, lambda_l1=0.1),
        boosted(22, "LightGBM, large", 300, 0.03, 128 if size.rows >= SMALL else 63, feature_fraction=0.9,
                min_data_in_leaf=size.leaf_rows(3)),
        boosted(17, "LightGBM, extra trees slow", 800, 0.03, 96, extra_trees=True, feature_fraction=0.6,
                lambda_l2=0.5),
        boosted(18, "LightGBM, few columns", 500, 0.05, 63, feature_fraction=0.4, bagging_fraction=0.7,
                lambda_l1=0.5, lambda_l2=2.0, bagging_freq=1),
    ]  # fmt: skip


register(
    FamilySpec(
        name="lightgbm",
        label="LightGBM",
        aliases="lgbm lgb gbm gbdt boosting gradientboosting",
        parameters=(
            number("learning_rate", 0.001, 1.0, 0.1, "how much each tree adds", log=True),
            integer("n_estimators", 10, 10_000, 200, "trees", log=True),
            integer("num_leaves", 2, 1024, 31, "most leaves in a tree", log=True),
            integer("min_data_in_leaf", 1, 5000, 20, "fewest rows in a leaf", log=True),
            number("feature_fraction", 0.05, 1.0, 1.0, "share of the columns each tree sees"),
            number(
                "bagging_fraction", 0.05, 1.0, 1.0, "share of the rows each tree sees; needs bagging_freq above 0",
                enabled_by=("bagging_freq", 1),
            ),
            integer("bagging_freq", 0, 100, 0, "draw the rows anew every so many trees; 0: never"),
            number("lambda_l1", 0.0, 1000.0, 0.0, "l1 penalty on leaf values"),
            number("lambda_l2", 0.0, 1000.0, 0.0, "l2 penalty on leaf values"),
            switch("extra_trees", "true: one random threshold per column at each split"),
            integer("max_depth", 1, 64, None, "deepest level; left out: no limit"),
            number("min_gain_to_split", 0.0, 100.0, 0.0, "smallest gain that makes a split"),
            number("path_smooth", 0.0, 1000.0, 0.0, "how much a leaf is drawn to its parent"),
            integer("max_bin", 8, 1024, 255, "bins per column", log=True),
            number("cat_smooth", 0.0, 1000.0, 10.0, "smoothing of rare categories"),
            number("cat_l2", 0.0, 1000.0, 10.0, "l2 penalty in splits of categories"),
            CLASS_WEIGHT,
        ),
        portfolio=_portfolio,
        is_random=_is_random,
        requirements=FamilyRequirements(native_levels=1000),
        fit=fit,
        load=load,
        saved_file="booster.txt",
        distribution="lightgbm",
        preload=("lightgbm",),
    )
)  # fmt: skip
