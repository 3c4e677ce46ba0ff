"""The limits of a run against what is spent: shares, warnings, and which limit is spent."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, get_args

import msgspec

from tabsmith.orchestration.amounts import shown
from tabsmith.orchestration.events import BudgetWarned
from tabsmith.orchestration.questions import LimitName
from tabsmith.text import plural

WARN_AT: Final = (0.8, 0.95, 1.0)
"""Shares of a limit at which the person is told."""

_NAMES: Final[tuple[LimitName, ...]] = get_args(LimitName)


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """So much of everything that can be limited; as limits, 0 does not limit. `failures` are those in a row."""

    iterations: int = 0
    seconds: float = 0.0
    tokens: int = 0
    dollars: Decimal = Decimal(0)
    failures: int = 0


class Purse:
    """The limits in force, what is spent, and what was warned of.

    `past` are the warnings of the run so far: one that is resumed gives none of them again.
    """

    def __init__(self, limits: Amounts, past: Iterable[BudgetWarned] = ()) -> None:
        self.limits = limits
        self.spending = Amounts()
        self.unpriced = 0
        self._warned: dict[LimitName, float] = {warning.limit: warning.share for warning in past}

    def book(self, spending: Amounts, *, unpriced: int = 0) -> tuple[BudgetWarned, ...]:
        """What is spent so far, in all, with the number of replies whose price is not known. Returns the warnings that
        this brings: for each limit the highest threshold that it newly reached."""
        self.spending, self.unpriced = spending, unpriced
        warnings: list[BudgetWarned] = []
        for name in _NAMES:
            reached = self._reached(name)
            if reached > self._warned.get(name, 0.0):
                warnings.append(BudgetWarned(limit=name, share=reached, words=self.words(name)))
            self._warned[name] = reached  # lower after an extension: its thresholds count again
        return tuple(warnings)

    def extend(self, limits: Amounts) -> None:
        """Other limits from now on; those that grew warn again. The same limits change nothing."""
        if limits == self.limits:
            return
        self.limits = limits
        for name in _NAMES:
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
        return max(self.share(name) for name in _NAMES if name != "seconds")

    def spent(self) -> LimitName | None:
        """A limit that is used up; None while there is none."""
        return next((name for name in _NAMES if self.share(name) >= 1.0), None)

    def words(self, name: LimitName) -> str:
        """A limit and what is used of it, in a sentence: `$1.62 of $2.00 spent (81 %)`."""
        limit, spending = getattr(self.limits, name), getattr(self.spending, name)
        percent = f"{int(self.share(name) * 100)} %"
        match name:
            case "dollars":
                unknown = f", price of {plural(self.unpriced, 'reply', 'replies')} unknown" if self.unpriced else ""
                return f"{shown(spending, name)} of {shown(limit, name)} spent ({percent}){unknown}"
            case "seconds":
                return f"{spending:,.0f} of {shown(limit, name)} used ({percent})"
            case "failures":
                return f"{spending:,} of {shown(limit, name)} in a row ({percent})"
            case _:
                return f"{spending:,} of {shown(limit, name)} used ({percent})"
