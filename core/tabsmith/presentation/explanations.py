"""What explains a model, in lines: scores by class, where it errs, how columns change its predictions, what more rows bring."""

from collections.abc import Iterable
from typing import Final

from tabsmith import formatting
from tabsmith.modeling.explanation.types import (
    ClassCurves,
    ClassScores,
    DependencePoint,
    LearningCurve,
    PartialDependence,
    WorstRow,
    WorstSlice,
)
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import ModelReport
from tabsmith.presentation.spans import Line, Span, foreign, line, span
from tabsmith.text import clean, plural

_MOST_CLASSES: Final = 12
_MOST_SLICES: Final = 6
_MOST_ROWS: Final = 8
_NAME: Final = 24  # characters of a column, class or level
_LEVELS: Final = 3  # of a category, the highest and the lowest


def explanation_lines(report: ModelReport) -> tuple[Line, ...]:
    """Everything that the report knows of why the model predicts what it does and where it errs; none if nothing."""
    explanation = report.explanation
    on = "the test set" if report.holdout is not None else "rows that the fold's model had not seen"
    parts = (
        class_lines(explanation.classes),
        curve_lines(explanation.curves),
        dependence_lines(explanation.dependence),
        slice_lines(explanation.worst_slices, on),
        row_lines(explanation.worst_rows, on),
        learning_lines(explanation.learning_curve, report.metric),
    )
    lines: list[Line] = []
    for part in parts:
        if part:
            lines += [*([()] if lines else []), *part]
    return tuple(lines)


def class_lines(classes: tuple[ClassScores, ...]) -> tuple[Line, ...]:
    """Precision, recall and F1 of each class, the most frequent first."""
    if not classes:
        return ()
    width = _width(each.label for each in classes[:_MOST_CLASSES])
    head = line(f"{'class':<{width}}  precision   recall       F1     rows", "dim")
    body = [
        (
            Span(clean(each.label, _NAME).ljust(width)),
            *(Span(f"{formatting.percent(share):>9}") for share in (each.precision, each.recall, each.f1)),
            Span(f"{formatting.count(each.support):>9}", "dim"),
        )
        for each in classes[:_MOST_CLASSES]
    ]
    return (head, *body, *_more(len(classes), _MOST_CLASSES, "class", "classes"))


def curve_lines(curves: tuple[ClassCurves, ...]) -> tuple[Line, ...]:
    """The area below the curves of each class, and how its probabilities compare with what came true."""
    lines: list[Line] = []
    for each in curves:
        lines.append(
            (
                foreign(each.label, "strong", _NAME),
                Span(" against the rest: ", "dim"),
                Span(f"ROC AUC {formatting.number(each.roc.area)}"),
                Span(f", average precision {formatting.number(each.precision_recall.average_precision)}"),
            )
        )
        curve = each.calibration
        pairs = (
            f"{formatting.percent(predicted)} → {formatting.percent(observed)}"
            for predicted, observed in _some(list(zip(curve.predicted, curve.observed, strict=True)), 5)
        )
        lines.append((Span("  predicted → came true: ", "dim"), Span("; ".join(pairs))))
    return tuple(lines)


def dependence_lines(dependence: tuple[PartialDependence, ...]) -> tuple[Line, ...]:
    """How the mean prediction changes with each of the most important columns."""
    drawn = [each for each in dependence if each.points]
    if not drawn:
        return ()
    of_class = drawn[0].classes
    about = f"the probability of {clean(of_class[0], _NAME)}" if of_class else "the prediction"
    width = _width(each.column for each in drawn)
    lines = [line(f"{about}, on average, as one column changes", "dim")]
    for each in drawn:
        present = [point for point in each.points if point.value != ""]
        name = Span(clean(each.column, _NAME).ljust(width) + "  ", "plain", "foreign")
        lines.append((name, *(_curve(present) if each.kind != "level" and len(present) > 1 else _levels(each.points))))
    return tuple(lines)


def _curve(points: list[DependencePoint]) -> tuple[Span, ...]:
    values = [point.prediction[0] for point in points]
    between = f"{formatting.number(min(values))} to {formatting.number(max(values))}"
    return (
        Span(f"{_value(points[0].value)} "),
        Span(formatting.sparkline(values, len(values)), "accent"),
        Span(f" {_value(points[-1].value)}"),
        Span(f"   {between}", "dim"),
    )


def _levels(points: tuple[DependencePoint, ...]) -> tuple[Span, ...]:
    ranked = sorted(points, key=lambda point: -point.prediction[0])
    shown = ranked if len(ranked) <= 2 * _LEVELS else [*ranked[:_LEVELS], *ranked[-_LEVELS:]]
    pieces: list[Span] = []
    for place, point in enumerate(shown):
        if place:
            pieces.append(Span(" … " if place == _LEVELS and len(shown) < len(ranked) else ", ", "dim"))
        pieces.append(foreign("missing" if point.value == "" else _value(point.value), "plain", _NAME))
        pieces.append(Span(f" {formatting.number(point.prediction[0])}", "accent"))
    return tuple(pieces)


def slice_lines(slices: tuple[WorstSlice, ...], on: str) -> tuple[Line, ...]:
    """The parts of the table in which the model errs more than elsewhere, beyond noise."""
    if not slices:
        return ()
    head = line(f"where the model errs more than elsewhere, on {on}", "dim")
    body = [
        (
            foreign(f"{clean(each.column, _NAME)}: {clean(each.values, 40)}", "strong", 70),
            Span(f"  {each.measure} {formatting.number(each.error)}", "warn"),
            Span("" if each.expected is None else f", by its probabilities {formatting.number(each.expected)}", "dim"),
            Span(f", elsewhere {formatting.number(each.elsewhere)} ({plural(each.rows, 'row')})", "dim"),
        )
        for each in slices[:_MOST_SLICES]
    ]
    return (head, *body, *_more(len(slices), _MOST_SLICES, "part", "parts"))


def row_lines(rows: tuple[WorstRow, ...], on: str) -> tuple[Line, ...]:
    """The rows that are predicted worst, by their number in the table; of classes, those predicted wrong if there are any."""
    if not rows:
        return ()
    wrong = [row for row in rows if row.truth != row.predicted] or rows[:1]
    head = line(f"rows predicted worst, on {on}; counted in the table without its header", "dim")
    body = [
        (
            Span(f"{'row ' + formatting.count(each.row):<14}"),
            span(f"is {_value(each.truth)}, predicted {_value(each.predicted)}"),
            Span(
                f"  off by {formatting.difference(each.error)}"
                if isinstance(each.truth, float)
                else f"  its class was given {formatting.percent(1 - each.error)}",
                "dim",
            ),
        )
        for each in wrong[:_MOST_ROWS]
    ]
    return (head, *body)


def learning_lines(curve: LearningCurve | None, metric: Metric) -> tuple[Line, ...]:
    """The scores by rows, and what twice the rows would bring."""
    if curve is None or not curve.points:
        return ()
    points = "; ".join(f"{plural(each.rows, 'row')}: {formatting.number(each.score)}" for each in curve.points)
    head: Line = (Span(f"{clean(metric.label, 40)} of the best single recipe by rows  ", "dim"), Span(points))
    last = curve.points[-1].score
    if curve.doubled is None or curve.doubled_low is None or curve.doubled_high is None:
        return (head, line("The scores rise and fall: nothing can be said of more rows.", "dim"))
    if last in (curve.doubled_low, curve.doubled_high):  # no gain at all is among the likely ones
        return (head, line("Twice the rows are not shown to bring a better score."))
    between = f"{formatting.number(curve.doubled_low)} to {formatting.number(curve.doubled_high)}"
    return (
        head,
        (
            Span("Twice the rows would bring about "),
            Span(formatting.number(curve.doubled), "good"),
            Span(f" ({between})", "dim"),
        ),
    )


def _value(value: float | str) -> str:
    return clean(value, _NAME) if isinstance(value, str) else formatting.significant(value)


def _width(names: Iterable[str]) -> int:
    return max((len(clean(name, _NAME)) for name in names), default=1)


def _some(pairs: list[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """Up to `most` of the pairs, evenly spaced, the first and the last among them."""
    if len(pairs) <= most:
        return pairs
    return [pairs[round(place * (len(pairs) - 1) / (most - 1))] for place in range(most)]


def _more(count: int, shown: int, noun: str, nouns: str) -> tuple[Line, ...]:
    return (line(f"+{plural(count - shown, noun, nouns)}", "dim"),) if count > shown else ()
