"""How long an agent may work and how long it may be silent, of which waiting for a person is neither.

Waiting for an end that may be a while in coming, because a person is asked in between.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

DeadlineMissed: TypeAlias = Literal["silence", "seconds"]


class Deadline:
    """A clock for one errand. It runs from when it is made."""

    def __init__(self, silence: float, seconds: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._silence = silence
        self._heard = self._clock()
        self._end = self._heard + seconds
        self._asked = 0  # people are waited for
        self._since = 0.0
        self._runs = asyncio.Event()
        self._runs.set()

    def heard(self) -> None:
        """The agent shows a sign of life."""
        self._heard = self._clock()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The clock stands still while a person is waited for."""
        if not self._asked:
            self._since = self._clock()
            self._runs.clear()
        self._asked += 1
        try:
            yield
        finally:
            self._asked -= 1
            if not self._asked:
                self._end += self._clock() - self._since
                self._heard = self._clock()
                self._runs.set()

    async def lost(self) -> DeadlineMissed:
        """Wait until it is lost, and over what."""
        while True:
            await self._runs.wait()
            silent, left = self._heard + self._silence - self._clock(), self._end - self._clock()
            if silent <= 0 or left <= 0:
                return "seconds" if left <= silent else "silence"
            await asyncio.sleep(min(silent, left))


async def wait_until(patience: Deadline, end: asyncio.Future[Any]) -> bool:
    """Wait until `end` is done; False when patience is lost first. It is not cancelled."""
    lost = asyncio.ensure_future(patience.lost())
    try:
        await asyncio.wait((lost, end), return_when=asyncio.FIRST_COMPLETED)
        return end.done()
    finally:
        lost.cancel()
