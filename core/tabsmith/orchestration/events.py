"""What happens inside the loop, as typed events. The run's journal holds them."""

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
    """Something that happened at `at`, seconds since 1970, which the journal sets when the event is recorded."""

    at: float = 0.0


class SearchStarted(Event, frozen=True, tag="search_started"):
    """The table is prepared and candidates come next."""

    metric: Metric
    folds: int
    train_rows: int
    holdout_rows: int
    notes: tuple[str, ...] = ()


class IterationStarted(Event, frozen=True, tag="iteration_started"):
    """`agent` is to propose recipe number `iteration` (from 1), or to work on `task` in a run of a task file."""

    iteration: int
    agent: AgentName
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
    | EnsembleBuilt
    | Noted
)
