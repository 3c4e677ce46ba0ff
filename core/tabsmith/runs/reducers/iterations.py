"""Reducers of what happens in an iteration with a recipe, and in the search as a whole."""

from msgspec.structs import replace

from tabsmith.agents.usage import NO_USAGE
from tabsmith.formatting import significant
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.loop.champion import ChampionStatus, Judgement
from tabsmith.orchestration.loop_state import Trial, WorkspaceWork
from tabsmith.runs.reducers.rules import current_trial, reducer, with_log, with_trial
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural


@reducer
def reduce_search_started(event: loop.SearchStarted, snapshot: RunSnapshot) -> RunSnapshot:
    ready = replace(
        snapshot,
        metric=event.metric,
        folds=event.folds,
        train_rows=event.train_rows,
        holdout_rows=event.holdout_rows,
    )
    text = f"{event.metric.label} over {event.folds} folds, {plural(event.holdout_rows, 'test row')}"
    for note in event.notes:
        ready = with_log(ready, event, "note", note, "warning")
    return with_log(ready, event, "search", text)


@reducer
def reduce_iteration_started(event: loop.IterationStarted, snapshot: RunSnapshot) -> RunSnapshot:
    # An iteration that is resumed after a kill keeps the sessions that it had, with what they used.
    before = [session for session in snapshot.sessions if session.iteration == event.iteration]
    latest = Trial(
        event.iteration,
        event.agent,
        started_at=event.at,
        sessions=tuple(session.id for session in before),
        usage=sum((session.usage for session in before), NO_USAGE),
        work=WorkspaceWork(event.task) if event.task else None,
    )
    # The same iteration again, of another agent: search stands in for one that did not answer.
    again = snapshot.latest is not None and snapshot.latest.iteration == event.iteration
    return replace(snapshot, settled=snapshot.settled if again else snapshot.trials, latest=latest, retry=None)


@reducer
def reduce_proposed(event: loop.Proposed, snapshot: RunSnapshot) -> RunSnapshot:
    return with_trial(
        snapshot,
        event.iteration,
        state="proposed",
        recipe=event.recipe,
        change=event.change,
        reason=event.reason,
        confidence=event.confidence,
    )


@reducer
def reduce_recipe_refused(event: loop.RecipeRefused, snapshot: RunSnapshot) -> RunSnapshot:
    words = "; ".join(f"{problem.where}: {problem.what}" for problem in event.problems)
    refused = with_trial(snapshot, event.iteration, state="refused", message=words, problems=event.problems)
    return with_log(refused, event, "refused", f"#{event.iteration} {words}", "warning")


@reducer
def reduce_fold_scored(event: loop.FoldScored, snapshot: RunSnapshot) -> RunSnapshot:
    current = current_trial(snapshot, event.iteration)
    folds = tuple(sorted((*current.folds, event.score), key=lambda score: score.fold))
    return with_trial(snapshot, event.iteration, state="evaluating", folds=folds)


@reducer
def reduce_evaluated(event: loop.Evaluated, snapshot: RunSnapshot) -> RunSnapshot:
    evaluation = event.evaluation
    scored = with_trial(
        snapshot,
        event.iteration,
        state="scored",
        folds=evaluation.folds,
        mean=evaluation.mean,
        standard_error=evaluation.standard_error,
        seconds=evaluation.seconds,
        delta=_delta(snapshot, evaluation.mean),
    )
    what = current_trial(scored, event.iteration).change
    text = f"#{event.iteration} {what}: {significant(evaluation.mean)} ± {significant(evaluation.standard_error, 2)}"
    return with_log(scored, event, "scored", text)


@reducer
def reduce_evaluation_failed(event: loop.EvaluationFailed, snapshot: RunSnapshot) -> RunSnapshot:
    failed = with_trial(
        snapshot,
        event.iteration,
        state="failed",
        message=event.message,
        seconds=event.seconds,
        stopped=event.reason == "stopped",
    )
    return with_log(failed, event, "failed", f"#{event.iteration} {event.message}", "warning")


@reducer
def reduce_champion_changed(event: loop.ChampionChanged, snapshot: RunSnapshot) -> RunSnapshot:
    promoted = with_trial(snapshot, event.iteration, won=True, rule=event.rule)
    changed = replace(promoted, champion_trial=promoted.latest, probation=event.probation, challengers_met=0)
    return with_log(changed, event, "champion", f"#{event.iteration} {event.rule}")


@reducer
def reduce_graded(event: loop.Graded, snapshot: RunSnapshot) -> RunSnapshot:
    quality = event.quality
    graded = with_trial(snapshot, event.iteration, quality=quality)
    if not quality.fallback:
        return graded
    counted = replace(graded, fallback_grades=graded.fallback_grades + 1)
    text = f"#{event.iteration} graded by tabsmith's own rule: {quality.fallback}"
    return with_log(counted, event, "grade", text, "warning")


@reducer
def reduce_decided(event: loop.Decided, snapshot: RunSnapshot) -> RunSnapshot:
    decision = event.decision
    decided = with_trial(snapshot, event.iteration, decision=decision)
    if snapshot.actual == "search" and decision.action == "proceed":
        return decided  # the search always proceeds
    return with_log(decided, event, "decide", f"#{event.iteration} {decision.label}: {decision.rule}")


@reducer
def reduce_iteration_skipped(event: loop.IterationSkipped, snapshot: RunSnapshot) -> RunSnapshot:
    skipped = with_trial(snapshot, event.iteration, skipped=True)
    return with_log(skipped, event, "skipped", f"#{event.iteration} left out by you")


@reducer
def reduce_iteration_ended(event: loop.IterationEnded, snapshot: RunSnapshot) -> RunSnapshot:
    ended = with_trial(snapshot, event.iteration, facts=event.facts, feedback=event.feedback, ended_at=event.at)
    ended = replace(ended, retry=None, answers=(), failures=event.facts.failures)
    if ended.champion == event.iteration:
        return replace(ended, champion_trial=ended.latest)
    if event.facts.scored and not current_trial(ended, event.iteration).skipped:
        status = ChampionStatus(ended.probation, ended.challengers_met).after(Judgement(won=False, rule=""))
        return replace(ended, probation=status.probation, challengers_met=status.challengers_met)
    return ended


@reducer
def reduce_ensemble_built(event: loop.EnsembleBuilt, snapshot: RunSnapshot) -> RunSnapshot:
    text = f"{len(event.recipes)} of the recipes together: {significant(event.score)}"
    return with_log(replace(snapshot, ensemble=event), event, "ensemble", text)


@reducer
def reduce_noted(event: loop.Noted, snapshot: RunSnapshot) -> RunSnapshot:
    return with_log(snapshot, event, "note", event.message, event.level)


def _delta(snapshot: RunSnapshot, mean: float) -> float | None:
    champion = snapshot.champion_trial
    return mean - champion.mean if champion is not None and champion.mean is not None else None
