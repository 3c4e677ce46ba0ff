"""All processes below this one: measures what they use and write to disk together, and ends them. Read from /proc; on other
systems than Linux no process is measured, and only the limits of each process apply."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

_LINUX: Final = sys.platform == "linux"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class ProcessUsage(NamedTuple):
    """What the processes use at one moment."""

    pids: tuple[int, ...] = ()
    tasks: int = 0
    """Threads of all processes."""
    resident: int = 0
    """Bytes; shared memory counts for each process, so this is never too low."""
    cpu_seconds: float = 0.0
    """Of living processes and of the children that they waited for."""


def measure_usage() -> ProcessUsage:
    """Measure all processes below this one. It must have adopted orphans, or some of them are not below it."""
    if not _LINUX:
        return ProcessUsage()
    children: dict[int, list[tuple[int, list[str]]]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - quicker, twenty times a second
        if name.isdigit() and (fields := _stat(name)):
            children.setdefault(int(fields[1]), []).append((int(name), fields))
    usage, todo = ProcessUsage(), [os.getpid()]
    pids: list[int] = []
    while todo:
        for pid, stat in children.get(todo.pop(), ()):
            todo.append(pid)
            pids.append(pid)
            usage = ProcessUsage(
                (),
                usage.tasks + int(stat[17]),
                usage.resident + int(stat[21]) * _PAGE,
                usage.cpu_seconds + sum(map(int, stat[11:15])) / _TICKS,
            )
    return usage._replace(pids=tuple(pids))


def shared_memory(pids: tuple[int, ...]) -> int:
    """Return the bytes that these processes hold together, with shared memory counted once. Slower than
    `measure_usage`."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
    return total


def count_user_tasks() -> int:
    """Count this user's processes and threads, as the kernel does for RLIMIT_NPROC."""
    user, total = os.getuid(), 0
    for folder in Path("/proc").glob("[0-9]*") if _LINUX else ():
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == user and (fields := _stat(folder.name)):
                total += int(fields[17])
    return total


def end_processes(leader: int) -> None:
    """Kill every process below this one, whatever session it moved to, and wait for all of them.

    `leader` leads the first session; on other systems than Linux only that session is killed.
    """
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
    """The fields of /proc/<pid>/stat from the state on (state, parent, ...); [] if the process has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return file.read(2_048).rpartition(b")")[2].decode().split()
    except OSError:
        return []


_REST_FACTOR: Final = 20.0  # a look at the files is followed by a rest of this many times its duration


class DiskUsage:
    """The bytes and the files written in some folders from now on."""

    def __init__(self, folders: Sequence[str], most_bytes: int, most_files: int) -> None:
        self._folders = folders
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._since = time.time_ns()
        self._next = 0.0
        self._used = self._filled()

    def over_limit(self) -> Literal["disk", "files"] | None:
        """Return the limit that the files which changed since the start are together over; None if they are within both."""
        started = time.monotonic()
        if started < self._next:
            return None
        filled, used = self._filled(), self._used
        if filled.bytes - used.bytes <= self._most_bytes and filled.files - used.files <= self._most_files:
            return None
        written, files = 0, 0
        for size in self._changed():
            written += size
            files += 1
        self._next = time.monotonic() + _REST_FACTOR * (time.monotonic() - started)
        if written > self._most_bytes:
            return "disk"
        return "files" if files > self._most_files else None

    def _filled(self) -> "_Filled":
        """What is in use on the file systems of all folders. A file system without a fixed number of files (btrfs) reports
        none in use, and there the disk space that files take is the limit."""
        systems = {}
        for folder in self._folders:
            try:
                system = os.statvfs(folder)
            except OSError:
                continue  # the command removed it
            systems[system.f_fsid] = system
        return _Filled(
            sum((each.f_blocks - each.f_bfree) * each.f_frsize for each in systems.values()),
            sum(each.f_files - each.f_ffree for each in systems.values()),
        )

    def _changed(self) -> Iterator[int]:
        """The sizes on disk of the files and folders that changed."""
        seen: set[tuple[int, int]] = set()
        for folder in self._folders:
            for _, folders, names, descriptor in os.fwalk(folder):
                for name in (*names, *folders):
                    try:
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    except OSError:
                        continue  # the command removed it
                    if status.st_ctime_ns >= self._since and (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        yield status.st_blocks * 512


class _Filled(NamedTuple):
    bytes: int
    files: int
