"""How long an agent may work and how long it may be silent. Time spent waiting for the user counts as neither."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

DeadlineMissed: TypeAlias = Literal["silence", "seconds"]


class Deadline:
    """The clock of one call or job, which runs from when it is made."""

    def __init__(self, silence: float, seconds: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._silence = silence
        self._last_activity = self._clock()
        self._end = self._last_activity + seconds
        self._pauses = 0  # of users who are waited for at this moment
        self._paused_at = 0.0
        self._running = asyncio.Event()
        self._running.set()

    def restart_silence(self) -> None:
        """Count the silence from now on: the agent has shown a sign of life."""
        self._last_activity = self._clock()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while the user is waited for. Pauses may overlap."""
        if not self._pauses:
            self._paused_at = self._clock()
            self._running.clear()
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._end += self._clock() - self._paused_at
                self._last_activity = self._clock()
                self._running.set()

    async def missed(self) -> DeadlineMissed:
        """Wait until the deadline is missed, and return which limit was hit."""
        while True:
            await self._running.wait()
            silent, left = self._last_activity + self._silence - self._clock(), self._end - self._clock()
            if silent <= 0 or left <= 0:
                return "seconds" if left <= silent else "silence"
            await asyncio.sleep(min(silent, left))


async def wait_until(deadline: Deadline, future: asyncio.Future[Any]) -> bool:
    """Wait until `future` is done; return False if the deadline is missed first. The future is not cancelled."""
    missed = asyncio.ensure_future(deadline.missed())
    try:
        await asyncio.wait((missed, future), return_when=asyncio.FIRST_COMPLETED)
        return future.done()
    finally:
        missed.cancel()
