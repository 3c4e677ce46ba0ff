"""A chat model's server, asked through pydantic-ai: one request, one reply, its usage, or an AgentError.

One step below pydantic-ai's Agent: an Agent validates answers and asks again by itself, while here every reply is
wanted as it came, and the retries are tabsmith's own. Replies are not streamed: a cut body and a hang are noticed
without (by its length, by the clock), and many compatible servers tell no usage in a stream.
"""

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

import httpx2
import msgspec
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.messages import ModelRequest as PydanticRequest
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from tabsmith.agents.api_keys import redact
from tabsmith.agents.llm.prices import reply_usage, unreadable_reply
from tabsmith.agents.llm.provider_errors import as_agent_error, rejects_tools, timeout_error
from tabsmith.agents.llm.providers import ModelEndpoint
from tabsmith.agents.protocol import ModelAgentName, ModelReply, ModelRequest
from tabsmith.errors import AgentReplyError
from tabsmith.text import clean

_TOOL: Final = "final_result"
_CONNECT: Final = 10.0  # seconds
_LONGEST: Final = 16_000  # tokens of an answer; Anthropic wants to be told, and above 21,000 it has to be streamed

_bodies: ContextVar[list[bytes]] = ContextVar("_bodies")
"""The bodies of the replies that came in this call, so that a reply that nobody can read is still counted."""


class LlmClient:
    """A Speaker over OpenAI-compatible, Ollama and Anthropic servers. An answer comes through an output tool with the
    question's shape, or as plain text; from a server that takes no tools, only as text."""

    def __init__(self, chosen: ModelEndpoint) -> None:
        self._chosen = chosen
        self._tools = True
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=_CONNECT), event_hooks={"response": [_keep_body]}
        )
        self._asked = _model(chosen, self._http)
        for name in ("httpx2", "httpcore2", "openai", "anthropic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # addresses and bodies belong into no log

    @property
    def name(self) -> ModelAgentName:
        return "llm"

    @property
    def model(self) -> str:
        return self._chosen.name

    async def ask(self, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
        """The answer: the JSON that the model gave to the output tool, or else its text. Raises AgentError."""
        try:
            async with asyncio.timeout(question.seconds):
                return await self._answer(question, hear)
        except TimeoutError:
            raise timeout_error(question.seconds, self._chosen) from None

    async def close(self) -> None:
        await self._http.aclose()

    async def _answer(self, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
        if self._tools:
            response = await self._reply(question, hear, tools=[_output_tool(question.shape)])
            if response is not None:
                return _text(response)
        response = await self._reply(question, hear, tools=[])
        assert response is not None
        self._tools = False  # the server answers without tools, and only so
        return _text(response)

    async def _reply(
        self, question: ModelRequest, hear: Callable[[ModelReply], None], *, tools: list[ToolDefinition]
    ) -> ModelResponse | None:
        """The model's reply, which has been heard; None when the server rejects the tools."""
        bodies: list[bytes] = []
        mark = _bodies.set(bodies)
        try:
            response = await model_request(
                self._asked,
                [PydanticRequest.user_text_prompt(question.prompt.text, instructions=question.prompt.system)],
                model_settings=self._settings(),
                model_request_parameters=ModelRequestParameters(
                    output_mode="tool" if tools else "text", output_tools=tools, allow_text_output=True
                ),
            )
        except Exception as error:  # nonsense from a server raises anything: IndexError, TypeError, AttributeError
            if tools and not bodies and rejects_tools(error, self._chosen):
                return None
            if not bodies and not isinstance(error, (AgentRunError, UserError)):
                raise  # the other side said nothing: the fault is here
            for body in bodies:
                hear(self._turn(unreadable_reply(body, self._chosen)))
            last = bodies[-1] if bodies else None
            raise as_agent_error(error, last, self._chosen, question.seconds) from None
        finally:
            _bodies.reset(mark)
        hear(self._turn(response))
        return response

    def _settings(self) -> ModelSettings:
        # No announcement of pydantic-ai's own in front: the letter is sent as it is stored.
        if self._chosen.provider != "anthropic":
            return ModelSettings(framing_announcement="never")
        return AnthropicModelSettings(
            framing_announcement="never",
            max_tokens=_LONGEST,
            anthropic_cache_instructions=True,  # after the output tool and the system text, both the same over a run
        )

    def _turn(self, response: ModelResponse) -> ModelReply:
        said = "\n\n".join(text for text in (*_texts(response), *_given(response)) if text)
        return ModelReply(said, reply_usage(response, self._chosen), clean(response.model_name or self._chosen.model))


async def _keep_body(response: httpx2.Response) -> None:
    if response.is_success:
        _bodies.get().append(await response.aread())


def _model(chosen: ModelEndpoint, http: httpx2.AsyncClient) -> Model[Any]:
    if chosen.provider == "anthropic":
        anthropic = AsyncAnthropic(api_key=chosen.key, base_url=chosen.base_url, max_retries=0, http_client=http)
        return AnthropicModel(chosen.model, provider=AnthropicProvider(anthropic_client=anthropic))
    openai = AsyncOpenAI(api_key=chosen.key, base_url=chosen.base_url, max_retries=0, http_client=http)
    if chosen.provider == "ollama":
        return OllamaModel(chosen.model, provider=OllamaProvider(openai_client=openai))
    return OpenAIChatModel(chosen.model, provider=OpenAIProvider(openai_client=openai))


def _output_tool(shape: msgspec.Raw) -> ToolDefinition:
    schema = msgspec.json.decode(shape, type=dict[str, Any])
    reference = str(schema.pop("$ref", ""))
    if reference:  # providers want to see an object at the top
        schema = {**schema["$defs"][reference.rpartition("/")[2]], **schema}
    return ToolDefinition(
        name=_TOOL,
        parameters_json_schema=schema,
        description="Give your answer through this tool.",
        kind="output",
        strict=False,  # strict would rewrite the schema; the reader of replies checks it all
    )


def _texts(response: ModelResponse) -> list[str]:
    return [part.content for part in response.parts if isinstance(part, TextPart)]


def _given(response: ModelResponse) -> list[str]:
    """What the model gave to the output tool, as JSON; as written where it came as text, valid or not."""
    calls = [part.args for part in response.parts if isinstance(part, ToolCallPart) and part.args]
    return [args if isinstance(args, str) else msgspec.json.encode(args).decode() for args in calls]


def _text(response: ModelResponse) -> str:
    """The answer. Raises AgentReplyError when there is none."""
    given = _given(response)
    text = given[0] if given else "".join(_texts(response))
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
