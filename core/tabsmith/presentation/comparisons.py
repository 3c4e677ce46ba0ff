"""Two models compared on the same rows, in lines."""

from tabsmith import formatting
from tabsmith.modeling.results import ModelComparison
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.text import clean, plural


def comparison_lines(found: ModelComparison) -> tuple[Line, ...]:
    """The rows and the metric, each model's score, the difference with its interval, and which model is better."""
    on = "the test set, which neither had seen" if found.on == "test set" else "the table"
    names = [clean(name, 60) for name in (found.first, found.second)]
    width = max(map(len, names))
    scores = zip(names, (found.first_score, found.second_score), strict=True)
    return (
        (Span(f"on {plural(found.rows, 'row')} of {on}", "strong"),),
        (Span(metric_direction(found.metric), "dim"),),
        *((Span(f"  {name:<{width}}  {formatting.significant(score)}"),) for name, score in scores),
        _difference(found),
        (_verdict(found),),
    )


def _difference(found: ModelComparison) -> Line:
    if found.low is None or found.high is None:
        return line("  the difference has no interval: the rows are too few", "warn")
    difference = formatting.significant(found.first_score - found.second_score, 3)
    low, high = (formatting.significant(bound, 3) for bound in (found.low, found.high))
    return (Span(f"  difference  {difference}  (95 %: {low} to {high}, the same drawn rows for both)", "dim"),)


def _verdict(found: ModelComparison) -> Span:
    match found.better:
        case "first":
            return span(f"{found.first} is better.", "good")
        case "second":
            return span(f"{found.second} is better.", "good")
        case "not shown":
            return span("No difference is shown.", "warn")
