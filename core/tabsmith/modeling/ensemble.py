"""Recipes put together: greedy selection with replacement on out-of-fold predictions.

The delivered estimator: per recipe the models of its folds, averaged, and the recipes by weight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tabsmith.errors import TrainingError
from tabsmith.families.estimator import Estimator, Floats, Ints, load_estimator
from tabsmith.modeling import cross_validation, metrics
from tabsmith.modeling.cross_validation import compute_derived_columns
from tabsmith.modeling.features.transformer import FeatureTransformer
from tabsmith.modeling.results import EnsembleMember, Evaluation, Metric
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import TrainingData
from tabsmith.recipes.recipe import Recipe

ROUNDS = 25
MAX_MEMBERS = 6  # distinct recipes: every one of them is fitted per fold and asked for every row


@dataclass(frozen=True)
class Ensemble:
    """Recipes with weights that sum to 1, and their score together, out of fold."""

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
    rounds: int = ROUNDS,
    most: int = MAX_MEMBERS,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[float, ...]:
    """Weights for `predictions`, summing to 1 (Caruana et al. 2004, ensemble selection from libraries of models).

    Each round adds, with replacement, the prediction that makes the mean of all chosen best; the best of all rounds is
    returned, so the result is never worse than the best single prediction. Of equal scores the one with fewer members
    wins, then the earlier. The score is the mean over `folds` (row positions), or that of all rows. A prediction
    whose score is NaN is never chosen. `enough` ends the rounds early. Raises TrainingError when nothing has a score.
    """

    def measure(prediction: Floats) -> float:
        return _score(prediction, y, metric, classes, folds)

    singles = [measure(prediction) for prediction in predictions]
    usable = [place for place, score in enumerate(singles) if score == score]
    if not usable:
        raise TrainingError("No recipe has a score, so there is none to deliver.", next_step="Give training more time.")
    first = _best(singles, metric)
    counts = np.zeros(len(predictions), dtype=np.int64)
    counts[first] = 1
    best_counts, best_score = counts.copy(), singles[first]
    total = predictions[first].copy()
    for size in range(2, rounds + 1):
        if enough():
            break
        full = np.count_nonzero(counts) >= most
        open_to = [each for each in usable if not full or counts[each]]
        tried = [
            measure((total + prediction) / size) if each in open_to else float("nan")
            for each, prediction in enumerate(predictions)
        ]
        place = _best(tried, metric)
        score = tried[place]
        if score != score:
            break
        counts[place] += 1
        total += predictions[place]
        fewer = np.count_nonzero(counts) < np.count_nonzero(best_counts)
        if metric.better(score, best_score) or (score == best_score and fewer):
            best_counts, best_score = counts.copy(), score
    return tuple((best_counts / best_counts.sum()).tolist())


def _score(prediction: Floats, y: Ints | Floats, metric: Metric, classes: int, folds: Sequence[Ints] | None) -> float:
    if folds is None:
        return metrics.score(metric, y, prediction, classes)
    scores = [metrics.score(metric, y[rows], prediction[rows], classes) for rows in folds]
    there = [score for score in scores if score == score]
    return float(np.mean(there)) if there else float("nan")


def _best(scores: Sequence[float], metric: Metric) -> int:
    """The place of the best score, the first of equal ones; NaN is never it unless all are."""
    best = 0
    for place, score in enumerate(scores):
        if metric.better(score, scores[best]):
            best = place
    return best


def build_ensemble(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    run_folder: Path,
    *,
    rounds: int = ROUNDS,
    enough: Callable[[], bool] = lambda: False,
) -> Ensemble:
    """The ensemble of `evaluations` whose folds are all on disk, best first.

    Raises TrainingError when there is none.
    """
    covered = data.covered
    found = [(each, cross_validation.out_of_fold_predictions(data, run_folder / each.folder)) for each in evaluations]
    whole = [(each, prediction) for each, prediction in found if np.isfinite(prediction[covered]).all()]
    if not whole:
        raise TrainingError("No recipe was fitted on all folds.", next_step="Give training more time.")
    predictions = [prediction for _, prediction in whole]
    weights = select_weights(
        predictions,
        data.y,
        data.metric,
        data.classes,
        folds=[rows for _, rows in data.folds],
        rounds=rounds,
        enough=enough,
    )
    chosen = [
        (weight, each.recipe, prediction)
        for weight, (each, prediction) in zip(weights, whole, strict=True)
        if weight > 0
    ]
    chosen.sort(key=lambda each: -each[0])
    mixed = np.asarray(sum(weight * prediction for weight, _, prediction in chosen), dtype=np.float64)
    scores = cross_validation.fold_scores(data, mixed)
    there = scores[~np.isnan(scores)]
    members = tuple(EnsembleMember(recipe, weight) for weight, recipe, _ in chosen)
    return Ensemble(members, float(there.mean()), cross_validation.standard_error(there), mixed)


@dataclass(frozen=True)
class FoldModel:
    """What was fitted on one fold."""

    features: FeatureTransformer
    estimator: Estimator

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1); `rows` hold the recipe's derived columns."""
        return self.estimator.predict(self.features.transform(rows))

    @classmethod
    def load(cls, folder: Path) -> "FoldModel":
        """The fold model saved in `folder`. Raises ModelDamagedError."""
        return cls(FeatureTransformer.load(folder), load_estimator(folder))


@dataclass(frozen=True)
class BaggedMember:
    """A recipe's fold models and its weight."""

    recipe: Recipe
    weight: float
    models: tuple[FoldModel, ...]

    def predict(self, rows: RowArrays) -> Floats:
        """The mean over the fold models."""
        whole = rows.replaced(compute_derived_columns(rows, self.recipe)) if self.recipe.derived else rows
        made = self.models[0].predict(whole)
        for model in self.models[1:]:
            made = made + model.predict(whole)
        return np.asarray(made / len(self.models), dtype=np.float64)


@dataclass(frozen=True)
class BaggedModel:
    """All members."""

    members: tuple[BaggedMember, ...]

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1): the members' predictions by their weights, which sum to 1."""
        made = self.members[0].weight * self.members[0].predict(rows)
        for member in self.members[1:]:
            made = made + member.weight * member.predict(rows)
        return np.asarray(made, dtype=np.float64)


def load_bagged_model(members: Sequence[tuple[Recipe, float, Sequence[Path]]]) -> BaggedModel:
    """The bag whose members' fold models lie in the folders given. Raises ModelDamagedError."""
    return BaggedModel(
        tuple(
            BaggedMember(recipe, weight, tuple(FoldModel.load(folder) for folder in folders))
            for recipe, weight, folders in members
        )
    )
