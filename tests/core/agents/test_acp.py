"""The acp agent: real programs of the Agent Client Protocol, one by another maker and one that does as it is told."""

import asyncio
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import psutil
import pytest

from tabsmith.agents.acp import agent
from tabsmith.agents.api_keys import keys_file
from tabsmith.agents.protocol import ModelReply, ModelRequest, Prompt
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.config.settings import AcpSettings, AgentSettings
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
)
from tests.core.agents.living_processes import living
from tests.forked_programs import forked
from tests.peers.model_server import Fault, ModelServer, Reply, Script, Tokens

pytest.importorskip("acp", reason="the extra acp is not installed")

PEER = Path(__file__).parents[2] / "peers" / "acp_agent.py"
OWN = ("leaves children", "stubborn", "is silent", "exits")
"""Beginnings of the behaviours by which processes end or are left: they get an interpreter of their own."""
CLAUDE = Path(sys.prefix) / "peers" / "node_modules" / ".bin" / "claude-agent-acp"
PROMPT = Prompt(system="You propose recipes.", text="Propose the next recipe.")
ANSWER = '{"done": true, "reason": "scripted"}'
KEY = "sk-ant-nobody-may-see-this"


VARIABLES: tuple[str, ...] = ()
"""The names of variables that the program is given."""


class AskedRequest:
    """One question to the program behind `command`, and what was heard of it."""

    def __init__(self, *command: str, seconds: float = 30) -> None:
        self.client = agent.make_client(AgentSettings(acp=AcpSettings(command, VARIABLES)))
        self.question = ModelRequest(str(uuid.uuid4()), PROMPT, msgspec.Raw(b"{}"), seconds)
        self.replies: list[ModelReply] = []

    async def ask(self) -> str:
        return await self.client.ask(self.question, self.replies.append)

    @property
    def usage(self) -> Usage:
        return sum((turn.usage for turn in self.replies), NO_USAGE)

    @property
    def processes(self) -> list[psutil.Process]:
        """What lives of the program and of its children, wherever they moved."""
        return living(self.question.session)

    async def processes_are(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.processes) != count:
            assert time.monotonic() < deadline, self.processes
            await asyncio.sleep(0.02)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AskedRequest]]:
    """Makes a question to the agent that does as it is told; in the end none of its processes is left."""
    asked: list[AskedRequest] = []

    def make(behaviour: str = "answer", answer: str = ANSWER, *, seconds: float = 30) -> AskedRequest:
        own = behaviour.startswith(OWN)
        command = [sys.executable, str(PEER), behaviour, answer] if own else forked("acp agent", behaviour, answer)
        asked.append(AskedRequest(*command, seconds=seconds))
        return asked[-1]

    yield make
    assert asked
    for asking in asked:
        assert asking.processes == []


# What is asked and answered ------------------------------------------------------------------------------------------


async def test_an_answer_of_which_no_usage_is_reported_has_no_tokens_and_an_unknown_price(peer) -> None:
    asking = peer()
    assert await asking.ask() == ANSWER
    (turn,) = asking.replies
    assert (turn.text, turn.model, turn.usage) == (ANSWER, "", Usage(turns=1, unpriced=1))
    assert turn.foreign.startswith("peer-")


async def test_every_question_has_a_program_and_a_session_of_its_own(peer) -> None:
    first, second = peer(), peer()
    await asyncio.gather(first.ask(), second.ask())
    assert first.replies[0].foreign != second.replies[0].foreign


async def test_the_program_gets_the_prompt_system_first_the_keys_and_an_empty_folder(peer, monkeypatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "of-the-environment")
    assert "of-the-environment" not in await peer("echo").ask(), "a key that it was not given"
    monkeypatch.setitem(globals(), "VARIABLES", ("SOME_API_KEY",))
    system, text, place = (await peer("echo").ask()).split("\n---\n")
    assert system == PROMPT.system
    assert text.startswith(PROMPT.text)
    folder, content, key, session, process = place.splitlines()
    assert (content, key, session) == ("[]", "of-the-environment", process)
    assert Path(folder) != Path.cwd()
    assert not Path(folder).exists()


async def test_only_messages_of_the_session_are_the_answer(peer) -> None:
    asking = peer("thinks aloud", "one two three")
    assert await asking.ask() == "one two three "
    assert [turn.text for turn in asking.replies] == ["one two three "]


async def test_two_megabytes_on_stderr_stop_nobody(peer) -> None:
    assert await peer("floods stderr").ask() == ANSWER


@pytest.mark.parametrize("behaviour", ["prints noise", "prints a long line"])
async def test_lines_that_are_no_messages_are_passed_over(peer, behaviour: str) -> None:
    assert await peer(behaviour).ask() == ANSWER


async def test_a_permission_is_refused_by_the_option_that_refuses(peer) -> None:
    said = await peer("asks permission", "with reject").ask()
    assert msgspec.json.decode(said) == {"outcome": "selected", "optionId": "the-reject_once"}


async def test_a_permission_without_such_an_option_is_not_given_either(peer) -> None:
    assert msgspec.json.decode(await peer("asks permission").ask()) == {"outcome": "cancelled"}


async def test_files_and_terminals_are_not_given(peer) -> None:
    said = (await peer("asks for a file").ask()).split()
    assert len(said) == 3
    assert "given" not in said


# What it costs -------------------------------------------------------------------------------------------------------


async def test_a_running_cost_is_booked_by_its_rises(peer) -> None:
    asking = peer("tells costs")
    assert await asking.ask() == "first second"
    assert [turn.usage.cost for turn in asking.replies] == [Decimal("0.01"), Decimal("0.025"), Decimal(0)]
    assert [turn.text for turn in asking.replies] == ["first ", "second", ""]
    assert asking.usage == Usage(100, 20, 5, 3, turns=1, cost=Decimal("0.035"))


async def test_a_cost_is_handed_on_when_it_is_reported_and_not_lost_by_a_cancellation(peer) -> None:
    asking = peer("tells a cost and is silent")
    reported = asyncio.Event()
    call = asyncio.create_task(
        asking.client.ask(asking.question, lambda turn: (asking.replies.append(turn), reported.set()))
    )
    await asyncio.wait_for(reported.wait(), 20)
    assert [(turn.text, turn.usage) for turn in asking.replies] == [("first", Usage(turns=1, cost=Decimal("0.25")))]
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asking.usage.cost == Decimal("0.25")


async def test_after_a_crash_what_was_reported_is_kept_and_the_rest_has_an_unknown_price(peer) -> None:
    asking = peer("tells costs and crashes")
    with pytest.raises(AgentError) as caught:
        await asking.ask()
    assert asking.usage == Usage(turns=1, cost=Decimal("0.01"), unpriced=1)
    assert "".join(turn.text for turn in asking.replies) == "first second"
    assert "exit status 3): ••• was not accepted" in caught.value.what
    assert "secret" not in caught.value.report().details


async def test_a_cost_in_another_currency_is_an_unknown_price(peer) -> None:
    asking = peer("tells euros")
    await asking.ask()
    assert asking.usage == Usage(turns=1, unpriced=1)


@pytest.mark.parametrize(
    ("behaviour", "usage"),
    [
        ("overlapping tokens", Usage(40, 20, 60, 0, 4, turns=1, unpriced=1)),
        ("thoughts on top", Usage(40, 24, 60, 0, 4, turns=1, unpriced=1)),
    ],
)
async def test_tokens_of_kinds_that_overlap_are_counted_once(peer, behaviour: str, usage: Usage) -> None:
    asking = peer(behaviour)
    await asking.ask()
    assert asking.usage == usage


# What goes wrong -----------------------------------------------------------------------------------------------------


async def test_silence_ends_at_the_time_allowed(peer) -> None:
    with pytest.raises(AgentTimeoutError, match="within 1 seconds"):
        await peer("is silent", seconds=1).ask()


async def test_a_program_that_will_not_end_is_ended(peer) -> None:
    assert await peer("stubborn").ask() == ANSWER


@pytest.mark.parametrize("behaviour", ["leaves children", "leaves children and crashes"])
async def test_children_end_with_the_program_whatever_session_they_moved_to(peer, behaviour: str) -> None:
    asking = peer(behaviour)
    if behaviour == "leaves children":
        assert await asking.ask() == ANSWER
    else:
        with pytest.raises(AgentError, match="exit status 9"):
            await asking.ask()
    assert asking.processes == []


async def test_a_cancelled_call_ends_the_program_and_its_children(peer) -> None:
    asking = peer("leaves children and is silent")
    call = asyncio.create_task(asking.ask())
    await asking.processes_are(3)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asking.processes == []


async def test_a_call_cancelled_twice_leaves_nothing_either(peer) -> None:
    asking = peer("leaves children and is silent")
    call = asyncio.create_task(asking.ask())
    await asking.processes_are(3)
    call.cancel()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asking.processes_are(0)


@pytest.mark.parametrize(("behaviour", "reason"), [("refuses", "refusal"), ("is cut", "max tokens")])
async def test_an_answer_without_text_is_no_answer(peer, behaviour: str, reason: str) -> None:
    asking = peer(behaviour)
    with pytest.raises(AgentReplyError, match=reason):
        await asking.ask()
    assert asking.usage == Usage(turns=1, unpriced=1)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("API Error: 401 authentication_error", AgentAccessError),
        ("Invalid API key · Please run /login", AgentAccessError),
        ("API Error: 429 rate_limit_error", AgentRateLimitError),
        ("API Error: 529 overloaded_error", AgentRateLimitError),
        ("API Error: 500 internal server error", AgentNetworkError),
        ("connect ECONNREFUSED 127.0.0.1:9", AgentNetworkError),
        ("Something else", AgentError),
    ],
)
async def test_what_the_agent_reports_is_sorted_by_its_words_and_shows_no_key(peer, said: str, kind: type) -> None:
    with pytest.raises(AgentError) as caught:
        await peer("fails", said).ask()
    assert type(caught.value) is kind
    assert said in caught.value.what
    assert "with key •••" in caught.value.what
    assert "secret" not in caught.value.report().details


async def test_an_agent_that_wants_a_login_says_so(peer) -> None:
    with pytest.raises(AgentAccessError, match="Authentication required"):
        await peer("log in first").ask()


async def test_a_program_that_exits_at_once_is_quoted(peer) -> None:
    with pytest.raises(AgentError, match=r"exit status 1\): no model is set · use --model") as caught:
        await peer("exits at once").ask()
    assert caught.value.trouble == "program"


async def test_another_version_of_the_protocol_is_refused(peer) -> None:
    with pytest.raises(AgentError, match="version 99"):
        await peer("another version").ask()


@pytest.mark.parametrize(
    ("command", "words"), [("yes", "not messages"), ("cat", "not found"), ("true", "exit status 0")]
)
async def test_a_program_that_is_no_agent_is_told_from_one(command: str, words: str) -> None:
    asking = AskedRequest(command)
    with pytest.raises(AgentError, match=words):
        await asking.ask()
    assert asking.replies == []
    assert asking.processes == []


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch(mode=0o644)
    for command, words in (((), "No agent"), (("no-such-agent",), "'no-such-agent'"), ((str(plain),), "not be run")):
        with pytest.raises(AgentMissingError, match=words) as caught:
            await AskedRequest(*command).ask()
        assert "agents.acp.command" in caught.value.next_step


async def test_a_program_that_the_system_cannot_run_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    with pytest.raises(AgentMissingError, match="cannot be started: No such file"):
        await AskedRequest(str(broken)).ask()


async def test_a_refused_file_of_keys_stops_the_call_before_anything_starts() -> None:
    keys_file().parent.mkdir(parents=True)
    keys_file().touch(mode=0o644)
    with pytest.raises(AgentMissingError, match="other users"):
        await AskedRequest(sys.executable).ask()


# A real agent: Claude's, by another maker ----------------------------------------------------------------------------


@pytest.fixture
def claude(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[ModelServer, AskedRequest]]]:
    """Makes a question to claude-agent-acp, whose model is a scripted server that says these steps."""
    if shutil.which("node") is None:
        pytest.skip("node is not on this machine: the real agent claude-agent-acp cannot run")
    if not CLAUDE.exists():
        pytest.skip("claude-agent-acp is not installed: `make peers` installs it, and needs npm")
    quiet = {"DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    own = {"HOME": str(tmp_path), "ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_MAX_RETRIES": "0"}
    for name, value in {**quiet, **own}.items():
        monkeypatch.setenv(name, value)
    servers: list[ModelServer] = []
    asked: list[AskedRequest] = []

    def make(*steps: Reply | Fault, seconds: float = 60) -> tuple[ModelServer, AskedRequest]:
        servers.append(ModelServer(Script(steps)).__enter__())
        monkeypatch.setenv("ANTHROPIC_BASE_URL", servers[-1].url)
        asked.append(AskedRequest(str(CLAUDE), seconds=seconds))
        return servers[-1], asked[-1]

    yield make
    for server in servers:
        server.__exit__(None, None, None)
    for asking in asked:
        assert asking.processes == []


async def test_a_real_agent_answers_and_its_usage_is_right_to_the_token(claude) -> None:
    tokens = Tokens(input=1_000, output=50, cache_read=300, cache_write=70)
    server, asking = claude(Reply(text=ANSWER, tokens=tokens))
    assert await asking.ask() == ANSWER
    reported = server.handed_out
    usage = asking.usage
    assert (usage.input_tokens, usage.output_tokens) == (reported.input, reported.output)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (reported.cache_read, reported.cache_write)
    assert (usage.turns, usage.unpriced) == (1, 0)
    assert usage.cost > 0
    assert "".join(turn.text for turn in asking.replies) == ANSWER


async def test_a_real_agent_sends_the_prompt_with_the_key_and_without_tools(claude) -> None:
    server, asking = claude(Reply(text=ANSWER))
    await asking.ask()
    (request,) = server.requests
    body = bytes(request.body).decode()
    assert request.has_key
    assert KEY not in body
    assert body.index(PROMPT.system) < body.index(PROMPT.text)
    assert not msgspec.json.decode(body).get("tools")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AgentAccessError), (429, AgentRateLimitError), (500, AgentNetworkError), (529, AgentRateLimitError)],
)
async def test_a_real_agents_trouble_with_its_server_is_reported(claude, status: int, kind: type) -> None:
    _, asking = claude(Fault("status", status))
    with pytest.raises(AgentError) as caught:
        await asking.ask()
    assert type(caught.value) is kind, caught.value
    assert KEY not in str(caught.value)


async def test_a_real_agent_whose_server_hangs_is_ended_with_all_its_processes(claude) -> None:
    server, asking = claude(Fault("hang"))
    call = asyncio.create_task(asking.ask())
    assert await asyncio.to_thread(server.wait_for, 1)
    assert len(asking.processes) >= 2  # the agent, and the program that it drives
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asking.processes == []
