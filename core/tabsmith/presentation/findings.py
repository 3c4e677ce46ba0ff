"""Findings of a table in text: numbers in cells, Markdown and CSV to hand on, and how a question is asked back."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from tabsmith import formatting
from tabsmith.statistics.findings import Cell, Findings, FindingsTable
from tabsmith.statistics.kept.session import FindingsSession, KeptFindings, significance_sentence
from tabsmith.statistics.words.plan_sentences import plans_sentence
from tabsmith.statistics.words.reading import AskBack
from tabsmith.text import clean, plural

_LONGEST_CELL: Final = 60


def cell_text(cell: Cell) -> str:
    """A cell as people read it: numbers with four digits, a dash where there is no value."""
    if cell is None:
        return formatting.UNKNOWN
    if isinstance(cell, str):
        return clean(cell, _LONGEST_CELL)
    return formatting.count(cell) if isinstance(cell, int) else formatting.number(cell)


def value_text(value: float) -> str:
    """The value of a bar: a count as a count, any other number with four digits."""
    return formatting.count(int(value)) if value.is_integer() and abs(value) < 1e9 else formatting.number(value)


def findings_title(kept: KeptFindings) -> str:
    """The number of findings and what they are about: their name, or their plan in words."""
    pin = " (pinned)" if kept.pinned else ""
    return f"{kept.number}. {clean(kept.name, 80) or plans_sentence((kept.findings.plan,))}{pin}"


def rows_sentence(findings: Findings) -> str:
    """How many rows were used, how many were left out for missing values, and how long it took."""
    dropped = (
        f", {formatting.count(findings.rows_dropped)} left out for missing values" if findings.rows_dropped else ""
    )
    return f"{plural(findings.rows_used, 'row')} used{dropped}; {formatting.duration(findings.seconds)}."


def ask_back_lines(reading: AskBack) -> list[str]:
    """A question back: what is not clear, the choices with their numbers, and examples of what can be asked."""
    lines = [reading.text]
    lines += [f"  {number}. {choice.sentence}" for number, choice in enumerate(reading.choices, 1)]
    if reading.examples and not reading.choices:
        lines += ["For example:", *(f"  {example}" for example in reading.examples)]
    return lines


def findings_markdown(session: FindingsSession, numbers: Sequence[int] = ()) -> str:
    """The findings with these numbers as Markdown, those that are pinned without numbers, or all if none is pinned."""
    chosen = [session.number(number) for number in numbers] or [kept for kept in session.kept if kept.pinned]
    parts = [f"# Findings in {_escaped(session.source)}"]
    for kept in chosen or session.kept:
        parts.append(f"## {_escaped(findings_title(kept))}")
        parts += [_escaped(sentence) for sentence in (*kept.findings.sentences, *kept.findings.notes)]
        parts += [_markdown_table(table) for table in kept.findings.tables]
        if corrected := significance_sentence(session, kept.number):
            parts.append(corrected)
        parts.append(rows_sentence(kept.findings))
        if kept.findings.code:
            fence = "````" if "```" in kept.findings.code else "```"
            parts.append(f"{fence}python\n{kept.findings.code.strip()}\n{fence}")
    return "\n\n".join(parts) + "\n"


def findings_csv(findings: Findings) -> str:
    """The tables of findings as CSV, one below the other with an empty line between; numbers in full.

    Texts that a spreadsheet would take for a formula begin with an apostrophe.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for index, table in enumerate(findings.tables):
        if index:
            buffer.write("\n")
        writer.writerow([_inert(name) for name in table.columns])
        writer.writerows([[_inert(cell) for cell in row] for row in table.rows])
    return buffer.getvalue()


def _inert(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{cell}"
    return "" if cell is None else cell


def _markdown_table(table: FindingsTable) -> str:
    rows = [[_escaped(cell_text(cell)) for cell in row] for row in table.rows]
    lines = [[_escaped(clean(name, _LONGEST_CELL)) for name in table.columns], ["---"] * len(table.columns), *rows]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{_escaped(table.title)}**\n\n{body}" if table.title else body


def _escaped(text: str) -> str:
    """Text that is nothing but text in Markdown, also in a table's cell."""
    shown = clean(text, 2_000)
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#~" else letter for letter in shown)
