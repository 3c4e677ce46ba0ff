"""What an iteration comes to: its grade, the decision, what a person says to it, the title, and its record."""

from collections.abc import Callable
from typing import Protocol

from tabsmith.agents.protocol import AgentName, AgentSession
from tabsmith.errors import AgentError
from tabsmith.orchestration import events
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.human.breakpoints import Breakpoints
from tabsmith.orchestration.human.review import HumanReview, LimitReview
from tabsmith.orchestration.human.user_interface import LoopEnd, UserInterface
from tabsmith.orchestration.limits.budget import NearlySpent, UsageTracker, nearly_spent
from tabsmith.orchestration.loop.champion import Judgement, judge_challenger
from tabsmith.orchestration.loop.context import LoopContext
from tabsmith.orchestration.loop.decide import DecisionInput, DecisionStreak, decide
from tabsmith.orchestration.loop.fallback import Fallback
from tabsmith.orchestration.loop.feedback import write_feedback
from tabsmith.orchestration.loop.grading import GradingInput, grade_by_rule
from tabsmith.orchestration.loop.inputs import feedback_input, grading_input, iteration_metrics
from tabsmith.orchestration.loop.iteration import Attempt, Iteration, Past
from tabsmith.orchestration.sessions import SessionRecorder
from tabsmith.text import clean


class Grader(Protocol):
    """A language model that grades."""

    @property
    def name(self) -> AgentName: ...

    @property
    def model(self) -> str: ...

    async def grade(self, subject: GradingInput, talk: AgentSession) -> Quality:
        """Its grade, given in a session. Raises AgentError."""
        ...


class IterationFinisher:
    """Holds the title, and what the next brief says of the last iteration."""

    def __init__(
        self,
        task: LoopContext,
        person: UserInterface,
        tracker: UsageTracker,
        limits: LimitReview,
        handover: Fallback,
        record: Callable[[LoopEvent], None],
        remember: Callable[[Iteration], None],
        *,
        past: Past,
        attempts: list[Attempt],
        grader: Grader | None,
        sessions: SessionRecorder,
        patience: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self.feedback = past.feedback
        self.champion = next((a.evaluation for a in past.attempts if a.iteration == past.champion), None)
        breakpoints = Breakpoints(task.breakpoints).replay(past.facts)
        self.consulting = HumanReview(person, limits, handover, breakpoints, record)
        self._title = past.title
        self._task = task
        self._tracker = tracker
        self._handover = handover
        self._record = record
        self._remember = remember
        self._attempts = attempts
        self._grader = grader
        self._sessions = sessions
        self._patience = patience
        self._clock = clock
        self._repeats = DecisionStreak()
        for decision, facts in zip(past.decisions, past.facts, strict=True):
            self._count(decision, won=facts.champion_changed)

    async def settle(self, iteration: Iteration) -> LoopEnd | None:
        """Grade, decide, ask where that is due, crown, record. The reason to end, if the person wants to."""
        iteration.champion_before = self.champion
        iteration.judgement = iteration.judgement or self._judgement(iteration)
        if iteration.stage != "unanswered" and "graded" not in iteration.told:
            subject = grading_input(iteration, self._task, self._attempts)
            iteration.quality = iteration.quality or await self._grade(iteration, subject)
            self._record(events.Graded(iteration=iteration.number, quality=iteration.quality))
        self._tracker.count(iteration.number, self._handover.failures)
        # The decision first: were the warnings first, a worker that dies between would decide without them.
        due = self._tracker.due_warnings()
        iteration.decision = iteration.decision or self._decide(iteration, nearly_spent(due))
        if "decided" not in iteration.told:
            self._record(events.Decided(iteration=iteration.number, decision=iteration.decision))
        for warning in due:
            self._record(warning)
        failures = self._handover.failures_after(iteration.agent, failed=_failed(iteration, iteration.decision))
        facts = iteration_metrics(
            iteration, self._task, self._attempts, self._tracker, failures=failures, seconds=self._clock()
        )
        end = await self.consulting.consult(iteration, facts)
        self._crown(iteration)
        self.close(iteration)
        return end

    def close(self, iteration: Iteration) -> None:
        """The record of an iteration, also of one that was broken off before it could be settled."""
        task, attempts = self._task, self._attempts
        decision = iteration.decision
        if decision is not None:
            failed, why = _failed(iteration, decision), iteration.message or decision.rule
            self._handover.settled(iteration.agent, failed=failed, why=why)
            won = iteration.judgement is not None and iteration.judgement.won and not iteration.skipped
            self._count(decision, won=won)
        self._tracker.count(iteration.number, self._handover.failures)
        facts = iteration_metrics(
            iteration, task, attempts, self._tracker, failures=self._handover.failures, seconds=self._clock()
        )
        if self._handover.planned.uses_llm:
            self.feedback = write_feedback(feedback_input(iteration, task, attempts, self.champion))
        if iteration.proposal is not None:
            attempts.append(
                Attempt(
                    iteration.number,
                    iteration.proposal.recipe,
                    iteration.evaluation,
                    iteration.message,
                    counts=not iteration.skipped,
                    failed=iteration.stage == "failed",
                )
            )
        # The history first: an iteration that has ended is in it, whenever its worker dies.
        self._remember(iteration)
        self._record(events.IterationEnded(iteration=iteration.number, facts=facts, feedback=self.feedback))

    async def _grade(self, iteration: Iteration, subject: GradingInput) -> Quality:
        grader = self._grader
        if grader is None:
            return grade_by_rule(subject)
        if iteration.grade_failed:
            return grade_by_rule(subject, fallback=iteration.grade_failed)
        if self._tracker.used_up() is not None:
            return grade_by_rule(subject, fallback="the budget is spent")
        seconds = self._patience()
        try:
            with self._sessions.open(
                iteration.number, 1 + iteration.grades, grader.name, grader.model, seconds=seconds, purpose="grade"
            ) as talk:
                return await grader.grade(subject, talk)
        except AgentError as error:
            return grade_by_rule(subject, fallback=clean(error.what, 200))

    def _decide(self, iteration: Iteration, nearly_spent: NearlySpent | None) -> Decision:
        quality, proposal, judgement = iteration.quality, iteration.proposal, iteration.judgement
        return decide(
            DecisionInput(
                valid=proposal is not None and not iteration.problems,
                quality=quality.value if quality else 0.0,
                own_confidence=proposal.confidence if proposal else None,
                improved=judgement is not None and judgement.won,
                trouble=iteration.trouble,
                near=nearly_spent,
                repeats=self._repeats,
            )
        )

    def _count(self, decision: Decision, *, won: bool) -> None:
        # A recipe that was good enough is progress in itself, whether or not it took the title.
        self._repeats = self._repeats.after(decision, progress=won or decision.action == "proceed")

    def _judgement(self, iteration: Iteration) -> Judgement | None:
        if iteration.evaluation is None:
            return None
        return judge_challenger(
            self.champion, iteration.evaluation, self._task.metric, on_probation=self._title.probation
        )

    def _crown(self, iteration: Iteration) -> None:
        judgement, evaluation = iteration.judgement, iteration.evaluation
        if judgement is None or evaluation is None or iteration.skipped:
            return
        self._title = self._title.after(judgement)
        if not judgement.won:
            return
        self.champion = evaluation
        if "crowned" in iteration.told:
            return
        self._record(
            events.ChampionChanged(
                iteration=iteration.number,
                recipe=evaluation.recipe,
                mean=evaluation.mean,
                standard_error=evaluation.standard_error,
                rule=judgement.rule,
                probation=judgement.probation,
            )
        )


def _failed(iteration: Iteration, decision: Decision) -> bool:
    """Whether the iteration counts as a failure of its agent: no answer, a recipe that may not be, or one not worth
    having. A valid new one that is merely behind is none, however often: its agent works."""
    if iteration.stage == "unanswered":
        return True
    quality = iteration.quality.value if iteration.quality else 0.0
    return decision.action == "escalate" and (bool(iteration.problems) or quality < decision.thresholds.escalate)
