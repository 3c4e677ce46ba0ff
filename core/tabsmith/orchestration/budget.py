"""What a run may spend, and what happens when it is spent: a person is asked for more, or the loop ends."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Final
from uuid import uuid4

from tabsmith.agents.protocol import Left
from tabsmith.agents.usage import Usage
from tabsmith.errors import UsageError
from tabsmith.orchestration.decide import Near
from tabsmith.orchestration.events import BudgetWarned, LoopEvent, Noted
from tabsmith.orchestration.past import Past
from tabsmith.orchestration.person import LIMIT_ENDS, End, Person
from tabsmith.orchestration.purse import Amounts, Purse
from tabsmith.orchestration.questions import ChangeBrief, Continue, Extend, LimitName, Question, Reply, Skip

MONEY: Final[tuple[LimitName, ...]] = ("dollars", "tokens")
NEAR: Final = 0.95
"""From this share of the money or the tokens on, an iteration ends in a checkpoint."""


def near(due: tuple[BudgetWarned, ...]) -> Near | None:
    """The limit of money that is nearly spent, if that is new."""
    return next(
        (Near(each.limit, each.share) for each in reversed(due) if each.limit in MONEY and NEAR <= each.share < 1), None
    )


class Budget:
    """The purse of a run, and the person who fills it."""

    def __init__(
        self,
        person: Person,
        clock: Callable[[], float],
        record: Callable[[LoopEvent], None],
        *,
        planned_speaks: bool,
        past: Past,
    ) -> None:
        self.usage: Usage = past.usage
        self._person = person
        self._clock = clock
        self._record = record
        self._asks = planned_speaks
        self._iterations = past.next_iteration - 1
        self._failures = past.failures
        self._purse = Purse(self._limits(), past.warnings)

    def book(self, usage: Usage) -> None:
        """A reply came in, and this is what it used."""
        self.usage += usage

    def count(self, iterations: int, failures: int) -> None:
        """So many iterations are over, and the agent failed so often in a row."""
        self._iterations, self._failures = iterations, failures

    def due(self) -> tuple[BudgetWarned, ...]:
        """The warnings that are to be recorded now."""
        self._look()
        warnings = self._purse.book(self._purse.spending, unpriced=self.usage.unpriced)
        # The time limit of a search is its plan.
        return tuple(each for each in warnings if each.limit != "seconds" or self._asks)

    def warn(self, due: tuple[BudgetWarned, ...]) -> None:
        """Record them."""
        for warning in due:
            self._record(warning)

    def warnings(self) -> Near | None:
        """Record the warnings that are due; the limit of money that is nearly spent, if that is new."""
        due = self.due()
        self.warn(due)
        return near(due)

    def spent(self) -> LimitName | None:
        """The limit that is used up, if one is."""
        if self._person.seconds_for_fitting() <= 0:
            return "seconds"
        self._look()
        return self._purse.spent()

    @property
    def shares(self) -> tuple[float, float]:
        """Of the time limit, and the largest of any other limit."""
        self._look()
        return self._purse.time_used, self._purse.budget_used

    def left(self) -> Left:
        """What an agent is told of the limits."""
        limits, seconds = self._limits(), self._person.seconds_for_fitting()
        return Left(
            seconds=seconds if math.isfinite(seconds) else None,
            iterations=max(0, limits.iterations - self._iterations) if limits.iterations else None,
            tokens=max(0, limits.tokens - self.usage.tokens) if limits.tokens else None,
            dollars=f"{max(Decimal(0), limits.dollars - self.usage.cost):f}" if limits.dollars else None,
        )

    async def ended(self) -> End | None:
        """Why the loop is over; None when it may go on, if need be because a person gave more."""
        while True:
            if self._person.asked_to_end():
                return "user"
            spent = self.spent()
            if spent is None:
                return None
            self.warnings()
            if not self._asks or self._person.mode == "automatic":
                return LIMIT_ENDS[spent]
            reply = await self._person.ask(
                Question(
                    id=str(uuid4()),
                    iteration=self._iterations,
                    cause="budget",
                    what=self._words(spent),
                    limit=spent,
                )
            )
            self.take(reply)
            match reply:
                case Continue():
                    self._person.set_limit(spent, "0")
                case Extend() | ChangeBrief() | Skip():
                    continue
                case _:
                    return LIMIT_ENDS[spent]

    def take(self, reply: Reply) -> None:
        """What an answer to any question means for the limits and for the brief."""
        match reply:
            case ChangeBrief(text=text):
                self._person.note(text)
            case Extend(limit=limit, to=to):
                try:
                    self._person.set_limit(limit, to)
                except UsageError as error:
                    self._record(Noted(message=error.what, level="warning"))
            case _:
                return

    def _words(self, spent: LimitName) -> str:
        if spent == "seconds" and self._purse.share("seconds") < 1:
            return f"{self._purse.words('seconds')}; the rest is kept for finishing"
        return self._purse.words(spent)

    def _look(self) -> None:
        self._purse.extend(self._limits())
        self._purse.spending = Amounts(
            iterations=self._iterations,
            seconds=self._clock(),
            tokens=self.usage.tokens,
            dollars=self.usage.cost,
            failures=self._failures,
        )

    def _limits(self) -> Amounts:
        limits = self._person.limits
        return Amounts(
            iterations=limits.iterations,
            seconds=limits.seconds,
            tokens=limits.tokens,
            dollars=Decimal(limits.dollars or 0),
            failures=limits.failures,
        )
