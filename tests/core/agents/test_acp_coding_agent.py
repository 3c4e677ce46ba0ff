"""The coding agent acp: real programs in a folder, one by another maker and one that does as it is told."""

import asyncio
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from tabsmith.agents.acp.agent import AcpCodingAgent
from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    JobSandbox,
    PermissionAnswer,
    PermissionMode,
    PermissionRequest,
    PermissionRules,
)
from tabsmith.agents.permission_policy import MAX_REQUESTS
from tabsmith.agents.protocol import ModelReply, Prompt
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.config.settings import AcpSettings
from tabsmith.errors import AgentError, AgentTimeoutError
from tests.core.agents.living_processes import living
from tests.forked_programs import forked
from tests.peers.model_server import Fault, ModelServer, Reply, Script, Tokens, Use

pytest.importorskip("acp", reason="the extra acp is not installed")

PEER = Path(__file__).parents[2] / "peers" / "acp_worker.py"
CLAUDE = Path(sys.prefix) / "peers" / "node_modules" / ".bin" / "claude-agent-acp"
PROMPT = Prompt(system="You write programs.", text="Write hello.txt.")
KEY = "sk-ant-nobody-may-see-this"


class RunningJob:
    """A job of the program behind `command` in `folder`, and all that was reported of it. Whatever is asked for is
    answered with `answer`."""

    def __init__(
        self,
        folder: Path,
        *command: str,
        rules: PermissionRules = PermissionRules(),  # noqa: B008 - frozen
        mode: PermissionMode = "ask",
        answer: PermissionAnswer = "no",
        resumes: str = "",
        seconds: float = 30,
        silence: float = 30,
        turns: int = 50,
    ) -> None:
        self.agent = AcpCodingAgent(AcpSettings(command), JobSandbox(Path(), {}))
        self.job = AgentJob(
            session=str(uuid.uuid4()),
            prompt=PROMPT,
            folder=str(folder),
            rules=rules,
            mode=mode,
            resumes=resumes,
            seconds=seconds,
            silence=silence,
            turns=turns,
        )
        self.answer = answer
        self.replies: list[ModelReply] = []
        self.activities: list[Activity] = []
        self.asked: list[PermissionRequest] = []
        self.shown = asyncio.Event()

    async def work(self) -> AgentJobResult:
        return await self.agent.work(self.job, self.replies.append, self._show, self._allow)

    def _show(self, activity: Activity) -> None:
        self.activities.append(activity)
        self.shown.set()

    async def _allow(self, permission: PermissionRequest) -> PermissionAnswer:
        self.asked.append(permission)
        return self.answer

    @property
    def usage(self) -> Usage:
        return sum((turn.usage for turn in self.replies), NO_USAGE)

    @property
    def reported(self) -> list[tuple[str, str]]:
        return [(each.kind, each.text) for each in self.activities]

    @property
    def processes(self) -> list[psutil.Process]:
        """What lives of the program and of its children, wherever they moved."""
        return living(self.job.session)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def send(folder: Path) -> Iterator[Callable[..., RunningJob]]:
    """Makes a job of the worker that does as it is told; in the end none of its processes is left."""
    sent: list[RunningJob] = []

    def make(behaviour: str, argument: object = "", **how: object) -> RunningJob:
        word = argument if isinstance(argument, str) else json.dumps(argument)
        own = behaviour == "crashes"  # with what it has started: as an interpreter of its own
        command = [sys.executable, str(PEER), behaviour, word] if own else forked("acp worker", behaviour, word)
        sent.append(RunningJob(folder, *command, **how))
        return sent[-1]

    yield make
    assert sent
    for each in sent:
        assert each.processes == []


# What is done and reported -----------------------------------------------------------------------------------------------


async def test_work_is_reported_as_it_happens_in_whole_messages_and_its_usage_in_rises(send, folder: Path) -> None:
    sent = send("works")
    assert await sent.work() == AgentJobResult("It is done.", "done")
    assert sent.reported == [
        ("message", "I will write it."),
        ("tool", "hello.txt"),
        ("result", "wrote two\n"),
        ("message", "It is done."),
    ]
    assert [each.tool for each in sent.activities] == ["", "edit", "edit", ""]
    assert (folder / "hello.txt").read_text() == "one\ntwo\nthree\n"
    assert sent.usage == Usage(100, 20, turns=2, cost=Decimal("0.03"))
    assert "".join(turn.text for turn in sent.replies) == "I will write it.It is done."
    assert all(turn.foreign.startswith("worker-") for turn in sent.replies)
    assert sent.asked == []


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("max_tokens", "turn limit"),
        ("max_turn_requests", "turn limit"),
        ("refusal", "refused"),
        ("cancelled", "refused"),
    ],
)
async def test_the_agents_reason_to_stop_is_reported(send, reason: str, end: str) -> None:
    assert await send("stops", reason).work() == AgentJobResult("enough", end)


async def test_an_agent_that_would_not_ask_is_set_to_ask(send) -> None:
    assert (await send("tells its mode").work()).text == "default"


async def test_an_earlier_session_is_gone_on_with_and_its_past_neither_shown_nor_paid_again(send) -> None:
    sent = send("remembers", resumes="an-earlier-one")
    assert (await sent.work()).text == "I remember an-earlier-one."
    assert sent.reported == [("message", "I remember an-earlier-one.")]
    assert sent.usage.cost == Decimal("0.25")
    assert {turn.foreign for turn in sent.replies} == {"an-earlier-one"}


@pytest.mark.parametrize(("behaviour", "why"), [("forgets", "Resource not found"), ("stops", "keeps no sessions")])
async def test_a_session_that_cannot_be_gone_on_with_is_said_and_a_new_one_begins(send, behaviour, why) -> None:
    sent = send(behaviour, "end_turn", resumes="an-earlier-one")
    assert (await sent.work()).end == "done"
    assert why in sent.activities[0].text
    assert all(turn.foreign.startswith("worker-") for turn in sent.replies)


async def test_a_megabyte_on_stderr_stops_nobody(send) -> None:
    assert await send("floods stderr").work() == AgentJobResult("said it all", "done")


# What it may do ------------------------------------------------------------------------------------------------------


async def test_files_outside_the_folder_are_neither_written_nor_read_whatever_is_allowed(
    send, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (folder / "out").symlink_to(outside)
    (folder / "alias").symlink_to(outside / "secret")
    (folder / "make-link").write_text(str(outside))
    ways = ["../outside/secret", "out/secret", "alias", "link/secret", f"{folder}/../outside/new"]
    paths = [str(outside / "secret"), *(way if way.startswith("/") else f"{folder}/{way}" for way in ways), "a\0b"]
    sent = send("uses files", paths, mode="allow", answer="always")
    text = (await sent.work()).text
    assert text.count("refused(Only files in the folder") == 2 * len(paths)
    assert "given" not in text
    assert [each.name for each in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "secret"


async def test_without_the_right_to_write_each_file_is_asked_for(send, folder: Path) -> None:
    path = str(folder / "new" / "file")
    sent = send("uses files", [path], rules=PermissionRules(write=()))
    assert "refused(This was not allowed.) refused" in (await sent.work()).text
    assert [(each.tool, each.what, each.risk) for each in sent.asked] == [("edit", path, "medium")]
    assert not (folder / "new").exists()
    allowed = send("uses files", [path], rules=PermissionRules(read=(), write=()), answer="once")
    assert (await allowed.work()).text == "given given"
    assert [each.risk for each in allowed.asked] == ["medium", "low"]


WISHES = [
    ["execute", {"command": "python main.py"}],
    ["execute", {"command": "python main.py && rm -rf ~"}],
    ["fetch", {"url": "http://127.0.0.1/x"}],
    ["edit", {"path": "inside.txt"}],
    ["edit", {"path": ".git/hooks/post-checkout"}],
    ["delete", {"path": "/etc/passwd"}],
    ["read", {"path": "../beside"}],
    ["other", {}],
]


async def test_what_is_beyond_the_rights_is_asked_for_with_its_risk(send) -> None:
    sent = send("asks", WISHES, rules=PermissionRules(run=("python *",)), answer="once")
    await sent.work()
    assert [(each.tool, each.what, each.risk) for each in sent.asked] == [
        ("execute", "python main.py && rm -rf ~", "high"),
        ("fetch", "http://127.0.0.1/x", "high"),
        ("edit", ".git/hooks/post-checkout", "high"),
        ("delete", "/etc/passwd", "high"),
        ("read", "../beside", "high"),
        ("other", "Use other", "high"),
    ]


@pytest.mark.parametrize(
    ("mode", "answer", "chosen"),
    [
        ("ask", "once", "allow_once"),
        ("ask", "always", "allow_always"),
        ("allow", "no", "allow_once"),
        ("refuse", "once", "reject_once"),
    ],
)
async def test_the_option_that_was_meant_is_chosen_and_the_mode_answers_without_a_person(
    send, mode: PermissionMode, answer: PermissionAnswer, chosen: str
) -> None:
    sent = send("asks", [["execute", {"command": "make"}]], mode=mode, answer=answer)
    assert (await sent.work()).text == chosen
    assert len(sent.asked) == (mode == "ask")


async def test_an_option_for_always_is_not_taken_for_once(send) -> None:
    assert (await send("knows only always", answer="once").work()).text == "cancelled"


async def test_always_never_changes_how_an_agent_asks(send) -> None:
    assert (await send("asks", [["switch_mode", {}]], answer="always").work()).text == "allow_once"


async def test_always_answers_a_storm_of_the_same_at_once(send) -> None:
    sent = send("storms", "touch file", answer="always")
    assert json.loads((await sent.work()).text) == {"allow_always": 300}
    assert len(sent.asked) == 1


async def test_a_storm_of_permissions_is_cut_and_that_is_reported(send) -> None:
    sent = send("storms", "$(touch file)", answer="once")
    assert json.loads((await sent.work()).text) == {"allow_once": MAX_REQUESTS, "reject_once": 300 - MAX_REQUESTS}
    assert len(sent.asked) == MAX_REQUESTS
    assert sum(f"asked for {MAX_REQUESTS} permissions" in text for _, text in sent.reported) == 1


# What ends it --------------------------------------------------------------------------------------------------------


async def test_an_agent_with_more_turns_than_allowed_is_stopped_and_what_it_used_is_kept(send) -> None:
    sent = send("loops", turns=3)
    finished = await sent.work()
    assert finished.end == "turn limit"
    assert sent.usage.turns >= 4
    assert (sent.usage.cost, sent.usage.unpriced) == (Decimal("0.5"), 0)


async def test_silence_stops_the_agent_with_its_processes_and_what_it_used_is_kept(send) -> None:
    sent = send("falls silent", silence=2)
    assert (await sent.work()).end == "silence"
    assert sent.reported == [("tool", "sleep 1000"), ("result", "broken off")]
    assert sent.usage == Usage(turns=1, cost=Decimal("0.25"))


async def test_an_agent_that_does_not_even_stop_is_ended(send) -> None:
    sent = send("is dead", silence=2)
    assert await sent.work() == AgentJobResult("I will now", "silence")
    assert sent.usage == Usage(turns=1, unpriced=1)


async def test_an_agent_that_is_stopped_before_it_began_is_not_begun(send) -> None:
    sent = send("crashes", silence=0.01)
    assert await sent.work() == AgentJobResult("", "silence")
    assert (sent.reported, sent.replies) == ([], [])


async def test_an_agent_that_is_never_done_runs_out_of_time(send) -> None:
    sent = send("chatters", seconds=3)
    with pytest.raises(AgentTimeoutError, match="not done within 3 seconds"):
        await sent.work()
    assert sent.reported[-1][1].startswith("on and on")


async def test_a_crash_in_the_middle_of_a_call_is_reported_in_the_programs_words(send) -> None:
    sent = send("crashes")
    with pytest.raises(AgentError, match=r"exit status 3\): MemoryError: with key •••") as caught:
        await sent.work()
    assert caught.value.trouble == "program"
    assert sent.reported[-2:] == [("tool", "make"), ("result", "broken off")]
    assert sent.activities[-1].failed
    assert (sent.usage.cost, sent.usage.unpriced) == (Decimal("0.125"), 1)


async def test_a_cancelled_job_leaves_no_process(send) -> None:
    sent = send("falls silent")
    work = asyncio.create_task(sent.work())
    async with asyncio.timeout(20):
        await sent.shown.wait()
        while len(sent.processes) < 2:  # one that is just becoming another program has no environment yet
            await asyncio.sleep(0.01)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sent.processes == []


async def test_the_program_is_started_through_what_wraps_it(folder: Path) -> None:
    sent = RunningJob(folder)
    command = (sys.executable, str(PEER), "stops", "end_turn")
    box = JobSandbox(
        Path(), {}, wrap_program=lambda wrapped: ["/bin/sh", "-c", 'touch wrapped; exec "$@"', "sh", *wrapped]
    )
    sent.agent = AcpCodingAgent(AcpSettings(command), box)
    assert (await sent.work()).text == "enough"
    assert (folder / "wrapped").exists()


# A real agent: Claude's, by another maker ----------------------------------------------------------------------------


@pytest.fixture
def claude(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RunningJob]]:
    """Makes a job of claude-agent-acp, whose model is a scripted server that takes these steps."""
    if shutil.which("node") is None:
        pytest.skip("node is not on this machine: the real agent claude-agent-acp cannot run")
    if not CLAUDE.exists():
        pytest.skip("claude-agent-acp is not installed: `make peers` installs it, and needs npm")
    quiet = {"DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    own = {"HOME": str(tmp_path), "ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_MAX_RETRIES": "0"}
    for name, value in {**quiet, **own}.items():
        monkeypatch.setenv(name, value)
    servers: list[ModelServer] = []
    sent: list[RunningJob] = []

    def make(*steps: Reply | Fault | Use, **how: object) -> tuple[ModelServer, RunningJob]:
        servers.append(ModelServer(Script(steps)).__enter__())
        monkeypatch.setenv("ANTHROPIC_BASE_URL", servers[-1].url)
        sent.append(RunningJob(folder, str(CLAUDE), **how))
        return servers[-1], sent[-1]

    yield make
    for server in servers:
        server.__exit__(None, None, None)
    for each in sent:
        assert each.processes == []


def bash(command: str) -> Use:
    return Use("Bash", {"command": command, "description": "as told"})


async def test_a_real_agent_writes_a_file_and_runs_a_command_and_its_usage_is_right_to_the_token(
    claude, folder: Path
) -> None:
    path = str(folder / "hello.py")
    tokens = Tokens(input=1_000, output=50, cache_read=300, cache_write=70)
    server, sent = claude(
        Use("Write", {"file_path": path, "content": "print(6 * 7)\n"}, text="I write it.", tokens=tokens),
        bash("python3 hello.py"),
        Reply(text="It prints 42."),
        rules=PermissionRules(run=("python3 *",)),
    )
    assert await sent.work() == AgentJobResult("It prints 42.", "done")
    assert (folder / "hello.py").read_text() == "print(6 * 7)\n"
    assert sent.asked == []
    kinds = [(each.kind, each.tool) for each in sent.activities]
    assert kinds == [
        ("message", ""),
        *[(kind, tool) for tool in ("edit", "execute") for kind in ("tool", "result")],
        ("message", ""),
    ]
    assert [text for _, text in sent.reported][1::2] == ["hello.py", "python3 hello.py", "It prints 42."]
    assert "42" in sent.activities[4].text
    reported, usage = server.handed_out, sent.usage
    assert (usage.input_tokens, usage.output_tokens) == (reported.input, reported.output)
    assert (usage.cache_read_tokens, usage.cache_write_tokens) == (reported.cache_read, reported.cache_write)
    assert (usage.turns, usage.unpriced) == (3, 0)
    assert usage.cost > 0


async def test_a_real_agent_is_refused_and_its_model_learns_it(claude, folder: Path) -> None:
    server, sent = claude(bash("touch made"), Reply(text="I may not."), answer="no")
    assert await sent.work() == AgentJobResult("I may not.", "done")
    assert [(each.tool, each.what, each.risk) for each in sent.asked] == [("execute", "touch made", "medium")]
    assert not (folder / "made").exists()
    assert sent.activities[1].failed
    assert b"refused permission" in bytes(server.requests[-1].body)


async def test_a_real_agent_asks_no_more_after_always_and_leaves_no_settings(claude, folder: Path) -> None:
    _, sent = claude(bash("touch one"), bash("touch two"), Reply(text="Done."), answer="always")
    assert await sent.work() == AgentJobResult("Done.", "done")
    assert len(sent.asked) == 1
    assert sorted(each.name for each in folder.iterdir()) == ["one", "two"]


async def test_a_real_agent_with_more_turns_than_allowed_is_stopped_and_tells_its_cost(claude) -> None:
    server, sent = claude(bash("true"), rules=PermissionRules(run=("true",)), turns=2)
    assert (await sent.work()).end == "turn limit"
    assert sent.usage.turns >= 3
    assert (sent.usage.cost > 0, sent.usage.unpriced) == (True, 0)
    assert len(server.requests) < 8


async def test_a_real_agent_asks_before_it_writes_outside_whatever_the_folder_allows(
    claude, folder: Path, tmp_path: Path
) -> None:
    (folder / ".claude").mkdir()
    allowed = {"permissions": {"defaultMode": "acceptEdits", "allow": ["Write", "Bash", "Bash(touch:*)"]}}
    (folder / ".claude" / "settings.json").write_text(json.dumps(allowed))
    outside = tmp_path / "outside.txt"
    steps = (Use("Write", {"file_path": str(outside), "content": "x"}), bash("touch made"), Reply(text="No."))
    _, sent = claude(*steps, answer="no")
    assert (await sent.work()).text == "No."
    assert [(each.what, each.risk) for each in sent.asked] == [(str(outside), "high"), ("touch made", "medium")]
    assert not outside.exists()
    assert not (folder / "made").exists()


async def test_a_real_agents_session_is_gone_on_with_in_a_new_program(claude) -> None:
    _, first = claude(Reply(text="I am the first."))
    await first.work()
    _, second = claude(Reply(text="And I the second."), resumes=first.replies[-1].foreign)
    assert (await second.work()).text == "And I the second."
    assert second.reported == [("message", "And I the second.")]
    assert second.usage.input_tokens == 1_000
    assert second.replies[-1].foreign == first.replies[-1].foreign


async def test_a_real_agent_whose_server_hangs_is_silent_and_ended_with_all_its_processes(claude) -> None:
    _, sent = claude(Fault("hang"), silence=2)
    assert (await sent.work()).end == "silence"
