"""The bar that asks a run's question, with the keys that answer it."""

from collections.abc import Mapping
from typing import Final

from tabsmith.orchestration.decisions import Question
from tabsmith.presentation import budgets
from tabsmith.presentation.labels import CAUSES
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.runs import replies
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block
from tabsmith_tui.views.lines import wrap

_MOST_WHAT: Final = 3
_MOST_DETAILS: Final = 3


def question_lines(snapshot: RunSnapshot, now: float, width: int, keys: Mapping[str, str]) -> tuple[Line, ...]:
    """The bar in lines of `width` cells: what happened, more of it, what it cost so far, the keys that answer.
    `keys` are those keys by action; none in a replay."""
    question = replies.open_question(snapshot)
    if question is None:
        return ()
    head = f"? {CAUSES[question.cause]}  "
    first, *more = wrap(clean(question.what, 600), max(10, width - len(head)), _MOST_WHAT)
    lines: list[Line] = [(Span(head, "warn"), Span(first, "strong"))]
    lines.extend((Span(" " * len(head)), Span(part, "strong")) for part in more)
    details = _details(question)
    if details:
        parts = [part for detail in details.splitlines() for part in wrap(detail, max(10, width - 2))]
        over = len(parts) - _MOST_DETAILS
        parts = [*parts[: _MOST_DETAILS - 1], f"+{over + 1} lines"] if over > 0 else parts
        lines.extend((Span("  "), Span(part)) for part in parts)
    lines.extend(line(f"  {part}", "dim") for part in wrap(budgets.used_so_far(snapshot, now), max(10, width - 2)))
    lines.extend(_keys(question, snapshot, keys, width))
    return tuple(lines)


def _details(question: Question) -> str:
    details = clean_block(question.details, 2_000).replace("\t", " ").strip()
    if question.condition and question.condition not in question.what:
        return f"when {clean(question.condition, 200)}\n{details}".strip()
    return details


def _keys(question: Question, snapshot: RunSnapshot, keys: Mapping[str, str], width: int) -> list[Line]:
    """The answers with their keys, in as many lines as they take."""
    labels = {
        "answer": f"{replies.AMOUNT_EXAMPLES[question.limit]} …"
        if question.limit
        else "yes, no, always"
        if question.cause == "permission"
        else "answer in words",
        "allow_once": "yes, once",
        "allow_no": "no",
        "allow_always": "always",
        "continue": "without this limit"
        if question.limit
        else "fit it"
        if question.cause == "proposal"
        else "continue",
        "brief": "refuse, and say why" if question.cause == "permission" else "change the brief",
        "skip": "skip this one",
        "decide": "different decision",
        "end": "stop",
    }
    lines: list[Line] = []
    spans: list[Span] = []
    taken = 0
    taken_now = replies.accepted_actions(snapshot)
    for action in replies.REPLY_ACTIONS:
        if not taken_now[action] or action not in keys:
            continue
        pieces = [span(keys[action], "accent", 12), Span(f" {labels[action]}   ")]
        size = sum(len(piece.text) for piece in pieces)
        if spans and taken + size > width - 2:
            lines.append((Span("  "), *spans))
            spans, taken = [], 0
        spans.extend(pieces)
        taken += size
    return [*lines, (Span("  "), *spans)] if spans else lines
