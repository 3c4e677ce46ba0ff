"""The person of a task: permissions, breakpoints and escalations; and a model's grade against the rubric."""

from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import uuid4

from tabsmith.agents.errands import Allowed, Permission
from tabsmith.conditions.facts import Facts
from tabsmith.errors import AgentError
from tabsmith.orchestration import events
from tabsmith.orchestration.breakpoints import Breakpoints
from tabsmith.orchestration.budget import Budget
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.person import Person
from tabsmith.orchestration.questions import Allow, Cause, Decide, Question, Reply
from tabsmith.orchestration.questions import End as EndRun
from tabsmith.orchestration.task_events import PermissionDecided, TaskEvent
from tabsmith.orchestration.task_grading import lowered
from tabsmith.orchestration.task_step import Step
from tabsmith.text import clean

Grade = Callable[[Step], Awaitable[Quality]]


class TaskConsulting:
    """`ended` becomes true when the person stops the run. In automatic mode nobody is asked: a command is allowed where
    its sandbox has walls, anything else where it does not reach outside of the folder."""

    def __init__(
        self,
        person: Person,
        budget: Budget,
        breakpoints: Breakpoints,
        record: Callable[[LoopEvent | TaskEvent], None],
        *,
        walls: bool = False,
        grade: Grade | None = None,
    ) -> None:
        self.ended = False
        self._person = person
        self._budget = budget
        self._breakpoints = breakpoints
        self._record = record
        self._walls = walls
        self._grade = grade

    def allower(self, step: Step) -> Callable[[Permission], Awaitable[Allowed]]:
        """Who answers the permissions that the agent of this iteration asks for."""

        async def allow(permission: Permission) -> Allowed:
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

    async def graded(self, step: Step, own: Quality) -> Quality:
        """The grade, lowered by a model's where one is asked against the rubric."""
        if self._grade is None:
            return own
        try:
            return lowered(own, await self._grade(step))
        except AgentError as error:
            return Quality(own.value, own.grader, own.parts, own.words, fallback=clean(error.what, 200))

    async def consult(self, step: Step, decision: Decision, facts: Facts) -> Decision:
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

    async def _allowed(self, step: Step, permission: Permission) -> tuple[Allowed, Literal["person", "mode"]]:
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
        return (reply.allowed if isinstance(reply, Allow) else "no"), "person"

    async def _ask(self, iteration: int, cause: Cause, what: str, *, details: str = "", condition: str = "") -> Reply:
        question = Question(
            id=str(uuid4()), iteration=iteration, cause=cause, what=what, details=details, condition=condition
        )
        reply = await self._person.ask(question)
        self._budget.take(reply)
        return reply
