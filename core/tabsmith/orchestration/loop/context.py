"""What a search is about and who measures recipes, as the loop sees it."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from tabsmith.errors import WorkerError
from tabsmith.modeling.results import Evaluation, FoldScore, Metric
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema


class LoopContext(msgspec.Struct, frozen=True, kw_only=True):
    """The table as understood, the metric, what agents may see of the table, and how long an agent is waited for."""

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
    """Checks and measures recipes, in other processes."""

    async def check(self, recipe: Recipe) -> Verdict:
        """Return whether the recipe may be fitted to this table, and its problems if not."""
        ...

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        """Return the scores of the recipe on the run's fixed folds; `on_fold` gets each score as it is there.

        Raises OutOfTimeError, ReportedError for what the fit raised, and WorkerError if its process died.
        """
        ...
