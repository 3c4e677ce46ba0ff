"""An iteration while it happens: what is known of it so far, in one place, so that it can be recorded at any moment."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tabsmith.agents.protocol import Agent, Proposal
from tabsmith.agents.usage import NOTHING, Usage
from tabsmith.errors import Trouble
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration.champion import Judgement
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.past import Told, Unsettled
from tabsmith.recipes.recipe import Problem

Stage: TypeAlias = Literal["begun", "unanswered", "proposed", "refused", "failed", "stopped", "scored"]
"""How far it came. `begun` and `proposed` are under way, the others are over."""


@dataclass
class Iteration:
    """Iteration `number`, of `agent`. Filled in by the loop as it goes."""

    number: int
    agent: Agent
    started: float  # on the run's clock
    usage_before: Usage = NOTHING
    stage: Stage = "begun"
    proposal: Proposal | None = None
    sessions: tuple[str, ...] = ()
    trouble: Trouble | Literal[""] = ""
    message: str = ""
    problems: tuple[Problem, ...] = ()
    evaluation: Evaluation | None = None
    champion_before: Evaluation | None = None
    retries: int = 0
    rate_limits: int = 0
    judgement: Judgement | None = None
    quality: Quality | None = None
    grades: int = 0  # times that a model was asked for its grade
    grade_failed: str = ""
    decision: Decision | None = None
    skipped: bool = False
    told: frozenset[Told] = frozenset()  # what an earlier worker told of it already
    taken_up: bool = False  # an earlier worker brought it to its outcome, and perhaps into the history


def taken_up(past: Unsettled, agent: Agent, *, started: float, usage: Usage) -> Iteration:
    """The iteration that an earlier worker left; `usage` is the run's up to now, the iteration's own included."""
    return Iteration(
        past.iteration,
        agent,
        started,
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
        told=past.told,
        taken_up=True,
    )
