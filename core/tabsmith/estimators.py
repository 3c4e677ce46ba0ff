"""tabsmith as scikit-learn estimators: `Classifier` and `Regressor` over the same engine as everything else."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d, validate_data

from tabsmith.errors import TabsmithError
from tabsmith.tables.schema.types import ManualSchema

if TYPE_CHECKING:
    from pandas import DataFrame

    from tabsmith.modeling.model import Model


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """The parameters and input checks of both estimators.

    `time_limit` is in seconds; `iterations` is the most recipes to try (0: as many as the time allows); `metric` and
    `model` (a family) are chosen by tabsmith when None.
    """

    def __init__(
        self,
        time_limit: float = 60,
        metric: str | None = None,
        model: str | None = None,
        seed: int = 0,
        iterations: int = 0,
    ) -> None:
        self.time_limit = time_limit
        self.metric = metric
        self.model = model
        self.seed = seed
        self.iterations = iterations

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _fit(self, X: Any, y: npt.NDArray[Any], task: Literal["binary", "multiclass", "regression"]) -> "Model":
        frame = self._frame(X)
        target = "target"
        while target in frame.columns:
            target += "_"
        features = tuple(frame.columns)  # every column is a feature, as scikit-learn understands X
        frame[target] = y
        try:
            return _train(
                frame,
                target,
                time_limit=self.time_limit,
                metric=self.metric,
                model=self.model,
                schema=ManualSchema(target, features=features, problem_type=task),
                seed=self.seed,
                iterations=self.iterations,
            )
        except TabsmithError as error:  # scikit-learn expects a ValueError for data that no model can be fitted to
            raise ValueError(str(error)) from error

    def _frame(self, X: Any) -> "DataFrame":
        """Validated input as a frame of its own; an array's columns are called x0, x1 and so on."""
        from pandas import DataFrame

        if hasattr(X, "columns") and hasattr(X, "iloc"):
            frame = X.copy().reset_index(drop=True)
            frame.columns = [str(name) for name in X.columns]
            return frame  # type: ignore[no-any-return]  # a pandas frame
        return DataFrame(X, columns=[f"x{number}" for number in range(X.shape[1])])

    def _validated(self, X: Any, *, reset: bool) -> Any:
        """A frame is kept, because its columns have types of their own; anything else becomes an array."""
        if hasattr(X, "columns") and hasattr(X, "iloc"):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if not len(X) or not len(X.columns):
                raise ValueError(
                    f"Found array with {len(X)} sample(s) (shape={X.shape}) while a minimum of 1 is required."
                )
            return X
        return validate_data(self, X, reset=reset, dtype=_dtype(X), ensure_all_finite="allow-nan")

    def _ready(self, X: Any) -> "DataFrame":
        check_is_fitted(self)
        return self._frame(self._validated(X, reset=False))


class Classifier(ClassifierMixin, _Estimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A classifier found by tabsmith within `time_limit` seconds.

    After `fit`: `classes_`, `model_` (the tabsmith model with its report), `n_features_in_`, `feature_names_in_`.
    """

    def fit(self, X: Any, y: Any) -> "Classifier":
        """Find a model for `X` (rows, columns; an array or a frame) and the labels `y`. Raises ValueError."""
        if y is None:
            raise ValueError("This Classifier requires y to be passed, but the target y is None.")
        X = self._validated(X, reset=True)
        y = _targets(y)
        check_consistent_length(X, y)
        check_classification_targets(y)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError("Classifier can't train when only one class is present.")
        self.model_ = self._fit(X, y, "binary" if len(classes) == 2 else "multiclass")
        self.classes_ = np.asarray(self.model_.classes_.tolist(), dtype=classes.dtype)
        return self

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The label of each row; shape (rows,)."""
        probabilities = self.predict_proba(X)  # raises NotFittedError, which `classes_` would not
        return np.asarray(self.classes_[self.model_.label_positions(probabilities)])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """The probability of each of `classes_` for each row; shape (rows, classes)."""
        frame = self._ready(X)
        return np.asarray(self.model_.predict_proba(frame), dtype=np.float64)


class Regressor(RegressorMixin, _Estimator):  # type: ignore[misc]  # scikit-learn is untyped
    """A regressor found by tabsmith within `time_limit` seconds.

    After `fit`: `model_` (the tabsmith model with its report), `n_features_in_`, `feature_names_in_`.
    """

    def fit(self, X: Any, y: Any) -> "Regressor":
        """Find a model for `X` (rows, columns; an array or a frame) and the numbers `y`. Raises ValueError."""
        if y is None:
            raise ValueError("This Regressor requires y to be passed, but the target y is None.")
        X = self._validated(X, reset=True)
        y = _targets(y).astype(np.float64)
        check_consistent_length(X, y)
        if len(y) < 2:
            raise ValueError("A Regressor cannot learn from one sample.")
        self.model_ = self._fit(X, y, "regression")
        return self

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """The predicted number of each row; shape (rows,)."""
        frame = self._ready(X)
        return np.asarray(self.model_.predict(frame), dtype=np.float64)


def _targets(y: Any) -> npt.NDArray[Any]:
    """`y` as an array with one finite value for each row. Raises ValueError."""
    return np.asarray(column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True))


def _dtype(X: Any) -> Any:
    """The type that scikit-learn is to convert `X` to: None, to keep objects with text in them, or "numeric"."""
    if getattr(getattr(X, "dtype", None), "kind", "") == "O" and any(isinstance(cell, str) for cell in np.ravel(X)):
        return None
    return "numeric"


def _train(frame: "DataFrame", target: str, **options: Any) -> "Model":
    from tabsmith.runs.training import train

    return train(frame, target, **options)
