"""What a model family is: its label, parameters, known-good recipes, requirements, estimator, and saved form.

This module is light: an estimator's library is imported when a model is fitted or loaded.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from tabsmith.families.feature_steps import FeatureStep, TargetTransformation
from tabsmith.tables.schema.types import ProblemType

if TYPE_CHECKING:
    from tabsmith.families.estimator import BatchedFitRequest, EstimatorFile, FitRequest, FittedModel, ParameterValues

ParameterValue: TypeAlias = bool | int | float | str
ParameterKind: TypeAlias = Literal["integer", "number", "boolean", "choice"]
ParameterScale: TypeAlias = Literal["linear", "log"]
FeatureScaling: TypeAlias = Literal["none", "standard", "squash"]

TINY: Final = 300  # rows below which few candidates are tried: each one more is a chance to be fooled by noise
SMALL: Final = 2_000
LARGE: Final = 100_000
HUGE: Final = 500_000

SKOPS_FILE: Final = "estimator.skops"


class ParameterSpec(msgspec.Struct, frozen=True):
    """One parameter of a family, under its library's own name. A recipe that leaves it out means `default`;
    a default of None leaves the value to the library."""

    name: str
    kind: ParameterKind
    default: ParameterValue | None
    description: str
    low: float = 0.0  # of integers and numbers, inclusive
    high: float = 0.0
    choices: tuple[str, ...] = ()
    scale: ParameterScale = "linear"  # how to vary it
    tasks: tuple[ProblemType, ...] = ()  # the tasks it is for; empty for all
    enabled_by: tuple[str, ParameterValue] | None = None  # another parameter that must be set, and a value for it


def integer(
    name: str, low: int, high: int, default: int | None, description: str, *, log: bool = False
) -> ParameterSpec:
    """A whole number from `low` to `high`."""
    return ParameterSpec(name, "integer", default, description, low, high, scale="log" if log else "linear")


def number(
    name: str,
    low: float,
    high: float,
    default: float | None,
    description: str,
    *,
    log: bool = False,
    enabled_by: tuple[str, ParameterValue] | None = None,
) -> ParameterSpec:
    """A number from `low` to `high`."""
    scale: ParameterScale = "log" if log else "linear"
    return ParameterSpec(name, "number", default, description, low, high, scale=scale, enabled_by=enabled_by)


def choice(name: str, choices: str, description: str, *tasks: ProblemType) -> ParameterSpec:
    """One of the words in `choices`; the first is the default."""
    words = tuple(choices.split())
    return ParameterSpec(name, "choice", words[0], description, choices=words, tasks=tasks)


def switch(name: str, description: str) -> ParameterSpec:
    """True or false; false by default."""
    return ParameterSpec(name, "boolean", False, description)


CLASS_WEIGHT: Final = choice(
    "class_weight", "none balanced", "balanced: rare classes weigh as much as frequent ones", "binary", "multiclass"
)


MIN_FOLDS: Final = 3
_TYPICAL_ROUNDS: Final = 300
_TYPICAL_ROUND_SECONDS: Final = 2.3e-4
_TYPICAL_ROW_SECONDS: Final = 2.2e-8
_TYPICAL_SHARE: Final = 0.25
"""A round of LightGBM and one of CatBoost together, for each column, and for each column and row; so many rounds of both
on all folds may take this share of the time."""

_AMPLE: Final = 4  # times as many folds as asked for

RECIPE_SHARE: Final = 0.08
"""Share of a run's time that a recipe of the portfolio may take: a dozen of them are better than one."""


_MANY_CLASSES: Final = 10
_MANY_CLASSES_DELAY: Final = 8  # ranks: forests, networks and lines come first


class TableSize(msgspec.Struct, frozen=True):
    """What decides which recipes suit a table, and how much of them is affordable."""

    rows: int
    width: int  # columns after one-hot encoding, about
    classes: int  # 0 for regression
    columns: int = 0  # features; 0: as many as `width`
    folds: int = 8
    seconds: float = 300.0  # for all recipes
    cores: int = 2

    @property
    def outputs(self) -> int:
        """Trees grown per round of boosting."""
        return self.classes if self.classes > 2 else 1

    @property
    def cells(self) -> int:
        """Rows times width."""
        return self.rows * self.width

    def affordable_folds(self, asked: int) -> int:
        """As many folds as leave time for several recipes: `asked`, or fewer where fits are dear, but three.

        Where time is not ample, the number is one that keeps all cores at work to the end.
        """
        columns = self.columns or self.width
        round_seconds = columns * self.outputs * (_TYPICAL_ROUND_SECONDS + _TYPICAL_ROW_SECONDS * self.rows)
        fold_seconds = _TYPICAL_ROUNDS * round_seconds
        affordable = int(_TYPICAL_SHARE * self.seconds * self.cores / fold_seconds)
        folds = min(asked, max(MIN_FOLDS, affordable))
        idle = folds % self.cores
        return folds - idle if affordable < _AMPLE * asked and folds - idle >= MIN_FOLDS else folds

    def affordable_rounds(self, base: float, per_row: float, *, share: float = RECIPE_SHARE) -> int:
        """Rounds of boosting that one recipe can take on all folds within `share` of the time.

        A round costs `base` seconds and `per_row` seconds for each row, both for each column and each output; of the folds
        two find their rounds and take twice as long.
        """
        columns = self.columns or self.width
        round_seconds = columns * self.outputs * (base + per_row * self.rows)
        return max(1, int(share * self.seconds * self.cores / ((self.folds + 2) * round_seconds)))

    @property
    def many_classes(self) -> bool:
        """Whether a round of boosting grows many trees."""
        return self.outputs >= _MANY_CLASSES

    def boosting_rank(self, usual: int) -> int:
        """The rank of a boosting recipe: with many classes, after what costs the same for any number of them."""
        return usual + (_MANY_CLASSES_DELAY if self.many_classes else 0)

    def leaf_rows(self, usual: int) -> int:
        """Fewest rows in a leaf: less on a tiny table, where the usual number would allow no split at all."""
        return max(1, min(usual, self.rows // 20))


class PortfolioEntry(msgspec.Struct, frozen=True):
    """A known-good recipe of a family. Entries of all families are tried in the order of `rank`."""

    rank: int
    name: str
    parameters: dict[str, ParameterValue]
    features: tuple[FeatureStep, ...] = ()
    target: TargetTransformation = "none"


def entry(rank: int, name: str, **parameters: ParameterValue) -> PortfolioEntry:
    """A known-good recipe with these parameters."""
    return PortfolioEntry(rank, name, parameters)


def with_steps(entry: PortfolioEntry, *features: FeatureStep, target: TargetTransformation = "none") -> PortfolioEntry:
    """The recipe with these feature steps and this transformation of the target."""
    return msgspec.structs.replace(entry, features=features, target=target)


class FamilyRequirements(msgspec.Struct, frozen=True):
    """What a family's estimator needs of its features and target."""

    scaling: FeatureScaling = "none"
    missing: bool = True  # the estimator takes missing values
    native_levels: int = 0  # the estimator takes categories, of at most so many levels
    native_level_rows: int = 2  # rows that a level needs to be a category of its own
    standardized_target: bool = False  # a regression's target is fitted with mean 0 and deviation 1
    monotone: bool = False  # the estimator takes monotone constraints, for numbers and two classes


class FamilySpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that tabsmith knows about a model family."""

    name: str  # in recipes, on disk, and in `--json`
    label: str  # for people
    aliases: str = ""  # other words that a person may type for it
    parameters: tuple[ParameterSpec, ...]  # in the order of their weight
    portfolio: Callable[[TableSize], list[PortfolioEntry]]
    suits: Callable[[TableSize], bool] = lambda _: True  # whether the family is quick enough on such a table
    is_random: "Callable[[ParameterValues], bool]" = lambda _: False
    """Whether another seed gives another model of these parameters, so that a mean of several is better than one."""
    requirements: FamilyRequirements = FamilyRequirements()
    weighs_rows: bool = True  # whether its fit uses `FitRequest.weights`
    fit: "Callable[[FitRequest], FittedModel]"
    load: "Callable[[Path, EstimatorFile, int], FittedModel]"
    """The model saved in a file, for a matrix of so many columns. It takes nothing in the file on trust: whatever the
    library would follow without looking is checked first. Raises ModelDamagedError."""
    fit_batches: "Callable[[BatchedFitRequest], FittedModel] | None" = None
    """Its fit to a matrix that is never whole in memory; None for a family whose library cannot."""
    saved_file: str = SKOPS_FILE  # the file beside `estimator.json` in which a fitted model is kept
    trusted_types: tuple[str, ...] = ()  # types that a skops file of this family holds, beside the common ones
    distribution: str = "scikit-learn"  # the installed package of its library, whose version is saved with a model
    preload: tuple[str, ...] = ()  # libraries that a process imports before it forks children that fit
