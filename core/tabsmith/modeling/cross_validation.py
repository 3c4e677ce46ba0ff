"""A recipe scored on the run's fixed folds: each fold fitted without its rows, its model and predictions kept on disk.

`fit_fold` runs in a process of its own that may be ended at any moment; a fold counts only when its folder is sealed, and
as long as its files are as they were written (see storage/sealed.py).
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tabsmith.errors import ChecksumError, TrainingError
from tabsmith.families.estimator import (
    Estimator,
    FitRequest,
    Floats,
    Ints,
    ParameterValues,
    StoppingRows,
    fit_estimator,
    load_estimator,
)
from tabsmith.families.registry import get_family
from tabsmith.families.threads import limit_threads
from tabsmith.modeling import metrics
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.fitting import fit_features
from tabsmith.modeling.features.transformer import FeatureTransformer
from tabsmith.modeling.metric_losses import loss_for
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.modeling.rows import ColumnValues, RowArrays, infer_column
from tabsmith.modeling.splits import early_stopping_split
from tabsmith.modeling.training_data import TrainingData
from tabsmith.recipes.recipe import Recipe
from tabsmith.storage import sealed_folder, verify_sealed

SCORE_FILE: Final = "fold.json"
PREDICTIONS_FILE: Final = "oof.npy"
ROWS_FILE: Final = "rows.npy"
EARLY_STOPPING_SHARE: Final = 0.125
FINDING_FOLDS: Final = 2
"""The first so many folds find the rounds of boosting, all others grow their mean: that many, however many cores there
are, so that the same seed gives the same model everywhere."""

MIN_ROWS_TO_STOP_ON_THE_FOLD: Final = 1_000
"""A fold of so many rows stops the boosting by its own loss, as the leaders do, and is fitted once: the best of a few
hundred numbers of rounds flatters the score of so many rows by less than its noise. A smaller fold is not looked at; an
inner part of its fitted rows finds the rounds, and then all of them are fitted."""


class FoldFile(msgspec.Struct, frozen=True):
    """`fold.json`: a FoldScore whose score may be undefined, which JSON has no number for."""

    fold: int
    score: float | None
    fit_seconds: float
    predict_seconds: float
    rounds: int = 0
    cut: bool = False


def fold_folder(folder: Path, fold: int) -> Path:
    """The folder of fold number `fold` (from 0) of a recipe."""
    return folder / f"fold-{fold}"


def compute_derived_columns(rows: RowArrays, recipe: Recipe) -> dict[str, ColumnValues]:
    """The recipe's derived columns for `rows`."""
    if not recipe.derived:
        return {}
    from tabsmith.recipes.derived import compute

    frame = compute(rows.frame(), recipe.derived)
    return {str(name): infer_column(frame[name]) for name in frame.columns}


def fit_fold(
    data: TrainingData,
    recipe: Recipe,
    fold: int,
    folder: Path,
    *,
    threads: int,
    seconds_left: Callable[[], float],
    rounds: int = 0,
) -> FoldScore:
    """Fit `recipe` without the rows of `fold`, score it on them, and leave the model and its predictions in
    `folder`/fold-<fold>.

    `rounds` of boosting are grown where other folds have found how many (see `rounds_found`); else this fold finds them.
    Boosters and networks end with the trees or passes so far when `seconds_left` comes near 0. Raises RecipeError for a recipe
    that cannot be fitted, and TrainingError when its predictions are no numbers.
    """
    with limit_threads(threads):
        started = time.perf_counter()
        derived = compute_derived_columns(data.rows, recipe)
        rows = data.rows.replaced(derived)
        fitted, scored = data.folds[fold]
        held = rows.take(scored)
        stops_on_fold = len(scored) >= MIN_ROWS_TO_STOP_ON_THE_FOLD
        fit = fit_rows(
            data,
            recipe,
            rows.take(fitted),
            data.y[fitted],
            derived,
            inner=lambda: early_stopping_split(data.basis, fitted, EARLY_STOPPING_SHARE, data.seed),
            held=(held, data.y[scored], metrics.taken(data.weights, scored)) if stops_on_fold else None,
            rounds=rounds,
            seed=data.seed,
            threads=threads,
            seconds_left=seconds_left,
            sample_weights=metrics.taken(data.weights, fitted),
        )
        fit_seconds = time.perf_counter() - started
        started = time.perf_counter()
        prediction = fit.model.predict(held)
        predict_seconds = time.perf_counter() - started
    if not np.isfinite(prediction).all():
        raise TrainingError(
            f"The {recipe.family} model predicts values that are no numbers.", next_step="Try other parameters."
        )
    score = metrics.score(data.metric, data.y[scored], prediction, data.classes, metrics.taken(data.weights, scored))
    result = FoldScore(fold, score, fit_seconds, predict_seconds, fit.model.estimator.rounds, fit.cut)
    _save_fold(folder, result, fit.model, prediction, scored)
    return result


@dataclass(frozen=True)
class FoldModel:
    """The features and the estimator that were fitted to some rows: those of a fold, or all."""

    features: FeatureTransformer
    estimator: Estimator

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1); `rows` hold the recipe's derived columns."""
        return self.estimator.predict(self.features.transform(rows))

    def save(self, folder: Path) -> None:
        """Write the model's files into `folder`."""
        self.features.save(folder)
        self.estimator.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "FoldModel":
        """The fold model saved in `folder`. Raises ModelDamagedError."""
        features = FeatureTransformer.load(folder)
        return cls(features, load_estimator(folder, features.columns))

    @classmethod
    def load_verified(cls, folder: Path) -> "FoldModel":
        """The fold model in the sealed `folder` of a run. Raises ChecksumError if a file of it has changed, ModelDamagedError."""
        verify_sealed(folder)
        return cls.load(folder)


@dataclass(frozen=True)
class Fit:
    """A fitted model, and whether its fit had to end before it was done, for want of time."""

    model: FoldModel
    cut: bool


def fit_rows(
    data: TrainingData,
    recipe: Recipe,
    rows: RowArrays,
    y: Ints | Floats,
    derived: Mapping[str, ColumnValues],
    *,
    inner: Callable[[], tuple[Ints, Ints]],
    held: tuple[RowArrays, Ints | Floats, Floats | None] | None,
    rounds: int,
    seed: int,
    threads: int,
    seconds_left: Callable[[], float],
    sample_weights: Floats | None,
) -> Fit:
    """`recipe` fitted to `rows`, their targets `y` and their weights.

    `rows` and `held` (rows, targets, weights) hold the recipe's `derived` columns. Where `rounds` is 0, boosting is stopped by the rows `held`
    beside these, or, without such rows, by the part of these that `inner` names.
    """
    family = get_family(recipe.family)
    context = FeatureContext(rows, y, data.task, data.classes, recipe, family.requirements, seed)
    features, matrix = fit_features(context, data.inputs, derived)
    request = FitRequest(
        family=family,
        parameters=ParameterValues(family, recipe.parameters),
        task=data.task,
        X=matrix,
        y=y,
        outputs=data.outputs,
        loss=loss_for(data.metric),
        categorical=features.categorical,
        inner=inner,
        threads=threads,
        seed=seed,
        seconds_left=seconds_left,
        held=None if held is None or rounds else StoppingRows(features.transform(held[0]), *held[1:]),
        rounds=rounds,
        sample_weights=sample_weights,
        target=recipe.target,
        monotone=features.monotone(recipe.monotone),
    )
    return Fit(FoldModel(features, fit_estimator(request, data.classes)), cut=request.out_of_time())


def rounds_found(folds: Sequence[FoldScore]) -> int:
    """The rounds of boosting that the first folds have found, on the mean; 0 where they know none."""
    found = [fold.rounds for fold in folds if fold.fold < FINDING_FOLDS and fold.rounds]
    return max(1, round(sum(found) / len(found))) if found else 0


def _save_fold(folder: Path, result: FoldScore, model: FoldModel, prediction: Floats, scored: Ints) -> None:
    """Write the fold whole or not at all, durably: the journal refers to it from then on."""
    with sealed_folder(fold_folder(folder, result.fold)) as partial:
        model.save(partial)
        np.save(partial / PREDICTIONS_FILE, prediction, allow_pickle=False)
        np.save(partial / ROWS_FILE, scored, allow_pickle=False)
        score = result.score if result.score == result.score else None
        file = FoldFile(result.fold, score, result.fit_seconds, result.predict_seconds, result.rounds, result.cut)
        (partial / SCORE_FILE).write_bytes(msgspec.json.encode(file))


def finished_folds(folder: Path, files: Collection[str] | None = None) -> tuple[FoldScore, ...]:
    """The folds of a recipe that were fitted whole, in order, and are as they were written: of each the `files`, by
    default all."""
    scores = []
    for path in folder.glob("fold-*"):
        try:
            verify_sealed(path, files)
            file = msgspec.json.decode((path / SCORE_FILE).read_bytes(), type=FoldFile)
        except (ChecksumError, OSError, ValueError):  # damaged: the fold is fitted again
            continue
        score = float("nan") if file.score is None else file.score
        scores.append(FoldScore(file.fold, score, file.fit_seconds, file.predict_seconds, file.rounds, file.cut))
    return tuple(sorted(scores, key=lambda score: score.fold))


def combine_folds(
    data: TrainingData, recipe: Recipe, folder: Path, folds: Sequence[FoldScore], *, run_folder: Path | None = None
) -> Evaluation:
    """The folds of a recipe put together. Folds without a score (one class only) are left out.

    Raises TrainingError when no fold has a score.

    The evaluation names `folder` relative to `run_folder`, which is the folder above it unless given.
    """
    defined = tuple(fold for fold in folds if fold.score == fold.score)
    scores = np.asarray([fold.score for fold in defined])
    if not len(scores):
        raise TrainingError(
            f"The {data.metric.label} is undefined on every fold: each holds rows of one class only.",
            where=str(folder),
            next_step="Choose another metric, or fewer folds.",
        )
    return Evaluation(
        recipe=recipe,
        folds=defined,
        mean=float(scores.mean()),
        standard_error=standard_error(scores),
        seconds=sum(fold.fit_seconds + fold.predict_seconds for fold in folds),
        folder=folder.relative_to(run_folder or folder.parent).as_posix(),
    )


def standard_error(scores: Floats) -> float:
    """The standard error of the mean over folds; 0 for a single fold."""
    return float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0


def out_of_fold_predictions(data: TrainingData, folder: Path) -> Floats:
    """Out-of-fold predictions (training rows, classes or 1); NaN for rows that no finished fold predicts."""
    prediction = np.full((data.train_rows, data.outputs), np.nan)
    for score in finished_folds(folder, (SCORE_FILE, ROWS_FILE, PREDICTIONS_FILE)):
        fold = fold_folder(folder, score.fold)
        index = np.load(fold / ROWS_FILE, allow_pickle=False)
        prediction[index] = np.load(fold / PREDICTIONS_FILE, allow_pickle=False)
    return prediction


def fold_scores(data: TrainingData, prediction: Floats) -> Floats:
    """The score of out-of-fold predictions on each fold; NaN where undefined."""
    return np.asarray(
        [
            metrics.score(data.metric, data.y[rows], prediction[rows], data.classes, metrics.taken(data.weights, rows))
            for _, rows in data.folds
        ]
    )
