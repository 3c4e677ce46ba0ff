"""The scripted model server: what it says on the wire, what it counts, and that it ends."""

import http.client
import json
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.peers.model_server import Aside, Fault, ModelServer, Reply, Script, Tokens, Use, read_log, reply

RECIPE = {"family": "lightgbm"}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
TOOL = [{"type": "function", "function": {"name": "final_result", "parameters": {}}}]
MESSAGE = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
OUTPUT = [{"name": "StructuredOutput", "input_schema": {}}]


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    def events(self) -> list[Any]:
        return [json.loads(line[6:]) for line in self.text.splitlines() if line.startswith("data: {")]


def post(server: ModelServer, path: str, body: object, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())
    finally:
        connection.close()


def test_a_chat_completion_answers_by_the_tool_that_is_offered_or_else_as_text() -> None:
    tokens = Tokens(input=100, output=40, cache_read=30, reasoning=5)
    with ModelServer(Script((reply(RECIPE, tokens),))) as server:
        by_tool = post(server, "/v1/chat/completions", {**CHAT, "tools": TOOL}, authorization="Bearer k").json()
        as_text = post(server, "/v1/chat/completions", CHAT).json()
        first, second = server.requests
        handed_out = server.handed_out
    called = by_tool["choices"][0]["message"]["tool_calls"][0]["function"]
    assert called["name"] == "final_result"
    assert json.loads(called["arguments"]) == RECIPE
    assert json.loads(as_text["choices"][0]["message"]["content"]) == RECIPE
    assert by_tool["usage"]["prompt_tokens"] == 130
    assert by_tool["usage"]["completion_tokens"] == 40
    assert by_tool["usage"]["prompt_tokens_details"]["cached_tokens"] == 30
    assert by_tool["usage"]["completion_tokens_details"]["reasoning_tokens"] == 5
    assert (first.has_key, second.has_key) == (True, False)
    assert handed_out == Tokens(200, 80, 60, 0, 10, 2)


def test_a_streamed_chat_completion_joins_to_the_same_answer() -> None:
    recipe = {"family": "x" * 900}
    with ModelServer(Script((reply(recipe),))) as server:
        said = post(server, "/v1/chat/completions", {**CHAT, "tools": TOOL, "stream": True}).events()
    deltas = [choice["delta"] for event in said for choice in event["choices"]]
    pieces = [tool["function"]["arguments"] for delta in deltas for tool in delta.get("tool_calls", ())]
    assert json.loads("".join(pieces)) == recipe
    assert said[-1]["usage"]["prompt_tokens"] == 1_000


def test_a_message_streamed_or_not_carries_the_recipe_and_its_usage() -> None:
    tokens = Tokens(input=100, output=40, cache_read=30, cache_write=20, reasoning=6)
    with ModelServer(Script((reply(RECIPE, tokens),))) as server:
        whole = post(server, "/v1/messages", {**MESSAGE, "tools": OUTPUT}, **{"x-api-key": "k"}).json()
        said = post(server, "/v1/messages?beta=true", {**MESSAGE, "tools": OUTPUT, "stream": True}).events()
        handed_out = server.handed_out
        assert post(server, "/v1/messages/count_tokens", MESSAGE).json() == {"input_tokens": 10}
        assert server.handed_out == handed_out
    assert whole["content"][0]["input"] == RECIPE
    assert whole["stop_reason"] == "tool_use"
    assert "".join(each["delta"].get("partial_json", "") for each in said if "delta" in each) == json.dumps(RECIPE)
    assert said[0]["message"]["usage"]["cache_creation_input_tokens"] == 20
    assert said[-2]["usage"]["output_tokens"] == 40
    assert handed_out == Tokens(200, 80, 60, 40, 12, 2)


def test_the_closing_word_after_the_output_tool_and_side_calls_take_no_step() -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "taken"}]}
    with ModelServer(Script((reply(RECIPE), Fault("status", 500)))) as server:
        post(server, "/v1/messages", {**MESSAGE, "tools": OUTPUT})
        closing = post(server, "/v1/messages", {**MESSAGE, "messages": [result], "tools": OUTPUT}).json()
        side = post(server, "/v1/messages", {**MESSAGE, "model": "claude-haiku-1"}).json()
        assert [each.step for each in server.requests] == [0, None, None]
        assert server.handed_out == Tokens(1_018, 55, calls=3)
    assert closing["stop_reason"] == side["stop_reason"] == "end_turn"


def test_steps_follow_each_other_and_the_last_is_repeated() -> None:
    script = Script((Fault("status", 429, retry_after="7"), Fault("status", 529, times=2), reply(RECIPE)))
    with ModelServer(script) as server:
        said = [post(server, "/v1/messages", MESSAGE) for _ in range(5)]
        assert [each.status for each in said] == [429, 529, 529, 200, 200]
        assert said[0].headers["retry-after"] == "7"
        assert said[0].json()["error"]["type"] == "rate_limit_error"
        assert [each.step for each in server.requests] == [0, 1, 1, 2, 2]
        server.use(Script((Fault("status", 401),)))
        assert post(server, "/v1/messages", MESSAGE).status == 401


def test_a_tool_of_the_clients_is_called_and_its_result_takes_the_next_step() -> None:
    steps = (Use("Write", {"path": "a"}, "I write."), Reply(text="Done."))
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "x", "content": "ok"}]}
    tools = [{"name": "Write", "input_schema": {}}]
    with ModelServer(Script(steps)) as server:
        said = post(server, "/v1/messages", {**MESSAGE, "tools": tools}).json()
        after = {**MESSAGE, "tools": tools, "messages": [*MESSAGE["messages"], result]}
        done = post(server, "/v1/messages", after).json()
        server.use(Script(steps))
        chat = post(server, "/v1/chat/completions", {**CHAT, "stream": True}).events()
    assert [block["type"] for block in said["content"]] == ["text", "tool_use"]
    assert (said["stop_reason"], said["content"][1]["input"]) == ("tool_use", {"path": "a"})
    assert done["content"] == [{"type": "text", "text": "Done."}]
    called = [call for event in chat for choice in event["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert called[0]["function"]["name"] == "Write"
    assert json.loads("".join(call["function"]["arguments"] for call in called)) == {"path": "a"}


def test_an_aside_answers_what_it_is_about_and_leaves_the_steps_alone() -> None:
    script = Script((reply(RECIPE),), asides=(Aside('grade "this"', Reply(text="0.5")),))
    asked = {**CHAT, "messages": [{"role": "user", "content": 'please grade "this"'}]}
    with ModelServer(script) as server:
        assert post(server, "/v1/chat/completions", asked).json()["choices"][0]["message"]["content"] == "0.5"
        post(server, "/v1/chat/completions", CHAT)
        assert [each.step for each in server.requests] == [None, 0]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("stream", [True, False])
def test_broken_answers_are_broken_on_the_wire(path: str, stream: bool) -> None:
    with ModelServer(Script((Fault("cut"), Fault("nonsense"), Fault("empty")))) as server:
        body = {**MESSAGE, "stream": stream}
        with pytest.raises(http.client.IncompleteRead):
            post(server, path, body)
        nonsense = post(server, path, body)
        with pytest.raises(ValueError, match="Expecting"):
            nonsense.json()
        assert server.handed_out == Tokens()
        empty = post(server, path, body)
        assert "This is" not in empty.text
        assert server.handed_out == Tokens(1_000, 1, calls=1)


def test_a_hang_answers_nothing_and_does_not_outlive_the_server() -> None:
    before = threading.active_count()
    with ModelServer(Script((Fault("hang"),))) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", "/v1/messages", json.dumps(MESSAGE), {"content-type": "application/json"})
        assert server.wait_for(1)
        idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        idle.request("GET", "/v1/models")
        assert idle.getresponse().status == 200
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.getresponse()
    connection.close()
    idle.close()
    assert threading.active_count() == before


def test_as_a_program_it_serves_again_on_the_same_port_and_logs_every_request(tmp_path: Path) -> None:
    script, log = tmp_path / "script.json", tmp_path / "log.jsonl"
    script.write_bytes(msgspec.json.encode(Script((reply(RECIPE, Tokens(input=5, output=3)),))))
    port = "0"
    for _ in range(2):
        words = [sys.executable, "-m", "tests.peers.model_server", port, str(script), str(log)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/v1/messages", json.dumps(MESSAGE).encode(), {"x-api-key": "k"}
            )
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as response:
                assert json.loads(response.read())["usage"]["input_tokens"] == 5
            process.terminate()
            assert process.wait(10) == 0
    requests = read_log(log)
    assert sum((each.tokens for each in requests), Tokens()) == Tokens(10, 6, calls=2)
    assert all(each.has_key for each in requests)
