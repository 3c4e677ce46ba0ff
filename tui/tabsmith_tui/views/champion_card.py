"""The champion's card: the best recipe so far, and how sure one can be of it."""

import math

from tabsmith import formatting
from tabsmith.modeling.results import Metric
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation import recipes, scores
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural


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
                Span(_interval(score.low, score.high), "dim"),
            ),
        )
    if report is not None:
        return (line("no test set: the table was too small", "warn"),)
    if snapshot.state.ended or not snapshot.metric:
        return ()
    if not snapshot.holdout_rows:
        return (line("no test set: the table is too small", "warn"),)
    return (line(f"test set: {plural(snapshot.holdout_rows, 'row')}, kept back until the end", "dim"),)


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"  {formatting.number(low)} to {formatting.number(high)}"
