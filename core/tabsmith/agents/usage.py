"""The usage of agents, counted exactly: tokens by kind, money as Decimal, and the replies whose price is unknown."""

from collections.abc import Iterable
from decimal import Decimal, localcontext
from typing import Final

import msgspec

_DIGITS: Final = 100  # more than any sum of money has: no addition rounds, and the order does not matter


class Usage(msgspec.Struct, frozen=True):
    """Tokens by kind, replies (`turns`) and dollars.

    The kinds of input tokens do not overlap: a token is new, read from a cache, or written to one. Reasoning tokens are
    part of the output tokens. `cost` is the sum of the known prices; `unpriced` counts the replies without one.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    turns: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.turns + other.turns,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
        )

    def __sub__(self, earlier: "Usage") -> "Usage":
        """Return the usage since a cumulative counter stood at `earlier`."""
        return Usage(
            self.input_tokens - earlier.input_tokens,
            self.output_tokens - earlier.output_tokens,
            self.cache_read_tokens - earlier.cache_read_tokens,
            self.cache_write_tokens - earlier.cache_write_tokens,
            self.reasoning_tokens - earlier.reasoning_tokens,
            self.turns - earlier.turns,
            self.cost - earlier.cost,
            self.unpriced - earlier.unpriced,
        )

    @property
    def tokens(self) -> int:
        """All tokens, in and out."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens

    @property
    def price(self) -> Decimal | None:
        """The cost in dollars; None if the price of any reply is unknown."""
        return None if self.unpriced else self.cost


NO_USAGE = Usage()


def total_usage(usages: Iterable[Usage]) -> Usage:
    """The sum of all usages, without rounding."""
    with localcontext(prec=_DIGITS):
        return sum(usages, NO_USAGE)
