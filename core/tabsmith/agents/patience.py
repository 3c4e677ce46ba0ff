"""How long an agent may work and how long it may be silent, of which waiting for a person is neither."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

Lost: TypeAlias = Literal["silence", "seconds"]


class Patience:
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

    async def lost(self) -> Lost:
        """Wait until it is lost, and over what."""
        while True:
            await self._runs.wait()
            silent, left = self._heard + self._silence - self._clock(), self._end - self._clock()
            if silent <= 0 or left <= 0:
                return "seconds" if left <= silent else "silence"
            await asyncio.sleep(min(silent, left))
