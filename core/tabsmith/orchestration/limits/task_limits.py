"""What one task may spend of a file's budget: its own limits, beside those of the file."""

import math
from collections.abc import Callable
from decimal import Decimal

from tabsmith.agents.usage import Usage
from tabsmith.orchestration.human.user_interface import LoopEnd
from tabsmith.orchestration.limits.budget import UsageTracker
from tabsmith.tasks import TaskLimits as Limits


class TaskBudget:
    """`first` is the number of the task's first iteration, `before` what the run had used and `started` where its
    clock stood when the task began."""

    def __init__(
        self,
        limits: Limits,
        budget: UsageTracker,
        clock: Callable[[], float],
        *,
        first: int,
        before: Usage,
        started: float,
    ) -> None:
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._first = first
        self._before = before
        self._started = started

    def reached(self, number: int, failures: int) -> LoopEnd | None:
        """The limit of the task itself that is used up once the iteration `number` is over."""
        limits = self._limits
        if limits.iterations and number - self._first + 1 >= limits.iterations:
            return "iterations"
        if self.seconds_left() <= 0:
            return "time"
        if self._money_spent() or (limits.failures and failures >= limits.failures):
            return "budget"
        return None

    def spent(self) -> bool:
        """Whether nothing more may be spent, by this task or by any."""
        return self._money_spent() or self._budget.spent() is not None

    def seconds_left(self) -> float:
        """Until the task's own time is over; infinite without a limit."""
        return self._started + self._limits.seconds - self._clock() if self._limits.seconds else math.inf

    def dollars_left(self) -> str:
        """That may still be spent, by the task and by all; "" without a limit."""
        own = Decimal(self._limits.dollars) - self._used().cost if self._limits.dollars else None
        file = self._budget.left().dollars
        left = [each for each in (own, Decimal(file) if file is not None else None) if each is not None]
        return f"{max(Decimal(0), min(left)):f}" if left else ""

    def _used(self) -> Usage:
        return self._budget.usage - self._before

    def _money_spent(self) -> bool:
        limits, used = self._limits, self._used()
        tokens = bool(limits.tokens) and used.tokens >= limits.tokens
        return tokens or (bool(limits.dollars) and used.cost >= Decimal(limits.dollars))
