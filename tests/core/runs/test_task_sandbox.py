"""What the commands of a task may do: the sandbox of a run, what its agent's commands cannot, and who says yes."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tabsmith.orchestration.decisions import AllowTool
from tabsmith.runs.events import Answer
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.supervisor import command_offset
from tabsmith.sandbox.policy import SandboxPolicy
from tabsmith.sandbox.runner import detect_level, level_works, wrap_command
from tabsmith.tasks import TaskPermissions
from tests.core.runs import conftest
from tests.core.runs.conftest import KEY, Begin, ended, until
from tests.core.runs.scripted import Asked
from tests.core.runs.tasking import DONE, bash, books_balance, task
from tests.peers.model_server import Tokens

pytest.importorskip("claude_agent_sdk", reason="the extra claude-code is not installed")

ACP = Path(sys.prefix) / "peers" / "node_modules" / ".bin" / "claude-agent-acp"
ANYTHING = TaskPermissions(run=("*",))
walls = pytest.mark.skipif(
    detect_level() not in ("bubblewrap", "landlock"),
    reason=f"no sandbox with walls on this machine, only {detect_level()}",
)


@walls
def test_a_command_of_the_agent_reaches_nothing_outside_of_its_folder(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_text("MARK-stand-in-key")
    heard = socket.create_server(("127.0.0.1", 0))
    heard.settimeout(0)
    port = heard.getsockname()[1]
    hostile = [
        "echo inside > inside",
        f"echo out > {outside}/written",
        f"cat {outside}/key > key",
        f"ln -s {outside}/key link; cat link > linked; rm -f link",
        f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo > connected",
        "env > environment",
        "for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; done > environments",
        f"cat {tmp_path}/tabsmith-home/runs/*/run.json > run",
        "true",
    ]
    script = "\n".join(f"( {each} )" for each in hostile)
    server = claude([bash(script), DONE])
    run = ended(begin(task(tmp_path / "walled", "test -e inside", may=ANYTHING)))

    assert run.outcome == "success", run.log
    assert run.tasks[0].level == detect_level()
    made = {path.name: path.read_text() for path in (tmp_path / "walled").iterdir()}
    assert made["inside"] == "inside\n"
    assert "PATH=" in made["environment"]
    assert not made.get("key")
    assert not made.get("linked")
    assert not made.get("run")
    assert "connected" not in made
    with pytest.raises(BlockingIOError):
        heard.accept()
    heard.close()
    assert KEY not in "".join(made.values())
    assert not (outside / "written").exists()
    books_balance(run, server)


@walls
def test_the_acceptance_command_reaches_nothing_outside_of_the_folder_either(
    begin: Begin, claude: Asked, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("MARK-stand-in-key")
    claude([DONE])
    accept = f"cat {tmp_path}/key; echo out > {tmp_path}/written; env; false"
    run = ended(begin(task(tmp_path / "walled", accept), iterations=1))
    work = run.trials[0].work
    assert work is not None
    assert work.acceptance is not None
    assert work.acceptance.level == detect_level()
    assert "PATH=" in work.acceptance.output
    assert "MARK" not in work.acceptance.output
    assert KEY not in work.acceptance.output
    assert not (tmp_path / "written").exists()


@pytest.fixture
def without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine on which only Landlock works: whoever is in Landlock cannot mount, and so has no bubblewrap."""
    if not level_works("landlock"):
        pytest.skip("this kernel has no Landlock")
    started: list[subprocess.Popen[bytes]] = []
    own = tmp_path / "own"
    own.mkdir()

    def start(folder: RunFolder) -> None:
        everything = SandboxPolicy(
            writable=(Path("/"),), network="all", seconds=None, processes=4_096, memory_mb=16_384
        )
        worker = (sys.executable, "-m", "tabsmith.runs.worker", folder.id, str(command_offset(folder)))
        command = wrap_command(worker, tmp_path, everything, "landlock", own).argv
        with folder.log.open("ab") as log:
            started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    monkeypatch.setattr(conftest, "start_run", start)
    yield
    for each in started:
        each.wait(20)


def test_below_the_level_asked_for_nothing_runs_when_nobody_is_to_be_asked(
    begin: Begin, claude: Asked, tmp_path: Path, without_bubblewrap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_TASKS__SANDBOX", "bubblewrap")
    server = claude([DONE])
    run = ended(begin(task(tmp_path / "weak", "true")))
    assert run.outcome == "failed"
    assert run.error is not None
    assert "bubblewrap is asked for" in run.error.what
    assert "tabsmith config set tasks.sandbox" in run.error.next_step
    assert not server.requests


@pytest.mark.parametrize("allowed", ["once", "no"])
def test_below_the_level_asked_for_a_person_is_asked(
    allowed: str, begin: Begin, claude: Asked, tmp_path: Path, without_bubblewrap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_TASKS__SANDBOX", "bubblewrap")
    server = claude([DONE])
    folder = begin(task(tmp_path / "weak", "true"), mode="confirm")
    question = until(folder, lambda run: run.question is not None).question
    assert question is not None
    assert question.cause == "permission"
    assert "bubblewrap is asked for" in question.what
    folder.send(Answer(id=question.id, reply=AllowTool(allowed)))  # type: ignore[arg-type]
    run = ended(folder)
    assert (run.outcome, len(server.requests)) == (("success", 1) if allowed == "once" else ("failed", 0))
    assert [each.level for each in run.tasks] == [("landlock" if run.outcome == "success" else "")]


def test_an_acp_agent_does_a_task(begin: Begin, claude: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("node") is None or not ACP.exists():
        pytest.skip("node and claude-agent-acp are not on this machine: `make peers` installs it, and needs npm")
    monkeypatch.setenv("TABSMITH_AGENTS__ACP__COMMAND", str(ACP))
    server = claude([bash("touch made"), DONE])
    run = ended(begin(task(tmp_path / "acp", "test -e made", agent="acp", may=ANYTHING), iterations=1))
    assert run.outcome == "success", run.log
    assert all(session.foreign for session in run.sessions)
    told = server.handed_out
    assert (run.usage.input_tokens, run.usage.output_tokens) == (told.input, told.output)
    assert told != Tokens()
