"""How fast may be sent, and how long is waited after a failure; the time is given from outside.

One task for each key that has something to do: keys do not wait for each other, and none is served twice at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

import msgspec

CHAT_RATE: Final = 1.0  # messages a second
CHAT_BURST: Final = 3
OVERALL_RATE: Final = 25.0
OVERALL_BURST: Final = 25
PROBE_RATE: Final = 60.0  # questions a second: nobody is written to by them
PROBE_BURST: Final = 30
_ROUNDING: Final = 1e-6


class Backoff(msgspec.Struct, frozen=True):
    """Seconds to wait after the first failure in a row, after the second ...; the last one holds for all others."""

    steps: tuple[float, ...] = (1, 2, 4, 8, 16, 30)

    def after(self, failures: int) -> float:
        """How long to wait after that many failures in a row (1 is the first)."""
        return self.steps[min(failures, len(self.steps)) - 1]


class TokenBucket:
    """Gives `rate` a second, and up to `burst` at once after a pause."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._left = float(burst)
        self._at: float | None = None

    def delay(self, now: float) -> float:
        """Seconds until one may be taken; 0 is now."""
        missing = 1.0 - self._filled(now)
        return missing / self.rate if missing > _ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Take one; before its time it is owed."""
        self._left = self._filled(now) - 1.0
        self._at = now

    def _filled(self, now: float) -> float:
        if self._at is None:
            return self._left
        return min(float(self.burst), self._left + max(0.0, now - self._at) * self.rate)


class SendPacer:
    """The bucket of each chat, the one over all, and what the server said about waiting."""

    def __init__(
        self,
        chat_rate: float = CHAT_RATE,
        chat_burst: int = CHAT_BURST,
        rate: float = OVERALL_RATE,
        burst: int = OVERALL_BURST,
    ) -> None:
        self._chat_rate = chat_rate
        self._chat_burst = chat_burst
        self._overall = TokenBucket(rate, burst)
        self._probes = TokenBucket(PROBE_RATE, PROBE_BURST)
        self._chats: dict[int, TokenBucket] = {}
        self._held: dict[int, float] = {}

    def delay(self, chat: int, now: float) -> float:
        """Seconds until a message may go to the chat; 0 is now."""
        held = self._held.get(chat, now) - now
        return max(held, self._bucket(chat).delay(now), self._overall.delay(now), 0.0)

    def take(self, chat: int, now: float) -> None:
        """A message goes to the chat."""
        self._bucket(chat).take(now)
        self._overall.take(now)

    def probe_delay(self, chat: int, now: float) -> float:
        """Seconds until the server may be asked about a message of the chat. Nothing shows there."""
        return max(self._held.get(chat, now) - now, self._probes.delay(now), 0.0)

    def take_probe(self, now: float) -> None:
        """The server is asked about a message."""
        self._probes.take(now)

    def hold(self, chat: int, until: float) -> None:
        """Nothing goes to the chat before `until`: the server said so."""
        self._held[chat] = max(until, self._held.get(chat, until))

    def _bucket(self, chat: int) -> TokenBucket:
        return self._chats.setdefault(chat, TokenBucket(self._chat_rate, self._chat_burst))


K = TypeVar("K")


class KeyedWorkers(Generic[K]):
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
