"""What Claude Code used, reply by reply as it comes; the sum is exactly what the program itself says in the end."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec
from claude_agent_sdk import AssistantMessage, ResultMessage, TextBlock, ToolUseBlock

from tabsmith.agents.protocol import ModelReply
from tabsmith.agents.usage import NO_USAGE, Usage

SYNTHETIC_MODEL: Final = "<synthetic>"  # the model's name over what the program says by itself


class ClaudeUsageTracker:
    """Hears the program's messages and hands on turns.

    A reply's tokens are complete when it ends, and its price is known only when the program sums up. So the newest
    reply is held until the next one or the sum: alone or last, it gets the price at once. Those before it are handed on
    as not priced, and the last one then carries what is missing in the sum, or is too much.

    With `tools`, a reply that calls one is not held: the tool may take long, and whoever dies meanwhile has booked the
    reply. Where such a one was the last, what is missing in the sum comes alone.

    The sum of a conversation that goes on begins at `before`, where it stood when it was left.
    """

    def __init__(self, hear: Callable[[ModelReply], None], before: Usage = NO_USAGE, *, tools: bool = False) -> None:
        self._hear = hear
        self._before = before
        self._tools = tools
        self._calls = False  # the reply that is held calls a tool
        self._told: str | None = None  # the id of the latest that was handed on
        self._heard = NO_USAGE
        self._id: str | None = None  # of the reply that is held
        self._model = ""
        self._texts: list[str] = []
        self._used: dict[str, Any] = {}

    def event(self, event: Mapping[str, Any]) -> None:
        """An event of the stream in which a reply comes."""
        match event:
            case {"type": "message_start", "message": {"id": str(name), **message}}:
                self._begin(name, str(message.get("model", "")))
                self._add(message.get("usage"))
            case {"type": "message_delta", "usage": used, **others}:
                self._add(used)
                match others:
                    case {"delta": {"stop_reason": "tool_use"}}:
                        self._calls = self._tools
            case {"type": "message_stop"} if self._calls:
                self.close()

    def message(self, message: AssistantMessage) -> None:
        """A part of a reply, or a whole one; several parts have one id and say the same usage."""
        name = message.message_id or ""
        if message.model == SYNTHETIC_MODEL or (name and name == self._told):
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
        """The program's own sum: the reply that is held makes it come out exactly."""
        turns = self._heard.turns + (self._id is not None)
        total = _sum(result, turns)
        before = self._before if not total.unpriced else msgspec.structs.replace(self._before, cost=Decimal(0))
        missing = total - before - self._heard
        if self._id is not None or missing != NO_USAGE:
            self._hand_on(missing)

    def close(self) -> None:
        """There will be no sum, when a reply is still held: hand it on as far as it came."""
        if self._id is not None:
            self._hand_on(_usage(self._used))

    def _begin(self, name: str, model: str) -> None:
        self.close()
        self._id, self._model = name, model

    def _add(self, used: object) -> None:
        if isinstance(used, dict):
            self._used |= {kind: value for kind, value in used.items() if value is not None}

    def _hand_on(self, usage: Usage) -> None:
        turn = ModelReply("\n".join(self._texts), usage, self._model)
        self._told, self._calls = self._id, False
        self._id, self._model, self._texts, self._used = None, "", [], {}
        self._heard += usage
        self._hear(turn)


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
    """All that the program counted, for whatever purpose it asked a model. For a model whose price it does not know it
    tells the price of another one, which counts as not known."""
    models: list[dict[str, Any]] = [{**used} for used in (result.model_usage or {}).values()]
    known = result.total_cost_usd is not None and all(used.get("costBasis") != "unknown" for used in models)
    cost = Decimal(str(result.total_cost_usd)) if known else Decimal(0)
    return sum_counters(models, turns=turns, cost=cost, unpriced=0 if known else turns)


def sum_counters(models: list[dict[str, Any]], *, turns: int, cost: Decimal, unpriced: int) -> Usage:
    """The program's counters of several models as one."""

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
