"""An iteration as its several readers need it: to be graded, to be held against conditions, to be told to the agent.

What an agent is told before an iteration, from what the run knows.

An iteration as a line in the history of all runs.
"""

import time
from collections.abc import Sequence
from typing import Literal

from tabsmith.agents.protocol import AgentName, Brief, MetricGoal, Proposal, RemainingBudget, TriedRecipe
from tabsmith.agents.usage import Usage
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.modeling.results import Evaluation, Metric
from tabsmith.orchestration.events import Proposed
from tabsmith.orchestration.history import HistoryRecord
from tabsmith.orchestration.limits.budget import UsageTracker
from tabsmith.orchestration.loop.champion import compare_on_folds
from tabsmith.orchestration.loop.context import LoopContext
from tabsmith.orchestration.loop.feedback import FeedbackInput
from tabsmith.orchestration.loop.grading import GradingInput
from tabsmith.orchestration.loop.iteration import Attempt, Iteration
from tabsmith.recipes.difference import describe_difference
from tabsmith.recipes.recipe import Verdict
from tabsmith.version import __version__


def grading_input(iteration: Iteration, task: LoopContext, attempts: Sequence[Attempt]) -> GradingInput:
    """The iteration, to be graded against the champion of before and the run's first score."""
    proposal, champion = iteration.proposal, iteration.champion_before
    recipe = proposal.recipe if proposal else None
    return GradingInput(
        metric=task.metric,
        folds=task.folds,
        recipe=recipe,
        verdict=Verdict(not iteration.problems, complete=True, problems=iteration.problems) if recipe else None,
        evaluation=iteration.evaluation,
        champion=champion,
        first=next((attempt.evaluation for attempt in attempts if attempt.evaluation is not None), None),
        repeats=_repeats(iteration, attempts),
        reason=proposal.reason if proposal else "",
        change=describe_difference(champion.recipe if champion else None, recipe) if recipe else "",
        failure=iteration.message,
    )


def recipe_proposed(iteration: Iteration, proposal: Proposal, champion: Evaluation | None) -> Proposed:
    """The event of a recipe that came in."""
    recipe = proposal.recipe
    return Proposed(
        iteration=iteration.number,
        recipe=recipe,
        change=describe_difference(champion.recipe if champion else None, recipe),
        reason=proposal.reason,
        confidence=proposal.confidence,
        session=iteration.sessions[-1] if iteration.sessions and iteration.agent.uses_llm else "",
    )


def iteration_metrics(
    iteration: Iteration,
    task: LoopContext,
    attempts: Sequence[Attempt],
    tracker: UsageTracker,
    *,
    failures: int,
    seconds: float,
) -> IterationMetrics:
    """The iteration in numbers. `failures` are the agent's in a row, `seconds` those of the run."""
    quality, decision, proposal, judgement = (
        iteration.quality,
        iteration.decision,
        iteration.proposal,
        iteration.judgement,
    )
    own = proposal.confidence if proposal else None
    used = tracker.usage - iteration.usage_before
    budget = tracker.budget()
    return IterationMetrics(
        iteration=iteration.number,
        valid=proposal is not None and not iteration.problems,
        scored=iteration.evaluation is not None,
        quality=quality.value if quality else 0.0,
        confidence=decision.confidence if decision else 0.0,
        champion_changed=judgement is not None and judgement.won and not iteration.skipped,
        gain=_gain(iteration, task.metric),
        disagreement=abs(own - quality.value) if own is not None and quality is not None else 0.0,
        retries=iteration.retries,
        rate_limits=iteration.rate_limits,
        iteration_seconds=max(0.0, seconds - iteration.started),
        iteration_tokens=used.tokens,
        iteration_dollars=float(used.cost),
        failures=failures,
        tries=len(_scored(iteration, attempts)),
        seconds=seconds,
        tokens=budget.usage.tokens,
        dollars=float(budget.usage.cost),
        time_used=budget.time_share,
        budget_used=budget.largest_share,
    )


def feedback_input(
    iteration: Iteration, task: LoopContext, attempts: Sequence[Attempt], champion: Evaluation | None
) -> FeedbackInput:
    """The iteration, for the agent's next brief. `champion` holds the title now."""
    proposal, judgement = iteration.proposal, iteration.judgement
    return FeedbackInput(
        iteration=iteration.number,
        stage=iteration.stage,
        metric=task.metric,
        recipe=proposal.recipe if proposal else None,
        problems=iteration.problems,
        message=iteration.message,
        evaluation=iteration.evaluation,
        champion_before=iteration.champion_before,
        champion=champion,
        rule=judgement.rule if judgement else "",
        repeats=_repeats(iteration, attempts),
        skipped=iteration.skipped,
        quality=iteration.quality,
        decision=iteration.decision,
        scores=tuple(evaluation.mean for evaluation in _scored(iteration, attempts)),
        samples=task.samples,
    )


def _scored(iteration: Iteration, attempts: Sequence[Attempt]) -> list[Evaluation]:
    """All evaluations of the run, this iteration's last."""
    before = [a.evaluation for a in attempts if a.evaluation is not None and a.iteration != iteration.number]
    return before if iteration.evaluation is None else [*before, iteration.evaluation]


def _repeats(iteration: Iteration, attempts: Sequence[Attempt]) -> int:
    """The earlier iteration that had the same recipe; 0 for none."""
    if iteration.proposal is None:
        return 0
    identity = iteration.proposal.recipe.id
    earlier = (a.iteration for a in attempts if a.iteration != iteration.number and a.recipe.id == identity)
    return next(earlier, 0)


def _gain(iteration: Iteration, metric: Metric) -> float:
    """Better (+) or worse (-) than the champion of its time, as a share of that one's score."""
    before, evaluation = iteration.champion_before, iteration.evaluation
    if before is None or evaluation is None or not before.mean:
        return 0.0
    found = compare_on_folds(before, evaluation, metric)
    return found.gain / abs(before.mean) if found is not None else 0.0


def build_brief(
    number: int,
    task: LoopContext,
    attempts: Sequence[Attempt],
    champion: Evaluation | None,
    *,
    left: RemainingBudget,
    notes: tuple[str, ...],
    feedback: str,
) -> Brief:
    """The brief of iteration `number`."""
    tried = tuple(_tried(attempt, task) for attempt in attempts)
    best = next((each for each in tried if champion and each.recipe is champion.recipe), None)
    return Brief(
        schema=task.schema,
        profile=task.profile,
        metric=MetricGoal(task.metric.label, task.metric.greater_is_better),
        champion=best,
        tried=tried,
        left=left,
        iteration=number,
        samples=task.samples,
        notes=notes,
        feedback=feedback,
    )


def _tried(attempt: Attempt, task: LoopContext) -> TriedRecipe:
    evaluation = attempt.evaluation
    if evaluation is None or not attempt.counts:
        reason = attempt.reason or "left out by the person"
        if attempt.failed and not task.samples:
            reason = "fitting it failed"
        return TriedRecipe(attempt.recipe, None, reason=reason, iteration=attempt.iteration)
    return TriedRecipe(
        evaluation.recipe,
        evaluation.mean,
        standard_error=evaluation.standard_error,
        seconds=evaluation.seconds,
        iteration=attempt.iteration,
    )


def history_record(
    iteration: Iteration, task: LoopContext, planned: AgentName, usage: Usage, fallback_reason: str, seconds: float
) -> HistoryRecord:
    """The record of an iteration that is over; `usage` is the run's so far, `seconds` on the run's clock, `handover`
    why another agent proposes than `planned`."""
    proposal, evaluation, judgement = iteration.proposal, iteration.evaluation, iteration.judgement
    won = judgement is not None and judgement.won and not iteration.skipped
    champion: Literal["won", "kept", "none"] = "none" if evaluation is None else "won" if won else "kept"
    return HistoryRecord(
        at=time.time(),
        run_id=task.run_id,
        iteration=iteration.number,
        table=task.fingerprint,
        target=task.schema.target,
        metric=task.metric.name,
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


def _state(iteration: Iteration) -> Literal["scored", "refused", "failed", "unanswered", "skipped"]:
    if iteration.skipped:
        return "skipped"
    match iteration.stage:
        case "scored" | "refused" | "unanswered":
            return iteration.stage
        case _:
            return "failed"
