"""What a journal says of the loop, as data: its trials, sessions, usage, questions. The loop goes on from it after a kill,
and screens draw it."""

from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJobEnd
from tabsmith.agents.protocol import AgentErrorKind, AgentName, ProposerName
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.conditions import IterationMetrics
from tabsmith.config.settings import Mode
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Decision, Quality, Question, Reply
from tabsmith.orchestration.events import (
    Acceptance,
    BudgetWarned,
    ChangedFile,
    PermissionDecided,
    RetryScheduled,
    SessionOutcome,
)
from tabsmith.recipes.recipe import Problem, Recipe

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
    outcome: SessionOutcome | Literal["open"] = "open"
    trouble: AgentErrorKind | Literal[""] = ""
    message: str = ""
    usage: Usage = NO_USAGE
    foreign: str = ""


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
    agent: ProposerName
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
    delta: float | None = None  # its mean minus that of the champion of its time
    seconds: float = 0.0
    won: bool = False  # it became the champion
    rule: str = ""  # by which it did, in words
    stopped: bool = False  # a person ended it before it had a score
    message: str = ""
    problems: tuple[Problem, ...] = ()  # why it was refused
    trouble: AgentErrorKind | Literal[""] = ""  # why it went unanswered
    started_at: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether the trial has an outcome, which may not be recorded yet."""
        return self.state in FINISHED_STATES

    @property
    def scored(self) -> bool:
        """Whether the trial has scores on folds."""
        return self.recipe is not None and self.mean is not None and self.standard_error is not None

    @property
    def evaluation(self) -> Evaluation | None:
        """The scores on the folds; None without a score. What names their folder is computed from the whole recipe, so who
        goes through all trials for a number of each takes it from the trial."""
        if self.recipe is None or self.mean is None or self.standard_error is None:
            return None
        folder = evaluation_folder(self.iteration, self.recipe)
        return Evaluation(self.recipe, self.folds, self.mean, self.standard_error, self.seconds, folder)


def evaluation_folder(iteration: int, recipe: Recipe) -> str:
    """Where a recipe's folds are kept, below the run's folder: the same again after a resume."""
    return f"evaluations/{iteration:04d}-{recipe.id}"


class AnsweredQuestion(msgspec.Struct, frozen=True):
    """A question, and what the person answered."""

    question: Question
    reply: Reply


Ending: TypeAlias = Literal["", "user", "done"]


class LoopState(msgspec.Struct, frozen=True):
    """All that is known of the loop of a run. What is not known yet is None or empty."""

    metric: Metric | None = None
    folds: int = 0
    settled: tuple[Trial, ...] = ()  # the trials before the latest
    latest: Trial | None = None
    champion_trial: Trial | None = None  # the trial whose recipe is the champion
    probation: bool = False  # the champion won narrowly and has to meet more challengers
    challengers_met: int = 0  # by a champion on probation, so far
    mode: Mode = "automatic"
    planned: AgentName = "search"
    actual: AgentName = "search"
    fallback_reason: str = ""  # why another agent proposes than planned
    failures: int = 0  # of the planned agent, in a row
    ending: Ending = ""  # the search is to be over: a person said so, or the agent has nothing more to propose
    sessions: tuple[SessionState, ...] = ()  # in the order they were opened
    usage: Usage = NO_USAGE  # the sum over the sessions, exactly
    context: int = 0  # tokens that the last reply had in view
    retry: RetryScheduled | None = None  # while an agent waits to be asked again
    question: Question | None = None  # while a person is asked
    answers: tuple[AnsweredQuestion, ...] = ()  # a person's, since the last iteration ended
    warnings: tuple[BudgetWarned, ...] = ()  # those that hold under the limits in force
    notes: tuple[str, ...] = ()  # what the person told the agent
    queued: tuple[Recipe, ...] = ()  # the person's own recipes that came in while the run worked, tried or not
    fallback_grades: int = 0  # how often the heuristic stood in for a model's grade

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial, in the order of the iterations."""
        return self.settled if self.latest is None else (*self.settled, self.latest)

    @property
    def champion(self) -> int:
        """The champion's iteration; 0 while there is none."""
        return self.champion_trial.iteration if self.champion_trial else 0

    @property
    def leaderboard(self) -> tuple[Trial, ...]:
        """The scored trials, best first."""
        if self.metric is None:
            return ()
        scored = [each for each in self.trials if each.mean is not None and each.mean == each.mean]
        return tuple(sorted(scored, key=lambda each: each.mean or 0.0, reverse=self.metric.greater_is_better))

    @property
    def tried(self) -> int:
        """How many recipes were scored; shown beside every best score."""
        return sum(each.state == "scored" for each in self.trials)

    @property
    def unfinished(self) -> Trial | None:
        """The trial that is not recorded yet; None if there is none."""
        return self.latest if self.latest is not None and not self.latest.ended_at else None

    @property
    def recorded(self) -> tuple[Trial, ...]:
        """The trials that are recorded, in the order of the iterations."""
        return self.settled if self.unfinished is not None else self.trials

    def recorded_of_task(self, task: str) -> list[Trial]:
        """The recorded trials of one task of a file, in the order of the iterations."""
        return [each for each in self.recorded if each.work is not None and each.work.task == task]

    def sessions_of(self, iteration: int, purpose: Literal["propose", "grade"]) -> list[SessionState]:
        """The sessions of an iteration for one purpose, in the order they were opened."""
        return [each for each in self.sessions if each.iteration == iteration and each.purpose == purpose]
