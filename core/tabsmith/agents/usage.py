"""What agents use, counted exactly: tokens by kind, money as Decimal, and where a price is not known, that."""

from decimal import Decimal

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Tokens by kind, replies and money. The kinds of input do not overlap: a token is new input, read from a cache, or
    written to one. Reasoning tokens are a part of the output. `cost`, in dollars, is what is known; `unpriced` counts
    the replies whose price is not."""

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
        """What was used since a cumulative counter stood at `earlier`."""
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
        """The cost in dollars; None when a part of it is not known."""
        return None if self.unpriced else self.cost


NO_USAGE = Usage()
