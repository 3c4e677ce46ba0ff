"""The line above a run: what it is, where it stands, how much of its budget is used."""

import math
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tables.sources import describe
from tabsmith.text import clean
from tabsmith_tui import numbers
from tabsmith_tui.views import commands
from tabsmith_tui.views.commands import Pending
from tabsmith_tui.views.lines import Line, Span, Tone
from tabsmith_tui.views.score_plot import direction

_FIRST_WARNING: Final = 0.80
_LAST_WARNING: Final = 0.95
_EVIDENCE: Final = 3  # finished tries before a length of time is guessed

Level: TypeAlias = Literal["fine", "warn", "last"]


class Header(msgspec.Struct, frozen=True):
    """What stands at the top of the dashboard."""

    title: str
    metric: str  # with its direction; empty while it is not known
    state: RunState
    doing: str  # what it is doing, or what was asked and is not confirmed
    elapsed: str


class Budget(msgspec.Struct, frozen=True):
    """One limit of the run: how much of it is used."""

    name: str
    used: str
    limit: str
    share: float
    level: Level


def header(snapshot: RunSnapshot, run_id: str, pending: Pending | None, now: float) -> Header:
    """The header of `snapshot` at the time `now`."""
    parts = [f"run {short_id(run_id)}"]
    if snapshot.spec is not None:
        parts.append(clean(describe(snapshot.spec.source), 40))
    if snapshot.schema is not None and snapshot.schema.target:
        parts.append(clean(snapshot.schema.target, 40))
    asked = commands.pending_words(pending, snapshot, now)
    return Header(
        title=" · ".join(parts),
        metric=direction(snapshot.metric) if snapshot.metric else "",
        state=commands.shown_state(snapshot, pending),
        doing=asked or clean(snapshot.message, 120),
        elapsed=elapsed(snapshot, now),
    )


def short_id(run_id: str) -> str:
    """The last part of a run's id, which is enough to tell it from others: `7f3a9c`."""
    return clean(run_id.rsplit("-", 1)[-1], 20) or numbers.UNKNOWN


def elapsed(snapshot: RunSnapshot, now: float) -> str:
    """`3:12 of 10:00`; pauses are not counted."""
    if not snapshot.started_at:
        return numbers.UNKNOWN
    active = numbers.clock(snapshot.active_seconds(now))
    return f"{active} of {numbers.clock(snapshot.limits.seconds)}" if snapshot.limits.seconds > 0 else active


def budgets(snapshot: RunSnapshot, now: float) -> tuple[Budget, ...]:
    """Every limit that the run has, time first."""
    found: list[Budget] = []
    limits = snapshot.limits
    if limits.seconds > 0:
        active = snapshot.active_seconds(now) if snapshot.started_at else 0.0
        found.append(_budget("time", numbers.clock(active), numbers.clock(limits.seconds), active / limits.seconds))
    if limits.iterations > 0:
        done = sum(each.state in ("scored", "refused", "failed") for each in snapshot.tries)
        used = done / limits.iterations
        found.append(_budget("iterations", numbers.count(done), numbers.count(limits.iterations), used))
    if limits.dollars:
        # What was spent is not in the journal of a run without a paid agent: it is unknown, never $0.
        found.append(Budget("cost", numbers.UNKNOWN, f"${clean(limits.dollars, 12)}", 0.0, "fine"))
    return tuple(found)


def time_left(snapshot: RunSnapshot, now: float) -> str:
    """`about 4 min 10 s left`, once there is evidence; `at most 1 min left` from the time limit; else empty."""
    if snapshot.state.ended or snapshot.state in (RunState.PAUSED, RunState.ASKING) or not snapshot.started_at:
        return ""
    limits = snapshot.limits
    at_most = limits.seconds - snapshot.active_seconds(now) if limits.seconds > 0 else None
    if at_most is not None and at_most <= 0:
        return "time is up, finishing"
    finished = [each.seconds for each in snapshot.tries if each.state == "scored" and each.seconds > 0]
    if limits.iterations > 0 and len(finished) >= _EVIDENCE:
        done = sum(each.state in ("scored", "refused", "failed") for each in snapshot.tries)
        guess = sum(finished) / len(finished) * max(0, limits.iterations - done)
        left = guess if at_most is None else min(guess, at_most)
        return f"about {numbers.duration(_coarse(left))} left"
    return f"at most {numbers.duration(_coarse(at_most))} left" if at_most is not None else ""


def budget_line(shown: tuple[Budget, ...], left: str, width: int) -> Line:
    """All budgets in one line of `width` cells: a bar each, as wide as there is room for."""
    if not shown:
        return (Span("no limit: stop it with x", "dim"),)
    texts = [f"{each.name} {each.used} of {each.limit}" for each in shown]
    tail = f"   {left}" if left else ""
    room = width - sum(len(text) + 10 for text in texts) - len(tail)
    if room < 4 * len(shown):
        tail, room = "", width - sum(len(text) + 10 for text in texts)
    bar = max(0, min(24, room // len(shown)))
    spans: list[Span] = []
    for each, text in zip(shown, texts, strict=True):
        if spans:
            spans.append(Span("   "))
        spans.extend([Span(text + " "), *_bar(each, bar)])
        if each.used != numbers.UNKNOWN:
            spans.append(Span(f" {min(999, each.share * 100):.0f} %", _TONES[each.level]))
    return (*spans, Span(tail, "dim"))


_TONES: Final[dict[Level, Tone]] = {"fine": "plain", "warn": "warn", "last": "bad"}


def _bar(shown: Budget, width: int) -> list[Span]:
    filled = min(width, round(max(0.0, shown.share) * width))
    tone: Tone = "accent" if shown.level == "fine" else _TONES[shown.level]
    return [Span("━" * filled, tone), Span("─" * (width - filled), "dim")]


def _budget(name: str, used: str, limit: str, share: float) -> Budget:
    level: Level = "last" if share >= _LAST_WARNING else "warn" if share >= _FIRST_WARNING else "fine"
    return Budget(name, used, limit, share, level)


def _coarse(seconds: float) -> float:
    """A guess says no more digits than it knows: to 5 seconds below two minutes, to half a minute above."""
    step = 1 if seconds < 10 else 5 if seconds < 120 else 30 if seconds < 3600 else 300
    return math.ceil(seconds / step) * step
