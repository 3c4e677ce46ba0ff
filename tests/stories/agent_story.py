"""A run in which an agent proposes, told event by event in the order in which the loop records them: sessions, retries,
grades, decisions, questions."""

from decimal import Decimal
from typing import Any, Self

import msgspec

from tabsmith.agents.protocol import AgentErrorKind, AgentName
from tabsmith.agents.usage import Usage
from tabsmith.conditions import IterationMetrics
from tabsmith.config.settings import Mode
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import (
    Cause,
    Decision,
    DecisionAction,
    LimitName,
    Quality,
    QualityPart,
    Question,
    Reply,
)
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import RunState
from tabsmith.runs.spec import Limits, RunSpec
from tests.stories import journals
from tests.stories.journals import FOLDS, Story

MODEL = "claude-sonnet-4-5"
USED = Usage(
    input_tokens=4_010,
    output_tokens=517,
    cache_read_tokens=2_583,
    reasoning_tokens=120,
    turns=1,
    cost=Decimal("0.0352"),
)


def asked_for(
    agent: AgentName = "claude-code", *, mode: Mode = "confirm", limits: Limits | None = None, path: str = ""
) -> RunSpec:
    """A run with an agent asked for: ten minutes, two dollars."""
    spec = journals.spec(path=path or "data/housing.csv", limits=limits or Limits(seconds=600.0, dollars="2.00"))
    return msgspec.structs.replace(spec, choice=msgspec.structs.replace(spec.choice, agent=agent, mode=mode))


class AgentStory(Story):
    """A run with an agent, told event by event."""

    def __init__(self, asked: RunSpec | None = None, model: str = MODEL) -> None:
        super().__init__(asked or asked_for())
        self.agent: AgentName = self.spec.choice.agent
        self.model = model
        self.opened = 0

    def open(self, attempt: int = 1, purpose: Any = "propose") -> str:
        """The agent is asked; its session stays open."""
        self.opened += 1
        session = f"{self.opened:08x}-7f3a-4c9d-8000-00000000beef"
        if purpose == "propose":
            self.tell(run.StateChanged(state=RunState.WAITING, message=f"asking {self.agent}"))
        event = loop.SessionOpened(
            session=session,
            iteration=self.iteration,
            attempt=attempt,
            agent=self.agent,
            model=self.model,
            purpose=purpose,
        )
        self.tell(event, 0.1)
        return session

    def close(self, session: str, usage: Usage | None = USED, *, seconds: float = 3.0, **outcome: Any) -> Self:
        """It answers, at the price of `usage`; or it does not."""
        if usage is not None:
            self.tell(loop.SessionUsed(session=session, usage=usage, model=self.model), seconds)
        closed = loop.SessionClosed(
            session=session, outcome=outcome.pop("outcome", "answered"), seconds=seconds, **outcome
        )
        self.tell(closed, 0.1)
        return self

    def trouble(
        self, what: AgentErrorKind, message: str, *, retry: int, of: int, wait: float, passes: bool = True
    ) -> Self:
        """The session fails in a way that passes; with `passes` the wait for the next try is over, too."""
        self.close(self.open(retry), None, outcome="failed", trouble=what, message=message)
        until = self.at + wait
        event = loop.RetryScheduled(
            iteration=self.iteration, trouble=what, retry=retry, retries=of, until=until, message=message
        )
        self.tell(event, 0.0)
        if passes:
            self.at = until
        return self

    def offer(self, recipe: Recipe, change: str, *, reason: str = "", usage: Usage = USED, attempt: int = 1) -> Self:
        """The agent's next recipe; `attempt` over 1 goes on in the same iteration."""
        if attempt == 1:
            self.ask(self.agent)
        session = self.open(attempt)
        self.close(session, usage)
        event = loop.Proposed(
            iteration=self.iteration, recipe=recipe, change=change, reason=reason, confidence=0.8, session=session
        )
        self.tell(event, 0.05)
        return self

    def measure(self, recipe: Recipe, mean: float, error: float, *, seconds: float = 9.0) -> Self:
        """The recipe is scored on all folds."""
        self.tell(run.StateChanged(state=RunState.EVALUATING))
        spread = error * FOLDS**0.5
        scores = [mean + spread * step for step in (-1.2, -0.5, 0.1, 0.5, 1.1)]
        self.folds(scores, seconds)
        folds = tuple(FoldScore(fold, score, seconds / FOLDS, 0.02) for fold, score in enumerate(scores))
        evaluation = Evaluation(recipe, folds, mean, error, seconds, f"evaluations/{self.iteration}")
        self.tell(loop.Evaluated(iteration=self.iteration, evaluation=evaluation), 0.05)
        return self

    def judge(
        self,
        quality: float,
        action: DecisionAction = "proceed",
        rule: str = "",
        *,
        confidence: float = 0.71,
        fallback: str = "",
    ) -> Self:
        """How good it was, and what is done next."""
        parts = (QualityPart("valid", 1.0, 0.5), QualityPart("gain", quality, 0.5))
        grade = Quality(quality, "heuristic", parts, fallback=fallback)
        self.tell(loop.Graded(iteration=self.iteration, quality=grade), 0.01)
        words = rule or f"valid, quality {quality:.2f} ≥ 0.70"
        self.tell(loop.Decided(iteration=self.iteration, decision=Decision(action, confidence, words)), 0.01)
        return self

    def crown(self, recipe: Recipe, mean: float, error: float, *, probation: bool = False) -> Self:
        """The recipe is the champion from now on."""
        event = loop.ChampionChanged(
            iteration=self.iteration,
            recipe=recipe,
            mean=mean,
            standard_error=error,
            rule="better beyond noise",
            probation=probation,
        )
        self.tell(event, 0.01)
        return self

    def over(self, feedback: str = "It was measured.", failures: int = 0) -> Self:
        """The record of the iteration."""
        latest = self.snapshot.latest
        assert latest is not None
        facts = IterationMetrics(
            iteration=self.iteration,
            iteration_seconds=self.at - latest.started_at,
            iteration_tokens=latest.usage.tokens,
            iteration_dollars=float(latest.usage.cost),
            failures=failures,
        )
        self.tell(loop.IterationEnded(iteration=self.iteration, facts=facts, feedback=feedback), 0.01)
        return self

    def improve(
        self, recipe: Recipe, change: str, mean: float, error: float, *, wins: bool = False, **more: Any
    ) -> Self:
        """A whole iteration that goes well."""
        self.offer(recipe, change, **more).measure(recipe, mean, error).judge(0.78 if wins else 0.72)
        if wins:
            self.crown(recipe, mean, error)
        return self.over()

    def no_answer(self, trouble: AgentErrorKind, message: str, failures: int) -> Self:
        """A whole iteration without a recipe."""
        self.ask(self.agent)
        self.close(self.open(), None, outcome="failed", trouble=trouble, message=message)
        self.tell(loop.Unanswered(iteration=self.iteration, trouble=trouble, message=message), 0.01)
        self.judge(0.0, "escalate", "no answer", confidence=1.0)
        return self.over(failures=failures)

    def hand_over(self, reason: str) -> Self:
        """Search proposes in the place of the agent."""
        self.tell(loop.AgentChanged(planned=self.spec.choice.agent, actual="search", reason=reason), 0.01)
        return self

    def come_back(self) -> Self:
        """The agent proposes again."""
        planned = self.spec.choice.agent
        self.tell(loop.AgentChanged(planned=planned, actual=planned, reason="it answers again"), 0.01)
        return self

    def question(
        self, cause: Cause, what: str, *, limit: LimitName | Any = "", details: str = "", condition: str = ""
    ) -> Self:
        """The run stands still and asks."""
        asked = Question(
            id=f"q-{len(self.events)}",
            iteration=self.iteration,
            cause=cause,
            what=what,
            limit=limit,
            details=details,
            condition=condition,
        )
        self.tell(loop.QuestionAsked(question=asked), 0.01)
        self.tell(run.StateChanged(state=RunState.ASKING, message=what))
        return self

    def replied(self, reply: Reply) -> Self:
        """It has its answer, and goes on."""
        asked = self.snapshot.question
        assert asked is not None
        self.tell(loop.QuestionAnswered(id=asked.id, reply=reply), 5.0)
        self.tell(run.StateChanged(state=RunState.RUNNING))
        return self

    def warn(self, limit: LimitName, share: float, words: str) -> Self:
        """So much of a limit is used."""
        self.tell(loop.BudgetWarned(limit=limit, share=share, words=words), 0.01)
        return self
