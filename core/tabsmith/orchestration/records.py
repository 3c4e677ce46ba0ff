"""An iteration as its several readers need it: to be graded, to be held against conditions, to be told to the agent."""

from collections.abc import Sequence

from tabsmith.agents.protocol import Proposal
from tabsmith.conditions.facts import Facts
from tabsmith.modeling.results import Evaluation, Metric
from tabsmith.orchestration.budget import Budget
from tabsmith.orchestration.champion import compare
from tabsmith.orchestration.events import Proposed
from tabsmith.orchestration.feedback import Outcome
from tabsmith.orchestration.grading import Subject
from tabsmith.orchestration.iteration import Iteration
from tabsmith.orchestration.past import Attempt
from tabsmith.orchestration.task import Task
from tabsmith.recipes.difference import difference
from tabsmith.recipes.recipe import Verdict


def subject_of(iteration: Iteration, task: Task, attempts: Sequence[Attempt]) -> Subject:
    """The iteration, to be graded against the champion of before and the run's first score."""
    proposal, champion = iteration.proposal, iteration.champion_before
    recipe = proposal.recipe if proposal else None
    return Subject(
        metric=task.metric,
        folds=task.folds,
        recipe=recipe,
        verdict=Verdict(not iteration.problems, complete=True, problems=iteration.problems) if recipe else None,
        evaluation=iteration.evaluation,
        champion=champion,
        first=next((attempt.evaluation for attempt in attempts if attempt.evaluation is not None), None),
        repeats=_repeats(iteration, attempts),
        reason=proposal.reason if proposal else "",
        change=difference(champion.recipe if champion else None, recipe) if recipe else "",
        failure=iteration.message,
    )


def proposed(iteration: Iteration, proposal: Proposal, champion: Evaluation | None) -> Proposed:
    """The event of a recipe that came in."""
    recipe = proposal.recipe
    return Proposed(
        iteration=iteration.number,
        recipe=recipe,
        change=difference(champion.recipe if champion else None, recipe),
        reason=proposal.reason,
        confidence=proposal.confidence,
        session=iteration.sessions[-1] if iteration.sessions and iteration.agent.speaks else "",
    )


def facts_of(
    iteration: Iteration, task: Task, attempts: Sequence[Attempt], budget: Budget, *, failures: int, seconds: float
) -> Facts:
    """The iteration in numbers. `failures` are the agent's in a row, `seconds` those of the run."""
    quality, decision, proposal, judgement = (
        iteration.quality,
        iteration.decision,
        iteration.proposal,
        iteration.judgement,
    )
    own = proposal.confidence if proposal else None
    used = budget.usage - iteration.usage_before
    time_used, budget_used = budget.shares
    return Facts(
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
        time_used=time_used,
        budget_used=budget_used,
    )


def outcome_of(iteration: Iteration, task: Task, attempts: Sequence[Attempt], champion: Evaluation | None) -> Outcome:
    """The iteration, for the agent's next brief. `champion` holds the title now."""
    proposal, judgement = iteration.proposal, iteration.judgement
    return Outcome(
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
    found = compare(before, evaluation, metric)
    return found.gain / abs(before.mean) if found is not None else 0.0
