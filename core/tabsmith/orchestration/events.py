"""What happens in a loop, as typed events, in a search for recipes and in a coding task alike. The run's journal holds them."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJobEnd, RiskLevel
from tabsmith.agents.protocol import AgentErrorKind, AgentName, ProposerName
from tabsmith.agents.usage import Usage
from tabsmith.conditions import IterationMetrics
from tabsmith.config.settings import Mode
from tabsmith.limits import LimitName
from tabsmith.modeling.large_tables.memory_plan import MemoryPlan
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Decision, Quality, Question, Reply
from tabsmith.recipes.recipe import Problem, Recipe


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened at `at`, seconds since 1970, which the journal sets when the event is recorded."""

    at: float = 0.0


class SearchStarted(Event, frozen=True, tag="search_started"):
    """The table is prepared and candidates come next."""

    metric: Metric
    folds: int
    train_rows: int
    holdout_rows: int
    notes: tuple[str, ...] = ()
    memory: MemoryPlan | None = None  # how a table that is larger than memory is trained on


class IterationStarted(Event, frozen=True, tag="iteration_started"):
    """`agent` is to propose recipe number `iteration` (from 1), or to work on `task` in a run of a task file."""

    iteration: int
    agent: ProposerName
    task: str = ""


class AgentChanged(Event, frozen=True, tag="agent_changed"):
    """From now on `actual` proposes in place of `planned`, for `reason`; both are the same once `planned` is back."""

    planned: AgentName
    actual: AgentName
    reason: str


class SessionOpened(Event, frozen=True, tag="session_opened"):
    """An agent is about to be asked. `session` is a fresh UUID; the session's words go into
    `sessions/<session>.jsonl` of the run's folder. `attempt` is over 1 when the agent is asked again."""

    session: str
    iteration: int
    attempt: int
    agent: AgentName
    model: str
    purpose: Literal["propose", "grade"] = "propose"


class SessionUsed(Event, frozen=True, tag="session_used"):
    """A reply came in: what that reply alone used, and the model that gave it."""

    session: str
    usage: Usage
    model: str = ""
    foreign: str = ""


SessionOutcome: TypeAlias = Literal["answered", "failed", "cancelled", "lost"]
"""`lost`: the worker died, and the next one closed the session."""


class SessionClosed(Event, frozen=True, tag="session_closed"):
    """The session is over, however it ended."""

    session: str
    outcome: SessionOutcome
    seconds: float
    trouble: AgentErrorKind | Literal[""] = ""
    message: str = ""


class RetryScheduled(Event, frozen=True, tag="retry_scheduled"):
    """A passing trouble: the agent is asked again at `until`, seconds since 1970; retry number `retry` of `retries`."""

    iteration: int
    trouble: AgentErrorKind
    retry: int
    retries: int
    until: float
    message: str


class Unanswered(Event, frozen=True, tag="unanswered"):
    """The iteration ends without an answer of the agent. Without `trouble` it had no more to propose, or was stopped."""

    iteration: int
    trouble: AgentErrorKind | Literal[""]
    message: str


class Proposed(Event, frozen=True, tag="proposed"):
    """The agent proposed a recipe; `change` says how it differs from the champion's. `reason` and `confidence` are the
    agent's own; `session` is "" for search."""

    iteration: int
    recipe: Recipe
    change: str
    reason: str = ""
    confidence: float | None = None
    session: str = ""


class RecipeRefused(Event, frozen=True, tag="refused"):
    """The recipe was refused before it was fitted, because of these problems."""

    iteration: int
    problems: tuple[Problem, ...]


class FoldScored(Event, frozen=True, tag="fold_scored"):
    """One fold of the current recipe is done."""

    iteration: int
    score: FoldScore


class Evaluated(Event, frozen=True, tag="evaluated"):
    """All folds of the recipe are done."""

    iteration: int
    evaluation: Evaluation


FailureReason: TypeAlias = Literal["error", "time limit", "stopped"]


class EvaluationFailed(Event, frozen=True, tag="failed"):
    """Fitting the recipe ended without a score; `message` is the error, `seconds` how long it took."""

    iteration: int
    reason: FailureReason
    message: str
    seconds: float


class ChampionChanged(Event, frozen=True, tag="champion_changed"):
    """A challenger became the champion; `rule` says why. `probation`: it won narrowly, see loop/champion.py."""

    iteration: int
    recipe: Recipe
    mean: float
    standard_error: float
    rule: str
    probation: bool = False


class Graded(Event, frozen=True, tag="graded"):
    """The iteration was graded."""

    iteration: int
    quality: Quality


class Decided(Event, frozen=True, tag="decided"):
    """A decision was taken. A person's decision follows the rule's."""

    iteration: int
    decision: Decision


class IterationSkipped(Event, frozen=True, tag="skipped"):
    """A person left the iteration out, so its recipe does not count."""

    iteration: int


class IterationEnded(Event, frozen=True, tag="iteration_ended"):
    """An iteration is over, whatever became of it: its metrics, and the feedback that the agent gets."""

    iteration: int
    facts: IterationMetrics
    feedback: str


class QuestionAsked(Event, frozen=True, tag="asked"):
    """The run stands still until a person answers."""

    question: Question


class QuestionAnswered(Event, frozen=True, tag="replied"):
    """The person's answer to the question `id`."""

    id: str
    reply: Reply


class BreakpointPassed(Event, frozen=True, tag="breakpoint_passed"):
    """A breakpoint fired in a mode in which nobody is asked."""

    iteration: int
    condition: str
    what: str


class BudgetWarned(Event, frozen=True, tag="budget_warned"):
    """The share 0.8, 0.95 or 1 of a limit is used; `words` say it in a sentence."""

    limit: LimitName
    share: float
    words: str


class ModeChanged(Event, frozen=True, tag="mode_changed"):
    """From now on the person wants to be asked as `mode` says."""

    mode: Mode


class NoteTaken(Event, frozen=True, tag="note_taken"):
    """The person has a note for the agent; every brief from now on holds it."""

    text: str


class RecipeQueued(Event, frozen=True, tag="recipe_queued"):
    """The person has a recipe of their own, which is tried next."""

    recipe: Recipe


class EnsembleBuilt(Event, frozen=True, tag="ensemble_built"):
    """The ensemble of the run was built from these recipes, on their out-of-fold predictions."""

    recipes: tuple[str, ...]  # ids
    weights: tuple[float, ...]
    score: float
    standard_error: float


class Noted(Event, frozen=True, tag="noted"):
    """A line for the log."""

    message: str
    level: Literal["info", "warning"] = "info"


LoopEvent: TypeAlias = (
    SearchStarted
    | IterationStarted
    | AgentChanged
    | SessionOpened
    | SessionUsed
    | SessionClosed
    | RetryScheduled
    | Unanswered
    | Proposed
    | RecipeRefused
    | FoldScored
    | Evaluated
    | EvaluationFailed
    | ChampionChanged
    | Graded
    | Decided
    | IterationSkipped
    | IterationEnded
    | QuestionAsked
    | QuestionAnswered
    | BreakpointPassed
    | BudgetWarned
    | ModeChanged
    | NoteTaken
    | RecipeQueued
    | EnsembleBuilt
    | Noted
)


AcceptanceVerdict: TypeAlias = Literal["accepted", "rejected", "could not run"]
"""`accepted`: the command ended with 0. `rejected`: it ended otherwise, or was ended. `could not run`: there is
no verdict, and the work never counts as accepted."""

TaskOutcome: TypeAlias = Literal["success", "success with limits", "partial", "failed", "blocked", "cancelled"]
"""`success with limits`: accepted, but with a quality that is not good enough. `partial`: not accepted, but the agent
was cut short at its work, which is kept, or the work is accepted and could not be handed back. `blocked`: never begun, because a task that it depends on did not succeed."""

TaskExit: TypeAlias = Literal[
    "done", "budget", "iterations", "stuck", "agent failed", "user", "blocked", "not handed back"
]

MergedBack: TypeAlias = Literal["yes", "no", "refused"]


class ChangedFile(msgspec.Struct, frozen=True):
    """A file that an iteration left different."""

    path: str
    kind: Literal["added", "removed", "modified", "renamed", "mode", "link"]
    lines_added: int = 0
    lines_removed: int = 0


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """How the acceptance command ended. `status` is its exit status, None if it was ended, and `ended` says by what;
    `output` is what it printed, cut; `level` is the sandbox that it ran in. `restored` are the protected files that the agent
    had changed: the command did not see those changes, and they are not handed back."""

    verdict: AcceptanceVerdict
    status: int | None
    ended: str
    seconds: float
    output: str
    level: str
    restored: tuple[str, ...] = ()


class TaskStarted(Event, frozen=True, tag="task_started"):
    """A task begins in a copy or a worktree of its folder; `level` is the sandbox that commands run in."""

    task: str
    how: Literal["copy", "worktree"]
    level: str
    notes: tuple[str, ...] = ()


class Acted(Event, frozen=True, tag="acted"):
    """The agent did something; the session's transcript has the whole of it."""

    iteration: int
    session: str
    activity: Activity


class PermissionDecided(Event, frozen=True, tag="permission_decided"):
    """A permission request of the agent was answered; `by` says who decided."""

    iteration: int
    tool: str
    what: str
    risk: RiskLevel
    allowed: Literal["once", "always", "no"]
    by: Literal["person", "mode"]


class Worked(Event, frozen=True, tag="worked"):
    """The agent has come back: its last words, which prove nothing, and the files that it left different."""

    iteration: int
    end: AgentJobEnd
    words: str
    changes: tuple[ChangedFile, ...]
    more: int = 0  # changed files beyond those named


class AcceptanceStarted(Event, frozen=True, tag="acceptance_started"):
    """The acceptance command starts."""

    iteration: int
    command: str


class AcceptanceEnded(Event, frozen=True, tag="acceptance_ended"):
    """The acceptance command has ended."""

    iteration: int
    acceptance: Acceptance


class TaskEnded(Event, frozen=True, tag="task_ended"):
    """The task is over; `reason` says why in a sentence, `handed_back` whether the task's folder has its changes now."""

    task: str
    outcome: TaskOutcome
    exit_reason: TaskExit
    handed_back: MergedBack
    reason: str = ""


TaskEvent: TypeAlias = (
    TaskStarted | Acted | PermissionDecided | Worked | AcceptanceStarted | AcceptanceEnded | TaskEnded
)
