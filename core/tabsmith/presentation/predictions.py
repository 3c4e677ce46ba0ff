"""Predictions of new rows in words: what was matched, missing and not understood, and how good they are where that is known."""

from typing import Final

from tabsmith.modeling.results import PredictedFile, RowsScore
from tabsmith.presentation.models import score_and_interval
from tabsmith.presentation.spans import Line, Span, span
from tabsmith.text import clean, plural

_NAMES: Final = 8
_ROWS: Final = 3


def prediction_notes(done: PredictedFile) -> tuple[str, ...]:
    """What a person should know of the rows before the predictions are used, a sentence each; none if all is well."""
    notes: list[object] = []
    if done.missing:
        notes.append(f"not in the table, treated as missing: {_listed(done.missing)}")
    notes += [*done.matched, *done.assumed, *done.unread, *done.unseen, *done.bad_rows[:_ROWS]]
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


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(clean(name, 40) for name in names[:_NAMES]) + more
