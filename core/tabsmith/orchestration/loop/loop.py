"""The loop around an agent: attempt, grade, decide, ask a person where that is due, record, give feedback; until a
limit, a person, the agent or success ends it.

Everything that happens is recorded before the next thing starts. The loop computes nothing: what is measured is
measured in other processes. recipe_loop.py and task_loop.py say what an attempt is: a recipe that is evaluated on folds,
or a coding agent's work that an acceptance command proves.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from msgspec.structs import replace

from tabsmith.conditions import IterationMetrics
from tabsmith.orchestration.decisions import Decide, Decision, Quality, Reply
from tabsmith.orchestration.events import BudgetWarned, Decided, Graded, IterationEnded, LoopEvent, TaskEvent
from tabsmith.orchestration.human_review import Breakpoints, HumanReview, LoopEnd, UserInterface
from tabsmith.orchestration.limits import UsageTracker, nearly_spent
from tabsmith.orchestration.loop.decide import DecisionInput, DecisionStreak, decide
from tabsmith.orchestration.loop.iteration import Iteration

IterationT = TypeVar("IterationT", bound=Iteration)


class Loop(ABC, Generic[IterationT]):
    """`number` is the latest iteration that is over, and `feedback` what the next prompt says of it."""

    def __init__(
        self,
        ui: UserInterface,
        tracker: UsageTracker,
        review: HumanReview,
        breakpoints: Breakpoints,
        record: Callable[[LoopEvent | TaskEvent], None],
        *,
        clock: Callable[[], float],
        number: int,
        feedback: str,
    ) -> None:
        self.number = number
        self.feedback = feedback
        self._ui = ui
        self._tracker = tracker
        self._review = review
        self._breakpoints = breakpoints
        self._record = record
        self._clock = clock
        self._streak = DecisionStreak()

    async def iterate(self) -> LoopEnd:
        """Iterate until the loop ends; returns why."""
        while True:
            await self._ui.going()
            end = self._own_end() or await self._review.limit_reached() or self._own_limit() or await self._iterate()
            if end is not None:
                return end

    @abstractmethod
    async def _iterate(self) -> LoopEnd | None:
        """Do one iteration; returns why the loop is over after it, None if it goes on."""

    @abstractmethod
    async def _grade(self, iteration: IterationT) -> Quality | None:
        """How good the iteration was; None if there is nothing to grade."""

    @abstractmethod
    def _decision_input(self, iteration: IterationT) -> DecisionInput:
        """What the rule that decides looks at, without the budget and the earlier decisions."""

    @abstractmethod
    def _metrics(self, iteration: IterationT) -> IterationMetrics:
        """The iteration in numbers, without those that `_all_metrics` adds."""

    @abstractmethod
    def _failures_after(self, iteration: IterationT, decision: Decision) -> int:
        """The agent's failures in a row, the iteration included."""

    @abstractmethod
    def _brought_progress(self, iteration: IterationT, decision: Decision) -> bool:
        """Whether the same decision after another such iteration would still lead somewhere."""

    @abstractmethod
    def _obey(self, iteration: IterationT, reply: Reply) -> LoopEnd | None:
        """Do what the person replied about the iteration; returns why the loop is over, None if it goes on."""

    @abstractmethod
    def _write_feedback(self, iteration: IterationT) -> str:
        """What the next prompt says of the iteration."""

    def _own_end(self) -> LoopEnd | None:
        """Why this kind of loop does not go on, whatever the budget is."""
        return None

    def _own_limit(self) -> LoopEnd | None:
        """Why this kind of loop does not go on although the run's budget would allow it."""
        return None

    def _promote(self, iteration: IterationT) -> None:
        """Make the recipe of the iteration the champion, if it won."""

    def _asks_on_escalation(self, iteration: IterationT) -> bool:  # noqa: ARG002 - a hook
        """Whether an escalation or a checkpoint after this iteration is a person's concern."""
        return True

    @property
    @abstractmethod
    def _failures(self) -> int:
        """The agent's failures in a row, up to the last iteration that is over."""

    async def finish_iteration(self, iteration: IterationT) -> LoopEnd | None:
        """Grade, decide, ask where that is due, promote, record. Returns why the loop is over if the person ends it."""
        quality = iteration.quality or await self._grade(iteration)
        if quality is not None and "graded" not in iteration.reported:
            iteration.quality = quality
            self._record(Graded(iteration=iteration.number, quality=quality))
        self._tracker.count(iteration.number, self._failures)
        # The decision first: were the warnings first, a worker that dies between would decide without them.
        warnings = self._tracker.due_warnings()
        decision = iteration.decision = iteration.decision or self._decide(iteration, warnings)
        if "decided" not in iteration.reported:
            self._record(Decided(iteration=iteration.number, decision=decision))
        for warning in warnings:
            self._record(warning)
        end = await self._consult(iteration, decision)
        self._promote(iteration)
        self.close_iteration(iteration)
        return end

    def close_iteration(self, iteration: IterationT) -> None:
        """Record the iteration, also one that was broken off before it could be decided on."""
        decision = iteration.decision
        if decision is not None:
            self._count_decision(iteration, decision)
            self._streak = self._streak.after(decision, progress=self._brought_progress(iteration, decision))
        self._tracker.count(iteration.number, self._failures)
        metrics = self._all_metrics(iteration, self._failures)
        self.feedback = self._write_feedback(iteration)
        self._keep(iteration)
        self._record(IterationEnded(iteration=iteration.number, facts=metrics, feedback=self.feedback))

    @abstractmethod
    def _count_decision(self, iteration: IterationT, decision: Decision) -> None:
        """Count the decision as a failure of the agent, or as the end of its failures."""

    def _keep(self, iteration: IterationT) -> None:
        """Keep the iteration where later ones look, and in the history of all runs, before its end is recorded."""

    def _decide(self, iteration: IterationT, warnings: tuple[BudgetWarned, ...]) -> Decision:
        given = self._decision_input(iteration)
        return decide(replace(given, near=nearly_spent(warnings), streak=self._streak))

    async def _consult(self, iteration: IterationT, decision: Decision) -> LoopEnd | None:
        """Ask the person where that is due, and do what the person replies."""
        metrics = self._all_metrics(iteration, self._failures_after(iteration, decision))
        fired = self._breakpoints.check(metrics)
        if "promoted" in iteration.reported:  # an earlier worker has been through this
            return None
        if self._review.mode == "automatic":
            self._review.pass_by(iteration.number, fired)
            return None
        if iteration.skipped or decision.by == "person":  # the person has just spoken, perhaps to an earlier worker
            return None if iteration.skipped else self._obey(iteration, Decide(decision.action))
        escalates = self._asks_on_escalation(iteration)
        reply = await self._review.consult(iteration.number, decision, fired, iteration.message, escalates=escalates)
        return self._obey(iteration, reply) if reply is not None else None

    def _all_metrics(self, iteration: IterationT, failures: int) -> IterationMetrics:
        """The iteration in numbers, with the agent's `failures` in a row and what the run has used."""
        quality, decision, seconds = iteration.quality, iteration.decision, self._clock()
        used, budget = self._tracker.usage - iteration.usage_before, self._tracker.budget()
        return replace(
            self._metrics(iteration),
            iteration=iteration.number,
            quality=quality.value if quality else 0.0,
            confidence=decision.confidence if decision else 0.0,
            retries=iteration.retries,
            rate_limits=iteration.rate_limits,
            iteration_seconds=max(0.0, seconds - iteration.started),
            iteration_tokens=used.tokens,
            iteration_dollars=float(used.cost),
            failures=failures,
            seconds=seconds,
            tokens=budget.usage.tokens,
            dollars=float(budget.usage.cost),
            time_used=budget.time_share,
            budget_used=budget.largest_share,
        )
