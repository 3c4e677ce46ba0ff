"""The chosen recipes fitted again on all rows, once the hold-out has been scored: what is measured on a part of the rows is
delivered from all of them.

A model of all rows is better than the mean of the fold models, each of which lacks its fold and the hold-out: on ten
tables its error was lower by up to a fifth, and two such models, of two seeds, were as good as eight folds over all rows.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import ChecksumError
from tabsmith.families.estimator import Ints, ParameterValues
from tabsmith.families.registry import get_family
from tabsmith.families.threads import limit_threads
from tabsmith.modeling.cross_validation import EARLY_STOPPING_SHARE, Fit, compute_derived_columns, fit_rows
from tabsmith.modeling.large_tables.whole_table import fit_whole_table, learns_in_batches, rows_to_learn
from tabsmith.modeling.results import EnsembleMember, Evaluation, Refit, RefitFile
from tabsmith.modeling.splits import early_stopping_split
from tabsmith.modeling.training_data import TrainingData
from tabsmith.recipes.recipe import Recipe
from tabsmith.storage import sealed_folder, verify_sealed

REFIT_FILE: Final = "refit.json"
MODELS: Final = 4
"""How many models of different seeds a recipe that depends on its seed is delivered as. Four were not better than two."""


_RISK: Final = 1.25  # times the seconds that are left, which the first fit of a recipe may be expected to take


def plan_refits(
    data: TrainingData, members: Sequence[EnsembleMember], evaluations: Sequence[Evaluation]
) -> tuple[Refit, ...]:
    """The fits on all rows that the ensemble `members` wants: one of every recipe, the heaviest first, and then another
    of those that depend on their seed."""
    of_recipe = {each.recipe.id: each for each in evaluations}
    return tuple(
        msgspec.structs.replace(
            refit, seconds=expected_seconds(of_recipe[refit.recipe.id], times_rows(data, refit.recipe))
        )
        for refit in plan_seeds(members)
    )


def plan_seeds(members: Sequence[EnsembleMember]) -> tuple[Refit, ...]:
    """The fits of `plan_refits`, of which it is not said how long they take."""
    refits = []
    for number in range(MODELS):
        for position, member in enumerate(members):
            family = get_family(member.recipe.family)
            if not number or family.is_random(ParameterValues(family, member.recipe.parameters)):
                refits.append(Refit(position, member.recipe, number, member.rounds, 0.0))
    return tuple(refits)


def times_rows(data: TrainingData, recipe: Recipe) -> float:
    """How many times the rows of a fold's fit those are that a model of `recipe` of all rows learns from."""
    fitted = sum(len(fit) for fit, _ in data.folds) / max(1, len(data.folds))
    return rows_to_learn(data, recipe) / max(1.0, fitted)


def expected_seconds(evaluation: Evaluation, times_rows: float) -> float:
    """Seconds that a fit on `times_rows` as many rows as a fold's should take: the median of the folds, of which most did
    not have to find their rounds."""
    seconds = sorted(fold.fit_seconds for fold in evaluation.folds)
    return times_rows * seconds[len(seconds) // 2]


def affordable_refits(refits: Sequence[Refit], seconds: float, slots: int) -> tuple[Refit, ...]:
    """As many of `refits`, in their order, as fit into `seconds` with `slots` at once.

    A fit that is too dear is left out with its later seeds, and cheaper ones after it are still taken. A recipe's first
    fit is risked where it might just be in time, because without it the recipe is delivered as it was measured.
    """
    chosen: list[Refit] = []
    spent = [0.0] * max(1, slots)
    for refit in refits:
        first = min(range(len(spent)), key=spent.__getitem__)
        missing_first = refit.number and not any(each.recipe.id == refit.recipe.id for each in chosen)
        risk = 1.0 if refit.number else _RISK
        if missing_first or spent[first] + refit.seconds > risk * seconds:
            continue
        spent[first] += refit.seconds
        chosen.append(refit)
    return tuple(chosen)


def is_done(refit: Refit, run_folder: Path) -> bool:
    """Whether the fit was made whole, by this worker or an earlier one, and is as it was written."""
    try:
        verify_sealed(run_folder / refit.folder)
    except ChecksumError:
        return False
    return True


def fit_refit(
    data: TrainingData, refit: Refit, run_folder: Path, *, threads: int, seconds_left: Callable[[], float]
) -> RefitFile:
    """Fit on all rows of `data`, hold-out included unless it is a person's own, and leave the model in its folder below `run_folder`.

    A fit that had to end before it was whole, for want of time, leaves nothing. Raises RecipeError for a recipe that
    cannot be fitted.
    """
    started = time.perf_counter()
    seed = data.seed + 1000 * refit.number
    if learns_in_batches(data, refit.recipe):
        with limit_threads(threads):
            whole = fit_whole_table(
                data, refit.recipe, rounds=refit.rounds, seed=seed, threads=threads, seconds_left=seconds_left
            )
        return _keep(whole, refit, run_folder, time.perf_counter() - started)
    every = data.with_holdout()
    derived = compute_derived_columns(every.rows, refit.recipe)

    def inner() -> tuple[Ints, Ints]:
        import numpy as np

        return early_stopping_split(every.basis, np.arange(every.train_rows), EARLY_STOPPING_SHARE, seed)

    with limit_threads(threads):
        fit = fit_rows(
            every,
            refit.recipe,
            every.rows.replaced(derived),
            every.y,
            derived,
            inner=inner,
            held=None,
            rounds=refit.rounds,
            seed=seed,
            threads=threads,
            seconds_left=seconds_left,
            sample_weights=every.weights,
        )
    return _keep(fit, refit, run_folder, time.perf_counter() - started)


def _keep(fit: Fit, refit: Refit, run_folder: Path, seconds: float) -> RefitFile:
    """Leave the model in its folder if it is whole; returns what `refit.json` says of it."""
    result = RefitFile(seconds, whole=not fit.cut)
    if not result.whole:
        return result
    with sealed_folder(run_folder / refit.folder) as partial:
        fit.model.save(partial)
        (partial / REFIT_FILE).write_bytes(msgspec.json.encode(result))
    return result


def refits_of(recipe: Recipe, run_folder: Path) -> Iterator[Path]:
    """The folders of the models of all rows that `recipe` has, in the order of their numbers. Raises ChecksumError if one
    has changed since it was written."""
    for number in range(MODELS):
        folder = run_folder / Refit(0, recipe, number, 0, 0.0).folder
        if folder.is_dir():
            verify_sealed(folder)
            yield folder
