"""A person's table, asked from the phone: answers with a picture, questions back with choices to send by number."""

from typing import Final

from msgspec.structs import replace

from tabsmith.presentation.findings import cell_text, rows_sentence
from tabsmith.statistics.findings import FindingsTable
from tabsmith.statistics.kept.session import FindingsSession, KeptFindings, significance_sentence
from tabsmith.statistics.words.plan_sentences import plans_sentence
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Understood
from tabsmith.telegram.render.messages import OutgoingChart
from tabsmith.telegram.render.text import StyledText, bold, foreign, foreign_block, line, mixed, own
from tabsmith.text import clean, plural

NO_TABLE: Final = line(
    own("There is no table yet. Send one as a file (the paper clip), then ask it, such as: what is missing?")
)
_TABLE_ROWS: Final = 12
_CELL: Final = 18
_LONGEST: Final = 600  # characters of a sentence


def answer_text(session: FindingsSession, kept: KeptFindings, understood: Understood) -> StyledText:
    """An answer: how the question was understood, sentences, notes, the first table."""
    found = kept.findings
    corrected = significance_sentence(session, kept.number)
    said = [*understood.remarks, *found.sentences, *found.notes, *([corrected] if corrected else [])]
    text = line(bold(clean(plans_sentence((found.plan,)), 300)))
    for sentence in said:
        text += line(mixed(sentence, _LONGEST))
    if found.tables:
        text += line(foreign_block(_table(found.tables[0])))
    return text + line(own(rows_sentence(found)))


def answer_chart(kept: KeptFindings) -> OutgoingChart | None:
    """The picture of an answer, drawn when it is sent; None if it has none."""
    if kept.findings.picture is None:
        return None
    findings = replace(kept.findings, tables=(), code="", sentences=(), notes=())
    return OutgoingChart("findings", "", line(mixed(kept.findings.picture.title, 200)), findings=findings)


def ask_back_text(reading: AskBack | Elsewhere) -> StyledText:
    """A question back, or where what was asked for is done."""
    if isinstance(reading, Elsewhere):
        where = {
            "train": "Confirm the schema and start training with the buttons of the step.",
            "predict": "Send /models, choose one, and send the file with the rows.",
            "models": "Send /models.",
            "rows": "The rows are in your file; here its columns can be asked.",
        }
        return line(mixed(reading.sentence)) + line(own(where[reading.kind]))
    text = line(mixed(reading.text, _LONGEST))
    if reading.choices:
        text += line(own("Send a number to choose:"))
        for number, choice in enumerate(reading.choices, 1):
            text += line(own(f"{number}  "), mixed(choice.sentence, 300))
    elif reading.examples:
        text += line(own("For example:"))
        for example in reading.examples:
            text += line(foreign(example, 200))
    return text


def _table(table: FindingsTable) -> str:
    """The first rows in aligned columns."""
    shown = [[clean(name, _CELL) for name in table.columns]]
    shown += [[clean(cell_text(cell), _CELL) for cell in row] for row in table.rows[:_TABLE_ROWS]]
    widths = [max(len(row[index]) for row in shown) for index in range(len(table.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    more = len(table.rows) - _TABLE_ROWS
    return "\n".join([*lines, *([f"+{plural(more, 'more row')}"] if more > 0 else [])])
