"""An iteration as a line in the history of all runs."""

import time
from typing import Literal

import tabsmith
from tabsmith.agents.protocol import AgentName
from tabsmith.agents.usage import Usage
from tabsmith.orchestration.history import Record
from tabsmith.orchestration.iteration import Iteration
from tabsmith.orchestration.task import Task


def line_of(
    iteration: Iteration, task: Task, planned: AgentName, usage: Usage, handover: str, seconds: float
) -> Record:
    """The record of an iteration that is over; `usage` is the run's so far, `seconds` on the run's clock, `handover`
    why another agent proposes than `planned`."""
    proposal, evaluation, judgement = iteration.proposal, iteration.evaluation, iteration.judgement
    won = judgement is not None and judgement.won and not iteration.skipped
    champion: Literal["won", "kept", "none"] = "none" if evaluation is None else "won" if won else "kept"
    return Record(
        at=time.time(),
        run_id=task.run_id,
        iteration=iteration.number,
        table=task.fingerprint,
        target=task.schema.target,
        metric=task.metric.name,
        planned=planned,
        actual=iteration.agent.name,
        reason=handover,
        sessions=iteration.sessions,
        recipe=proposal.recipe if proposal else None,
        recipe_id=proposal.recipe.id if proposal else "",
        state=_state(iteration),
        score=evaluation.mean if evaluation else None,
        standard_error=evaluation.standard_error if evaluation else None,
        champion=champion,
        usage=usage - iteration.usage_before,
        seconds=seconds - iteration.started,
        version=tabsmith.__version__,
    )


def _state(iteration: Iteration) -> Literal["scored", "refused", "failed", "unanswered", "skipped"]:
    if iteration.skipped:
        return "skipped"
    match iteration.stage:
        case "scored" | "refused" | "unanswered":
            return iteration.stage
        case _:
            return "failed"
