"""The tasks of a task file: where each stands, what an iteration came to, how the run ended."""

from typing import Final, Literal

from tabsmith.orchestration.events import Acceptance
from tabsmith.presentation.labels import EXIT_REASONS, OUTCOMES
from tabsmith.presentation.spans import Line, Span, span
from tabsmith.runs.events import ExitReason, Outcome
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.tables.read.sources import TasksSource
from tabsmith.tasks import Task
from tabsmith.text import clean, plural

WEAK_SANDBOXES: Final = ("rlimits", "none")
"""Sandboxes that have no walls: a command could write outside the folder."""


def task_summary(task: Task) -> str:
    """What a task will be allowed, before it runs: its folder, its acceptance command, its network and its commands."""
    network = "with the network" if task.may.network else "without network"
    commands = f"; runs unasked: {', '.join(task.may.run)}" if task.may.run else ""
    secrets = f"; sees the secrets {', '.join(task.may.secrets)}" if task.may.secrets else ""
    summary = f"{task.name}: {task.agent} in {task.place}, {network}{commands}{secrets}; accepted by: {task.accept}"
    return clean(summary, 1_000)


def has_tasks(snapshot: RunSnapshot) -> bool:
    """Whether this is a run of a task file."""
    return bool(snapshot.tasks) or (snapshot.spec is not None and isinstance(snapshot.spec.source, TasksSource))


def task_progress(snapshot: RunSnapshot) -> str:
    """`2 of 5 tasks`: so many are over, whatever became of them; empty while the file was not read."""
    over = sum(task.state == "done" for task in snapshot.tasks)
    return f"{over} of {plural(len(snapshot.tasks), 'task')}" if snapshot.tasks else ""


def task_status(task: TaskState, snapshot: RunSnapshot) -> Span:
    """The status of a task: its outcome once it is over."""
    if task.outcome:
        return OUTCOMES[task.outcome].span
    if task.state == "running":
        return Span("! cut short", "warn") if snapshot.state.ended else Span("● running", "accent")
    return Span("· waiting", "dim")


def waits_for(task: TaskState, snapshot: RunSnapshot) -> str:
    """The tasks that have to succeed before this one is begun, and have not yet."""
    good = {each.name for each in snapshot.tasks if each.outcome.startswith("success")}
    return ", ".join(clean(name, 60) for name in task.depends_on if name not in good)


def merge_status(task: TaskState) -> Span:
    """Whether the folder has its changes."""
    if task.state != "done":
        return Span("not yet", "dim")
    if not task.how:
        return Span("—", "dim")  # never begun
    words: dict[str, Span] = {"yes": Span("handed back", "good"), "refused": Span("refused", "bad")}
    return words.get(task.handed_back, Span("kept apart", "dim"))


def acceptance_result(acceptance: Acceptance) -> Span:
    """`✔ accepted`, `✘ exit 1`, `? could not run`; what ended it, where it has no exit status."""
    if acceptance.verdict == "accepted":
        return Span("✔ accepted", "good")
    if acceptance.verdict == "could not run":
        return Span("? could not run", "warn")
    how = f"exit {acceptance.status}" if acceptance.status is not None else clean(acceptance.ended, 40) or "rejected"
    return Span(f"✘ {how}", "bad")


def outcome_label(outcome: Outcome | Literal[""] | None, exit_reason: ExitReason | Literal[""] | None) -> Span:
    """The outcome of a run or a task, and its reason: `✔ finished: time limit reached`, `✘ failed: no further progress`."""
    if not outcome:
        return Span("— not known", "dim")
    label, reason = OUTCOMES[outcome], EXIT_REASONS[exit_reason] if exit_reason else ""
    if not reason:
        return label.span
    word = "finished" if outcome == "success" else label.word
    return Span(f"{label.glyph} {word}: {reason}", label.tone)


def tasks_ending(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The outcome of a run of tasks, and the reason why the first unsuccessful task failed."""
    said = outcome_label(snapshot.outcome, snapshot.exit_reason)
    lines: list[Line] = [(said, Span(f"   {task_progress(snapshot)}  ", "dim"), *outcome_counts(snapshot))]
    bad = next((each for each in snapshot.tasks if each.outcome and not each.outcome.startswith("success")), None)
    if bad is not None and bad.reason:
        lines.append((span(f"{clean(bad.name, 40)}  ", "dim"), span(bad.reason, "warn", 600)))
    elif bad is None and snapshot.error is not None:
        lines.append((Span("✘ ", "bad"), span(snapshot.error.what, "bad", 600)))
    refused = [clean(task.name, 40) for task in snapshot.tasks if task.handed_back == "refused"]
    if refused:
        lines.append((Span("not handed back  ", "dim"), span(", ".join(refused), "bad", 300)))
    next_step = snapshot.error.next_step if snapshot.error is not None else ""
    if next_step and not snapshot.tasks:
        lines.append((Span("next   ", "dim"), span(next_step)))
    return tuple(lines)


def outcome_counts(snapshot: RunSnapshot) -> Line:
    """The number of tasks of each outcome: `✔ 2 success  ✘ 1 failed  `."""
    outcomes = [task.outcome for task in snapshot.tasks]
    return tuple(
        Span(f"{label.glyph} {outcomes.count(outcome)} {label.word}  ", label.tone)
        for outcome, label in OUTCOMES.items()
        if outcome in outcomes
    )
