"""Jobs through the agents' process, the real one, with the real Claude Code in it."""

import asyncio
import math
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    Deadline,
    PermissionAnswer,
    PermissionRequest,
    PermissionRules,
    wait_until,
)
from tabsmith.agents.protocol import ModelReply, Prompt
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.agents.usage import Usage
from tabsmith.errors import AgentError, StorageError
from tests.core.agents.agent_servers import KEY, PATIENCE, Family, all_gone, ignore, running_client
from tests.peers.model_server import ModelServer, Reply, Script, Use

pytestmark = pytest.mark.usefixtures("provider_key")

TOUCH = Use("Bash", {"command": "touch made"})
DONE = Reply(text="It is done.")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, a home for the program, and nothing of the person who runs the tests."""
    pytest.importorskip("claude_agent_sdk")
    for name in [each for each in os.environ if each.startswith(("ANTHROPIC_", "CLAUDE"))]:
        monkeypatch.delenv(name)
    for name in ("HOME", "TMPDIR", "work"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    return tmp_path / "work"


@asynccontextmanager
async def sending(
    monkeypatch: pytest.MonkeyPatch, *steps: Use | Reply
) -> AsyncIterator[tuple[AgentClient, ModelServer]]:
    """A client whose Claude Code asks a scripted server."""
    with ModelServer(Script(steps)) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        async with running_client() as client:
            yield client, server


def job(folder: Path) -> AgentJob:
    return AgentJob(session=str(uuid.uuid4()), prompt=Prompt("", "Do it."), folder=str(folder), rules=PermissionRules())


def overlook(activity: Activity) -> None:
    return


class Person:
    """Who is asked, and says `answer` as soon as `may_answer`."""

    def __init__(self, answer: PermissionAnswer) -> None:
        self.answer = answer
        self.may_answer = asyncio.Event()
        self.asked: list[PermissionRequest] = []
        self.let_go = False

    async def allow(self, permission: PermissionRequest) -> PermissionAnswer:
        self.asked.append(permission)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.let_go = True
            raise
        return self.answer

    async def is_asked(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.asked:
                await asyncio.sleep(0.01)


async def test_a_job_is_done_reported_shown_and_allowed_by_a_person(monkeypatch, folder, family) -> None:
    turns: list[ModelReply] = []
    shown: list[Activity] = []
    person = Person("once")
    person.may_answer.set()
    async with sending(monkeypatch, TOUCH, DONE) as (client, server):
        finished = await client.work("claude-code", job(folder), turns.append, shown.append, person.allow)
        assert len(family()) == 1
        assert KEY not in " ".join(family()[0].cmdline())
    assert finished == AgentJobResult("It is done.", "done")
    assert (folder / "made").exists()
    assert [(each.what, each.risk) for each in person.asked] == [("touch made", "medium")]
    assert [each.kind for each in shown] == ["tool", "result", "message"]
    usage = sum((turn.usage for turn in turns), Usage())
    assert (usage.input_tokens, usage.output_tokens) == (server.handed_out.input, server.handed_out.output)
    assert usage.price


async def test_several_jobs_go_on_beside_each_other(monkeypatch, folder) -> None:
    people = [Person("once"), Person("no")]
    async with sending(monkeypatch, TOUCH, TOUCH, DONE) as (client, _):
        work = [
            asyncio.create_task(client.work("claude-code", job(folder), ignore, overlook, person.allow))
            for person in people
        ]
        for person in people:
            await person.is_asked()
        assert people[0].asked[0].id != people[1].asked[0].id
        people[1].may_answer.set()
        assert (await work[1]).end == "done"
        assert not (folder / "made").exists()
        people[0].may_answer.set()
        assert (await work[0]).end == "done"
    assert (folder / "made").exists()


async def test_what_asking_a_person_raises_reaches_who_sent_and_ends_the_job(monkeypatch, folder, family) -> None:
    async def full(permission: PermissionRequest) -> PermissionAnswer:
        raise StorageError("The disk is full.")

    async with sending(monkeypatch, TOUCH, DONE) as (client, _):
        with pytest.raises(StorageError, match="The disk is full"):
            await client.work("claude-code", job(folder), ignore, overlook, full)
        assert all_gone(lambda: family()[1:])
    assert not (folder / "made").exists()


@pytest.mark.parametrize("end", ["cancel", "close", "kill"])
async def test_a_job_that_waits_for_a_person_ends_with_the_call_or_the_process(
    monkeypatch: pytest.MonkeyPatch, folder: Path, family: Family, end: str
) -> None:
    person = Person("once")
    turns: list[ModelReply] = []
    async with sending(monkeypatch, TOUCH, DONE) as (client, server):
        work = asyncio.create_task(client.work("claude-code", job(folder), turns.append, overlook, person.allow))
        await person.is_asked()
        if end == "cancel":
            work.cancel()
        elif end == "close":
            await client.close()
        else:
            next(process for process in family() if "tabsmith.agents.server.agent_server" in process.cmdline()).kill()
        with pytest.raises(asyncio.CancelledError if end == "cancel" else AgentError):
            await work
        await asyncio.sleep(0)
        assert person.let_go
        assert all_gone(lambda: family()[1:] if end == "cancel" else family())
        if end == "cancel":
            assert sum((turn.usage for turn in turns), Usage()).input_tokens == server.handed_out.input
    assert not (folder / "made").exists()


async def test_an_agent_that_only_answers_cannot_be_sent(folder) -> None:
    async with running_client() as client:
        with pytest.raises(AgentError, match="cannot work in a folder"):
            await client.work("llm", job(folder), ignore, overlook, Person("no").allow)


@pytest.mark.parametrize(("asks", "ended"), [(True, True), (False, False)])
async def test_the_time_in_which_a_person_is_asked_does_not_count(asks: bool, ended: bool) -> None:
    deadline = Deadline(math.inf, 0.1)
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.3, end.set_result, None)
    if asks:
        with deadline.paused():
            assert await wait_until(deadline, end) is ended
    else:
        assert await wait_until(deadline, end) is ended
    await end
