"""The simple model of an ensemble: one of its recipes, kept beside it with the price of choosing it, and saved when asked for.

Its fitted models are those of the ensemble, so keeping it costs a report, its decisions and its predictions of the test set.
"""

import math
import time
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from tabsmith.errors import ModelDamagedError, UsageError
from tabsmith.modeling import store
from tabsmith.modeling.decisions.types import Decisions
from tabsmith.modeling.explanation.types import Explanation
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.model_files import HOLDOUT, SIMPLE, SIMPLE_HOLDOUT
from tabsmith.modeling.results import Cost, Delivery, EnsembleMember, Evaluation, ModelReport

SUFFIX = "-simple"  # of the id of a model that was one recipe of an ensemble


class MeasuredSimple(msgspec.Struct, frozen=True):
    """`simple.json`: the report of one recipe of an ensemble, measured alone, and what was decided about its predictions."""

    report: ModelReport
    decisions: Decisions


def choose_simple(
    members: Sequence[EnsembleMember], evaluations: Sequence[Evaluation], metric: Metric
) -> EnsembleMember | None:
    """The recipe that would be used alone: of those within one standard error of the best one, the quickest to predict.

    The rule is that of Breiman et al. (1984) for pruning a tree. None for an ensemble of one recipe.
    """
    if len(members) < 2:
        return None
    of_recipe = {each.recipe.id: each for each in evaluations}
    scored = [(member, of_recipe[member.recipe.id]) for member in members]
    best = scored[0][1]
    for _, evaluation in scored:
        if metric.better(evaluation.mean, best.mean):
            best = evaluation
    near = [
        (predict_seconds(evaluation), place, member)
        for place, (member, evaluation) in enumerate(scored)
        if abs(evaluation.mean - best.mean) <= best.standard_error or evaluation is best
    ]
    return min(near)[2] if near else None


def predict_seconds(evaluation: Evaluation) -> float:
    """The seconds that the models of a recipe took for the rows of all folds, each row by one of them."""
    return math.fsum(fold.predict_seconds for fold in evaluation.folds)


def cost_of(
    members: Sequence[EnsembleMember],
    evaluations: Sequence[Evaluation],
    rows: int,
    models: dict[str, int],
    sizes: dict[str, int],
) -> Cost:
    """What the recipes `members` take together: `rows` is how many rows all folds predicted, `models` how many fitted models
    each recipe is delivered as, and `sizes` the bytes of those, by the recipe's id."""
    of_recipe = {each.recipe.id: each for each in evaluations}
    seconds = math.fsum(predict_seconds(of_recipe[member.recipe.id]) * models[member.recipe.id] for member in members)
    return Cost(sum(sizes[member.recipe.id] for member in members), 1_000 * seconds / max(1, rows))


def save_simple(model: str) -> ModelReport:
    """Save the simple model that is kept beside the model with the id or alias `model` as a model of its own; returns its
    report.

    It has its own scores, threshold, calibration and intervals, and no importance of columns: `models explain` measures
    that. Raises UsageError if there is none or it was saved before; ModelNotFoundError, ModelDamagedError, StorageError.
    """
    whole = store.find_model(model)
    folder = store.model_folder(whole)
    manifest = store.verify_model(folder)
    if SIMPLE not in manifest.files:
        raise UsageError(
            f"No simple model is kept beside {whole}: it is of one recipe, or was saved before they were kept.",
            next_step=f"Use it as it is: tabsmith predict {whole} NEW_ROWS.csv",
        )
    try:
        simple = msgspec.json.decode((folder / SIMPLE).read_bytes(), type=MeasuredSimple)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelDamagedError(
            f"The simple model of {whole} cannot be read.", where=str(folder / SIMPLE), next_step="Train again."
        ) from error
    report = replace(simple.report, model_id=f"{whole}{SUFFIX}", created_at=time.time())
    if store.model_folder(report.model_id).exists():
        raise UsageError(
            f"The simple model was saved before, as {report.model_id}.",
            next_step=f"Use that one: tabsmith predict {report.model_id} NEW_ROWS.csv",
        )
    saved = store.read_model_file(folder)
    (recipe,) = report.members
    member = next(each for each in saved.members if each.recipe.id == recipe.recipe.id)
    files = {
        name: folder / name for name in manifest.files if any(name.startswith(f"{place}/") for place in member.folders)
    }
    if SIMPLE_HOLDOUT in manifest.files:
        files[HOLDOUT] = folder / SIMPLE_HOLDOUT
    alone = replace(saved, members=(replace(member, weight=1.0),), decisions=simple.decisions)
    store.save_model(report, alone, files)
    return report


def report_alone(report: ModelReport, delivery: Delivery) -> ModelReport:
    """The `report` of a simple model as it is kept: delivered as `delivery` says, and not explained."""
    return replace(report, delivery=delivery, importance=(), explanation=Explanation(), simple=None)
