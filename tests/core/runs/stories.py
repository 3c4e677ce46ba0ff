"""Runs told as events, for tests that fold them."""

from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration import events as loop
from tabsmith.recipes.recipe import Problem, Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState
from tabsmith.runs.spec import Detect, Limits, ModelChoice, RunSpec
from tabsmith.tables.read.sources import SampleSource

RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
SPEC = RunSpec("20261120-000000-abcdef", 0.0, SampleSource("diabetes"), Detect(), ModelChoice(limits=Limits(60.0)))


def started(at: float, attempt: int = 1) -> RunEvent:
    return run.RunStarted(at=at, spec=SPEC, pid=100 + attempt, attempt=attempt, version="0")


def state(at: float, new: RunState, message: str = "") -> RunEvent:
    return run.StateChanged(at=at, state=new, message=message)


def searching(at: float) -> RunEvent:
    return loop.SearchStarted(at=at, metric=RMSE, folds=2, train_rows=80, holdout_rows=20)


def evaluation(recipe: Recipe, *scores: float) -> Evaluation:
    folds = tuple(FoldScore(fold, score, 0.5, 0.1) for fold, score in enumerate(scores))
    return Evaluation(recipe, folds, sum(scores) / len(scores), 0.5, 1.2, "evaluations/x")


def scored(at: float, iteration: int, recipe: Recipe, *scores: float, wins: bool = False) -> list[RunEvent]:
    """A whole iteration, from being asked to its verdict."""
    measured = evaluation(recipe, *scores)
    told: list[RunEvent] = [
        loop.IterationStarted(at=at, iteration=iteration, agent="search"),
        loop.Proposed(at=at, iteration=iteration, recipe=recipe, change=recipe.name),
        *(loop.FoldScored(at=at, iteration=iteration, score=score) for score in measured.folds),
        loop.Evaluated(at=at, iteration=iteration, evaluation=measured),
    ]
    if wins:
        told.append(
            loop.ChampionChanged(
                at=at, iteration=iteration, recipe=recipe, mean=measured.mean, standard_error=0.5, rule="better"
            )
        )
    return told


def refused(at: float, iteration: int) -> list[RunEvent]:
    """An iteration whose recipe was not fitted."""
    return [
        loop.IterationStarted(at=at, iteration=iteration, agent="search"),
        loop.Proposed(at=at, iteration=iteration, recipe=Recipe("catboost"), change="catboost"),
        loop.RecipeRefused(at=at, iteration=iteration, problems=(Problem("derived", "unknown column"),)),
    ]
