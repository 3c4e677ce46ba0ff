"""A question of a run: the bar that asks it, the answers it takes, and how what is typed becomes one of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from tabsmith.errors import UsageError
from tabsmith.orchestration.decisions import Action
from tabsmith.orchestration.questions import (
    Allow,
    Cause,
    ChangeBrief,
    Continue,
    Decide,
    End,
    Extend,
    LimitName,
    Question,
    Reply,
    Skip,
)
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block, plural
from tabsmith_tui import numbers
from tabsmith_tui.views import header, spending
from tabsmith_tui.views.lines import Line, Span, line, span, wrap

_MOST_WHAT: Final = 3
_MOST_DETAILS: Final = 3
_CAUSES: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        "breakpoint": "breakpoint",
        "budget": "budget",
        "escalation": "needs you",
        "checkpoint": "checkpoint",
        "proposal": "proposal",
        "permission": "permission",
    }
)
ANSWERS: Final = ("answer", "continue", "brief", "skip", "decide", "end")
"""The screen's actions that answer a question, in the order in which the bar names them."""
ALLOWS: Final = ("allow_once", "allow_no", "allow_always")
"""Those that answer for a permission."""
KEYED: Final = (*ALLOWS, *ANSWERS)

_CONTINUE: Final = frozenset({"continue", "go on", "yes", "ok"})
_END: Final = frozenset({"stop", "end"})
PERMITS: Final[Mapping[str, Allow]] = MappingProxyType(
    {"yes": Allow("once"), "no": Allow("no"), "always": Allow("always")}
)
"""What answers for a permission, in a word."""
_ALSO: Final[Mapping[str, str]] = MappingProxyType({"y": "yes", "once": "yes", "ok": "yes", "n": "no", "a": "always"})
_NO_PERMIT: Final = frozenset({*_CONTINUE, "skip", *get_args(Action)})  # said of iterations
_EXAMPLES: Final[Mapping[LimitName, str]] = MappingProxyType(
    {
        "dollars": "$5, 5.00, +2",
        "tokens": "+100k, 500,000",
        "iterations": "20 more, 40",
        "seconds": "+2 min, 20 more",
        "failures": "+3, 5",
    }
)


def open_question(snapshot: RunSnapshot) -> Question | None:
    """What the run asks now; None while it asks nothing."""
    return snapshot.question if snapshot.state is RunState.ASKING else None


def takes(snapshot: RunSnapshot) -> Mapping[str, bool]:
    """The screen's actions that answer, and whether the question takes them."""
    question = open_question(snapshot)
    asks = question is not None
    # A spent limit is no matter of one iteration: only more of it, or none, lets the run go on. Nor is a permission.
    of_iteration = question is not None and not question.limit and question.cause != "permission"
    return {
        **dict.fromkeys(ALLOWS, permits(snapshot)),
        "answer": asks,
        "continue": asks and not permits(snapshot),
        "brief": question is not None and not question.limit,
        "skip": of_iteration,
        "decide": of_iteration,
        "end": asks,
    }


def permits(snapshot: RunSnapshot) -> bool:
    """Whether a permission is asked for, which takes yes, no or always."""
    question = open_question(snapshot)
    return question is not None and question.cause == "permission"


def bar(snapshot: RunSnapshot, now: float, width: int, keys: Mapping[str, str]) -> tuple[Line, ...]:
    """The bar in lines of `width` cells: what happened, more of it, what it cost so far, the keys that answer.
    `keys` are those keys by action; none in a replay."""
    question = open_question(snapshot)
    if question is None:
        return ()
    head = f"? {_CAUSES[question.cause]}  "
    first, *more = wrap(clean(question.what, 600), max(10, width - len(head)), _MOST_WHAT)
    lines: list[Line] = [(Span(head, "warn"), Span(first, "strong"))]
    lines.extend((Span(" " * len(head)), Span(part, "strong")) for part in more)
    details = _details(question)
    if details:
        parts = [part for each in details.splitlines() for part in wrap(each, max(10, width - 2))]
        over = len(parts) - _MOST_DETAILS
        parts = [*parts[: _MOST_DETAILS - 1], f"+{over + 1} lines"] if over > 0 else parts
        lines.extend((Span("  "), Span(part)) for part in parts)
    lines.extend(line(f"  {part}", "dim") for part in wrap(so_far(snapshot, now), max(10, width - 2)))
    lines.extend(_keys(question, snapshot, keys, width))
    return tuple(lines)


def so_far(snapshot: RunSnapshot, now: float) -> str:
    """What the run has cost up to now: `so far 12 iterations, 3:12 of 10:00, 85.3k tokens, $0.42 of $2.00`."""
    parts = [plural(len(snapshot.tries), "iteration"), header.elapsed(snapshot, now)]
    if spending.speaks(snapshot):
        limits, usage = snapshot.limits, snapshot.usage
        tokens = spending.tokens(usage.tokens) if usage.turns else numbers.UNKNOWN
        parts.append(f"{tokens} {f'of {spending.tokens(limits.tokens)} ' if limits.tokens else ''}tokens")
        parts.append(header.cost(snapshot) or f"cost {numbers.UNKNOWN}")
    return f"so far {', '.join(parts)}"


def reply(text: str, snapshot: RunSnapshot) -> Reply:
    """What a typed answer means: an amount where a limit is spent, a word for an answer, else what the agent is told.
    For a permission yes, no or always; other words refuse it and are told to the agent.

    Nothing typed is "go on", but not where a limit is spent: that takes an amount, or the word. Raises UsageError.
    """
    question = open_question(snapshot)
    if question is None:
        raise UsageError("The run asks nothing any more.", next_step="Go on as it stands.")
    words = " ".join(text.lower().split())
    if question.cause == "permission":
        return _permit(words, text, snapshot)
    answer = _in_a_word(words, question)
    if answer is not None:
        return answer
    if question.limit:
        if not words:
            raise UsageError("How much more?", next_step=f"Write {_EXAMPLES[question.limit]}; or continue, skip, stop.")
        return Extend(question.limit, spending.new_limit(text, question.limit, snapshot))
    if not words:
        return Continue()
    return brief(text, snapshot)


def brief(text: str, snapshot: RunSnapshot) -> ChangeBrief:
    """What the agent is told from now on. Raises UsageError for nothing, and where the search alone proposes."""
    if not text.strip():
        raise UsageError("Nothing was written.", next_step="Write what the agent is to know, or escape.")
    if not spending.speaks(snapshot):
        raise UsageError("The search reads no brief.", next_step="Write continue, skip or stop.")
    return ChangeBrief(clean_block(text.strip(), 4_000))


def placeholder(snapshot: RunSnapshot) -> str:
    """What may be typed, by example."""
    question = open_question(snapshot)
    if permits(snapshot):
        return "yes, no, always; other words refuse it, and the agent is told them"
    if question is not None and question.limit:
        return f"{_EXAMPLES[question.limit]}; or continue, skip, stop"
    if spending.speaks(snapshot):
        return "enter goes on; or skip, stop, words for the agent"
    return "enter goes on; or skip, stop"


def _permit(words: str, text: str, snapshot: RunSnapshot) -> Reply:
    """Yes, no, always; whatever else is written refuses, too, and tells the agent why."""
    permit = PERMITS.get(_ALSO.get(words, words))
    if permit is not None:
        return permit
    if words in _END:
        return End()
    if not words or words in _NO_PERMIT:
        raise UsageError("Is it allowed?", next_step="Write yes (this once), always, or no; or stop.")
    return brief(text, snapshot)


def _in_a_word(words: str, question: Question) -> Reply | None:
    if words in _CONTINUE:
        return Continue()
    if words == "skip":
        return Skip()
    if words in _END:
        return End()
    actions: tuple[Action, ...] = get_args(Action)
    action = next((each for each in actions if each == words), None)
    return Decide(action) if action is not None and not question.limit else None


def _details(question: Question) -> str:
    details = clean_block(question.details, 2_000).replace("\t", " ").strip()
    if question.condition and question.condition not in question.what:
        return f"when {clean(question.condition, 200)}\n{details}".strip()
    return details


def _keys(question: Question, snapshot: RunSnapshot, keys: Mapping[str, str], width: int) -> list[Line]:
    """The answers with their keys, in as many lines as they take."""
    labels = {
        "answer": f"{_EXAMPLES[question.limit]} …"
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
        "decide": "decide otherwise",
        "end": "stop",
    }
    lines: list[Line] = []
    spans: list[Span] = []
    taken = 0
    taken_now = takes(snapshot)
    for action in KEYED:
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
