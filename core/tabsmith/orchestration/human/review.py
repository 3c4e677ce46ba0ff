"""Where a person has a word in an iteration: before a recipe is fitted, and after a decision.

The person of a task: permissions, breakpoints and escalations; and a model's grade against the rubric.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal
from uuid import uuid4

from tabsmith.agents.agent_jobs import PermissionAnswer, PermissionRequest
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.errors import AgentError, UsageError
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration import events
from tabsmith.orchestration.decisions import Decision, DecisionAction, Quality
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.human.breakpoints import Breakpoints
from tabsmith.orchestration.human.user_interface import LIMIT_ENDS, LoopEnd, UserInterface
from tabsmith.orchestration.limits.budget import UsageTracker
from tabsmith.orchestration.loop.fallback import Fallback
from tabsmith.orchestration.loop.iteration import Iteration, TaskIteration
from tabsmith.orchestration.loop.task_grading import lower_grade
from tabsmith.orchestration.questions import (
    AllowTool,
    Cause,
    ChangeBrief,
    Continue,
    Decide,
    EndRun,
    Extend,
    Question,
    Reply,
    Skip,
)
from tabsmith.orchestration.task_events import PermissionDecided, TaskEvent
from tabsmith.recipes.difference import describe_difference
from tabsmith.text import clean

LEAVES_OUT: Final[tuple[DecisionAction, ...]] = ("retry",)
"""A person who decides so wants the recipe left out, and another one instead."""


def human_decision(action: DecisionAction) -> Decision:
    """The decision of a person."""
    return Decision(action, 1.0, "you decided so", by="person")


class LimitReview:
    """What happens when a limit is used up: a person is asked for more, or the loop ends.

    Nobody is asked in automatic mode, nor in a run of search (`asks` is false).
    """

    def __init__(
        self, ui: UserInterface, tracker: UsageTracker, record: Callable[[LoopEvent], None], *, asks: bool
    ) -> None:
        self._ui = ui
        self._tracker = tracker
        self._record = record
        self._asks = asks

    async def loop_end(self) -> LoopEnd | None:
        """Why the loop is over; None when it may go on, if need be because a person gave more."""
        while True:
            if self._ui.asked_to_end():
                return "user"
            limit = self._tracker.used_up()
            if limit is None:
                return None
            for warning in self._tracker.due_warnings():
                self._record(warning)
            if not self._asks or self._ui.mode == "automatic":
                return LIMIT_ENDS[limit]
            budget = self._tracker.budget()
            what = budget.sentence(limit)
            if limit == "seconds" and budget.share("seconds") < 1:
                what = f"{what}; the rest is kept for finishing"
            question = Question(id=str(uuid4()), iteration=budget.iterations, cause="budget", what=what, limit=limit)
            reply = await self._ui.ask(question)
            self.apply(reply)
            match reply:
                case Continue():
                    self._ui.set_limit(limit, "0")
                case Extend() | ChangeBrief() | Skip():
                    continue
                case _:
                    return LIMIT_ENDS[limit]

    def apply(self, reply: Reply) -> None:
        """Apply what a reply to any question changes about the limits and the brief."""
        match reply:
            case ChangeBrief(text=text):
                self._ui.note(text)
            case Extend(limit=limit, to=to):
                try:
                    self._ui.set_limit(limit, to)
                except UsageError as error:
                    self._record(events.Noted(message=error.what, level="warning"))
            case _:
                return


class HumanReview:
    """The person of a run, as an iteration meets them. Nobody is asked in automatic mode, nor in a run of search."""

    def __init__(
        self,
        person: UserInterface,
        limits: LimitReview,
        handover: Fallback,
        breakpoints: Breakpoints,
        record: Callable[[LoopEvent], None],
    ) -> None:
        self._person = person
        self._limits = limits
        self._handover = handover
        self._breakpoints = breakpoints
        self._record = record

    async def may_fit(self, iteration: Iteration, champion: Evaluation | None) -> bool:
        """Whether the recipe is to be fitted; in manual mode the person says so."""
        proposal = iteration.proposal
        if self._person.mode != "manual" or not self._handover.planned.uses_llm or proposal is None:
            return True
        change = describe_difference(champion.recipe if champion else None, proposal.recipe)
        reply = await self._ask(
            iteration, "proposal", f"Fit this recipe? {change}", details=clean(proposal.reason, 500)
        )
        match reply:
            case Decide(action=action) if action != "proceed":
                iteration.decision = human_decision(action)
                self._skip(iteration)
                return False
            case Skip() | ChangeBrief() | EndRun():
                self._skip(iteration)
                return False
            case _:
                return True

    async def consult(self, iteration: Iteration, facts: IterationMetrics) -> LoopEnd | None:
        """Ask where a breakpoint, an escalation or a checkpoint calls for it, and do what the person says."""
        fired = self._breakpoints.check(facts)
        if "crowned" in iteration.told:  # an earlier worker has been through this
            return None
        if not self._handover.planned.uses_llm or self._person.mode == "automatic":
            for each in fired:
                self._record(
                    events.BreakpointPassed(iteration=iteration.number, condition=each.condition, what=each.words)
                )
            return None
        decision = iteration.decision
        if iteration.skipped or decision is None:  # the person has just spoken
            return None
        if decision.by == "person":  # said to an earlier worker
            return self._obey(iteration, Decide(decision.action))
        if fired:
            what = "; ".join(each.words for each in fired)
            reply = await self._ask(iteration, "breakpoint", what, condition=fired[0].condition)
        elif decision.action in ("escalate", "checkpoint"):
            cause: Cause = "escalation" if decision.action == "escalate" else "checkpoint"
            reply = await self._ask(iteration, cause, decision.rule, details=iteration.message)
        else:
            return None
        return self._obey(iteration, reply)

    def _obey(self, iteration: Iteration, reply: Reply) -> LoopEnd | None:
        match reply:
            case Skip():
                self._skip(iteration)
            case Decide(action=action):
                if iteration.decision is None or iteration.decision.by != "person":
                    iteration.decision = human_decision(action)
                    self._record(events.Decided(iteration=iteration.number, decision=iteration.decision))
                if action in LEAVES_OUT:
                    self._skip(iteration)
                elif action == "escalate":
                    self._handover.give_up("you decided so")
                elif action == "checkpoint":
                    self._person.pause()
            case EndRun():
                return "user"
            case _:
                pass  # what it means for the limits and the brief is done
        return None

    async def _ask(
        self, iteration: Iteration, cause: Cause, what: str, *, details: str = "", condition: str = ""
    ) -> Reply:
        question = Question(
            id=str(uuid4()),
            iteration=iteration.number,
            cause=cause,
            what=what,
            details=details,
            condition=condition,
        )
        reply = await self._person.ask(question)
        self._limits.apply(reply)
        return reply

    def _skip(self, iteration: Iteration) -> None:
        iteration.skipped = True
        self._record(events.IterationSkipped(iteration=iteration.number))


RubricGrader = Callable[[TaskIteration], Awaitable[Quality]]


class TaskReview:
    """`ended` becomes true when the person stops the run. In automatic mode nobody is asked: a command is allowed where
    its sandbox has walls, anything else where it does not reach outside of the folder."""

    def __init__(
        self,
        person: UserInterface,
        limits: LimitReview,
        breakpoints: Breakpoints,
        record: Callable[[LoopEvent | TaskEvent], None],
        *,
        walls: bool = False,
        grade: RubricGrader | None = None,
    ) -> None:
        self.ended = False
        self._person = person
        self._limits = limits
        self._breakpoints = breakpoints
        self._record = record
        self._walls = walls
        self._grade = grade

    def allower(self, step: TaskIteration) -> Callable[[PermissionRequest], Awaitable[PermissionAnswer]]:
        """Who answers the permissions that the agent of this iteration asks for."""

        async def allow(permission: PermissionRequest) -> PermissionAnswer:
            allowed, by = await self._allowed(step, permission)
            step.refused += allowed == "no"
            self._record(
                PermissionDecided(
                    iteration=step.number,
                    tool=clean(permission.tool, 60),
                    what=clean(permission.what, 300),
                    risk=permission.risk,
                    allowed=allowed,
                    by=by,
                )
            )
            return allowed

        return allow

    async def graded(self, step: TaskIteration, own: Quality) -> Quality:
        """The grade, lowered by a model's where one is asked against the rubric."""
        if self._grade is None:
            return own
        try:
            return lower_grade(own, await self._grade(step))
        except AgentError as error:
            return Quality(own.value, own.grader, own.parts, own.words, fallback=clean(error.what, 200))

    async def consult(self, step: TaskIteration, decision: Decision, facts: IterationMetrics) -> Decision:
        """The decision that stands: the rule's, or the person's where a breakpoint or an escalation asks for it."""
        fired = self._breakpoints.check(facts)
        if self._person.mode == "automatic":
            for each in fired:
                self._record(events.BreakpointPassed(iteration=step.number, condition=each.condition, what=each.words))
            return decision
        if fired:
            what = "; ".join(each.words for each in fired)
            reply = await self._ask(step.number, "breakpoint", what, condition=fired[0].condition)
        elif decision.action in ("escalate", "checkpoint") and not step.accepted:
            cause: Cause = "escalation" if decision.action == "escalate" else "checkpoint"
            reply = await self._ask(step.number, cause, decision.rule, details=step.message)
        else:
            return decision
        if isinstance(reply, EndRun):
            self.ended = True
        if not isinstance(reply, Decide):
            return Decision("proceed", 1.0, "you said to go on", by="person")
        taken = Decision(reply.action, 1.0, "you decided so", by="person")
        self._record(events.Decided(iteration=step.number, decision=taken))
        return taken

    async def _allowed(
        self, step: TaskIteration, permission: PermissionRequest
    ) -> tuple[PermissionAnswer, Literal["person", "mode"]]:
        mode, risk = self._person.mode, permission.risk
        if mode == "automatic":
            bounded = permission.use == "run" and self._walls
            return ("once" if bounded or risk != "high" else "no"), "mode"
        if mode == "confirm" and risk == "low":
            return "once", "mode"
        what = f"{clean(permission.tool, 40)}: {clean(permission.what, 200)}"
        reply = await self._ask(step.number, "permission", what, details=f"risk {risk}")
        if isinstance(reply, EndRun):
            self.ended = True
        return (reply.allowed if isinstance(reply, AllowTool) else "no"), "person"

    async def _ask(self, iteration: int, cause: Cause, what: str, *, details: str = "", condition: str = "") -> Reply:
        question = Question(
            id=str(uuid4()), iteration=iteration, cause=cause, what=what, details=details, condition=condition
        )
        reply = await self._person.ask(question)
        self._limits.apply(reply)
        return reply
