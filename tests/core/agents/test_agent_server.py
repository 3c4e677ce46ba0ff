"""The agents' process, the real one: questions and answers over its pipes, and clients that misbehave."""

import asyncio
import uuid

import msgspec
import pytest

from tabsmith.agents.protocol import Brief, MetricGoal, ModelReply, Prompt, Proposal
from tabsmith.agents.server import agent_client
from tabsmith.agents.server.agent_client import AgentClient
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import AcpSettings, AgentSettings, LlmSettings
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
    StorageError,
)
from tabsmith.runs.agent_factory import ModelAgent
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split
from tests.core.agents.agent_servers import (
    KEY,
    MODEL,
    PATIENCE,
    RECIPE,
    all_gone,
    asking,
    ignore,
    question,
    running_client,
)
from tests.peers.model_server import Aside, Fault, Reply, Tokens, reply

pytestmark = pytest.mark.usefixtures("provider_key")


# Questions and answers


async def test_an_answer_comes_back_and_every_reply_is_reported_with_what_it_used(monkeypatch, family) -> None:
    turns: list[ModelReply] = []
    async with asking(monkeypatch, reply(RECIPE, Tokens(input=900, output=40))) as (client, server):
        assert msgspec.json.decode(await client.ask("llm", question(), turns.append)) == RECIPE
        assert len(server.requests) == 1
        assert [KEY in " ".join(process.cmdline()) for process in family()] == [False]
    assert [(turn.usage.input_tokens, turn.usage.output_tokens, turn.usage.turns) for turn in turns] == [(900, 40, 1)]


async def test_questions_asked_at_once_get_their_own_answers_from_one_process(monkeypatch, family) -> None:
    asides = tuple(Aside(f"number {n};", Reply(text=f"answer {n}")) for n in range(8))
    async with asking(monkeypatch, Fault("status", 500), asides=asides) as (client, _):
        answers = await asyncio.gather(*(client.ask("llm", question(f"number {n};"), ignore) for n in range(8)))
        assert len(family()) == 1
    assert answers == [f"answer {n}" for n in range(8)]


async def test_a_reply_of_megabytes_comes_through(odd) -> None:
    async with running_client() as client:
        assert await client.ask("llm", question("say much"), ignore) == "größer " * 900_000


async def test_the_errors_of_a_client_are_raised_again_as_what_they_were(monkeypatch) -> None:
    steps = (Fault("status", 429, retry_after="7"), Fault("status", 401), Fault("status", 500), Fault("hang"))
    async with asking(monkeypatch, *steps, Fault("empty")) as (client, _):
        with pytest.raises(AgentRateLimitError) as limited:
            await client.ask("llm", question(), ignore)
        with pytest.raises(AgentAccessError) as refused:
            await client.ask("llm", question(), ignore)
        with pytest.raises(AgentNetworkError):
            await client.ask("llm", question(), ignore)
        with pytest.raises(AgentTimeoutError):
            await client.ask("llm", question(seconds=0.3), ignore)
        with pytest.raises(AgentReplyError):
            await client.ask("llm", question(), ignore)
    assert limited.value.retry_after == 7.0
    assert refused.value.next_step


async def test_a_client_that_lacks_something_says_so_and_is_made_again_at_the_next_question(monkeypatch) -> None:
    monkeypatch.delenv("TABSMITH_AGENTS__LLM__MODEL")
    async with asking(monkeypatch, reply(RECIPE)) as (client, _):
        for _ in range(2):
            with pytest.raises(AgentMissingError):
                await client.ask("llm", question(), ignore)


async def test_what_hearing_raises_reaches_who_asked_and_ends_the_call(odd) -> None:
    def full(turn: ModelReply) -> None:
        raise StorageError("The disk is full.")

    async with running_client() as client:
        with pytest.raises(StorageError, match="The disk is full"):
            await client.ask("llm", question("hear"), full)
        assert await client.ask("llm", question("hear"), ignore) == "heard"


class Notebook:
    """A session that remembers what was said."""

    def __init__(self) -> None:
        self.session = str(uuid.uuid4())
        self.seconds = 20.0
        self.prompts: list[Prompt] = []
        self.replies: list[ModelReply] = []

    def on_prompt(self, prompt: Prompt) -> None:
        self.prompts.append(prompt)

    def on_reply(self, turn: ModelReply) -> None:
        self.replies.append(turn)


async def test_a_model_agent_sends_the_prompt_of_its_brief_and_reads_a_recipe_from_the_answer(monkeypatch) -> None:
    columns = (ColumnSchema("area", "numeric", "feature", ""), ColumnSchema("price", "numeric", "target", ""))
    brief = Brief(
        schema=Schema(columns, "price", (), "regression", Split("random", folds=5)),
        profile=TableProfile(100, tuple(ColumnProfile(column.name, "float", 100, 0, 90) for column in columns)),
        metric=MetricGoal("RMSE", greater_is_better=False),
    )
    talk = Notebook()
    answer = {"recipe": {"family": "lightgbm"}, "reason": "Trees first.", "confidence": 0.6}
    async with asking(monkeypatch, reply(answer)) as (client, server):
        agent = ModelAgent("llm", client, AgentSettings(llm=LlmSettings(model=MODEL)))
        proposal = await agent.propose(brief, talk)
        sent = server.requests[0].body
    assert isinstance(proposal, Proposal)
    assert (proposal.recipe.family, proposal.reason, proposal.confidence) == ("lightgbm", "Trees first.", 0.6)
    assert talk.prompts[0].text in str(msgspec.json.decode(sent)["messages"][-1]["content"])
    assert sum((turn.usage for turn in talk.replies), Usage()).output_tokens == 50
    assert (agent.name, agent.model, agent.uses_llm) == ("llm", MODEL, True)


def test_an_agent_behind_a_command_is_called_by_its_program() -> None:
    settings = AgentSettings(acp=AcpSettings(command=("/opt/some/agent", "--acp")))
    assert ModelAgent("acp", AgentClient(), settings).model == "agent"
    assert ModelAgent("claude-code", AgentClient(), settings).model == ""


# Speakers that misbehave


async def test_a_fault_in_a_client_is_reported_without_keys_and_its_traceback_is_in_the_log(odd, capfd) -> None:
    async with running_client() as client:
        with pytest.raises(AgentError, match="ValueError: the key is •••") as caught:
            await client.ask("llm", question("raise"), ignore)
    log = capfd.readouterr()
    assert caught.value.trouble == "program"
    assert "Traceback" in log.err
    assert "a library talks" in log.err
    assert KEY not in log.err
    assert log.out == ""


async def test_half_a_character_in_a_reply_becomes_a_sign_that_can_be_stored(odd) -> None:
    turns: list[ModelReply] = []
    async with running_client() as client:
        assert await client.ask("llm", question("half a character"), turns.append) == "\ufffd 😀"
    assert turns[0].text == "\ufffd 😀"


async def test_a_client_that_does_not_keep_the_time_is_given_up(odd) -> None:
    async with running_client() as client:
        with pytest.raises(AgentTimeoutError):
            await client.ask("llm", question("too late", seconds=0.05), ignore)


async def test_a_process_that_is_held_up_altogether_is_ended_and_started_again(odd, monkeypatch, family) -> None:
    async with running_client() as client:
        await client.ask("llm", question("half a character"), ignore)
        before = family()
        monkeypatch.setattr(agent_client, "GRACE_SECONDS", 0.1)
        with pytest.raises(AgentTimeoutError):
            await client.ask("llm", question("hold everything up", seconds=0.1), ignore)
        assert all_gone(family)
        monkeypatch.setattr(agent_client, "GRACE_SECONDS", PATIENCE)
        assert await client.ask("llm", question("half a character"), ignore)
        assert {process.pid for process in family()} != {process.pid for process in before}
