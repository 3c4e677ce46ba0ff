"""The history of all runs: one record for every iteration, `history.jsonl` in the state folder.

Any number of threads and processes append at once, each in one locked write whose cost does not grow with the history.
"""

import time
from pathlib import Path
from typing import Final, Literal

import msgspec

from tabsmith.agents.protocol import AgentName, EarlierRecipe, ProposerName
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.formatting import significant
from tabsmith.modeling.metric_catalogue import Metric, MetricName
from tabsmith.orchestration.loop.iteration import LoopContext, RecipeIteration
from tabsmith.paths import folders
from tabsmith.recipes.recipe import Recipe
from tabsmith.storage import TypedJournal
from tabsmith.version import __version__


class HistoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An iteration that is over. `planned` was to propose, `actual` did, and `reason` says why where an agent stood in.
    `score` is the mean over the folds, None if there is none; `champion` says whether the recipe became the champion,
    lost against it, or could not compete."""

    at: float  # seconds since 1970
    run_id: str
    iteration: int
    table: str  # fingerprint
    target: str
    metric: MetricName
    planned: AgentName
    actual: ProposerName
    reason: str = ""
    sessions: tuple[str, ...] = ()  # ids
    recipe: Recipe | None = None
    recipe_id: str = ""
    state: Literal["scored", "refused", "failed", "unanswered", "skipped"]
    score: float | None = None
    standard_error: float | None = None
    champion: Literal["won", "kept", "none"] = "none"
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    version: str = ""  # of tabsmith


def open_history(path: Path | None = None, *, sync: bool = True) -> TypedJournal[HistoryRecord]:
    """The history at `path`, by default the one in the state folder. May be shared by threads."""
    return TypedJournal(path or folders().history_file, HistoryRecord, sync=sync)


MAX_EARLIER: Final = 6
"""Recipes of earlier runs that a run is told of: each is a try that the portfolio has to wait for."""


def earlier_recipes(
    history: TypedJournal[HistoryRecord], table: str, target: str, metric: Metric, *, run_id: str
) -> tuple[EarlierRecipe, ...]:
    """The best recipes of other runs on the same table, target and metric, the best first, no two alike.

    `table` is its fingerprint. The scores may be of other folds than those of the run `run_id`, which is left out.
    """
    best: dict[str, HistoryRecord] = {}
    for record in history.read(containing=table.encode()).values:
        if (record.table, record.target, record.metric) != (table, target, metric.name) or record.run_id == run_id:
            continue
        if record.recipe is None or record.score is None or record.state != "scored":
            continue
        known = best.get(record.recipe_id)
        if known is None or known.score is None or metric.better(record.score, known.score):
            best[record.recipe_id] = record
    sign = -1.0 if metric.greater_is_better else 1.0
    ranked = sorted(best.values(), key=lambda record: (sign * (record.score or 0.0), record.at))
    return tuple(
        EarlierRecipe(record.recipe, f"{metric.label} {significant(record.score)} in an earlier run", record.score)
        for record in ranked[:MAX_EARLIER]
        if record.recipe is not None and record.score is not None
    )


def holds(history: TypedJournal[HistoryRecord], run_id: str, iteration: int) -> bool:
    """Whether the iteration of that run is in the history. It reads the whole file, so only a resumed run asks."""
    return any(each.iteration == iteration and each.run_id == run_id for each in history.read().values)


def history_record(
    iteration: RecipeIteration,
    context: LoopContext,
    planned: AgentName,
    usage: Usage,
    fallback_reason: str,
    seconds: float,
) -> HistoryRecord:
    """The record of an iteration that is over; `usage` is the run's so far, `seconds` on the run's clock, and
    `fallback_reason` why another agent proposes than `planned`."""
    proposal, evaluation = iteration.proposal, iteration.evaluation
    champion: Literal["won", "kept", "none"] = "none" if evaluation is None else "won" if iteration.promoted else "kept"
    return HistoryRecord(
        at=time.time(),
        run_id=context.run_id,
        iteration=iteration.number,
        table=context.fingerprint,
        target=context.schema.target,
        metric=context.metric.name,
        planned=planned,
        actual=iteration.agent.name,
        reason=fallback_reason,
        sessions=iteration.sessions,
        recipe=proposal.recipe if proposal else None,
        recipe_id=proposal.recipe.id if proposal else "",
        state=_state(iteration),
        score=evaluation.mean if evaluation else None,
        standard_error=evaluation.standard_error if evaluation else None,
        champion=champion,
        usage=usage - iteration.usage_before,
        seconds=seconds - iteration.started,
        version=__version__,
    )


def _state(iteration: RecipeIteration) -> Literal["scored", "refused", "failed", "unanswered", "skipped"]:
    if iteration.skipped:
        return "skipped"
    match iteration.stage:
        case "scored" | "refused" | "unanswered":
            return iteration.stage
        case _:
            return "failed"
