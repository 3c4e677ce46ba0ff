"""What happens inside the loop, as typed events. The run's journal holds them; nothing else knows them."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentErrorKind, AgentName
from tabsmith.agents.usage import Usage
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.limits import LimitName
from tabsmith.modeling.results import Evaluation, FoldScore, Metric
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.questions import Mode, Question, Reply
from tabsmith.recipes.recipe import Problem, Recipe


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """Something that happened at `at`, seconds since 1970; the journal stamps it when it is recorded."""

    at: float = 0.0


class SearchStarted(Event, frozen=True, tag="search_started"):
    """The table is prepared and candidates come next."""

    metric: Metric
    folds: int
    train_rows: int
    holdout_rows: int
    notes: tuple[str, ...] = ()


class IterationStarted(Event, frozen=True, tag="iteration_started"):
    """Recipe number `iteration` (from 1) is wanted, of `agent`; or its work on `task`, in a run of a task file."""

    iteration: int
    agent: AgentName
    task: str = ""


class AgentChanged(Event, frozen=True, tag="agent_changed"):
    """From now on `actual` proposes where `planned` was to, and why; the two are the same again when it came back."""

    planned: AgentName
    actual: AgentName
    reason: str


class SessionOpened(Event, frozen=True, tag="session_opened"):
    """An agent is about to be asked. `session` is a fresh UUID, never used before; what is said goes into
    `sessions/<session>.jsonl` of the run's folder. `attempt` is over 1 when the agent is asked again."""

    session: str
    iteration: int
    attempt: int
    agent: AgentName
    model: str
    purpose: Literal["propose", "grade"] = "propose"


class SessionUsed(Event, frozen=True, tag="session_used"):
    """A reply came in: what it alone used, and the model that gave it."""

    session: str
    usage: Usage
    model: str = ""
    foreign: str = ""


SessionOutcome: TypeAlias = Literal["answered", "failed", "cancelled", "lost"]
"""`lost`: its worker died; closed by the next one."""


class SessionClosed(Event, frozen=True, tag="session_closed"):
    """The session is over, one way or another."""

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
    """The iteration ends without a recipe: the agent gave none. Without `trouble` it had no more, or was stopped."""

    iteration: int
    trouble: AgentErrorKind | Literal[""]
    message: str


class Proposed(Event, frozen=True, tag="proposed"):
    """The agent answered; `change` says in words how the recipe differs from the champion's. `reason` and `confidence`
    are the agent's own; `session` is "" for an agent that holds no conversation."""

    iteration: int
    recipe: Recipe
    change: str
    reason: str = ""
    confidence: float | None = None
    session: str = ""


class RecipeRefused(Event, frozen=True, tag="refused"):
    """The recipe was not fitted, because of these problems."""

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
    """Fitting the recipe ended without a score: the error's name and words; or its time ran out."""

    iteration: int
    reason: FailureReason
    message: str
    seconds: float


class ChampionChanged(Event, frozen=True, tag="champion_changed"):
    """A challenger won, by the champion rule in words. `probation`: it won narrowly, and holds the title until it has
    stood up to as many challengers as champion.py says."""

    iteration: int
    recipe: Recipe
    mean: float
    standard_error: float
    rule: str
    probation: bool = False


class Graded(Event, frozen=True, tag="graded"):
    """How good the iteration was."""

    iteration: int
    quality: Quality


class Decided(Event, frozen=True, tag="decided"):
    """What is done next. A person's decision follows the rule's."""

    iteration: int
    decision: Decision


class IterationSkipped(Event, frozen=True, tag="skipped"):
    """A person left the iteration out: its recipe does not count."""

    iteration: int


class IterationEnded(Event, frozen=True, tag="iteration_ended"):
    """The record of an iteration, made whatever became of it: its numbers, and what the agent is told about it."""

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
    """A condition came true, and nobody is asked in this mode."""

    iteration: int
    condition: str
    what: str


class BudgetWarned(Event, frozen=True, tag="budget_warned"):
    """So much of a limit is used: 0.8, 0.95 or 1."""

    limit: LimitName
    share: float
    words: str


class ModeChanged(Event, frozen=True, tag="mode_changed"):
    """How much the person wants to be asked from now on."""

    mode: Mode


class NoteTaken(Event, frozen=True, tag="note_taken"):
    """The person told the agent something; every brief from now on holds it."""

    text: str


class EnsembleBuilt(Event, frozen=True, tag="ensemble_built"):
    """Recipes of the run put together on their out-of-fold predictions."""

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
    | EnsembleBuilt
    | Noted
)
