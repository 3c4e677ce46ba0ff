"""The tasks of a task file in a run: where each stands, in a glyph and a word; their card, their line, their end."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tabsmith.orchestration.loop_state import Trial
from tabsmith.orchestration.task_events import Acceptance, TaskOutcome
from tabsmith.presentation.spans import Line, Span, Tone, line, span
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.tables.read.sources import TasksSource
from tabsmith.text import clean, plural
from tabsmith_tui.views.lines import fit

KEY: Final = "task:"
"""What the key of a task's row begins with."""
WEAK: Final = ("rlimits", "none")
"""Sandboxes that have no walls: a command could write outside the folder."""
_MOST: Final = 8  # tasks on the card
_TOLD: Final = ("", "failed", "partial")  # where a second line says what it waits for, or why
_OUTCOMES: Final[Mapping[TaskOutcome, Span]] = MappingProxyType(
    {
        "success": Span("✔ success", "good"),
        "success with limits": Span("✓ with limits", "warn"),
        "partial": Span("◐ partial", "warn"),
        "failed": Span("✘ failed", "bad"),
        "blocked": Span("⊘ blocked", "warn"),
        "cancelled": Span("□ cancelled", "dim"),
    }
)
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "time": "its time is used",
        "iterations": "its iterations are used",
        "budget": "its budget is spent",
        "user": "stopped by you",
        "stuck": "it got no further",
        "agent failed": "its agent failed",
        "blocked": "what it depends on did not succeed",
    }
)


def has_tasks(snapshot: RunSnapshot) -> bool:
    """Whether this is a run of a task file."""
    return bool(snapshot.tasks) or (snapshot.spec is not None and isinstance(snapshot.spec.source, TasksSource))


def task_progress(snapshot: RunSnapshot) -> str:
    """`2 of 5 tasks`: so many are over, whatever became of them; empty while the file was not read."""
    over = sum(each.state == "done" for each in snapshot.tasks)
    return f"{over} of {plural(len(snapshot.tasks), 'task')}" if snapshot.tasks else ""


def task_status(task: TaskState, snapshot: RunSnapshot) -> Span:
    """Where a task stands: its outcome once it is over."""
    if task.outcome:
        return _OUTCOMES[task.outcome]
    if task.state == "running":
        return Span("! cut short", "warn") if snapshot.state.ended else Span("● running", "accent")
    return Span("· waiting", "dim")


def waits_for(task: TaskState, snapshot: RunSnapshot) -> str:
    """The tasks that have to succeed before this one is begun, and have not yet."""
    good = {each.name for each in snapshot.tasks if each.outcome.startswith("success")}
    return ", ".join(clean(name, 60) for name in task.depends_on if name not in good)


def handed_back(task: TaskState) -> Span:
    """Whether the folder has its changes."""
    if task.state != "done":
        return Span("not yet", "dim")
    if not task.how:
        return Span("—", "dim")  # never begun
    words: dict[str, Span] = {"yes": Span("handed back", "good"), "refused": Span("refused", "bad")}
    return words.get(task.handed_back, Span("kept apart", "dim"))


def task_card(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The tasks, one below the other; of many, those around the one at work."""
    tasks = snapshot.tasks
    if not tasks:
        return (line("no task was begun" if snapshot.state.ended else "reading the task file", "dim"),)
    here = next((place for place, each in enumerate(tasks) if each.state != "done"), 0)
    first = max(0, min(here - 2, len(tasks) - _MOST)) if len(tasks) > _MOST else 0
    shown = tasks[first : first + _MOST]
    lines: list[Line] = [line(f"+{first} before", "dim")] if first else []
    for each in shown:
        lines.append(_named(each, snapshot))
        if each.state == "running":
            lines.append(_level(each))
        elif len(tasks) <= _MOST // 2 or (each.outcome in _TOLD and len(tasks) <= _MOST):
            lines.extend(_more(each, snapshot))
    rest = len(tasks) - first - len(shown)
    return (*lines, *((line(f"+{rest} after", "dim"),) if rest else ()))


def task_line(snapshot: RunSnapshot) -> Line:
    """The tasks in one line, for a small screen."""
    if not snapshot.tasks:
        return task_card(snapshot)[0]
    running = next((each for each in snapshot.tasks if each.state == "running"), None)
    counts = Span(f"{task_progress(snapshot)}  ", "strong")
    if running is None:
        return (counts, *_counted(snapshot))
    at_work = task_status(running, snapshot)
    name = Span(f"{at_work.text[0]} {clean(running.name, 40)}  ", at_work.tone)
    level = _level(running)
    return (counts, name, level[-1], Span("  "), *_counted(snapshot))


def trial_result(each: Trial, snapshot: RunSnapshot) -> Span:
    """What became of an iteration: the verdict of tabsmith's own command, never the agent's word."""
    work = each.work
    if each.skipped:
        return Span("↷ skipped", "dim")
    if work is not None and work.acceptance is not None:
        return acceptance_result(work.acceptance)
    if each.state == "unanswered":
        return Span("✘ no answer", "warn")
    if snapshot.state.ended or each.ended_at:
        return Span("· cut short", "warn")
    return Span("◑ proving", "accent") if work is not None and work.end else Span("● working", "accent")


def acceptance_result(acceptance: Acceptance) -> Span:
    """`✔ accepted`, `✘ exit 1`, `? could not run`; what ended it, where it has no exit status."""
    if acceptance.verdict == "accepted":
        return Span("✔ accepted", "good")
    if acceptance.verdict == "could not run":
        return Span("? could not run", "warn")
    how = f"exit {acceptance.status}" if acceptance.status is not None else clean(acceptance.ended, 40) or "rejected"
    return Span(f"✘ {how}", "bad")


def outcome_label(outcome: str, exit_reason: str) -> Span:
    """`✔ success`; `✘ failed, it got no further`."""
    known: Mapping[str, Span] = {str(name): shown for name, shown in _OUTCOMES.items()}
    shown = known.get(outcome, Span("— not known", "dim"))
    why = _REASONS.get(exit_reason, "")
    return Span(f"{shown.text}, {why}" if why else shown.text, shown.tone)


def tasks_ending(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """How a run of tasks ended, and why the first that did not succeed did not."""
    said = outcome_label(snapshot.outcome or "", snapshot.exit_reason or "")
    lines: list[Line] = [(said, Span(f"   {task_progress(snapshot)}  ", "dim"), *_counted(snapshot))]
    bad = next((each for each in snapshot.tasks if each.outcome and not each.outcome.startswith("success")), None)
    if bad is not None and bad.reason:
        lines.append((span(f"{clean(bad.name, 40)}  ", "dim"), span(bad.reason, "warn", 600)))
    elif bad is None and snapshot.error is not None:
        lines.append((Span("✘ ", "bad"), span(snapshot.error.what, "bad", 600)))
    refused = [clean(each.name, 40) for each in snapshot.tasks if each.handed_back == "refused"]
    if refused:
        lines.append((Span("not handed back  ", "dim"), span(", ".join(refused), "bad", 300)))
    next_step = snapshot.error.next_step if snapshot.error is not None else ""
    if next_step and not snapshot.tasks:
        lines.append((Span("next   ", "dim"), span(next_step)))
    return tuple(lines)


def task_of_row(snapshot: RunSnapshot, key: str) -> TaskState | None:
    """The task of a row's key."""
    name = key.removeprefix(KEY)
    return next((each for each in snapshot.tasks if each.name == name), None) if key.startswith(KEY) else None


def is_task_name(snapshot: RunSnapshot, words: str) -> bool:
    """Whether a filter is the name of a task, and so means its iterations."""
    return any(each.name == words for each in snapshot.tasks)


def task_details(task: TaskState, snapshot: RunSnapshot) -> tuple[Line, ...]:
    """All that is known of a task."""
    where = outcome_label(task.outcome, task.exit_reason) if task.outcome else task_status(task, snapshot)
    lines: list[Line] = [(Span("stands     ", "dim"), where)]
    if task.reason:
        lines.append((Span("why        ", "dim"), span(task.reason, limit=600)))
    lines.append((Span("agent      ", "dim"), span(task.agent)))
    if task.depends_on:
        names = ", ".join(clean(name, 60) for name in task.depends_on)
        lines.append((Span("after      ", "dim"), span(names)))
    if task.how:
        lines.append((Span("works in   ", "dim"), span(f"a {task.how} of its folder")))
        walls = ": no walls" if task.level in WEAK else ""
        lines.append((Span("sandbox    ", "dim"), span(f"{task.level}{walls}", "warn" if walls else "plain")))
    lines.append((Span("folder     ", "dim"), handed_back(task)))
    return tuple(lines)


def _named(task: TaskState, snapshot: RunSnapshot) -> Line:
    where = task_status(task, snapshot)
    return (Span(f"{where.text[0]} ", where.tone), span(fit(task.name, 20)), Span(f" {where.text[2:]}", where.tone))


def _more(task: TaskState, snapshot: RunSnapshot) -> tuple[Line, ...]:
    """What a task waits for, or why it did not succeed and what became of its changes."""
    if task.state == "waiting":
        names = waits_for(task, snapshot)
        return ((Span("  after ", "dim"), span(names, "dim")),) if names else ()
    if task.reason and not task.outcome.startswith("success"):
        return ((Span("  "), span(task.reason, "dim", 100)),)
    return ((Span("  "), handed_back(task)),)


def _level(task: TaskState) -> Line:
    if not task.level:
        return (Span("  "), Span("no sandbox yet", "dim"))
    if task.level in WEAK:
        return (Span("  "), span(f"! sandbox {task.level}: no walls", "warn"))
    how = f", {task.how}" if task.how else ""
    return (Span("  "), span(f"sandbox {task.level}{how}", "dim"))


def _counted(snapshot: RunSnapshot) -> tuple[Span, ...]:
    """How many there are of each outcome."""
    found = [each.outcome for each in snapshot.tasks]
    spans: list[Span] = []
    for outcome, shown in _OUTCOMES.items():
        count = found.count(outcome)
        if count:
            tone: Tone = shown.tone
            spans.append(Span(f"{shown.text[0]} {count} {outcome}  ", tone))
    return tuple(spans)
