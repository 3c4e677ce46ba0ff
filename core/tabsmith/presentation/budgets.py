"""Tokens, money and limits as people read them; what is not known is a dash or said, never 0."""

import math
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith import formatting
from tabsmith.agents.usage import Usage
from tabsmith.runs import replies
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, plural

PRICE_UNKNOWN: Final = "price unknown"
_UNITS: Final = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))
_STEPS: Final = ((Decimal("0.1"), Decimal("0.01")), (Decimal("0.01"), Decimal("0.001")))
_LEAST: Final = Decimal("0.0001")
_FIRST_WARNING: Final = 0.80
_LAST_WARNING: Final = 0.95
_EVIDENCE: Final = 3  # finished tries before a length of time is guessed
LimitLevel: TypeAlias = Literal["fine", "warn", "last"]


class LimitUse(msgspec.Struct, frozen=True):
    """One limit of the run: how much of it is used."""

    name: str
    used: str
    limit: str
    share: float
    level: LimitLevel


def short_run_id(run_id: str) -> str:
    """The last part of a run's id, which is enough to tell it from others: `7f3a9c`."""
    return clean(run_id.rsplit("-", 1)[-1], 20) or formatting.UNKNOWN


def elapsed(snapshot: RunSnapshot, now: float) -> str:
    """`3:12 of 10:00`; pauses are not counted."""
    if not snapshot.started_at:
        return formatting.UNKNOWN
    active = formatting.clock(snapshot.active_seconds(now))
    return f"{active} of {formatting.clock(snapshot.limits.seconds)}" if snapshot.limits.seconds > 0 else active


def run_cost(snapshot: RunSnapshot) -> str:
    """`$0.42 of $2.00`; empty where nothing was asked and no limit of dollars is set."""
    spent = dollar_use(snapshot)
    if spent is not None:
        return f"{'cost ' if spent.used == formatting.UNKNOWN else ''}{spent.used} of {spent.limit}"
    return usage_cost(snapshot.usage) if snapshot.usage.turns else ""


def limit_uses(snapshot: RunSnapshot, now: float) -> tuple[LimitUse, ...]:
    """Every limit that the run has, time first."""
    found: list[LimitUse] = []
    limits = snapshot.limits
    if limits.seconds > 0:
        active = snapshot.active_seconds(now) if snapshot.started_at else 0.0
        found.append(
            _budget("time", formatting.clock(active), formatting.clock(limits.seconds), active / limits.seconds)
        )
    if limits.iterations > 0:
        done = snapshot.budget(now).iterations
        used = done / limits.iterations
        found.append(_budget("iterations", formatting.count(done), formatting.count(limits.iterations), used))
    spent = dollar_use(snapshot)
    if spent is not None:
        found.append(spent)
    if limits.tokens > 0:
        tokens = snapshot.usage.tokens
        share = tokens / limits.tokens
        known = token_count(tokens) if snapshot.usage.turns else formatting.UNKNOWN
        found.append(_budget("tokens", known, token_count(limits.tokens), share))
    if limits.failures > 0:
        failures = snapshot.failures
        # One failure of three is no third of a budget that runs out: only the last one left is a warning.
        level: LimitLevel = "warn" if failures and failures >= limits.failures - 1 else "fine"
        share = failures / limits.failures
        found.append(LimitUse("failures", formatting.count(failures), f"{limits.failures} in a row", share, level))
    return tuple(found)


def dollar_use(snapshot: RunSnapshot) -> LimitUse | None:
    """The use of the limit of dollars, as far as it is known: an unknown price is never $0."""
    limit = Decimal(snapshot.limits.dollars or 0)
    if not limit:
        return None
    share = float(snapshot.usage.cost / limit)
    return _budget("cost", usage_cost(snapshot.usage), money(limit), share)


def time_left(snapshot: RunSnapshot, now: float) -> str:
    """`about 4 min 10 s left`, once there is evidence; `at most 1 min left` from the time limit; else empty."""
    if snapshot.state.ended or snapshot.state in (RunState.PAUSED, RunState.ASKING) or not snapshot.started_at:
        return ""
    limits = snapshot.limits
    at_most = limits.seconds - snapshot.active_seconds(now) if limits.seconds > 0 else None
    if at_most is not None and at_most <= 0:
        return "time is up, finishing"
    finished = [trial.seconds for trial in snapshot.trials if trial.state == "scored" and trial.seconds > 0]
    # An iteration of a task takes as long as its agent works, which says nothing of the next one.
    if limits.iterations > 0 and len(finished) >= _EVIDENCE and not snapshot.tasks:
        guess = sum(finished) / len(finished) * max(0, limits.iterations - snapshot.budget(now).iterations)
        left = guess if at_most is None else min(guess, at_most)
        return f"about {formatting.duration(_coarse(left))} left"
    return f"at most {formatting.duration(_coarse(at_most))} left" if at_most is not None else ""


def _budget(name: str, used: str, limit: str, share: float) -> LimitUse:
    level: LimitLevel = "last" if share >= _LAST_WARNING else "warn" if share >= _FIRST_WARNING else "fine"
    return LimitUse(name, used, limit, share, level)


def _coarse(seconds: float) -> float:
    """A guess says no more digits than it knows: to 5 seconds below two minutes, to half a minute above."""
    step = 1 if seconds < 10 else 5 if seconds < 120 else 30 if seconds < 3600 else 300
    return math.ceil(seconds / step) * step


def used_so_far(snapshot: RunSnapshot, now: float) -> str:
    """The cost of the run up to now: `so far 12 iterations, 3:12 of 10:00, 85.3k tokens, $0.42 of $2.00`."""
    parts = [plural(len(snapshot.trials), "iteration"), elapsed(snapshot, now)]
    if replies.uses_llm(snapshot):
        limits, usage = snapshot.limits, snapshot.usage
        tokens = token_count(usage.tokens) if usage.turns else formatting.UNKNOWN
        parts.append(f"{tokens} {f'of {token_count(limits.tokens)} ' if limits.tokens else ''}tokens")
        parts.append(run_cost(snapshot) or f"cost {formatting.UNKNOWN}")
    return f"so far {', '.join(parts)}"


def token_count(count: int | None) -> str:
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


def usage_cost(usage: Usage) -> str:
    """The cost: `$0.42`; `price unknown`, with the part that is known; — before any reply."""
    if not usage.turns:
        return formatting.UNKNOWN
    if not usage.unpriced:
        return money(usage.cost)
    return f"{money(usage.cost)} + {PRICE_UNKNOWN}" if usage.cost else PRICE_UNKNOWN


def usage_cost_cell(usage: Usage) -> str:
    """`usage_cost` in the few cells of a table: `≥$0.04` and `?` are what is known where a price is not."""
    if not usage.turns or not usage.unpriced:
        return usage_cost(usage)
    known = usage.cost.quantize(Decimal("0.01"), ROUND_DOWN)
    return f"≥${known:,f}" if known else "?"


def token_counts(usage: Usage) -> str:
    """`in 48.1k  out 6.2k  cache 31.0k`; dashes before any reply."""
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)
    shown = [token_count(count if usage.turns else None) for count in counts]
    return f"in {shown[0]}  out {shown[1]}  cache {shown[2]}"


def waited_seconds(snapshot: RunSnapshot) -> float:
    """Seconds that agents took to answer, all sessions that are over."""
    return sum(session.seconds for session in snapshot.sessions)
