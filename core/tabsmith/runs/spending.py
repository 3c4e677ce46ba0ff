"""What a run has used of its limits, and the new limits that a person asks for in words."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tabsmith.orchestration.limits.amounts import parse_amount
from tabsmith.orchestration.questions import LimitName
from tabsmith.runs.commands import SetLimit
from tabsmith.runs.snapshot import FINISHED_STATES, RunSnapshot

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


def spent(snapshot: RunSnapshot, limit: LimitName) -> Decimal:
    """How much of a limit is used, as far as it is known."""
    match limit:
        case "seconds":
            return Decimal(str(round(snapshot.active_seconds(snapshot.updated_at), 3)))
        case "dollars":
            return snapshot.usage.cost
        case "tokens":
            return Decimal(snapshot.usage.tokens)
        case "iterations":
            return Decimal(sum(each.state in FINISHED_STATES for each in snapshot.trials))
        case "failures":
            return Decimal(next((each.facts.failures for each in reversed(snapshot.trials) if each.facts), 0))


def limit_in_force(snapshot: RunSnapshot, limit: LimitName) -> Decimal:
    """The limit itself; 0 for none."""
    limits = snapshot.limits
    match limit:
        case "seconds":
            return Decimal(str(limits.seconds))
        case "dollars":
            return Decimal(limits.dollars or 0)
        case "tokens":
            return Decimal(limits.tokens)
        case "iterations":
            return Decimal(limits.iterations)
        case "failures":
            return Decimal(limits.failures)


def new_limit(text: str, limit: LimitName, snapshot: RunSnapshot) -> str:
    """The limit that `text` asks for, a decimal. Raises UsageError for no amount, and for one that is used up."""
    return parse_amount(text, limit, limit_in_force(snapshot, limit), spent=spent(snapshot, limit))


def more(text: str, snapshot: RunSnapshot) -> SetLimit:
    """The limit that `$5`, `+20 iterations`, `100k more token_count` or a length of time asks for: a sign or a noun says
    which, and without one it is time. Raises UsageError for anything else."""
    wanted = text.lower()
    limit: LimitName = next((limit for limit, named in _NAMED.items() if named.search(wanted)), "seconds")
    return SetLimit(limit=limit, to=new_limit(text, limit, snapshot))
