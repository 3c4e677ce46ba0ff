"""Measures how much a command has written to disk. Files are looked at only once the file system itself has grown."""

import os
import time
from collections.abc import Iterator, Sequence
from typing import Final

_REST_FACTOR: Final = 20.0  # a look at the files is followed by a rest of this many times its duration


class DiskUsage:
    """The bytes written in some folders from now on."""

    def __init__(self, folders: Sequence[str], limit: int) -> None:
        self._folders = folders
        self._limit = limit
        self._since = time.time_ns()
        self._next = 0.0
        self._used = self._filled()

    def over_limit(self) -> bool:
        """Whether the files that changed since the start are together larger than the limit."""
        started = time.monotonic()
        if started < self._next or self._filled() - self._used <= self._limit:
            return False
        written = sum(self._changed())
        self._next = time.monotonic() + _REST_FACTOR * (time.monotonic() - started)
        return written > self._limit

    def _filled(self) -> int:
        """The bytes in use on the file systems of all folders."""
        systems = {}
        for folder in self._folders:
            try:
                system = os.statvfs(folder)
            except OSError:
                continue  # the command removed it
            systems[system.f_fsid] = (system.f_blocks - system.f_bfree) * system.f_frsize
        return sum(systems.values())

    def _changed(self) -> Iterator[int]:
        """The sizes on disk of the files that changed."""
        seen: set[tuple[int, int]] = set()
        for folder in self._folders:
            for _, _, names, descriptor in os.fwalk(folder):
                for name in names:
                    try:
                        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    except OSError:
                        continue  # the command removed it
                    if status.st_ctime_ns >= self._since and (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        yield status.st_blocks * 512
