"""For tests of the agents' process: a client that misbehaves on demand, a scripted server, and who is alive."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import psutil
import pytest

from tabsmith.agents.protocol import ModelReply, ModelRequest, Prompt
from tabsmith.agents.server.agent_client import AgentClient
from tests.peers.model_server import Aside, ModelServer, Script, Step

KEY = "sk-test-0123456789abcdefghij"
MODEL = "openai:gpt-4o-mini"
RECIPE = {"family": "lightgbm"}
SHAPE = msgspec.Raw(b'{"type":"object","properties":{"family":{"type":"string"}}}')
PATIENCE = 20.0

ODD = """
import asyncio, os, subprocess, time
from tabsmith.agents.llm import agent
from tabsmith.agents.server import agent_server
from tabsmith.agents.protocol import ModelReply
from tabsmith.agents.usage import Usage

class Odd:
    '''A client that does what the prompt says.'''
    name, model = "llm", "odd"

    async def ask(self, question, hear):
        print("a library talks", flush=True)
        match question.prompt.text:
            case "raise":
                raise ValueError("the key is " + os.environ["OPENAI_API_KEY"])
            case "half a character":
                hear(ModelReply("\\ud83d \\ud83d\\ude00", Usage(turns=1)))
                return "\\ud83d \\ud83d\\ude00"
            case "start programs":
                both = "setsid sleep 1000 & echo; sleep 1000"
                program = subprocess.Popen(["sh", "-c", both], start_new_session=True, stdout=subprocess.PIPE)
                program.stdout.readline()
                hear(ModelReply(str(program.pid), Usage(turns=1)))
                await asyncio.sleep(1000)
            case "use on the way out":
                try:
                    hear(ModelReply("before", Usage(turns=1)))
                    await asyncio.sleep(1000)
                finally:
                    hear(ModelReply("after", Usage(turns=1)))
            case "say much":
                return "größer " * 900_000
            case "hear":
                hear(ModelReply("now", Usage(turns=1)))
                return "heard"
            case "take no end":
                hear(ModelReply("now", Usage(turns=1)))
                while True:
                    try:
                        await asyncio.sleep(1000)
                    except asyncio.CancelledError:
                        pass
            case "too late":
                await asyncio.sleep(1000)
            case "hold everything up":
                hear(ModelReply("now", Usage(turns=1)))
                time.sleep(1000)

    async def close(self):
        pass

agent.make_client = lambda settings: Odd()
agent_server.GRACE_SECONDS = 0.05
agent_server.CLOSE_SECONDS = 0.3
agent_server.MAX_END_SECONDS = 1.0
agent_server.main()
"""

Family = Callable[[], list[psutil.Process]]


def all_gone(family: Family) -> bool:
    deadline = time.monotonic() + PATIENCE
    while family():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def all_there(family: Family, count: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while len(family()) < count:  # one that is just becoming another program has no environment yet
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def question(text: str = "Propose a recipe.", seconds: float = 20.0) -> ModelRequest:
    return ModelRequest(str(uuid.uuid4()), Prompt("You propose recipes.", text), SHAPE, seconds)


def ignore(turn: ModelReply) -> None:
    return


@asynccontextmanager
async def running_client() -> AsyncIterator[AgentClient]:
    client = AgentClient()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def asking(
    monkeypatch: pytest.MonkeyPatch, *steps: Step, asides: tuple[Aside, ...] = ()
) -> AsyncIterator[tuple[AgentClient, ModelServer]]:
    """The client of a server whose llm agent asks a scripted server."""
    with ModelServer(Script(steps, asides)) as server:
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"{server.url}/v1")
        async with running_client() as client:
            yield client, server


async def first_reply(turns: list[ModelReply]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not turns:
            await asyncio.sleep(0.005)
