"""The lines above a run: what it is, where it stands, how much of each limit is used."""

from typing import Final

import msgspec

from tabsmith import numbers
from tabsmith.runs import progress
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tables.sources import describe
from tabsmith.text import clean
from tabsmith_tui.views import commands, tasks
from tabsmith_tui.views.commands import Pending
from tabsmith_tui.views.lines import Line, Span, Tone
from tabsmith_tui.views.score_plot import direction


class Header(msgspec.Struct, frozen=True):
    """What stands at the top of the dashboard."""

    title: str
    metric: str  # with its direction; empty while it is not known
    state: RunState
    doing: str  # what it is doing, or what was asked and is not confirmed
    elapsed: str
    cost: str = ""  # of a run with an agent, or with a limit of dollars
    cost_tone: Tone = "plain"


def header(snapshot: RunSnapshot, run_id: str, pending: Pending | None, now: float) -> Header:
    """The header of `snapshot` at the time `now`."""
    parts = [f"run {progress.short_id(run_id)}"]
    if snapshot.spec is not None:
        parts.append(clean(describe(snapshot.spec.source), 40))
    if snapshot.schema is not None and snapshot.schema.target:
        parts.append(clean(snapshot.schema.target, 40))
    if snapshot.tasks:
        parts.append(tasks.progress(snapshot))
    asked = commands.pending_words(pending, snapshot, now)
    spent = progress.dollars(snapshot)
    return Header(
        title=" · ".join(parts),
        metric=direction(snapshot.metric) if snapshot.metric else "",
        state=commands.shown_state(snapshot, pending),
        doing=asked or ("" if snapshot.state is RunState.ASKING else clean(snapshot.message, 120)),  # the bar says it
        elapsed=progress.elapsed(snapshot, now),
        cost=progress.cost(snapshot),
        cost_tone=_TONES[spent.level] if spent else "plain",
    )


def budget_line(shown: tuple[progress.Budget, ...], left: str, width: int) -> Line:
    """All budgets in one line of `width` cells: a bar each, as wide as there is room for. Where there is none, bars go
    first, then what is fine: a warning stays."""
    if not shown:
        return (Span("no limit: stop it with x", "dim"),)
    shown, hidden = _fitting(shown, width)
    texts = [_words(each) for each in shown]
    more = f"   +{hidden} more" if hidden else ""
    tail = more or (f"   {left}" if left else "")
    room = width - sum(len(text) + 10 for text in texts) - len(tail)
    if room < 4 * len(shown):
        tail, room = more, width - sum(len(text) + 10 for text in texts) - len(more)
    bar = max(0, min(24, room // len(shown)))
    spans: list[Span] = []
    for each, text in zip(shown, texts, strict=True):
        if spans:
            spans.append(Span("   "))
        spans.extend([Span(text + " "), *_bar(each, bar)])
        if each.used != numbers.UNKNOWN:
            spans.append(Span(f" {min(999, int(each.share * 100))} %", _TONES[each.level]))
    return (*spans, Span(tail, "dim"))


def _words(each: progress.Budget) -> str:
    return f"{each.name} {each.used} of {each.limit}"


def _fitting(shown: tuple[progress.Budget, ...], width: int) -> tuple[tuple[progress.Budget, ...], int]:
    """The budgets that there is room for, in their order, and how many are left out."""
    kept = list(shown)
    while (
        len(kept) > 1 and sum(len(_words(each)) + 9 for each in kept) - 3 + (9 if len(kept) < len(shown) else 0) > width
    ):
        least = min(reversed(kept), key=lambda each: (each.level != "fine", each.share))
        kept.remove(least)
    return tuple(kept), len(shown) - len(kept)


_TONES: Final[dict[progress.Level, Tone]] = {"fine": "plain", "warn": "warn", "last": "bad"}


def _bar(shown: progress.Budget, width: int) -> list[Span]:
    filled = min(width, round(max(0.0, shown.share) * width))
    tone: Tone = "accent" if shown.level == "fine" else _TONES[shown.level]
    return [Span("━" * filled, tone), Span("─" * (width - filled), "dim")]
