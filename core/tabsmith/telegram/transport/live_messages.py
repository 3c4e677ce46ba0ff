"""Messages that are kept up to date in their place: the latest wins, and what came between is never sent."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.errors import BotApiError, RejectedError, TooManyRequestsError, UnreachableError
from tabsmith.telegram.transport.outbox import Outbox
from tabsmith.telegram.transport.pacing import Backoff, KeyedWorkers, SendPacer

EDIT_INTERVAL: Final = 3.0  # seconds between two changes of one message
_TRIES: Final = 8  # for one change, where it is not the network
_REMEMBERED: Final = 500  # messages


@dataclass(frozen=True, slots=True)
class _Shown:
    message: OutgoingMessage
    at: float


class LiveMessages:
    """The messages of an outbox that are changed after they were sent."""

    def __init__(
        self,
        api: BotApi,
        outbox: Outbox,
        status: StatusWriter,
        pace: SendPacer,
        *,
        every: float,
        pauses: Backoff,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._status = status
        self._pace = pace
        self._every = every
        self._pauses = pauses
        self._clock = clock
        self._wanted: dict[str, tuple[int, OutgoingMessage]] = {}
        self._shown: dict[str, _Shown] = {}
        self.workers: KeyedWorkers[str] = KeyedWorkers(self._due, self._serve)

    def show(self, key: str, chat: int, message: OutgoingMessage) -> None:
        """Have the message that was sent under `key` show this."""
        self._wanted[key] = (chat, message)
        self.workers.wake()

    def _due(self) -> Iterable[str]:
        """Those that have a message to change; one that is still to be sent is waited for."""
        return [key for key in self._wanted if self._outbox.outcome(key) in ("sent", "gave up")]

    async def _serve(self, key: str) -> None:
        failed = 0
        while key in self._wanted:
            message_id = self._outbox.message_id(key)
            if message_id is None:  # given up: there is nothing to change
                del self._wanted[key]
                return
            await self._wait(key)
            chat, message = self._wanted.pop(key)
            shown = self._shown.get(key)
            if shown is not None and shown.message == message:
                continue
            self._pace.take(chat, self._clock())
            try:
                await self._api.edit(chat, message_id, message)
                self._remember(key, message)
                failed = 0
            except TooManyRequestsError as told:
                self._pace.hold(chat, self._clock() + told.retry_after)
                self._wanted.setdefault(key, (chat, message))
            except BotApiError as failure:
                failed += 1
                self._status.trouble("sending", f"A message could not be kept up to date: {failure}")
                if isinstance(failure, UnreachableError) or (
                    failed < _TRIES and not isinstance(failure, RejectedError)
                ):
                    self._wanted.setdefault(key, (chat, message))
                    await asyncio.sleep(self._pauses.after(failed))

    async def _wait(self, key: str) -> None:
        """Wait until the message may be changed; a newer wish may come meanwhile."""
        while True:
            now = self._clock()
            shown = self._shown.get(key)
            rest = shown.at + self._every - now if shown is not None else 0.0
            delay = max(rest, self._pace.delay(self._wanted[key][0], now))
            if delay <= 0:
                return
            await asyncio.sleep(delay)

    def _remember(self, key: str, message: OutgoingMessage) -> None:
        self._shown.pop(key, None)
        self._shown[key] = _Shown(message, self._clock())
        while len(self._shown) > _REMEMBERED:
            del self._shown[next(iter(self._shown))]
