"""What a session of the Agent Client Protocol uses, as far as its agent tells: handed on once, and never lost."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from tabsmith.agents.protocol import ModelReply
from tabsmith.agents.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from acp.schema import Cost, PromptResponse
    from acp.schema import Usage as ToldUsage


class AcpUsageTracker:
    """Hands each reply of the model on as a `ModelReply`. Where the agent tells its running cost while it works, each rise is
    handed on at once, with the text so far, so that it is not lost when the agent is."""

    def __init__(self, hear: Callable[[ModelReply], None]) -> None:
        self._hear = hear
        self._unheard: list[str] = []
        self._worked = False  # since something was handed on
        self._counted = False  # whether the turn that goes on was handed on
        self._unpriced = 0  # turns handed on since the cost was told
        self._told = False  # whether a cost was
        self._running = Decimal(0)  # the running cost that was handed on
        self.foreign = ""

    def said(self, text: str) -> None:
        """The model wrote this."""
        self._unheard.append(text)

    def works(self) -> None:
        """The agent shows that its model is used."""
        self._worked = True

    def next_turn(self) -> None:
        """The model was called again: the turn before is over."""
        if self._worked or not self._counted:
            self._hand_on(NO_USAGE)
        self._counted = False

    def told(self, cost: "Cost | None") -> None:
        """The agent tells the session's running cost: hand on what it has risen by."""
        amount = _dollars(cost)
        if amount is None:
            return  # the price stays unknown
        self._told = True
        if amount > self._running:
            self._running, before = amount, self._running
            self._hand_on(Usage(cost=amount - before))
            self._unpriced = 0

    def stood_at(self, cost: "Cost | None") -> None:
        """What the session's running cost was before it was gone on with, and which was handed on then."""
        self._running = _dollars(cost) or self._running

    def end(self, response: "PromptResponse | None") -> None:
        """Hand on what was not yet: the rest of the text, and the tokens that the response tells. Without a response,
        the price of what came since the last told cost is not known."""
        usage = response.usage if response else None
        if usage or self._worked or (response and not self._counted):
            priced = self._told and response is not None
            unpriced = 0 if priced else max(1, self._unpriced + (0 if self._counted else 1))
            self._hand_on(_tokens(usage) + Usage(unpriced=unpriced))

    def _hand_on(self, usage: Usage) -> None:
        text = "".join(self._unheard)
        self._unheard.clear()
        self._worked = False
        first = 0 if self._counted else 1
        self._counted = True
        self._unpriced += first
        self._hear(ModelReply(text, usage + Usage(turns=first), foreign=self.foreign))


def _dollars(cost: "Cost | None") -> Decimal | None:
    if cost is None or cost.currency.upper() != "USD" or not math.isfinite(cost.amount) or cost.amount < 0:
        return None
    return Decimal(str(cost.amount))


def _tokens(told: "ToldUsage | None") -> Usage:
    """Tokens by kind, of which agents have two understandings each; the total tells which of the kinds overlap."""
    if told is None:
        return NO_USAGE
    new, out, total = told.input_tokens, told.output_tokens, told.total_tokens
    read, written, thought = told.cached_read_tokens or 0, told.cached_write_tokens or 0, told.thought_tokens or 0
    cached = read + written
    if total not in (new + out, new + out + cached):  # thoughts come on top of the output
        out += thought
    if cached and total == new + out:  # what was cached is counted in the input as well
        new = max(0, new - cached)
    return Usage(new, out, read, written, thought)
