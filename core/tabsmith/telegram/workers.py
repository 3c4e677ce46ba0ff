"""One task for each key that has something to do: keys do not wait for each other, and none is served twice at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K")


class Workers(Generic[K]):
    """Runs `serve(key)` for each of the keys that `due` names, until it has nothing left to do."""

    def __init__(self, due: Callable[[], Iterable[K]], serve: Callable[[K], Awaitable[None]]) -> None:
        self._due = due
        self._serve = serve
        self._busy: set[K] = set()
        self._woken = asyncio.Event()
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Look again at what is due."""
        self._woken.set()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, and nothing is being done."""
        return not self._busy and not any(True for _ in self._due())

    async def run(self) -> None:
        """Serve until cancelled; what is being served then is cancelled too."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._woken.clear()
                    for key in self._due():
                        if key not in self._busy:
                            self._busy.add(key)
                            group.create_task(self._work(key))
                    self._changed.set()
                    await self._woken.wait()
        finally:
            self._busy.clear()

    async def until_idle(self) -> None:
        """Wait until there is nothing to do; `run` has to be running."""
        while not self.idle:
            self._changed.clear()
            await self._changed.wait()

    async def _work(self, key: K) -> None:
        try:
            await self._serve(key)
        finally:
            self._busy.discard(key)
            self.wake()
