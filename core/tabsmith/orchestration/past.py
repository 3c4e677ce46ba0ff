"""What an earlier worker of a run left, for the loop to go on from."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName, Exhausted, Proposal
from tabsmith.agents.usage import NOTHING, Usage
from tabsmith.conditions.facts import Facts
from tabsmith.errors import Trouble
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration.champion import Judgement, Title
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.events import BudgetWarned
from tabsmith.recipes.recipe import Problem, Recipe

Told: TypeAlias = Literal["graded", "decided", "crowned"]
"""What the journal already tells of an iteration that is not recorded yet: it is not told again."""


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

    trouble: Trouble
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
    usage: Usage = NOTHING
    failures: tuple[Failure, ...] = ()
    retry_at: float = 0.0


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """An iteration whose worker died between its outcome and its record. `judgement` is the one by which it was crowned
    already. `broken_off`: it only has to be recorded. `grades` counts the sessions in which a model was asked for its
    grade, and `grade_failed` says why the last of them brought none."""

    iteration: int
    agent: AgentName
    stage: Literal["unanswered", "proposed", "refused", "failed", "stopped", "scored"]
    broken_off: bool = False
    proposal: Proposal | None = None
    sessions: tuple[str, ...] = ()
    usage: Usage = NOTHING
    retries: int = 0
    rate_limits: int = 0
    evaluation: Evaluation | None = None
    problems: tuple[Problem, ...] = ()
    trouble: Trouble | Literal[""] = ""
    message: str = ""
    quality: Quality | None = None
    grades: int = 0
    grade_failed: str = ""
    decision: Decision | None = None
    judgement: Judgement | None = None
    skipped: bool = False
    told: frozenset[Told] = frozenset()


class Past(msgspec.Struct, frozen=True):
    """An earlier worker's part of the run. `attempts`, `champion`, `title` and what follows are those of the iterations
    that were recorded; `unsettled` or `begun` is the one after them, `facts` and `decisions` go together. `failures`
    counts the agent's in a row, `handover` says why search stands in for it, `unscored` counts the recipes in a row
    that had no score. `exhausted`: the agent has nothing more to propose."""

    attempts: tuple[Attempt, ...] = ()
    champion: int = 0
    title: Title = Title()
    next_iteration: int = 1
    begun: Begun | None = None
    unsettled: Unsettled | None = None
    facts: tuple[Facts, ...] = ()
    decisions: tuple[Decision, ...] = ()
    usage: Usage = NOTHING
    warnings: tuple[BudgetWarned, ...] = ()
    feedback: str = ""
    failures: int = 0
    handover: str = ""
    unscored: int = 0
    exhausted: bool = False
