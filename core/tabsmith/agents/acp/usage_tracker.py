"""Tracks the usage of a session of the Agent Client Protocol, as far as its agent reports it."""

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from tabsmith.agents.protocol import ModelReply, OnReply
from tabsmith.agents.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from acp.schema import Cost, PromptResponse
    from acp.schema import Usage as AcpUsage


class AcpUsageTracker:
    """Passes each reply of the model to `on_reply`.

    If the agent reports its running cost while it works, each rise is passed on at once with the text so far, so that
    it is not lost if the agent dies.
    """

    def __init__(self, on_reply: OnReply) -> None:
        self._on_reply = on_reply
        self._text: list[str] = []  # not passed on yet
        self._used = False  # whether the model was used since something was passed on
        self._counted = False  # whether the current turn was passed on
        self._unpriced = 0  # turns passed on since the cost was reported
        self._has_cost = False  # whether a cost was reported
        self._cost = Decimal(0)  # the running cost that was passed on
        self.foreign = ""

    def add_text(self, text: str) -> None:
        """Add text that the model wrote."""
        self._text.append(text)

    def model_used(self) -> None:
        """Note that the agent used its model."""
        self._used = True

    def next_turn(self) -> None:
        """Begin a turn: the model was called again."""
        if self._used or not self._counted:
            self._pass_on(NO_USAGE)
        self._counted = False

    def set_cost(self, cost: "Cost | None") -> None:
        """Take the session's running cost, and pass on what it has risen by."""
        amount = _dollars(cost)
        if amount is None:
            return  # the price stays unknown
        self._has_cost = True
        if amount > self._cost:
            self._cost, before = amount, self._cost
            self._pass_on(Usage(cost=amount - before))
            self._unpriced = 0

    def resume_at(self, cost: "Cost | None") -> None:
        """Take the running cost of a session that is resumed, which was passed on before."""
        self._cost = _dollars(cost) or self._cost

    def end(self, response: "PromptResponse | None") -> None:
        """Pass on the rest: the text, and the tokens in the response. Without a response, the price of what came since
        the last reported cost is unknown."""
        usage = response.usage if response else None
        if usage or self._used or (response and not self._counted):
            priced = self._has_cost and response is not None
            unpriced = 0 if priced else max(1, self._unpriced + (0 if self._counted else 1))
            self._pass_on(_tokens(usage) + Usage(unpriced=unpriced))

    def _pass_on(self, usage: Usage) -> None:
        text = "".join(self._text)
        self._text.clear()
        self._used = False
        first = 0 if self._counted else 1
        self._counted = True
        self._unpriced += first
        self._on_reply(ModelReply(text, usage + Usage(turns=first), foreign=self.foreign))


def _dollars(cost: "Cost | None") -> Decimal | None:
    if cost is None or cost.currency.upper() != "USD" or not math.isfinite(cost.amount) or cost.amount < 0:
        return None
    return Decimal(str(cost.amount))


def _tokens(usage: "AcpUsage | None") -> Usage:
    """The tokens by kind. Agents count input and output in two ways each; the total shows which kinds overlap."""
    if usage is None:
        return NO_USAGE
    new, out, total = usage.input_tokens, usage.output_tokens, usage.total_tokens
    read, written, thought = usage.cached_read_tokens or 0, usage.cached_write_tokens or 0, usage.thought_tokens or 0
    cached = read + written
    if total not in (new + out, new + out + cached):  # thoughts come on top of the output
        out += thought
    if cached and total == new + out:  # what was cached is counted in the input as well
        new = max(0, new - cached)
    return Usage(new, out, read, written, thought)
