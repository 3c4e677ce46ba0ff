"""Ordinary commands in a sandbox, and what is told of them."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tabsmith.errors import SandboxError, SandboxProgramError
from tabsmith.sandbox.policy import LEVELS, CommandEnd, SandboxLevel, SandboxPolicy
from tabsmith.sandbox.runner import detect_level, level_works, run_command, scratch_folder, wrap_command

QUICK = SandboxPolicy(seconds=30.0)
LASTING = f"41.{os.getpid()}"  # seconds, by which the processes of this test process are told from those of others


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> SandboxLevel:
    """Every level that is here."""
    if not level_works(request.param):
        pytest.skip(f"the sandbox level {request.param} is not on this machine, so nothing of it is tested")
    return request.param


def running(seconds: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if seconds.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(folder.name)
    return found


async def test_a_command_ends_with_its_own_status_and_its_output_is_heard_by_line(
    level: SandboxLevel, tmp_path: Path
) -> None:
    heard: list[str] = []
    outcome = await run_command(
        "echo one; echo two >&2; printf '\\033[2Jthree'; exit 7", tmp_path, QUICK, level, heard.append
    )
    assert (outcome.ended, outcome.status, outcome.passed, outcome.level) == ("exit", 7, False, level)
    assert heard == ["one", "two", "three"]
    assert str(outcome.output) == "one\ntwo\nthree"
    assert outcome.peak_mb is not None
    assert outcome.peak_mb > 0


async def test_a_signal_gives_the_status_that_a_shell_gives(level: SandboxLevel, tmp_path: Path) -> None:
    outcome = await run_command((sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"), tmp_path, QUICK, level)
    assert (outcome.ended, outcome.status) == ("exit", 137)


async def test_tests_run_in_the_folder(level: SandboxLevel, tmp_path: Path) -> None:
    (tmp_path / "test_sum.py").write_text("def test_sum():\n    assert 1 + 1 == 2\n")
    line = (sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio")
    outcome = await run_command(line, tmp_path, QUICK, level)
    assert outcome.passed, outcome
    assert "1 passed" in str(outcome.output)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
async def test_git_works_in_the_folder(level: SandboxLevel, tmp_path: Path) -> None:
    line = "git init -q . && touch a && git add a && git -c user.name=a -c user.email=b commit -qm a && git status -s"
    assert (await run_command(line, tmp_path, QUICK, level)).passed
    assert (tmp_path / ".git").is_dir()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not here")
async def test_node_works(level: SandboxLevel, tmp_path: Path) -> None:
    outcome = await run_command(
        ("node", "-e", "new WebAssembly.Memory({initial: 9}); console.log(6 * 7)"), tmp_path, QUICK, level
    )
    assert str(outcome.output) == "42\n", outcome


async def test_a_pipeline_has_a_home_and_a_place_for_temporary_files(level: SandboxLevel, tmp_path: Path) -> None:
    line = 'f=$(mktemp) && seq 5 | sort -r >"$f" && head -1 "$f" && touch "$HOME/mine" && echo "$HOME"'
    outcome = await run_command(line, tmp_path, QUICK, level)
    first, home = str(outcome.output).split()
    assert first == "5"
    assert not Path(home).exists(), "what the command left in its home is gone with it"


async def test_the_network_is_there_when_it_is_allowed(level: SandboxLevel, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        line = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        outcome = await run_command(
            (sys.executable, "-c", line), tmp_path, SandboxPolicy(network="all", seconds=30.0), level
        )
    assert outcome.passed, outcome


async def test_named_places_can_be_read_and_written_and_no_others(level: SandboxLevel, tmp_path: Path) -> None:
    for name in ("work", "given", "kept", "secret"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    policy = SandboxPolicy(readable=(tmp_path / "given",), writable=(tmp_path / "kept",), seconds=30.0)
    line = "cat ../given/file; echo new >../kept/new; echo x >../given/x; cat ../secret/file"
    outcome = await run_command(line, tmp_path / "work", policy, level)
    assert (tmp_path / "kept/new").read_text() == "new\n"
    assert "given" in str(outcome.output)
    if level in ("bubblewrap", "landlock"):
        assert not (tmp_path / "given/x").exists()
        assert "secret\n" not in str(outcome.output).replace("../secret", "")
        assert outcome.status != 0


@pytest.mark.parametrize(
    ("line", "policy", "ended"),
    [
        ("sleep 20", SandboxPolicy(seconds=0.2), "timeout"),
        ("kill -STOP $$", SandboxPolicy(seconds=0.2), "timeout"),
        ("yes", SandboxPolicy(output_bytes=100_000), "output"),
        ("while :; do :; done", SandboxPolicy(cpu_seconds=0.3), "cpu"),
        ("for i in 1 2 3 4 5 6 7 8 9; do sleep 20 & done; wait", SandboxPolicy(processes=5), "processes"),
    ],
)
async def test_a_limit_is_named(tmp_path: Path, line: str, policy: SandboxPolicy, ended: CommandEnd) -> None:
    outcome = await run_command(line, tmp_path, policy, "none")
    assert (outcome.ended, outcome.status) == (ended, None)


async def test_of_much_output_the_beginning_and_the_end_are_kept(tmp_path: Path) -> None:
    outcome = await run_command("seq 100000", tmp_path, SandboxPolicy(kept_bytes=2_000, seconds=30.0), detect_level())
    output = outcome.output
    assert output.bytes == 588_895
    assert output.left_out == 586_895
    assert output.head.startswith("1\n2\n")
    assert output.tail.endswith("99999\n100000\n")


async def test_variables_pass_by_name_only(
    level: SandboxLevel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "stand-in-key")
    monkeypatch.setenv("NAMED", "passes")
    policy = SandboxPolicy(variables=("PATH", "NAMED"), seconds=30.0)
    shown = str((await run_command("env", tmp_path, policy, level)).output)
    assert "NAMED=passes" in shown
    assert "stand-in-key" not in shown


async def test_cancelled_it_leaves_nothing_behind(level: SandboxLevel, tmp_path: Path) -> None:
    started = asyncio.Event()
    line = f"setsid sleep {LASTING} & echo started; sleep {LASTING}"
    task = asyncio.create_task(run_command(line, tmp_path, QUICK, level, lambda line: started.set()))
    await asyncio.wait_for(started.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running(LASTING) == []


async def test_what_the_listener_raises_ends_the_command_and_is_raised(tmp_path: Path) -> None:
    def hear(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="one"):
        await run_command(f"echo one; sleep {LASTING}", tmp_path, QUICK, detect_level(), hear)
    assert running(LASTING) == []


async def test_a_missing_program_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SandboxProgramError, match="'no-such-program'"):
        await run_command(("no-such-program",), tmp_path, QUICK, detect_level())
    with pytest.raises(SandboxError, match="folder"):
        await run_command(("true",), tmp_path / "nowhere", QUICK, detect_level())


async def test_a_wrapped_program_talks_over_its_own_pipes_and_ends_with_them(
    level: SandboxLevel, tmp_path: Path
) -> None:
    with scratch_folder() as own:
        wrapped = wrap_command(("cat",), tmp_path, SandboxPolicy(seconds=None), level, Path(own))
        process = await asyncio.create_subprocess_exec(
            *wrapped.argv, cwd=wrapped.folder, env=wrapped.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(b"hello"), 20)
    assert (out, process.returncode) == (b"hello", 0)


async def test_a_wrapped_program_takes_further_arguments_and_says_on_stderr_which_limit_ended_it(
    level: SandboxLevel, tmp_path: Path
) -> None:
    with scratch_folder() as own:
        wrapped = wrap_command(("/bin/sh",), tmp_path, SandboxPolicy(seconds=0.3), level, Path(own))
        process = await asyncio.create_subprocess_exec(
            *wrapped.argv, "-c", "sleep 20", cwd=wrapped.folder, env=wrapped.environment, stderr=subprocess.PIPE
        )
        _, told = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 137
    assert b"limit: timeout" in told


@pytest.mark.parametrize("number", [15, 9])
async def test_a_wrapped_program_ends_with_its_launcher(level: SandboxLevel, tmp_path: Path, number: int) -> None:
    with scratch_folder() as own:
        line = ("/bin/sh", "-c", f"echo started; exec sleep {LASTING}")
        wrapped = wrap_command(line, tmp_path, SandboxPolicy(seconds=None), level, Path(own))
        process = await asyncio.create_subprocess_exec(
            *wrapped.argv, cwd=wrapped.folder, env=wrapped.environment, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"started\n"
        process.send_signal(number)
        assert await asyncio.wait_for(process.stdout.read(), 20) == b"", "the pipe closes when the program has ended"
        await process.wait()
    async with asyncio.timeout(5):
        while running(LASTING):
            await asyncio.sleep(0.01)
