"""The agents' process ends with its worker, with a call or when it is reported to, and takes along all that it started."""

import asyncio
import signal
import subprocess
import sys
from typing import IO

import msgspec
import pytest

from tabsmith.agents.protocol import ModelReply
from tabsmith.agents.server import agent_client
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.agents.usage import Usage
from tabsmith.errors import (
    AgentError,
)
from tests.core.agents.agent_servers import (
    ODD,
    PATIENCE,
    RECIPE,
    SHAPE,
    all_gone,
    all_there,
    asking,
    first_reply,
    ignore,
    question,
    running_client,
)
from tests.peers.model_server import Fault, ModelServer, Script, reply

WORKER = """
import asyncio, sys, threading, uuid
from tabsmith.agents.server import agent_client
from tabsmith.agents.protocol import Prompt, ModelRequest
from tabsmith.runs.stages import one_thread, preload
import msgspec

async def work(text):
    client = agent_client.AgentClient()
    question = ModelRequest(str(uuid.uuid4()), Prompt("You propose.", text), msgspec.Raw(sys.argv[2].encode()), 30.0)
    answer = await client.ask("llm", question, lambda turn: print("heard", turn.text, flush=True))
    threads = threading.active_count()
    await client.close()
    print("answer", answer, threads, threading.active_count(), flush=True)

if sys.argv[3]:
    agent_client.server_command = lambda: [sys.executable, "-c", sys.argv[3]]
else:
    one_thread()
    preload()
asyncio.run(work(sys.argv[1]))
print(sorted({name.split(".")[0] for name in sys.modules}))
"""

pytestmark = pytest.mark.usefixtures("provider_key")


async def test_cancelling_ends_the_call_soon_and_the_process_goes_on(monkeypatch, family) -> None:
    async with asking(monkeypatch, Fault("hang")) as (client, server):
        call = asyncio.create_task(client.ask("llm", question(), ignore))
        assert await asyncio.to_thread(server.wait_for, 1)
        before = family()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 2.0)
        server.use(Script((reply(RECIPE),)))
        assert await client.ask("llm", question(), ignore)
        assert family() == before


async def test_what_a_cancelled_call_used_on_its_way_out_is_reported(odd) -> None:
    turns: list[ModelReply] = []
    async with running_client() as client:
        call = asyncio.create_task(client.ask("llm", question("use on the way out"), turns.append))
        await first_reply(turns)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert [turn.text for turn in turns] == ["before", "after"]


async def test_a_process_killed_in_a_call_fails_that_call_and_the_next_question_starts_another(odd, family) -> None:
    turns: list[ModelReply] = []
    async with running_client() as client:
        call = asyncio.create_task(client.ask("llm", question("use on the way out"), turns.append))
        await first_reply(turns)
        (process,) = family()
        process.kill()
        with pytest.raises(AgentError, match="SIGKILL") as caught:
            await call
        assert caught.value.trouble == "program"
        assert await client.ask("llm", question("hear"), ignore) == "heard"


async def test_a_killed_process_takes_along_what_it_started_in_sessions_of_their_own(odd, family) -> None:
    turns: list[ModelReply] = []
    async with running_client() as client:
        call = asyncio.create_task(client.ask("llm", question("start programs"), turns.append))
        await first_reply(turns)
        assert all_there(family, 4)
        next(process for process in family() if "python" in process.name()).kill()
        with pytest.raises(AgentError):
            await call
        assert all_gone(family)


async def test_closing_ends_the_process_and_all_that_it_started(odd, family) -> None:
    turns: list[ModelReply] = []
    client = AgentClient()
    call = asyncio.create_task(client.ask("llm", question("start programs"), turns.append))
    await first_reply(turns)
    await client.close()
    with pytest.raises(AgentError):
        await call
    assert family() == []


async def test_closing_does_not_wait_for_a_call_that_takes_no_end(odd, family) -> None:
    turns: list[ModelReply] = []
    client = AgentClient()
    call = asyncio.create_task(client.ask("llm", question("take no end", seconds=60), turns.append))
    await first_reply(turns)
    await client.close()
    with pytest.raises(AgentError, match="exit status 0"):
        await call
    assert family() == []


async def test_closing_while_the_process_starts_ends_it_too(odd, family) -> None:
    client = AgentClient()
    starting = asyncio.create_task(client.start())
    while not family():
        await asyncio.sleep(0)
    await client.close()
    await starting
    assert family() == []


async def test_a_question_cancelled_while_the_process_starts_leaves_none(odd, monkeypatch, family) -> None:
    starting = asyncio.Event()

    async def held_up(_: object, pipe: IO[bytes]) -> None:
        starting.set()
        try:
            await asyncio.Event().wait()
        finally:
            pipe.close()  # as asyncio does when it is cancelled

    async with running_client() as client:
        with monkeypatch.context() as patched:
            patched.setattr(asyncio.get_running_loop(), "connect_write_pipe", held_up)
            call = asyncio.create_task(client.ask("llm", question("hear"), ignore))
            await starting.wait()
            while not family():  # it shows its environment once it has become another program
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert family() == []
        assert await client.ask("llm", question("hear"), ignore) == "heard"


async def test_a_host_that_was_never_asked_has_no_process(family) -> None:
    async with running_client():
        assert family() == []


def worker_command(text: str, odd_host: str = "") -> list[str]:
    return [sys.executable, "-c", WORKER, text, bytes(SHAPE).decode(), odd_host]


@pytest.mark.parametrize(
    ("doing", "processes", "number"),
    [
        ("start programs", 5, signal.SIGKILL),
        ("start programs", 5, signal.SIGTERM),
        ("hold everything up", 2, signal.SIGKILL),
    ],
)
def test_a_worker_that_is_killed_leaves_no_process_behind(family, doing, processes, number) -> None:
    command = worker_command(doing, ODD)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline().startswith("heard")
        assert all_there(family, processes)
        worker.send_signal(number)
        worker.wait(PATIENCE)
        assert all_gone(family)


# The real Claude Code, whose program has a session of its own


async def test_claude_code_answers_through_the_process(claude_home, monkeypatch, family) -> None:
    turns: list[ModelReply] = []
    with ModelServer(Script((reply(RECIPE),))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        async with running_client() as client:
            assert msgspec.json.decode(await client.ask("claude-code", question(), turns.append)) == RECIPE
            assert len(family()) == 1
    assert sum((turn.usage for turn in turns), Usage()).turns >= 1
    assert family() == []


@pytest.mark.parametrize("end", ["close", "kill"])
async def test_claude_code_in_a_call_ends_with_the_process(claude_home, monkeypatch, family, end) -> None:
    with ModelServer(Script((Fault("hang"),))) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        async with running_client() as client:
            call = asyncio.create_task(client.ask("claude-code", question(), ignore))
            assert await asyncio.to_thread(server.wait_for, 1)
            assert all_there(family, 2)
            if end == "close":
                await client.close()
            else:
                next(
                    process for process in family() if "tabsmith.agents.server.agent_server" in process.cmdline()
                ).kill()
            with pytest.raises(AgentError):
                await call
            assert all_gone(family)


def test_the_end_of_stdin_ends_the_process(odd, family) -> None:
    process = subprocess.Popen(
        agent_client.server_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert all_gone(family)


def test_a_worker_has_no_thread_and_no_client_library_after_a_question(monkeypatch) -> None:
    with ModelServer(Script((reply(RECIPE),))) as server:
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"{server.url}/v1")
        command = worker_command("Propose.")
        worker = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert worker.returncode == 0, worker.stderr
    assert worker.stderr == ""
    *_, answer, modules = worker.stdout.splitlines()
    assert answer.endswith(" 1 1")
    assert not {"pydantic_ai", "openai", "anthropic", "claude_agent_sdk", "acp", "httpx2"} & set(eval(modules))
