"""Predictions of new rows in words: what was matched, missing and not understood, and how good they are where that is known."""

from typing import Final

from tabsmith.modeling.results import PredictedFile, RowsScore
from tabsmith.presentation.decisions import interval_line
from tabsmith.presentation.models import score_and_interval
from tabsmith.presentation.spans import LabelledLine, Line, Span, foreign, line, span
from tabsmith.text import clean, plural

_NAMES: Final = 8
_ROWS: Final = 3
_FACTS: Final = 4  # notes among the facts: the first predicted rows are to be seen below them
_SCORES: Final = 2


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


def prediction_facts(done: PredictedFile) -> list[LabelledLine]:
    """The number of predicted rows, the file, its columns, the first notes about the rows, and how good they are."""
    facts: list[LabelledLine] = [
        ("predicted", (Span("✔ ", "good"), Span(plural(done.rows, "row")))),
        ("written to", (foreign(done.out, limit=400),)),
        ("columns", line(_listed(done.columns))),
    ]
    if done.missing:
        missing = f"{plural(len(done.missing), 'column')} not in the file, treated as missing: {_listed(done.missing)}"
        facts.append(("! missing", line(missing, "warn")))
    notes = prediction_notes(done)
    if len(notes) > _FACTS:
        rest = len(notes) - _FACTS + 1
        notes = (*notes[: _FACTS - 1], f"and {rest} more; `tabsmith predict` names them all")
    facts += [("! note" if place == 0 else "", line(note, "warn")) for place, note in enumerate(notes)]
    if done.score is not None:
        scores = rows_score_lines(done.score)[: 1 + _SCORES]
        facts += [("score" if place == 0 else "", scored) for place, scored in enumerate(scores)]
    if done.extra:
        facts.append(("not used", line(f"{plural(len(done.extra), 'column')}: {_listed(done.extra)}")))
    return facts


def explained_note(done: PredictedFile) -> str:
    """`the 3 columns that moved each prediction most, and their parts of the price: contributor 1, contribution 1, ...`."""
    columns = plural(len(done.explained) // 2, "column")
    parts = f"their parts of the {clean(done.explains, 60)}"
    return f"the {columns} that moved each prediction most, and {parts}: {_listed(done.explained)}"


def rows_score_lines(score: RowsScore) -> tuple[Line, ...]:
    """The scores on the rows that were predicted, as they hold the target, each beside that on the test set."""
    heading: Line = (Span(f"on these rows, {plural(score.rows, 'row')} with the target", "strong"),)
    holdout = {each.metric.name: each for each in score.holdout}
    lines = []
    for each in score.scores:
        scored = score_and_interval(each)
        if each.metric.name in holdout:
            scored = (*scored, Span("; on the test set ", "dim"), *score_and_interval(holdout[each.metric.name])[2:])
        lines.append(scored)
    if score.intervals is not None:
        lines.append(interval_line(score.intervals, "on these rows"))
    return (heading, *lines) if lines else ((*heading, span(": nothing can be measured on them", "warn")),)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return ", ".join(clean(name, 40) for name in names[:_NAMES]) + more
