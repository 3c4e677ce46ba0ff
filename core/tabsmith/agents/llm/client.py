"""Asks a chat model's server through pydantic-ai: one request gives one reply with its usage, or an AgentError.

This is one step below pydantic-ai's Agent, which validates answers and asks again by itself: here every reply is wanted
unchanged, and the retries are tabsmith's own. Replies are not streamed: a cut body shows by its length and a hang by the
clock, and many compatible servers send no usage in a stream.

The price of a reply is the list price that genai-prices, offline, has for the model that answered. It is looked up by the
server's address if genai-prices knows that, else by the provider that the settings name. So a private server (mostly a
proxy) that answers as a model of that provider costs the provider's list price; a server that answers under any other
name has no known price. Ollama never has one.
"""

import asyncio
import json
import logging
import warnings
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, Final

import httpx2
import msgspec
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, UsageExtractionFailedWarning, UserError
from pydantic_ai.messages import ModelRequest as PydanticRequest
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.usage import RequestUsage

from tabsmith.agents.api_keys import redact
from tabsmith.agents.llm.provider_errors import as_agent_error, rejects_tools, timeout_error
from tabsmith.agents.llm.providers import ModelEndpoint
from tabsmith.agents.protocol import AgentName, ModelReply, ModelRequest, OnReply
from tabsmith.agents.usage import Usage
from tabsmith.errors import AgentReplyError
from tabsmith.text import clean


def reply_usage(response: ModelResponse, endpoint: ModelEndpoint) -> Usage:
    """Return the usage of one reply. A reply without token counts has no known price."""
    usage = response.usage
    price = _price(response, endpoint)
    return Usage(
        # pydantic-ai normalizes to a total that includes the caches; a server that counts otherwise must not lead to
        # negative tokens.
        input_tokens=max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens),
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.output_reasoning_tokens or usage.details.get("reasoning_tokens", 0),
        turns=1,
        cost=price or Decimal(0),
        unpriced=1 if price is None else 0,
    )


def unreadable_reply(body: bytes, endpoint: ModelEndpoint) -> ModelResponse:
    """Return a reply that could not be parsed, with the usage in its body if there is one."""
    try:
        decoded: object = json.loads(body)
    except ValueError:  # includes invalid UTF-8
        decoded = None
    model = decoded.get("model") if isinstance(decoded, dict) else None
    return ModelResponse(
        parts=[TextPart(body.decode("utf-8", "replace"))],
        usage=_usage_in(decoded, endpoint),
        model_name=clean(model) if isinstance(model, str) else endpoint.model,
        provider_name=endpoint.provider,
        provider_url=endpoint.base_url,
    )


def _usage_in(body: Any, endpoint: ModelEndpoint) -> RequestUsage:
    counts = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(counts, dict):
        return RequestUsage(unmeasured_requests=1)
    is_anthropic = endpoint.provider == "anthropic"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UsageExtractionFailedWarning)  # it would return zeros
        try:
            return RequestUsage.extract(
                {"model": endpoint.model, "usage": counts},
                provider=endpoint.provider,
                provider_url=endpoint.base_url,
                provider_fallback="anthropic" if is_anthropic else "openai",
                api_flavor="default" if is_anthropic else "chat",
            )
        except UsageExtractionFailedWarning:
            return RequestUsage(unmeasured_requests=1)


def _price(response: ModelResponse, endpoint: ModelEndpoint) -> Decimal | None:
    usage = response.usage
    if endpoint.provider == "ollama" or not response.model_name or not (usage.input_tokens or usage.output_tokens):
        return None
    try:
        return response.cost().total_price
    except (LookupError, ValueError):  # an unknown model; counts that contradict each other
        return None


_TOOL: Final = "final_result"
_CONNECT_SECONDS: Final = 10.0
_MAX_TOKENS: Final = 16_000  # of an answer; Anthropic requires a limit, and above 21,000 a stream

_bodies: ContextVar[list[bytes]] = ContextVar("_bodies")
"""The bodies of the replies to this call, so that the usage of a reply that cannot be parsed is still counted."""


class LlmClient:
    """A `ModelClient` for OpenAI-compatible, Ollama and Anthropic servers.

    The answer comes through an output tool with the request's schema, or as plain text; a server that rejects tools is
    asked for text alone.
    """

    def __init__(self, endpoint: ModelEndpoint) -> None:
        self._chosen = endpoint
        self._tools = True
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS), event_hooks={"response": [_keep_body]}
        )
        self._model = _model(endpoint, self._http)
        for name in ("httpx2", "httpcore2", "openai", "anthropic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # addresses and bodies must not get into a log

    @property
    def name(self) -> AgentName:
        return "llm"

    @property
    def model(self) -> str:
        return self._chosen.name

    async def ask(self, request: ModelRequest, on_reply: OnReply) -> str:
        """Return the JSON that the model passed to the output tool, or else its text. Raises AgentError."""
        try:
            async with asyncio.timeout(request.seconds):
                return await self._answer(request, on_reply)
        except TimeoutError:
            raise timeout_error(request.seconds, self._chosen) from None

    async def close(self) -> None:
        await self._http.aclose()

    async def _answer(self, request: ModelRequest, on_reply: OnReply) -> str:
        if self._tools:
            response = await self._reply(request, on_reply, tools=[_output_tool(request.response_schema)])
            if response is not None:
                return _text(response)
        response = await self._reply(request, on_reply, tools=[])
        assert response is not None
        self._tools = False  # this server answers only without tools
        return _text(response)

    async def _reply(
        self, request: ModelRequest, on_reply: OnReply, *, tools: list[ToolDefinition]
    ) -> ModelResponse | None:
        """Return the model's reply, after passing it to `on_reply`; None if the server rejects the tools."""
        bodies: list[bytes] = []
        token = _bodies.set(bodies)
        try:
            response = await model_request(
                self._model,
                [PydanticRequest.user_text_prompt(request.prompt.text, instructions=request.prompt.system)],
                model_settings=self._settings(),
                model_request_parameters=ModelRequestParameters(
                    output_mode="tool" if tools else "text", output_tools=tools, allow_text_output=True
                ),
            )
        except Exception as error:  # nonsense from a server raises anything, such as IndexError
            if tools and not bodies and rejects_tools(error, self._chosen):
                return None
            if not bodies and not isinstance(error, (AgentRunError, UserError)):
                raise  # the server sent nothing: the fault is in tabsmith
            for body in bodies:
                on_reply(self._to_reply(unreadable_reply(body, self._chosen)))
            last = bodies[-1] if bodies else None
            raise as_agent_error(error, last, self._chosen, request.seconds) from None
        finally:
            _bodies.reset(token)
        on_reply(self._to_reply(response))
        return response

    def _settings(self) -> ModelSettings:
        # Without an announcement by pydantic-ai: the prompt is sent as it is stored.
        if self._chosen.provider != "anthropic":
            return ModelSettings(framing_announcement="never")
        from pydantic_ai.models.anthropic import AnthropicModelSettings

        return AnthropicModelSettings(
            framing_announcement="never",
            max_tokens=_MAX_TOKENS,
            anthropic_cache_instructions=True,  # the output tool and the system text stay the same over a run
        )

    def _to_reply(self, response: ModelResponse) -> ModelReply:
        text = "\n\n".join(part for part in (*_texts(response), *_tool_arguments(response)) if part)
        return ModelReply(text, reply_usage(response, self._chosen), clean(response.model_name or self._chosen.model))


async def _keep_body(response: httpx2.Response) -> None:
    if response.is_success:
        _bodies.get().append(await response.aread())


def _model(endpoint: ModelEndpoint, http: httpx2.AsyncClient) -> Model[Any]:
    """The model of the endpoint. Imports its own provider's client alone: each costs about a second."""
    if endpoint.provider == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        anthropic = AsyncAnthropic(api_key=endpoint.key, base_url=endpoint.base_url, max_retries=0, http_client=http)
        return AnthropicModel(endpoint.model, provider=AnthropicProvider(anthropic_client=anthropic))
    from openai import AsyncOpenAI

    openai = AsyncOpenAI(api_key=endpoint.key, base_url=endpoint.base_url, max_retries=0, http_client=http)
    if endpoint.provider == "ollama":
        from pydantic_ai.models.ollama import OllamaModel
        from pydantic_ai.providers.ollama import OllamaProvider

        return OllamaModel(endpoint.model, provider=OllamaProvider(openai_client=openai))
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(endpoint.model, provider=OpenAIProvider(openai_client=openai))


def _output_tool(response_schema: msgspec.Raw) -> ToolDefinition:
    schema = msgspec.json.decode(response_schema, type=dict[str, Any])
    reference = str(schema.pop("$ref", ""))
    if reference:  # providers require an object at the top
        schema = {**schema["$defs"][reference.rpartition("/")[2]], **schema}
    return ToolDefinition(
        name=_TOOL,
        parameters_json_schema=schema,
        description="Give your answer through this tool.",
        kind="output",
        strict=False,  # strict would rewrite the schema; parse_reply checks everything
    )


def _texts(response: ModelResponse) -> list[str]:
    return [part.content for part in response.parts if isinstance(part, TextPart)]


def _tool_arguments(response: ModelResponse) -> list[str]:
    """The arguments of calls of the output tool, as JSON; text is kept as the model wrote it, valid or not."""
    calls = [part.args for part in response.parts if isinstance(part, ToolCallPart) and part.args]
    return [args if isinstance(args, str) else msgspec.json.encode(args).decode() for args in calls]


def _text(response: ModelResponse) -> str:
    """Return the answer. Raises AgentReplyError if there is none."""
    arguments = _tool_arguments(response)
    text = arguments[0] if arguments else "".join(_texts(response))
    if text.strip():
        return text
    match response.finish_reason:
        case "length":
            why = "it used up its tokens before it came to one."
        case "content_filter":
            why = f"it refused. {(response.provider_details or {}).get('refusal') or ''}"
        case _:
            why = "its reply was empty."
    raise AgentReplyError(clean(redact(f"The model gave no answer: {why}"), 300).strip())
