"""The loop of one task: letter, agent at work, acceptance, grade, decide, person, record, feedback; until it is
accepted, or a limit, a person or the agent's failing ends it.

The verdict is the acceptance command's, run by tabsmith; what the agent says of its work decides nothing.
"""

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.orchestration import events
from tabsmith.orchestration.decisions import Decision
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.human.review import LimitReview, TaskReview
from tabsmith.orchestration.human.user_interface import LIMIT_ENDS, LoopEnd, UserInterface
from tabsmith.orchestration.limits.budget import TaskBudget, UsageTracker, nearly_spent
from tabsmith.orchestration.loop import task_prompts
from tabsmith.orchestration.loop.decide import DecisionInput, DecisionStreak, decide
from tabsmith.orchestration.loop.iteration import TaskIteration
from tabsmith.orchestration.loop.task_agent import TaskAgentCaller, TaskAgentProcess
from tabsmith.orchestration.loop.task_grading import grade_task_by_rule
from tabsmith.orchestration.sessions import SessionRecorder
from tabsmith.orchestration.task_events import (
    Acceptance,
    AcceptanceEnded,
    AcceptanceStarted,
    ChangedFile,
    TaskEvent,
    TaskExit,
    TaskOutcome,
    Worked,
)
from tabsmith.tasks import Task
from tabsmith.text import clean

MOST_TASK_FAILURES: Final = 3
"""Iterations in a row in which the agent gave no work, or that were not worth going on with."""

GOOD_QUALITY: Final = 0.7
"""Quality from which an accepted task is a plain success."""


class ChangedFiles(Protocol):
    """Files that differ: those that are named, and how many more."""

    @property
    def named(self) -> tuple[ChangedFile, ...]: ...
    @property
    def more(self) -> int: ...


class TaskWorkspace(Protocol):
    """The folder that a task is worked on in, and the command that proves it."""

    async def changes(self, iteration: int) -> ChangedFiles:
        """What the iteration left different, kept to be looked at later."""
        ...

    async def changed(self) -> ChangedFiles:
        """What differs from where the task began."""
        ...

    async def accept(self) -> Acceptance:
        """Run the acceptance command."""
        ...


class TaskEnd(msgspec.Struct, frozen=True):
    """What the task came to, before its folder is handed back."""

    outcome: TaskOutcome
    exit_reason: TaskExit
    reason: str


class TaskPast(msgspec.Struct, frozen=True, kw_only=True):
    """What an earlier worker left of this task."""

    first_iteration: int = 1  # of the task; iterations are counted over the whole file
    next_iteration: int = 1
    seconds: float = 0.0  # of the run that went into it
    usage_before: Usage = NO_USAGE  # of the run, when the task began
    feedback: str = ""
    last_session: str = ""  # that worked, for a conversation that is to go on
    decisions: tuple[Decision, ...] = ()
    cut_short: bool = False
    accepted: float | None = None  # the quality with which it was; it only has to be handed back


class TaskLoop:
    """One task of a run."""

    def __init__(
        self,
        task: Task,
        hands: TaskAgentProcess,
        bench: TaskWorkspace,
        person: UserInterface,
        tracker: UsageTracker,
        limits: LimitReview,
        consulting: TaskReview,
        sessions: SessionRecorder,
        record: Callable[[LoopEvent | TaskEvent], None],
        *,
        past: TaskPast,
        clock: Callable[[], float],
    ) -> None:
        self._task = task
        self._hands = hands
        self._bench = bench
        self._person = person
        self._tracker = tracker
        self._limits = limits
        self._consulting = consulting
        self._record = record
        self._clock = clock
        self._number = past.next_iteration - 1
        self._first = past.first_iteration
        self._task_budget = TaskBudget(
            task.limits,
            tracker,
            first=past.first_iteration,
            before=past.usage_before,
            started=clock() - past.seconds,
        )
        self._sending = TaskAgentCaller(
            task,
            hands,
            person,
            tracker,
            self._task_budget,
            consulting,
            sessions,
            record,
            last_session=past.last_session,
        )
        self._feedback = past.feedback
        self._cut_short = past.cut_short
        self._accepted = past.accepted
        self._failures = 0
        self._repeats = DecisionStreak()
        for decision in past.decisions:
            self._failures = self._failures + 1 if decision.action == "escalate" else 0
            self._repeats = self._repeats.after(decision, progress=False)

    @property
    def number(self) -> int:
        """The latest iteration."""
        return self._number

    async def run(self) -> TaskEnd:
        """Iterate until the task is over."""
        if self._accepted is not None:
            return _success(self._number, self._accepted)
        while True:
            await self._person.going()
            end = await self._limits.loop_end() or self._task_end()
            if end is not None:
                return await self._stopped(end)
            step = await self._iterate()
            if step.accepted:
                return _success(step.number, step.quality.value if step.quality else 0.0)
            if step.decision is not None and step.decision.by == "person" and step.decision.action == "checkpoint":
                self._person.pause()
            if self._failures >= MOST_TASK_FAILURES:
                why = f"{self._failures} iterations in a row led nowhere, the last: {step.message or _rule(step)}"
                return TaskEnd(await self._unfinished(), "agent failed" if step.trouble else "stuck", why)
            if self._consulting.ended:
                return await self._stopped("user")

    async def _iterate(self) -> TaskIteration:
        self._number += 1
        step = TaskIteration(self._number, self._clock(), self._tracker.usage)
        self._record(events.IterationStarted(iteration=self._number, agent=self._hands.name, task=self._task.name))
        try:
            await self._sending.send(step, self._feedback)
            left = await self._bench.changes(step.number)
            step.changes, step.more = left.named, left.more
            self._cut_short = step.finished is None or step.finished.end != "done"
            if step.finished is not None:
                end, words = step.finished.end, clean(step.finished.text, 500)
                self._record(Worked(iteration=step.number, end=end, words=words, changes=step.changes, more=step.more))
                await self._prove(step)
            await self._settle(step)
        finally:
            self._conclude(step)
        return step

    async def _prove(self, step: TaskIteration) -> None:
        await self._person.going()
        self._record(AcceptanceStarted(iteration=step.number, command=self._task.accept))
        step.acceptance = await self._bench.accept()
        self._record(AcceptanceEnded(iteration=step.number, acceptance=step.acceptance))
        if step.acceptance.verdict != "accepted":
            status = step.acceptance.status
            how = f"exit status {status}" if status is not None else step.acceptance.ended
            step.message = f"the acceptance command failed: {how}"

    async def _settle(self, step: TaskIteration) -> None:
        if step.acceptance is not None and step.finished is not None:
            step.quality = grade_task_by_rule(
                step.acceptance, len(step.changes) + step.more, step.finished.end, step.refused
            )
            step.quality = await self._consulting.graded(step, step.quality)
            self._record(events.Graded(iteration=step.number, quality=step.quality))
        self._count(step.number)
        due = self._tracker.due_warnings()
        for warning in due:
            self._record(warning)
        decision = decide(
            DecisionInput(
                valid=step.acceptance is not None and step.acceptance.verdict != "could not run",
                quality=step.quality.value if step.quality else 0.0,
                improved=step.accepted,
                trouble=step.trouble or "",
                near=nearly_spent(due),
                repeats=self._repeats,
            )
        )
        step.decision = decision
        self._record(events.Decided(iteration=step.number, decision=decision))
        step.decision = await self._consulting.consult(step, decision, self._facts(step))
        self._failures = self._failures + 1 if step.decision.action == "escalate" and not step.accepted else 0
        self._repeats = self._repeats.after(step.decision, progress=step.accepted)

    def _conclude(self, step: TaskIteration) -> None:
        """The record of an iteration, whatever became of it."""
        ask = ""
        if step.decision is not None and step.decision.action == "clarify":
            ask = "Look at what it printed, say in one sentence what was wrong, and mend it."
        self._feedback = task_prompts.task_feedback(step.acceptance, step.changes, step.more, step.message, ask)
        self._count(step.number)
        self._record(events.IterationEnded(iteration=step.number, facts=self._facts(step), feedback=self._feedback))

    def _count(self, iterations: int) -> None:
        self._tracker.count(iterations, self._failures)
        self._task_budget.count(self._failures)

    def _task_end(self) -> LoopEnd | None:
        """The limit of the task itself that is used up."""
        limit = self._task_budget.budget().used_up()
        return LIMIT_ENDS[limit] if limit is not None else None

    async def _stopped(self, end: LoopEnd) -> TaskEnd:
        match end:
            case "user":
                return TaskEnd("cancelled", "user", "stopped by you")
            case "iterations":
                return TaskEnd(await self._unfinished(), "iterations", "its iterations are used up without acceptance")
            case _:
                return TaskEnd(await self._unfinished(), "budget", "its budget is used up without acceptance")

    async def _unfinished(self) -> TaskOutcome:
        """Not accepted: partial where the agent was cut short and left work, failed where it meant to be done; blocked
        where it was never sent."""
        if self._number < self._first:
            return "blocked"
        if not self._cut_short:
            return "failed"
        left = await self._bench.changed()
        return "partial" if left.named else "failed"

    def _facts(self, step: TaskIteration) -> IterationMetrics:
        used = self._tracker.usage - step.usage_before
        budget = self._tracker.budget()
        return IterationMetrics(
            iteration=step.number,
            valid=step.acceptance is not None,
            scored=step.acceptance is not None,
            quality=step.quality.value if step.quality else 0.0,
            confidence=step.decision.confidence if step.decision else 0.0,
            champion_changed=step.accepted,
            retries=step.retries,
            rate_limits=step.rate_limits,
            iteration_seconds=max(0.0, self._clock() - step.started),
            iteration_tokens=used.tokens,
            iteration_dollars=float(used.cost),
            failures=self._failures,
            tries=step.number,
            seconds=self._clock(),
            tokens=self._tracker.usage.tokens,
            dollars=float(self._tracker.usage.cost),
            time_used=budget.time_share,
            budget_used=budget.largest_share,
        )


def _rule(step: TaskIteration) -> str:
    return step.decision.rule if step.decision else "it was broken off"


def _success(number: int, quality: float) -> TaskEnd:
    if quality >= GOOD_QUALITY:
        return TaskEnd("success", "done", f"accepted in iteration {number}")
    return TaskEnd("success with limits", "done", f"accepted, with quality {quality:.2f} under {GOOD_QUALITY:.2f}")
