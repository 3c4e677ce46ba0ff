"""Which sandbox levels work on this machine, tried out, and what each of them stops and leaves open."""

import functools
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import SandboxError
from tabsmith.sandbox import landlock
from tabsmith.sandbox.policy import LEVELS, SandboxLevel, SandboxPolicy, is_at_least
from tabsmith.sandbox.runner import scratch_folder, wrap_command

_TRIAL_SECONDS: Final = 10.0


class LevelDescription(msgspec.Struct, frozen=True):
    """A level in words, to show."""

    title: str
    stops: tuple[str, ...]
    leaves: tuple[str, ...]
    """What a hostile command could still do."""


@functools.cache
def detect_level() -> SandboxLevel:
    """Return the strongest level at which a command really runs and really cannot write outside. Tried once per process.

    "none" if not even limits can be set, which the user should be told.
    """
    return next((level for level in LEVELS[:-1] if level_works(level)), "none")


@functools.cache
def level_works(level: SandboxLevel) -> bool:
    """Whether a command starts at this level, and is confined as far as this level goes. Tried once per process."""
    with tempfile.TemporaryDirectory(prefix="tabsmith-trial-") as outside, scratch_folder() as scratch:
        folder, mark = Path(scratch, "tmp"), Path(outside, "written")
        line = ("/bin/sh", "-c", 'echo in > here && echo started; echo out > "$1"', "sh", str(mark))
        wrapped = wrap_command(line, folder, SandboxPolicy(seconds=_TRIAL_SECONDS), level, Path(scratch))
        try:
            tried = subprocess.run(
                wrapped.argv,
                env=wrapped.environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_TRIAL_SECONDS + 2,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        started = tried.stdout == b"started\n"
        return started and (mark.exists() if level in ("rlimits", "none") else not mark.exists())


def require_level(least: SandboxLevel) -> SandboxLevel:
    """Return the strongest level here. Raises SandboxError if it is weaker than `least`."""
    level = detect_level()
    if not is_at_least(level, least):
        raise SandboxError(
            f"Commands would run at the sandbox level {level!r} here, and at least {least!r} is asked for.",
            next_step="Install bubblewrap, or allow the weaker level." if sys.platform == "linux" else "Allow it.",
        )
    return level


def describe_level(level: SandboxLevel) -> LevelDescription:
    """Return what this level stops on this machine, and what it leaves open."""
    match level:
        case "bubblewrap":
            return LevelDescription(
                "bubblewrap: a file tree, processes and a network of its own",
                (
                    "reading, writing or changing any file outside its folder, beyond the system's programs",
                    "seeing, signalling or inspecting any process outside",
                    "every network connection, to this machine's own ports as well, unless the network is allowed",
                    "more memory, processes, time, output or disk than allowed",
                ),
                (
                    "a flaw in the kernel itself",
                    "with the network allowed: every server that this machine reaches, and this machine's own",
                    "limits on memory, processes and disk of all together act within about a tenth of a second",
                ),
            )
        case "landlock":
            return LevelDescription(
                f"Landlock (version {landlock.landlock_version()} in this kernel): files and network fenced off by the kernel",
                _landlock_stops(),
                _landlock_leaves(),
            )
        case "rlimits":
            return LevelDescription(
                "limits only: no wall around files",
                _limits_stop(),
                (
                    "reading and writing every file that you can, keys and mail as well",
                    "signalling your other processes" + _reading_environments(),
                    "stopping the process that watches over it, until the time is up",
                    *(() if sys.platform == "linux" else ("every network connection", "memory of many processes")),
                ),
            )
        case "none":
            return LevelDescription(
                "no sandbox: the command runs as you",
                ("more time, memory, processes, output or disk than allowed, unless it hides from that",),
                ("everything that you can do yourself",),
            )


def _limits_stop() -> tuple[str, ...]:
    if sys.platform != "linux":
        return ("more memory in one process, time or output than allowed, unless it hides from that",)
    return (
        "every network connection, unless the network is allowed",
        "mounting, debugging other processes, gaining rights, what else only root may do",
        "more memory, processes, time, output or disk than allowed",
        "processes left behind",
    )


def _landlock_stops() -> tuple[str, ...]:
    version = landlock.landlock_version()
    return (
        "reading or writing any file outside its folder, beyond the system's programs",
        *(("signalling processes outside",) if version >= 6 else ()),
        "reading the memory or the environment of processes outside",
        "shared memory, which Python's process pools need",
        *_limits_stop(),
    )


def _landlock_leaves() -> tuple[str, ...]:
    version = landlock.landlock_version()
    return (
        "changing the mode, owner or times of files outside that are yours",
        "seeing that files and processes outside exist, with their command lines",
        *(("signalling your processes outside",) if version < 6 else ()),
        "with the network allowed: every server that this machine reaches, and its own sockets",
        "a flaw in the kernel itself",
    )


def _reading_environments() -> str:
    return " and reading their environment" if sys.platform == "linux" else ""
