"""An iteration of a task, page by page: overview, files, acceptance, conversation, permissions. Pure, as try_pages."""

from collections.abc import Sequence
from typing import Final

from tabsmith import formatting
from tabsmith.orchestration.events import AcceptanceStarted, Acted, PermissionDecided
from tabsmith.orchestration.loop_state import SessionState, Trial, WorkspaceWork
from tabsmith.orchestration.sessions import ReceivedReply, SentPrompt, TranscriptMessage
from tabsmith.presentation import budgets, tasks
from tabsmith.presentation.labels import AGENT_JOB_ENDS, FILE_CHANGES
from tabsmith.presentation.spans import Line, Span, Tone, line, plain_text, span
from tabsmith.presentation.trials import work_result
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block, plural
from tabsmith_tui.views import tasks as task_views
from tabsmith_tui.views import trial_details
from tabsmith_tui.views.trial_pages import (
    FOLD,
    DetailPage,
    block,
    feedback_lines,
    metrics_lines,
    plain_page,
    session_label,
)

_CLAIM: Final = "its own claim, which proves nothing"
_DIFF: Final[dict[str, Tone]] = {"+": "good", "-": "bad", "@": "accent"}
_MOST_PERMISSIONS: Final = 500


def overview(snapshot: RunSnapshot, trial: Trial) -> DetailPage:
    """The end of the work, the agent's words about it, the verdict of the acceptance command, and the assessment."""
    work = trial.work or WorkspaceWork("")
    lines = [*summary(snapshot, trial)]
    if work.words:
        lines += [(), (Span("The agent's last words", "mark"), Span(f"  {_CLAIM}", "warn")), *block(work.words, 0)]
    if trial.message:
        lines += [(), line("Result", "mark"), *block(trial.message, 0, "warn")]
    if work.changes:
        lines += [(), line("Files", "mark"), *_named(work)]
    judged = (*trial_details.assessment(trial), *metrics_lines(trial), *feedback_lines(trial))
    return plain_page(tuple(lines), "Outcome", judged, "Assessment")


def summary(snapshot: RunSnapshot, trial: Trial) -> tuple[Line, ...]:
    """The iteration in a few lines."""
    work = trial.work or WorkspaceWork("")
    lines: list[Line] = [
        (Span("task       ", "dim"), span(work.task or formatting.UNKNOWN, "strong")),
        (Span("status     ", "dim"), work_result(trial, snapshot)),
    ]
    end = (AGENT_JOB_ENDS[work.end] if work.end else "") or (
        "at work" if not trial.ended_at and not snapshot.state.ended else "it did not end"
    )
    lines.append(
        (Span("agent      ", "dim"), span(f"{trial.agent}: {end}"), Span(f", {plural(work.acts, 'act')}", "dim"))
    )
    lines.append((Span("files      ", "dim"), task_views.files(work)))
    if work.acceptance is not None:
        result = work.acceptance
        took = f"  {formatting.duration(result.seconds)}, sandbox {clean(result.level, 20)}"
        weak = result.level in tasks.WEAK_SANDBOXES
        lines.append(
            (Span("acceptance ", "dim"), tasks.acceptance_result(result), Span(took, "warn" if weak else "dim"))
        )
    if work.permissions:
        refused = sum(one.allowed == "no" for one in work.permissions)
        words = f"{plural(len(work.permissions), 'permission')} asked, {refused} refused"
        lines.append((Span("asked      ", "dim"), Span(words, "warn" if refused else "plain")))
    if trial.sessions:
        cost = Span(budgets.usage_cost(trial.usage), "warn" if trial.usage.unpriced else "plain")
        lines.append((Span("cost       ", "dim"), cost, Span(f"  {budgets.token_counts(trial.usage)}", "dim")))
    if trial.facts is not None:
        lines.append((Span("time       ", "dim"), Span(formatting.duration(trial.facts.iteration_seconds))))
    return tuple(lines)


def files(trial: Trial, difference: str | None, *, unfolded: bool) -> DetailPage:
    """The files that differ from the iteration before, and the difference line by line."""
    work = trial.work or WorkspaceWork("")
    if not work.end:
        return DetailPage(
            (line("The agent is at work; its files are compared when it has ended.", "dim"),), title="Files"
        )
    named = (*_named(work), *((line(f"+{plural(work.more, 'file')} more", "dim"),) if work.more else ()))
    listed = named or (line("No file was changed.", "dim"),)
    if difference is None:
        return DetailPage((line("comparing the files…", "dim"),), listed, "Difference", "Files", first=True)
    lines: tuple[Line, ...] = tuple(
        (Span(part.text, _diff_tone(part.text)),) for one in block(difference, 0) for part in one
    )
    if not unfolded and len(lines) > FOLD * 4:
        lines = (*lines[: FOLD * 4], line(f"+{len(lines) - FOLD * 4:,} lines   o unfolds", "accent"))
    shown = lines or (line("The files are the same as before.", "dim"),)
    return DetailPage(shown, listed, "Difference", "Files", clean_block(difference, 200_000), first=True)


def acceptance(trial: Trial, command: str, *, unfolded: bool) -> DetailPage:
    """The verdict of the acceptance command, and its output."""
    work = trial.work or WorkspaceWork("")
    head: list[Line] = [(Span("command    ", "dim"), span(command, limit=2_000))] if command else []
    result = work.acceptance
    if result is None:
        words = "It runs now." if work.end and not trial.ended_at else "It was not run."
        return plain_page((*head, line(words, "dim")), "Acceptance")
    status = str(result.status) if result.status is not None else "none: it was ended"
    head += [
        (Span("verdict    ", "dim"), tasks.acceptance_result(result)),
        (Span("exit       ", "dim"), span(status)),
        (Span("time       ", "dim"), Span(formatting.duration(result.seconds))),
        (Span("sandbox    ", "dim"), span(result.level, "warn" if result.level in tasks.WEAK_SANDBOXES else "plain")),
    ]
    if result.ended and result.status is None:
        head.append((Span("ended by   ", "dim"), span(result.ended, "warn", 600)))
    if result.level in tasks.WEAK_SANDBOXES:
        head.append(line("! this sandbox has no walls: a command could write outside the folder", "warn"))
    printed = block(result.output, 0 if unfolded else FOLD) or (line("It printed nothing.", "dim"),)
    whole = f"{plain_text(head)}\n\n{clean_block(result.output, 200_000)}"
    return DetailPage((*head, (), line("What it printed", "mark"), *printed), title="Acceptance", text=whole)


def conversation(
    session: SessionState | None,
    messages: Sequence[TranscriptMessage] | None,
    acts: Sequence[Acted] | None,
    *,
    unfolded: bool,
) -> DetailPage:
    """The prompt, then the agent's messages and tool calls, and the cost of every reply, in the order of time."""
    if session is None:
        return DetailPage((line("The agent was not asked.", "dim"),), title="Conversation")
    if messages is None or acts is None:
        return DetailPage((line("reading the conversation…", "dim"),), title=f"Conversation  {session_label(session)}")
    mine = [act for act in acts if act.session == session.id]
    told_words = [" ".join(each.activity.text.split())[:60] for each in mine if each.activity.kind == "message"]
    told_words = [words for words in told_words if words]
    entries: list[tuple[float, tuple[Line, ...]]] = [(each.at, _act(each, unfolded=unfolded)) for each in mine]
    for message in messages:
        match message:
            case SentPrompt(at=at, prompt=prompt):
                text = f"{prompt.system.rstrip()}\n\n{prompt.text}"
                entries.append(
                    (at, (*_head(at, "tabsmith sent", "mark"), *block(text, 0 if unfolded else FOLD // 2), ()))
                )
            case ReceivedReply(at=at, turn=turn):
                plain = " ".join(clean_block(turn.text, 4_000).split())
                known = any(plain.startswith(words) for words in told_words)
                said = () if known or not plain else block(turn.text, 0 if unfolded else FOLD // 2)
                used = f"reply  {budgets.token_counts(turn.usage)}  {budgets.usage_cost(turn.usage)}"
                entries.append((at, (*_head(at, used, "dim"), *said)))
    entries.sort(key=lambda entry: entry[0])
    lines = tuple(each for _, made in entries for each in made) or (line("No messages yet.", "dim"),)
    if session.message:
        lines = (*lines, (), line(f"{session.outcome}, {session.trouble}".strip(", "), "mark"))
        lines = (*lines, *block(session.message, 0, "warn"))
    return DetailPage(
        lines, title=f"Conversation  {session_label(session)}  {plural(len(mine), 'act')}", text=plain_text(lines)
    )


def permissions(trial: Trial) -> DetailPage:
    """The permissions that the agent asked for, and the answer to each."""
    asked = trial.work.permissions if trial.work is not None else ()
    lines = [part for one in asked[-_MOST_PERMISSIONS:] for part in _permission(one)]
    none = line("The agent asked for nothing beyond what it may do.", "dim")
    return plain_page(tuple(lines) or (none,), f"Permissions  {len(asked)}" if asked else "Permissions")


def command_of(acts: Sequence[Acted | AcceptanceStarted]) -> str:
    """The acceptance command, as it was run."""
    return next((act.command for act in reversed(acts) if isinstance(act, AcceptanceStarted)), "")


def _permission(asked: PermissionDecided) -> tuple[Line, ...]:
    word = "✘ refused" if asked.allowed == "no" else f"✔ allowed {asked.allowed}"
    by = "you" if asked.by == "person" else "the mode"
    tone: Tone = "warn" if asked.risk == "high" else "dim"
    head = (
        Span(f"{formatting.time_of_day(asked.at, seconds=True)} ", "dim"), Span(f"{word:<16} ", "bad" if asked.allowed == "no" else "good"),
        span(asked.tool, "strong", 60), Span(f"  risk {asked.risk}", tone), Span(f", by {by}", "dim"),
    )  # fmt: skip
    return (head, *((Span("         "), *part) for part in block(asked.what, 0)))


def _act(act: Acted, *, unfolded: bool) -> tuple[Line, ...]:
    doing = act.activity
    most = 0 if unfolded else FOLD // 2
    tone: Tone = "bad" if doing.failed else "accent" if doing.kind == "tool" else "plain"
    words = {"message": "says", "tool": f"uses {clean(doing.tool, 60)}", "result": f"{clean(doing.tool, 60)} gave"}
    head = f"{words[doing.kind].strip()}{', and failed' if doing.failed else ''}"
    inner = block(doing.text, most, "warn" if doing.failed else "plain")
    return (*_head(act.at, head, tone), *((Span("  "), *part) for part in inner))


def _head(at: float, words: str, tone: Tone) -> tuple[Line, ...]:
    return ((Span(f"{formatting.time_of_day(at, seconds=True)} ", "dim"), span(words, tone)),)


def _named(work: WorkspaceWork) -> tuple[Line, ...]:
    return tuple(
        (
            Span(f"{FILE_CHANGES[change.kind]:<10}", "dim"),
            Span(f"{f'+{change.lines_added}':>6} ", "good" if change.lines_added else "dim"),
            Span(f"{f'{formatting.MINUS}{change.lines_removed}':>6}  ", "bad" if change.lines_removed else "dim"),
            span(change.path),
        )
        for change in work.changes
    )


def _diff_tone(text: str) -> Tone:
    return "strong" if text.startswith(("+++ ", "--- ")) else _DIFF.get(text[:1], "plain")
