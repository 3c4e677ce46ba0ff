"""What others are given of an iteration with a recipe: the agent before and after it, the grader, the conditions, the
journal and the history of all runs."""

from collections.abc import Sequence

from msgspec.structs import replace

from tabsmith.agents.prompts.quoting import quote
from tabsmith.agents.protocol import Brief, MetricGoal, Proposal, RemainingBudget, TriedRecipe
from tabsmith.conditions import IterationMetrics
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration.events import Proposed
from tabsmith.orchestration.loop.agent_calls import Failure
from tabsmith.orchestration.loop.champion import compare_on_folds
from tabsmith.orchestration.loop.feedback import FeedbackInput
from tabsmith.orchestration.loop.grading import GradingInput
from tabsmith.orchestration.loop.iteration import LoopContext, RecipeIteration
from tabsmith.orchestration.loop_state import Trial
from tabsmith.recipes.difference import describe_difference
from tabsmith.recipes.recipe import Recipe, Verdict


def grading_input(iteration: RecipeIteration, context: LoopContext, trials: Sequence[Trial]) -> GradingInput:
    """The iteration, to be graded against the champion of before and the run's first score."""
    proposal, champion = iteration.proposal, iteration.champion_before
    recipe = proposal.recipe if proposal else None
    return GradingInput(
        metric=context.metric,
        folds=context.folds,
        recipe=recipe,
        verdict=Verdict(not iteration.problems, complete=True, problems=iteration.problems) if recipe else None,
        evaluation=iteration.evaluation,
        champion=champion,
        first=next((trial.evaluation for trial in trials if trial.evaluation is not None), None),
        repeats=_repeats(iteration, trials),
        reason=proposal.reason if proposal else "",
        change=describe_difference(champion.recipe if champion else None, recipe) if recipe else "",
        failure=iteration.message,
    )


def recipe_proposed(iteration: RecipeIteration, proposal: Proposal, champion: Evaluation | None) -> Proposed:
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


def recipe_metrics(iteration: RecipeIteration, context: LoopContext, trials: Sequence[Trial]) -> IterationMetrics:
    """What is particular to a recipe of the iteration's numbers."""
    quality, proposal = iteration.quality, iteration.proposal
    own = proposal.confidence if proposal else None
    return IterationMetrics(
        valid=proposal is not None and not iteration.problems,
        scored=iteration.evaluation is not None,
        champion_changed=iteration.promoted,
        gain=_gain(iteration, context.metric),
        disagreement=abs(own - quality.value) if own is not None and quality is not None else 0.0,
        tries=len(_scores(iteration, trials)),
    )


def feedback_input(
    iteration: RecipeIteration, context: LoopContext, trials: Sequence[Trial], champion: Evaluation | None
) -> FeedbackInput:
    """The iteration, for the agent's next brief. `champion` holds the title now."""
    proposal, judgement = iteration.proposal, iteration.judgement
    return FeedbackInput(
        iteration=iteration.number,
        stage=iteration.stage,
        metric=context.metric,
        recipe=proposal.recipe if proposal else None,
        problems=iteration.problems,
        message=iteration.message,
        evaluation=iteration.evaluation,
        champion_before=iteration.champion_before,
        champion=champion,
        rule=judgement.rule if judgement else "",
        repeats=_repeats(iteration, trials),
        skipped=iteration.skipped,
        quality=iteration.quality,
        decision=iteration.decision,
        scores=_scores(iteration, trials),
        samples=context.samples,
    )


def _scores(iteration: RecipeIteration, trials: Sequence[Trial]) -> tuple[float, ...]:
    """All mean scores of the run, this iteration's last."""
    before = tuple(
        trial.mean
        for trial in trials
        if trial.scored and trial.mean is not None and trial.iteration != iteration.number
    )
    return before if iteration.evaluation is None else (*before, iteration.evaluation.mean)


def _repeats(iteration: RecipeIteration, trials: Sequence[Trial]) -> int:
    """The earlier iteration that had the same recipe; 0 for none."""
    if iteration.proposal is None:
        return 0
    identity = iteration.proposal.recipe.id
    for trial in trials:
        if trial.iteration != iteration.number and trial.recipe is not None and trial.recipe.id == identity:
            return trial.iteration
    return 0


def _gain(iteration: RecipeIteration, metric: Metric) -> float:
    """Better (+) or worse (-) than the champion of its time, as a share of that one's score."""
    before, evaluation = iteration.champion_before, iteration.evaluation
    if before is None or evaluation is None or not before.mean:
        return 0.0
    found = compare_on_folds(before, evaluation, metric)
    return found.gain / abs(before.mean) if found is not None else 0.0


def build_brief(
    number: int,
    context: LoopContext,
    trials: Sequence[Trial],
    champion: Evaluation | None,
    *,
    left: RemainingBudget,
    notes: tuple[str, ...],
    feedback: str,
) -> Brief:
    """The brief of iteration `number`."""
    tried = tuple(_tried(trial, trial.recipe, context) for trial in trials if trial.recipe is not None)
    best = next((each for each in tried if champion and each.recipe is champion.recipe), None)
    return Brief(
        schema=context.schema,
        profile=context.profile,
        metric=MetricGoal(context.metric.label, context.metric.greater_is_better),
        champion=best,
        tried=tried,
        left=left,
        iteration=number,
        samples=context.samples,
        notes=notes,
        feedback=feedback,
        earlier=context.earlier,
        families=context.families,
    )


def feedback_after_failures(brief: Brief, failures: Sequence[Failure]) -> Brief:
    """The brief with what was wrong with the answers that could not be read."""
    feedback = brief.feedback
    for failure in failures:
        if failure.trouble == "data":
            sentence = f"Your last answer could not be read: {quote(failure.what, 400)} {failure.next_step}".strip()
            feedback = f"{sentence}\n{feedback}" if feedback else sentence
    return replace(brief, feedback=feedback)


def _tried(trial: Trial, recipe: Recipe, context: LoopContext) -> TriedRecipe:
    if trial.mean is None or not trial.scored or trial.skipped:
        reason = trial.message or "left out by the person"
        if trial.state == "failed" and not context.samples:
            reason = "fitting it failed"
        return TriedRecipe(recipe, None, reason=reason, iteration=trial.iteration)
    return TriedRecipe(
        recipe,
        trial.mean,
        standard_error=trial.standard_error,
        seconds=trial.seconds,
        iteration=trial.iteration,
    )
