"""The run's journal, as typed events: everything that a screen shows of a run comes from these."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.errors import ErrorReport
from tabsmith.limits import Limits
from tabsmith.modeling.results import ModelReport
from tabsmith.orchestration.events import Event, LoopEvent
from tabsmith.orchestration.task_events import TaskEvent
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema.types import Schema


class RunState(StrEnum):
    """Where a run stands. One at a time; docs/ui.md draws the machine."""

    QUEUED = "queued"
    READING = "reading"
    RUNNING = "running"
    WAITING = "waiting for agent"
    EVALUATING = "evaluating"
    FINISHING = "finishing"
    PAUSED = "paused"
    ASKING = "asking you"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self in (RunState.DONE, RunState.FAILED, RunState.INTERRUPTED)


Outcome: TypeAlias = Literal["success", "success with limits", "partial", "failed", "blocked", "cancelled"]
"""`success`: a model, measured. `partial`: a model, but stopped by a person before the plan was through.
`cancelled`: stopped by a person before there was any model."""

ExitReason: TypeAlias = Literal[
    "done", "time", "iterations", "budget", "user", "error", "stuck", "agent failed", "blocked"
]


class RunStarted(Event, frozen=True, tag="run_started"):
    """A worker took the run up. `attempt` is 1, and one more after every resume."""

    spec: RunSpec
    pid: int
    attempt: int
    version: str


class StateChanged(Event, frozen=True, tag="state_changed"):
    """The run's state from now on; `message` says in a few words what it is doing."""

    state: RunState
    message: str = ""


class ReadingProgress(Event, frozen=True, tag="reading"):
    """How far reading has come, 0..1."""

    share: float
    message: str


class TableReady(Event, frozen=True, tag="table_ready"):
    """The table is read."""

    info: TableInfo


class SchemaReady(Event, frozen=True, tag="schema_ready"):
    """The schema that the run trains by."""

    schema: Schema


class TaskNamed(msgspec.Struct, frozen=True):
    """A task of a file, in a line."""

    name: str
    agent: AgentName
    depends_on: tuple[str, ...] = ()


class TasksReady(Event, frozen=True, tag="tasks_ready"):
    """The task file is understood: its tasks in the order in which they are done."""

    tasks: tuple[TaskNamed, ...]
    warnings: tuple[str, ...] = ()


class LimitChanged(Event, frozen=True, tag="limit_changed"):
    """A person gave the run more, or less, of something: all limits as they are from now on."""

    limits: Limits


class RunEnded(Event, frozen=True, tag="run_ended"):
    """The last event of a run (of this attempt). `report` is there when there is a model."""

    outcome: Outcome
    exit_reason: ExitReason
    active_seconds: float  # time spent running, pauses and gaps between attempts left out
    report: ModelReport | None = None
    error: ErrorReport | None = None


RunEvent: TypeAlias = (
    RunStarted
    | StateChanged
    | ReadingProgress
    | TableReady
    | SchemaReady
    | LimitChanged
    | TasksReady
    | RunEnded
    | LoopEvent
    | TaskEvent
)
