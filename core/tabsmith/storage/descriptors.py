"""Descriptors of lock files that a forked child never keeps.

An flock belongs to the open file, and a forked child shares the open files of its parent: without this, a child that
outlives a killed parent would keep the parent's locks alive. Children started by exec are no danger, because Python
opens every file close-on-exec.
"""

import os
import threading
from pathlib import Path
from typing import Final

_open: Final[set[int]] = set()
_guard: Final = threading.RLock()  # held through a fork, so that no descriptor is open and not yet known


def open_lock_file(path: Path, flags: int) -> int:
    """A new descriptor of `path`, closed by itself in every child forked from now on. Raises OSError."""
    with _guard:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        _open.add(descriptor)
    return descriptor


def close_lock_file(descriptor: int) -> None:
    """Close a descriptor that `open_lock_file` gave."""
    with _guard:
        _open.discard(descriptor)
        os.close(descriptor)


def _close_in_child() -> None:
    for descriptor in _open:
        os.close(descriptor)
    _open.clear()
    _guard.release()


os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_close_in_child)
