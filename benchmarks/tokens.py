"""What a letter to an agent costs in tokens over a run, by the estimate of letters.py: flat, and mostly the same."""

import os
import tempfile
from itertools import islice

from benchmarks.rows import Row, print_rows
from tabsmith.agents.prompts.recipe_prompt import estimate_tokens, write_prompt
from tabsmith.agents.protocol import Brief, MetricGoal, Prompt, RemainingBudget, TriedRecipe
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Decision, Quality, QualityPart
from tabsmith.orchestration.loop.champion import judge_challenger
from tabsmith.orchestration.loop.feedback import FeedbackInput, write_feedback
from tabsmith.recipes.portfolio import portfolio
from tabsmith.recipes.recipe import DerivedColumn, Recipe
from tabsmith.recipes.validation import validate_recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import SampleSource
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.types import Schema

ITERATIONS = (1, 10, 50)
GROWTH = 1.25  # of a letter from iteration 10 to iteration 50
CHANGING = 0.5  # share of a letter that may change from one iteration to the next
AUC = Metric("roc_auc", "ROC AUC", greater_is_better=True, tasks=("binary",))


def main() -> list[Row]:
    """Tokens of the letters of iterations 1 and 50 against iteration 10, and of the part that changes."""
    letters = _letters()
    first, tenth, last = (estimate_tokens(letter.system) + estimate_tokens(letter.text) for letter in letters)
    changing = estimate_tokens(letters[-1].text)
    return [
        Row("tokens per iteration, 1 vs 10", first, "tok", tenth, first / tenth, 1.0),
        Row("tokens per iteration, 50 vs 10", last, "tok", tenth, last / tenth, GROWTH),
        Row("tokens after the stable prefix, of all, at 50", changing, "tok", last, changing / last, CHANGING),
    ]


def _letters() -> list[Prompt]:
    """The letters of a run on a built-in sample: the portfolio with derived columns, every sixth recipe a failure."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["TABSMITH_HOME"] = home
        info = read_source(SampleSource("breast_cancer"), allowed=(), max_mb=10)
        schema = detect_schema(info)
    return [_letter(schema, info.profile, iteration) for iteration in ITERATIONS]


def _letter(schema: Schema, profile: TableProfile, iteration: int) -> Prompt:
    tried = list[TriedRecipe]()
    champion: Evaluation | None = None
    told, scores = "", list[float]()
    for number, recipe in enumerate(islice(_recipes(schema, profile), iteration - 1), 1):
        before = champion
        if number % 6 == 0:
            refused = Recipe(recipe.family, derived=(DerivedColumn("spread", '"worst_radios" - "mean_radius"'),))
            problems = validate_recipe(refused, schema, profile).problems
            tried.append(
                TriedRecipe(refused, None, reason=f"{problems[0].where}: {problems[0].what}", iteration=number)
            )
            outcome = FeedbackInput(iteration=number, stage="refused", metric=AUC, recipe=refused, problems=problems)
        else:
            mean = 0.99 + 0.006 * (1 - 1 / number) - 0.001 * (number % 4)
            folds = tuple(FoldScore(fold, mean + 0.002 * (fold - 3.5), 0.4, 0.1) for fold in range(8))
            evaluation = Evaluation(recipe, folds, mean, 0.0017, 4.1, f"evaluations/{number:04}")
            judgement = judge_challenger(champion, evaluation, AUC)
            champion = evaluation if judgement.won else champion
            scores.append(mean)
            tried.append(TriedRecipe(recipe, mean, standard_error=0.0017, seconds=4.1, iteration=number))
            parts = (
                QualityPart("valid", 1.0, 0.3, "valid"),
                QualityPart("standing", 0.7, 0.35, "within noise of the champion"),
            )
            outcome = FeedbackInput(
                iteration=number,
                stage="scored",
                metric=AUC,
                recipe=recipe,
                evaluation=evaluation,
                champion_before=before,
                champion=champion,
                rule=judgement.rule,
                quality=Quality(0.81, "heuristic", parts),
                decision=Decision("proceed", 0.8, "valid, and its quality is at least 0.7"),
                scores=tuple(scores),
            )
        told = write_feedback(outcome)
    best = next((each for each in tried if champion and each.recipe is champion.recipe), None)
    return write_prompt(
        Brief(
            schema=schema,
            profile=profile,
            metric=MetricGoal(AUC.label, AUC.greater_is_better),
            champion=best,
            tried=tuple(tried),
            left=RemainingBudget(600.0, 60 - iteration, 400_000 - 7_000 * iteration, "1.75"),
            iteration=iteration,
            notes=("prefer quick models",),
            feedback=told,
        )
    )


def _recipes(schema: Schema, profile: TableProfile) -> list[Recipe]:
    """Fifty recipes as an agent writes them: the portfolio's, then with one and two columns of its own."""
    spread = DerivedColumn("radius_spread", '"worst_radius" - "mean_radius"')
    ratio = DerivedColumn("area_per_perimeter", '"mean_area" / nullif("mean_perimeter", 0)')
    known = portfolio(schema, profile)
    return [
        Recipe(each.family, each.name, derived, (), {}, each.parameters)
        for derived in ((), (spread,), (spread, ratio), (ratio,))
        for each in known
    ]


if __name__ == "__main__":
    print_rows(main())
