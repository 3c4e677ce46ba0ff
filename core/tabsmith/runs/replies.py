"""Replies to a run's question: which the question takes, and what typed words mean. Every surface replies by these rules.

`parse_reply` reads a line that was typed as the answer on a screen; `parse_line` reads a line of a plain terminal, where
words for the agent are led by `brief`, so that a slip of the fingers never reaches it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from tabsmith.errors import UsageError
from tabsmith.limits import LimitName
from tabsmith.orchestration.decisions import (
    AllowTool,
    ChangeBrief,
    Continue,
    Decide,
    DecisionAction,
    EndRun,
    Extend,
    Question,
    Reply,
    Skip,
)
from tabsmith.orchestration.limits import parse_amount
from tabsmith.runs.events import RunState, SetLimit
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block

ANSWER_ACTIONS: Final = ("answer", "continue", "brief", "skip", "decide", "end")
"""The screen's actions that answer a question, in the order in which the bar names them."""
PERMISSION_ACTIONS: Final = ("allow_once", "allow_no", "allow_always")
"""The screen's actions that answer a permission request."""
REPLY_ACTIONS: Final = (*PERMISSION_ACTIONS, *ANSWER_ACTIONS)
PERMISSION_WORDS: Final[Mapping[str, AllowTool]] = MappingProxyType(
    {"yes": AllowTool("once"), "no": AllowTool("no"), "always": AllowTool("always")}
)
"""The words that answer a permission request."""
AMOUNT_EXAMPLES: Final[Mapping[LimitName, str]] = MappingProxyType(
    {
        "dollars": "$5, 5.00, +2",
        "tokens": "+100k, 500,000",
        "iterations": "20 more, 40",
        "seconds": "+2 min, 20 more",
        "failures": "+3, 5",
    }
)

_CONTINUE: Final = frozenset({"continue", "go on", "yes", "ok"})
_END: Final = frozenset({"stop", "end"})
_PERMISSION_SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {"y": "yes", "once": "yes", "ok": "yes", "n": "no", "a": "always"}
)
_ABOUT_ITERATIONS: Final = frozenset({*_CONTINUE, "skip", *get_args(DecisionAction)})
_LIMIT_NOUNS: Final[Mapping[LimitName, re.Pattern[str]]] = MappingProxyType(
    {
        "dollars": re.compile(r"\$|dollar|usd|buck"),
        "iterations": re.compile(r"iteration|recipe|\btr(y|ies)\b"),
        "tokens": re.compile(r"token"),
        "failures": re.compile(r"failure"),
    }
)

# Of the plain terminal
_BRIEF: Final = re.compile(r"brief[:\s]+(?P<text>\S.*)", re.IGNORECASE | re.DOTALL)
_SHORT_CONTINUE: Final = ("c", "y")
_LINE_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "continue": ("continue",),
        "brief": ("brief TEXT",),
        "skip": ("skip",),
        "decide": get_args(DecisionAction),
        "end": ("stop",),
    }
)
_LINE_ACTIONS: Final[Mapping[type, str]] = MappingProxyType({ChangeBrief: "brief", Skip: "skip", Decide: "decide"})


def uses_llm(snapshot: RunSnapshot) -> bool:
    """Whether the run has an agent that holds conversations, and so tokens, notes and retries."""
    return snapshot.planned != "search" or bool(snapshot.sessions)


def open_question(snapshot: RunSnapshot) -> Question | None:
    """The question that the run asks now; None if it asks nothing."""
    return snapshot.question if snapshot.state is RunState.ASKING else None


def asks_permission(snapshot: RunSnapshot) -> bool:
    """Whether the open question is a permission request, which takes yes, no or always."""
    question = open_question(snapshot)
    return question is not None and question.cause == "permission"


def accepted_actions(snapshot: RunSnapshot) -> Mapping[str, bool]:
    """Each of `REPLY_ACTIONS`, and whether the open question takes it."""
    question = open_question(snapshot)
    asks, permission = question is not None, asks_permission(snapshot)
    # A used up limit is no matter of one iteration: only more of it, or none, lets the run go on. Nor is a permission.
    about_iteration = question is not None and not question.limit and not permission
    return {
        **dict.fromkeys(PERMISSION_ACTIONS, permission),
        "answer": asks,
        "continue": asks and not permission,
        "brief": question is not None and not question.limit,
        "skip": about_iteration,
        "decide": about_iteration,
        "end": asks,
    }


def placeholder(snapshot: RunSnapshot) -> str:
    """What may be typed as an answer, by example."""
    question = open_question(snapshot)
    if asks_permission(snapshot):
        return "yes, no, always; other words refuse it, and the agent is told them"
    if question is not None and question.limit:
        return f"{AMOUNT_EXAMPLES[question.limit]}; or continue, skip, stop"
    if uses_llm(snapshot):
        return "enter continues; or skip, stop, words for the agent"
    return "enter continues; or skip, stop"


def parse_reply(text: str, snapshot: RunSnapshot) -> Reply:
    """Return the reply that `text` means: an amount if a limit is used up, a word for an answer, else a brief for the
    agent. A permission request takes yes, no or always; other words refuse it and go to the agent.

    An empty text is "go on", but not if a limit is used up: that takes an amount, or the word. Raises UsageError.
    """
    question = open_question(snapshot)
    if question is None:
        raise UsageError("The run asks nothing any more.", next_step="There is nothing to answer.")
    words = " ".join(text.lower().split())
    if question.cause == "permission":
        return _parse_permission(words, text, snapshot)
    reply = _parse_word(words, question)
    if reply is not None:
        return reply
    if question.limit:
        if not words:
            examples = AMOUNT_EXAMPLES[question.limit]
            raise UsageError("How much more?", next_step=f"Write {examples}; or continue, skip, stop.")
        return Extend(question.limit, parse_limit(text, question.limit, snapshot))
    return parse_brief(text, snapshot) if words else Continue()


def parse_brief(text: str, snapshot: RunSnapshot) -> ChangeBrief:
    """Return the brief for the agent. Raises UsageError for an empty text, and in a run of search alone."""
    if not text.strip():
        raise UsageError("Nothing was written.", next_step="Write what the agent is to know, or escape.")
    if not uses_llm(snapshot):
        raise UsageError("The search reads no brief.", next_step="Write continue, skip or stop.")
    return ChangeBrief(clean_block(text.strip(), 4_000))


def parse_limit(text: str, limit: LimitName, snapshot: RunSnapshot) -> str:
    """Return the new value of `limit` that `text` asks for, as a decimal.

    Raises UsageError for a text that is no amount, and for a limit that would be used up already.
    """
    budget = snapshot.budget(snapshot.updated_at)
    return parse_amount(text, limit, budget.limits.value(limit), spent=budget.used(limit))


def parse_limit_change(text: str, snapshot: RunSnapshot) -> SetLimit:
    """Return the command for `$5`, `+20 iterations`, `100k more tokens` or a length of time. A sign or a noun says which
    limit is meant; without one it is time. Raises UsageError for anything else."""
    lowered = text.lower()
    limit: LimitName = next((name for name, noun in _LIMIT_NOUNS.items() if noun.search(lowered)), "seconds")
    return SetLimit(limit=limit, to=parse_limit(text, limit, snapshot))


def parse_line(text: str, snapshot: RunSnapshot) -> Reply:
    """Return the reply that a line of the plain terminal means. Raises UsageError, saying what the question takes."""
    question = open_question(snapshot)
    if question is None:
        return parse_reply(text, snapshot)  # raises: nothing is asked
    words = " ".join(text.lower().split())
    brief = _BRIEF.fullmatch(text.strip())
    reply: Reply | None = None
    problem = f"{clean(text, 60)!r} is no answer to this." if words else "Nothing was answered."
    try:
        if brief is not None:
            reply = parse_brief(brief["text"], snapshot)
        elif words in _SHORT_CONTINUE and question.cause != "permission":
            reply = Continue()
        elif words:
            reply = parse_reply(text, snapshot)
    except UsageError as error:
        problem = error.what
    is_slip = isinstance(reply, ChangeBrief) and brief is None
    if reply is None or is_slip or not accepted_actions(snapshot)[_LINE_ACTIONS.get(type(reply), "answer")]:
        raise UsageError(problem, next_step=f"Understood are: {accepted_words(question, snapshot)}.")
    return reply


def accepted_words(question: Question, snapshot: RunSnapshot) -> str:
    """What a line of the plain terminal may say to the question, separated by commas."""
    amounts = {"": (), "dollars": ("$5", "5.00", "+2"), "seconds": ("+2 min", "20 more")}
    parts = [*amounts.get(question.limit, ("+20", "20 more", "100"))]
    parts += PERMISSION_WORDS if question.cause == "permission" else ()
    accepted = accepted_actions(snapshot)
    for action, words in _LINE_WORDS.items():
        parts += words if accepted[action] else ()
    return ", ".join(parts)


def _parse_permission(words: str, text: str, snapshot: RunSnapshot) -> Reply:
    """The reply to a permission request; words that are none of its answers refuse it and tell the agent why."""
    permission = PERMISSION_WORDS.get(_PERMISSION_SYNONYMS.get(words, words))
    if permission is not None:
        return permission
    if words in _END:
        return EndRun()
    if not words or words in _ABOUT_ITERATIONS:
        raise UsageError("Is it allowed?", next_step="Write yes (this once), always, or no; or stop.")
    return parse_brief(text, snapshot)


def _parse_word(words: str, question: Question) -> Reply | None:
    """The reply that one word stands for; None for any other text."""
    if words in _CONTINUE:
        return Continue()
    if words == "skip":
        return Skip()
    if words in _END:
        return EndRun()
    actions: tuple[DecisionAction, ...] = get_args(DecisionAction)
    action = next((each for each in actions if each == words), None)
    return Decide(action) if action is not None and not question.limit else None
