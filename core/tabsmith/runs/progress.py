"""How far a run has come against its limits: time, cost, what is left; in the words of every surface."""

import math
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith import formatting
from tabsmith.runs import spending
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean

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


def short_id(run_id: str) -> str:
    """The last part of a run's id, which is enough to tell it from others: `7f3a9c`."""
    return clean(run_id.rsplit("-", 1)[-1], 20) or formatting.UNKNOWN


def elapsed(snapshot: RunSnapshot, now: float) -> str:
    """`3:12 of 10:00`; pauses are not counted."""
    if not snapshot.started_at:
        return formatting.UNKNOWN
    active = formatting.clock(snapshot.active_seconds(now))
    return f"{active} of {formatting.clock(snapshot.limits.seconds)}" if snapshot.limits.seconds > 0 else active


def cost(snapshot: RunSnapshot) -> str:
    """`$0.42 of $2.00`; empty where nothing was asked and no limit of dollars is set."""
    spent = dollar_use(snapshot)
    if spent is not None:
        return f"{'cost ' if spent.used == formatting.UNKNOWN else ''}{spent.used} of {spent.limit}"
    return spending.cost(snapshot.usage) if snapshot.usage.turns else ""


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
        known = spending.tokens(tokens) if snapshot.usage.turns else formatting.UNKNOWN
        found.append(_budget("tokens", known, spending.tokens(limits.tokens), share))
    if limits.failures > 0:
        failures = snapshot.failures
        # One failure of three is no third of a budget that runs out: only the last one left is a warning.
        level: LimitLevel = "warn" if failures and failures >= limits.failures - 1 else "fine"
        share = failures / limits.failures
        found.append(LimitUse("failures", formatting.count(failures), f"{limits.failures} in a row", share, level))
    return tuple(found)


def dollar_use(snapshot: RunSnapshot) -> LimitUse | None:
    """What was spent of the limit, as far as it is known: a price that is not known is never $0."""
    limit = Decimal(snapshot.limits.dollars or 0)
    if not limit:
        return None
    share = float(snapshot.usage.cost / limit)
    return _budget("cost", spending.cost(snapshot.usage), spending.money(limit), share)


def time_left(snapshot: RunSnapshot, now: float) -> str:
    """`about 4 min 10 s left`, once there is evidence; `at most 1 min left` from the time limit; else empty."""
    if snapshot.state.ended or snapshot.state in (RunState.PAUSED, RunState.ASKING) or not snapshot.started_at:
        return ""
    limits = snapshot.limits
    at_most = limits.seconds - snapshot.active_seconds(now) if limits.seconds > 0 else None
    if at_most is not None and at_most <= 0:
        return "time is up, finishing"
    finished = [each.seconds for each in snapshot.trials if each.state == "scored" and each.seconds > 0]
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
