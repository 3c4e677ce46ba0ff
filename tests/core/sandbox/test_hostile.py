"""Fifty-two commands that try to get out, at every level, as root and as an ordinary user: how many are stopped."""

import asyncio
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tabsmith.sandbox.policy import SandboxLevel
from tabsmith.sandbox.runner import level_works
from tests.core.sandbox.hostile import HOSTILE, leaks
from tests.core.sandbox.people import ordinary_user

ROOT = Path(__file__).resolve().parents[3]

FILES_OUTSIDE = {
    "write outside", "new file outside", "write through a symlink", "write through a symlinked folder",
    "write by climbing up", "write through a hard link", "rename over a file outside", "cut a file outside short",
    "delete outside", "chmod outside", "plant a start-up command", "read a key", "list the home",
    "write to shared memory",
}  # fmt: skip
MAY_LEAK: dict[SandboxLevel, set[str]] = {
    "bubblewrap": set(),
    "landlock": {"chmod outside"},
    "rlimits": {
        *FILES_OUTSIDE, "read another's environment", "kill a process", "stop a process", "change a kernel setting",
    },
}  # fmt: skip
"""Exactly what `describe` says that the level leaves open."""


def skip_without(level: SandboxLevel) -> None:
    if not level_works(level):
        pytest.skip(f"the sandbox level {level} is not on this machine, so nothing of it is tested")


def stopped(found: dict[str, str], level: SandboxLevel) -> None:
    assert set(found) <= MAY_LEAK[level], found


@pytest.mark.parametrize("level", MAY_LEAK)
async def test_only_what_a_level_admits_gets_through(level: SandboxLevel, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without(level)
    monkeypatch.setenv("STAND_IN_API_KEY", "stand-in")
    stopped(await leaks(level), level)


@pytest.mark.skipif(os.getuid() != 0, reason="who runs the tests is an ordinary user already")
@pytest.mark.parametrize("level", MAY_LEAK)
async def test_only_what_a_level_admits_gets_through_for_an_ordinary_user(level: SandboxLevel) -> None:
    skip_without(level)
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to others
        Path(place).chmod(0o755)
        await stopped_for_an_ordinary_user(level, Path(place))


async def stopped_for_an_ordinary_user(level: SandboxLevel, place: Path) -> None:
    python = ordinary_user(place)
    if not python:
        pytest.skip("no Python here that an ordinary user can run with tabsmith")
    line = [*python, "-m", "tests.core.sandbox.hostile", level]
    done = await asyncio.to_thread(subprocess.run, line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stopped(json.loads(done.stdout)[level], level)


async def test_without_a_sandbox_the_same_commands_do_get_what_they_want() -> None:
    harmful = frozenset(FILES_OUTSIDE | {"kill a process", "connect to loopback", "send a datagram", "trace a process"})
    harmful |= {
        "connect to a socket by its path", "connect to an abstract socket", "limit another process", "slow another process",
        "pin another process", "reschedule another process", "keep another process from the disk",
        "share System V memory", "call what nobody has looked at",
    }  # fmt: skip
    assert set(await leaks("none", harmful)) == harmful


def test_there_are_more_than_the_twenty_five() -> None:
    assert len({each.name for each in HOSTILE}) == len(HOSTILE) >= 25
