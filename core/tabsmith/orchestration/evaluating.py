"""Who measures recipes, as the loop sees it."""

from collections.abc import Callable
from typing import Protocol

from tabsmith.errors import WorkerError
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.recipes.recipe import Recipe, Verdict


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
