"""How much a command has written on disk: looked at closely only when the file system itself has grown by as much."""

import os
import time
from collections.abc import Iterator, Sequence

_REST = 20.0  # so many times as long as a look took, it rests


class DiskUsage:
    """Watches folders from now on."""

    def __init__(self, folders: Sequence[str], limit: int) -> None:
        self._folders = folders
        self._limit = limit
        self._since = time.time_ns()
        self._next = 0.0
        self._used = self._filled()

    def too_much(self) -> bool:
        """Are the files that changed since together bigger than the limit?"""
        now = time.monotonic()
        if now < self._next or self._filled() - self._used <= self._limit:
            return False
        found = sum(self._changed())
        self._next = time.monotonic() + _REST * (time.monotonic() - now)
        return found > self._limit

    def _filled(self) -> int:
        """Bytes in use on the file systems of all folders."""
        systems = {}
        for folder in self._folders:
            try:
                system = os.statvfs(folder)
            except OSError:
                continue  # the command removed it
            systems[system.f_fsid] = (system.f_blocks - system.f_bfree) * system.f_frsize
        return sum(systems.values())

    def _changed(self) -> Iterator[int]:
        """The sizes on disk of files that changed."""
        seen: set[tuple[int, int]] = set()
        for folder in self._folders:
            for place, _, names, descriptor in os.fwalk(folder):
                del place
                for name in names:
                    try:
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    except OSError:
                        continue  # the command removed it
                    if status.st_ctime_ns >= self._since and (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        yield status.st_blocks * 512
