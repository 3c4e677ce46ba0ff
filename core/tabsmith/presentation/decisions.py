"""What is decided about a model's predictions, and how well that works, in words."""

import math
from typing import Final

from tabsmith import formatting
from tabsmith.modeling.decisions.goals import BestForMetric, LeastCost
from tabsmith.modeling.decisions.types import (
    CalibrationReport,
    ClassWeightsReport,
    IntervalsReport,
    Isotonic,
    Platt,
    Temperature,
    ThresholdReport,
    Uncalibrated,
)
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.results import ModelReport
from tabsmith.presentation.spans import Line, Span, span
from tabsmith.text import clean

_BEYOND_CHANCE: Final = 2.6  # standard deviations by which fewer rows than promised are in their interval


def decision_lines(report: ModelReport) -> tuple[Line, ...]:
    """The event class, the threshold, the calibration and the intervals of a model, a line each; none if there are none."""
    decided = report.decisions
    on = "on the test set" if report.holdout is not None else "out of fold"
    lines: list[Line] = []
    if decided.event:
        lines.append((Span("event ", "dim"), Span(clean(decided.event, 40), "strong")))
    if decided.threshold is not None:
        lines.append(_threshold(decided.threshold, decided.event, report, on))
    if decided.class_weights is not None:
        lines.append(_class_weights(decided.class_weights, on))
    if decided.calibration is not None:
        lines.append(_calibration(decided.calibration, on))
    if decided.intervals is not None:
        lines.append(interval_line(decided.intervals, on))
    return tuple(lines)


def _threshold(threshold: ThresholdReport, event: str, report: ModelReport, on: str) -> Line:
    """`predicts yes from 0.12 on: costs 210 per 1,000 rows on the test set, 480 at 0.5`."""
    score, at_half = formatting.number(threshold.score), formatting.number(threshold.score_at_half)
    if isinstance(threshold.goal, LeastCost):
        result = f"costs {score} per 1,000 rows {on}, {at_half} at 0.5"
    else:
        metric = report.metric if report.metric.uses_labels else get_metric("f1")
        if isinstance(threshold.goal, BestForMetric):
            metric = get_metric(threshold.goal.metric)
        result = f"{metric.label} {score} {on}, {at_half} at 0.5"
    start = f"{threshold.threshold:.3g}"
    return (Span("predicts ", "dim"), span(clean(event, 40)), Span(f" from {start} on", "strong"), span(f": {result}"))


_NAMED_CLASSES: Final = 6


def _class_weights(found: ClassWeightsReport, on: str) -> Line:
    """`labels by weighted probabilities (cat 1, dog 0.35): F1 macro 0.71 on the test set, 0.66 by the most probable class`."""
    score, unweighted = formatting.number(found.score), formatting.number(found.score_unweighted)
    if found.metric:
        result = f"{get_metric(found.metric).label} {score} {on}, {unweighted} by the most probable class"
    else:
        result = f"costs {score} per 1,000 rows {on}, {unweighted} by the most probable class"
    if len({each.weight for each in found.weights}) == 1:
        return (span("labels are the most probable class, which no weights improve beyond noise"), span(f": {result}"))
    named = ", ".join(f"{clean(each.label, 30)} {each.weight:.2g}" for each in found.weights[:_NAMED_CLASSES])
    more = ", …" if len(found.weights) > _NAMED_CLASSES else ""
    return (Span("labels by weighted probabilities ", "dim"), span(f"({named}{more})"), span(f": {result}"))


def _calibration(calibration: CalibrationReport, on: str) -> Line:
    off = f"; off by {formatting.number(calibration.expected_error)} on average {on}"
    gain = formatting.plus_minus(calibration.gain, calibration.gain_error)
    match calibration.method:
        case Uncalibrated():
            return (Span("probabilities as they come: no calibration helps beyond noise", "dim"), Span(off, "dim"))
        case Temperature():
            name = "a temperature"
        case Platt():
            name = "Platt's line"
        case Isotonic():
            name = "a rising curve"
    return (span(f"probabilities calibrated by {name}: log loss lower by {gain} on other folds"), Span(off, "dim"))


def interval_line(intervals: IntervalsReport, on: str) -> Line:
    """`90 % intervals hold 91 % of the numbers on the test set; 1,230 wide on average`."""
    share = intervals.covered / intervals.rows
    spread = math.sqrt(intervals.level * (1 - intervals.level) / intervals.rows)
    few = share < intervals.level - _BEYOND_CHANCE * spread
    width = formatting.number(intervals.mean_width)
    growing = ", wider for rows that are hard" if intervals.by_difficulty else ""
    held = f"{100 * intervals.level:g} % intervals hold {formatting.percent(share)} of the numbers {on}"
    warning = Span(", fewer than they say", "warn") if few else Span("")
    return (span(held), warning, Span(f"; {width} wide on average{growing}", "dim"))
