"""The loop around an agent: brief, propose, validate, evaluate, champion, record; until a limit or no more ideas.

Every arrow carries one typed value, and everything that happens is recorded before the next thing starts. The loop
computes nothing: an `Evaluator` does, in other processes.
"""

import math
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agents.protocol import Agent, Brief, Exhausted, Goal, Proposal, Tried
from tabsmith.errors import ErrorReport, ReportedError, WorkerError
from tabsmith.modeling.results import Evaluation, FoldScore, Metric
from tabsmith.orchestration import events
from tabsmith.orchestration.champion import judge
from tabsmith.orchestration.events import LoopEvent
from tabsmith.recipes.difference import difference
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.tables.profile import Profile
from tabsmith.tables.schema import Schema

End: TypeAlias = Literal["done", "time", "iterations", "user"]

MOST_FAILURES_IN_A_ROW = 8
"""After so many recipes in a row without a score, the loop ends: something is wrong with the table, not the recipes."""


class OutOfTimeError(WorkerError):
    """An evaluation was ended because the run's time for fitting was up."""


class Evaluator(Protocol):
    """Who measures a recipe."""

    async def check(self, recipe: Recipe) -> Verdict:
        """Whether the recipe may be fitted to this table."""
        ...

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        """The recipe on the run's fixed folds; `on_fold` is told each one as it is done.

        Raises OutOfTimeError, ReportedError for what the fit raised, WorkerError when its process died.
        """
        ...


class Budget(Protocol):
    """What is left, asked before every iteration."""

    def seconds_left(self) -> float: ...
    def iterations_left(self, done: int) -> float: ...
    def asked_to_end(self) -> bool: ...


class Attempt(msgspec.Struct, frozen=True):
    """An iteration that is over, for the loop to go on from: `evaluation` is None when it had no score."""

    iteration: int
    recipe: Recipe
    evaluation: Evaluation | None
    reason: str = ""


class Past(msgspec.Struct, frozen=True):
    """What an earlier worker of this run left. `pending` is a recipe that was proposed and not yet scored."""

    attempts: tuple[Attempt, ...] = ()
    champion: int = 0
    next_iteration: int = 1
    pending: Recipe | None = None


class Loop:
    """One search. `attempts` grows as it goes, so whoever ends it early finds all that was scored."""

    def __init__(
        self,
        agent: Agent,
        evaluator: Evaluator,
        budget: Budget,
        record: Callable[[LoopEvent], None],
        *,
        schema: Schema,
        profile: Profile,
        metric: Metric,
        past: Past,
        clock: Callable[[], float],
    ) -> None:
        self.agent = agent
        self.attempts: list[Attempt] = list(past.attempts)
        self.champion = next((a.evaluation for a in past.attempts if a.iteration == past.champion), None)
        self._evaluator = evaluator
        self._budget = budget
        self._record = record
        self._schema = schema
        self._profile = profile
        self._metric = metric
        self._iteration = past.next_iteration - 1
        self._pending = past.pending
        self._failures = 0
        self._clock = clock

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Every evaluation with a score, in the order they were made."""
        return tuple(a.evaluation for a in self.attempts if a.evaluation is not None)

    async def run(self) -> End:
        """Iterate until a limit, a person, or the agent ends it; returns which."""
        while True:
            if self._budget.asked_to_end():
                return "user"
            if self._budget.seconds_left() <= 0:
                return "time"
            if self._budget.iterations_left(self._iteration) <= 0:
                return "iterations"
            if self._failures >= MOST_FAILURES_IN_A_ROW:
                self._record(events.Noted(message=f"{self._failures} recipes in a row failed", level="warning"))
                return "done"
            proposal = await self._propose()
            if isinstance(proposal, Exhausted):
                self._record(events.Noted(message=f"{self.agent.name}: {proposal.reason}"))
                return "done"
            if not await self._try(proposal.recipe):
                return "time"

    async def _propose(self) -> Proposal | Exhausted:
        if self._pending is not None:
            recipe, self._pending = self._pending, None
            proposal: Proposal | Exhausted = Proposal(recipe, "taken up where the last worker left it")
        else:
            proposal = await self.agent.propose(self._brief())
        if isinstance(proposal, Proposal):
            self._iteration += 1
            self._record(events.IterationStarted(iteration=self._iteration, agent=self.agent.name))
        return proposal

    async def _try(self, recipe: Recipe) -> bool:
        """One iteration from its recipe on; False when time ended it."""
        iteration = self._iteration
        champion = self.champion.recipe if self.champion else None
        self._record(events.Proposed(iteration=iteration, recipe=recipe, change=difference(champion, recipe)))
        verdict = await self._evaluator.check(recipe)
        if not verdict.valid:
            self._record(events.Refused(iteration=iteration, problems=verdict.problems))
            self._lost(recipe, "; ".join(problem.what for problem in verdict.problems))
            return True
        started = self._clock()
        try:
            evaluation = await self._evaluator.evaluate(
                iteration, recipe, lambda score: self._record(events.FoldScored(iteration=iteration, score=score))
            )
        except OutOfTimeError as error:
            self._failed(recipe, "time limit", error.report(), started)
            return False
        except (ReportedError, WorkerError) as error:
            self._failed(recipe, "error", error.report(), started)
            return True
        if not math.isfinite(evaluation.mean):
            self._failed(recipe, "error", ErrorReport("NotFinite", "The score is not a finite number."), started)
            return True
        self._record(events.Evaluated(iteration=iteration, evaluation=evaluation))
        self.attempts.append(Attempt(iteration, recipe, evaluation))
        self._failures = 0
        self._crown(iteration, evaluation)
        return True

    def _crown(self, iteration: int, challenger: Evaluation) -> None:
        judgement = judge(self.champion, challenger, self._metric)
        if not judgement.won:
            return
        self.champion = challenger
        self._record(
            events.ChampionChanged(
                iteration=iteration,
                recipe=challenger.recipe,
                mean=challenger.mean,
                standard_error=challenger.standard_error,
                rule=judgement.rule,
            )
        )

    def _failed(
        self, recipe: Recipe, reason: Literal["error", "time limit"], error: ErrorReport, started: float
    ) -> None:
        seconds = self._clock() - started
        failed = events.Failed(iteration=self._iteration, reason=reason, message=error.what, seconds=seconds)
        self._record(failed)
        self._lost(recipe, error.what)

    def _lost(self, recipe: Recipe, reason: str) -> None:
        self._failures += 1
        self.attempts.append(Attempt(self._iteration, recipe, None, reason))

    def _brief(self) -> Brief:
        tried = tuple(_tried(attempt) for attempt in self.attempts)
        champion = next((each for each in tried if self.champion and each.recipe is self.champion.recipe), None)
        seconds, iterations = self._budget.seconds_left(), self._budget.iterations_left(self._iteration)
        return Brief(
            schema=self._schema,
            profile=self._profile,
            metric=Goal(self._metric.label, self._metric.greater_is_better),
            champion=champion,
            tried=tried,
            seconds_left=seconds if math.isfinite(seconds) else None,
            iterations_left=int(iterations) if math.isfinite(iterations) else None,
        )


def _tried(attempt: Attempt) -> Tried:
    evaluation = attempt.evaluation
    if evaluation is None:
        return Tried(attempt.recipe, None, reason=attempt.reason)
    return Tried(
        evaluation.recipe, evaluation.mean, standard_error=evaluation.standard_error, seconds=evaluation.seconds
    )
