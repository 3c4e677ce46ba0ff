"""The estimators behind the families: one way to fit, predict, save and load them all."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast

import msgspec
import numpy as np

from tabsmith.errors import ModelDamagedError, RecipeError
from tabsmith.families.registry import family_parameters
from tabsmith.modeling.results import MetricName
from tabsmith.modeling.rows import Floats, Ints
from tabsmith.recipes.recipe import Family, ParameterValue, Recipe
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean

ESTIMATOR_FILE: Final = "estimator.json"
SKOPS_FILE: Final = "estimator.skops"

_MODULES: Final[dict[Family, str]] = {
    "linear": "linear",
    "random_forest": "forests",
    "extra_trees": "forests",
    "hist_gradient_boosting": "hist_gradient_boosting",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "neural_network": "neural_network",
    "nearest_neighbors": "nearest_neighbors",
}


class ParameterValues:
    """A recipe's parameters with the family's defaults filled in; None leaves a value to the library."""

    def __init__(self, recipe: Recipe) -> None:
        specs = {spec.name: spec for spec in family_parameters(recipe.family)}
        for name in recipe.parameters:
            if name not in specs:
                raise RecipeError(
                    f'The family {recipe.family} has no parameter "{clean(name, 60)}".',
                    next_step=f"Choose from: {', '.join(specs)}.",
                )
        self._values: dict[str, ParameterValue | None] = {
            name: recipe.parameters.get(name, spec.default) for name, spec in specs.items()
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


@dataclass(frozen=True)
class FitRequest:
    """One fit: a matrix, targets, and how long it may take."""

    family: Family
    settings: ParameterValues
    task: ProblemType
    X: Floats
    y: Ints | Floats
    outputs: int  # of the prediction: classes among these rows, or 1
    metric: MetricName
    categorical: tuple[int, ...]  # columns of X that hold positions of categories, NaN for none
    inner: Callable[[], tuple[Ints, Ints]]  # rows to fit on, rows to stop early by
    threads: int
    seed: int
    seconds_left: Callable[[], float]  # a fit ends near 0 with what it has

    @property
    def classification(self) -> bool:
        return self.task != "regression"

    def late(self) -> bool:
        """Whether the time is up."""
        return self.seconds_left() <= 0

    def has_time_for_another(self, seconds: float) -> bool:
        """Whether a fit of about `seconds` ends well before the time is up."""
        return 2 * seconds < self.seconds_left()

    @cached_property
    def weights(self) -> Floats | None:
        """A weight per row for `class_weight: balanced`, else None."""
        if not self.classification or self.settings.given("class_weight").get("class_weight") != "balanced":
            return None
        counts = np.bincount(self.y.astype(int), minlength=self.outputs)
        return np.asarray((len(self.y) / (self.outputs * counts))[self.y.astype(int)], dtype=np.float64)


class FittedModel(Protocol):
    """A fitted estimator of some library."""

    def predict(self, X: Floats) -> Floats:
        """(rows, outputs): probabilities, or numbers in one column."""
        ...

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        ...


class _Module(Protocol):
    def fit(self, job: FitRequest) -> FittedModel: ...

    def load(self, folder: Path, file: "EstimatorFile") -> FittedModel: ...


class EstimatorFile(msgspec.Struct, frozen=True):
    """What stands beside a core on disk: how its outputs become those of the task."""

    family: Family
    outputs: int
    present: tuple[int, ...] = ()  # the classes that the fold's rows held; empty for regression
    constant: tuple[float, ...] = ()  # the prediction for every row, where there was nothing to fit
    center: float = 0.0  # of a regression's target, taken off before the fit
    scale: float = 1.0
    categorical: tuple[int, ...] = ()  # columns that hold positions of categories

    @property
    def core_outputs(self) -> int:
        """The columns of the core's own prediction."""
        return len(self.present) or 1


@dataclass(frozen=True)
class Estimator:
    """A fitted estimator of any family, predicting for all classes of the task."""

    file: EstimatorFile
    core: FittedModel | None

    def predict(self, X: Floats) -> Floats:
        """(rows, classes) probabilities, 0 for classes that the fold had no row of; or (rows, 1) numbers."""
        if self.core is None:
            return np.tile(np.asarray(self.file.constant, dtype=float), (len(X), 1))
        made = self.core.predict(X)
        if not self.file.present:
            return made * self.file.scale + self.file.center
        if len(self.file.present) == self.file.outputs:
            return made
        wide = np.zeros((len(X), self.file.outputs))
        wide[:, list(self.file.present)] = made
        return wide

    def save(self, folder: Path) -> None:
        """Write `estimator.json` and the core's own file."""
        (folder / ESTIMATOR_FILE).write_bytes(msgspec.json.encode(self.file))
        if self.core is not None:
            self.core.save(folder)


def fit_estimator(job: FitRequest, classes: int) -> Estimator:
    """A fitted estimator; `classes` are those of the whole task (0 for regression), `job.y` may hold fewer.

    A partial but useful one when the deadline comes first.
    """
    with warnings.catch_warnings():  # few rows of many classes are as asked for
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return _fit(job, classes)


def _fit(job: FitRequest, classes: int) -> Estimator:
    if not job.classification:
        center, scale = 0.0, 1.0
        if np.ptp(job.y) == 0:
            return Estimator(EstimatorFile(job.family, 1, constant=(float(job.y[0]),)), None)
        if job.family in ("neural_network", "linear"):
            center, scale = float(job.y.mean()), float(job.y.std())
        file = EstimatorFile(job.family, 1, center=center, scale=scale, categorical=job.categorical)
        return Estimator(
            file,
            _module(job.family).fit(replace(job, y=np.asarray((job.y - center) / scale, dtype=np.float64), outputs=1)),
        )
    present, codes = np.unique(job.y, return_inverse=True)
    if len(present) == 1:
        sure = tuple(float(each == present[0]) for each in range(classes))
        return Estimator(EstimatorFile(job.family, classes, constant=sure), None)
    file = EstimatorFile(job.family, classes, present=tuple(int(each) for each in present), categorical=job.categorical)
    return Estimator(file, _module(job.family).fit(replace(job, y=codes.astype(np.int64), outputs=len(present))))


def load_estimator(folder: Path) -> Estimator:
    """The estimator saved in `folder`. Raises ModelDamagedError."""
    path = folder / ESTIMATOR_FILE
    try:
        file = msgspec.json.decode(path.read_bytes(), type=EstimatorFile)
    except (OSError, ValueError, RecursionError) as error:
        raise ModelDamagedError(f"A saved estimator cannot be read: {clean(error)}", where=str(path)) from error
    if file.constant:
        return Estimator(file, None)
    return Estimator(file, _module(file.family).load(folder, file))


def _module(family: Family) -> _Module:
    return cast("_Module", import_module(f"tabsmith.families.{_MODULES[family]}"))


def fits_absolute_error(job: FitRequest) -> bool:
    """Whether a boosting of numbers should fit absolute errors, because that is how it is measured."""
    return job.metric in ("mae", "median_ae")


def two_class_columns(positive: Any) -> Floats:
    """The probability of the second class as both classes' columns."""
    second = np.asarray(positive, dtype=np.float64)
    return np.column_stack([1.0 - second, second])
