"""Claude Code with hands: the real program in a real folder, talking to a model server that scripts its tool calls."""

import asyncio
import json
import os
import signal
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    CommandWrapper,
    JobSandbox,
    PermissionAnswer,
    PermissionRequest,
    PermissionRules,
    unwrapped,
)
from tabsmith.agents.claude_code import agent
from tabsmith.agents.claude_code.agent import config_home, transcript
from tabsmith.agents.protocol import ModelReply, Prompt
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentTimeoutError,
)
from tests.core.agents.claude_processes import KEY, processes_of, tokens_of
from tests.peers.model_server import Fault, Reply, Tokens, Use

pytest.importorskip("claude_agent_sdk")

pytestmark = pytest.mark.usefixtures("claude_home")

TOKENS = Tokens(input=1_000, output=50, cache_read=300, cache_write=70, reasoning=20)
DONE = Reply(text="It is done.", tokens=TOKENS)
HANG = Fault("hang")
LIMIT = 6.0
"""Seconds of a limit that is to be reached while the server hangs: more than the program needs to begin on a busy machine."""
FREE = PermissionRules(run=("*",))


def bash(command: str) -> Use:
    return Use("Bash", {"command": command}, tokens=TOKENS)


def write(path: Path | str, content: str = "print(1)\n") -> Use:
    return Use("Write", {"file_path": str(path), "content": content}, "I write it.", TOKENS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "work"
    place.mkdir()
    return place


class RunningJob:
    """One job: what was heard, shown and asked, and a person who says `answer` to all of it."""

    def __init__(self, folder: Path, answer: PermissionAnswer = "no", *, takes: float = 0.0, **others: Any) -> None:
        self.job = AgentJob(
            session=str(uuid.uuid4()),
            prompt=Prompt(system="MARK-system", text="MARK-goal"),
            folder=str(folder),
            **{"rules": PermissionRules(), "seconds": 30.0, "silence": 20.0, **others},
        )
        self.answer = answer
        self.takes = takes
        self.replies: list[ModelReply] = []
        self.shown: list[Activity] = []
        self.asked: list[PermissionRequest] = []

    async def go(self, wrap_commands: CommandWrapper = unwrapped) -> AgentJobResult:
        variables = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR")}
        sandbox = JobSandbox(Path(tempfile.gettempdir()), variables, wrap_command=wrap_commands)
        coding_agent = agent.make_coding_agent(AgentSettings(), sandbox)
        return await coding_agent.work(self.job, self.replies.append, self.shown.append, self._allow)

    async def _allow(self, permission: PermissionRequest) -> PermissionAnswer:
        self.asked.append(permission)
        await asyncio.sleep(self.takes)
        return self.answer

    @property
    def results(self) -> list[Activity]:
        return [activity for activity in self.shown if activity.kind == "result"]

    @property
    def usage(self) -> Usage:
        return sum((turn.usage for turn in self.replies), Usage())

    @property
    def tokens(self) -> Tokens:
        return tokens_of(self.usage)

    def processes(self) -> list[Path]:
        """The living processes that the job started, whatever session they moved to."""
        return processes_of(self.job.session)


async def until(there: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not there():
            await asyncio.sleep(0.01)


# What it does


async def test_a_file_is_written_and_every_step_is_shown_with_its_exact_use_and_price(serve, folder: Path) -> None:
    server, trip = serve(write(folder / "hello.py"), bash("python hello.py"), DONE), RunningJob(folder, rules=FREE)
    assert await trip.go() == AgentJobResult("It is done.", "done")
    assert (folder / "hello.py").read_text() == "print(1)\n"
    assert [(each.kind, each.tool) for each in trip.shown] == [
        ("message", ""),
        ("tool", "Write"),
        ("result", "Write"),
        ("tool", "Bash"),
        ("result", "Bash"),
        ("message", ""),
    ]
    assert [trip.shown[place].text for place in (0, 1, 3, 4, 5)] == [
        "I write it.",
        "hello.py",
        "python hello.py",
        "1",
        "It is done.",
    ]
    assert not trip.asked
    assert trip.tokens == server.handed_out
    assert server.handed_out.calls == 3
    assert trip.usage.price
    assert {request.session for request in server.requests} == {trip.job.session}
    assert not trip.processes()


async def test_the_prompt_arrives_and_nothing_of_the_users_settings_nor_of_the_folders(
    serve, folder: Path, claude_home: Path
) -> None:
    hook = {"hooks": [{"type": "command", "command": f"touch {claude_home}/hooked; echo MARK-hook"}]}
    settings = {"hooks": {"SessionStart": [hook], "PreToolUse": [hook]}, "permissions": {"allow": ["Bash"]}}
    for place in (claude_home, folder):
        (place / ".claude").mkdir()
        (place / ".claude" / "settings.json").write_text(json.dumps(settings))
        (place / ".claude" / "CLAUDE.md").write_text("MARK-memory")
        for name in ("CLAUDE.md", "AGENTS.md"):
            (place / name).write_text("MARK-memory")
        (place / ".mcp.json").write_text(json.dumps({"mcpServers": {"mine": {"command": "touch", "args": ["mcp"]}}}))
    (claude_home / ".claude.json").write_text(
        json.dumps({"mcpServers": {"mine": {"command": "touch", "args": ["mcp"]}}})
    )
    server, trip = serve(bash("touch ran"), DONE), RunningJob(folder)
    await trip.go()
    said = bytes(server.requests[0].body).decode()
    assert said.count("MARK-system") == said.count("MARK-goal") == 1
    assert "MARK-memory" not in said
    assert "MARK-hook" not in said
    assert [permission.what for permission in trip.asked] == ["touch ran"]
    assert not [name for name in ("hooked", "mcp", "ran") if list(claude_home.parent.rglob(name))]


async def test_commands_of_the_agent_are_started_through_the_wrapper(serve, folder: Path) -> None:
    serve(bash("echo in $WRAPPED"), DONE)
    trip = RunningJob(folder, rules=FREE)
    await trip.go(lambda command: ["env", "WRAPPED=a box", *command])
    assert trip.results[0].text == "in a box"


async def test_what_a_tool_gives_is_shown_clean_and_bounded_and_as_failed_when_it_failed(serve, folder: Path) -> None:
    serve(bash(r"printf '\033[2J'; head -c 1000000 /dev/zero | tr '\0' x; printf '\033]0;owned\007'; exit 3"), DONE)
    trip = RunningJob(folder, rules=FREE)
    await trip.go()
    assert trip.results[0].failed
    assert "\x1b" not in trip.results[0].text
    assert len(trip.results[0].text) < 10_000


# What it may do


async def test_a_command_that_no_pattern_allows_is_refused_and_the_agent_goes_on(serve, folder: Path) -> None:
    server, trip = serve(bash("touch made"), DONE), RunningJob(folder, "no", rules=PermissionRules(run=("python *",)))
    assert (await trip.go()).end == "done"
    assert [(each.tool, each.what, each.risk) for each in trip.asked] == [("Bash", "touch made", "medium")]
    assert not (folder / "made").exists()
    assert "not permitted" in trip.results[0].text
    assert server.handed_out.calls == 2


async def test_a_command_is_allowed_once_or_always(serve, folder: Path) -> None:
    steps = (bash("touch one"), bash("touch two"), bash("mkdir three"), DONE)
    serve(*steps)
    once = RunningJob(folder, "once")
    await once.go()
    assert [each.what for each in once.asked] == ["touch one", "touch two", "mkdir three"]
    (folder / "three").rmdir()
    serve(*steps)
    always = RunningJob(folder, "always")
    await always.go()
    assert [each.what for each in always.asked] == ["touch one", "mkdir three"]
    assert {path.name for path in folder.iterdir()} == {"one", "two", "three"}


async def test_reading_commands_are_not_free_either_and_nothing_hides_behind_an_allowed_one(
    serve, folder: Path
) -> None:
    commands = ("ls", "python x.py; touch made", "python $(touch made)", "curl http://127.0.0.1:9/")
    serve(*(bash(command) for command in commands), DONE)
    trip = RunningJob(folder, rules=PermissionRules(run=("python *",)))
    await trip.go()
    assert tuple(each.what for each in trip.asked) == commands
    assert trip.asked[-1].risk == "high"
    assert not (folder / "made").exists()


async def test_nobody_is_asked_when_the_mode_answers(serve, folder: Path) -> None:
    serve(bash("touch refused"), DONE)
    refusing = RunningJob(folder, mode="refuse")
    await refusing.go()
    serve(bash("touch allowed"), DONE)
    allowing = RunningJob(folder, mode="allow")
    await allowing.go()
    assert [path.name for path in folder.iterdir()] == ["allowed"]
    assert not refusing.asked + allowing.asked


async def test_without_the_right_to_read_or_to_write_each_is_asked_for(serve, folder: Path) -> None:
    (folder / "data.csv").write_text("name\n")
    serve(Use("Read", {"file_path": str(folder / "data.csv")}), write(folder / "new.txt"), DONE)
    trip = RunningJob(folder, rules=PermissionRules(read=(), write=()))
    await trip.go()
    assert [(each.tool, each.risk) for each in trip.asked] == [("Read", "low"), ("Write", "medium")]
    assert not (folder / "new.txt").exists()


def reaching_out(folder: Path) -> list[Use]:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("MARK-secret")
    (folder / "link").symlink_to(outside)
    return [
        write(outside / "new.txt"),
        write(folder / "link" / "new.txt"),
        write("../outside/new.txt"),
        Use("Read", {"file_path": str(outside / "secret.txt")}),
        Use("Grep", {"pattern": "MARK", "path": str(outside), "output_mode": "content"}),
        Use("Glob", {"pattern": f"{outside}/*"}),
        Use("Glob", {"pattern": "{../outside,x}/*"}),
        Use("WebFetch", {"url": "http://127.0.0.1:9/", "prompt": "read"}),
    ]


@pytest.mark.parametrize("asking", ["ask", "allow"])
async def test_what_lies_outside_is_neither_read_nor_written_unless_a_person_allows_it(
    serve, folder: Path, asking: str
) -> None:
    steps = reaching_out(folder)[: 8 if asking == "ask" else 7]
    server, trip = serve(*steps, DONE), RunningJob(folder, "no", mode=asking)
    await trip.go()
    assert [each.risk for each in trip.asked] == (["high"] * 8 if asking == "ask" else [])
    assert not (folder.parent / "outside" / "new.txt").exists()
    assert all(result.failed for result in trip.results)
    assert "MARK-secret" not in bytes(server.requests[-1].body).decode()


async def test_what_lies_outside_is_written_when_a_person_allows_it(serve, folder: Path) -> None:
    serve(reaching_out(folder)[0], DONE)
    await RunningJob(folder, "once").go()
    assert (folder.parent / "outside" / "new.txt").exists()


async def test_files_that_other_programs_obey_are_not_written_unasked(serve, folder: Path) -> None:
    serve(write(folder / ".git" / "hooks" / "post-commit"), write(folder / ".claude" / "settings.json"), DONE)
    trip = RunningJob(folder)
    await trip.go()
    assert [each.risk for each in trip.asked] == ["high", "high"]
    assert not list(folder.iterdir())


# How it ends


async def test_a_turn_limit_ends_it_and_keeps_what_was_done(serve, folder: Path) -> None:
    server, trip = (
        serve(write(folder / "a"), write(folder / "b"), write(folder / "c"), DONE),
        RunningJob(folder, turns=2),
    )
    assert await trip.go() == AgentJobResult("I write it.", "turn limit")
    assert {path.name for path in folder.iterdir()} == {"a", "b"}
    assert trip.tokens == server.handed_out
    assert trip.usage.price


async def test_a_model_that_refuses_is_reported_as_that(serve, folder: Path) -> None:
    serve(Reply(text="I will not do that.", stop="refusal"))
    assert (await RunningJob(folder).go()).end == "refused"


async def test_silence_after_a_tool_call_ends_it_keeps_the_work_and_the_price_and_leaves_no_process(
    serve, folder: Path
) -> None:
    server, trip = serve(write(folder / "a"), HANG), RunningJob(folder, silence=LIMIT)
    assert await trip.go() == AgentJobResult("I write it.", "silence")
    assert (folder / "a").exists()
    assert not trip.processes()
    assert trip.tokens == server.handed_out
    assert trip.usage.price


async def test_a_command_that_takes_no_end_is_silence_and_ends_with_all_that_it_started(serve, folder: Path) -> None:
    serve(bash("setsid sleep 1000 & sleep 1000"), DONE)
    trip = RunningJob(folder, rules=FREE, silence=LIMIT)
    assert (await trip.go()).end == "silence"
    assert not trip.processes()


async def test_waiting_for_a_person_is_no_silence_and_takes_none_of_the_time(serve, folder: Path) -> None:
    serve(bash("touch made"), DONE)
    trip = RunningJob(folder, "once", takes=LIMIT + 1.0, silence=LIMIT, seconds=LIMIT + 0.5)
    assert (await trip.go()).end == "done"
    assert (folder / "made").exists()


async def test_a_job_that_takes_too_long_is_a_timeout_and_its_price_is_known(serve, folder: Path) -> None:
    server, trip = serve(write(folder / "a"), HANG), RunningJob(folder, seconds=LIMIT)
    with pytest.raises(AgentTimeoutError, match="within 6 seconds"):
        await trip.go()
    assert not trip.processes()
    assert trip.tokens == server.handed_out
    assert trip.usage.price


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AgentAccessError),
        (429, AgentRateLimitError),
        (500, AgentNetworkError),
        (529, AgentRateLimitError),
    ],
)
async def test_trouble_of_the_server_has_its_own_error_and_what_was_used_before_is_booked(
    serve, folder: Path, status: int, error: type
) -> None:
    server, trip = serve(write(folder / "a"), Fault("status", status, message=f"no {KEY}")), RunningJob(folder)
    with pytest.raises(AgentError, match=str(status)) as caught:
        await trip.go()
    assert type(caught.value) is error
    assert KEY not in str(caught.value.report(details=True))
    assert trip.tokens == server.handed_out
    assert trip.usage.price
    assert not trip.processes()


async def test_cancelling_while_a_person_is_asked_ends_the_program(serve, folder: Path) -> None:
    server, trip = serve(bash("touch made"), DONE), RunningJob(folder, takes=1_000.0)
    task = asyncio.create_task(trip.go())
    await until(lambda: bool(trip.asked))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not trip.processes()
    assert trip.tokens == server.handed_out


# One conversation after another


async def test_a_conversation_goes_on_in_a_second_job_under_an_id_and_a_sum_of_its_own(serve, folder: Path) -> None:
    server, first = serve(write(folder / "a"), write(folder / "b"), DONE), RunningJob(folder, turns=1)
    assert (await first.go()).end == "turn limit"
    begun = server.handed_out
    second = RunningJob(folder, resumes=first.job.session)
    assert (await second.go()).end == "done"
    assert (folder / "b").exists()
    assert len(json.loads(bytes(server.requests[-1].body))["messages"]) > 4
    assert first.tokens == begun
    assert first.tokens + second.tokens == server.handed_out
    assert first.usage.price == second.usage.price / 2
    (folder.parent / "elsewhere").mkdir()
    third = RunningJob(folder.parent / "elsewhere", resumes=second.job.session)
    await third.go()
    assert first.tokens + second.tokens + third.tokens == server.handed_out
    assert third.usage.price == first.usage.price
    assert {request.session for request in server.requests} == {each.job.session for each in (first, second, third)}


async def test_killed_in_the_middle_of_a_tool_call_it_is_an_error_and_can_be_continued(serve, folder: Path) -> None:
    server = serve(write(folder / "a"), bash("touch under-way; sleep 1000"), DONE)
    killed = RunningJob(folder, rules=FREE)
    task = asyncio.create_task(killed.go())
    await until((folder / "under-way").exists)
    for process in killed.processes():
        if b"--session-id=" in (process / "cmdline").read_bytes():
            os.kill(int(process.name), signal.SIGKILL)
    with pytest.raises(AgentError, match="exit status -9"):
        await task
    assert not killed.processes()
    assert killed.tokens == server.handed_out
    after = RunningJob(folder, resumes=killed.job.session)
    assert (await after.go()).end == "done"
    assert killed.tokens + after.tokens == server.handed_out
    assert after.usage.price


async def test_a_folder_or_a_conversation_that_is_gone_and_a_session_id_that_was_used_are_reported(
    serve, folder: Path
) -> None:
    server, trip = serve(DONE), RunningJob(folder)
    await trip.go()
    with pytest.raises(AgentError, match="was used before"):
        await trip.go()
    with pytest.raises(AgentError, match="cannot be continued"):
        await RunningJob(folder, resumes=str(uuid.uuid4())).go()
    with pytest.raises(AgentError, match="is not there"):
        await RunningJob(folder / "nowhere").go()
    assert len(server.requests) == 1


async def test_two_jobs_at_once_keep_out_of_each_others_way(serve, folder: Path, tmp_path: Path) -> None:
    server = serve(bash("touch $(basename $PWD)-was-here"))
    (tmp_path / "other").mkdir()
    trips = [RunningJob(folder, rules=FREE, turns=1), RunningJob(tmp_path / "other", rules=FREE, turns=1)]
    assert {each.end for each in await asyncio.gather(*(trip.go() for trip in trips))} == {"turn limit"}
    assert (folder / "work-was-here").exists()
    assert (tmp_path / "other" / "other-was-here").exists()
    assert trips[0].tokens + trips[1].tokens == server.handed_out


# Keys and logins


async def test_the_key_is_on_no_command_line_in_no_command_of_the_agent_and_in_no_file(
    serve, folder: Path, tabsmith_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEBODYS_TOKEN", "another-secret-one")
    server = serve(bash("env"), HANG)
    trip = RunningJob(folder, rules=FREE)
    task = asyncio.create_task(trip.go())
    await until(lambda: bool(trip.results))
    lines = b"".join((process / "cmdline").read_bytes() for process in trip.processes())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert b"--session-id=" in lines
    assert KEY.encode() not in lines
    assert b"MARK" not in lines
    assert "HOME=" in trip.results[0].text
    assert all(request.has_key for request in server.requests)
    kept = b"".join(path.read_bytes() for path in tabsmith_home.rglob("*") if path.is_file())
    assert b"HOME=" in kept
    assert KEY.encode() not in kept
    assert b"another-secret-one" not in kept


async def test_the_users_own_login_is_used_where_it_is_and_conversations_are_kept_elsewhere(
    serve, folder: Path, claude_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    login = {"accessToken": "sk-ant-oat01-x", "refreshToken": "sk-ant-ort01-x", "expiresAt": 9_999_999_999_999}
    (claude_home / ".claude").mkdir()
    credentials = claude_home / ".claude" / ".credentials.json"
    credentials.write_text(json.dumps({"claudeAiOauth": {**login, "scopes": ["user:inference"]}}))
    server, trip = serve(DONE), RunningJob(folder)
    assert (await trip.go()).end == "done"
    assert server.requests[0].has_key
    assert not list(claude_home.rglob("*.jsonl"))
    assert transcript(trip.job.session) is not None
    assert config_home().stat().st_mode & 0o077 == 0


async def test_a_login_for_the_api_is_used_too(serve, folder: Path, claude_home: Path, monkeypatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    (claude_home / ".claude.json").write_text(json.dumps({"primaryApiKey": KEY}))
    server, trip = serve(bash("env"), DONE), RunningJob(folder, rules=FREE)
    assert (await trip.go()).end == "done"
    assert server.requests[0].has_key
    assert "API_KEY" not in trip.results[0].text
