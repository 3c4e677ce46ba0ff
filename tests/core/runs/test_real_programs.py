"""Whole runs whose agents are real programs: Claude Code, an ACP agent by another maker, and Anthropic's client."""

import os
import shutil
import sys
import time
from decimal import Decimal
from pathlib import Path

import psutil
import pytest

from tabsmith.agents.usage import NO_USAGE
from tabsmith.orchestration.history import open_history
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Limits, ModelChoice
from tests.core.runs.champions import champion_by_the_rule
from tests.core.runs.conftest import KEY, Start, until
from tests.core.runs.scripted import Asked, as_told, ridge
from tests.peers.model_server import Fault, Step, Tokens, reply

PEER = Path(sys.prefix) / "peers" / "node_modules" / ".bin" / "claude-agent-acp"
BAD = {"recipe": {"family": "linear", "derived": [{"name": "x", "sql": "read_csv('/etc/passwd')"}]}, "reason": "look"}
TOKENS = Tokens(input=900, output=60, cache_read=31, cache_write=17)


class Witness:
    """Sees every command line on the machine while a run is under way."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.lines: set[bytes] = set()

    def look(self) -> None:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                self.lines.add((folder / "cmdline").read_bytes())
            except OSError:
                continue

    def family(self) -> list[psutil.Process]:
        """What lives of the programs that the run started: not the warm spare, nor the scripted server."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                    continue
                ours = process.environ().get("TABSMITH_HOME") == str(self._home)
                if ours and not set(process.cmdline()) & {
                    "tabsmith.runs.fork_server",
                    "fork server",
                    "tests.peers.model_server",
                }:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def watched(folder: RunFolder, home: Path) -> tuple[RunSnapshot, Witness]:
    """The run at its end, and what could be seen of it from outside."""
    witness = Witness(home)

    def over(run: RunSnapshot) -> bool:
        witness.look()
        return run.state.ended

    run = until(folder, over, 120, every=0.05)  # a program's command line is there for as long as it works
    deadline = time.monotonic() + 20
    while folder.alive() or witness.family():
        assert time.monotonic() < deadline, f"left behind: {witness.family()}"
        time.sleep(0.01)
    return run, witness


def choice(agent: str, iterations: int) -> ModelChoice:
    return ModelChoice(agent=agent, limits=Limits(seconds=240, iterations=iterations), cores=1)  # type: ignore[arg-type]


def no_key_in(home: Path) -> bool:
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "events.jsonl" for path in files)
    return not [path for path in files if KEY.encode() in path.read_bytes()]


def steps() -> list[Step]:
    """Four recipes, of which the second is refused."""
    good = [reply(each.json, TOKENS) for each in ridge(3)]
    return [good[0], reply(BAD, TOKENS), *good[1:]]


def test_claude_code_works_through_a_run_and_is_counted_to_the_token(
    start: Start, claude: Asked, tabsmith_home: Path
) -> None:
    first, *others = steps()
    server = claude([first, Fault("status", 529), *others])
    folder = start(choice("claude-code", 4))
    run, witness = watched(folder, tabsmith_home)

    assert (run.outcome, run.exit_reason) == ("success", "iterations")
    assert [each.state for each in run.trials] == ["scored", "refused", "scored", "scored"]
    assert [each.agent for each in run.trials] == ["claude-code"] * 4
    assert [each.trouble for each in run.sessions] == ["", "rate limit", "", "", ""]
    assert as_told(run.usage) == server.handed_out
    assert run.usage == sum((each.usage for each in run.sessions), NO_USAGE)
    assert run.usage.cost > Decimal(0)
    ids = [each.id for each in run.sessions]
    assert len(set(ids)) == len(ids)
    assert list(dict.fromkeys(request.session for request in server.requests)) == ids
    assert run.champion == champion_by_the_rule(run)
    assert [record.sessions for record in open_history().read().values] == [
        tuple(each.id for each in run.sessions if each.iteration == iteration) for iteration in (1, 2, 3, 4)
    ]
    for request, before in zip(server.requests[-3:], run.trials, strict=False):
        assert _json(before.feedback) in bytes(request.body).decode()

    assert any(f"--session-id={ids[0]}".encode() in line for line in witness.lines)
    assert not any(KEY.encode() in line for line in witness.lines)
    assert no_key_in(tabsmith_home)
    assert not [path for path in Path(os.environ["TMPDIR"]).iterdir() if path.name.startswith("tabsmith-")]


def test_an_acp_agent_by_another_maker_works_through_a_run_and_its_own_session_ids_are_kept(
    start: Start, claude: Asked, tabsmith_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not on this machine: the real agent claude-agent-acp cannot run")
    if not PEER.exists():
        pytest.skip("claude-agent-acp is not installed: `make peers` installs it, and needs npm")
    monkeypatch.setenv("TABSMITH_AGENTS__ACP__COMMAND", str(PEER))
    server = claude(steps())
    folder = start(choice("acp", 4))
    run, witness = watched(folder, tabsmith_home)

    assert (run.outcome, run.exit_reason) == ("success", "iterations")
    assert [each.state for each in run.trials] == ["scored", "refused", "scored", "scored"]
    told, counted = server.handed_out, run.usage
    assert (counted.input_tokens, counted.output_tokens) == (told.input, told.output)
    assert (counted.cache_read_tokens, counted.cache_write_tokens) == (told.cache_read, told.cache_write)
    assert counted.turns == told.calls == len(run.sessions) == 4
    assert counted == sum((each.usage for each in run.sessions), NO_USAGE)
    assert counted.cost > Decimal(0)
    assert len({each.id for each in run.sessions}) == 4
    foreign = [each.foreign for each in run.sessions]
    assert all(foreign)
    assert len({*foreign, *(each.id for each in run.sessions)}) == 8
    assert run.champion == champion_by_the_rule(run)

    assert any(b"claude-agent-acp" in line for line in witness.lines)
    assert not any(KEY.encode() in line for line in witness.lines)
    assert no_key_in(tabsmith_home)


def test_a_model_of_anthropic_works_through_a_run_and_is_counted_to_the_token(
    start: Start, claude: Asked, tabsmith_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = steps()
    server = claude([first, Fault("status", 529), *others])
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "anthropic:claude-sonnet-4-5")
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"http://127.0.0.1:{server.port}")
    folder = start(choice("llm", 4))
    run, witness = watched(folder, tabsmith_home)

    assert (run.outcome, run.exit_reason) == ("success", "iterations")
    assert [each.state for each in run.trials] == ["scored", "refused", "scored", "scored"]
    assert [each.trouble for each in run.sessions] == ["", "rate limit", "", "", ""]
    assert {request.path for request in server.requests} <= {"/v1/messages", "/v1/messages?beta=true"}
    assert all(request.has_key for request in server.requests)
    assert as_told(run.usage) == server.handed_out
    assert run.usage.unpriced == 0
    assert run.usage.cost > Decimal(0)
    assert run.champion == champion_by_the_rule(run)
    assert not any(KEY.encode() in line for line in witness.lines)
    assert no_key_in(tabsmith_home)


def _json(text: str) -> str:
    import msgspec

    return msgspec.json.encode(text).decode()[1:-1]
