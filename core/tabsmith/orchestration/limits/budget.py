"""What a run may spend, and what happens when it is spent: a person is asked for more, or the loop ends.

The limits of a run against what is spent: shares, warnings, and which limit is spent.
"""

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, get_args
from uuid import uuid4

import msgspec

from tabsmith.agents.protocol import RemainingBudget
from tabsmith.agents.usage import Usage
from tabsmith.errors import UsageError
from tabsmith.orchestration.events import BudgetWarned, LoopEvent, Noted
from tabsmith.orchestration.human.user_interface import LIMIT_ENDS, LoopEnd, UserInterface
from tabsmith.orchestration.limits.amounts import format_limit
from tabsmith.orchestration.loop.decide import NearlySpent
from tabsmith.orchestration.loop.iteration import Past
from tabsmith.orchestration.questions import ChangeBrief, Continue, Extend, LimitName, Question, Reply, Skip
from tabsmith.text import plural

WARN_AT: Final = (0.8, 0.95, 1.0)
"""Shares of a limit at which the person is told."""

_LIMIT_NAMES: Final[tuple[LimitName, ...]] = get_args(LimitName)


class BudgetAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """So much of everything that can be limited; as limits, 0 does not limit. `failures` are those in a row."""

    iterations: int = 0
    seconds: float = 0.0
    tokens: int = 0
    dollars: Decimal = Decimal(0)
    failures: int = 0


class Budget:
    """The limits in force, what is spent, and what was warned of.

    `past` are the warnings of the run so far: one that is resumed gives none of them again.
    """

    def __init__(self, limits: BudgetAmounts, past: Iterable[BudgetWarned] = ()) -> None:
        self.limits = limits
        self.spending = BudgetAmounts()
        self.unpriced = 0
        self._warned: dict[LimitName, float] = {warning.limit: warning.share for warning in past}

    def book(self, spending: BudgetAmounts, *, unpriced: int = 0) -> tuple[BudgetWarned, ...]:
        """What is spent so far, in all, with the number of replies whose price is not known. Returns the warnings that
        this brings: for each limit the highest threshold that it newly reached."""
        self.spending, self.unpriced = spending, unpriced
        warnings: list[BudgetWarned] = []
        for name in _LIMIT_NAMES:
            reached = self._reached(name)
            if reached > self._warned.get(name, 0.0):
                warnings.append(BudgetWarned(limit=name, share=reached, words=self.words(name)))
            self._warned[name] = reached  # lower after an extension: its thresholds count again
        return tuple(warnings)

    def extend(self, limits: BudgetAmounts) -> None:
        """Other limits from now on; those that grew warn again. The same limits change nothing."""
        if limits == self.limits:
            return
        self.limits = limits
        for name in _LIMIT_NAMES:
            reached = self._reached(name)
            self._warned[name] = min(reached, self._warned.get(name, 0.0))

    def share(self, name: LimitName) -> float:
        """How much of a limit is used, 0..1 and over; 0 where nothing limits."""
        limit, spent = Decimal(str(getattr(self.limits, name))), Decimal(str(getattr(self.spending, name)))
        return float(spent / limit) if limit > 0 else 0.0

    def _reached(self, name: LimitName) -> float:
        return max((share for share in WARN_AT if self.share(name) >= share), default=0.0)

    @property
    def time_used(self) -> float:
        """Share of the time limit used."""
        return self.share("seconds")

    @property
    def budget_used(self) -> float:
        """Largest share used of any limit but time."""
        return max(self.share(name) for name in _LIMIT_NAMES if name != "seconds")

    def spent(self) -> LimitName | None:
        """A limit that is used up; None while there is none."""
        return next((name for name in _LIMIT_NAMES if self.share(name) >= 1.0), None)

    def words(self, name: LimitName) -> str:
        """A limit and what is used of it, in a sentence: `$1.62 of $2.00 spent (81 %)`."""
        limit, spending = getattr(self.limits, name), getattr(self.spending, name)
        percent = f"{int(self.share(name) * 100)} %"
        match name:
            case "dollars":
                unknown = f", price of {plural(self.unpriced, 'reply', 'replies')} unknown" if self.unpriced else ""
                return f"{format_limit(spending, name)} of {format_limit(limit, name)} spent ({percent}){unknown}"
            case "seconds":
                return f"{spending:,.0f} of {format_limit(limit, name)} used ({percent})"
            case "failures":
                return f"{spending:,} of {format_limit(limit, name)} in a row ({percent})"
            case _:
                return f"{spending:,} of {format_limit(limit, name)} used ({percent})"


MONEY_LIMITS: Final[tuple[LimitName, ...]] = ("dollars", "tokens")
NEARLY_SPENT_AT: Final = 0.95
"""From this share of the money or the tokens on, an iteration ends in a checkpoint."""


def nearly_spent(due: tuple[BudgetWarned, ...]) -> NearlySpent | None:
    """The limit of money that is nearly spent, if that is new."""
    return next(
        (
            NearlySpent(each.limit, each.share)
            for each in reversed(due)
            if each.limit in MONEY_LIMITS and NEARLY_SPENT_AT <= each.share < 1
        ),
        None,
    )


class UsageTracker:
    """The purse of a run, and the person who fills it."""

    def __init__(
        self,
        person: UserInterface,
        clock: Callable[[], float],
        record: Callable[[LoopEvent], None],
        *,
        planned_uses_llm: bool,
        past: Past,
    ) -> None:
        self.usage: Usage = past.usage
        self._person = person
        self._clock = clock
        self._record = record
        self._asks = planned_uses_llm
        self._iterations = past.next_iteration - 1
        self._failures = past.failures
        self._purse = Budget(self._limits(), past.warnings)

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

    def warnings(self) -> NearlySpent | None:
        """Record the warnings that are due; the limit of money that is nearly spent, if that is new."""
        due = self.due()
        self.warn(due)
        return nearly_spent(due)

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

    def left(self) -> RemainingBudget:
        """What an agent is told of the limits."""
        limits, seconds = self._limits(), self._person.seconds_for_fitting()
        return RemainingBudget(
            seconds=seconds if math.isfinite(seconds) else None,
            iterations=max(0, limits.iterations - self._iterations) if limits.iterations else None,
            tokens=max(0, limits.tokens - self.usage.tokens) if limits.tokens else None,
            dollars=f"{max(Decimal(0), limits.dollars - self.usage.cost):f}" if limits.dollars else None,
        )

    async def ended(self) -> LoopEnd | None:
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
        self._purse.spending = BudgetAmounts(
            iterations=self._iterations,
            seconds=self._clock(),
            tokens=self.usage.tokens,
            dollars=self.usage.cost,
            failures=self._failures,
        )

    def _limits(self) -> BudgetAmounts:
        limits = self._person.limits
        return BudgetAmounts(
            iterations=limits.iterations,
            seconds=limits.seconds,
            tokens=limits.tokens,
            dollars=Decimal(limits.dollars or 0),
            failures=limits.failures,
        )
