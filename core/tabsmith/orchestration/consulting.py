"""Where a person has a word in an iteration: before a recipe is fitted, and after a decision."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

from tabsmith.conditions.facts import Facts
from tabsmith.modeling.results import Evaluation
from tabsmith.orchestration import events
from tabsmith.orchestration.breakpoints import Breakpoints
from tabsmith.orchestration.budget import Budget
from tabsmith.orchestration.decisions import Action, Decision
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.handover import Handover
from tabsmith.orchestration.iteration import Iteration
from tabsmith.orchestration.person import End, Person
from tabsmith.orchestration.questions import Cause, ChangeBrief, Decide, Question, Reply, Skip
from tabsmith.orchestration.questions import End as EndRun
from tabsmith.recipes.difference import difference
from tabsmith.text import clean

LEFT_OUT: Final[tuple[Action, ...]] = ("retry",)
"""A person who decides so wants the recipe left out, and another one instead."""


def decided(action: Action) -> Decision:
    """The decision of a person."""
    return Decision(action, 1.0, "you decided so", by="person")


class Consulting:
    """The person of a run, as an iteration meets them. Nobody is asked in automatic mode, nor in a run of search."""

    def __init__(
        self,
        person: Person,
        budget: Budget,
        handover: Handover,
        breakpoints: Breakpoints,
        record: Callable[[LoopEvent], None],
    ) -> None:
        self._person = person
        self._budget = budget
        self._handover = handover
        self._breakpoints = breakpoints
        self._record = record

    async def may_fit(self, iteration: Iteration, champion: Evaluation | None) -> bool:
        """Whether the recipe is to be fitted; in manual mode the person says so."""
        proposal = iteration.proposal
        if self._person.mode != "manual" or not self._handover.planned.speaks or proposal is None:
            return True
        change = difference(champion.recipe if champion else None, proposal.recipe)
        reply = await self._ask(
            iteration, "proposal", f"Fit this recipe? {change}", details=clean(proposal.reason, 500)
        )
        match reply:
            case Decide(action=action) if action != "proceed":
                iteration.decision = decided(action)
                self._skip(iteration)
                return False
            case Skip() | ChangeBrief() | EndRun():
                self._skip(iteration)
                return False
            case _:
                return True

    async def consult(self, iteration: Iteration, facts: Facts) -> End | None:
        """Ask where a breakpoint, an escalation or a checkpoint calls for it, and do what the person says."""
        fired = self._breakpoints.check(facts)
        if "crowned" in iteration.told:  # an earlier worker has been through this
            return None
        if not self._handover.planned.speaks or self._person.mode == "automatic":
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

    def _obey(self, iteration: Iteration, reply: Reply) -> End | None:
        match reply:
            case Skip():
                self._skip(iteration)
            case Decide(action=action):
                if iteration.decision is None or iteration.decision.by != "person":
                    iteration.decision = decided(action)
                    self._record(events.Decided(iteration=iteration.number, decision=iteration.decision))
                if action in LEFT_OUT:
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
        self._budget.take(reply)
        return reply

    def _skip(self, iteration: Iteration) -> None:
        iteration.skipped = True
        self._record(events.Skipped(iteration=iteration.number))
