"""Where a person has a say in a run: a used up limit, a breakpoint that fires, an escalation, a checkpoint, a tool call
beyond the agent's rights. `UserInterface` is the person at the other end, which the worker's `RunController` implements."""

from collections.abc import Callable, Iterable
from typing import Final, Literal, Protocol, TypeAlias
from uuid import uuid4

import msgspec

from tabsmith.agents.agent_jobs import PermissionAnswer, PermissionRequest
from tabsmith.conditions import IterationMetrics, parse_condition
from tabsmith.config.settings import Mode
from tabsmith.errors import UsageError
from tabsmith.limits import LimitName, Limits
from tabsmith.orchestration.decisions import (
    AllowTool,
    Cause,
    ChangeBrief,
    Continue,
    Decision,
    DecisionAction,
    Extend,
    Question,
    Reply,
    Skip,
)
from tabsmith.orchestration.events import BreakpointPassed, LoopEvent, Noted, PermissionDecided
from tabsmith.orchestration.limits import UsageTracker
from tabsmith.recipes.recipe import Recipe
from tabsmith.text import clean

LoopEnd: TypeAlias = Literal["done", "time", "iterations", "budget", "user"]
"""Why a loop ended; `done` if the agent or the loop itself had nothing more to do."""

LIMIT_ENDS: Final[dict[LimitName, LoopEnd]] = {
    "seconds": "time",
    "iterations": "iterations",
    "tokens": "budget",
    "dollars": "budget",
    "failures": "budget",
}


class UserInterface(Protocol):
    """Asks a person and takes their notes; knows the limits and what is left of the time."""

    @property
    def mode(self) -> Mode: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def recipes(self) -> tuple[Recipe, ...]:
        """The person's own recipes, tried or not, in the order in which they are to be tried."""
        ...

    def seconds_for_fitting(self) -> float:
        """Seconds of work left before finishing has to begin; infinite without a time limit."""
        ...

    def asked_to_end(self) -> bool:
        """Whether the person wants the run to end after the iteration."""
        ...

    def waiting(self, message: str) -> None:
        """Show that an agent is asked now."""
        ...

    async def going(self) -> None:
        """Return once the run is not paused."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Return the person's reply; until then everything stands still."""
        ...

    def note(self, text: str) -> None:
        """Tell the agent `text` in every brief from now on."""
        ...

    def set_limit(self, limit: LimitName, to: str) -> None:
        """Set a limit to `to`, a decimal. Raises UsageError for what is no amount."""
        ...

    def pause(self) -> None:
        """Pause until the person resumes."""
        ...


class Fired(msgspec.Struct, frozen=True):
    """A condition that came true: its expression, its name if it is built in, and why it is true, with the values."""

    condition: str
    name: str
    words: str


class Breakpoints:
    """The conditions of a run. A condition on metrics that only grow over the run fires when it becomes true; any other
    fires in every iteration in which it is true.

    Raises ConditionError for a text that is no condition.
    """

    def __init__(self, conditions: Iterable[str]) -> None:
        self.conditions = tuple(dict.fromkeys(parse_condition(text) for text in conditions))
        self._held = [False] * len(self.conditions)

    def check(self, metrics: IterationMetrics) -> tuple[Fired, ...]:
        """Return the breakpoints that fire with the metrics of the next iteration."""
        fired: list[Fired] = []
        for index, condition in enumerate(self.conditions):
            result = condition.holds(metrics)
            already = condition.running and self._held[index]
            self._held[index] = result.held
            if result.held and not already:
                words = f"{condition.name}: {result.why}" if condition.name else result.why
                fired.append(Fired(condition.text, condition.name, words))
        return tuple(fired)

    def replay(self, past: Iterable[IterationMetrics]) -> "Breakpoints":
        """Return the same object in the state after these iterations: what fired then does not fire again."""
        for metrics in past:
            self.check(metrics)
        return self


def human_decision(action: DecisionAction) -> Decision:
    """The decision that a person took."""
    return Decision(action, 1.0, "you decided so", by="person")


class HumanReview:
    """Asks the person of a run, and applies what each reply changes about the limits and the brief.

    Nobody is asked in automatic mode, nor in a run of search (`asks` is false).
    """

    def __init__(
        self, ui: UserInterface, tracker: UsageTracker, record: Callable[[LoopEvent], None], *, asks: bool
    ) -> None:
        self._ui = ui
        self._tracker = tracker
        self._record = record
        self._asks = asks

    @property
    def mode(self) -> Mode:
        """How much the person wants to be asked; `automatic` in a run that asks nobody."""
        return self._ui.mode if self._asks else "automatic"

    async def ask(
        self,
        iteration: int,
        cause: Cause,
        what: str,
        *,
        details: str = "",
        condition: str = "",
        limit: LimitName | None = None,
    ) -> Reply:
        """Return the person's reply, once what it changes about the limits and the brief is applied."""
        question = Question(
            id=str(uuid4()),
            iteration=iteration,
            cause=cause,
            what=what,
            details=details,
            condition=condition,
            limit=limit or "",
        )
        reply = await self._ui.ask(question)
        match reply:
            case ChangeBrief(text=text):
                self._ui.note(text)
            case Extend(limit=extended, to=to):
                try:
                    self._ui.set_limit(extended, to)
                except UsageError as error:
                    self._record(Noted(message=error.what, level="warning"))
            case _:
                pass
        return reply

    async def limit_reached(self) -> LoopEnd | None:
        """Why the loop is over: a person ended it, or a limit is used up and the person gives no more. None if the loop
        may go on."""
        while True:
            if self._ui.asked_to_end():
                return "user"
            limit = self._tracker.used_up()
            if limit is None:
                return None
            for warning in self._tracker.due_warnings():
                self._record(warning)
            if self.mode == "automatic":
                return LIMIT_ENDS[limit]
            budget = self._tracker.budget()
            what = budget.sentence(limit)
            if limit == "seconds" and budget.share("seconds") < 1:
                what = f"{what}; the rest is kept for finishing"
            match await self.ask(budget.iterations, "budget", what, limit=limit):
                case Continue():
                    self._ui.set_limit(limit, "0")
                case Extend() | ChangeBrief() | Skip():
                    continue
                case _:
                    return LIMIT_ENDS[limit]

    async def consult(
        self, iteration: int, decision: Decision, fired: tuple[Fired, ...], message: str, *, escalates: bool
    ) -> Reply | None:
        """Return the person's reply about a finished iteration, where a breakpoint fired or the decision asks for one;
        None if nobody is asked. Without `escalates` a decision alone asks nobody. `message` says more of it."""
        if fired:
            what = "; ".join(each.words for each in fired)
            return await self.ask(iteration, "breakpoint", what, condition=fired[0].condition)
        if decision.action == "escalate" and escalates:
            return await self.ask(iteration, "escalation", decision.rule, details=message)
        if decision.action == "checkpoint" and escalates:
            return await self.ask(iteration, "checkpoint", decision.rule, details=message)
        return None

    def pass_by(self, iteration: int, fired: tuple[Fired, ...]) -> None:
        """Record the breakpoints that fired in a run that asks nobody."""
        for each in fired:
            self._record(BreakpointPassed(iteration=iteration, condition=each.condition, what=each.words))


class ToolPermissions:
    """Answers permission requests.

    In automatic mode nobody is asked: a command is allowed where its sandbox has walls, anything else where it does
    not reach outside of the folder.
    """

    def __init__(
        self, review: HumanReview, record: Callable[[PermissionDecided], None], *, sandbox_has_walls: bool
    ) -> None:
        self._review = review
        self._record = record
        self._sandbox_has_walls = sandbox_has_walls

    async def answer(self, iteration: int, request: PermissionRequest) -> PermissionAnswer:
        """Return the answer, once it is recorded."""
        allowed, by = await self._decide(iteration, request)
        self._record(
            PermissionDecided(
                iteration=iteration,
                tool=clean(request.tool, 60),
                what=clean(request.what, 300),
                risk=request.risk,
                allowed=allowed,
                by=by,
            )
        )
        return allowed

    async def _decide(
        self, iteration: int, request: PermissionRequest
    ) -> tuple[PermissionAnswer, Literal["person", "mode"]]:
        mode, risk = self._review.mode, request.risk
        if mode == "automatic":
            bounded = request.use == "run" and self._sandbox_has_walls
            return ("once" if bounded or risk != "high" else "no"), "mode"
        if mode == "confirm" and risk == "low":
            return "once", "mode"
        what = f"{clean(request.tool, 40)}: {clean(request.what, 200)}"
        reply = await self._review.ask(iteration, "permission", what, details=f"risk {risk}")
        return (reply.allowed if isinstance(reply, AllowTool) else "no"), "person"
