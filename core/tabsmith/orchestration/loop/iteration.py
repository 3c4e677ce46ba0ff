"""An iteration while it happens: all that is known of it so far, so that it can be recorded at any moment."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import AgentJobResult
from tabsmith.agents.protocol import Agent, AgentName, Exhausted, Proposal
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.errors import AgentErrorKind
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.events import BudgetWarned
from tabsmith.orchestration.loop.champion import ChampionStatus, Judgement
from tabsmith.orchestration.task_events import Acceptance, ChangedFile
from tabsmith.recipes.recipe import Problem, Recipe

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


class Attempt(msgspec.Struct, frozen=True):
    """An iteration with its recipe: `evaluation` is None when it had no score, and `reason` says why. `counts` is
    false when a person left it out. `failed`: it was fitted in vain, so that the reason may hold a cell's value."""

    iteration: int
    recipe: Recipe
    evaluation: Evaluation | None
    reason: str = ""
    counts: bool = True
    failed: bool = False


class Failure(msgspec.Struct, frozen=True):
    """The agent was asked, and this went wrong."""

    trouble: AgentErrorKind
    what: str
    next_step: str = ""
    retry_after: float | None = None


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """An iteration that is begun and has no outcome yet. `answer` is the agent's, when there is one in the journal or
    in what it had said; else `failures` are the times that it was asked in vain, and `retry_at` (seconds since 1970)
    is when it is asked again, 0 when that was not settled. `sessions` are those in which it was asked, and `usage` is
    all that the iteration used."""

    iteration: int
    agent: AgentName
    answer: Proposal | Exhausted | None = None
    sessions: tuple[str, ...] = ()
    usage: Usage = NO_USAGE
    failures: tuple[Failure, ...] = ()
    retry_at: float = 0.0


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """An iteration whose worker died between its outcome and its record. `judgement` is the one by which it was promoted
    already. `broken_off`: it only has to be recorded. `grades` counts the sessions in which a model was asked for its
    grade, and `grade_failed` says why the last of them brought none."""

    iteration: int
    agent: AgentName
    stage: Literal["unanswered", "proposed", "refused", "failed", "stopped", "scored"]
    broken_off: bool = False
    proposal: Proposal | None = None
    sessions: tuple[str, ...] = ()
    usage: Usage = NO_USAGE
    retries: int = 0
    rate_limits: int = 0
    evaluation: Evaluation | None = None
    problems: tuple[Problem, ...] = ()
    trouble: AgentErrorKind | Literal[""] = ""
    message: str = ""
    quality: Quality | None = None
    grades: int = 0
    grade_failed: str = ""
    decision: Decision | None = None
    judgement: Judgement | None = None
    skipped: bool = False
    reported: frozenset[Reported] = frozenset()


class Past(msgspec.Struct, frozen=True):
    """An earlier worker's part of the run. `attempts`, `champion`, `champion_status` and what follows are those of the iterations
    that were recorded; `unsettled` or `begun` is the one after them, `facts` and `decisions` go together. `failures`
    counts the agent's in a row, `fallback_reason` says why search stands in for it, `unscored` counts the recipes in a row
    that had no score. `exhausted`: the agent has nothing more to propose."""

    attempts: tuple[Attempt, ...] = ()
    champion: int = 0
    champion_status: ChampionStatus = ChampionStatus()
    next_iteration: int = 1
    begun: Begun | None = None
    unsettled: Unsettled | None = None
    facts: tuple[IterationMetrics, ...] = ()
    decisions: tuple[Decision, ...] = ()
    usage: Usage = NO_USAGE
    warnings: tuple[BudgetWarned, ...] = ()
    feedback: str = ""
    failures: int = 0
    fallback_reason: str = ""
    unscored: int = 0
    exhausted: bool = False


def resumed_iteration(past: Unsettled, agent: Agent, *, started: float, usage: Usage) -> RecipeIteration:
    """The iteration that an earlier worker left; `usage` is the run's up to now, the iteration's own included."""
    return RecipeIteration(
        number=past.iteration,
        agent=agent,
        started=started,
        usage_before=usage - past.usage,
        stage=past.stage,
        proposal=past.proposal,
        sessions=past.sessions,
        trouble=past.trouble,
        message=past.message,
        problems=past.problems,
        evaluation=past.evaluation,
        retries=past.retries,
        rate_limits=past.rate_limits,
        judgement=past.judgement,
        quality=past.quality,
        grades=past.grades,
        grade_failed=past.grade_failed,
        decision=past.decision,
        skipped=past.skipped,
        reported=past.reported,
        resumed=True,
    )
