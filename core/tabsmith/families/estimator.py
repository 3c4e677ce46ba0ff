"""Fitting, predicting, saving and loading, the same way for every family."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias, cast, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import ModelDamagedError, RecipeError
from tabsmith.families.feature_steps import TargetTransformation
from tabsmith.families.registry import get_family
from tabsmith.families.spec import FamilySpec, ParameterValue
from tabsmith.families.target import TransformedTarget
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

ESTIMATOR_FILE: Final = "estimator.json"
MIN_ROWS_TO_STOP_EARLY: Final = 100  # fewer rows are all fitted on; none is spared to stop early by


class ParameterValues:
    """A recipe's parameters with the family's defaults filled in; None leaves a value to the library.

    Raises RecipeError for a parameter that the family does not have.
    """

    def __init__(self, family: FamilySpec, given: Mapping[str, ParameterValue]) -> None:
        names = [spec.name for spec in family.parameters]
        for name in given:
            if name not in names:
                raise RecipeError(
                    f'The family {family.name} has no parameter "{clean(name, 60)}".',
                    next_step=f"Choose from: {', '.join(names)}.",
                )
        self._values: dict[str, ParameterValue | None] = {
            spec.name: given.get(spec.name, spec.default) for spec in family.parameters
        }

    def number(self, name: str) -> float:
        return float(cast("float", self._values[name]))

    def integer(self, name: str) -> int:
        return int(cast("int", self._values[name]))

    def text(self, name: str) -> str:
        return str(self._values[name])

    def flag(self, name: str) -> bool:
        return bool(self._values[name])

    def given(self, *names: str) -> dict[str, ParameterValue]:
        """Those of `names` that have a value, under their own names."""
        return {name: value for name in names if (value := self._values[name]) is not None}

    def class_weights(self) -> bool:
        """Whether rare classes are to weigh as much as frequent ones."""
        return self._values.get("class_weight") == "balanced"


class RegressionLoss(msgspec.Struct, frozen=True):
    """The error that a regression is fitted to make small; a family without that loss takes the nearest it has."""

    kind: Literal["squared error", "absolute error", "relative error", "squared log error", "quantile"] = (
        "squared error"
    )
    quantile: float = 0.5  # the level, of the kind `quantile`


@dataclass(frozen=True)
class StoppingRows:
    """Rows whose loss tells a booster when to stop."""

    X: Floats
    y: Ints | Floats
    weights: Floats | None = None


@dataclass(frozen=True)
class FitRequest:
    """One fit: a matrix, targets, and how long it may take."""

    family: FamilySpec
    parameters: ParameterValues
    task: ProblemType
    X: Floats
    y: Ints | Floats
    outputs: int  # of the prediction: classes among these rows, or 1
    loss: RegressionLoss  # of a regression
    categorical: tuple[int, ...]  # columns of X that hold positions of categories, NaN for none
    inner: Callable[[], tuple[Ints, Ints]]  # rows to fit on, rows to stop early by
    threads: int
    seed: int
    seconds_left: Callable[[], float]  # a fit ends near 0 with what it has
    sample_weights: Floats | None = None  # how much each row counts, positive, about 1; None: all rows the same
    held: StoppingRows | None = None  # rows beside these, to stop boosting by; None: some of these are
    rounds: int = 0  # of boosting, where another fold has found them; 0: they are to be found
    target: TargetTransformation = "none"  # of a regression's target
    monotone: tuple[int, ...] = ()  # for each column of X 1, -1 or 0: what predictions do as it grows; empty: anything

    @property
    def classification(self) -> bool:
        return self.task != "regression"

    @property
    def absolute_error(self) -> bool:
        """Whether a regression should be fitted to absolute errors, or to those as a share of the target."""
        return self.loss.kind in ("absolute error", "relative error")

    def out_of_time(self) -> bool:
        """Whether the fit has to end now."""
        return self.seconds_left() <= 0

    def has_time_for_another(self, seconds: float) -> bool:
        """Whether a fit of about `seconds` ends well before the time is up."""
        return 2 * seconds < self.seconds_left()

    def stopping(self) -> tuple[Ints, StoppingRows | None]:
        """The rows to fit a booster on, as positions, and the rows to stop it by; None where it grows all its rounds."""
        everything = np.arange(len(self.y))
        if self.rounds or len(self.y) < MIN_ROWS_TO_STOP_EARLY:
            return everything, None
        if self.held is not None:
            return everything, self.held
        rows, stop = self.inner()
        if self.classification:  # a class that only the inner rows hold cannot be scored
            stop = stop[np.isin(self.y[stop], self.y[rows])]
        weights = self.weights
        return rows, StoppingRows(self.X[stop], self.y[stop], None if weights is None else weights[stop])

    @cached_property
    def weights(self) -> Floats | None:
        """How much each row counts in the fit: its sample weight, times that of its class for `class_weight: balanced`.

        None where all rows count the same.
        """
        if not self.classification or not self.parameters.class_weights():
            return self.sample_weights
        codes = self.y.astype(int)
        totals = np.bincount(codes, weights=self.sample_weights, minlength=self.outputs)
        class_weights = (totals.sum() / (self.outputs * totals))[codes]
        return np.asarray(class_weights * (1.0 if self.sample_weights is None else self.sample_weights), dtype=float)


@dataclass(frozen=True, kw_only=True)
class BatchedFitRequest(FitRequest):
    """A fit to a matrix that is never whole in memory. `X` holds some of its rows, drawn at random, by which a library finds
    its bins; `y` and `weights` are of all rows."""

    batches: Callable[[], Iterator[Floats]]  # the rows of the matrix, from the first on, some at a time


class FittedModel(Protocol):
    """A fitted model of a family's library."""

    @property
    def rounds(self) -> int:
        """Rounds of boosting; 0 for models that know none."""
        ...

    def predict(self, X: Floats) -> Floats:
        """(rows, outputs): probabilities, or numbers in one column."""
        ...

    def save(self, path: Path) -> None:
        """Write the model to the new file `path`."""
        ...


@runtime_checkable
class AdditiveModel(FittedModel, Protocol):
    """A fitted model that can say what each feature adds to its margins: the numbers that it predicts, the log-odds of
    the second of two classes, or the scores of which softmax makes the probabilities of more classes."""

    def contributions(self, X: Floats, background: Floats) -> Floats:
        """(rows, margins, features + 1): the Shapley value of each feature, and last the base, which they are added to.

        `background` holds the features of rows to compare with, for models that keep no averages of their own.
        """
        ...


class EstimatorFile(msgspec.Struct, frozen=True):
    """`estimator.json`, beside the library's own file: how the library's outputs become those of the task."""

    family: str
    outputs: int
    present: tuple[int, ...] = ()  # the classes that the fold's rows held; empty for regression
    constant: tuple[float, ...] = ()  # the prediction for every row, where there was nothing to fit
    log_target: bool = False  # the fit was to log(1 + target)
    center: float = 0.0  # of a regression's target, taken off before the fit
    scale: float = 1.0
    target: TransformedTarget | None = None  # what the fit was to, where it was not the target itself
    categorical: tuple[int, ...] = ()  # columns that hold positions of categories
    detrended: bool = False  # the last column of the matrix is the target's trend, which the model has not seen

    @property
    def model_outputs(self) -> int:
        """The columns of the library's own prediction."""
        return len(self.present) or 1


@dataclass(frozen=True)
class Estimator:
    """A fitted estimator of any family, predicting for all classes of the task."""

    file: EstimatorFile
    model: FittedModel | None  # None where the prediction is constant

    @property
    def rounds(self) -> int:
        """Rounds of boosting; 0 for models that know none, and where there was nothing to fit."""
        return 0 if self.model is None else self.model.rounds

    def predict(self, X: Floats) -> Floats:
        """(rows, classes) probabilities, 0 for classes that the fold had no row of; or (rows, 1) numbers."""
        if self.file.detrended:
            return X[:, -1:] + self.of_rest().predict(X[:, :-1])
        if self.model is None:
            return np.tile(np.asarray(self.file.constant, dtype=float), (len(X), 1))
        prediction = self.model.predict(X)
        if not self.file.present:
            return self.numbers(prediction)
        if len(self.file.present) == self.file.outputs:
            return prediction
        all_classes = np.zeros((len(X), self.file.outputs))
        all_classes[:, list(self.file.present)] = prediction
        return all_classes

    def of_rest(self) -> "Estimator":
        """The estimator of what the trend leaves of the target; its matrix has no column of the trend."""
        return replace(self, file=msgspec.structs.replace(self.file, detrended=False))

    def numbers(self, prediction: Floats) -> Floats:
        """The library's own `prediction` of a regression in the target's unit; a rising function of each value."""
        numbers = prediction * self.file.scale + self.file.center
        if self.file.target is not None:
            return self.file.target.put_back(numbers.ravel()).reshape(numbers.shape)
        return np.expm1(numbers) if self.file.log_target else numbers

    def save(self, folder: Path) -> None:
        """Write `estimator.json` and the family's own file into `folder`."""
        (folder / ESTIMATOR_FILE).write_bytes(msgspec.json.encode(self.file))
        if self.model is not None:
            self.model.save(folder / get_family(self.file.family).saved_file)


def stopping_patience(trees: int, rate: float, usual_rate: float) -> int:
    """The trees without gain after which a booster stops: `trees` at its usual learning rate, up to four times as many at
    smaller ones, of which each adds less."""
    return round(trees * min(4.0, max(1.0, usual_rate / rate)))


def fit_estimator(request: FitRequest, classes: int) -> Estimator:
    """A fitted estimator; `classes` are those of the whole task (0 for regression), `request.y` may hold fewer.

    A partial but useful estimator when the deadline comes first.
    """
    with warnings.catch_warnings():  # few rows of many classes are as asked for
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return _fit_classifier(request, classes) if request.classification else _fit_regressor(request)


def fit_estimator_in_batches(request: BatchedFitRequest, classes: int) -> Estimator:
    """A fitted estimator of a family that takes its matrix in batches; `request.y` holds every one of the `classes` of the task
    (0 for regression), or numbers, untransformed.

    Raises RecipeError for a family that cannot.
    """
    family = request.family
    if family.fit_batches is None:
        raise RecipeError(
            f"{family.label} needs its rows in memory.", next_step="Choose another family, or fit it to a sample."
        )
    if request.classification:
        every = EstimatorFile(family.name, classes, present=tuple(range(classes)), categorical=request.categorical)
        return Estimator(every, family.fit_batches(replace(request, outputs=classes)))
    log_target = request.loss.kind == "squared log error"
    scale = float(np.abs(request.y).min()) if request.loss.kind == "relative error" else 1.0
    y = np.log1p(request.y) if log_target else request.y if scale == 1.0 else request.y / scale
    file = EstimatorFile(family.name, 1, log_target=log_target, scale=scale, categorical=request.categorical)
    return Estimator(file, family.fit_batches(replace(request, y=y, outputs=1)))


def _fit_regressor(request: FitRequest) -> Estimator:
    family = request.family
    if request.target == "detrend":
        return _fit_detrended(request)
    if np.ptp(request.y) == 0:
        return Estimator(EstimatorFile(family.name, 1, constant=(float(request.y[0]),)), None)
    log_target = request.loss.kind == "squared log error"
    if request.target != "none" and not log_target:  # which is a transformation already
        return _fit_transformed(request)
    y = np.log1p(request.y) if log_target else request.y
    center, scale = 0.0, 1.0
    if family.requirements.standardized_target:
        center, scale = float(y.mean()), float(y.std())
    elif request.loss.kind == "relative error":  # boosters take targets below 1 for 1 when they divide by them
        scale = float(np.abs(y).min())
    file = EstimatorFile(
        family.name, 1, log_target=log_target, center=center, scale=scale, categorical=request.categorical
    )
    held = request.held
    if held is not None:
        held_y = np.log1p(held.y) if log_target else held.y
        held = replace(held, y=np.asarray((held_y - center) / scale, dtype=np.float64))
    y = np.asarray((y - center) / scale, dtype=np.float64)
    return Estimator(file, family.fit(replace(request, y=y, outputs=1, held=held)))


def _fit_detrended(request: FitRequest) -> Estimator:
    """A regressor fitted to what the trend, the last column of the matrix, leaves of the target."""
    if request.loss.kind == "squared log error":
        raise RecipeError(
            "A metric of logarithms needs the target itself, not what its trend leaves.",
            next_step='Leave "target" out of the recipe, or choose another metric.',
        )
    loss = RegressionLoss("absolute error") if request.loss.kind == "relative error" else request.loss
    held = request.held
    if held is not None:
        held = StoppingRows(held.X[:, :-1], held.y - held.X[:, -1], held.weights)
    rest = np.asarray(request.y - request.X[:, -1], dtype=np.float64)
    fitted = _fit_regressor(replace(request, X=request.X[:, :-1], y=rest, held=held, loss=loss, target="none"))
    return replace(fitted, file=msgspec.structs.replace(fitted.file, detrended=True))


def _fit_transformed(request: FitRequest) -> Estimator:
    """A regressor fitted to the transformed target.

    Where squared errors count, its errors are those of a fit without the rows to stop by, on these rows; that fit finds
    the rounds of boosting too, unless they are known. Quantiles go through a rising transformation as they are, so
    absolute errors need none of this; errors as a share of the target become absolute errors.
    """
    target = TransformedTarget.fitted(request.target, np.asarray(request.y, dtype=np.float64))
    y = target.transform(np.asarray(request.y, dtype=np.float64))
    held = (
        None
        if request.held is None
        else replace(request.held, y=target.transform(np.asarray(request.held.y, dtype=np.float64)))
    )
    loss = RegressionLoss("absolute error") if request.loss.kind == "relative error" else request.loss
    whole = replace(request, y=y, held=held, loss=loss, target="none")
    if loss.kind != "squared error":
        return _with_target(_fit_regressor(whole), target)
    rows, apart = request.inner()
    weights = request.sample_weights
    stop = StoppingRows(request.X[apart], y[apart], None if weights is None else weights[apart])
    started = time.monotonic()
    part = _fit_regressor(
        replace(
            whole,
            X=request.X[rows],
            y=y[rows],
            held=None if request.rounds else stop,
            sample_weights=None if weights is None else weights[rows],
        )
    )
    target = target.with_errors(y[apart] - part.predict(request.X[apart])[:, 0])
    if not request.has_time_for_another(time.monotonic() - started):
        return _with_target(part, target)
    rounds = request.rounds or (part.rounds if held is None else 0)
    return _with_target(_fit_regressor(replace(whole, rounds=rounds)), target)


def _with_target(estimator: Estimator, target: TransformedTarget) -> Estimator:
    """The estimator of the transformed target as one of the target."""
    if estimator.model is None:
        constant = target.put_back(np.asarray(estimator.file.constant))
        return replace(estimator, file=msgspec.structs.replace(estimator.file, constant=tuple(constant.tolist())))
    return replace(estimator, file=msgspec.structs.replace(estimator.file, target=target))


def _fit_classifier(request: FitRequest, classes: int) -> Estimator:
    family = request.family
    present, codes = np.unique(request.y, return_inverse=True)
    if len(present) == 1:
        certain = tuple(float(label == present[0]) for label in range(classes))
        return Estimator(EstimatorFile(family.name, classes, constant=certain), None)
    file = EstimatorFile(family.name, classes, present=tuple(present.tolist()), categorical=request.categorical)
    held = None if request.held is None else _held_of(request.held, present)
    return Estimator(file, family.fit(replace(request, y=codes.astype(np.int64), outputs=len(present), held=held)))


def _held_of(held: StoppingRows, present: npt.NDArray[Any]) -> StoppingRows:
    """Those rows whose class is among `present`, with its position there."""
    known = np.isin(held.y, present)
    weights = None if held.weights is None else held.weights[known]
    return StoppingRows(held.X[known], np.searchsorted(present, held.y[known]).astype(np.int64), weights)


def load_estimator(folder: Path, features: int) -> Estimator:
    """The estimator saved in `folder`, for a matrix with `features` columns beside the target's trend.

    Raises ModelDamagedError, also for a file that does not go with such a matrix or with itself.
    """
    path = folder / ESTIMATOR_FILE
    try:
        file = msgspec.json.decode(path.read_bytes(), type=EstimatorFile)
        family = get_family(file.family)
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise ModelDamagedError(f"A saved estimator cannot be read: {clean(error)}", where=str(path)) from error
    if why := _contradiction(file, features):
        raise ModelDamagedError(
            f"A saved estimator contradicts itself: {why}.",
            where=str(path),
            next_step="Get the model again from where it came from, or train it again.",
        )
    if file.constant:
        return Estimator(file, None)
    return Estimator(file, family.load(folder / family.saved_file, file, features))


def _contradiction(file: EstimatorFile, features: int) -> str:
    """In which way the parts of a saved estimator's file do not go together; empty if they do."""
    if file.outputs < 1 or (file.constant and len(file.constant) != file.outputs):
        return "it has another number of outputs than it says"
    if any(label >= after for label, after in pairwise(file.present)) or not all(
        0 <= label < file.outputs for label in file.present
    ):
        return "it names classes that there are not"
    if len(file.present) == 1 or (not file.present and not file.constant and file.outputs != 1):
        return "it has no classes to tell apart"
    if len(set(file.categorical)) < len(file.categorical) or not all(
        0 <= column < features for column in file.categorical
    ):
        return "it names columns that there are not"
    if not file.scale or (file.target is not None and not file.target.scale):
        return "a scale is zero"
    return ""


def probabilities(scores: Floats) -> Floats:
    """(rows, classes): probabilities from the log-odds of the second class, or from the scores of all classes."""
    from scipy.special import expit, softmax

    return two_class_columns(expit(scores[:, 0])) if scores.shape[1] == 1 else np.asarray(softmax(scores, axis=1))


def two_class_columns(positive: Any) -> Floats:
    """The probability of the second class as both classes' columns."""
    second = np.asarray(positive, dtype=np.float64)
    return np.column_stack([1.0 - second, second])
