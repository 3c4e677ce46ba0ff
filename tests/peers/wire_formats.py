"""How a scripted reply looks on the wire: OpenAI chat completions and Anthropic messages."""

import itertools
import json
from typing import Any, Protocol, TypeAlias

from tests.peers.scripts import Reply, Tokens, Use

Json: TypeAlias = dict[str, Any]

_numbers = itertools.count(1)


class Call(Protocol):
    """A model call of a client."""

    def __init__(self, body: Json) -> None: ...

    @property
    def streams(self) -> bool: ...

    @property
    def follows_up(self) -> bool:
        """Whether an agent program only wants a closing word after its output tool took the answer."""
        ...

    @property
    def is_side(self) -> bool:
        """Whether an agent program calls for a purpose of its own."""
        ...

    def told(self, tokens: Tokens) -> Tokens:
        """What of these this interface can tell."""
        ...

    def reply(self, step: Reply, tokens: Tokens) -> Json: ...

    def use(self, step: Use, tokens: Tokens) -> Json: ...

    def empty(self, tokens: Tokens) -> Json: ...

    def stream(self, said: Json) -> list[bytes]:
        """The same as events of a stream."""
        ...


def _output_tool(names: list[str]) -> str:
    """The tool through which the client wants the answer; "" for none."""
    for name in names:
        if name == "StructuredOutput" or name.startswith("final_result"):
            return name
    return names[0] if names else ""


class OpenAICall:
    """A call of /v1/chat/completions."""

    def __init__(self, body: Json) -> None:
        self._body = body

    @property
    def streams(self) -> bool:
        return bool(self._body.get("stream"))

    @property
    def follows_up(self) -> bool:
        return False

    @property
    def is_side(self) -> bool:
        return False

    def told(self, tokens: Tokens) -> Tokens:
        return Tokens(tokens.input, tokens.output, tokens.cache_read, 0, tokens.reasoning, 1)

    def reply(self, step: Reply, tokens: Tokens) -> Json:
        tool = _output_tool([each["function"]["name"] for each in self._body.get("tools") or ()])
        text = json.dumps(step.json) if step.json is not None else step.text
        if step.json is not None and tool:
            return self._called(tool, text, None, tokens)
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return self._whole([choice], tokens)

    def use(self, step: Use, tokens: Tokens) -> Json:
        return self._called(step.tool, json.dumps(step.input), step.text or None, tokens)

    def empty(self, tokens: Tokens) -> Json:
        return self._whole([], tokens)

    def _called(self, tool: str, arguments: str, text: str | None, tokens: Tokens) -> Json:
        function = {"name": tool, "arguments": arguments}
        called = {"id": f"call_{next(_numbers)}", "type": "function", "function": function}
        message = {"role": "assistant", "content": text, "tool_calls": [called]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls", "logprobs": None}
        return self._whole([choice], tokens)

    def _whole(self, choices: list[Json], tokens: Tokens) -> Json:
        prompt = tokens.input + tokens.cache_read
        return {
            "id": f"chatcmpl-{next(_numbers)}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": self._body.get("model", "scripted"),
            "choices": choices,
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": tokens.output,
                "total_tokens": prompt + tokens.output,
                "prompt_tokens_details": {"cached_tokens": tokens.cache_read},
                "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
            },
        }

    def stream(self, said: Json) -> list[bytes]:
        head = {**said, "object": "chat.completion.chunk", "usage": None}
        chunks: list[Json] = []
        for choice in said["choices"]:
            message, index = choice["message"], choice["index"]
            deltas: list[Json] = [{"role": "assistant", "content": ""}]
            for place, tool in enumerate(message.get("tool_calls") or ()):
                first = {**tool, "index": place, "function": {**tool["function"], "arguments": ""}}
                deltas.append({"tool_calls": [first]})
                pieces = _pieces(tool["function"]["arguments"])
                deltas += [{"tool_calls": [{"index": place, "function": {"arguments": piece}}]} for piece in pieces]
            deltas += [{"content": piece} for piece in _pieces(message["content"] or "")]
            chunks += [{**head, "choices": [{"index": index, "delta": d, "finish_reason": None}]} for d in deltas]
            last = {"index": index, "delta": {}, "finish_reason": choice["finish_reason"]}
            chunks.append({**head, "choices": [last]})
        chunks.append({**head, "choices": [], "usage": said["usage"]})
        return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]


class AnthropicCall:
    """A call of /v1/messages."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._tools = [str(each.get("name")) for each in body.get("tools") or ()]

    @property
    def streams(self) -> bool:
        return bool(self._body.get("stream"))

    @property
    def follows_up(self) -> bool:
        content = (self._body.get("messages") or [{}])[-1].get("content")
        if "StructuredOutput" not in self._tools or not isinstance(content, list):
            return False
        results = [each for each in content if each.get("type") == "tool_result"]
        return bool(results) and not any(each.get("is_error") for each in results)

    @property
    def is_side(self) -> bool:
        return not self._tools and "haiku" in str(self._body.get("model"))

    def told(self, tokens: Tokens) -> Tokens:
        return Tokens(tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, tokens.reasoning, 1)

    def reply(self, step: Reply, tokens: Tokens) -> Json:
        tool = _output_tool(self._tools)
        if step.json is not None and tool:
            return self.use(Use(tool, step.json), tokens)
        text = json.dumps(step.json) if step.json is not None else step.text
        return self._whole([{"type": "text", "text": text}], step.stop, tokens)

    def use(self, step: Use, tokens: Tokens) -> Json:
        words: list[Json] = [{"type": "text", "text": step.text}] if step.text else []
        called = {"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": step.tool, "input": step.input}
        return self._whole([*words, called], "tool_use", tokens)

    def empty(self, tokens: Tokens) -> Json:
        return self._whole([], "end_turn", tokens)

    def _whole(self, content: list[Json], stop: str, tokens: Tokens) -> Json:
        return {
            "id": f"msg_{next(_numbers)}",
            "type": "message",
            "role": "assistant",
            "model": self._body.get("model", "scripted"),
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": tokens.input,
                "output_tokens": tokens.output,
                "cache_read_input_tokens": tokens.cache_read,
                "cache_creation_input_tokens": tokens.cache_write,
                "output_tokens_details": {"thinking_tokens": tokens.reasoning},
                "service_tier": "standard",
            },
        }

    def stream(self, said: Json) -> list[bytes]:
        usage = {**said["usage"], "output_tokens": min(1, said["usage"]["output_tokens"])}
        events: list[tuple[str, Json]] = [
            ("message_start", {"message": {**said, "content": [], "stop_reason": None, "usage": usage}})
        ]
        for index, block in enumerate(said["content"]):
            if block["type"] == "text":
                start: Json = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
            else:
                start = {**block, "input": {}}
                pieces = _pieces(json.dumps(block["input"]))
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            events.append(("content_block_start", {"index": index, "content_block": start}))
            events += [("content_block_delta", {"index": index, "delta": delta}) for delta in deltas]
            events.append(("content_block_stop", {"index": index}))
        ending = {"stop_reason": said["stop_reason"], "stop_sequence": None}
        told = {name: said["usage"][name] for name in ("output_tokens", "output_tokens_details")}
        events += [("message_delta", {"delta": ending, "usage": told}), ("message_stop", {})]
        return [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode() for name, data in events]


def _pieces(text: str, size: int = 200) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
