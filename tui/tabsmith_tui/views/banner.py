"""What a person must know now, above the keys of a run: replay, interrupted, failed, done, a command on its way."""

import msgspec

from tabsmith import numbers
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import OVER, RunSnapshot
from tabsmith.text import clean, plural
from tabsmith_tui.views import agent_card, commands, tasks
from tabsmith_tui.views.commands import Pending
from tabsmith_tui.views.lines import Line, Span, Tone, span
from tabsmith_tui.views.replay import Replay


class Banner(msgspec.Struct, frozen=True):
    """A few lines in a tone; none when all goes its way."""

    tone: Tone = "plain"
    lines: tuple[Line, ...] = ()


def banner(
    snapshot: RunSnapshot, pending: Pending | None, now: float, *, replay: Replay | None, playing: bool, resuming: bool
) -> Banner:
    """The most pressing one thing."""
    if replay is not None:
        return _replay(replay, playing=playing)
    if resuming:
        return Banner("accent", ((Span("Asked to go on; its new worker takes up the run at its next step."),),))
    match snapshot.state:
        case RunState.INTERRUPTED:
            return _interrupted(snapshot)
        case RunState.FAILED | RunState.DONE if tasks.has_tasks(snapshot):
            good = snapshot.outcome == "success"
            return Banner("good" if good else "bad" if snapshot.outcome == "failed" else "warn", tasks.ending(snapshot))
        case RunState.FAILED:
            return _failed(snapshot)
        case RunState.DONE:
            return _done(snapshot)
        case RunState.PAUSED:
            words = commands.pending_words(pending, snapshot, now) or "Paused; this time is not counted. space goes on."
            return Banner("warn", ((Span(words),), *_handover(snapshot)))
        case _:
            words = commands.pending_words(pending, snapshot, now)
            lines = ((Span(words),),) if words else ()
            return Banner("warn", (*lines, *_handover(snapshot))) if lines or snapshot.handover else Banner()


def _handover(snapshot: RunSnapshot) -> tuple[Line, ...]:
    words = agent_card.handover_words(snapshot)
    return ((Span("! ", "warn"), Span(words, "warn")),) if words else ()


def _replay(replay: Replay, *, playing: bool) -> Banner:
    how = "space hold" if playing else "space play" if not replay.ended else "space from the start"
    words = f"{replay.words()}   {how}   ← → one event   esc back to now"
    return Banner("accent", ((Span(words),),))


def _interrupted(snapshot: RunSnapshot) -> Banner:
    kept = f"{plural(snapshot.tried, 'scored try', 'scored tries')} kept"
    if tasks.has_tasks(snapshot):
        kept = f"{tasks.progress(snapshot) or 'No task'} done, and what was worked on is kept"
    next_step = snapshot.tries[-1].iteration + 1 if snapshot.tries else 1
    if snapshot.tries and snapshot.tries[-1].state not in OVER:
        next_step -= 1
    return Banner(
        "warn",
        (
            (Span(f"Its worker is gone. {kept}; it can go on at iteration {next_step}."),),
            (Span("r or enter", "accent"), Span(" resumes it   "), Span("h", "accent"), Span(" replays it")),
        ),
    )


def _failed(snapshot: RunSnapshot) -> Banner:
    error = snapshot.error
    if error is None:
        return Banner("bad", ((Span("It failed, and its journal does not say why.", "bad"),),))
    lines: list[Line] = [(Span("✘ ", "bad"), span(error.what, "bad", 600))]
    if error.where:
        lines.append((Span("where  ", "dim"), span(error.where)))
    lines.append((Span("next   ", "dim"), span(error.next_step or "Copy the details for a report.")))
    lines.append((Span("c", "accent"), Span(" copies the details   "), Span("r", "accent"), Span(" replays the run")))
    return Banner("bad", tuple(lines))


def _done(snapshot: RunSnapshot) -> Banner:
    report = snapshot.report
    why = _REASONS.get(snapshot.exit_reason or "", "")
    if report is None:
        words = (
            "Stopped by you before there was a model." if snapshot.outcome == "cancelled" else "Ended without a model."
        )
        return Banner("warn", ((Span(words, "warn"), Span(f"  {why}", "dim")),))
    score = "no hold-out"
    if report.holdout is not None and report.holdout.scores:
        first = report.holdout.scores[0]
        score = f"hold-out {clean(first.metric.label, 30)} {numbers.number(first.score)}"
    early = "Stopped by you; " if snapshot.outcome == "partial" else f"Done{', ' + why if why else ''}: "
    return Banner(
        "good",
        (
            (Span("✔ ", "good"), Span(f"{early}{score}")),
            (Span("enter", "accent"), Span(" shows the result   "), span(f"model {report.model_id}", "dim")),
            *_handover(snapshot),
        ),
    )


_REASONS = {
    "done": "",
    "time": "its time is used",
    "iterations": "its iterations are used",
    "budget": "its budget is spent",
    "user": "stopped by you",
    "error": "",
}
