"""Polling for updates while the process lives: each batch is on disk before the server may forget it.

Nothing that the server or the network does ends the polling; what went wrong is noted, and asked again later.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from tabsmith.errors import StorageError
from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate
from tabsmith.telegram.transport.pacing import Backoff
from tabsmith.telegram.transport.updates import (
    BotApiError,
    ConflictError,
    InvalidResponseError,
    PollResult,
    RawUpdate,
    TooManyRequestsError,
    UnauthorizedError,
)

MAX_UPDATES: Final = 100  # updates in one answer
_GARBLED_ATTEMPTS: Final = 3  # polls for a single update that cannot be read, until it is stepped over


class PollBackoff(msgspec.Struct, frozen=True):
    """How long to wait before the next poll."""

    unauthorized: Backoff = Backoff((1, 2, 4, 8, 16, 32, 60))
    conflict: Backoff = Backoff()
    trouble: Backoff = Backoff()
    nothing: float = 0.2  # seconds, where a server answers at once that there is nothing


class Poller:
    """Fetches updates into the inbox, and calls `on_received` with those that are new. Updates that `accepts` does not take are
    passed over before anything of them is written.

    `caught_up` is set once all updates that came in while nobody polled are there, or cannot be had at present.
    """

    def __init__(
        self,
        api: BotApi,
        inbox: Inbox,
        status: StatusWriter,
        on_received: Callable[[tuple[ReceivedUpdate, ...]], None],
        *,
        accepts: Callable[[RawUpdate], bool] = lambda _: True,
        backoff: PollBackoff = PollBackoff(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._api = api
        self._inbox = inbox
        self._status = status
        self._on_received = on_received
        self._accepts = accepts
        self._backoff = backoff
        self._clock = clock
        self._failed = 0
        self._batch_size = MAX_UPDATES
        self._garbled = 0
        self.caught_up = asyncio.Event()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            pause = await self._poll()
            if pause > 0:
                await asyncio.sleep(pause)

    async def _poll(self) -> float:
        """Poll once; returns the seconds to wait before the next poll."""
        try:
            wait: Literal["long", "no"] = "long" if self.caught_up.is_set() else "no"
            return self._take(await self._api.updates(self._inbox.offset, most=self._batch_size, wait=wait))
        except InvalidResponseError as error:
            return self._step_over(error)
        except BotApiError as error:
            return self._failure(error)
        except StorageError as error:
            # Nothing was taken: the server keeps it, and gives it again.
            return self._note_failure(error.what, self._backoff.trouble)

    def _take(self, result: PollResult) -> float:
        asked_at_once = not self.caught_up.is_set()
        received = self._inbox.receive(result.updates, self._accepts)
        if len(result.updates) < self._batch_size:
            self.caught_up.set()
        for problem in result.unreadable:
            self._status.trouble("polling", f"Telegram sent {problem}; it was passed over.")
        if result.unreadable and not result.updates and self._inbox.offset is None:
            # Without a number there is nothing to go on from; the next update that has one brings us past it.
            return self._note_failure("Telegram sends nothing but updates without a number.", self._backoff.trouble)
        if result.unreadable and not result.updates:
            self._inbox.step_over()
        self._failed = self._garbled = 0
        self._batch_size = MAX_UPDATES
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
        return 0.0 if received or asked_at_once else self._backoff.nothing

    def _step_over(self, error: InvalidResponseError) -> float:
        """Ask one by one for updates that cannot be read as a batch, and leave out the one that is at fault."""
        if self._batch_size == 1:
            self._garbled += 1
        self._batch_size = 1
        if self._garbled >= _GARBLED_ATTEMPTS and self._inbox.offset is not None:
            self._inbox.step_over()
            self._garbled = 0
        return self._note_failure(f"Telegram sent {error}.", self._backoff.trouble)

    def _failure(self, error: BotApiError) -> float:
        match error:
            case UnauthorizedError():
                return self._note_failure(f"Telegram does not take the token: {error}", self._backoff.unauthorized)
            case ConflictError():
                self._status.note(conflicts=self._status.now.conflicts + 1, conflict_at=self._clock())
                return self._note_failure("Another program polls with this token.", self._backoff.conflict)
            case TooManyRequestsError(retry_after=seconds):
                self._note_failure("Telegram asks to be polled less often.", self._backoff.trouble)
                return seconds
            case _:
                return self._note_failure(f"Telegram could not be asked: {error}", self._backoff.trouble)

    def _note_failure(self, problem: str, backoff: Backoff) -> float:
        self._failed += 1
        self.caught_up.set()
        self._status.note(failed_polls=self._failed)
        self._status.trouble("polling", problem)
        return backoff.after(self._failed)
