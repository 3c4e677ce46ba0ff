"""The cards on the left of a run: the champion, and who proposes."""

import math

from tabsmith.modeling.results import Metric
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot, Try
from tabsmith.text import clean, plural
from tabsmith_tui import numbers
from tabsmith_tui.views import comparison, recipe_words
from tabsmith_tui.views.lines import Line, Span, line, span


def champion(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The best recipe so far: name, score with its error, tries beside it, against the first scored, hold-out."""
    best, metric = snapshot.champion_try, snapshot.metric
    if best is None or metric is None:
        return (line(_why_none(snapshot), "dim"), *_holdout(snapshot))
    lines: list[Line] = [
        line(recipe_words.title(best.recipe) if best.recipe else f"iteration {best.iteration}", "strong"),
        (
            Span(numbers.uncertain(best.mean, best.standard_error), "good"),
            Span(f"   {plural(snapshot.tried, 'try', 'tries')}", "dim"),
        ),
        _against_first(snapshot, best, metric),
    ]
    if snapshot.ensemble is not None:
        together = numbers.uncertain(snapshot.ensemble.score, snapshot.ensemble.standard_error)
        lines.append(
            (Span("ensemble ", "dim"), Span(together, "good"), Span(f" of {len(snapshot.ensemble.recipes)}", "dim"))
        )
    return (*lines, *_holdout(snapshot))


def champion_line(snapshot: RunSnapshot) -> Line:
    """The champion in one line, for a small screen."""
    best, metric = snapshot.champion_try, snapshot.metric
    if best is None or metric is None:
        return line(_why_none(snapshot), "dim")
    name = recipe_words.title(best.recipe) if best.recipe else f"iteration {best.iteration}"
    return (
        Span("★ ", "good"),
        Span(numbers.uncertain(best.mean, best.standard_error), "good"),
        Span(f"  {plural(snapshot.tried, 'try', 'tries')}  ", "dim"),
        span(name, "strong"),
    )


def agent(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """Who proposes: planned and actual, the iteration, and what it is doing."""
    planned = snapshot.spec.choice.agent if snapshot.spec else ""
    latest = snapshot.tries[-1] if snapshot.tries else None
    actual = clean(latest.agent, 30) if latest else ""
    lines: list[Line] = [
        (Span(actual or planned or numbers.UNKNOWN, "strong"), Span(f"  {_iteration(snapshot)}", "plain")),
        _planned_and_actual(planned, actual),
        _counts(snapshot),
    ]
    if latest is not None and not snapshot.state.ended:
        lines.append(_doing(latest, snapshot))
    return tuple(lines)


def agent_line(snapshot: RunSnapshot) -> Line:
    """The agent in one line, for a small screen."""
    planned = snapshot.spec.choice.agent if snapshot.spec else ""
    actual = clean(snapshot.tries[-1].agent, 30) if snapshot.tries else ""
    who = (Span(actual or planned or numbers.UNKNOWN, "strong"),)
    change = (Span(f" (planned {planned})", "warn"),) if actual and actual != planned else ()
    return (*who, *change, Span(f"  {_iteration(snapshot)}  ", "plain"), *_counts(snapshot))


def _why_none(snapshot: RunSnapshot) -> str:
    if snapshot.state is RunState.READING:
        return f"reading the table, {numbers.share(snapshot.read_share)}"
    if snapshot.state.ended:
        return "no recipe was scored"
    return "no champion yet: nothing is scored"


def _against_first(snapshot: RunSnapshot, best: Try, metric: Metric) -> Line:
    first = comparison.first_scored(snapshot)
    if first is None or first.iteration == best.iteration:
        return line("it is the first one scored", "dim")
    value = comparison.gain(best.mean, first.mean, metric)
    name = recipe_words.title(first.recipe) if first.recipe else f"iteration {first.iteration}"
    words = comparison.gain_words(value)
    return (
        Span(words, comparison.gain_tone(value)),
        span(f" than the first, {name}" if value else f" as {name}", "dim"),
    )


def _holdout(snapshot: RunSnapshot) -> tuple[Line, ...]:
    report = snapshot.report
    if report is not None and report.holdout is not None and report.holdout.scores:
        score = report.holdout.scores[0]
        return (
            (
                Span("hold-out ", "dim"),
                Span(numbers.number(score.score), "strong"),
                Span(_interval(score.low, score.high), "dim"),
            ),
        )
    if report is not None:
        return (line("no hold-out: the table was too small", "warn"),)
    if snapshot.state.ended or not snapshot.metric:
        return ()
    if not snapshot.holdout_rows:
        return (line("no hold-out: the table is too small", "warn"),)
    return (line(f"hold-out: {plural(snapshot.holdout_rows, 'row')}, opened at end", "dim"),)


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"  {numbers.number(low)} to {numbers.number(high)}"


def _iteration(snapshot: RunSnapshot) -> str:
    if not snapshot.tries:
        return "no iteration yet"
    limit = snapshot.limits.iterations
    now = f"iteration {snapshot.tries[-1].iteration:,}"
    now += f" of {limit:,}" if limit > 0 else ""
    return f"{now}, attempt {snapshot.attempt}" if snapshot.attempt > 1 else now


def _planned_and_actual(planned: str, actual: str) -> Line:
    if not planned:
        return line("planned —", "dim")
    if not actual:
        return line(f"planned {planned}", "dim")
    if actual == planned:
        return (Span(f"planned {planned} ", "dim"), Span("✔", "good"), Span(" actual the same", "dim"))
    return (Span(f"planned {planned} ", "dim"), Span(f"! actual {actual}", "warn"))


def _counts(snapshot: RunSnapshot) -> Line:
    refused = sum(each.state == "refused" for each in snapshot.tries)
    failed = sum(each.state == "failed" for each in snapshot.tries)
    spans = [Span(f"{snapshot.tried:,} scored", "dim")]
    if refused:
        spans.append(Span(f"  {refused:,} refused", "warn"))
    if failed:
        spans.append(Span(f"  {failed:,} failed", "bad"))
    return tuple(spans)


def _doing(latest: Try, snapshot: RunSnapshot) -> Line:
    match latest.state:
        case "asking":
            return line("asking for a recipe", "dim")
        case "proposed" | "evaluating":
            name = recipe_words.title(latest.recipe) if latest.recipe else ""
            of = f"fold {min(len(latest.folds) + 1, snapshot.folds)} of {snapshot.folds}" if snapshot.folds else "folds"
            return (Span(f"{of}  ", "accent"), span(name, "dim"))
        case "scored" | "refused" | "failed":
            return line(f"#{latest.iteration} {latest.state}", "dim")
