"""What a run takes from earlier ones: the recipes of the model that it goes on from, and the best on the same table."""

from tabsmith.agents.protocol import EarlierRecipe
from tabsmith.formatting import percent
from tabsmith.modeling import store
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.orchestration.history import HistoryRecord, earlier_recipes
from tabsmith.runs.spec import RunSpec
from tabsmith.storage import TypedJournal
from tabsmith.text import plural


def recipes_to_start_from(
    spec: RunSpec, history: TypedJournal[HistoryRecord], table: str, target: str, metric: Metric
) -> tuple[EarlierRecipe, ...]:
    """The recipes that the run of `spec` is told of, no two alike: the members of the model that it goes on from, by
    weight, then the best of other runs; none for a run that starts anew, so that its seed alone decides its model. `table` is the table's fingerprint. None is of a family that the run leaves out.

    Raises ModelNotFoundError and ModelDamagedError for the model to go on from.
    """
    choice = spec.choice
    if not choice.resume_from:
        return ()
    report = store.read_report(choice.resume_from)
    members = sorted(report.members, key=lambda member: -member.weight)
    found = [
        EarlierRecipe(member.recipe, f"{percent(member.weight)} of the model {report.model_id}") for member in members
    ]
    for each in dict.fromkeys([table, report.fingerprint]):
        found += earlier_recipes(history, each, target, metric, run_id=spec.id)
    allowed = choice.allowed_families
    different = {each.recipe.id: each for each in reversed(found) if not allowed or each.recipe.family in allowed}
    return tuple(reversed(different.values()))


def starting_note(spec: RunSpec, recipes: tuple[EarlierRecipe, ...]) -> str:
    """What the run's log says of its start; "" where nothing is known from before."""
    if not recipes:
        return ""
    count = plural(len(recipes), "recipe")
    return f"{count} of the model {spec.choice.resume_from} and of earlier runs on this table go first"
