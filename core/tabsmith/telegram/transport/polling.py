"""Asking for updates, for as long as the process lives: each batch is on disk before the server may forget it.

Nothing that the server or the network does ends the asking; what went wrong is noted, and asked again later.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from tabsmith.errors import StorageError
from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.errors import (
    BotApiError,
    ConflictError,
    InvalidResponseError,
    TooManyRequestsError,
    UnauthorizedError,
)
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate
from tabsmith.telegram.transport.pacing import Backoff
from tabsmith.telegram.transport.updates import PollResult

MAX_UPDATES: Final = 100  # updates in one answer
_SURE: Final = 3  # times that a single update came garbled, until it is stepped over


class PollBackoff(msgspec.Struct, frozen=True):
    """How long to wait before asking again."""

    unauthorized: Backoff = Backoff((1, 2, 4, 8, 16, 32, 60))
    conflict: Backoff = Backoff()
    trouble: Backoff = Backoff()
    nothing: float = 0.2  # seconds, where a server answers at once that there is nothing


class Poller:
    """Fetches updates into the inbox, and calls `on_received` with those that are new.

    `caught_up` is set once all that had come in while nobody polled is there, or cannot be had at present.
    """

    def __init__(
        self,
        api: BotApi,
        inbox: Inbox,
        status: StatusWriter,
        on_received: Callable[[tuple[ReceivedUpdate, ...]], None],
        *,
        pauses: PollBackoff = PollBackoff(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._inbox = inbox
        self._status = status
        self._on_received = on_received
        self._pauses = pauses
        self._clock = clock
        self._failed = 0
        self._most = MAX_UPDATES
        self._garbled = 0
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            pause = await self._once()
            if pause > 0:
                await asyncio.sleep(pause)

    async def _once(self) -> float:
        """Ask once; seconds to wait before the next time."""
        try:
            wait: Literal["long", "no"] = "long" if self.caught_up.is_set() else "no"
            return self._take(await self._api.updates(self._inbox.offset, most=self._most, wait=wait))
        except InvalidResponseError as failure:
            return self._step_over(failure)
        except BotApiError as failure:
            return self._failure(failure)
        except StorageError as error:
            # Nothing was taken: the server keeps it, and gives it again.
            return self._note_failure(error.what, self._pauses.trouble)

    def _take(self, polled: PollResult) -> float:
        asked_at_once = not self.caught_up.is_set()
        received = self._inbox.receive(polled.updates)
        if len(polled.updates) < self._most:
            self.caught_up.set()
        for words in polled.unreadable:
            self._status.trouble("polling", f"Telegram sent {words}; it was passed over.")
        if polled.unreadable and not polled.updates and self._inbox.offset is None:
            # Without a number there is nothing to go on from; the next update that has one brings us past it.
            return self._note_failure("Telegram sends nothing but updates without a number.", self._pauses.trouble)
        if polled.unreadable and not polled.updates:
            self._inbox.step_over()
        self._failed = self._garbled = 0
        self._most = MAX_UPDATES
        changes: dict[str, object] = {"polled_at": self._clock(), "failed_polls": 0}
        if received:
            waiting = self._inbox.waiting()
            changes |= {
                "received": self._status.now.received + len(received),
                "waiting": len(waiting),
                "waiting_since": waiting[0].at,
            }
        self._status.note(**changes)
        if received:
            self._on_received(received)
        return 0.0 if received or asked_at_once else self._pauses.nothing

    def _step_over(self, failure: InvalidResponseError) -> float:
        """Updates that cannot be read as a whole are asked for one by one, and the one that is at fault is left out."""
        if self._most == 1:
            self._garbled += 1
        self._most = 1
        if self._garbled >= _SURE and self._inbox.offset is not None:
            self._inbox.step_over()
            self._garbled = 0
        return self._note_failure(f"Telegram sent {failure}.", self._pauses.trouble)

    def _failure(self, failure: BotApiError) -> float:
        match failure:
            case UnauthorizedError():
                words = f"Telegram does not take the token: {failure}"
                return self._note_failure(words, self._pauses.unauthorized)
            case ConflictError():
                self._status.note(conflicts=self._status.now.conflicts + 1, conflict_at=self._clock())
                words = "Another program polls with this token."
                return self._note_failure(words, self._pauses.conflict)
            case TooManyRequestsError(retry_after=told):
                self._note_failure("Telegram asks to be polled less often.", self._pauses.trouble)
                return told
            case _:
                return self._note_failure(f"Telegram could not be asked: {failure}", self._pauses.trouble)

    def _note_failure(self, words: str, pauses: Backoff) -> float:
        self._failed += 1
        self.caught_up.set()
        self._status.note(failed_polls=self._failed)
        self._status.trouble("polling", words)
        return pauses.after(self._failed)
