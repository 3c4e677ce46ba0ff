"""Fits as requests: what a fit needs beside the prepared data, and who may carry one out.

An executor is given the data once, and then small requests, by value. Forked children of the worker (`ForkedFits`) have the
data in memory; a Dask cluster (cluster/cluster_fits.py) is sent it. Either leaves what was fitted below the run's folder,
renamed into place, so that nothing after a fit knows where it was made.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import msgspec

from tabsmith.modeling.results import FoldScore, Refit, RefitFile
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.pool import Pool, Progress

if TYPE_CHECKING:
    from tabsmith.modeling.training_data import TrainingData
    from tabsmith.runs.controller import ActiveClock


class FoldFit(msgspec.Struct, frozen=True, tag="fold"):
    """Fit `recipe` without the rows of `fold`, and score it on them."""

    recipe: Recipe
    fold: int
    folder: str  # of the recipe, relative to the run's
    threads: int
    seconds: float  # after which boosters and networks end with what they have; may be infinite
    rounds: int = 0  # of boosting, where other folds have found them


class AllRowsFit(msgspec.Struct, frozen=True, tag="all rows"):
    """Fit a chosen recipe on all rows."""

    refit: Refit
    threads: int
    seconds: float

    @property
    def recipe(self) -> Recipe:
        return self.refit.recipe


Fit: TypeAlias = FoldFit | AllRowsFit
T = TypeVar("T", FoldScore, RefitFile)
FitResult: TypeAlias = FoldScore | RefitFile


def carry_out(data: "TrainingData", fit: Fit, root: Path, seconds_left: Callable[[], float]) -> FitResult:
    """Carry out `fit` in this process, and leave the model below `root`, laid out like a run's folder; returns the result.

    Raises RecipeError for a recipe that cannot be fitted, and TrainingError when its predictions are no numbers.
    """
    from tabsmith.modeling.cross_validation import fit_fold
    from tabsmith.modeling.refit import fit_refit

    match fit:
        case FoldFit():
            return fit_fold(
                data,
                fit.recipe,
                fit.fold,
                root / fit.folder,
                threads=fit.threads,
                seconds_left=seconds_left,
                rounds=fit.rounds,
            )
        case AllRowsFit():
            return fit_refit(data, fit.refit, root, threads=fit.threads, seconds_left=seconds_left)


class FitExecutor(Protocol):
    """Carries out the fits of a run. Both methods leave the model below the run's folder, and return once it is there.

    Cancelling ends the fit. They raise ReportedError for what the fit raised, TimeUpError if `seconds_left`, which is asked
    again and again, fell to 0, and WorkerError if the process that fitted died.
    """

    async def fit_fold(self, fit: FoldFit, *, seconds_left: Callable[[], float]) -> FoldScore:
        """Return the score of a recipe on a fold."""
        ...

    async def fit_on_all_rows(self, fit: AllRowsFit, *, seconds_left: Callable[[], float]) -> RefitFile:
        """Return how long the fit on all rows took, and whether it was whole."""
        ...

    async def close(self) -> None:
        """End what the executor has started. Nothing is fitted after it."""
        ...


class ForkedFits:
    """The executor on this machine: each fit is a forked child of the worker, which starts from `data` at no cost."""

    def __init__(self, data: "TrainingData", pool: Pool, clock: "ActiveClock", root: Path) -> None:
        self._data = data
        self._pool = pool
        self._clock = clock
        self._root = root

    async def fit_fold(self, fit: FoldFit, *, seconds_left: Callable[[], float]) -> FoldScore:
        """See FitExecutor."""
        return await self._run(fit, FoldScore, seconds_left)

    async def fit_on_all_rows(self, fit: AllRowsFit, *, seconds_left: Callable[[], float]) -> RefitFile:
        """See FitExecutor."""
        return await self._run(fit, RefitFile, seconds_left)

    async def close(self) -> None:
        """See FitExecutor: a child ends with its fit."""

    async def _run(self, fit: Fit, kind: type[T], seconds_left: Callable[[], float]) -> T:
        def work(_: Progress) -> T:
            end = self._clock.seconds() + fit.seconds  # the clock is shared with the child, and stands while it is held
            result = carry_out(self._data, fit, self._root, lambda: end - self._clock.seconds())
            assert isinstance(result, kind)
            return result

        return await self._pool.run(work, kind, seconds_left=seconds_left)
