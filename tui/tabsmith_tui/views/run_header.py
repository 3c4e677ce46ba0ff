"""The lines above a run: what it is, where it stands, how much of each limit is used.

What a person must know now, above the keys of a run: replay, interrupted, failed, done, a command on its way.
"""

from typing import Final

import msgspec

from tabsmith import formatting
from tabsmith.orchestration.loop_state import FINISHED_STATES
from tabsmith.presentation import budgets, tasks
from tabsmith.presentation.labels import EXIT_REASONS, error_lines
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, Tone, span
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tables.read.sources import describe_source
from tabsmith.text import clean, plural
from tabsmith_tui.views import run_actions, run_cards
from tabsmith_tui.views.replay import Replay
from tabsmith_tui.views.run_actions import Pending


class RunHeader(msgspec.Struct, frozen=True):
    """The top line of the dashboard."""

    title: str
    metric: str  # with its direction; empty while it is not known
    state: RunState
    doing: str  # what it is doing, or what was asked and is not confirmed
    elapsed: str
    cost: str = ""  # of a run with an agent, or with a limit of dollars
    cost_tone: Tone = "plain"


def run_header(snapshot: RunSnapshot, run_id: str, pending: Pending | None, now: float) -> RunHeader:
    """The header of `snapshot` at the time `now`."""
    parts = [f"run {budgets.short_run_id(run_id)}"]
    if snapshot.spec is not None:
        parts.append(clean(describe_source(snapshot.spec.source), 40))
    if snapshot.schema is not None and snapshot.schema.target:
        parts.append(clean(snapshot.schema.target, 40))
    if snapshot.tasks:
        parts.append(tasks.task_progress(snapshot))
    asked = run_actions.pending_text(pending, snapshot, now)
    spent = budgets.dollar_use(snapshot)
    return RunHeader(
        title=" · ".join(parts),
        metric=metric_direction(snapshot.metric) if snapshot.metric else "",
        state=run_actions.shown_state(snapshot, pending),
        doing=asked or ("" if snapshot.state is RunState.ASKING else clean(snapshot.message, 120)),  # the bar says it
        elapsed=budgets.elapsed(snapshot, now),
        cost=budgets.run_cost(snapshot),
        cost_tone=_TONES[spent.level] if spent else "plain",
    )


def budget_line(shown: tuple[budgets.LimitUse, ...], left: str, width: int) -> Line:
    """All budgets in one line of `width` cells: a bar each, as wide as there is room for. Where there is none, bars go
    first, then what is fine: a warning stays."""
    if not shown:
        return (Span("no limit: stop it with x", "dim"),)
    shown, hidden = _fitting(shown, width)
    texts = [_words(use) for use in shown]
    more = f"   +{hidden} more" if hidden else ""
    tail = more or (f"   {left}" if left else "")
    room = width - sum(len(text) + 10 for text in texts) - len(tail)
    if room < 4 * len(shown):
        tail, room = more, width - sum(len(text) + 10 for text in texts) - len(more)
    bar = max(0, min(24, room // len(shown)))
    spans: list[Span] = []
    for use, text in zip(shown, texts, strict=True):
        if spans:
            spans.append(Span("   "))
        spans.extend([Span(text + " "), *_bar(use, bar)])
        if use.used != formatting.UNKNOWN:
            spans.append(Span(f" {min(999, int(use.share * 100))} %", _TONES[use.level]))
    return (*spans, Span(tail, "dim"))


def _words(use: budgets.LimitUse) -> str:
    return f"{use.name} {use.used} of {use.limit}"


def _fitting(shown: tuple[budgets.LimitUse, ...], width: int) -> tuple[tuple[budgets.LimitUse, ...], int]:
    """The budgets that there is room for, in their order, and how many are left out."""
    kept = list(shown)
    while (
        len(kept) > 1 and sum(len(_words(use)) + 9 for use in kept) - 3 + (9 if len(kept) < len(shown) else 0) > width
    ):
        least = min(reversed(kept), key=lambda use: (use.level != "fine", use.share))
        kept.remove(least)
    return tuple(kept), len(shown) - len(kept)


_TONES: Final[dict[budgets.LimitLevel, Tone]] = {"fine": "plain", "warn": "warn", "last": "bad"}


def _bar(shown: budgets.LimitUse, width: int) -> list[Span]:
    filled = min(width, round(max(0.0, shown.share) * width))
    tone: Tone = "accent" if shown.level == "fine" else _TONES[shown.level]
    return [Span("━" * filled, tone), Span("─" * (width - filled), "dim")]


class Banner(msgspec.Struct, frozen=True):
    """A few lines in a tone; none when all goes its way."""

    tone: Tone = "plain"
    lines: tuple[Line, ...] = ()


def run_banner(
    snapshot: RunSnapshot, pending: Pending | None, now: float, *, replay: Replay | None, playing: bool, resuming: bool
) -> Banner:
    """The most pressing one thing."""
    if replay is not None:
        return _replay(replay, playing=playing)
    if resuming:
        return Banner("accent", ((Span("Asked to resume; its new worker takes up the run at its next step."),),))
    match snapshot.state:
        case RunState.INTERRUPTED:
            return _interrupted(snapshot)
        case RunState.FAILED | RunState.DONE if tasks.has_tasks(snapshot):
            good = snapshot.outcome == "success"
            return Banner(
                "good" if good else "bad" if snapshot.outcome == "failed" else "warn", tasks.tasks_ending(snapshot)
            )
        case RunState.FAILED:
            return _failed(snapshot)
        case RunState.DONE:
            return _done(snapshot)
        case RunState.PAUSED:
            words = (
                run_actions.pending_text(pending, snapshot, now) or "Paused; this time is not counted. space resumes."
            )
            return Banner("warn", ((Span(words),), *_handover(snapshot)))
        case _:
            words = run_actions.pending_text(pending, snapshot, now)
            lines = ((Span(words),),) if words else ()
            return Banner("warn", (*lines, *_handover(snapshot))) if lines or snapshot.fallback_reason else Banner()


def _handover(snapshot: RunSnapshot) -> tuple[Line, ...]:
    words = run_cards.handover_text(snapshot)
    return ((Span("! ", "warn"), Span(words, "warn")),) if words else ()


def _replay(replay: Replay, *, playing: bool) -> Banner:
    how = "space hold" if playing else "space play" if not replay.ended else "space from the start"
    words = f"{replay.words()}   {how}   ← → one event   esc back to now"
    return Banner("accent", ((Span(words),),))


def _interrupted(snapshot: RunSnapshot) -> Banner:
    kept = f"{plural(snapshot.tried, 'scored try', 'scored tries')} kept"
    if tasks.has_tasks(snapshot):
        kept = f"{tasks.task_progress(snapshot) or 'No task'} done, and what was worked on is kept"
    next_step = snapshot.trials[-1].iteration + 1 if snapshot.trials else 1
    if snapshot.trials and snapshot.trials[-1].state not in FINISHED_STATES:
        next_step -= 1
    return Banner(
        "warn",
        (
            (Span(f"Its worker is gone. {kept}; it can resume at iteration {next_step}."),),
            (Span("r or enter", "accent"), Span(" resumes it   "), Span("h", "accent"), Span(" replays it")),
        ),
    )


def _failed(snapshot: RunSnapshot) -> Banner:
    error = snapshot.error
    if error is None:
        return Banner("bad", ((Span("It failed, and its journal does not say why.", "bad"),),))
    lines = [*error_lines(error)]
    if not error.next_step:
        lines.append((Span("Copy the details for a report."),))
    lines.append((Span("c", "accent"), Span(" copies the details   "), Span("r", "accent"), Span(" replays the run")))
    return Banner("bad", tuple(lines))


def _done(snapshot: RunSnapshot) -> Banner:
    report = snapshot.report
    why = EXIT_REASONS[snapshot.exit_reason] if snapshot.exit_reason else ""
    if report is None:
        words = (
            "Stopped before the first model." if snapshot.outcome == "cancelled" else f"Ended without a model: {why}."
        )
        return Banner("warn", ((Span(words, "warn"),),))
    score = "no test set"
    if report.holdout is not None and report.holdout.scores:
        first = report.holdout.scores[0]
        score = f"test set {clean(first.metric.label, 30)} {formatting.number(first.score)}"
    early = f"Finished{f' ({why})' if why else ''}: "
    return Banner(
        "good",
        (
            (Span("✔ ", "good"), Span(f"{early}{score}")),
            (Span("enter", "accent"), Span(" shows the result   "), span(f"model {report.model_id}", "dim")),
            *_handover(snapshot),
        ),
    )
