"""An iteration while it happens, with the context that it happens in: all that is known so far, so that it can be recorded
at any moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import AgentJobResult
from tabsmith.agents.protocol import Agent, EarlierRecipe, Proposal
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.errors import AgentErrorKind, WorkerError
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.events import Acceptance, ChangedFile
from tabsmith.orchestration.loop.champion import Judgement
from tabsmith.orchestration.loop_state import Trial, TrialState
from tabsmith.recipes.recipe import Family, Problem, Recipe, Verdict
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema

Reported: TypeAlias = Literal["graded", "decided", "promoted"]
"""What the journal already says of an iteration that is not recorded yet: it is not reported again."""

Stage: TypeAlias = Literal["begun", "unanswered", "proposed", "refused", "failed", "stopped", "scored"]
"""How far an iteration with a recipe came. `begun` and `proposed` are under way, the others are over."""


@dataclass(kw_only=True)
class Iteration:
    """Iteration `number`. `started` is on the run's clock, `usage_before` what the run had used before it."""

    number: int
    started: float
    usage_before: Usage = NO_USAGE
    sessions: tuple[str, ...] = ()
    trouble: AgentErrorKind | Literal[""] = ""
    message: str = ""
    retries: int = 0
    rate_limits: int = 0
    quality: Quality | None = None
    decision: Decision | None = None
    skipped: bool = False
    reported: frozenset[Reported] = frozenset()


@dataclass(kw_only=True)
class RecipeIteration(Iteration):
    """An iteration in which `agent` proposes a recipe that is evaluated on folds.

    `grades` counts the times that a model was asked for its grade, and `grade_failed` says why it gave none. `resumed`:
    an earlier worker brought the iteration to its outcome, and perhaps into the history.
    """

    agent: Agent
    stage: Stage = "begun"
    proposal: Proposal | None = None
    problems: tuple[Problem, ...] = ()
    evaluation: Evaluation | None = None
    champion_before: Evaluation | None = None
    judgement: Judgement | None = None
    grades: int = 0
    grade_failed: str = ""
    resumed: bool = False

    @property
    def promoted(self) -> bool:
        """Whether its recipe becomes the champion."""
        return self.judgement is not None and self.judgement.won and not self.skipped

    def as_trial(self) -> Trial:
        """The iteration as later ones look at it."""
        proposal, evaluation = self.proposal, self.evaluation
        return Trial(
            self.number,
            self.agent.name,
            state=self._state(),
            recipe=evaluation.recipe if evaluation else proposal.recipe if proposal else None,
            skipped=self.skipped,
            folds=evaluation.folds if evaluation else (),
            mean=evaluation.mean if evaluation else None,
            standard_error=evaluation.standard_error if evaluation else None,
            seconds=evaluation.seconds if evaluation else 0.0,
            message=self.message,
        )

    def _state(self) -> TrialState:
        match self.stage:
            case "scored" | "refused" | "failed" | "unanswered" | "proposed":
                return self.stage
            case "stopped":
                return "failed"
            case "begun":
                return "asking"


@dataclass(kw_only=True)
class TaskIteration(Iteration):
    """An iteration in which a coding agent works in a folder, and the acceptance command proves what came of it.

    `result` is None until the agent came back; `refused` counts the permissions that it did not get; `more` counts the
    changed files beyond `changes`.
    """

    result: AgentJobResult | None = None
    refused: int = 0
    changes: tuple[ChangedFile, ...] = ()
    more: int = 0
    acceptance: Acceptance | None = None

    @property
    def accepted(self) -> bool:
        """Whether the acceptance command ended with 0."""
        return self.acceptance is not None and self.acceptance.verdict == "accepted"


class LoopContext(msgspec.Struct, frozen=True, kw_only=True):
    """The table as understood, the metric, what agents may see of the table, and how long an agent is waited for."""

    run_id: str
    fingerprint: str  # of the table
    schema: Schema
    profile: TableProfile
    metric: Metric
    folds: int
    samples: bool = True  # whether agents see sample values
    patience: float = 120.0  # seconds
    breakpoints: tuple[str, ...] = ()
    earlier: tuple[EarlierRecipe, ...] = ()
    families: tuple[Family, ...] = ()  # the only ones that an agent may propose; empty for all


class OutOfTimeError(WorkerError):
    """An evaluation was ended because the run's time for fitting was up."""


class Evaluator(Protocol):
    """Checks and measures recipes, in other processes."""

    async def check(self, recipe: Recipe) -> Verdict:
        """Return whether the recipe may be fitted to this table, and its problems if not."""
        ...

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        """Return the scores of the recipe on the run's fixed folds; `on_fold` gets each score as it is there.

        Raises OutOfTimeError, ReportedError for what the fit raised, and WorkerError if its process died.
        """
        ...
