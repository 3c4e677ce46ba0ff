"""A run as its journal tells it, as data: the reducers make a `RunSnapshot` of events, and every screen draws it."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from tabsmith.agents.protocol import AgentName
from tabsmith.errors import ErrorReport, StorageError
from tabsmith.limits import Limits
from tabsmith.modeling.large_tables.memory_plan import MemoryPlan
from tabsmith.modeling.results import ModelReport
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.events import MergedBack, TaskExit, TaskOutcome
from tabsmith.orchestration.limits import Budget
from tabsmith.orchestration.loop_state import FINISHED_STATES, LoopState
from tabsmith.runs.events import ExitReason, Outcome, RunEvent, RunState
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema.types import Schema


class TaskState(msgspec.Struct, frozen=True):
    """A task of a task file, as far as it has come."""

    name: str
    state: Literal["waiting", "running", "done"] = "waiting"
    agent: AgentName = "claude-code"
    depends_on: tuple[str, ...] = ()
    how: str = ""  # copy or worktree
    level: str = ""  # of the sandbox
    outcome: TaskOutcome | Literal[""] = ""
    exit_reason: TaskExit | Literal[""] = ""
    handed_back: MergedBack = "no"
    reason: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0


class RunSnapshot(LoopState, frozen=True):
    """All that is known of a run: the state of its loop, and what is around it. What is not known yet is None or empty."""

    spec: RunSpec | None = None
    state: RunState = RunState.QUEUED
    message: str = ""
    pid: int = 0
    attempt: int = 0
    started_at: float = 0.0
    updated_at: float = 0.0
    ended_at: float = 0.0
    limits: Limits = Limits(seconds=60.0)
    read_share: float = 0.0
    info: TableInfo | None = None
    schema: Schema | None = None
    holdout_info: TableInfo | None = None  # of a person's own table to measure on
    train_rows: int = 0
    holdout_rows: int = 0
    memory: MemoryPlan | None = None  # of a table that is larger than memory
    ensemble: loop.EnsembleBuilt | None = None
    tasks: tuple[TaskState, ...] = ()  # of a task file, in their order
    log: tuple[RunEvent, ...] = ()  # the latest events, without the many small ones
    outcome: Outcome | None = None
    exit_reason: ExitReason | None = None
    report: ModelReport | None = None
    error: ErrorReport | None = None
    skipped: int = 0  # journal lines that could not be understood
    counted_seconds: float = 0.0  # active time up to `counting_from`
    counting_from: float = 0.0  # 0 while the clock stands still

    def active_seconds(self, now: float) -> float:
        """Seconds spent working up to `now`: pauses, and gaps in which no worker lived, are left out."""
        running = max(0.0, now - self.counting_from) if self.counting_from else 0.0
        return self.counted_seconds + running

    def budget(self, now: float) -> Budget:
        """The budget at `now`, seconds since 1970: the limits in force, and what is used of them."""
        return Budget(
            limits=self.limits,
            iterations=sum(each.state in FINISHED_STATES or each.ended_at > 0 for each in self.trials),
            seconds=self.active_seconds(now),
            failures=self.failures,
            usage=self.usage,
        )

    def clocked(self, at: float, *, running: bool) -> "RunSnapshot":
        """Return the same run with its clock read at `at`, running on from there or standing still."""
        return replace(self, counted_seconds=self.active_seconds(at), counting_from=at if running else 0.0)


def interrupted(snapshot: RunSnapshot, trouble: StorageError | None = None) -> RunSnapshot:
    """Return the same run as interrupted, because its worker is gone without having said so; `trouble` is why nothing can
    be written into its folder now."""
    if snapshot.state.ended:
        return snapshot
    why = "its worker is gone; it can be resumed"
    if trouble is not None:
        why = f"{trouble.what} {trouble.next_step} Then it can be resumed."
    return replace(
        snapshot.clocked(snapshot.updated_at, running=False),
        state=RunState.INTERRUPTED,
        message=why,
    )
