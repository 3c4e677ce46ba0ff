"""The cards of a run: the best recipe so far and how sure one can be of it; who proposes, what it used and what it does."""

from typing import Final

from tabsmith import formatting
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.orchestration.loop_state import Trial, TrialState
from tabsmith.presentation import budgets, recipes, scores
from tabsmith.presentation.spans import Line, Span, Tone, line, span
from tabsmith.presentation.trials import current_fold, work_result
from tabsmith.runs import replies
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, plural


def champion_card(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The best recipe so far: name, score with its error, tries beside it, against the first scored, hold-out."""
    best, metric = snapshot.champion_trial, snapshot.metric
    if best is None or metric is None:
        return (line(_why_none(snapshot), "dim"), *_holdout(snapshot))
    lines: list[Line] = [
        line(recipes.recipe_title(best.recipe) if best.recipe else f"iteration {best.iteration}", "strong"),
        (
            Span(formatting.plus_minus(best.mean, best.standard_error), "good"),
            Span(f"   {plural(snapshot.tried, 'try', 'tries')}", "dim"),
        ),
        _against_first(snapshot, best, metric),
    ]
    if snapshot.probation:
        lines.append(line("on probation: it won narrowly", "warn"))
    if snapshot.ensemble is not None:
        together = formatting.plus_minus(snapshot.ensemble.score, snapshot.ensemble.standard_error)
        lines.append(
            (Span("ensemble ", "dim"), Span(together, "good"), Span(f" of {len(snapshot.ensemble.recipes)}", "dim"))
        )
    return (*lines, *_holdout(snapshot))


def champion_line(snapshot: RunSnapshot) -> Line:
    """The champion in one line, for a small screen."""
    best, metric = snapshot.champion_trial, snapshot.metric
    if best is None or metric is None:
        return line(_why_none(snapshot), "dim")
    name = recipes.recipe_title(best.recipe) if best.recipe else f"iteration {best.iteration}"
    return (
        Span("★ ", "good"),
        Span(formatting.plus_minus(best.mean, best.standard_error), "good"),
        Span(f"  {plural(snapshot.tried, 'try', 'tries')}  ", "dim"),
        Span("on probation  " if snapshot.probation else "", "warn"),
        span(name, "strong"),
    )


def _why_none(snapshot: RunSnapshot) -> str:
    if snapshot.state is RunState.READING:
        return f"reading the table, {formatting.percent(snapshot.read_share)}"
    if snapshot.state.ended:
        return "no recipe was scored"
    return "no champion yet: nothing is scored"


def _against_first(snapshot: RunSnapshot, best: Trial, metric: Metric) -> Line:
    first = scores.first_scored(snapshot)
    if first is None or first.iteration == best.iteration:
        return line("it is the first one scored", "dim")
    assert best.mean is not None
    assert first.mean is not None
    difference = best.mean - first.mean
    name = recipes.recipe_title(first.recipe) if first.recipe else f"iteration {first.iteration}"
    text = scores.difference_text(difference)
    return Span(text, scores.difference_tone(difference, metric)), span(f" against the first, {name}", "dim")


def _holdout(snapshot: RunSnapshot) -> tuple[Line, ...]:
    report = snapshot.report
    if report is not None and report.holdout is not None and report.holdout.scores:
        score = report.holdout.scores[0]
        return (
            (
                Span("test set ", "dim"),
                Span(formatting.number(score.score), "strong"),
                Span(f"  {scores.interval_text(score)}", "dim"),
            ),
        )
    if report is not None:
        return (line("no test set: the table was too small", "warn"),)
    if snapshot.state.ended or not snapshot.metric:
        return ()
    if not snapshot.holdout_rows:
        return (line("no test set: the table is too small", "warn"),)
    return (line(f"test set: {plural(snapshot.holdout_rows, 'row')}, kept back until the end", "dim"),)


_TROUBLES: Final[tuple[tuple[TrialState, Tone], ...]] = (("refused", "warn"), ("failed", "bad"), ("unanswered", "warn"))


def agent_card(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The card without what changes over time; it is short if search alone proposes recipes."""
    lines: list[Line] = [(Span(_actual(snapshot), "strong"), Span(f"  {iteration(snapshot)}"))]
    if replies.uses_llm(snapshot):
        lines.extend(_used(snapshot))
        lines.extend(_judged(snapshot))
    lines.extend(_planned_and_actual(snapshot))
    counts = _counts(snapshot)
    lines.extend(part for part in (counts[:3], counts[3:]) if part)
    if snapshot.fallback_grades:
        lines.append(line(f"{plural(snapshot.fallback_grades, 'grade')} by rule, not by a model", "warn"))
    return tuple(lines)


def agent_line(snapshot: RunSnapshot, now: float) -> Line:
    """The agent in one line, for a small screen; what is out of the ordinary comes first."""
    who = Span(_actual(snapshot), "strong")
    stands = Span(f"  {iteration(snapshot)}  ", "plain")
    if not replies.uses_llm(snapshot):
        return (who, stands, *_counts(snapshot))
    change = f" ! for {snapshot.planned}: {clean(snapshot.fallback_reason, 60)}" if snapshot.fallback_reason else ""
    moving = f"  {_waiting(snapshot, now)}" if has_clock(snapshot) else ""
    used = f"{budgets.usage_cost(snapshot.usage)}  {budgets.token_counts(snapshot.usage)}  "
    return (who, Span(change, "warn"), Span(moving, "accent"), stands, Span(used, "dim"), *_counts(snapshot))


def has_clock(snapshot: RunSnapshot) -> bool:
    """Whether something on the card moves with time: an open session, or the wait before the next try."""
    if snapshot.state.ended:
        return False
    return snapshot.retry is not None or bool(snapshot.sessions and snapshot.sessions[-1].outcome == "open")


def agent_activity(snapshot: RunSnapshot, now: float) -> tuple[Line, ...]:
    """The activity of the agent at `now`, in a line; none once the run has ended."""
    latest = snapshot.latest
    if latest is None or snapshot.state.ended:
        return ()
    if snapshot.state is RunState.ASKING:
        return (line("waits for your answer", "warn"),)
    if has_clock(snapshot):
        return (line(_waiting(snapshot, now), "accent" if snapshot.retry is None else "warn"),)
    if latest.work is not None:
        return (line(f"#{latest.iteration} {work_result(latest, snapshot).text}", "dim"),)
    match latest.state:
        case "asking":
            return (line("asking for a recipe", "dim"),)
        case "proposed" | "evaluating":
            name = recipes.recipe_title(latest.recipe) if latest.recipe else ""
            of = f"fold {current_fold(latest, snapshot)} of {snapshot.folds}" if snapshot.folds else "folds"
            return ((Span(f"{of}  ", "accent"), span(name, "dim")),)
        case _:
            return (line(f"#{latest.iteration} {latest.state}", "dim"),)


def handover_text(snapshot: RunSnapshot) -> str:
    """`search proposes instead of llm: three failures in a row`; empty while the planned agent is at work."""
    if not snapshot.fallback_reason:
        return ""
    return f"{snapshot.actual} proposes instead of {snapshot.planned}: {clean(snapshot.fallback_reason, 200)}"


def iteration(snapshot: RunSnapshot) -> str:
    """`iteration 12 of 40, attempt 2`."""
    if snapshot.latest is None and not snapshot.settled:
        return "no iteration yet"
    limit = snapshot.limits.iterations
    now = f"iteration {snapshot.trials[-1].iteration:,}"
    now += f" of {limit:,}" if limit > 0 else ""
    return f"{now}, attempt {snapshot.attempt}" if snapshot.attempt > 1 else now


def _actual(snapshot: RunSnapshot) -> str:
    return snapshot.actual if snapshot.spec is not None else formatting.UNKNOWN


def _waiting(snapshot: RunSnapshot, now: float) -> str:
    if snapshot.retry is not None:
        retry = snapshot.retry
        left = retry.until - now
        when = f"in {formatting.clock(left + 0.999)}" if left > 0 else "now"  # 0:01 until it is over
        return f"◷ retry {retry.retry} of {retry.retries} {when}, {retry.trouble}"
    session = snapshot.sessions[-1]
    again = f", asked for the {_ordinal(session.attempt)} time" if session.attempt > 1 else ""
    what = "the grade" if session.purpose == "grade" else "the agent" if snapshot.tasks else "the answer"
    return f"◷ waiting {formatting.clock(max(0.0, now - session.opened_at))} for {what}{again}"


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def _used(snapshot: RunSnapshot) -> list[Line]:
    usage = snapshot.usage
    if not snapshot.sessions:
        return [line("nothing was asked yet: cost —", "dim")]
    lines: list[Line] = []
    model = next((session.model for session in reversed(snapshot.sessions) if session.agent == snapshot.actual), "")
    if model:
        lines.append((span(model, "dim", 60),))
    lines.append((Span(budgets.token_counts(usage)),))
    further = (("cache written", usage.cache_write_tokens), ("reasoning", usage.reasoning_tokens))
    words = "  ".join(f"{name} {budgets.token_count(count)}" for name, count in further if count)
    if words:
        lines.append(line(words, "dim"))
    lines.append(
        (
            Span(f"{plural(len(snapshot.sessions), 'session')}  {plural(usage.turns, 'turn')}  "),
            Span(budgets.usage_cost(usage), "warn" if usage.unpriced else "strong"),
        )
    )
    context = budgets.token_count(snapshot.context or None)
    lines.append(line(f"context {context}  waited {formatting.clock(budgets.waited_seconds(snapshot))}", "dim"))
    return lines


def _judged(snapshot: RunSnapshot) -> list[Line]:
    """Quality and confidence of the last iteration that was decided."""
    decided = _last_decided(snapshot)
    if decided is None:
        return []
    quality = f"{decided.quality.value:.2f}" if decided.quality else formatting.UNKNOWN
    confidence = f"{decided.decision.confidence:.2f}" if decided.decision else formatting.UNKNOWN
    by = "  by rule" if decided.quality and decided.quality.fallback else ""
    return [(Span(f"quality {quality}  confidence {confidence}"), Span(by, "warn"))]


def _last_decided(snapshot: RunSnapshot) -> Trial | None:
    latest = snapshot.latest
    if latest is not None and latest.decision is not None:
        return latest
    return next((trial for trial in reversed(snapshot.settled) if trial.decision is not None), None)


def _planned_and_actual(snapshot: RunSnapshot) -> tuple[Line, ...]:
    if snapshot.spec is None:
        return (line("planned —", "dim"),)
    planned, actual = snapshot.planned, snapshot.actual
    if actual != planned:
        reason = span(f"! actual {actual}: {clean(snapshot.fallback_reason, 200)}", "warn")
        return (line(f"planned {planned}", "dim"), (reason,))
    if snapshot.latest is None and not snapshot.settled:
        return (line(f"planned {planned}", "dim"),)
    return ((Span(f"planned {planned} ", "dim"), Span("✔", "good"), Span(" actual same", "dim")),)


def _counts(snapshot: RunSnapshot) -> Line:
    spans = [Span(f"{snapshot.tried:,} {'proved' if snapshot.tasks else 'scored'}", "dim")]
    states = [trial.state for trial in snapshot.trials]
    for state, tone in _TROUBLES:
        count = states.count(state)
        if count:
            spans.append(Span(f"  {count:,} {state}", tone))
    return tuple(spans)
