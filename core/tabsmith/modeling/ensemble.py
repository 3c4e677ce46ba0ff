"""Recipes put together: weights by greedy selection on out-of-fold predictions, and the estimator that applies them.

The estimator, `BaggedModel`, averages each recipe's fold models, and the recipes by their weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tabsmith.errors import TrainingError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import cross_validation, metrics
from tabsmith.modeling.cross_validation import FoldModel, compute_derived_columns
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import EnsembleMember, Evaluation
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import TrainingData
from tabsmith.recipes.recipe import Recipe

ROUNDS = 25
MAX_MEMBERS = 6  # distinct recipes: every one of them is fitted per fold and asked for every row


@dataclass(frozen=True)
class Ensemble:
    """Recipes with weights that sum to 1, and the cross-validated score of their weighted mean."""

    members: tuple[EnsembleMember, ...]
    score: float
    standard_error: float
    prediction: Floats  # out of fold, (training rows, classes or 1)


def select_weights(
    predictions: Sequence[Floats],
    y: Ints | Floats,
    metric: Metric,
    classes: int,
    *,
    folds: Sequence[Ints] | None = None,
    row_weights: Floats | None = None,
    rounds: int = ROUNDS,
    max_members: int = MAX_MEMBERS,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[float, ...]:
    """Weights for `predictions`, summing to 1 (Caruana et al. 2004, ensemble selection from libraries of models).

    Each round adds, with replacement, the prediction that makes the mean of all chosen best; the best of all rounds is
    returned, so the result is never worse than the best single prediction. Of equal scores, fewer members win, then
    the earlier round. The score is the mean over `folds` (row positions), or that of all rows, each row counted by
    `row_weights`. A prediction whose score is NaN is never chosen. `enough` ends the rounds early. Raises TrainingError when no prediction has a score.
    """

    def measure(prediction: Floats) -> float:
        return _score(prediction, y, metric, classes, folds, row_weights)

    singles = [measure(prediction) for prediction in predictions]
    if all(score != score for score in singles):
        raise TrainingError(
            "No recipe has a score, so there is no model to deliver.", next_step="Give training more time."
        )
    first = _best(singles, metric)
    counts = np.zeros(len(predictions), dtype=np.int64)
    counts[first] = 1
    best_counts, best_score = counts.copy(), singles[first]
    total = predictions[first].copy()
    for size in range(2, rounds + 1):
        if enough():
            break
        full = np.count_nonzero(counts) >= max_members
        candidates = [
            float("nan") if single != single or (full and not count) else measure((total + prediction) / size)
            for single, count, prediction in zip(singles, counts, predictions, strict=True)
        ]
        chosen = _best(candidates, metric)
        score = candidates[chosen]
        if score != score:
            break
        counts[chosen] += 1
        total += predictions[chosen]
        fewer = np.count_nonzero(counts) < np.count_nonzero(best_counts)
        if metric.better(score, best_score) or (score == best_score and fewer):
            best_counts, best_score = counts.copy(), score
    return tuple((best_counts / best_counts.sum()).tolist())


def _score(
    prediction: Floats,
    y: Ints | Floats,
    metric: Metric,
    classes: int,
    folds: Sequence[Ints] | None,
    weights: Floats | None,
) -> float:
    if folds is None:
        return metrics.score(metric, y, prediction, classes, weights)
    scores = [metrics.score(metric, y[rows], prediction[rows], classes, metrics.taken(weights, rows)) for rows in folds]
    defined = [score for score in scores if score == score]
    return float(np.mean(defined)) if defined else float("nan")


def _best(scores: Sequence[float], metric: Metric) -> int:
    """The index of the best score, the first of equal ones; a NaN's only when all are NaN."""
    best = 0
    for index, score in enumerate(scores):
        if metric.better(score, scores[best]):
            best = index
    return best


def build_ensemble(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    run_folder: Path,
    *,
    rounds: int = ROUNDS,
    enough: Callable[[], bool] = lambda: False,
) -> Ensemble:
    """The ensemble of those of `evaluations` whose folds are all on disk; its members by weight, the largest first.

    Raises TrainingError when no recipe was fitted on all folds.
    """
    covered = data.covered
    complete: list[tuple[Recipe, Floats]] = []
    for evaluation in evaluations:
        prediction = cross_validation.out_of_fold_predictions(data, run_folder / evaluation.folder)
        if np.isfinite(prediction[covered]).all():
            complete.append((evaluation.recipe, prediction))
    if not complete:
        raise TrainingError("No recipe was fitted on all folds.", next_step="Give training more time.")
    weights = select_weights(
        [prediction for _, prediction in complete],
        data.y,
        data.metric,
        data.classes,
        folds=[rows for _, rows in data.folds],
        row_weights=data.weights,
        rounds=rounds,
        enough=enough,
    )
    weighted = [
        (weight, recipe, prediction)
        for weight, (recipe, prediction) in zip(weights, complete, strict=True)
        if weight > 0
    ]
    weighted.sort(key=lambda member: -member[0])
    mean = np.asarray(sum(weight * prediction for weight, _, prediction in weighted), dtype=np.float64)
    scores = cross_validation.fold_scores(data, mean)
    defined = scores[~np.isnan(scores)]
    found = {each.recipe.id: cross_validation.rounds_found(each.folds) for each in evaluations}
    members = tuple(EnsembleMember(recipe, weight, found[recipe.id]) for weight, recipe, _ in weighted)
    return Ensemble(members, float(defined.mean()), cross_validation.standard_error(defined), mean)


@dataclass(frozen=True)
class BaggedMember:
    """A recipe's fold models and its weight."""

    recipe: Recipe
    weight: float
    models: tuple[FoldModel, ...]

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1): the mean over the fold models."""
        rows = rows.replaced(compute_derived_columns(rows, self.recipe)) if self.recipe.derived else rows
        total = self.models[0].predict(rows)
        for model in self.models[1:]:
            total = total + model.predict(rows)
        return np.asarray(total / len(self.models), dtype=np.float64)


@dataclass(frozen=True)
class BaggedModel:
    """The members of an ensemble, ready to predict."""

    members: tuple[BaggedMember, ...]

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1): the members' predictions by their weights, which sum to 1."""
        total = self.members[0].weight * self.members[0].predict(rows)
        for member in self.members[1:]:
            total = total + member.weight * member.predict(rows)
        return np.asarray(total, dtype=np.float64)


def load_bagged_model(members: Sequence[tuple[Recipe, float, Sequence[Path]]]) -> BaggedModel:
    """The model of these members: the recipe of each, its weight, and the folders of its fold models.

    Raises ModelDamagedError.
    """
    return BaggedModel(
        tuple(
            BaggedMember(recipe, weight, tuple(FoldModel.load(folder) for folder in folders))
            for recipe, weight, folders in members
        )
    )
