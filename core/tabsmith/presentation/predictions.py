"""Predictions of new rows in words: what was matched, missing and not understood, and how good they are where that is known."""

from typing import Final

from tabsmith.modeling.results import PredictedFile, RowsScore
from tabsmith.presentation.models import score_and_interval
from tabsmith.presentation.spans import Line, Span, span
from tabsmith.text import plural

_ROWS: Final = 3


def prediction_notes(done: PredictedFile) -> tuple[str, ...]:
    """What was not understood of the rows as it stands there, a sentence each; none if all is well.

    Columns that are missing are not among them: `done.missing` names those.
    """
    notes: list[object] = [*done.matched, *done.assumed, *done.unread, *done.unseen, *done.bad_rows[:_ROWS]]
    if done.unparsable and not done.unread:  # predicted by an earlier version
        notes.append(f"{plural(done.unparsable, 'cell')} not understood, treated as missing")
    rest = done.bad_row_count - min(len(done.bad_rows), _ROWS)
    if rest > 0:
        notes.append(f"{plural(rest, 'further row')} without a prediction, each with its reason in the file")
    return tuple(str(note) for note in notes)


def rows_score_lines(score: RowsScore) -> tuple[Line, ...]:
    """The scores on the rows that were predicted, as they hold the target, each beside that on the test set."""
    heading: Line = (Span(f"on these rows, {plural(score.rows, 'row')} with the target", "strong"),)
    holdout = {each.metric.name: each for each in score.holdout}
    lines = []
    for each in score.scores:
        line = score_and_interval(each)
        if each.metric.name in holdout:
            line = (*line, Span("; on the test set ", "dim"), *score_and_interval(holdout[each.metric.name])[2:])
        lines.append(line)
    return (heading, *lines) if lines else ((*heading, span(": nothing can be measured on them", "warn")),)
