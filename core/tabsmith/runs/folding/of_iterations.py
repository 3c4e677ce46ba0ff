"""What happens in an iteration once a recipe is wanted."""

from msgspec.structs import replace

from tabsmith.agents.usage import NOTHING
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.champion import Judgement, Title
from tabsmith.runs.folding.rules import changed, log, on, try_of
from tabsmith.runs.snapshot import RunSnapshot, Try, Work
from tabsmith.text import figure


@on
def _(event: loop.SearchStarted, snapshot: RunSnapshot) -> RunSnapshot:
    ready = replace(
        snapshot,
        metric=event.metric,
        folds=event.folds,
        train_rows=event.train_rows,
        holdout_rows=event.holdout_rows,
    )
    text = f"{event.metric.label} over {event.folds} folds, {event.holdout_rows:,} rows held out"
    for note in event.notes:
        ready = log(ready, event, "note", note, "warning")
    return log(ready, event, "search", text)


@on
def _(event: loop.IterationStarted, snapshot: RunSnapshot) -> RunSnapshot:
    # An iteration that is taken up again after a kill keeps the sessions that it had: what they spent is spent.
    before = [session for session in snapshot.sessions if session.iteration == event.iteration]
    latest = Try(
        event.iteration,
        event.agent,
        started_at=event.at,
        sessions=tuple(session.id for session in before),
        usage=sum((session.usage for session in before), NOTHING),
        work=Work(event.task) if event.task else None,
    )
    # The same iteration again, of another agent: search stands in for one that did not answer.
    again = snapshot.latest is not None and snapshot.latest.iteration == event.iteration
    return replace(snapshot, settled=snapshot.settled if again else snapshot.tries, latest=latest, retry=None)


@on
def _(event: loop.Proposed, snapshot: RunSnapshot) -> RunSnapshot:
    return changed(
        snapshot,
        event.iteration,
        state="proposed",
        recipe=event.recipe,
        change=event.change,
        reason=event.reason,
        confidence=event.confidence,
    )


@on
def _(event: loop.Refused, snapshot: RunSnapshot) -> RunSnapshot:
    words = "; ".join(f"{problem.where}: {problem.what}" for problem in event.problems)
    refused = changed(snapshot, event.iteration, state="refused", message=words, problems=event.problems)
    return log(refused, event, "refused", f"#{event.iteration} {words}", "warning")


@on
def _(event: loop.FoldScored, snapshot: RunSnapshot) -> RunSnapshot:
    current = try_of(snapshot, event.iteration)
    folds = tuple(sorted((*current.folds, event.score), key=lambda score: score.fold))
    return changed(snapshot, event.iteration, state="evaluating", folds=folds)


@on
def _(event: loop.Evaluated, snapshot: RunSnapshot) -> RunSnapshot:
    evaluation = event.evaluation
    scored = changed(
        snapshot,
        event.iteration,
        state="scored",
        folds=evaluation.folds,
        mean=evaluation.mean,
        standard_error=evaluation.standard_error,
        seconds=evaluation.seconds,
        delta=_delta(snapshot, evaluation.mean),
    )
    what = try_of(scored, event.iteration).change
    text = f"#{event.iteration} {what}: {figure(evaluation.mean)} ± {figure(evaluation.standard_error, 2)}"
    return log(scored, event, "scored", text)


@on
def _(event: loop.Failed, snapshot: RunSnapshot) -> RunSnapshot:
    failed = changed(
        snapshot,
        event.iteration,
        state="failed",
        message=event.message,
        seconds=event.seconds,
        stopped=event.reason == "stopped",
    )
    return log(failed, event, "failed", f"#{event.iteration} {event.message}", "warning")


@on
def _(event: loop.ChampionChanged, snapshot: RunSnapshot) -> RunSnapshot:
    crowned = changed(snapshot, event.iteration, won=True, rule=event.rule)
    titled = replace(crowned, champion_try=crowned.latest, probation=event.probation, withstood=0)
    return log(titled, event, "champion", f"#{event.iteration} {event.rule}")


@on
def _(event: loop.Graded, snapshot: RunSnapshot) -> RunSnapshot:
    quality = event.quality
    graded = changed(snapshot, event.iteration, quality=quality)
    if not quality.fallback:
        return graded
    counted = replace(graded, fallback_grades=graded.fallback_grades + 1)
    text = f"#{event.iteration} graded by tabsmith's own rule: {quality.fallback}"
    return log(counted, event, "grade", text, "warning")


@on
def _(event: loop.Decided, snapshot: RunSnapshot) -> RunSnapshot:
    decision = event.decision
    text = f"#{event.iteration} {decision.action}: {decision.rule}"
    return log(changed(snapshot, event.iteration, decision=decision), event, "decide", text)


@on
def _(event: loop.Skipped, snapshot: RunSnapshot) -> RunSnapshot:
    skipped = changed(snapshot, event.iteration, skipped=True)
    return log(skipped, event, "skipped", f"#{event.iteration} left out by you")


@on
def _(event: loop.IterationEnded, snapshot: RunSnapshot) -> RunSnapshot:
    ended = changed(snapshot, event.iteration, facts=event.facts, feedback=event.feedback, ended_at=event.at)
    ended = replace(ended, retry=None, answers=(), failures=event.facts.failures)
    if ended.champion == event.iteration:
        return replace(ended, champion_try=ended.latest)
    if event.facts.scored and not try_of(ended, event.iteration).skipped:
        title = Title(ended.probation, ended.withstood).after(Judgement(won=False, rule=""))
        return replace(ended, probation=title.probation, withstood=title.withstood)
    return ended


@on
def _(event: loop.EnsembleBuilt, snapshot: RunSnapshot) -> RunSnapshot:
    text = f"{len(event.recipes)} of the recipes together: {figure(event.score)}"
    return log(replace(snapshot, ensemble=event), event, "ensemble", text)


@on
def _(event: loop.Noted, snapshot: RunSnapshot) -> RunSnapshot:
    return log(snapshot, event, "note", event.message, event.level)


def _delta(snapshot: RunSnapshot, mean: float) -> float | None:
    champion, metric = snapshot.champion_try, snapshot.metric
    if champion is None or metric is None or not champion.mean:
        return None
    gain = mean - champion.mean if metric.greater_is_better else champion.mean - mean
    return gain / abs(champion.mean)
