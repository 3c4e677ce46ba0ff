"""A run's open question: whether there is one, which answers it takes, and how what is typed becomes one of them.

Every surface answers by these rules."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from tabsmith.errors import UsageError
from tabsmith.limits import LimitName
from tabsmith.orchestration.decisions import DecisionAction
from tabsmith.orchestration.questions import (
    AllowTool,
    ChangeBrief,
    Continue,
    Decide,
    EndRun,
    Extend,
    Question,
    Reply,
    Skip,
)
from tabsmith.runs import spending
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean_block

ANSWERS: Final = ("answer", "continue", "brief", "skip", "decide", "end")
"""The screen's actions that answer a question, in the order in which the bar names them."""
ALLOWS: Final = ("allow_once", "allow_no", "allow_always")
"""Those that answer for a permission."""
KEYED: Final = (*ALLOWS, *ANSWERS)
_CONTINUE: Final = frozenset({"continue", "go on", "yes", "ok"})
_END: Final = frozenset({"stop", "end"})
PERMITS: Final[Mapping[str, AllowTool]] = MappingProxyType(
    {"yes": AllowTool("once"), "no": AllowTool("no"), "always": AllowTool("always")}
)
"""What answers for a permission, in a word."""
_ALSO: Final[Mapping[str, str]] = MappingProxyType({"y": "yes", "once": "yes", "ok": "yes", "n": "no", "a": "always"})
_NO_PERMIT: Final = frozenset({*_CONTINUE, "skip", *get_args(DecisionAction)})  # said of iterations
EXAMPLES: Final[Mapping[LimitName, str]] = MappingProxyType(
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
            raise UsageError("How much more?", next_step=f"Write {EXAMPLES[question.limit]}; or continue, skip, stop.")
        return Extend(question.limit, spending.new_limit(text, question.limit, snapshot))
    if not words:
        return Continue()
    return brief(text, snapshot)


def brief(text: str, snapshot: RunSnapshot) -> ChangeBrief:
    """What the agent is told from now on. Raises UsageError for nothing, and where the search alone proposes."""
    if not text.strip():
        raise UsageError("Nothing was written.", next_step="Write what the agent is to know, or escape.")
    if not spending.uses_llm(snapshot):
        raise UsageError("The search reads no brief.", next_step="Write continue, skip or stop.")
    return ChangeBrief(clean_block(text.strip(), 4_000))


def placeholder(snapshot: RunSnapshot) -> str:
    """What may be typed, by example."""
    question = open_question(snapshot)
    if permits(snapshot):
        return "yes, no, always; other words refuse it, and the agent is told them"
    if question is not None and question.limit:
        return f"{EXAMPLES[question.limit]}; or continue, skip, stop"
    if spending.uses_llm(snapshot):
        return "enter goes on; or skip, stop, words for the agent"
    return "enter goes on; or skip, stop"


def _permit(words: str, text: str, snapshot: RunSnapshot) -> Reply:
    """Yes, no, always; whatever else is written refuses, too, and tells the agent why."""
    permit = PERMITS.get(_ALSO.get(words, words))
    if permit is not None:
        return permit
    if words in _END:
        return EndRun()
    if not words or words in _NO_PERMIT:
        raise UsageError("Is it allowed?", next_step="Write yes (this once), always, or no; or stop.")
    return brief(text, snapshot)


def _in_a_word(words: str, question: Question) -> Reply | None:
    if words in _CONTINUE:
        return Continue()
    if words == "skip":
        return Skip()
    if words in _END:
        return EndRun()
    actions: tuple[DecisionAction, ...] = get_args(DecisionAction)
    action = next((each for each in actions if each == words), None)
    return Decide(action) if action is not None and not question.limit else None
