"""The tasks of a run, and its iterations, as tables."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tabsmith import formatting
from tabsmith.agents.usage import NO_USAGE
from tabsmith.orchestration.loop_state import Trial, WorkspaceWork
from tabsmith.presentation import budgets
from tabsmith.presentation.spans import Span, Tone, span
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.text import clean
from tabsmith_tui.views import tasks
from tabsmith_tui.widgets.lines_layout import LineColumn

TASK_COLUMNS: Final = (
    LineColumn("task", 12, grow=2),
    LineColumn("stands", 13),
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
    LineColumn("said", 8, drop=1),
    LineColumn("cost", 6, right=True, drop=4),
    LineColumn("time", 5, right=True, drop=5),
)


class TaskList:
    """The tasks of the file, in the order in which they are done. A filter does not shorten them."""

    def __init__(self, snapshot: RunSnapshot) -> None:
        self._snapshot = snapshot
        self._tries: dict[str, list[Trial]] = {}
        for each in snapshot.trials:
            if each.work is not None:
                self._tries.setdefault(each.work.task, []).append(each)

    def __len__(self) -> int:
        return len(self._snapshot.tasks)

    @property
    def columns(self) -> Sequence[LineColumn]:
        """What `cells` are."""
        return TASK_COLUMNS

    def key(self, index: int) -> str:
        """The task of the row."""
        return f"{tasks.KEY}{self._snapshot.tasks[index].name}"

    def cells(self, index: int) -> Sequence[Span]:
        """Name, where it stands, what it comes after, iterations, cost, whether it was handed back."""
        task: TaskState = self._snapshot.tasks[index]
        mine = self._tries.get(task.name, [])
        used = sum((each.usage for each in mine), NO_USAGE)
        waits = tasks.waits_for(task, self._snapshot)
        after = waits or ", ".join(clean(name, 60) for name in task.depends_on)
        return (
            span(task.name, "strong" if task.state == "running" else "plain"),
            tasks.task_status(task, self._snapshot),
            span(after or formatting.UNKNOWN, "plain" if waits and task.state == "waiting" else "dim"),
            Span(formatting.count(len(mine)) if mine else formatting.UNKNOWN, "dim"),
            Span(budgets.usage_cost_cell(used), "warn" if used.unpriced else "dim"),
            tasks.handed_back(task),
        )


class TaskIterations:
    """The iterations that hold `words`, the latest first; all of a task, when they are its name."""

    def __init__(self, snapshot: RunSnapshot, words: str = "") -> None:
        self._snapshot = snapshot
        named = tasks.is_task_name(snapshot, words)
        self._tries = [
            each
            for each in reversed(snapshot.trials)
            if (each.work is not None and each.work.task == words if named else matches(each, words))
        ]

    def __len__(self) -> int:
        return len(self._tries)

    @property
    def columns(self) -> Sequence[LineColumn]:
        """What `cells` are."""
        number = WORK_COLUMNS[0]._replace(width=max(2, len(self.key(0)) if self._tries else 0))
        return (number, *WORK_COLUMNS[1:])

    def key(self, index: int) -> str:
        """The iteration of the row."""
        return str(self._tries[index].iteration)

    def cells(self, index: int) -> Sequence[Span]:
        """Number, task, changed files, verdict, quality, what was decided, cost, seconds."""
        each = self._tries[index]
        work = each.work or WorkspaceWork("")
        seconds = each.facts.iteration_seconds if each.facts else None
        return (
            Span(str(each.iteration), "dim"),
            span(work.task or formatting.UNKNOWN),
            files(work),
            tasks.trial_result(each, self._snapshot),
            Span(f"{each.quality.value:.2f}" if each.quality else formatting.UNKNOWN, _quality(each)),
            Span(each.decision.action if each.decision else formatting.UNKNOWN, _said(each)),
            Span(budgets.usage_cost_cell(each.usage), "warn" if each.usage.unpriced else "dim"),
            Span(formatting.clock(seconds), "dim"),
        )


def files(work: WorkspaceWork) -> Span:
    """How many files, and how many lines more and fewer are in them."""
    if not work.end:
        return Span(formatting.UNKNOWN, "dim")
    count = len(work.changes) + work.more
    if not count:
        return Span("none", "dim")
    added = sum(each.lines_added for each in work.changes)
    removed = sum(each.lines_removed for each in work.changes)
    return Span(f"{count:,} (+{_short(added)} {formatting.MINUS}{_short(removed)})")


def matches(each: Trial, words: str) -> bool:
    """Whether an iteration holds `words`, in whatever letters: in its task, words, files, verdict."""
    wanted = words.strip().lower()
    if not wanted:
        return True
    work = each.work or WorkspaceWork("")
    held = [work.task, work.words, each.message, each.agent, each.state, *(change.path for change in work.changes)]
    held.extend((each.decision.action,) if each.decision else ())
    held.extend((work.acceptance.verdict,) if work.acceptance else ())
    return any(wanted in part[:2_000].lower() for part in held) or wanted == f"#{each.iteration}"


def _quality(each: Trial) -> Tone:
    return "warn" if each.quality is not None and each.quality.fallback else "plain"


def _said(each: Trial) -> Tone:
    return "plain" if each.decision is not None and each.decision.action != "proceed" else "dim"


def _short(count: int) -> str:
    return str(count) if count < 10_000 else f"{Decimal(count) / 1000:.0f}k"
