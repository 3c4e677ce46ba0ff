"""LightGBM: its native booster, stopped early on an inner split, saved as its own text."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.errors import ModelDamagedError
from tabsmith.families.registry import register
from tabsmith.families.spec import (
    CLASS_WEIGHT,
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
    from tabsmith.families.estimator import (
        BatchedFitRequest,
        EstimatorFile,
        FitRequest,
        Floats,
        Ints,
        ParameterValues,
        StoppingRows,
    )

_PATIENCE: Final = 50  # trees
_USUAL_RATE: Final = 0.1
_BATCH_ROWS: Final = 100_000  # of a matrix that is not whole in memory


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

    from tabsmith.families.estimator import stopping_patience

    data_parameters = _data_parameters(request)
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
        patience = stopping_patience(_PATIENCE, request.parameters.number("learning_rate"), _USUAL_RATE)
        callbacks.append(lightgbm.early_stopping(patience, first_metric_only=True, verbose=False))
    return lightgbm.train(
        _parameters(request) | data_parameters,
        train,
        num_boost_round=trees,
        valid_sets=validation,
        callbacks=callbacks,
    )


def fit_batches(request: "BatchedFitRequest") -> LightGBMModel:
    """With as many trees as the request knows of. LightGBM keeps a byte for each cell, and never all of them as numbers."""
    import lightgbm

    data_parameters = _data_parameters(request)
    bins = lightgbm.Dataset(request.X, categorical_feature=list(request.categorical), params=data_parameters)
    train = lightgbm.Dataset(
        _sequence(request),
        request.y,
        weight=request.weights,
        reference=bins,
        params=data_parameters,
        free_raw_data=True,
    )
    booster = lightgbm.train(
        _parameters(request) | data_parameters,
        train,
        num_boost_round=request.rounds or request.parameters.integer("n_estimators"),
        callbacks=[_StopAtDeadline(request)],
    )
    return LightGBMModel(booster, request.outputs if request.classification else 1)


def _sequence(request: "BatchedFitRequest") -> Any:
    """The matrix in batches as LightGBM reads it: slices that follow each other, from the first row on."""
    import lightgbm
    import numpy as np

    class InOrder(lightgbm.Sequence):
        batch_size = _BATCH_ROWS

        def __init__(self) -> None:
            self._batches = request.batches()
            self._waiting = next(self._batches)
            self._next = 0

        def __len__(self) -> int:
            return len(request.y)

        def __getitem__(self, rows: "int | slice | list[int]") -> "Floats":
            assert isinstance(rows, slice), "the bins are known"
            assert rows.start == self._next, "the bins are found already, so every row is read once"
            self._next = rows.stop
            parts = [self._waiting]
            while sum(map(len, parts)) < rows.stop - rows.start:
                parts.append(next(self._batches))
            matrix = np.concatenate(parts)
            self._waiting = matrix[rows.stop - rows.start :]
            return matrix[: rows.stop - rows.start]

    return InOrder()


def load(path: Path, file: "EstimatorFile", features: int) -> LightGBMModel:
    """The booster saved in `path`. Raises ModelDamagedError."""
    import lightgbm

    from tabsmith.families.saved_lightgbm import checked_text

    try:
        booster = lightgbm.Booster(model_str=checked_text(path, features, file.model_outputs))
    except (lightgbm.basic.LightGBMError, OSError) as error:
        raise ModelDamagedError(f"A saved booster cannot be read: {clean(error)}", where=str(path)) from error
    return LightGBMModel(booster, file.model_outputs)


def _data_parameters(request: "FitRequest") -> dict[str, Any]:
    return {
        "max_bin": request.parameters.integer("max_bin"),
        "feature_pre_filter": False,
        "verbose": -1,
        "num_threads": request.threads,
        "min_data_in_bin": 1 if len(request.y) < 500 else 3,
    }


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
    losses = {"absolute error": "regression_l1", "relative error": "mape", "quantile": "quantile"}
    objective = losses.get(request.loss.kind, "regression")
    if request.classification:
        objective = "binary" if request.outputs == 2 else "multiclass"
    # A leaf of 20 rows, the default, would allow no split at all in the smallest tables.
    leaf = min(parameters.integer("min_data_in_leaf"), max(2, len(request.y) // 10))
    return {
        **parameters.given(*names),
        "objective": objective,
        **({"alpha": request.loss.quantile} if objective == "quantile" else {}),
        **({"num_class": request.outputs} if objective == "multiclass" else {}),
        "min_data_in_leaf": leaf,
        "min_data_per_group": min(100, max(2, len(request.y) // 20)),
        "seed": request.seed,
        "deterministic": True,
        "force_col_wise": True,
        **({"monotone_constraints": list(request.monotone)} if request.monotone else {}),
    }


def _is_random(parameters: "ParameterValues") -> bool:
    bagged = parameters.integer("bagging_freq") > 0 and parameters.number("bagging_fraction") < 1
    return bagged or parameters.number("feature_fraction") < 1 or parameters.flag("extra_trees")


_ROUND_SECONDS: Final = 5e-5
_ROW_SECONDS: Final = 5e-9
"""What a tree of 31 leaves costs for each column, and for each column and row, on a core of today."""

_RATE_TIMES_ROUNDS: Final = 12.0
"""The rounds that boosting usually wants, times the learning rate."""

_FASTEST_RATE: Final = 0.15


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    """The published configurations of AutoGluon's portfolio for CPUs (December 2025), rounded, in their order.

    Where a table is too large for their learning rates in the given time, these are raised, and the rounds bounded.
    """

    def boosted(
        rank: int, name: str, rate: float, leaves: int, leaf_rows: int, columns: float, rows: float, l1: float, l2: float,
        *, extra: bool = False, cat_l2: float = 10.0, cat_smooth: float = 10.0,
    ) -> PortfolioEntry:  # fmt: skip
        times = (leaves / 31) ** 0.6 * max(0.4, columns)
        affordable = size.affordable_rounds(_ROUND_SECONDS * times, _ROW_SECONDS * times)
        rate = min(_FASTEST_RATE, max(rate, _RATE_TIMES_ROUNDS / affordable))
        more: dict[str, ParameterValue] = {"extra_trees": True} if extra else {}
        return entry(
            size.boosting_rank(rank), name,
            n_estimators=max(20, min(5000, round(3 * _RATE_TIMES_ROUNDS / rate), (4 if size.many_classes else 2) * affordable)),
            learning_rate=float(f"{rate:.3g}"),
            num_leaves=leaves,
            min_data_in_leaf=size.leaf_rows(leaf_rows),
            feature_fraction=columns,
            bagging_fraction=rows,
            bagging_freq=1,
            lambda_l1=l1,
            lambda_l2=l2,
            cat_l2=cat_l2,
            cat_smooth=cat_smooth,
            **more,
        )  # fmt: skip

    return [
        boosted(1, "LightGBM, quick", 0.1, 31, 10, 0.7, 0.8, 0.0, 1.0),
        boosted(4, "LightGBM, random thresholds", 0.0193, 64, 28, 0.553, 0.992, 0.914, 1.9, extra=True,
                cat_l2=0.0143, cat_smooth=1.87),
        boosted(7, "LightGBM, random thresholds, small leaves", 0.0179, 39, 3, 0.462, 0.877, 0.238, 0.355, extra=True,
                cat_l2=0.342, cat_smooth=15.4),
        boosted(5, "LightGBM, large trees", 0.0114, 84, 3, 0.528, 0.978, 0.0269, 0.838, cat_l2=0.155, cat_smooth=0.00931),
        boosted(8, "LightGBM, small trees", 0.00742, 8, 15, 0.425, 0.722, 0.113, 0.262, extra=True,
                cat_l2=1.89, cat_smooth=0.0279),
        boosted(10, "LightGBM, huge trees", 0.018, 180, 12, 0.404, 0.95, 0.766, 1.6, extra=True,
                cat_l2=0.216, cat_smooth=0.0638),
        boosted(12, "LightGBM, leaves of one row", 0.0398, 16, 1, 0.579, 0.959, 0.938, 0.99, cat_l2=1.9, cat_smooth=0.0215),
        boosted(14, "LightGBM, strong bagging", 0.0134, 20, 2, 0.425, 0.711, 0.514, 0.513, cat_l2=0.868, cat_smooth=48.7),
        boosted(15, "LightGBM, stumps", 0.0127, 5, 12, 0.733, 0.854, 0.241, 0.298, extra=True,
                cat_l2=0.011, cat_smooth=5.09),
        boosted(18, "LightGBM, all columns", 0.0079, 8, 24, 0.94, 0.815, 0.437, 0.3, cat_l2=0.00584, cat_smooth=0.0289),
        boosted(19, "LightGBM, large trees, small leaves", 0.0351, 64, 1, 0.668, 0.928, 0.0125, 0.716,
                cat_l2=0.0732, cat_smooth=0.137),
        boosted(21, "LightGBM, huge trees, random thresholds", 0.0413, 128, 9, 0.619, 0.884, 0.651, 1.74, extra=True,
                cat_l2=0.661, cat_smooth=0.0452),
        boosted(25, "LightGBM, slow", 0.00795, 111, 3, 0.955, 0.72, 0.111, 0.597, cat_l2=0.937, cat_smooth=11.1),
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
        requirements=FamilyRequirements(native_levels=1000, monotone=True),
        fit=fit,
        load=load,
        fit_batches=fit_batches,
        saved_file="booster.txt",
        distribution="lightgbm",
        preload=("lightgbm",),
    )
)  # fmt: skip
