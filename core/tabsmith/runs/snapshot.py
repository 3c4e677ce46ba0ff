"""A run as its journal tells it, as data: `folding.reduce` makes a `RunSnapshot`, and every screen draws that."""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.agents.agent_jobs import Activity, AgentJobEnd
from tabsmith.agents.protocol import AgentErrorKind, AgentName
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.errors import ErrorReport
from tabsmith.limits import Limits
from tabsmith.modeling.results import FoldScore, Metric, ModelReport
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.limits.budget import Budget
from tabsmith.orchestration.questions import Mode, Question, Reply
from tabsmith.orchestration.task_events import (
    Acceptance,
    ChangedFile,
    MergedBack,
    PermissionDecided,
    TaskExit,
    TaskOutcome,
)
from tabsmith.recipes.recipe import Problem, Recipe
from tabsmith.runs.events import ExitReason, Outcome, RunState
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema.types import Schema

TrialState: TypeAlias = Literal["asking", "proposed", "evaluating", "scored", "refused", "failed", "unanswered"]
FINISHED_STATES: Final[tuple[TrialState, ...]] = ("scored", "refused", "failed", "unanswered")


class SessionState(msgspec.Struct, frozen=True):
    """One conversation with an agent: opened before it is asked, closed whatever happens."""

    id: str
    iteration: int
    attempt: int
    agent: AgentName
    model: str
    purpose: Literal["propose", "grade"]
    opened_at: float
    closed_at: float = 0.0  # 0 while it is open
    seconds: float = 0.0
    outcome: loop.SessionOutcome | Literal["open"] = "open"
    trouble: AgentErrorKind | Literal[""] = ""
    message: str = ""
    usage: Usage = NO_USAGE
    foreign: str = ""


class TaskState(msgspec.Struct, frozen=True):
    """A task of a task file as far as it has come."""

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


class WorkspaceWork(msgspec.Struct, frozen=True):
    """What an iteration did in a workspace."""

    task: str
    end: AgentJobEnd | Literal[""] = ""
    words: str = ""  # the agent's own last ones, which prove nothing
    changes: tuple[ChangedFile, ...] = ()
    more: int = 0
    acceptance: Acceptance | None = None
    acts: int = 0
    doing: Activity | None = None  # the latest
    permissions: tuple[PermissionDecided, ...] = ()


class Trial(msgspec.Struct, frozen=True):
    """One iteration as far as it has come."""

    iteration: int
    agent: AgentName
    state: TrialState = "asking"
    recipe: Recipe | None = None
    change: str = ""
    reason: str = ""  # the agent's own words
    confidence: float | None = None  # the agent's own
    sessions: tuple[str, ...] = ()  # ids
    usage: Usage = NO_USAGE
    quality: Quality | None = None
    decision: Decision | None = None
    skipped: bool = False  # a person left it out
    facts: IterationMetrics | None = None  # once it is over
    feedback: str = ""  # what the agent is told about it
    ended_at: float = 0.0
    work: WorkspaceWork | None = None  # in a run of a task file
    folds: tuple[FoldScore, ...] = ()
    mean: float | None = None
    standard_error: float | None = None
    delta: float | None = None  # share by which it beats (+) or misses (-) the champion of its time
    seconds: float = 0.0
    won: bool = False  # it became the champion
    rule: str = ""  # by which it did, in words
    stopped: bool = False  # a person ended it before it had a score
    message: str = ""
    problems: tuple[Problem, ...] = ()  # why it was refused
    trouble: AgentErrorKind | Literal[""] = ""  # why it went unanswered
    started_at: float = 0.0


class LogLine(msgspec.Struct, frozen=True):
    """A line of the run's log; `word` is the kind of event."""

    at: float
    word: str
    text: str
    level: Literal["info", "warning", "error"] = "info"


class AnsweredQuestion(msgspec.Struct, frozen=True):
    """A question, and what the person answered."""

    question: Question
    reply: Reply


Ending: TypeAlias = Literal["", "user", "done"]


class RunSnapshot(msgspec.Struct, frozen=True):
    """Everything known of a run. What is not known yet is None or empty."""

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
    metric: Metric | None = None
    folds: int = 0
    train_rows: int = 0
    holdout_rows: int = 0
    settled: tuple[Trial, ...] = ()  # the tries before the latest
    latest: Trial | None = None
    champion_trial: Trial | None = None  # the try that holds the title
    probation: bool = False  # it won narrowly and has to stand up to more challengers
    challengers_met: int = 0  # so many of them so far
    ensemble: loop.EnsembleBuilt | None = None
    tasks: tuple[TaskState, ...] = ()  # of a task file, in their order
    mode: Mode = "automatic"
    planned: AgentName = "search"
    actual: AgentName = "search"
    fallback_reason: str = ""  # why another agent proposes than planned
    failures: int = 0  # of the planned agent, in a row
    ending: Ending = ""  # the search is to be over: a person said so, or the agent has nothing more to propose
    sessions: tuple[SessionState, ...] = ()  # in the order they were opened
    usage: Usage = NO_USAGE  # the sum over the sessions, exactly
    context: int = 0  # tokens that the last reply had in view
    retry: loop.RetryScheduled | None = None  # while an agent waits to be asked again
    question: Question | None = None  # while a person is asked
    answers: tuple[AnsweredQuestion, ...] = ()  # a person's, since the last iteration ended
    warnings: tuple[loop.BudgetWarned, ...] = ()  # those that hold under the limits in force
    notes: tuple[str, ...] = ()  # what the person told the agent
    fallback_grades: int = 0  # how often the heuristic stood in for a model's grade
    log: tuple[LogLine, ...] = ()
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
        """The same run with its clock read at `at`, and going on from there or standing still."""
        return replace(self, counted_seconds=self.active_seconds(at), counting_from=at if running else 0.0)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every try, in the order of the iterations."""
        return self.settled if self.latest is None else (*self.settled, self.latest)

    @property
    def champion(self) -> int:
        """The champion's iteration; 0 while there is none."""
        return self.champion_trial.iteration if self.champion_trial else 0

    @property
    def leaderboard(self) -> tuple[Trial, ...]:
        """The scored tries, best first."""
        if self.metric is None:
            return ()
        scored = [each for each in self.trials if each.mean is not None and each.mean == each.mean]
        return tuple(sorted(scored, key=lambda each: each.mean or 0.0, reverse=self.metric.greater_is_better))

    @property
    def tried(self) -> int:
        """How many recipes were scored; shown beside every best score."""
        return sum(each.state == "scored" for each in self.trials)


def interrupted(snapshot: RunSnapshot) -> RunSnapshot:
    """The same run when its worker is gone without having said so."""
    if snapshot.state.ended:
        return snapshot
    return replace(
        snapshot.clocked(snapshot.updated_at, running=False),
        state=RunState.INTERRUPTED,
        message="its worker is gone; it can be resumed",
    )
