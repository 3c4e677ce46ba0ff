"""A line of the plain terminal as the reply to a run's question. Words for the agent are led by `brief`, so that a slip
of the fingers is never told to it."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from tabsmith.errors import UsageError
from tabsmith.orchestration.decisions import DecisionAction
from tabsmith.orchestration.questions import ChangeBrief, Continue, Decide, Question, Reply, Skip
from tabsmith.runs import replying
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean

_BRIEF: Final = re.compile(r"brief[:\s]+(?P<text>\S.*)", re.IGNORECASE | re.DOTALL)
_WORDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "continue": ("continue",),
        "brief": ("brief TEXT",),
        "skip": ("skip",),
        "decide": get_args(DecisionAction),
        "end": ("stop",),
    }
)
_ACTIONS: Final[Mapping[type, str]] = MappingProxyType({ChangeBrief: "brief", Skip: "skip", Decide: "decide"})
_SHORT: Final = ("c", "y")


def reply(text: str, run: RunSnapshot) -> Reply:
    """What `text` replies to the open question of `run`. Raises UsageError, saying what is understood."""
    question = replying.open_question(run)
    if question is None:
        return replying.reply(text, run)  # which says that nothing is asked
    words = " ".join(text.lower().split())
    told = _BRIEF.fullmatch(text.strip())
    short = words in _SHORT and question.cause != "permission"
    meant: Reply | None = Continue() if short else None
    what = f"{clean(text, 60)!r} is no answer to this." if words else "Nothing was answered."
    try:
        if told is not None:
            meant = replying.brief(told["text"], run)
        elif words and meant is None:
            meant = replying.reply(text, run)
    except UsageError as error:
        what = error.what
    slip = isinstance(meant, ChangeBrief) and told is None
    taken = replying.takes(run)
    if meant is None or slip or not taken[_ACTIONS.get(type(meant), "answer")]:
        raise UsageError(what, next_step=f"Understood are: {understood(question, run)}.")
    return meant


def understood(question: Question, run: RunSnapshot) -> str:
    """What can be answered, in words."""
    amounts = {"": (), "dollars": ("$5", "5.00", "+2"), "seconds": ("+2 min", "20 more")}
    parts = [*amounts.get(question.limit, ("+20", "20 more", "100"))]
    parts += replying.PERMITS if question.cause == "permission" else ()
    open_now = replying.takes(run)
    for action, words in _WORDS.items():
        parts += words if open_now[action] else ()
    return ", ".join(parts)
