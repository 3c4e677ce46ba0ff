"""The loop around an agent: brief, propose, validate, evaluate, grade, decide, record, give feedback; until a limit, a
person or the agent ends it.

Every arrow carries one typed value, and everything that happens is recorded before the next thing starts. The loop
computes nothing: an `Evaluator` does, in other processes. What an iteration comes to is settled in settling.py, what
may be spent is asked in budget.py.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from tabsmith.agents.protocol import Agent, Brief, Exhausted, Proposal
from tabsmith.agents.usage import Usage
from tabsmith.errors import ErrorReport, ReportedError, WorkerError
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration import events
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.human.review import LimitReview
from tabsmith.orchestration.human.user_interface import LoopEnd, UserInterface
from tabsmith.orchestration.limits.budget import UsageTracker
from tabsmith.orchestration.loop.agent_calls import AgentCaller, CallResult, NoAnswer, earlier_result
from tabsmith.orchestration.loop.context import Evaluator, LoopContext, OutOfTimeError
from tabsmith.orchestration.loop.fallback import Fallback
from tabsmith.orchestration.loop.finish_iteration import Grader, IterationFinisher
from tabsmith.orchestration.loop.inputs import build_brief, recipe_proposed
from tabsmith.orchestration.loop.iteration import Attempt, Begun, Iteration, Past, resumed_iteration
from tabsmith.orchestration.sessions import SessionRecorder, TranscriptWriter
from tabsmith.recipes.recipe import Recipe

MOST_FAILURES_IN_A_ROW: Final = 8
"""After so many recipes in a row without a score, the loop ends: something is wrong with the table, not the recipes."""

LEAST_PATIENCE: Final = 1.0
"""Seconds that a call to an agent may take at least, however little is left."""


class Loop:
    """One search. `attempts` grows as it goes, so whoever ends it early finds all that was scored."""

    def __init__(
        self,
        planned: Agent,
        search: Agent,
        evaluator: Evaluator,
        person: UserInterface,
        record: Callable[[LoopEvent], None],
        *,
        task: LoopContext,
        scribe: TranscriptWriter,
        past: Past,
        clock: Callable[[], float],
        remember: Callable[[Iteration], None],
        grader: Grader | None = None,
    ) -> None:
        self.attempts: list[Attempt] = list(past.attempts)
        self.task = task
        self._past = past
        self._evaluator = evaluator
        self._person = person
        self._clock = clock
        self._journal = record
        self._number = past.next_iteration - 1
        self._unscored = past.unscored
        self._begun = past.begun
        self._asks: Iteration | None = None  # the iteration whose agent is asked now
        self._tracker = UsageTracker(
            lambda: person.limits,
            clock,
            person.seconds_for_fitting,
            warns_of_time=planned.uses_llm,
            iterations=past.next_iteration - 1,
            failures=past.failures,
            usage=past.usage,
            warnings=past.warnings,
        )
        self._limits = LimitReview(person, self._tracker, self._record, asks=planned.uses_llm)
        self._handover = Fallback(planned, search, self._record, failures=past.failures, reason=past.fallback_reason)
        sessions = SessionRecorder(self._record, scribe)
        self._asking = AgentCaller(
            sessions,
            self._record,
            patience=self._patience,
            time_left=person.seconds_for_fitting,
            may_spend=lambda: self._tracker.used_up() is None,
        )
        self._settling = IterationFinisher(
            task,
            person,
            self._tracker,
            self._limits,
            self._handover,
            self._record,
            remember,
            past=past,
            attempts=self.attempts,
            grader=grader,
            sessions=sessions,
            patience=self._patience,
            clock=clock,
        )

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Every evaluation with a score that counts, in the order they were made."""
        return tuple(a.evaluation for a in self.attempts if a.evaluation is not None and a.counts)

    @property
    def usage(self) -> Usage:
        """What all sessions of the run used, earlier workers' included."""
        return self._tracker.usage

    @property
    def fallback_reason(self) -> str:
        """Why search stands in for the planned agent; "" while it does not."""
        return self._handover.reason

    async def run(self) -> LoopEnd:
        """Iterate until a limit, a person, or the agent ends it; returns which."""
        end = await self._take_up()
        while end is None:
            await self._person.going()
            if self._unscored >= MOST_FAILURES_IN_A_ROW:
                message = f"{self._unscored} iterations in a row brought no score"
                self._record(events.Noted(message=message, level="warning"))
                return "done"
            end = await self._limits.loop_end() or await self._iterate()
        return end

    async def _take_up(self) -> LoopEnd | None:
        """Bring to an end what an earlier worker had begun; what it was told to end is not asked for again."""
        unsettled, begun = self._past.unsettled, self._begun
        if unsettled is not None:
            agent = self._handover.called(unsettled.agent)
            iteration = resumed_iteration(unsettled, agent, started=self._clock(), usage=self._tracker.usage)
            self._number = iteration.number
            if not unsettled.broken_off:
                return await self._settle(iteration)
            self._settling.close(iteration)
        elif begun is not None and self._person.asked_to_end():
            self._stop(self._of(begun, self._handover.called(begun.agent)), begun.answer)
        elif begun is not None and begun.answer is not None:
            agent = self._handover.called(begun.agent)
            self._begun = None
            self._handover.answered(agent)
            return await self._carry_out(self._begin(begun, agent), earlier_result(begun, begun.answer))
        return "done" if self._past.exhausted else None

    async def _iterate(self) -> LoopEnd | None:
        begun = self._begun or Begun(iteration=self._number + 1, agent=self._handover.actual.name)
        self._begun = None
        try:
            iteration, asked = await self._ask(begun)
        except asyncio.CancelledError:
            if self._asks is not None and self._person.asked_to_end():
                self._stop(self._asks)
            raise
        return await self._carry_out(iteration, asked)

    async def _ask(self, begun: Begun) -> tuple[Iteration, CallResult]:
        """A recipe from whoever is to propose; search's is begun only once it is there, as it may have none."""
        order = self._handover.order()
        for agent in order:
            last = agent is order[-1]
            brief = self._brief(begun.iteration)
            if agent.uses_llm:
                iteration = self._asks = self._begin(begun, agent)
                self._person.waiting(f"asking {agent.name}")
            asked = await self._asking.ask(agent, brief, begun, only_once=not last)
            if not agent.uses_llm:
                iteration = self._of(begun, agent)
                if not isinstance(asked.answer, Exhausted):
                    self._begin(begun, agent)
            if last or not isinstance(asked.answer, NoAnswer):
                break
            self._handover.unanswered()
            used = self._tracker.usage - iteration.usage_before
            begun = Begun(iteration=begun.iteration, agent=agent.name, sessions=asked.sessions, usage=used)
        if not isinstance(asked.answer, NoAnswer):
            self._handover.answered(agent)
        self._asks = None
        return iteration, asked

    def _begin(self, begun: Begun, agent: Agent) -> Iteration:
        self._record(events.IterationStarted(iteration=begun.iteration, agent=agent.name))
        return self._of(begun, agent)

    def _of(self, begun: Begun, agent: Agent) -> Iteration:
        before = self._tracker.usage - begun.usage
        return Iteration(begun.iteration, agent, self._clock(), usage_before=before, sessions=begun.sessions)

    async def _carry_out(self, iteration: Iteration, asked: CallResult) -> LoopEnd | None:
        """From the answer to the record. An iteration that raises, or is ended by a person, is recorded too."""
        iteration.retries, iteration.rate_limits = asked.retries, asked.rate_limits
        iteration.sessions = asked.sessions or iteration.sessions
        if isinstance(asked.answer, Exhausted):
            self._record(events.Noted(message=f"{iteration.agent.name}: {asked.answer.reason}"))
            if iteration.agent.uses_llm:
                self._broken_off(iteration, "it has nothing more to propose")
            return "done"
        self._number = iteration.number
        try:
            if isinstance(asked.answer, NoAnswer):
                self._unanswered(iteration, asked.answer)
            else:
                iteration.proposal = asked.answer
                await self._try(iteration)
        except asyncio.CancelledError:
            if self._person.asked_to_end():
                self._stop(iteration, asked.answer)
            raise
        except BaseException as error:
            self._fail(iteration, "error", f"{type(error).__name__}: {error}")
            self._settling.close(iteration)
            raise
        return await self._settle(iteration)

    def _stop(self, iteration: Iteration, answer: object = None) -> None:
        """Record an iteration that the person ended; `answer` is the agent's, if it has given one."""
        if not isinstance(answer, Proposal):
            self._broken_off(iteration, "stopped by you")
            return
        iteration.proposal = answer
        self._fail(iteration, "stopped", "stopped by you")
        self._settling.close(iteration)

    async def _settle(self, iteration: Iteration) -> LoopEnd | None:
        self._unscored = 0 if iteration.stage == "scored" else self._unscored + 1
        if iteration.stage == "unanswered":
            self._unscored = 0  # it says nothing of the table; handing over takes care of it
        return await self._settling.settle(iteration)

    def _broken_off(self, iteration: Iteration, message: str) -> None:
        """The record of an iteration that ends without a recipe and without trouble."""
        iteration.stage, iteration.message = "unanswered", message
        self._record(events.Unanswered(iteration=iteration.number, trouble="", message=message))
        self._settling.close(iteration)

    def _unanswered(self, iteration: Iteration, answer: NoAnswer) -> None:
        iteration.stage, iteration.trouble, iteration.message = "unanswered", answer.trouble, answer.message
        self._record(events.Unanswered(iteration=iteration.number, trouble=answer.trouble, message=answer.message))

    async def _try(self, iteration: Iteration) -> None:
        """From the recipe to its score."""
        proposal = iteration.proposal
        assert proposal is not None
        recipe = proposal.recipe
        champion = self._settling.champion
        iteration.stage = "proposed"
        self._record(recipe_proposed(iteration, proposal, champion))
        verdict = await self._evaluator.check(recipe)
        if not verdict.valid:
            iteration.stage, iteration.problems = "refused", verdict.problems
            iteration.message = "; ".join(f"{problem.where}: {problem.what}" for problem in verdict.problems)
            self._record(events.RecipeRefused(iteration=iteration.number, problems=verdict.problems))
            return
        await self._person.going()
        if not await self._settling.consulting.may_fit(iteration, champion):
            return
        await self._evaluate(iteration, recipe)

    async def _evaluate(self, iteration: Iteration, recipe: Recipe) -> None:
        number = iteration.number
        try:
            evaluation = await self._evaluator.evaluate(
                number, recipe, lambda score: self._record(events.FoldScored(iteration=number, score=score))
            )
        except OutOfTimeError as error:
            self._fail(iteration, "time limit", error.report().what)
            return
        except (ReportedError, WorkerError) as error:
            self._fail(iteration, "error", error.report().what)
            return
        if not math.isfinite(evaluation.mean):
            self._fail(iteration, "error", ErrorReport("NotFinite", "The score is not a finite number.").what)
            return
        iteration.stage, iteration.evaluation = "scored", evaluation
        self._record(events.Evaluated(iteration=number, evaluation=evaluation))

    def _fail(self, iteration: Iteration, reason: events.FailureReason, message: str) -> None:
        iteration.stage = "stopped" if reason == "stopped" else "failed"
        iteration.message = message
        seconds = self._clock() - iteration.started
        self._record(
            events.EvaluationFailed(iteration=iteration.number, reason=reason, message=message, seconds=seconds)
        )

    def _brief(self, number: int) -> Brief:
        return build_brief(
            number,
            self.task,
            self.attempts,
            self._settling.champion,
            left=self._tracker.remaining(),
            notes=self._person.notes,
            feedback=self._settling.feedback,
        )

    def _patience(self) -> float:
        return max(LEAST_PATIENCE, min(self.task.patience, self._person.seconds_for_fitting()))

    def _record(self, event: LoopEvent) -> None:
        """Into the journal, and what it costs into the purse: there is no other way to either."""
        self._journal(event)
        if isinstance(event, events.SessionUsed):
            self._tracker.book(event.usage)
