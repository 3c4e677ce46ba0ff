"""The limits that a run or a task may have: their names, and their values."""

from decimal import Decimal, InvalidOperation
from typing import Final, Literal, TypeAlias, get_args

import msgspec
from msgspec.structs import replace

from tabsmith.errors import UsageError
from tabsmith.text import clean

LimitName: TypeAlias = Literal["iterations", "seconds", "tokens", "dollars", "failures"]
LIMIT_NAMES: Final[tuple[LimitName, ...]] = get_args(LimitName)


class Limits(msgspec.Struct, frozen=True):
    """Where a run or a task ends by itself, or asks for more; 0 and "" do not limit.

    `seconds` are of active time, `dollars` is a decimal string, and `failures` are those of the agent in a row.
    """

    seconds: float = 0.0
    iterations: int = 0
    dollars: str = ""
    tokens: int = 0
    failures: int = 0

    def value(self, name: LimitName) -> Decimal:
        """The value of one limit; 0 if it does not limit."""
        return Decimal(str(getattr(self, name) or 0))


def with_limit(limits: Limits, name: LimitName, to: str) -> Limits:
    """Return `limits` with the limit `name` set to `to`, a decimal as text; 0 takes the limit away.

    Raises UsageError if `to` is not a finite amount of 0 or more.
    """
    try:
        amount = Decimal(to)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"{clean(to, 40)!r} is no amount to limit {name} to.", next_step="Give a number, 0 or more.")
    match name:
        case "dollars":
            return replace(limits, dollars=f"{amount:f}" if amount else "")
        case "seconds":
            return replace(limits, seconds=float(amount))
        case _:
            return replace(limits, **{name: int(amount)})
