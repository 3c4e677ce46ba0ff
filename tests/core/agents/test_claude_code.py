"""The claude-code agent: the real program, talking to a scripted model server on loopback."""

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib.machinery import ModuleSpec
from pathlib import Path

import msgspec
import pytest

from tabsmith.agents.claude_code import agent, client
from tabsmith.agents.protocol import ModelReply, ModelRequest, Prompt
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import AgentSettings, ClaudeCodeSettings
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
)
from tests.core.agents.claude_processes import KEY, processes_of, tokens_of
from tests.peers.model_server import Fault, ModelServer, Reply, Tokens, reply

pytest.importorskip("claude_agent_sdk")

pytestmark = pytest.mark.usefixtures("claude_home")

SHAPE = msgspec.Raw(
    msgspec.json.encode(
        {
            "type": "object",
            "properties": {"family": {"type": "string"}, "reason": {"type": "string"}},
            "required": ["family"],
            "additionalProperties": False,
        }
    )
)
RECIPE = {"family": "lightgbm", "reason": "trees are good at this"}
TOKENS = Tokens(input=1_000, output=50, cache_read=300, cache_write=70, reasoning=20)
PROMPT = Prompt(system="You propose recipes.", text="Propose the next recipe.")


class Call:
    """One question to a client, and what was heard."""

    def __init__(self, prompt: Prompt = PROMPT, *, model: str | None = None, seconds: float = 30, shape=SHAPE) -> None:
        self.session = str(uuid.uuid4())
        self.client = agent.make_client(AgentSettings(claude_code=ClaudeCodeSettings(model)))
        self.question = ModelRequest(self.session, prompt, shape, seconds)
        self.replies: list[ModelReply] = []

    async def ask(self) -> str:
        return await self.client.ask(self.question, self.replies.append)

    @property
    def usage(self) -> Usage:
        return sum((turn.usage for turn in self.replies), Usage())


@asynccontextmanager
async def under_way(call: Call, server: ModelServer) -> AsyncIterator["asyncio.Task[str]"]:
    """The call while the server holds its request."""
    task = asyncio.create_task(call.ask())
    try:
        assert await asyncio.to_thread(server.wait_for, 1)
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_a_proposal_comes_back_as_json_with_its_exact_usage_and_price(serve) -> None:
    server, call = serve(reply(RECIPE, TOKENS)), Call()
    assert json.loads(await call.ask()) == RECIPE
    assert server.handed_out == Tokens(1_000, 50, 300, 70, 20, 1)
    assert tokens_of(call.usage) == server.handed_out
    assert call.usage.price is not None
    assert call.usage.price > 0
    assert [json.loads(turn.text) for turn in call.replies] == [RECIPE]
    assert all(turn.model.startswith("claude-") for turn in call.replies)


async def test_the_program_works_under_our_session_id(serve) -> None:
    server, call = serve(reply(RECIPE)), Call()
    await call.ask()
    assert {request.session for request in server.requests} == {call.session}


async def test_a_session_id_is_used_once(serve) -> None:
    server, call = serve(reply(RECIPE)), Call()
    await call.ask()
    with pytest.raises(AgentError, match=f"{call.session} was used before"):
        await call.ask()
    assert len(server.requests) == 1


async def test_the_prompt_arrives_as_written_and_nothing_else_of_the_machine_does(serve, claude_home: Path) -> None:
    (claude_home / ".claude").mkdir()
    (claude_home / ".claude" / "CLAUDE.md").write_text("MARK-memory")
    (claude_home.parent / "TMPDIR" / "CLAUDE.md").write_text("MARK-project")
    (claude_home.parent / "TMPDIR" / "AGENTS.md").write_text("MARK-agents")
    (claude_home / "secret.txt").write_text("MARK-secret")
    hook = {"hooks": [{"type": "command", "command": f"touch {claude_home}/hooked; echo MARK-hook"}]}
    settings = {"hooks": {"SessionStart": [hook], "UserPromptSubmit": [hook], "Stop": [hook]}}
    (claude_home / ".claude" / "settings.json").write_text(json.dumps(settings))
    (claude_home / ".claude.json").write_text(
        json.dumps({"mcpServers": {"mine": {"command": "touch", "args": ["mcp-ran"]}}})
    )
    server = serve(reply(RECIPE))
    text = f"/clear @{claude_home}/secret.txt\nThe column is called --model=x."
    await Call(Prompt(system="You propose. <b>", text=text)).ask()
    body = json.loads(bytes(server.requests[0].body))
    assert "MARK" not in json.dumps(body)
    assert not (claude_home / "hooked").exists()
    assert body["messages"][0] == {"role": "user", "content": text}
    assert any(block["text"] == "You propose. <b>" for block in body["system"])
    assert {"StructuredOutput"} == {tool["name"] for tool in body["tools"]} - {"DeferredToolPlaceholder"}


async def test_nothing_is_left_on_the_disk_but_the_programs_own_state(serve, claude_home: Path) -> None:
    serve(reply(RECIPE))
    call = Call()
    await call.ask()
    assert not [path for path in (claude_home.parent / "TMPDIR").iterdir() if path.name.startswith("tabsmith-")]
    assert not list(claude_home.rglob(f"*{call.session}*"))


async def test_an_answer_that_does_not_fit_is_asked_again_and_both_replies_are_counted(serve) -> None:
    server, call = serve(reply({"famly": 1}, TOKENS), reply(RECIPE, TOKENS)), Call()
    assert json.loads(await call.ask()) == RECIPE
    assert len(call.replies) == 2
    assert call.replies[0].usage.unpriced == 1  # not known yet when it came
    assert tokens_of(call.usage) == server.handed_out
    assert call.usage.unpriced == 0
    assert call.usage.cost > 0


async def test_an_answer_that_never_fits_is_an_error_and_its_cost_is_known(serve) -> None:
    server, call = serve(reply({"famly": 1}, TOKENS)), Call()
    with pytest.raises(AgentReplyError, match="maximum number of turns"):
        await call.ask()
    assert server.handed_out.calls == 3
    assert tokens_of(call.usage) == server.handed_out
    assert call.usage.price


async def test_a_model_that_answers_with_text_is_taken_at_its_word(serve) -> None:
    text = 'I propose:\n```json\n{"family": "lightgbm"}\n```\nGood luck.'
    server, call = serve(Reply(text=text, tokens=TOKENS)), Call()
    assert (await call.ask()).strip() == text
    assert tokens_of(call.usage) == server.handed_out


async def test_without_a_shape_the_text_is_the_answer(serve) -> None:
    server, call = serve(Reply(text="Hello.")), Call(shape=msgspec.Raw(b"null"))
    assert await call.ask() == "Hello."
    assert server.handed_out.calls == call.usage.turns == 1


async def test_a_model_without_a_known_price_is_not_priced(serve) -> None:
    server, call = serve(reply({"famly": 1}, TOKENS), reply(RECIPE, TOKENS)), Call(model="nobody-knows-1")
    await call.ask()
    assert json.loads(bytes(server.requests[0].body))["model"] == "nobody-knows-1"
    assert {turn.model for turn in call.replies} == {"nobody-knows-1"}
    assert call.usage.price is None
    assert (call.usage.cost, call.usage.unpriced) == (Decimal(0), 2)
    assert tokens_of(call.usage) == server.handed_out


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("status", 400), AgentAccessError),
        (Fault("status", 401), AgentAccessError),
        (Fault("status", 403), AgentAccessError),
        (Fault("status", 404), AgentAccessError),
        (Fault("status", 429), AgentRateLimitError),
        (Fault("status", 429, retry_after="7200"), AgentRateLimitError),
        (Fault("status", 500), AgentNetworkError),
        (Fault("status", 529), AgentRateLimitError),
        (Fault("cut"), AgentNetworkError),
        (Fault("empty"), AgentReplyError),
        (Fault("nonsense"), AgentReplyError),
    ],
    ids=lambda value: (
        f"{value.kind}-{value.status}-{value.retry_after}" if isinstance(value, Fault) else value.__name__
    ),
)
async def test_trouble_of_the_server_has_its_own_error_without_the_key(serve, fault: Fault, error: type) -> None:
    server, call = serve(fault), Call()
    with pytest.raises(AgentError) as caught:
        await call.ask()
    assert type(caught.value) is error
    assert str(caught.value)
    assert KEY not in str(caught.value.report(details=True))
    if fault.kind == "status":
        assert str(fault.status) in caught.value.what
    assert all(request.has_key for request in server.requests)
    assert tokens_of(msgspec.structs.replace(call.usage, turns=server.handed_out.calls)) == server.handed_out


async def test_a_key_that_the_server_quotes_is_blanked_out(serve) -> None:
    serve(Fault("status", 403, message=f"scripted 403 for the key {KEY}"))
    with pytest.raises(AgentAccessError, match="scripted 403 for the key •••"):
        await Call().ask()


async def test_the_servers_word_on_when_to_come_back_is_kept_and_not_waited_for(serve) -> None:
    server, call = serve(Fault("status", 429, retry_after="40")), Call()
    with pytest.raises(AgentRateLimitError) as caught:
        await call.ask()
    assert 40 <= (caught.value.retry_after or 0) < 50
    assert len(server.requests) == 1


async def test_what_was_used_before_the_trouble_is_reported(serve) -> None:
    server, call = serve(reply({"famly": 1}, TOKENS), Fault("status", 529)), Call()
    with pytest.raises(AgentRateLimitError):
        await call.ask()
    assert tokens_of(call.usage) == server.handed_out
    assert call.usage.price is None  # the program did not sum up


async def test_no_server_at_all_is_a_network_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(AgentNetworkError):
        await Call().ask()


async def test_without_a_key_or_a_login_the_error_says_so(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(reply(RECIPE))
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(AgentMissingError, match="no login and no key") as caught:
        await Call().ask()
    assert "ANTHROPIC_API_KEY" in caught.value.next_step
    assert not server.requests


async def test_the_key_is_on_no_command_line_while_the_program_runs(serve) -> None:
    server, call = serve(Fault("hang")), Call(Prompt(system="MARK-system", text="MARK-text"))
    async with under_way(call, server):
        lines = [(folder / "cmdline").read_bytes() for folder in processes_of(call.session)]
    assert any(b"--session-id=" in line for line in lines)
    assert all(KEY.encode() not in line for line in lines)
    assert all(b"MARK" not in line for line in lines)


async def test_a_hanging_server_is_given_up_in_time_and_no_process_is_left(serve) -> None:
    server, call = serve(reply({"famly": 1}, TOKENS), Fault("hang")), Call(seconds=4)
    with pytest.raises(AgentTimeoutError, match="within 4 seconds"):
        await call.ask()
    assert not processes_of(call.session)
    assert tokens_of(call.usage) == server.handed_out == Tokens(1_000, 50, 300, 70, 20, 1)


async def test_cancelling_ends_the_program_and_no_process_is_left(serve, claude_home: Path) -> None:
    server, call = serve(Fault("hang")), Call()
    async with under_way(call, server) as task:
        assert processes_of(call.session)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not processes_of(call.session)
    assert not [path for path in (claude_home.parent / "TMPDIR").iterdir() if path.name.startswith("tabsmith-")]


async def test_a_killed_program_is_an_error_that_never_holds_the_key(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUN_CONFIG_VERBOSE_FETCH", "curl")  # it writes every request to stderr, headers and all
    server, call = serve(Fault("hang")), Call()
    async with under_way(call, server) as task:
        for folder in processes_of(call.session):
            os.kill(int(folder.name), signal.SIGKILL)
        # How much of its last words got out before it was killed is the machine's affair.
        with pytest.raises(AgentError, match=r"ended with exit status -9 before it answered") as caught:
            await task
    assert KEY not in str(caught.value.report(details=True))


async def test_a_megabyte_long_prompt_and_a_megabyte_long_answer_go_through(serve) -> None:
    server, call = serve(reply({"family": "x" * 1_500_000})), Call(Prompt(system="s" * 300_000, text="t " * 500_000))
    assert len(await call.ask()) > 1_500_000
    assert len(bytes(server.requests[0].body)) > 1_300_000


async def test_a_program_that_writes_a_megabyte_to_stderr_goes_on(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUN_CONFIG_VERBOSE_FETCH", "curl")
    serve(reply(RECIPE))
    assert json.loads(await Call(Prompt(system="s", text="t " * 600_000)).ask()) == RECIPE


async def test_a_program_that_cannot_be_started_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(client, "find_program", lambda: tmp_path / "claude")
    with pytest.raises(AgentMissingError, match="cannot be started") as caught:
        await Call().ask()
    assert "pip install" in caught.value.next_step


def test_the_program_is_looked_for_in_the_package_and_then_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert client.find_program().parent.name == "_bundled"
    package = ModuleSpec("claude_agent_sdk", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: package)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AgentMissingError, match="nor on the PATH"):
        client.find_program()
    (tmp_path / "claude").touch(mode=0o700)
    assert client.find_program() == tmp_path / "claude"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AgentMissingError, match="claude-agent-sdk is not installed"):
        client.find_program()


async def test_an_answer_in_another_session_is_refused() -> None:
    from claude_agent_sdk import SystemMessage

    from tabsmith.agents.claude_code.conversation import check_message

    ours, theirs = str(uuid.uuid4()), str(uuid.uuid4())
    check_message(SystemMessage("init", {"subtype": "init", "session_id": ours, "tools": []}), ours)
    with pytest.raises(AgentReplyError, match=theirs):
        check_message(SystemMessage("init", {"subtype": "init", "session_id": theirs, "tools": []}), ours)
    with pytest.raises(AgentError, match="tools"):
        check_message(SystemMessage("init", {"subtype": "init", "session_id": ours, "tools": ["Bash"]}), ours)
