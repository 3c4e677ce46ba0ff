"""`tabsmith.ask`: a question in words, answered in numbers and sentences; and its two steps, for surfaces that show the
plan before it runs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tabsmith.errors import NotUnderstoodError
from tabsmith.statistics.findings import Findings
from tabsmith.statistics.plan import Plan
from tabsmith.statistics.run import TIME_LIMIT, answer
from tabsmith.statistics.words.grammar import understand
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Reading, Understood
from tabsmith.statistics.words.table_values import values_named
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import describe_source

if TYPE_CHECKING:
    import pandas as pd

    from tabsmith.tables.table import Table


class TableAnswer(msgspec.Struct, frozen=True):
    """A question, how it was understood, and what came of each of its plans, in their order."""

    question: str
    understood: Understood
    findings: tuple[Findings, ...]

    def __repr__(self) -> str:
        said = [sentence for found in self.findings for sentence in found.sentences]
        return "\n".join([self.understood.sentence, *self.understood.remarks, *said])


def read_question(question: str, info: TableInfo) -> Reading:
    """What `question` asks of the table, whose values it may name: plans, a question back, or work of another part."""
    name = Path(describe_source(info.source)).stem
    return understand(question, info.profile, values=values_named(question, info), table_name=name)


def answer_plans(
    plans: Sequence[Plan], info: TableInfo, *, time_limit: float = TIME_LIMIT, tell: Callable[[str], None] | None = None
) -> tuple[Findings, ...]:
    """The findings of these plans, one after the other; each may take `time_limit` seconds. Raises as `answer` does."""
    findings: list[Findings] = []
    for plan in plans:
        if tell is not None:
            tell("computing")
        findings.append(answer(plan, info, time_limit=time_limit))
    return tuple(findings)


def ask(table: "Table | TableInfo | pd.DataFrame", question: str, *, time_limit: float = TIME_LIMIT) -> TableAnswer:
    """The answer to a question in words, such as "mean of price by city" or "is churn related to contract?".

    The question is understood by a grammar, never run as code. `time_limit` is in seconds, for each plan. Raises
    NotUnderstoodError, with what to ask instead, if the question has several meanings or none or asks for something
    that is no statistic; PlanError if the table cannot answer it.
    """
    from tabsmith.tables.table import Table

    if isinstance(table, Table):
        table = table.info
    if not isinstance(table, TableInfo):
        from tabsmith.tables.read.frames import from_frame

        table = from_frame(table)
    reading = read_question(question, table)
    if not isinstance(reading, Understood):
        raise not_understood(reading)
    return TableAnswer(question, reading, answer_plans(reading.plans, table, time_limit=time_limit))


def not_understood(reading: AskBack | Elsewhere) -> NotUnderstoodError:
    """The error of a question that cannot be answered as it stands, with what can be asked instead."""
    if isinstance(reading, Elsewhere):
        commands = {
            "train": "Use `tabsmith train`, or `tabsmith.train` in Python.",
            "predict": "Use `tabsmith predict`, or `model.predict` in Python.",
            "models": "Use `tabsmith models`.",
            "rows": "Use `tabsmith read --rows 20`.",
        }
        return NotUnderstoodError(f"That is no statistic: {reading.sentence}", next_step=commands[reading.kind])
    choices = [choice.sentence for choice in reading.choices]
    offered = choices or list(reading.examples)
    word = "Did you mean" if choices else "For example"
    return NotUnderstoodError(reading.text, next_step=f"{word}: {' | '.join(offered)}" if offered else "")
