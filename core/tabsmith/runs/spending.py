"""What a run has used of its limits, and the new limits that a person asks for in words."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tabsmith.limits import LimitName
from tabsmith.orchestration.limits.amounts import parse_amount
from tabsmith.runs.commands import SetLimit
from tabsmith.runs.snapshot import RunSnapshot

_NAMED: Final[Mapping[LimitName, re.Pattern[str]]] = MappingProxyType(
    {
        "dollars": re.compile(r"\$|dollar|usd|buck"),
        "iterations": re.compile(r"iteration|recipe|\btr(y|ies)\b"),
        "tokens": re.compile(r"token"),
        "failures": re.compile(r"failure"),
    }
)


def uses_llm(snapshot: RunSnapshot) -> bool:
    """Whether the run has an agent that holds conversations, and so tokens, notes and retries."""
    return snapshot.planned != "search" or bool(snapshot.sessions)


def new_limit(text: str, limit: LimitName, snapshot: RunSnapshot) -> str:
    """The limit that `text` asks for, a decimal. Raises UsageError for no amount, and for one that is used up."""
    budget = snapshot.budget(snapshot.updated_at)
    return parse_amount(text, limit, budget.limits.value(limit), spent=budget.used(limit))


def more(text: str, snapshot: RunSnapshot) -> SetLimit:
    """The limit that `$5`, `+20 iterations`, `100k more token_count` or a length of time asks for: a sign or a noun says
    which, and without one it is time. Raises UsageError for anything else."""
    wanted = text.lower()
    limit: LimitName = next((limit for limit, named in _NAMED.items() if named.search(wanted)), "seconds")
    return SetLimit(limit=limit, to=new_limit(text, limit, snapshot))
