"""One offline HTML page of a table, its findings and its model: no script, nothing from elsewhere, under a megabyte."""

import base64
import html
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from tabsmith import formatting
from tabsmith.errors import TabsmithError
from tabsmith.modeling.results import ModelReport
from tabsmith.presentation.findings import cell_text, findings_title, rows_sentence
from tabsmith.presentation.models import (
    baseline_lines,
    caution_lines,
    cross_validation,
    further_scores,
    headline,
    member_lines,
    model_subject,
    usage_examples,
)
from tabsmith.presentation.schemas import warning_text
from tabsmith.presentation.spans import Line, plain_text
from tabsmith.presentation.tables import reading_line
from tabsmith.reports.findings_chart import findings_chart
from tabsmith.reports.importance_chart import importance_chart
from tabsmith.reports.outcome_chart import outcome_chart
from tabsmith.statistics.findings import FindingsTable
from tabsmith.statistics.kept.session import FindingsSession, KeptFindings, significance_sentence
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import describe_source
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean, clean_block, plural

LARGEST: Final = 1_000_000
"""Bytes of a page; pictures and the last rows of long tables are left out to keep it, which the page says."""

_ROOM_FOR_PICTURES: Final = 600_000  # bytes of base64
_MOST_COLUMNS: Final = 300
_MOST_ROWS: Final = 60  # of a table of findings
_MOST_FINDINGS: Final = 40
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#20262e;background:#fbfaf7}
h1{font-size:1.6rem}h2{margin-top:2.2rem;border-bottom:1px solid #ccc}h3{margin-top:1.6rem}
table{border-collapse:collapse;font-size:.88rem;display:block;overflow-x:auto}
th,td{padding:.15rem .6rem;text-align:left;border-bottom:1px solid #e4e3de}td.n{text-align:right;white-space:nowrap}
pre{background:#f1f0eb;padding:.6rem;overflow-x:auto}img{max-width:100%}.q{color:#5d6670}.w{color:#9a4a00}
"""


class HtmlReport:
    """The parts of one page, put together in their order. Every text is escaped as it is added."""

    def __init__(self, title: str) -> None:
        self._title = clean(title, 200)
        self._parts: list[str] = []
        self._room = _ROOM_FOR_PICTURES
        self._left_out = 0

    def add_table(self, info: TableInfo, schema: Schema | None) -> None:
        """Add what the table is: its source, how it was read, each column with its kind, role and profile."""
        self._heading("The table")
        self._sentence(
            f"{describe_source(info.source)}: {plural(info.rows, 'row')}, {plural(len(info.profile.columns), 'column')}."
        )
        if read := reading_line(info):
            self._sentence(f"Read as {read}.")
        if info.rejected_count or info.repaired_count:
            self._sentence(
                f"{plural(info.rejected_count, 'line')} rejected, {formatting.count(info.repaired_count)} repaired.",
                "w",
            )
        kinds = {column.name: column for column in schema.columns} if schema else {}
        rows: list[list[str]] = []
        for column in info.profile.columns[:_MOST_COLUMNS]:
            known = kinds.get(column.name)
            numbers = column.numbers
            rows.append(
                [
                    column.name,
                    known.kind if known else column.storage,
                    known.role if known else "",
                    formatting.percent(column.missing_share),
                    formatting.count(column.distinct),
                    formatting.number(numbers.mean) if numbers and column.storage in {"integer", "float"} else "",
                    formatting.sparkline([float(count) for count in numbers.bins], 16) if numbers else "",
                    ", ".join(value.text for value in column.top[:3]),
                    "; ".join(warning_text(warning) for warning in known.warnings) if known else "",
                ]
            )
        heads = ("column", "kind", "role", "missing", "distinct", "mean", "distribution", "most frequent", "warnings")
        self._table(heads, rows)
        if len(info.profile.columns) > _MOST_COLUMNS:
            self._sentence(f"+{plural(len(info.profile.columns) - _MOST_COLUMNS, 'more column')}", "q")

    def add_findings(self, session: FindingsSession) -> None:
        """Add what was asked of the table: the pinned answers, or the latest ones if none is pinned."""
        chosen = [kept for kept in session.kept if kept.pinned] or list(session.kept)
        if not chosen:
            return
        self._heading("Answers")
        for kept in chosen[-_MOST_FINDINGS:]:
            self._finding(session, kept)

    def _finding(self, session: FindingsSession, kept: KeptFindings) -> None:
        found = kept.findings
        self._parts.append(f"<h3>{_escaped(findings_title(kept))}</h3>")
        if kept.question:
            self._sentence(f"Asked: {kept.question}", "q")
        for sentence in found.sentences:
            self._sentence(sentence)
        for note in found.notes:
            self._sentence(note, "w")
        if corrected := significance_sentence(session, kept.number):
            self._sentence(corrected)
        if found.picture is not None:
            self._picture(lambda: findings_chart(found), found.picture.title)
        for table in found.tables:
            self._findings_table(table)
        self._sentence(rows_sentence(found), "q")
        if found.code:
            self._code(found.code)

    def add_model(self, report: ModelReport, examples: str = "") -> None:
        """Add what a model is worth: its scores, members, what it uses, where it errs, and how it is used again."""
        self._heading(f"The model {model_subject(report)}")
        lines: list[Line] = [
            *headline(report), *further_scores(report), *baseline_lines(report), cross_validation(report),
            *member_lines(report), *caution_lines(report),
        ]  # fmt: skip
        self._parts.append(f"<pre>{_escaped_block(plain_text(lines))}</pre>")
        self._picture(lambda: importance_chart(report), "what the model relies on")
        self._picture(lambda: outcome_chart(report), "prediction and truth")
        self._code(examples or usage_examples(report, None))

    def page(self) -> str:
        """The page as HTML. It holds no script, and its policy forbids all but its own style and pictures."""
        left = f"<p class=q>{plural(self._left_out, 'picture')} left out.</p>" if self._left_out else ""
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        head = (
            f'<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv="Content-Security-Policy" '
            f'content="{policy}"><meta name=viewport content="width=device-width"><title>{_escaped(self._title)}</title>'
            f"<style>{_STYLE}</style><h1>{_escaped(self._title)}</h1>"
        )
        parts = list(self._parts)
        room = LARGEST - len(head.encode()) - len(left.encode()) - 200
        kept: list[str] = []
        for part in parts:
            room -= len(part.encode()) + 1
            if room < 0:
                kept.append("<p class=w>The rest is left out: the page would be over a megabyte.</p>")
                break
            kept.append(part)
        return "\n".join([head, *kept, left, "</html>", ""])

    def _heading(self, text: str) -> None:
        self._parts.append(f"<h2>{_escaped(text)}</h2>")

    def _sentence(self, text: str, style: str = "") -> None:
        self._parts.append(f"<p{f' class={style}' if style else ''}>{_escaped(text, 2_000)}</p>")

    def _code(self, text: str) -> None:
        self._parts.append(f"<pre>{_escaped_block(text.strip())}</pre>")

    def _findings_table(self, table: FindingsTable) -> None:
        if table.title:
            self._sentence(table.title)
        self._table(table.columns, [[cell_text(cell) for cell in row] for row in table.rows[:_MOST_ROWS]])
        if len(table.rows) > _MOST_ROWS:
            self._sentence(f"+{plural(len(table.rows) - _MOST_ROWS, 'more row')}", "q")

    def _table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        head = "".join(f"<th>{_escaped(name, 60)}" for name in heads)
        body = "".join("<tr>" + "".join(f"<td>{_escaped(cell, 200)}" for cell in row) for row in rows)
        self._parts.append(f"<table><tr>{head}{body}</table>")

    def _picture(self, draw: Callable[[], bytes], about: str) -> None:
        """Add a picture, or say why there is none."""
        try:
            picture = base64.b64encode(draw()).decode()
        except TabsmithError as error:
            self._sentence(f"{error.what} {error.next_step}", "q")
            return
        if len(picture) > self._room:
            self._left_out += 1
            return
        self._room -= len(picture)
        self._parts.append(f'<p><img alt="{_escaped(about, 120)}" src="data:image/png;base64,{picture}">')


def _escaped(text: object, limit: int = 400) -> str:
    return html.escape(clean(text, limit))


def _escaped_block(text: str) -> str:
    return html.escape(clean_block(text))
