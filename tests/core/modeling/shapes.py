"""Small tables of many shapes, and the short way from one to a saved model."""

import secrets
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tabsmith.modeling import cross_validation, delivery, ensemble
from tabsmith.modeling.decisions.goals import AUTOMATIC, LabelGoal
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.results import EnsembleMember, Evaluation, ModelReport
from tabsmith.modeling.training_data import TrainingData, prepare_training_data
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, ProblemType, Schema, Split

KINDS: dict[str, ColumnKind] = {
    "size": "numeric",
    "gaps": "numeric",
    "colour": "category",
    "user": "category",
    "words": "text",
    "day": "date",
    "agreed": "boolean",
    "grade": "code",
    "empty": "numeric",
    "same": "numeric",
}

QUICK = {
    "random_forest": {"n_estimators": 20},
    "extra_trees": {"n_estimators": 20},
    "hist_gradient_boosting": {"max_iter": 15},
    "lightgbm": {"n_estimators": 30},
    "catboost": {"iterations": 20, "depth": 4},
    "neural_network": {"hidden_layer_sizes": "32", "max_iter": 30},
}


def quick(family, **parameters) -> Recipe:
    """A recipe of the family that fits in no time."""
    return Recipe(family, parameters={**QUICK.get(family, {}), **parameters})


def table(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Every kind of column, and targets of every kind that depend on `size` and `colour`."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": draw.normal(size=rows),
            "gaps": draw.normal(size=rows),
            "colour": draw.choice(["red", "green", "blue"], rows),
            "user": draw.choice([f"u{number}" for number in range(200)], rows),
            "words": [" ".join(draw.choice(["big", "small", "old", "new"], 4)) for _ in range(rows)],
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.sort(draw.integers(0, 900, rows)), unit="D"),
            "agreed": draw.choice(["yes", "no"], rows),
            "grade": draw.integers(1, 9, rows),
            "empty": np.nan,
            "same": 1,
        }
    )
    frame.loc[::7, "gaps"] = np.nan
    frame.loc[::11, "colour"] = None
    truth = frame["size"] + (frame["colour"] == "red") + 0.5 * draw.normal(size=rows)
    frame["flag"] = truth > 0
    frame["one_two"] = np.where(truth > 0, 1, 2)
    frame["level"] = np.where(truth > 1, "high", np.where(truth < -1, "low", "middle"))
    frame["thirty"] = [f"class {number % 30}" for number in draw.permutation(rows)]
    frame["number"] = truth * 100 + 1000
    return frame


def schema(
    target: str, task: ProblemType, *, split: Split | None = None, columns: dict[str, ColumnKind] | None = None
) -> Schema:
    """The schema of `table`, or of other columns, for one target."""
    split = split or Split("random" if task == "regression" else "stratified", folds=3)
    kinds = KINDS if columns is None else columns
    role: dict[str, ColumnRole] = {split.by: "time" if split.kind == "forward" else "group"}
    made = tuple(ColumnSchema(name, kind, role.get(name, "feature"), "") for name, kind in kinds.items())
    kind: ColumnKind = "numeric" if task == "regression" else "category"
    return Schema((*made, ColumnSchema(target, kind, "target", "")), target, (), task, split)


def prepared(
    target: str = "flag", task: ProblemType = "binary", rows: int = 120, goal: LabelGoal = AUTOMATIC, **options
) -> TrainingData:
    """`table` made ready."""
    return prepare_training_data(table(rows), schema(target, task, **options), default_metric(task), seed=0, goal=goal)


def evaluated(data: TrainingData, run: Path, recipe: Recipe, seconds: float = 60.0) -> Evaluation:
    """The recipe on all folds, in this process."""
    folder = run / "evaluations" / recipe.id
    folds = [
        cross_validation.fit_fold(data, recipe, fold, folder, threads=1, seconds_left=lambda: seconds)
        for fold in range(len(data.folds))
    ]
    return cross_validation.combine_folds(data, recipe, folder, folds, run_folder=run)


def finished(
    data: TrainingData, run: Path, *recipes: Recipe, importance_seconds: float = 60.0, fingerprint: str = "mark"
) -> ModelReport:
    """A saved model of these recipes, of one weight each, so that every one of them is in it."""
    found = [evaluated(data, run, recipe) for recipe in recipes]
    built = ensemble.build_ensemble(data, found, run)
    mixed = sum(cross_validation.out_of_fold_predictions(data, run / each.folder) for each in found) / len(found)
    members = tuple(EnsembleMember(recipe, 1 / len(recipes)) for recipe in recipes)
    whole = ensemble.Ensemble(members, built.score, built.standard_error, mixed)
    about = delivery.ReportHeader(f"model-{secrets.token_hex(3)}", "run", 1.0, "table.csv", fingerprint, 2, 2, 1.0)
    end = time.monotonic() + importance_seconds
    measured = delivery.measure_model(data, found, whole, run, about, threads=1, deadline=end)
    explained = delivery.explain_measured(data, found, measured, run, threads=1, deadline=end)
    return delivery.save_delivered(data, found, measured, explained, run, kept="asked for")
