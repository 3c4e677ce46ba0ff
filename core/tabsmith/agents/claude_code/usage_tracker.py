"""Tracks the usage of Claude Code reply by reply. The sum is exactly what the program itself reports in the end."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from claude_agent_sdk import AssistantMessage, ResultMessage, TextBlock, ToolUseBlock

from tabsmith.agents.protocol import ModelReply, OnReply
from tabsmith.agents.usage import NO_USAGE, Usage

SYNTHETIC_MODEL: Final = "<synthetic>"  # the model's name in messages of the program itself


class ClaudeUsageTracker:
    """Turns the program's messages into `ModelReply` values for `on_reply`.

    A reply's tokens are complete when it ends, but its price is known only from the program's sum at the end. So the
    newest reply is held until the next one or the sum. Earlier replies are passed on without a price, and the last one
    then carries the difference to the sum.

    With `tools`, a reply that calls a tool is not held: the tool may take long, and if the worker dies meanwhile the
    reply is already recorded. If such a reply was the last, the difference comes in a reply of its own.

    The sum of a resumed conversation begins at `before`, where the earlier one ended.
    """

    def __init__(self, on_reply: OnReply, before: Usage = NO_USAGE, *, tools: bool = False) -> None:
        self._on_reply = on_reply
        self._before = before
        self._tools = tools
        self._calls_tool = False  # whether the held reply does
        self._last_id: str | None = None  # of the replies passed on
        self._reported = NO_USAGE
        self._id: str | None = None  # of the held reply
        self._model = ""
        self._texts: list[str] = []
        self._used: dict[str, Any] = {}

    def event(self, event: Mapping[str, Any]) -> None:
        """Handle an event of the stream of a reply."""
        match event:
            case {"type": "message_start", "message": {"id": str(name), **message}}:
                self._begin(name, str(message.get("model", "")))
                self._add(message.get("usage"))
            case {"type": "message_delta", "usage": used, **others}:
                self._add(used)
                match others:
                    case {"delta": {"stop_reason": "tool_use"}}:
                        self._calls_tool = self._tools
            case {"type": "message_stop"} if self._calls_tool:
                self.close()

    def message(self, message: AssistantMessage) -> None:
        """Handle a part of a reply, or a whole one; the parts have one id and the same usage."""
        name = message.message_id or ""
        if message.model == SYNTHETIC_MODEL or (name and name == self._last_id):
            return
        if name != self._id:  # it did not come in a stream
            self._begin(name, message.model)
            self._add(message.usage)
        for block in message.content:
            if isinstance(block, TextBlock):
                self._texts.append(block.text)
            elif isinstance(block, ToolUseBlock):
                self._texts.append(json.dumps(block.input, ensure_ascii=False))

    def settle(self, result: ResultMessage) -> None:
        """Handle the program's own sum, which the held reply is adjusted to."""
        turns = self._reported.turns + (self._id is not None)
        total = _sum(result, turns)
        before = self._before if not total.unpriced else msgspec.structs.replace(self._before, cost=Decimal(0))
        missing = total - before - self._reported
        if self._id is not None or missing != NO_USAGE:
            self._pass_on(missing)

    def close(self) -> None:
        """Pass on a reply that is still held, as far as it arrived: there will be no sum."""
        if self._id is not None:
            self._pass_on(_usage(self._used))

    def _begin(self, name: str, model: str) -> None:
        self.close()
        self._id, self._model = name, model

    def _add(self, used: object) -> None:
        if isinstance(used, dict):
            self._used |= {kind: value for kind, value in used.items() if value is not None}

    def _pass_on(self, usage: Usage) -> None:
        reply = ModelReply("\n".join(self._texts), usage, self._model)
        self._last_id, self._calls_tool = self._id, False
        self._id, self._model, self._texts, self._used = None, "", [], {}
        self._reported += usage
        self._on_reply(reply)


def _usage(used: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=int(used.get("input_tokens") or 0),
        output_tokens=int(used.get("output_tokens") or 0),
        cache_read_tokens=int(used.get("cache_read_input_tokens") or 0),
        cache_write_tokens=int(used.get("cache_creation_input_tokens") or 0),
        reasoning_tokens=int((used.get("output_tokens_details") or {}).get("thinking_tokens") or 0),
        turns=1,
        unpriced=1,
    )


def _sum(result: ResultMessage, turns: int) -> Usage:
    """Everything that the program counted, for whatever purpose it asked a model. For a model whose price it does not
    know the program reports the price of another one, which is taken as unknown."""
    models: list[dict[str, Any]] = [{**used} for used in (result.model_usage or {}).values()]
    has_price = result.total_cost_usd is not None and all(used.get("costBasis") != "unknown" for used in models)
    cost = Decimal(str(result.total_cost_usd)) if has_price else Decimal(0)
    return sum_counters(models, turns=turns, cost=cost, unpriced=0 if has_price else turns)


def sum_counters(models: list[dict[str, Any]], *, turns: int, cost: Decimal, unpriced: int) -> Usage:
    """Return the sum of the program's counters of several models."""

    def total(kind: str) -> int:
        return sum(int(used.get(kind) or 0) for used in models)

    return Usage(
        input_tokens=total("inputTokens"),
        output_tokens=total("outputTokens"),
        cache_read_tokens=total("cacheReadInputTokens"),
        cache_write_tokens=total("cacheCreationInputTokens"),
        reasoning_tokens=total("thinkingTokens"),
        turns=turns,
        cost=cost,
        unpriced=unpriced,
    )
