"""Processes that end with others: a child with its parent, and with a process all that it started.

What the kernel does for this is Linux's; elsewhere each function says what happens instead.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LINUX: Final = sys.platform == "linux"


def die_with_parent(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent dies, where the kernel can do that (Linux).

    Elsewhere a child whose parent is gone ends by itself when it finds nobody to tell.
    """
    if not _LINUX:
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def adopt_orphans() -> None:
    """From now on what a child of this process leaves behind becomes a child of this process (Linux)."""
    if _LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_children() -> None:
    """End every process that this one started, and after `adopt_orphans` what those started too, whatever session
    they moved to. Only for a process about to end: it waits for all of them.

    Elsewhere than on Linux this ends the whole process group, and this process with it when it leads the group.
    """
    if not _LINUX:
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpgrp(), signal.SIGKILL)
        return
    while True:  # the death of one may hand us its children
        for pid in _children(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def kill_marked(mark: str) -> None:
    """End every process that was `find_marked`."""
    while found := find_marked(mark):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def find_marked(mark: str) -> list[int]:
    """Every living process of this user that was given `mark`, a `NAME=VALUE` that is unique, in its environment, or
    whose parent was; found where there is /proc (Linux)."""
    sought = mark.encode()
    return [pid for pid, folder in _processes() if sought in _environment(folder)]


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
    try:
        status = (folder / "stat").read_text(errors="replace")
    except OSError:
        return 0  # it ended meanwhile
    return int(status.rpartition(")")[2].split()[1])  # pid (name) state ppid ...; the name may hold anything
