"""The activity of a task's agent: its last message or tool call, the length of its silence, its requests for permission."""

from typing import Final

from tabsmith import formatting
from tabsmith.agents.agent_jobs import Activity
from tabsmith.orchestration.loop_state import Trial, WorkspaceWork
from tabsmith.presentation import tasks
from tabsmith.presentation.spans import Line, Span, Tone, line, span
from tabsmith.presentation.trials import work_result
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block, plural
from tabsmith_tui.views import run_cards
from tabsmith_tui.views.lines import fit_line, wrap

_LONG_SILENCE: Final = 60.0  # seconds from which on it stands out
_GLYPHS: Final[dict[str, str]] = {"message": "says", "tool": "uses", "result": "got"}


def has_clock(snapshot: RunSnapshot) -> bool:
    """Whether a clock runs in it."""
    return tasks.has_tasks(snapshot) and not snapshot.state.ended and _open(snapshot) is not None


def activity_lines(snapshot: RunSnapshot, now: float, width: int, height: int) -> tuple[Line, ...]:
    """The activity in at most `height` lines of `width` cells; in one, what matters most."""
    latest = snapshot.latest
    if latest is None or latest.work is None:
        words = "nothing was begun" if snapshot.state.ended else "no agent is at work yet"
        return (line(words, "dim"),)
    head, act = _head(snapshot, latest, now), _act(latest, latest.work)
    if height <= 1:
        short = latest.work.doing if _open(snapshot) is not None else None
        end = (Span("  "), *_doing(short)) if short is not None else ()
        return (fit_line((*head, *end), width),)
    asked = _permissions(latest.work)
    room = max(1, height - 1 - len(asked))
    body: list[Line] = []
    for mark, text, tone in act:
        parts = wrap(text, max(10, width - len(mark)))
        body.append((Span(mark, "dim"), Span(parts[0], tone)))
        body.extend((Span(" " * len(mark)), Span(part, tone)) for part in parts[1:])
    if len(body) > room:
        body = [*body[: room - 1], line(f"+{len(body) - room + 1} lines", "dim")] if room > 1 else body[:1]
    return tuple((head, *body, *asked)[:height])


def _head(snapshot: RunSnapshot, trial: Trial, now: float) -> Line:
    work = trial.work
    assert work is not None
    name = (Span(f"#{trial.iteration} ", "dim"), span(work.task, "strong", 40), Span("  "))
    if _open(snapshot) is None:
        return (*name, work_result(trial, snapshot), Span(f"  {plural(work.acts, 'act')}", "dim"))
    if snapshot.state is RunState.ASKING:
        return (*name, Span("? waits for your answer", "warn"), Span(f"  {plural(work.acts, 'act')}", "dim"))
    if snapshot.state is RunState.PAUSED:
        return (*name, Span("‖ paused", "warn"))
    if snapshot.retry is not None:
        return (*name, *run_cards.agent_activity(snapshot, now)[0])
    silent = max(0.0, now - snapshot.updated_at)
    tone: Tone = "warn" if silent >= _LONG_SILENCE else "dim"
    quiet = Span(f"  silent for {formatting.clock(silent)}" if silent >= 1 else "", tone)
    if work.end:
        proves = "the acceptance command runs" if work.acceptance is None else "it is assessed"
        return (*name, Span(f"◑ {proves}", "accent"), quiet)
    return (*name, Span(f"● {plural(work.acts, 'act')}", "accent"), quiet)


def _act(trial: Trial, work: WorkspaceWork) -> list[tuple[str, str, Tone]]:
    """The last thing done, with the word that says what it is; of an iteration that is over, how it ended."""
    if work.end:
        claim = "claims "  # which proves nothing
        found: list[tuple[str, str, Tone]] = []
        if work.acceptance is not None and work.acceptance.verdict != "accepted":
            output = clean_block(work.acceptance.output, 4_000).strip().splitlines()
            last = next((part.strip() for part in reversed(output) if part.strip()), "")
            found.append(("proof  ", last or "the command printed nothing", "warn"))
        found.append((claim, _plain(work.words) or "nothing", "plain"))
        return found
    if trial.message:
        return [("why    ", _plain(trial.message), "warn")]
    if work.doing is None:
        return [("       ", "nothing heard of it yet", "dim")]
    return [(f"{_GLYPHS[work.doing.kind]:<7}", _words(work.doing), "warn" if work.doing.failed else "plain")]


def _doing(act: Activity) -> Line:
    return (Span(f"{_GLYPHS[act.kind]} ", "dim"), Span(_words(act), "warn" if act.failed else "plain"))


def _words(act: Activity) -> str:
    tool = clean(act.tool, 40)
    return f"{tool}: {_plain(act.text)}" if tool else _plain(act.text) or "nothing"


def _permissions(work: WorkspaceWork) -> list[Line]:
    if not work.permissions:
        return []
    refused = [permission for permission in work.permissions if permission.allowed == "no"]
    asked = f"{len(work.permissions)} times, {len(refused)} refused" if len(work.permissions) > 1 else "once"
    asked = f"{asked}, refused" if asked == "once" and refused else asked
    last = (Span(f": {clean(refused[-1].tool, 30)} {_plain(refused[-1].what)}", "warn"),) if refused else ()
    return [(Span("asked  ", "dim"), Span(asked, "warn" if refused else "plain"), *last)]


def _open(snapshot: RunSnapshot) -> Trial | None:
    """The iteration under way."""
    latest = snapshot.latest
    return latest if latest is not None and not latest.ended_at and not snapshot.state.ended else None


def _plain(text: str) -> str:
    return " ".join(clean(text, 1_000).split())
