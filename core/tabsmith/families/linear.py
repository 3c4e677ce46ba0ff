"""Linear models: ridge, lasso and elastic net for numbers, logistic regression for classes."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.families.feature_steps import Arithmetic, Clip, GroupStatistics
from tabsmith.families.registry import register
from tabsmith.families.saved_values import SavedAttributes
from tabsmith.families.skops_files import SkopsModel
from tabsmith.families.spec import (
    CLASS_WEIGHT,
    LARGE,
    FamilyRequirements,
    FamilySpec,
    PortfolioEntry,
    TableSize,
    choice,
    entry,
    integer,
    number,
    with_steps,
)

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats

_STEP: Final = 50  # iterations between two looks at the clock


class LinearModel(SkopsModel, frozen=True):
    """A fitted scikit-learn linear model; predicts by its coefficients alone."""

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        from tabsmith.families.estimator import probabilities

        values = np.asarray(X @ np.atleast_2d(self.model.coef_).T + self.model.intercept_, dtype=np.float64)
        return probabilities(values) if hasattr(self.model, "classes_") else values

    def contributions(self, X: "Floats", background: "Floats") -> "Floats":
        """See AdditiveModel: exact for independent features (Štrumbelj and Kononenko 2014)."""
        import numpy as np

        coefficients = np.atleast_2d(self.model.coef_)
        center = background.mean(axis=0)
        base = coefficients @ center + self.model.intercept_
        effects = (X - center)[:, None, :] * coefficients[None, :, :]
        return np.concatenate([effects, np.broadcast_to(base[:, None], (*effects.shape[:2], 1))], axis=2)

    @classmethod
    def load(cls, path: Path, file: "EstimatorFile", features: int) -> "LinearModel":
        """The model saved in `path`, made again from its coefficients. Raises ModelDamagedError."""
        import numpy as np
        from sklearn import linear_model

        types = ("LogisticRegression",) if file.present else ("ElasticNet", "Lasso", "LinearRegression", "Ridge")
        saved = SavedAttributes.read(path, *types)
        model = getattr(linear_model, saved.type)()
        if file.present:
            margins = 1 if file.model_outputs == 2 else file.model_outputs
            model.coef_ = saved.numbers("coef_", margins, features)
            model.intercept_ = saved.numbers("intercept_", margins)
            model.classes_ = np.arange(file.model_outputs)
        else:
            model.coef_ = saved.numbers("coef_", features)
            model.intercept_ = float(saved.numbers("intercept_"))
        return cls(model)


def fit(request: "FitRequest") -> LinearModel:
    """A linear model, fitted until it converges, reaches `max_iter`, or (a classifier) the deadline."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit may end before it converges, as asked
        return LinearModel(_classifier(request) if request.classification else _regressor(request))


def _regressor(request: "FitRequest") -> Any:
    from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge

    alpha, steps = request.parameters.number("alpha"), request.parameters.integer("max_iter")
    match request.parameters.text("penalty"):
        case "none":
            model = LinearRegression()
        case "l1":  # per row, as scikit-learn counts it, so that alpha means the same for every penalty
            model = Lasso(alpha=alpha / len(request.y), max_iter=steps, random_state=request.seed)
        case "elasticnet":
            model = ElasticNet(
                alpha=alpha / len(request.y),
                l1_ratio=request.parameters.number("l1_ratio"),
                max_iter=steps,
                random_state=request.seed,
            )
        case _:
            model = Ridge(alpha=alpha, random_state=request.seed)
    return model.fit(request.X, request.y, sample_weight=request.weights)


def _classifier(request: "FitRequest") -> Any:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    penalty, steps = request.parameters.text("penalty"), request.parameters.integer("max_iter")
    l1_ratio = {"l1": 1.0, "elasticnet": request.parameters.number("l1_ratio")}.get(penalty, 0.0)
    model = LogisticRegression(
        C=np.inf if penalty == "none" else 1.0 / request.parameters.number("alpha"),
        l1_ratio=l1_ratio,
        solver="saga" if l1_ratio else "lbfgs",
        max_iter=_STEP,
        warm_start=True,
        random_state=request.seed,
    )
    for done in range(0, steps, _STEP):
        model.set_params(max_iter=min(_STEP, steps - done))
        model.fit(request.X, request.y, sample_weight=request.weights)
        if request.out_of_time() or int(np.max(model.n_iter_)) < model.max_iter:
            break
    return model


_STEPS: Final = (Arithmetic(order=3, most=60), GroupStatistics(), Clip())
"""Products and ratios are what a line lacks: on seven open tables it gains 3 to 34 % on six and loses 4 on one."""


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    entries = [
        entry(0, "linear, ridge", penalty="l2", alpha=1.0),
        with_steps(entry(7, "linear, with features", penalty="l2", alpha=1.0), *_STEPS),
        entry(8, "linear, strong ridge", penalty="l2", alpha=30.0),
    ]
    if size.rows <= LARGE and size.outputs <= 20:
        entries.append(entry(24, "linear, lasso", penalty="l1", alpha=0.1))
        entries.append(entry(25, "linear, elastic net", penalty="elasticnet", alpha=0.1, l1_ratio=0.5))
    return entries


register(
    FamilySpec(
        name="linear",
        label="linear model",
        aliases="ridge lasso logistic regression linearregression logisticregression logreg elasticnet ols lr glm",
        parameters=(
            choice("penalty", "l2 l1 elasticnet none", "which penalty holds the coefficients down"),
            number("alpha", 1e-6, 1e4, 1.0, "strength of the penalty: more is a simpler model", log=True),
            number("l1_ratio", 0.0, 1.0, 0.5, "share of l1 in the elasticnet penalty"),
            integer("max_iter", 50, 20_000, 1000, "steps at most", log=True),
            CLASS_WEIGHT,
        ),
        portfolio=_portfolio,
        suits=lambda size: size.cells * max(1, size.outputs) <= 500_000_000,
        requirements=FamilyRequirements(scaling="standard", missing=False, standardized_target=True),
        fit=fit,
        load=LinearModel.load,
        trusted_types=(
            "sklearn.linear_model._base.LinearRegression",
            "sklearn.linear_model._coordinate_descent.ElasticNet",
            "sklearn.linear_model._coordinate_descent.Lasso",
            "sklearn.linear_model._logistic.LogisticRegression",
            "sklearn.linear_model._ridge.Ridge",
        ),
        preload=("sklearn.linear_model",),
    )
)
