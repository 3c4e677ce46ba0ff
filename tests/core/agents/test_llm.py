"""The llm agent's client, with the real client stacks, against a scripted model server on loopback."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabsmith.agents.llm import agent, providers
from tabsmith.agents.protocol import ModelClient, ModelReply, ModelRequest, Prompt
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import AgentSettings, LlmSettings
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
)
from tests.peers.model_server import Fault, ModelServer, Reply, Script, Step, Tokens, reply

KEY = "sk-test-0123456789abcdefghij"
RECIPE = {"family": "lightgbm", "note": "größer"}
OPENAI = "openai:gpt-4o-mini"
ANTHROPIC = "anthropic:claude-sonnet-4-6"
OLLAMA = "ollama:llama3.2:3b"
ALL = (OPENAI, ANTHROPIC, OLLAMA)


class Answer(msgspec.Struct):
    family: str
    note: str = ""


SHAPE = msgspec.Raw(msgspec.json.encode(msgspec.json.schema(Answer)))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys as a person has them, and no address or proxy of the person who runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "OLLAMA_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "OLLAMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def question(seconds: float = 20.0, text: str = "Propose a recipe.") -> ModelRequest:
    return ModelRequest("s-1", Prompt("You propose recipes.", text), SHAPE, seconds)


def settings(model: str, url: str) -> AgentSettings:
    return AgentSettings(llm=LlmSettings(model=model, base_url=url if model.startswith("anthropic") else f"{url}/v1"))


@asynccontextmanager
async def speaking(model: str, *steps: Step) -> AsyncIterator[tuple[ModelClient, ModelServer]]:
    with ModelServer(Script(steps)) as server:
        client = agent.make_client(settings(model, server.url))
        try:
            yield client, server
        finally:
            await client.close()


async def failure(model: str, *steps: Step, seconds: float = 20.0) -> tuple[AgentError, list[ModelReply], ModelServer]:
    turns: list[ModelReply] = []
    async with speaking(model, *steps) as (client, server):
        with pytest.raises(AgentError) as caught:
            await client.ask(question(seconds), turns.append)
    return caught.value, turns, server


def body(server: ModelServer, place: int = 0) -> Any:
    return msgspec.json.decode(server.requests[place].body)


# Answers


@pytest.mark.parametrize("model", ALL)
async def test_an_answer_through_the_output_tool_is_its_json(model: str) -> None:
    turns: list[ModelReply] = []
    async with speaking(model, reply(RECIPE)) as (client, server):
        answer = await client.ask(question(), turns.append)
    assert json.loads(answer) == RECIPE
    assert [turn.text for turn in turns] == [answer]
    assert turns[0].model == model.partition(":")[2]
    assert len(server.requests) == 1


@pytest.mark.parametrize("model", ALL)
async def test_an_answer_in_plain_text_comes_back_as_it_is(model: str) -> None:
    said = 'Try this:\n```json\n{"family": 3,\n```'
    turns: list[ModelReply] = []
    async with speaking(model, Reply(text=said)) as (client, server):
        assert await client.ask(question(), turns.append) == said
    assert [turn.text for turn in turns] == [said]
    assert len(server.requests) == 1


@pytest.mark.parametrize("model", ALL)
async def test_an_answer_of_the_wrong_shape_is_handed_on_and_not_asked_for_again(model: str) -> None:
    turns: list[ModelReply] = []
    async with speaking(model, reply({"colour": [1]})) as (client, server):
        assert json.loads(await client.ask(question(), turns.append)) == {"colour": [1]}
    assert len(server.requests) == len(turns) == 1


async def test_the_prompt_and_the_shape_reach_an_openai_server() -> None:
    async with speaking(OPENAI, reply(RECIPE)) as (client, server):
        await client.ask(question(text="Number one."), lambda turn: None)
    sent = body(server)
    assert sent["messages"] == [
        {"role": "system", "content": "You propose recipes."},
        {"role": "user", "content": "Number one."},
    ]
    parameters = sent["tools"][0]["function"]["parameters"]
    assert parameters["type"] == "object"
    assert set(parameters["properties"]) == {"family", "note"}
    assert sent["tool_choice"] == "auto"
    assert not sent.get("stream")


async def test_the_system_text_is_a_cache_point_for_anthropic_and_the_same_in_every_call() -> None:
    async with speaking(ANTHROPIC, reply(RECIPE)) as (client, server):
        for text in ("Number one.", "Number two."):
            await client.ask(question(text=text), lambda turn: None)
    first, second = body(server, 0), body(server, 1)
    assert [part["text"] for part in first["system"]] == ["You propose recipes."]
    assert first["system"][-1]["cache_control"]["type"] == "ephemeral"
    assert (first["system"], first["tools"]) == (second["system"], second["tools"])
    assert "Number two." in json.dumps(second["messages"])
    assert "cache_control" not in json.dumps(second["messages"])
    assert set(first["tools"][0]["input_schema"]["properties"]) == {"family", "note"}


# Usage and price


async def test_openai_tokens_are_counted_by_kind_and_priced() -> None:
    turns: list[ModelReply] = []
    reported = Tokens(input=1_000, output=50, cache_read=600, reasoning=20)
    async with speaking(OPENAI, reply(RECIPE, reported)) as (client, _):
        await client.ask(question(), turns.append)
    price = (Decimal("0.15") * 1_000 + Decimal("0.075") * 600 + Decimal("0.60") * 50) / 1_000_000
    assert [turn.usage for turn in turns] == [
        Usage(input_tokens=1_000, output_tokens=50, cache_read_tokens=600, reasoning_tokens=20, turns=1, cost=price)
    ]


async def test_anthropic_tokens_are_counted_by_kind_and_priced() -> None:
    turns: list[ModelReply] = []
    reported = Tokens(input=1_000, output=50, cache_read=600, cache_write=200)
    async with speaking(ANTHROPIC, reply(RECIPE, reported)) as (client, _):
        await client.ask(question(), turns.append)
    price = (Decimal(3) * 1_000 + Decimal("0.3") * 600 + Decimal("3.75") * 200 + Decimal(15) * 50) / 1_000_000
    assert [turn.usage for turn in turns] == [
        Usage(input_tokens=1_000, output_tokens=50, cache_read_tokens=600, cache_write_tokens=200, turns=1, cost=price)
    ]


@pytest.mark.parametrize("model", ["openai:a-model-of-my-own", OLLAMA, "ollama:gpt-4o-mini"])
async def test_a_model_without_a_known_price_is_counted_as_unpriced(model: str) -> None:
    turns: list[ModelReply] = []
    async with speaking(model, reply(RECIPE, Tokens(input=70, output=5))) as (client, _):
        await client.ask(question(), turns.append)
    assert [turn.usage for turn in turns] == [Usage(input_tokens=70, output_tokens=5, turns=1, unpriced=1)]


@pytest.mark.parametrize("model", ALL)
async def test_an_empty_reply_is_an_error_and_what_it_used_is_counted_once(model: str) -> None:
    error, turns, server = await failure(model, Fault("empty", tokens=Tokens(input=900, output=1)))
    assert isinstance(error, AgentReplyError)
    assert [(turn.usage.input_tokens, turn.usage.output_tokens, turn.usage.turns) for turn in turns] == [(900, 1, 1)]
    assert turns[0].usage.unpriced == (1 if model == OLLAMA else 0)
    assert len(server.requests) == 1


# Troubles


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AgentAccessError),
        (401, AgentAccessError),
        (403, AgentAccessError),
        (404, AgentAccessError),
        (429, AgentRateLimitError),
        (500, AgentNetworkError),
        (503, AgentNetworkError),
        (529, AgentRateLimitError),
    ],
)
async def test_an_error_of_the_server_is_reported_by_its_kind_and_never_asked_again(
    model: str, status: int, kind: type[AgentError]
) -> None:
    error, turns, server = await failure(model, Fault("status", status, message="the server's own words"))
    assert type(error) is kind
    assert str(status) in error.what
    assert "the server's own words" in error.what
    assert turns == []
    assert len(server.requests) == 1  # the clients' own retries are off


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize(("header", "least", "most"), [("7", 7, 7), ("Fri, 31 Dec 9999 23:59:59 GMT", 1e9, 1e12)])
async def test_a_rate_limit_says_when_to_come_back(model: str, header: str, least: float, most: float) -> None:
    error, _, _ = await failure(model, Fault("status", 429, retry_after=header))
    assert isinstance(error, AgentRateLimitError)
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


async def test_a_rate_limit_without_a_header_says_nothing_about_time() -> None:
    error, _, _ = await failure(OPENAI, Fault("status", 529))
    assert isinstance(error, AgentRateLimitError)
    assert error.retry_after is None


@pytest.mark.parametrize("model", ALL)
async def test_a_server_that_hangs_is_left_at_the_time_allowed(model: str) -> None:
    error, turns, _ = await failure(model, Fault("hang"), seconds=0.3)
    assert isinstance(error, AgentTimeoutError)
    assert "0.3 seconds" in error.what
    assert turns == []


@pytest.mark.parametrize("model", ALL)
async def test_a_reply_that_is_cut_is_a_trouble_of_the_network(model: str) -> None:
    error, turns, server = await failure(model, Fault("cut"))
    assert isinstance(error, AgentNetworkError)
    assert turns == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("model", ALL)
async def test_nonsense_is_reported_as_it_came_and_is_no_answer(model: str) -> None:
    error, turns, _ = await failure(model, Fault("nonsense"))
    assert isinstance(error, AgentReplyError)
    assert [turn.text for turn in turns] == ["<html>the gateway is confused</html>"]
    assert turns[0].usage == Usage(turns=1, unpriced=1)


ODD_BODIES = [
    "null",
    "[]",
    "17",
    '"text"',
    "{}",
    '{"choices": null}',
    '{"choices": [{}]}',
    '{"choices": [{"message": {"content": 5}}], "usage": {"prompt_tokens": 3}}',
    '{"content": 5, "usage": 7}',
    '{"type": "message", "content": null, "usage": null}',
    '{"type": "message", "content": [{"type": "text"}]}',
]


async def _serve(answer: bytes) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return await asyncio.start_server(handle, "127.0.0.1", 0)


async def _ask_raw(model: str, answer: bytes) -> tuple[AgentError, list[ModelReply]]:
    """The error that comes of these very bytes, which end with the connection."""
    turns: list[ModelReply] = []
    async with await _serve(answer) as server:
        port = server.sockets[0].getsockname()[1]
        client = agent.make_client(settings(model, f"http://127.0.0.1:{port}"))
        with pytest.raises(AgentError) as caught:
            await client.ask(question(), turns.append)
        await client.close()
    return caught.value, turns


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
@pytest.mark.parametrize("text", ODD_BODIES)
async def test_json_that_is_no_reply_is_an_error_and_reported_once(model: str, text: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    error, turns = await _ask_raw(model, head + text.encode())
    assert isinstance(error, AgentReplyError)
    assert len(turns) == 1


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
async def test_a_reply_that_ends_early_without_a_length_is_a_trouble_of_the_network(model: str) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    error, _ = await _ask_raw(model, head + b'{"id": "1", "choices": [{"mess')
    assert isinstance(error, AgentNetworkError)


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
async def test_a_connection_closed_without_a_word_is_a_trouble_of_the_network(model: str) -> None:
    error, turns = await _ask_raw(model, b"")
    assert isinstance(error, AgentNetworkError)
    assert turns == []


@pytest.mark.parametrize("model", ALL)
async def test_a_server_that_is_not_there_is_a_trouble_of_the_network(model: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = agent.make_client(settings(model, f"http://127.0.0.1:{port}"))
    with pytest.raises(AgentNetworkError, match=f"127.0.0.1:{port}"):
        await client.ask(question(), lambda turn: None)
    await client.close()


async def test_a_reply_that_cannot_be_read_is_booked_with_the_usage_that_it_tells() -> None:
    said = {"choices": [{"message": 5}], "model": "gpt-4o-mini", "usage": {"prompt_tokens": 30, "completion_tokens": 4}}
    said["usage"] |= {"prompt_tokens_details": {"cached_tokens": 10}}  # type: ignore[operator]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    error, turns = await _ask_raw(OPENAI, head + json.dumps(said).encode())
    assert isinstance(error, AgentReplyError)
    price = (Decimal("0.15") * 20 + Decimal("0.075") * 10 + Decimal("0.60") * 4) / 1_000_000
    assert [turn.usage for turn in turns] == [
        Usage(input_tokens=20, output_tokens=4, cache_read_tokens=10, turns=1, cost=price)
    ]


async def test_a_refusal_is_reported_in_the_words_of_the_model() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I will not do that."}
    said = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
    error, turns = await _ask_raw(OPENAI, head + json.dumps(said).encode())
    assert isinstance(error, AgentReplyError)
    assert "I will not do that." in error.what
    assert [turn.usage.tokens for turn in turns] == [7]


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
async def test_a_redirection_is_not_followed_with_the_key(model: str) -> None:
    with ModelServer(Script((reply(RECIPE),))) as elsewhere:
        head = f"HTTP/1.1 308 Moved\r\nlocation: {elsewhere.url}/v1/messages\r\ncontent-length: 0\r\n\r\n"
        error, _ = await _ask_raw(model, head.encode())
        assert elsewhere.requests == []
    assert isinstance(error, AgentAccessError)
    assert "308" in error.what


async def test_an_account_without_credit_is_no_rate_limit() -> None:
    body = json.dumps({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}).encode()
    head = f"HTTP/1.1 429 No\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    error, _ = await _ask_raw(OPENAI, head + body)
    assert isinstance(error, AgentAccessError)
    assert "credit" in error.next_step


# Servers without tools


@pytest.mark.parametrize("model", ALL)
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "registry/llama3 does not support tools"),
        (404, "No endpoints found that support tool use"),
        (422, "unknown field: tool_choice"),
    ],
)
async def test_a_server_that_takes_no_tools_is_asked_once_more_without_and_this_is_remembered(
    model: str, status: int, words: str
) -> None:
    turns: list[ModelReply] = []
    async with speaking(model, Fault("status", status, message=words), reply(RECIPE)) as (client, server):
        for _ in range(2):
            assert json.loads(await client.ask(question(), turns.append)) == RECIPE
        assert ["tools" in body(server, place) for place in range(3)] == [True, False, False]
    assert len(server.requests) == 3
    assert len(turns) == 2


async def test_tools_are_offered_again_when_the_server_failed_without_them_too() -> None:
    refusal = Fault("status", 400, message="tools are not for you")
    async with speaking(OPENAI, refusal, Fault("status", 400), reply(RECIPE)) as (client, server):
        with pytest.raises(AgentAccessError):
            await client.ask(question(), lambda turn: None)
        await client.ask(question(), lambda turn: None)
        assert ["tools" in body(server, place) for place in range(3)] == [True, False, True]


async def test_a_model_named_after_tools_is_not_taken_for_a_server_without_them() -> None:
    words = "The model my-tool-model does not exist"
    error, _, server = await failure("openai:my-tool-model", Fault("status", 404, message=words))
    assert isinstance(error, AgentAccessError)
    assert "agents.llm.model" in error.next_step
    assert len(server.requests) == 1


# Keys, names and addresses


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
async def test_a_key_that_the_server_quotes_is_in_no_part_of_the_error(model: str) -> None:
    quoted = f"Incorrect API key provided: {KEY} (sk-test-****************ghij)."
    error, _, _ = await failure(model, Fault("status", 401, message=quoted))
    assert isinstance(error, AgentAccessError)
    assert "Incorrect API key" in error.what
    for text in (str(error), repr(error), msgspec.json.encode(error.report()).decode()):
        assert KEY not in text
        assert "ghij" not in text


@pytest.mark.parametrize("model", [OPENAI, ANTHROPIC])
async def test_a_server_of_ones_own_is_asked_without_a_key_of_ones_own(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    async with speaking(model, reply(RECIPE)) as (client, _):
        assert json.loads(await client.ask(question(), lambda turn: None)) == RECIPE
    error, _, _ = await failure(model, Fault("status", 401))
    assert "none is set" in error.what
    assert "_API_KEY" in error.next_step


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_missing_key_is_named(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable = f"{provider.upper()}_API_KEY"
    monkeypatch.delenv(variable)
    with pytest.raises(AgentMissingError, match=variable):
        agent.make_client(AgentSettings(llm=LlmSettings(model=f"{provider}:NAME")))


def test_a_key_from_the_file_of_keys_is_used(monkeypatch: pytest.MonkeyPatch, tabsmith_home: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    file = tabsmith_home / "config" / "keys.env"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    file.write_text(f"OPENAI_API_KEY={KEY}\n")
    chosen = providers.choose_endpoint(LlmSettings(model=OPENAI))
    assert chosen.key == KEY
    assert KEY not in repr(chosen)


def test_a_key_with_characters_that_no_key_has_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-“curly”-quotes")
    with pytest.raises(AgentMissingError, match="OPENAI_API_KEY") as caught:
        agent.make_client(AgentSettings(llm=LlmSettings(model=OPENAI)))
    assert "curly" not in str(caught.value)


@pytest.mark.parametrize("model", [None, "", "gpt-4o-mini", "openai:", "nobody:NAME", ":"])
def test_a_missing_or_unknown_model_says_how_to_set_one(model: str | None) -> None:
    with pytest.raises(AgentMissingError) as caught:
        agent.make_client(AgentSettings(llm=LlmSettings(model=model)))
    assert "tabsmith config set agents.llm.model openai:NAME" in caught.value.next_step


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://host/v1", "http://", "http://host:port", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(AgentMissingError, match="http://"):
        agent.make_client(AgentSettings(llm=LlmSettings(model=OPENAI, base_url=url)))


def test_addresses_come_from_the_settings_then_the_environment_then_the_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert providers.choose_endpoint(LlmSettings(model=OLLAMA)).base_url == "http://127.0.0.1:11434/v1"
    assert providers.choose_endpoint(LlmSettings(model=OPENAI)).base_url == "https://api.openai.com/v1"
    assert providers.choose_endpoint(LlmSettings(model=ANTHROPIC)).base_url == "https://api.anthropic.com"
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://box:11434")
    assert providers.choose_endpoint(LlmSettings(model=OLLAMA)).base_url == "http://box:11434/v1"
    assert providers.choose_endpoint(LlmSettings(model=OLLAMA, base_url="http://me:secret@den:1/v1")).host == "den:1"


async def test_the_address_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with ModelServer(Script((reply(RECIPE),))) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        client = agent.make_client(AgentSettings(llm=LlmSettings(model=OPENAI)))
        assert (client.name, client.model) == ("llm", OPENAI)
        assert json.loads(await client.ask(question(), lambda turn: None)) == RECIPE
        await client.close()


async def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with speaking(OPENAI, reply(RECIPE)) as (client, _):
            await client.ask(question(), lambda turn: None)
    assert [record for record in caplog.records if not record.name.startswith("asyncio")] == []


async def test_a_cancelled_call_ends_and_the_client_goes_on() -> None:
    async with speaking(OPENAI, Fault("hang"), reply(RECIPE)) as (client, server):
        call = asyncio.create_task(client.ask(question(), lambda turn: None))
        assert await asyncio.to_thread(server.wait_for, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert json.loads(await client.ask(question(), lambda turn: None)) == RECIPE


async def test_calls_at_the_same_time_keep_their_own_answers_and_usage() -> None:
    steps = [reply({"number": each}, Tokens(input=100 + each, output=1)) for each in range(8)]
    async with speaking(OPENAI, *steps) as (client, _):
        heard: list[list[ModelReply]] = [[] for _ in steps]
        answers = await asyncio.gather(*(client.ask(question(), turns.append) for turns in heard))
    numbers = [json.loads(answer)["number"] for answer in answers]
    assert sorted(numbers) == list(range(8))
    assert [[turn.usage.input_tokens for turn in turns] for turns in heard] == [[100 + each] for each in numbers]
