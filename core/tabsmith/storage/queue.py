"""A queue between processes: so many go on at once, the others wait in the order in which they came.

A place in the queue is a locked file, so that it ends with its process, however that ends.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tabsmith.storage.locks import FileLock, OwnerLock, lock_owner

LOOK_EVERY: Final = 0.25
"""Seconds between two looks at who is before a place."""


class QueuePlace:
    """The place of `name` in the queue that is kept in `folder`.

    Work that stands still gives its place up (`leave`), so that nobody waits for it, and takes the last one when it goes on
    (`take`), without waiting again.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._folder = folder
        self._lock: OwnerLock | None = None

    def take(self) -> None:
        """Take the last place, unless there is one already. Raises StorageError."""
        if self._lock is not None:
            return
        with FileLock(self._folder / "guard"):  # so that no later place sorts before this one
            lock = OwnerLock(self._folder / f"{time.time_ns():020d}-{self._name}.place")
            lock.acquire()
        self._lock = lock

    def leave(self) -> None:
        """Give the place up, if there is one."""
        if self._lock is not None:
            with contextlib.suppress(OSError):  # a file that stays is no place: nobody holds its lock
                self._lock.path.unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def before(self) -> int:
        """Return how many living processes have a place before this one. Raises StorageError."""
        if self._lock is None:
            return 0
        own, count = self._lock.path.name, 0
        for path in sorted(self._folder.glob("*.place")):
            if path.name >= own:
                break
            if lock_owner(path) is not None:
                count += 1
            else:  # its process is dead, and no other ever takes this name
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        return count

    async def wait(self, at_once: int, on_wait: Callable[[int], None], *, look_every: float = LOOK_EVERY) -> None:
        """Return once fewer than `at_once` others have a place before this one; `on_wait` gets their number as it changes.

        Looks at the places every `look_every` seconds.
        """
        told = -1
        while (before := self.before()) >= at_once:
            if before != told:
                told = before
                on_wait(before)
            await asyncio.sleep(look_every)
