"""What a run is about, as the loop and its parts see it.

Who measures recipes, as the loop sees it.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from tabsmith.errors import WorkerError
from tabsmith.modeling.results import Evaluation, FoldScore, Metric
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema


class LoopContext(msgspec.Struct, frozen=True, kw_only=True):
    """The table as understood, the metric, and what agents may be told and how long they are waited for."""

    run_id: str
    fingerprint: str  # of the table
    schema: Schema
    profile: TableProfile
    metric: Metric
    folds: int
    samples: bool = True  # whether agents see sample values
    patience: float = 120.0  # seconds
    breakpoints: tuple[str, ...] = ()


class OutOfTimeError(WorkerError):
    """An evaluation was ended because the run's time for fitting was up."""


class Evaluator(Protocol):
    """Who measures a recipe."""

    async def check(self, recipe: Recipe) -> Verdict:
        """Whether the recipe may be fitted to this table."""
        ...

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        """The recipe on the run's fixed folds; `on_fold` is told each one as it is done.

        Raises OutOfTimeError, ReportedError for what the fit raised, WorkerError when its process died.
        """
        ...
