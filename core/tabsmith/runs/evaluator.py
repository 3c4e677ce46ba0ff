"""Measures recipes fold by fold, as many folds at once as the executor of fits has cores."""

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.loop.iteration import OutOfTimeError
from tabsmith.orchestration.loop_state import evaluation_folder
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.runs.controller import RunController
from tabsmith.runs.events import RunState
from tabsmith.runs.finishing import seconds_to_keep
from tabsmith.runs.fits.executor import FitExecutor, FoldFit
from tabsmith.runs.pool import Pool, TimeUpError

if TYPE_CHECKING:
    from tabsmith.modeling.training_data import TrainingData


SOFT_SHARE: Final = 0.9
"""Share of a fold's time that is for fitting; the rest is for predicting and saving."""

MIN_FIRST_SECONDS: Final = 1.0
"""For a fold of the first recipe, however little time there is."""

RECIPE_SHARE: Final = 0.4
MIN_RECIPE_SECONDS: Final = 10.0
"""One recipe takes no more than this share of a run's time, or so many seconds where that is more."""


class FoldEvaluator:
    """The loop's `Evaluator`: `fits` carries out the fits of folds, the pool whatever else must not be done by the worker."""

    def __init__(
        self,
        data: "TrainingData",
        pool: Pool,
        fits: FitExecutor,
        control: RunController,
        root: Path,
        *,
        cores: int,
        keep_measured: bool,
    ) -> None:
        self._data = data
        self._pool = pool
        self._fits = fits
        self._control = control
        self._root = root
        self._cores = cores
        self._keep_measured = keep_measured
        self._evaluations: tuple[Evaluation, ...] = ()
        self._slots = min(cores, len(data.folds))

    async def check(self, recipe: Recipe) -> Verdict:
        """Return the verdict on a recipe. Derived columns are checked in a child, because DuckDB starts threads."""
        from tabsmith.recipes.validation import validate_recipe

        if not recipe.derived:
            return validate_recipe(recipe, self._data.schema)
        return await self._pool.run(lambda _: validate_recipe(recipe, self._data.schema), Verdict)

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        """Return the scores of the recipe on all folds; folds that an earlier worker finished are taken as they are."""
        from tabsmith.modeling.cross_validation import FINDING_FOLDS, combine_folds, finished_folds, rounds_found

        self._control.enter(RunState.EVALUATING)
        folder = evaluation_folder(iteration, recipe)
        path = self._root / folder
        done = {score.fold: score for score in finished_folds(path) if math.isfinite(score.score)}
        for score in done.values():
            on_fold(score)
        every = range(len(self._data.folds))
        end = self._control.clock.seconds() + self._recipe_seconds()
        for wave in (every[:FINDING_FOLDS], every[FINDING_FOLDS:]):
            missing = [fold for fold in wave if fold not in done]
            rounds = 0 if wave.start == 0 else rounds_found(tuple(done.values()))
            # The folds that find the rounds may fit twice, and are given twice the time.
            rest = math.ceil(len(every[FINDING_FOLDS:]) / self._slots) if wave.start == 0 else 0
            waves = math.ceil(len(missing) / self._slots)
            share = 2 * waves / (2 * waves + rest) if wave.start == 0 else 1.0
            await self._fit_folds(
                recipe, missing, path, done, on_fold, end=end, share=share / max(1, waves), rounds=rounds
            )
        combined = combine_folds(self._data, recipe, path, [done[fold] for fold in sorted(done)])
        evaluation = replace(combined, folder=folder)
        self.keep_time_for((*self._evaluations, evaluation))
        return evaluation

    def keep_time_for(self, evaluations: Sequence[Evaluation]) -> None:
        """Keep as much time for the end of the run as the recipes in `evaluations` would take there."""
        self._evaluations = tuple(evaluations)
        limit = self._control.limits.seconds
        self._control.reserve = seconds_to_keep(
            self._data, self._evaluations, limit, self._cores, keep_measured=self._keep_measured
        )

    async def _fit_folds(
        self,
        recipe: Recipe,
        folds: Sequence[int],
        path: Path,
        done: dict[int, FoldScore],
        on_fold: Callable[[FoldScore], None],
        *,
        end: float,
        share: float,
        rounds: int,
    ) -> None:
        """Fit `folds`, each within `share` of the time until `end`.

        The first recipe of a run is fitted to its end whatever the clock says, because a run ends with a model; a booster
        stops early all the same.
        """
        left = min(end - self._control.clock.seconds(), self._control.seconds_for_fitting())
        seconds = SOFT_SHARE * share * left
        if not self._evaluations:
            seconds = max(MIN_FIRST_SECONDS, seconds)
        threads = max(1, self._cores // max(1, min(self._slots, len(folds))))
        try:
            async with asyncio.TaskGroup() as group:
                for fold in folds:
                    group.create_task(self._fold(recipe, fold, path, done, on_fold, seconds, rounds, threads))
        except ExceptionGroup as errors:
            first = errors.exceptions[0]  # the others were cancelled because of it
            if isinstance(first, TimeUpError):
                raise OutOfTimeError(first.what) from first
            raise first from None

    def _recipe_seconds(self) -> float:
        """Seconds that one recipe may take before its fits have to end with what they have."""
        limit = self._control.limits.seconds
        return max(MIN_RECIPE_SECONDS, RECIPE_SHARE * limit) if limit else math.inf

    async def _fold(
        self,
        recipe: Recipe,
        fold: int,
        path: Path,
        done: dict[int, FoldScore],
        on_fold: Callable[[FoldScore], None],
        seconds: float,
        rounds: int,
        threads: int,
    ) -> None:
        """Evaluate one fold, whose fit should end within `seconds` of the run's clock."""

        def left() -> float:
            return self._control.seconds_for_fitting() if self._evaluations else math.inf

        fit = FoldFit(recipe, fold, path.relative_to(self._root).as_posix(), threads, seconds, rounds)
        score = await self._fits.fit_fold(fit, seconds_left=left)
        if not math.isfinite(score.score):
            return  # undefined on this fold, such as an AUC of one class: it does not count in the mean
        done[fold] = score
        on_fold(score)
