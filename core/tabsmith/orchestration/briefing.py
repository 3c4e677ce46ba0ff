"""What an agent is told before an iteration, from what the run knows."""

from collections.abc import Sequence

from tabsmith.agents.protocol import Brief, Goal, Left, Tried
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration.past import Attempt
from tabsmith.orchestration.task import Task


def brief_of(
    number: int,
    task: Task,
    attempts: Sequence[Attempt],
    champion: Evaluation | None,
    *,
    left: Left,
    notes: tuple[str, ...],
    feedback: str,
) -> Brief:
    """The brief of iteration `number`."""
    tried = tuple(_tried(attempt, task) for attempt in attempts)
    best = next((each for each in tried if champion and each.recipe is champion.recipe), None)
    return Brief(
        schema=task.schema,
        profile=task.profile,
        metric=Goal(task.metric.label, task.metric.greater_is_better),
        champion=best,
        tried=tried,
        left=left,
        iteration=number,
        samples=task.samples,
        notes=notes,
        feedback=feedback,
    )


def _tried(attempt: Attempt, task: Task) -> Tried:
    evaluation = attempt.evaluation
    if evaluation is None or not attempt.counts:
        reason = attempt.reason or "left out by the person"
        if attempt.failed and not task.samples:
            reason = "fitting it failed"
        return Tried(attempt.recipe, None, reason=reason, iteration=attempt.iteration)
    return Tried(
        evaluation.recipe,
        evaluation.mean,
        standard_error=evaluation.standard_error,
        seconds=evaluation.seconds,
        iteration=attempt.iteration,
    )
