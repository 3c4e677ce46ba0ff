"""The events of a run's journal, from which comes everything that a screen shows of a run, and the commands of a person to it,
which are appended to `runs/<id>/commands.jsonl` and acted on within 50 ms."""

from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Mode
from tabsmith.errors import ErrorReport
from tabsmith.limits import LimitName, Limits
from tabsmith.modeling.results import ModelReport
from tabsmith.orchestration.decisions import Reply
from tabsmith.orchestration.events import Event, LoopEvent, TaskEvent
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema.types import Schema


class RunState(StrEnum):
    """The state of a run. docs/ui.md draws the state machine."""

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

    @property
    def clock_stands(self) -> bool:
        """Whether the time limit does not count this state: nothing can be tried yet, or a person is waited for."""
        return self.ended or self in (RunState.QUEUED, RunState.READING, RunState.PAUSED, RunState.ASKING)


Outcome: TypeAlias = Literal["success", "success with limits", "partial", "failed", "blocked", "cancelled"]
"""`success`: a model, measured. `partial`: a model, but a person stopped the run early. `cancelled`: a person stopped the
run before there was any model."""

ExitReason: TypeAlias = Literal[
    "done", "time", "iterations", "budget", "user", "error", "stuck", "agent failed", "blocked", "not handed back"
]


class RunStarted(Event, frozen=True, tag="run_started"):
    """A worker has begun to work on the run. `attempt` is 1, and one more after every resume."""

    spec: RunSpec
    pid: int
    attempt: int
    version: str


class StateChanged(Event, frozen=True, tag="state_changed"):
    """The run has a new state; `message` says in a few words what it is doing."""

    state: RunState
    message: str = ""


class ReadingProgress(Event, frozen=True, tag="reading"):
    """Reading has come so far: `share` is 0..1."""

    share: float
    message: str


class TableReady(Event, frozen=True, tag="table_ready"):
    """The table has been read."""

    info: TableInfo


class HoldoutTableReady(Event, frozen=True, tag="holdout_table_ready"):
    """The person's own table that the model is measured on has been read."""

    info: TableInfo


class SchemaReady(Event, frozen=True, tag="schema_ready"):
    """The schema that the run trains by is settled."""

    schema: Schema
    corrections: str = ""  # in words: what a person changed in this table's schema before, and was changed again


class TaskNamed(msgspec.Struct, frozen=True):
    """A task of a file, in short."""

    name: str
    agent: AgentName
    depends_on: tuple[str, ...] = ()


class TasksReady(Event, frozen=True, tag="tasks_ready"):
    """The task file has been read; `tasks` are in the order in which they are done."""

    tasks: tuple[TaskNamed, ...]
    warnings: tuple[str, ...] = ()


class LimitChanged(Event, frozen=True, tag="limit_changed"):
    """A person changed a limit; `limits` are all limits as they are from now on."""

    limits: Limits


class RunEnded(Event, frozen=True, tag="run_ended"):
    """The last event of an attempt at a run. `report` is None if there is no model."""

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
    | HoldoutTableReady
    | LimitChanged
    | TasksReady
    | RunEnded
    | LoopEvent
    | TaskEvent
)


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """A command that a person gave at `at`, seconds since 1970."""

    at: float = 0.0


class Pause(Command, frozen=True, tag="pause"):
    """Hold everything, fits included, until Resume. Paused time is not counted."""


class Resume(Command, frozen=True, tag="resume"):
    """Go on after a pause."""


class Stop(Command, frozen=True, tag="stop"):
    """End the run and keep the best model so far. `now` ends the current fit; otherwise the fit is finished first."""

    when: Literal["now", "after iteration"] = "now"


class SetLimit(Command, frozen=True, tag="set_limit"):
    """Set a limit to `to`, a decimal (`2.50`, `40`; seconds are of active time); 0 takes the limit away."""

    limit: LimitName
    to: str


class Answer(Command, frozen=True, tag="answer"):
    """Answer the question `id`; an answer to a question that is not open any more is passed over."""

    id: str
    reply: Reply


class SetMode(Command, frozen=True, tag="set_mode"):
    """Ask the person as `mode` says, from now on."""

    mode: Mode


class Note(Command, frozen=True, tag="note"):
    """Tell the agent `text`, in every brief from now on."""

    text: str


class TryRecipe(Command, frozen=True, tag="try_recipe"):
    """Try `recipe`, the person's own, before anything else that is proposed; once, if the run has not tried it yet."""

    recipe: Recipe


RunCommand: TypeAlias = Pause | Resume | Stop | SetLimit | Answer | SetMode | Note | TryRecipe
