"""Findings as lines of a screen: the plan, sentences, tables and the picture, in a given width."""

from collections.abc import Sequence
from typing import Final

from tabsmith.presentation.findings import cell_text, findings_title, rows_sentence
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.statistics.findings import FindingsTable
from tabsmith.statistics.kept.session import FindingsSession, KeptFindings, significance_sentence
from tabsmith.statistics.words.reading import AskBack, Elsewhere
from tabsmith.text import clean, plural
from tabsmith_tui.views.findings_pictures import draw_picture
from tabsmith_tui.views.lines import fit, wrap_line

_TABLE_ROWS: Final = 30
_WIDEST: Final = 26
_PICTURE_ROWS: Final = 14


def answer_lines(session: FindingsSession, kept: KeptFindings, width: int) -> list[Line]:
    """One answer: what was asked, what it means, sentences, the picture, tables; wrapped to `width` cells."""
    found = kept.findings
    lines: list[Line] = [line(findings_title(kept), "mark")]
    if kept.question:
        lines.append((Span("asked: ", "dim"), span(kept.question, "dim")))
    lines += [(), *(line(sentence) for sentence in found.sentences)]
    lines += [line(f"! {note}", "warn") for note in found.notes]
    if corrected := significance_sentence(session, kept.number):
        lines.append(line(corrected, "accent"))
    wrapped = [part for each in lines for part in (wrap_line(each, width) if each else [each])]
    if found.picture is not None:
        wrapped += [(), *draw_picture(found.picture, width, _PICTURE_ROWS)]
    for table in found.tables:
        wrapped += [(), *_table(table, width)]
    return [*wrapped, (), line(rows_sentence(found), "dim")]


def asked_back_lines(question: str, reading: AskBack | Elsewhere, width: int) -> list[Line]:
    """A question back with its choices by number; or which part does what was asked for."""
    lines: list[Line] = [(Span("asked: ", "dim"), span(question, "dim")), ()]
    if isinstance(reading, Elsewhere):
        places = {
            "train": "Press escape: the next step trains a model.",
            "predict": "Predict rows from the home screen, with p.",
            "models": "The models are on the home screen, with m.",
            "rows": "Press escape, then p: the first rows of the table.",
        }
        lines += [line(reading.sentence, "strong"), line(places[reading.kind])]
    else:
        lines.append(line(reading.text, "warn"))
        if reading.choices:
            lines += [(), line("Type a number to take one of these:", "dim")]
            lines += [
                (Span(f"  {number} ", "accent"), span(choice.sentence))
                for number, choice in enumerate(reading.choices, 1)
            ]
        elif reading.examples:
            lines += [(), line("For example:", "dim"), *((Span("  "), span(example)) for example in reading.examples)]
    return [part for each in lines for part in (wrap_line(each, width) if each else [each])]


def _table(table: FindingsTable, width: int) -> list[Line]:
    """The table's first rows and as many columns as fit; what is left out is counted."""
    shown = table.rows[:_TABLE_ROWS]
    cells = [[clean(name, _WIDEST) for name in table.columns], *([cell_text(cell) for cell in row] for row in shown)]
    widths = [min(_WIDEST, max(len(row[index]) for row in cells)) for index in range(len(table.columns))]
    fitting = _fitting(widths, width)
    numbers = [all(not isinstance(row[index], str) for row in shown) for index in range(len(table.columns))]
    lines: list[Line] = [line(table.title, "strong")] if table.title else []
    for place, row in enumerate(cells):
        texts = [fit(row[index], widths[index], "right" if numbers[index] else "left") for index in range(fitting)]
        lines.append((Span("  ".join(texts), "dim" if place == 0 else "plain", "mixed"),))
    left = [plural(len(table.rows) - len(shown), "row")] if len(table.rows) > len(shown) else []
    left += [plural(len(table.columns) - fitting, "column")] if fitting < len(table.columns) else []
    return [*lines, *([line(f"+{' and '.join(left)}; export shows all", "dim")] if left else [])]


def _fitting(widths: Sequence[int], room: int) -> int:
    """How many of the columns stand in `room` cells, with two between them; at least one."""
    taken = 0
    for count, each in enumerate(widths):
        taken += each + 2
        if taken - 2 > room:
            return max(1, count)
    return len(widths)
