"""A bell between processes: whoever has written something rings, and whoever waits for it need not look again and again.

The bell is a named pipe, which holds nothing that counts: a ring that is lost costs the sleeper the time until it next looks.
"""

import asyncio
import contextlib
import os
import stat
from pathlib import Path
from typing import Final

_ONCE: Final = b"."


def ring(path: Path) -> None:
    """Wake whoever listens to the bell at `path`; nothing happens if nobody does."""
    with contextlib.suppress(OSError):  # ENXIO: nobody listens; EAGAIN: it has been rung so often that it is heard
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                os.write(descriptor, _ONCE)
        finally:
            os.close(descriptor)


class Bell:
    """The listening end of the bell at `path`, in an asyncio loop. `works` is False on a file system without pipes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rung = asyncio.Event()
        self._descriptor = -1
        with contextlib.suppress(OSError):
            if not path.exists():
                os.mkfifo(path, 0o600)
            # For reading and writing: an end that only reads would be at its end after each writer.
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                return
            self._descriptor = descriptor
            asyncio.get_running_loop().add_reader(descriptor, self._hear)

    @property
    def works(self) -> bool:
        return self._descriptor >= 0

    async def wait(self, seconds: float) -> None:
        """Return when the bell is rung, or was since the last wait, and after `seconds` at the latest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()

    def close(self) -> None:
        """Listen no more, and leave no pipe behind."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):  # a pipe that stays does no harm: nobody listens
                self._path.unlink()
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, 1 << 16)
        self._rung.set()
