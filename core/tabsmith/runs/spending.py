"""Tokens and money as people read and write them: short, and what is not known is said and never 0."""

import re
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Final

from tabsmith import formatting
from tabsmith.agents.usage import Usage
from tabsmith.limits import LimitName
from tabsmith.orchestration.limits.amounts import parse_amount
from tabsmith.runs.commands import SetLimit
from tabsmith.runs.snapshot import RunSnapshot

PRICE_UNKNOWN: Final = "price unknown"
_UNITS: Final = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))
_STEPS: Final = ((Decimal("0.1"), Decimal("0.01")), (Decimal("0.01"), Decimal("0.001")))
_LEAST: Final = Decimal("0.0001")
_NAMED: Final[Mapping[LimitName, re.Pattern[str]]] = MappingProxyType(
    {
        "dollars": re.compile(r"\$|dollar|usd|buck"),
        "iterations": re.compile(r"iteration|recipe|\btr(y|ies)\b"),
        "tokens": re.compile(r"token"),
        "failures": re.compile(r"failure"),
    }
)


def tokens(count: int | None) -> str:
    """`812`, `48.1k`, `1.2M`."""
    if count is None:
        return formatting.UNKNOWN
    for size, unit in _UNITS:
        if count >= size - size // 20_000:  # 999,950 and more is a whole one of the next unit when it is rounded
            return f"{count / size:.1f}{unit}"
    return str(count)


def money(dollars: Decimal) -> str:
    """`$12.40`, `$0.042`, `$0.0031`: in cents, below ten of them with more digits; $0.00 is nothing, exactly."""
    if 0 < dollars < _LEAST:
        return f"<${_LEAST}"
    step = next((step for least, step in _STEPS if dollars >= least), _LEAST if dollars else Decimal("0.01"))
    return f"${dollars.quantize(step, ROUND_HALF_EVEN):,f}"


def cost(usage: Usage) -> str:
    """What was spent: `$0.42`; `price unknown`, with the part that is known; — before any reply."""
    if not usage.turns:
        return formatting.UNKNOWN
    if not usage.unpriced:
        return money(usage.cost)
    return f"{money(usage.cost)} + {PRICE_UNKNOWN}" if usage.cost else PRICE_UNKNOWN


def cost_cell(usage: Usage) -> str:
    """`cost` in the few cells of a table: `≥$0.04` and `?` are what is known where a price is not."""
    if not usage.turns or not usage.unpriced:
        return cost(usage)
    known = usage.cost.quantize(Decimal("0.01"), ROUND_DOWN)
    return f"≥${known:,f}" if known else "?"


def in_and_out(usage: Usage) -> str:
    """`in 48.1k  out 6.2k  cache 31.0k`; dashes before any reply."""
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)
    shown = [tokens(count if usage.turns else None) for count in counts]
    return f"in {shown[0]}  out {shown[1]}  cache {shown[2]}"


def waited_seconds(snapshot: RunSnapshot) -> float:
    """Seconds that agents took to answer, all sessions that are over."""
    return sum(session.seconds for session in snapshot.sessions)


def uses_llm(snapshot: RunSnapshot) -> bool:
    """Whether the run has an agent that holds conversations, and so tokens, notes and retries."""
    return snapshot.planned != "search" or bool(snapshot.sessions)


def new_limit(text: str, limit: LimitName, snapshot: RunSnapshot) -> str:
    """The limit that `text` asks for, a decimal. Raises UsageError for no amount, and for one that is used up."""
    budget = snapshot.budget(snapshot.updated_at)
    return parse_amount(text, limit, budget.limits.value(limit), spent=budget.used(limit))


def more(text: str, snapshot: RunSnapshot) -> SetLimit:
    """The limit that `$5`, `+20 iterations`, `100k more tokens` or a length of time asks for: a sign or a noun says
    which, and without one it is time. Raises UsageError for anything else."""
    wanted = text.lower()
    limit: LimitName = next((limit for limit, named in _NAMED.items() if named.search(wanted)), "seconds")
    return SetLimit(limit=limit, to=new_limit(text, limit, snapshot))
