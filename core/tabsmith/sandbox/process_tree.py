"""All processes below this one: what they use together, and their end. Read from /proc; elsewhere than on Linux nothing
is seen of them, and the limits of each process are what there is."""

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Final, NamedTuple

_LINUX: Final = sys.platform == "linux"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class ProcessUsage(NamedTuple):
    """What the processes use at this moment."""

    pids: tuple[int, ...] = ()
    tasks: int = 0
    """Threads of all processes."""
    resident: int = 0
    """Bytes, with what they share counted for each: never too little."""
    cpu_seconds: float = 0.0
    """Of those alive and of the children that they waited for."""


def measure_usage() -> ProcessUsage:
    """What all processes below this one use. This process must have adopted orphans, or some are not below it."""
    if not _LINUX:
        return ProcessUsage()
    children: dict[int, list[tuple[int, list[str]]]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - twenty times a second
        if name.isdigit() and (found := _stat(name)):
            children.setdefault(int(found[1]), []).append((int(name), found))
    below, todo = ProcessUsage(), [os.getpid()]
    pids: list[int] = []
    while todo:
        for pid, numbers in children.get(todo.pop(), ()):
            todo.append(pid)
            pids.append(pid)
            below = ProcessUsage(
                (),
                below.tasks + int(numbers[17]),
                below.resident + int(numbers[21]) * _PAGE,
                below.cpu_seconds + sum(map(int, numbers[11:15])) / _TICKS,
            )
    return below._replace(pids=tuple(pids))


def shared_memory(pids: tuple[int, ...]) -> int:
    """Bytes that these processes hold together, with what they share counted once. Dearer than `measure_usage`."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
    return total


def count_user_tasks() -> int:
    """Processes and threads that this user has: what the kernel counts against RLIMIT_NPROC."""
    user, total = os.getuid(), 0
    for folder in Path("/proc").glob("[0-9]*") if _LINUX else ():
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == user and (found := _stat(folder.name)):
                total += int(found[17])
    return total


def end_processes(leader: int) -> None:
    """End every process below this one, whatever session it moved to, and wait for all of them. `leader` leads the
    first session, which is all that is reached elsewhere than on Linux."""
    while True:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        for pid in measure_usage().pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            if _LINUX:
                signal.sigtimedwait((signal.SIGCHLD,), 0.02)
            else:
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _stat(pid: str) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on: state, parent, ...; empty when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return file.read(2_048).rpartition(b")")[2].decode().split()
    except OSError:
        return []
