"""Locks between processes that end with their owner: flock on files that are never deleted.

The kernel drops an flock when its process dies, however it dies, so there is no stale lock to clean up and no guess
about a process number. The holder's process number and start time are written into the lock file only to be shown.

An flock belongs to the open file, and a forked child shares the open files of its parent. So that a child that
outlives a killed parent does not keep the parent's locks alive, every forked child closes the lock files that its
parent had open. Children started by exec are safe, because Python opens every file close-on-exec.
"""

import fcntl
import os
import random
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from tabsmith.errors import LockedError
from tabsmith.storage.files import make_folder, storage_error
from tabsmith.text import clean

_open_descriptors: Final[set[int]] = set()
_fork_guard: Final = threading.RLock()  # held through a fork, so that no descriptor is open and not yet known


def open_lock_file(path: Path, flags: int) -> int:
    """A new descriptor of `path`, which every child forked from now on closes. Raises OSError."""
    with _fork_guard:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        _open_descriptors.add(descriptor)
    return descriptor


def close_lock_file(descriptor: int) -> None:
    """Close a descriptor that `open_lock_file` returned."""
    with _fork_guard:
        _open_descriptors.discard(descriptor)
        os.close(descriptor)


def _close_in_child() -> None:
    for descriptor in _open_descriptors:
        os.close(descriptor)
    _open_descriptors.clear()
    _fork_guard.release()


os.register_at_fork(before=_fork_guard.acquire, after_in_parent=_fork_guard.release, after_in_child=_close_in_child)


_FIRST_PAUSE: Final = 0.0002
_LONGEST_PAUSE: Final = 0.01
_PROBE_TIMEOUT: Final = 5.0  # seconds for processes that only ask for the owner, each for microseconds, to finish
_RECORD_TIMEOUT: Final = 0.5  # seconds for a new owner to write its record after it took the lock
_RECORD_SIZE: Final = 96  # a fixed size, so that it is written over: truncating costs ten times as much


class LockOwner(msgspec.Struct, frozen=True):
    """The holder of a lock: its process number (0 if unknown), and since when it holds it (seconds since 1970)."""

    pid: int
    started_at: float


class _HeldLocks(threading.local):
    """The descriptors of the locks that the running thread holds, by path."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.descriptors: dict[str, int] = {}

    def of_this_process(self) -> dict[str, int]:
        if self.pid != os.getpid():  # a forked child owns nothing of its parent's
            self.pid = os.getpid()
            self.descriptors = {}
        return self.descriptors


_held_locks: Final = _HeldLocks()


class FileLock:
    """A short lock for one read-modify-write, between threads and processes.

    >>> with FileLock(path):
    ...     ...

    Entering waits up to `timeout` seconds, then raises LockedError naming the holder. A thread that enters a lock
    which it already holds would wait for itself: entering raises RuntimeError at once, because the program is wrong.
    """

    def __init__(self, path: Path, *, timeout: float = 10.0) -> None:
        self.path = path
        self.timeout = timeout
        self._key = os.path.abspath(path)  # noqa: PTH100 - resolving links would cost a call per part

    def __enter__(self) -> Self:
        held = _held_locks.of_this_process()
        if self._key in held:
            raise RuntimeError(f"this thread already holds the lock {self.path}")
        deadline = time.monotonic() + self.timeout
        pause = _FIRST_PAUSE
        while (descriptor := _try_exclusive(self.path)) is None:
            if time.monotonic() >= deadline:
                raise _locked(self.path, _read_record(self.path), f"waited {self.timeout:g} s for it")
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads the waiters
            pause = min(_LONGEST_PAUSE, pause * 1.5)
        held[self._key] = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        descriptor = _held_locks.of_this_process().pop(self._key, None)
        if descriptor is not None:  # a child forked inside the `with` has none: the lock is its parent's
            _unlock(descriptor)


class OwnerLock:
    """A lock held for as long as a process works on something: a run's worker, a bridge.

    The lock ends with its process, even if a forked child lives on. `lock_owner(path)` returns its holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._pid = 0

    @property
    def held(self) -> bool:
        """Whether this object, in this process, holds the lock."""
        return self._descriptor >= 0 and self._pid == os.getpid()

    def acquire(self) -> None:
        """Take the lock without waiting. Raises LockedError with the holder's process number and age."""
        if self.held:
            raise RuntimeError(f"this process already holds the lock {self.path}")
        deadline = time.monotonic() + _PROBE_TIMEOUT
        while (descriptor := _try_exclusive(self.path)) is None:
            # `lock_owner` holds the lock shared for a moment; an owner holds it exclusively.
            if not _is_free(self.path) or time.monotonic() >= deadline:
                raise _locked(self.path, lock_owner(self.path), "it works on this already")
            time.sleep(random.uniform(0, _FIRST_PAUSE))  # noqa: S311 - only spreads the waiters
        self._descriptor = descriptor
        self._pid = os.getpid()

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self.held:
            _unlock(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_owner(path: Path) -> LockOwner | None:
    """The process that holds the OwnerLock at `path`, or None. The lock can still be taken while this is asked.

    The kernel's lock decides, not the record in the file. Raises StorageError if the lock file may not be read.
    """
    deadline = time.monotonic() + _RECORD_TIMEOUT
    while not _is_free(path):
        recorded = _read_record(path)
        # For a moment after the lock is taken, the record is missing, or is that of an owner long dead.
        if recorded is not None and _exists(recorded.pid):
            return recorded
        if time.monotonic() >= deadline:
            return recorded or LockOwner(0, 0.0)
        time.sleep(_FIRST_PAUSE)
    return None


def _try_exclusive(path: Path) -> int | None:
    """A descriptor that holds `path` exclusively, with this process recorded in it; None if another process does."""
    try:
        descriptor = _open_for_lock(path)
        try:
            if _flock(descriptor, fcntl.LOCK_EX) and _is_current(path, descriptor):
                _write_record(descriptor)
                return descriptor
        except BaseException:
            close_lock_file(descriptor)
            raise
    except OSError as error:
        raise storage_error(error, path, "lock") from error
    close_lock_file(descriptor)
    return None


def _open_for_lock(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT
    try:
        return open_lock_file(path, flags)
    except FileNotFoundError:
        make_folder(path.parent)
        return open_lock_file(path, flags)


def _unlock(descriptor: int) -> None:
    # Closing alone is not enough: a child forked by foreign code may hold a copy of the descriptor.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    close_lock_file(descriptor)


def _is_free(path: Path) -> bool:
    """Whether no process holds `path` exclusively."""
    try:
        descriptor = open_lock_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise storage_error(error, path, "read the lock") from error
    try:
        free = _flock(descriptor, fcntl.LOCK_SH)
        if free:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        return free
    finally:
        close_lock_file(descriptor)


def _flock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_current(path: Path, descriptor: int) -> bool:
    """Whether `path` still names the locked file, which may have been deleted between opening and locking."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write_record(descriptor: int) -> None:
    try:
        os.pwrite(descriptor, msgspec.json.encode(LockOwner(os.getpid(), time.time())).ljust(_RECORD_SIZE), 0)
    except OSError:
        # On a full disk the lock itself still works; only the holder's name is missing from a message.
        os.ftruncate(descriptor, 0)


def _read_record(path: Path) -> LockOwner | None:
    try:
        descriptor = open_lock_file(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return msgspec.json.decode(os.pread(descriptor, _RECORD_SIZE, 0), type=LockOwner)
    except (OSError, msgspec.MsgspecError):
        return None
    finally:
        close_lock_file(descriptor)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _locked(path: Path, holder: LockOwner | None, doing: str) -> LockedError:
    if holder is None or holder.pid == 0:
        subject = "Another process"
    else:
        subject = f"Process {holder.pid} (since {_age(time.time() - holder.started_at)})"
    return LockedError(
        f"{subject} holds {clean(path.name)}: {doing}.",
        where=str(path),
        next_step="Wait for it to finish, or stop it, and try again.",
    )


def _age(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(0.0, seconds):.0f} seconds"
