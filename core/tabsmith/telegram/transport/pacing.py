"""When work may go out: rate limits by token bucket, waiting after failures, and one task at a time for each chat.

The time is always given by the caller.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

import msgspec

K = TypeVar("K")

_ROUNDING: Final = 1e-6


class Backoff(msgspec.Struct, frozen=True):
    """Seconds to wait after the first failure in a row, after the second ...; the last one holds for all others."""

    steps: tuple[float, ...] = (1, 2, 4, 8, 16, 30)

    def after(self, failures: int) -> float:
        """Seconds to wait after that many failures in a row (1 is the first)."""
        return self.steps[min(failures, len(self.steps)) - 1]


class TokenBucket:
    """Gives `rate` tokens a second, and up to `burst` at once after a pause."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._left = float(burst)
        self._at: float | None = None

    def delay(self, now: float) -> float:
        """Seconds until a token may be taken; 0 is now."""
        missing = 1.0 - self._filled(now)
        return missing / self.rate if missing > _ROUNDING else 0.0

    def take(self, now: float) -> None:
        """Take a token; one that is taken too early is owed."""
        self._left = self._filled(now) - 1.0
        self._at = now

    def _filled(self, now: float) -> float:
        if self._at is None:
            return self._left
        return min(float(self.burst), self._left + max(0.0, now - self._at) * self.rate)


class SendRates(msgspec.Struct, frozen=True):
    """Messages a second to one chat and to all chats, and how many may go at once after a pause.

    Probes only ask the server about a message that may have been sent; nobody sees them.
    """

    chat_rate: float = 1.0
    chat_burst: int = 3
    overall_rate: float = 25.0
    overall_burst: int = 25
    probe_rate: float = 60.0
    probe_burst: int = 30


class SendPacer:
    """Says when a message may go to a chat: by the rates, and by what the server said about waiting."""

    def __init__(self, rates: SendRates = SendRates()) -> None:  # noqa: B008 - frozen
        self._rates = rates
        self._overall = TokenBucket(rates.overall_rate, rates.overall_burst)
        self._probes = TokenBucket(rates.probe_rate, rates.probe_burst)
        self._chats: dict[int, TokenBucket] = {}
        self._held_until: dict[int, float] = {}

    def delay(self, chat: int, now: float) -> float:
        """Seconds until a message may go to the chat; 0 is now."""
        return max(self._hold(chat, now), self._bucket(chat).delay(now), self._overall.delay(now))

    def take(self, chat: int, now: float) -> None:
        """Count a message to the chat."""
        self._bucket(chat).take(now)
        self._overall.take(now)

    def probe_delay(self, chat: int, now: float) -> float:
        """Seconds until the server may be asked about a message of the chat."""
        return max(self._hold(chat, now), self._probes.delay(now))

    def take_probe(self, now: float) -> None:
        """Count a probe."""
        self._probes.take(now)

    def hold(self, chat: int, until: float) -> None:
        """Let nothing go to the chat before `until`, as the server said."""
        self._held_until[chat] = max(until, self._held_until.get(chat, until))

    def _hold(self, chat: int, now: float) -> float:
        return max(0.0, self._held_until.get(chat, now) - now)

    def _bucket(self, chat: int) -> TokenBucket:
        return self._chats.setdefault(chat, TokenBucket(self._rates.chat_rate, self._rates.chat_burst))


class KeyedWorkers(Generic[K]):
    """Runs `serve(key)` for each of the keys that `due` names: keys do not wait for each other, none runs twice at once.

    `serve` goes on until its key has nothing left to do.
    """

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
        """Whether nothing is due and nothing runs."""
        return not self._busy and not any(True for _ in self._due())

    async def run(self) -> None:
        """Serve until cancelled; what runs then is cancelled too."""
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
        """Wait until nothing is due and nothing runs; `run` has to be running."""
        while not self.idle:
            self._changed.clear()
            await self._changed.wait()

    async def _work(self, key: K) -> None:
        try:
            await self._serve(key)
        finally:
            self._busy.discard(key)
            self.wake()
