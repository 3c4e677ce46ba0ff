"""What happens inside the loop, as typed events. The run's journal holds them; nothing else knows them."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.modeling.results import Evaluation, FoldScore, Metric
from tabsmith.recipes.recipe import Problem, Recipe


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened at `at`, seconds since 1970; the journal stamps it when it is recorded."""

    at: float = 0.0


class SearchStarted(Event, frozen=True, tag="search_started"):
    """The table is prepared and candidates come next."""

    metric: Metric
    folds: int
    train_rows: int
    holdout_rows: int
    notes: tuple[str, ...] = ()


class IterationStarted(Event, frozen=True, tag="iteration_started"):
    """An agent is asked for recipe number `iteration` (from 1)."""

    iteration: int
    agent: str


class Proposed(Event, frozen=True, tag="proposed"):
    """The agent answered; `change` says in words how the recipe differs from the champion's."""

    iteration: int
    recipe: Recipe
    change: str


class Refused(Event, frozen=True, tag="refused"):
    """The recipe was not fitted, because of these problems."""

    iteration: int
    problems: tuple[Problem, ...]


class FoldScored(Event, frozen=True, tag="fold_scored"):
    """One fold of the current recipe is done."""

    iteration: int
    score: FoldScore


class Evaluated(Event, frozen=True, tag="evaluated"):
    """All folds of the recipe are done."""

    iteration: int
    evaluation: Evaluation


class Failed(Event, frozen=True, tag="failed"):
    """Fitting the recipe ended without a score: the error's name and words; or its time ran out."""

    iteration: int
    reason: Literal["error", "time limit", "stopped"]
    message: str
    seconds: float


class ChampionChanged(Event, frozen=True, tag="champion_changed"):
    """A challenger won, by the champion rule in words."""

    iteration: int
    recipe: Recipe
    mean: float
    standard_error: float
    rule: str


class EnsembleBuilt(Event, frozen=True, tag="ensemble_built"):
    """Recipes of the run put together on their out-of-fold predictions."""

    recipes: tuple[str, ...]  # ids
    weights: tuple[float, ...]
    score: float
    standard_error: float


class Noted(Event, frozen=True, tag="noted"):
    """A line for the log."""

    message: str
    level: Literal["info", "warning"] = "info"


LoopEvent: TypeAlias = (
    SearchStarted
    | IterationStarted
    | Proposed
    | Refused
    | FoldScored
    | Evaluated
    | Failed
    | ChampionChanged
    | EnsembleBuilt
    | Noted
)
