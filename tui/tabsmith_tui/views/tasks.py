"""The tasks of a run, and its iterations, as tables."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tabsmith import formatting
from tabsmith.agents.usage import NO_USAGE
from tabsmith.orchestration.loop_state import Trial, WorkspaceWork
from tabsmith.presentation import budgets
from tabsmith.presentation.spans import Line, Span, Tone, line, span
from tabsmith.presentation.tasks import (
    WEAK_SANDBOXES,
    merge_status,
    outcome_counts,
    outcome_label,
    task_progress,
    task_status,
    waits_for,
)
from tabsmith.presentation.trials import work_result
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.text import clean
from tabsmith_tui.views.leaderboard import TrialRows, trial_matches
from tabsmith_tui.views.lines import LineColumn, fit

KEY: Final = "task:"
"""The beginning of the key of a task's row."""
_CARD_TASKS: Final = 8
_EXPLAINED: Final = ("", "failed", "partial")  # outcomes whose second line says what a task waits for, or why it ended
TASK_COLUMNS: Final = (
    LineColumn("task", 12, grow=2),
    LineColumn("status", 13),
    LineColumn("after", 10, grow=1, drop=4),
    LineColumn("tries", 5, right=True, drop=2),
    LineColumn("cost", 7, right=True, drop=3),
    LineColumn("folder", 11, drop=1),
)
WORK_COLUMNS: Final = (
    LineColumn("#", 2, right=True),
    LineColumn("task", 8, grow=1),
    LineColumn("files", 12, grow=1, drop=2),
    LineColumn("acceptance", 10, grow=1),
    LineColumn("quality", 7, right=True, drop=3),
    LineColumn("result", 9, drop=1),
    LineColumn("cost", 6, right=True, drop=4),
    LineColumn("time", 5, right=True, drop=5),
)


class TaskList:
    """The tasks of the file, in the order in which they are done. A filter does not shorten them."""

    def __init__(self, snapshot: RunSnapshot) -> None:
        self._snapshot = snapshot
        self._tries: dict[str, list[Trial]] = {}
        for trial in snapshot.trials:
            if trial.work is not None:
                self._tries.setdefault(trial.work.task, []).append(trial)

    def __len__(self) -> int:
        return len(self._snapshot.tasks)

    @property
    def columns(self) -> Sequence[LineColumn]:
        """The columns of `cells`."""
        return TASK_COLUMNS

    def key(self, index: int) -> str:
        """The task of the row."""
        return f"{KEY}{self._snapshot.tasks[index].name}"

    def cells(self, index: int) -> Sequence[Span]:
        """Name, where it stands, what it comes after, iterations, cost, whether it was handed back."""
        task: TaskState = self._snapshot.tasks[index]
        mine = self._tries.get(task.name, [])
        used = sum((trial.usage for trial in mine), NO_USAGE)
        waits = waits_for(task, self._snapshot)
        after = waits or ", ".join(clean(name, 60) for name in task.depends_on)
        return (
            span(task.name, "strong" if task.state == "running" else "plain"),
            task_status(task, self._snapshot),
            span(after or formatting.UNKNOWN, "plain" if waits and task.state == "waiting" else "dim"),
            Span(formatting.count(len(mine)) if mine else formatting.UNKNOWN, "dim"),
            Span(budgets.usage_cost_cell(used), "warn" if used.unpriced else "dim"),
            merge_status(task),
        )


class TaskIterations(TrialRows):
    """The iterations that hold `words`; all of a task, if they are its name."""

    def __init__(self, snapshot: RunSnapshot, words: str = "") -> None:
        named = is_task_name(snapshot, words)
        trials = (
            trial
            for trial in reversed(snapshot.trials)
            if (trial.work is not None and trial.work.task == words if named else trial_matches(trial, words))
        )
        super().__init__(snapshot, trials, WORK_COLUMNS)

    def cells(self, index: int) -> Sequence[Span]:
        """Number, task, changed files, verdict, quality, what was decided, cost, seconds."""
        trial = self.trials[index]
        work = trial.work or WorkspaceWork("")
        seconds = trial.facts.iteration_seconds if trial.facts else None
        return (
            Span(str(trial.iteration), "dim"),
            span(work.task or formatting.UNKNOWN),
            files(work),
            work_result(trial, self.snapshot),
            Span(f"{trial.quality.value:.2f}" if trial.quality else formatting.UNKNOWN, _quality(trial)),
            Span(trial.decision.label if trial.decision else formatting.UNKNOWN, _said(trial)),
            Span(budgets.usage_cost_cell(trial.usage), "warn" if trial.usage.unpriced else "dim"),
            Span(formatting.clock(seconds), "dim"),
        )


def files(work: WorkspaceWork) -> Span:
    """The number of changed files, and of the lines added and removed in them."""
    if not work.end:
        return Span(formatting.UNKNOWN, "dim")
    count = len(work.changes) + work.more
    if not count:
        return Span("none", "dim")
    added = sum(change.lines_added for change in work.changes)
    removed = sum(each.lines_removed for each in work.changes)
    return Span(f"{count:,} (+{_short(added)} {formatting.MINUS}{_short(removed)})")


def _quality(trial: Trial) -> Tone:
    return "warn" if trial.quality is not None and trial.quality.fallback else "plain"


def _said(trial: Trial) -> Tone:
    return "plain" if trial.decision is not None and trial.decision.action != "proceed" else "dim"


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{Decimal(count) / 1000:.0f}k"


def task_card(snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The tasks, one below the other; of many, those around the one at work."""
    tasks = snapshot.tasks
    if not tasks:
        return (line("no task was begun" if snapshot.state.ended else "reading the task file", "dim"),)
    here = next((place for place, task in enumerate(tasks) if task.state != "done"), 0)
    first = max(0, min(here - 2, len(tasks) - _CARD_TASKS)) if len(tasks) > _CARD_TASKS else 0
    shown = tasks[first : first + _CARD_TASKS]
    lines: list[Line] = [line(f"+{first} before", "dim")] if first else []
    for task in shown:
        lines.append(_named(task, snapshot))
        if task.state == "running":
            lines.append(_level(task))
        elif len(tasks) <= _CARD_TASKS // 2 or (task.outcome in _EXPLAINED and len(tasks) <= _CARD_TASKS):
            lines.extend(_more(task, snapshot))
    rest = len(tasks) - first - len(shown)
    return (*lines, *((line(f"+{rest} after", "dim"),) if rest else ()))


def task_line(snapshot: RunSnapshot) -> Line:
    """The tasks in one line, for a small screen."""
    if not snapshot.tasks:
        return task_card(snapshot)[0]
    running = next((task for task in snapshot.tasks if task.state == "running"), None)
    counts = Span(f"{task_progress(snapshot)}  ", "strong")
    if running is None:
        return (counts, *outcome_counts(snapshot))
    at_work = task_status(running, snapshot)
    name = Span(f"{at_work.text[0]} {clean(running.name, 40)}  ", at_work.tone)
    level = _level(running)
    return (counts, name, level[-1], Span("  "), *outcome_counts(snapshot))


def task_of_row(snapshot: RunSnapshot, key: str) -> TaskState | None:
    """The task of a row's key."""
    name = key.removeprefix(KEY)
    return next((task for task in snapshot.tasks if task.name == name), None) if key.startswith(KEY) else None


def is_task_name(snapshot: RunSnapshot, words: str) -> bool:
    """Whether a filter is the name of a task, and so means its iterations."""
    return any(task.name == words for task in snapshot.tasks)


def task_details(task: TaskState, snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The details of a task."""
    where = outcome_label(task.outcome, task.exit_reason) if task.outcome else task_status(task, snapshot)
    lines: list[Line] = [(Span("status     ", "dim"), where)]
    if task.reason:
        lines.append((Span("why        ", "dim"), span(task.reason, limit=600)))
    lines.append((Span("agent      ", "dim"), span(task.agent)))
    if task.depends_on:
        names = ", ".join(clean(name, 60) for name in task.depends_on)
        lines.append((Span("after      ", "dim"), span(names)))
    if task.how:
        lines.append((Span("works in   ", "dim"), span(f"a {task.how} of its folder")))
        walls = ": no walls" if task.level in WEAK_SANDBOXES else ""
        lines.append((Span("sandbox    ", "dim"), span(f"{task.level}{walls}", "warn" if walls else "plain")))
    lines.append((Span("folder     ", "dim"), merge_status(task)))
    return tuple(lines)


def _named(task: TaskState, snapshot: RunSnapshot) -> Line:
    where = task_status(task, snapshot)
    return (Span(f"{where.text[0]} ", where.tone), span(fit(task.name, 20)), Span(f" {where.text[2:]}", where.tone))


def _more(task: TaskState, snapshot: RunSnapshot) -> tuple[Line, ...]:
    """The tasks that a task waits for, or the reason why it did not succeed, or the fate of its changes."""
    if task.state == "waiting":
        names = waits_for(task, snapshot)
        return ((Span("  after ", "dim"), span(names, "dim")),) if names else ()
    if task.reason and not task.outcome.startswith("success"):
        return ((Span("  "), span(task.reason, "dim", 100)),)
    return ((Span("  "), merge_status(task)),)


def _level(task: TaskState) -> Line:
    if not task.level:
        return (Span("  "), Span("no sandbox yet", "dim"))
    if task.level in WEAK_SANDBOXES:
        return (Span("  "), span(f"! sandbox {task.level}: no walls", "warn"))
    how = f", {task.how}" if task.how else ""
    return (Span("  "), span(f"sandbox {task.level}{how}", "dim"))
