"""Makes processes end with others, a child with its parent, and everything that a process started with that process;
and says how many cores a process has.

The kernel's help for this is Linux's; each function says what happens on other systems.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_KERNEL_THREAD: Final = 0x00200000  # PF_KTHREAD
_EXEC_SECONDS: Final = 0.005  # between two looks at who shows no environment
_LINUX: Final = sys.platform == "linux"


def available_cores() -> int:
    """The number of cores that this process may use; all of the machine where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_memory() -> int:
    """The bytes of memory that this process may use at most: those of the machine, or of its control group if that is less."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # no control group, or one without a limit ("max")
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return memory


def limit_memory(limit: int) -> None:
    """Let this process and those that it starts have at most `limit` bytes of data each, unless a limit is lower already.

    What asks for more gets a MemoryError, or ends. Only Linux counts all of a process's data.
    """
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    value = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (value, value))


def begin_child(parent: int) -> None:
    """Begin the life of a forked child: it does nothing of its parent's at a signal, and ends with it."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent dies (Linux).

    On other systems a child whose parent is gone ends when its pipes break.
    """
    if not _LINUX:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # the parent died before the call
        os._exit(1)


def adopt_orphans() -> None:
    """Make orphans of this process's children become its own children from now on (Linux)."""
    if _LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_children() -> None:
    """Kill every process that this one started and, after `adopt_orphans`, every process that those started, whatever
    session they moved to. Only for a process that is about to end: this waits for all of them.

    On other systems this kills the whole process group, including this process, if this process leads the group.
    """
    if not _LINUX:
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)
        return
    while True:  # killing one may make its children ours
        for pid in _children(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def kill_marked(mark: str) -> None:
    """Kill every process that `find_marked` finds, now or a moment later: while a process becomes another program, it shows
    no environment."""
    looked_at: set[int] = set()
    while True:
        blank = set(_without_environment()) - looked_at
        pids = find_marked(mark)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not pids and not blank:
            return
        looked_at |= blank
        time.sleep(_EXEC_SECONDS)


def find_marked(mark: str) -> list[int]:
    """Return the ids of this user's living processes with `mark`, a unique `NAME=VALUE`, in their environment. Children
    inherit it. Only Linux has /proc to look this up; the list is empty on other systems."""
    variable = mark.encode()
    return [pid for pid, folder in _processes() if variable in _environment(folder)]


def _without_environment() -> list[int]:
    """The ids of this user's living programs that show no environment: most are just being started."""
    return [
        pid
        for pid, folder in _processes()
        if _environment(folder) == [b""] and (status := _status(folder)) and status[0] not in "ZX"
        if not int(status[6]) & _KERNEL_THREAD
    ]


def _processes() -> list[tuple[int, Path]]:
    return [(int(folder.name), folder) for folder in Path("/proc").glob("[0-9]*")]


def _environment(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")  # a zombie's is empty
    except OSError:
        return []  # it ended meanwhile, or is another user's


def _children(parent: int) -> list[int]:
    return [pid for pid, folder in _processes() if _parent(folder) == parent]


def _parent(folder: Path) -> int:
    status = _status(folder)
    return int(status[1]) if status else 0


def _status(folder: Path) -> list[str]:
    """The fields of a process from its state on: state, parent ..., flags as the seventh; empty if it ended meanwhile."""
    try:
        status = (folder / "stat").read_text(errors="replace")
    except OSError:
        return []
    return status.rpartition(")")[2].split()  # pid (name) state ...; the name may hold anything
