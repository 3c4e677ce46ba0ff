"""What a run or a task may use: its one budget (limits, what is used of them, when to warn, what is left), and the amounts
that a person types for a limit: `$5`, `5.00`, `+2`, `20 more`, `2 dollars`, `to 10`, `+2 min`, `1:30`.

An amount with `+` or "more" is added to the limit in force; an amount after "to" is the new limit. An amount alone is the
new limit, too ("$5"), except for time, where it is added ("60": a minute more).
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from tabsmith.agents.protocol import RemainingBudget
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.errors import UsageError
from tabsmith.limits import LIMIT_NAMES, LimitName, Limits
from tabsmith.orchestration.events import BudgetWarned, SessionUsed
from tabsmith.text import clean, plural

NO_LIMIT: Final = "no limit"
_LONGEST: Final = 60
_NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)"
_AMOUNT: Final = re.compile(rf"\s*({_NUMBER})\s*([a-z]*)\s*")
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_CLOCK: Final = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-5][0-9])")
_TO: Final = re.compile(r"(?:to\b|=)\s*")
_PLUS: Final = re.compile(r"(?:\+|(?:plus|add|another)\b)\s*")
_MORE: Final = re.compile(r"\b(?:more|longer|extra)\b")

_COUNTS: Final = {"": 1, "k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
_SCALES: Final[Mapping[LimitName, Mapping[str, int]]] = MappingProxyType(
    {
        "seconds": {
            "": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600,
            "d": 86_400, "day": 86_400,
        },
        "dollars": {"": 1, "dollar": 1, "usd": 1, "buck": 1},
        "iterations": {**_COUNTS, "iteration": 1, "recipe": 1, "try": 1, "trie": 1},
        "tokens": {**_COUNTS, "token": 1},
        "failures": {"": 1, "failure": 1},
    }
)  # fmt: skip
_MOST: Final[Mapping[LimitName, Decimal]] = MappingProxyType(
    {
        "seconds": Decimal(365 * 86_400),
        "dollars": Decimal(1_000_000),
        "iterations": Decimal(1_000_000),
        "tokens": Decimal(10**12),
        "failures": Decimal(1_000_000),
    }
)
_RANGE: Final[Mapping[LimitName, str]] = MappingProxyType(
    {
        "seconds": "A time limit lies between 1 s and 365 days.",
        "dollars": "A limit of dollars lies between 0 and 1,000,000.",
        "iterations": "A limit of iterations lies between 1 and 1,000,000.",
        "tokens": "A limit of tokens lies between 1 and 1,000,000,000,000.",
        "failures": "A limit of failures lies between 1 and 1,000,000.",
    }
)
_EXAMPLES: Final[Mapping[LimitName, str]] = MappingProxyType(
    {
        "seconds": "Write 60 for a minute more, or +2 min, 1:30, 1 h, or to 10 min.",
        "dollars": "Write $5 for five dollars in all, or +2 for two more.",
        "iterations": "Write 40 for forty in all, or +20, or 20 more.",
        "tokens": "Write 200k for that many in all, or +50k, or 50,000 more.",
        "failures": "Write 5 for five in a row, or +2.",
    }
)


def parse_amount(
    text: str, limit: LimitName, current: Decimal | float | str, *, spent: Decimal | float | str = 0
) -> str:
    """Return the new limit that `text` asks for, as a decimal (`2.50`, `40`). `current` is the limit in force (0 for
    none), and `spent` is used of it.

    Raises UsageError for a text that is no amount, and for a limit that would be used up already.
    """
    words = " ".join(text.lower().split())
    if not words or len(words) > _LONGEST:
        raise _not_an_amount(text, limit)
    absolute = _TO.match(words) is not None
    words = _TO.sub("", words, count=1) if absolute else words
    added = _PLUS.match(words) is not None or _MORE.search(words) is not None
    if added and absolute:
        raise UsageError(f"{clean(text, 40)!r} says both to and more.", next_step=_EXAMPLES[limit])
    bare = _MORE.sub(" ", _PLUS.sub("", words, count=1) if _PLUS.match(words) else words)
    amount = _amount(bare.strip(), limit)
    if amount is None:
        raise _not_an_amount(text, limit)
    in_force = _decimal(current)
    if added or (limit == "seconds" and not absolute):
        if in_force <= 0:
            raise UsageError(f"The run has no {_named(limit)} to add to.", next_step=_example_of_new(limit))
        amount += in_force
    return _accepted(amount, limit, _decimal(spent))


def read_budget(text: str) -> Limits:
    """The limits in `$2`, `2.00`, `2 dollars`, `100k tokens` or `$2, 100k tokens`; "", `0` and `none` are no limit.

    Raises UsageError.
    """
    budget = Limits()
    typed = text.strip().lower()
    if typed in ("", "0", "$0", "none", NO_LIMIT):
        return budget
    for part in re.split(r";|,\s+|\band\b", typed):
        limit: LimitName = "tokens" if "token" in part else "dollars"
        try:
            amount = parse_amount(part, limit, "0")
        except UsageError as error:
            raise UsageError(error.what, next_step="Write it like $2, 2.00, 100k tokens, or none.") from error
        budget = replace(budget, tokens=int(amount)) if limit == "tokens" else replace(budget, dollars=amount)
    return budget


def show_budget(dollars: str | None) -> str:
    """`dollars` as `read_budget` takes them: `$2.00`; "" for none."""
    return f"${dollars.strip().lstrip('$')}" if dollars and dollars.strip() else ""


def format_limit(amount: Decimal | float | str, limit: LimitName) -> str:
    """Return an amount of a limit with its unit: `$2.50`, `90 s`, `40 iterations`."""
    value = _decimal(amount)
    match limit:
        case "dollars":
            return f"${_as_text(value, limit)}"
        case "seconds":
            return f"{value:,.0f} s"
        case _:
            return f"{value:,.0f} {limit if value != 1 else limit.removesuffix('s')}"


def _accepted(amount: Decimal, limit: LimitName, spent: Decimal) -> str:
    least = Decimal(0) if limit == "dollars" else Decimal(1)
    if limit in ("iterations", "tokens", "failures") and amount != amount.to_integral_value():
        raise UsageError(f"{_named(limit).capitalize()} is a whole number.", next_step=_EXAMPLES[limit])
    if amount <= 0 or not least <= amount <= _MOST[limit]:
        raise UsageError(_RANGE[limit], next_step=_EXAMPLES[limit])
    if amount <= spent:
        raise UsageError(
            f"A limit of {format_limit(amount, limit)} is used up: {format_limit(spent, limit)} are spent already.",
            next_step=f"Name more than that, or write + and how much more. {_EXAMPLES[limit]}",
        )
    return _as_text(amount, limit)


def _amount(words: str, limit: LimitName) -> Decimal | None:
    """The amount in `words`, in the limit's own unit; None if they are no amount."""
    if limit == "seconds":
        clock = _CLOCK.fullmatch(words)
        if clock:
            hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return Decimal(3600 * hours + 60 * minutes + seconds)
    if limit == "dollars":
        words = re.sub(r"^(?:us)?\$\s*|\s*\$$", "", words)
    total = Decimal(0)
    rest = words
    units: list[str] = []
    while rest:
        match = _AMOUNT.match(rest)
        if match is None:
            return None
        scale = _scale(match[2], limit)
        if scale is None:
            return None
        total += _number(match[1]) * scale
        units.append(match[2])
        rest = rest[match.end() :]
        if limit in ("iterations", "tokens") and scale > 1:
            rest = re.sub(rf"^{limit}?\b", "", rest)  # 200k tokens
    if len(units) > 1 and (limit != "seconds" or "" in units):  # only times come in parts: 1 h 30 min
        return None
    return total or None


def _scale(unit: str, limit: LimitName) -> int | None:
    scales = _SCALES[limit]
    return scales.get(unit) or scales.get(unit.removesuffix("s"))


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", "."))


def _decimal(value: Decimal | float | str) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _as_text(amount: Decimal, limit: LimitName) -> str:
    if limit == "dollars" and amount == amount.quantize(Decimal("0.01")):
        return f"{amount:.2f}"
    return f"{amount.normalize():f}"


def _named(limit: LimitName) -> str:
    return "time limit" if limit == "seconds" else f"limit of {limit}"


def _example_of_new(limit: LimitName) -> str:
    return "Write to 10 min to set one." if limit == "seconds" else f"Set one first. {_EXAMPLES[limit]}"


def _not_an_amount(text: str, limit: LimitName) -> UsageError:
    kind = "length of time" if limit == "seconds" else f"amount of {limit}"
    what = f"{clean(text, 40)!r} is not {'a' if limit == 'seconds' else 'an'} {kind}."
    return UsageError(what if text.strip() else f"No {kind} was given.", next_step=_EXAMPLES[limit])


WARN_AT: Final = (0.8, 0.95, 1.0)
"""Shares of a limit at which the person is warned."""

COST_LIMITS: Final[tuple[LimitName, ...]] = ("dollars", "tokens")
NEARLY_SPENT_AT: Final = 0.95
"""From this share of the dollars or the tokens on, an iteration ends in a checkpoint."""


class NearlySpent(msgspec.Struct, frozen=True):
    """A limit whose last warning was given in this iteration: its name, and the share used."""

    limit: LimitName
    share: float


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, and what is used of them so far. `seconds` are of active time; `failures` are the agent's in a row."""

    limits: Limits = Limits()
    iterations: int = 0
    seconds: float = 0.0
    failures: int = 0
    usage: Usage = NO_USAGE

    def used(self, name: LimitName) -> Decimal:
        """What is used of a limit, as far as prices are known, in the limit's own unit."""
        match name:
            case "dollars":
                return self.usage.cost
            case "tokens":
                return Decimal(self.usage.tokens)
            case _:
                return Decimal(str(getattr(self, name)))

    def share(self, name: LimitName) -> float:
        """The share of a limit that is used, 0..1 and over; 0 if there is no such limit."""
        limit = self.limits.value(name)
        return float(self.used(name) / limit) if limit > 0 else 0.0

    def used_up(self) -> LimitName | None:
        """The first limit that is used up; None if none is."""
        return next((name for name in LIMIT_NAMES if self.share(name) >= 1.0), None)

    @property
    def time_share(self) -> float:
        """The share of the time limit that is used."""
        return self.share("seconds")

    @property
    def largest_share(self) -> float:
        """The largest share used of any limit but time."""
        return max(self.share(name) for name in LIMIT_NAMES if name != "seconds")

    @property
    def dollars_left(self) -> Decimal | None:
        """The dollars that are left, 0 or more; None without a limit of dollars."""
        limit = self.limits.value("dollars")
        return max(Decimal(0), limit - self.usage.cost) if limit else None

    def remaining(self, seconds_left: float) -> RemainingBudget:
        """What an agent is told of the limits. `seconds_left` is infinite without a time limit."""
        limits, dollars = self.limits, self.dollars_left
        return RemainingBudget(
            seconds=seconds_left if math.isfinite(seconds_left) else None,
            iterations=max(0, limits.iterations - self.iterations) if limits.iterations else None,
            tokens=max(0, limits.tokens - self.usage.tokens) if limits.tokens else None,
            dollars=None if dollars is None else f"{dollars:f}",
        )

    def reached(self, name: LimitName) -> float:
        """The highest share of `WARN_AT` that the limit has reached; 0 below the first."""
        return max((share for share in WARN_AT if self.share(name) >= share), default=0.0)

    def sentence(self, name: LimitName) -> str:
        """A limit and what is used of it: `$1.62 of $2.00 spent (81 %)`."""
        limit, used = format_limit(self.limits.value(name), name), self.used(name)
        percent = f"{int(self.share(name) * 100)} %"
        match name:
            case "dollars":
                count = self.usage.unpriced
                unknown = f", price of {plural(count, 'reply', 'replies')} unknown" if count else ""
                return f"{format_limit(used, name)} of {limit} spent ({percent}){unknown}"
            case "failures":
                return f"{used:,.0f} of {limit} in a row ({percent})"
            case _:
                return f"{used:,.0f} of {limit} used ({percent})"


class UsageTracker:
    """Adds up what a run uses, and gives each warning once.

    `limits`, `clock` (seconds of active time) and `seconds_left` (until finishing has to begin) are asked anew every
    time. `warnings` are those that the run has given so far: a resumed run does not give them again. Without
    `warns_of_time` nothing is said of the time limit, which is the plan of a search.
    """

    def __init__(
        self,
        limits: Callable[[], Limits],
        clock: Callable[[], float],
        seconds_left: Callable[[], float],
        *,
        warns_of_time: bool,
        iterations: int = 0,
        failures: int = 0,
        usage: Usage = NO_USAGE,
        warnings: Iterable[BudgetWarned] = (),
    ) -> None:
        self.usage = usage
        self._limits = limits
        self._clock = clock
        self._seconds_left = seconds_left
        self._warns_of_time = warns_of_time
        self._iterations = iterations
        self._failures = failures
        self._warned: dict[LimitName, float] = {warning.limit: warning.share for warning in warnings}
        self._latest = Budget(limits=limits())

    def book(self, usage: Usage) -> None:
        """Add what one reply used."""
        self.usage += usage

    def booking(self, record: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return `record`, which from now on also books what replies used: there is no other way to either."""

        def record_and_book(event: object) -> None:
            record(event)
            if isinstance(event, SessionUsed):
                self.book(event.usage)

        return record_and_book

    def count(self, iterations: int, failures: int) -> None:
        """Set how many iterations are over, and how often the agent failed in a row."""
        self._iterations, self._failures = iterations, failures

    def budget(self) -> Budget:
        """The budget at this moment."""
        budget = Budget(
            limits=self._limits(),
            iterations=self._iterations,
            seconds=self._clock(),
            failures=self._failures,
            usage=self.usage,
        )
        if budget.limits != self._latest.limits:  # a higher limit warns again of the shares that it falls below
            before = replace(self._latest, limits=budget.limits)
            self._warned = {name: min(before.reached(name), share) for name, share in self._warned.items()}
        self._latest = budget
        return budget

    def used_up(self) -> LimitName | None:
        """The limit that is used up, the time for finishing taken off; None if none is."""
        return "seconds" if self._seconds_left() <= 0 else self.budget().used_up()

    def remaining(self) -> RemainingBudget:
        """What an agent is told of the limits."""
        return self.budget().remaining(self._seconds_left())

    def due_warnings(self) -> tuple[BudgetWarned, ...]:
        """The warnings that are due now and were not given yet: for each limit the highest share newly reached."""
        budget = self.budget()
        due: list[BudgetWarned] = []
        for name in LIMIT_NAMES:
            reached = budget.reached(name)
            if reached > self._warned.get(name, 0.0) and (name != "seconds" or self._warns_of_time):
                due.append(BudgetWarned(limit=name, share=reached, words=budget.sentence(name)))
            self._warned[name] = reached
        return tuple(due)


def nearly_spent(warnings: Iterable[BudgetWarned]) -> NearlySpent | None:
    """The limit of dollars or tokens that `warnings` newly call nearly spent; None if there is none."""
    near = [each for each in warnings if each.limit in COST_LIMITS and NEARLY_SPENT_AT <= each.share < 1]
    return NearlySpent(near[-1].limit, near[-1].share) if near else None


class TaskBudget:
    """The budget of one task of a file: its own limits, beside those of the file, which `file` tracks.

    `first` is the number of the task's first iteration; `before` is what the run had used, and `started` where its
    clock stood, when the task began.
    """

    def __init__(self, limits: Limits, file: UsageTracker, *, first: int, before: Usage, started: float) -> None:
        self._limits = limits
        self._file = file
        self._first = first
        self._before = before
        self._started = started
        self._failures = 0

    def count(self, failures: int) -> None:
        """Set how often the agent failed in a row at this task."""
        self._failures = failures

    def budget(self) -> Budget:
        """The budget at this moment."""
        file = self._file.budget()
        return Budget(
            limits=self._limits,
            iterations=file.iterations - self._first + 1,
            seconds=file.seconds - self._started,
            failures=self._failures,
            usage=file.usage - self._before,
        )

    def spent(self) -> bool:
        """Whether nothing more may be spent, because the task's cost limits or any limit of the file is used up."""
        budget = self.budget()
        return any(budget.share(name) >= 1.0 for name in COST_LIMITS) or self._file.used_up() is not None

    def seconds_left(self) -> float:
        """Seconds until the task's own time is over; infinite without a limit."""
        budget = self.budget()
        return budget.limits.seconds - budget.seconds if budget.limits.seconds else math.inf

    def dollars_left(self) -> str:
        """The dollars that both the task and the file may still spend, as a decimal; "" without a limit."""
        left = [each for each in (self.budget().dollars_left, self._file.budget().dollars_left) if each is not None]
        return f"{min(left):f}" if left else ""
