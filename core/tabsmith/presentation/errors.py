"""An error as a person reads it: what happened, where, and what to do next."""

from tabsmith.errors import ErrorReport
from tabsmith.presentation.spans import Line, Span, foreign, span


def error_lines(error: ErrorReport) -> tuple[Line, ...]:
    """One to three lines; a place or a next step that is not known has none."""
    lines: list[Line] = [(Span("✘ ", "bad"), span(error.what, "bad", 600))]
    if error.where:
        lines.append((Span("at ", "dim"), foreign(error.where, limit=200)))
    if error.next_step:
        lines.append((span(error.next_step),))
    return tuple(lines)
