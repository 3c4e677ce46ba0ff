"""Live messages: sent messages that are edited in their place. The latest wins, what came between is never sent."""

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

EDIT_INTERVAL: Final = 3.0  # seconds between two edits of one message
_MAX_ATTEMPTS: Final = 8  # for one edit, where it is not the network
_MAX_REMEMBERED: Final = 500  # messages


@dataclass(frozen=True, slots=True)
class _Edited:
    message: OutgoingMessage
    at: float


class LiveMessages:
    """Edits messages of an outbox after they were sent, by their outbox keys."""

    def __init__(
        self,
        api: BotApi,
        outbox: Outbox,
        status: StatusWriter,
        pacer: SendPacer,
        *,
        interval: float,
        backoff: Backoff,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._status = status
        self._pacer = pacer
        self._interval = interval
        self._backoff = backoff
        self._clock = clock
        self._wanted: dict[str, tuple[int, OutgoingMessage]] = {}
        self._edited: dict[str, _Edited] = {}
        self.workers: KeyedWorkers[str] = KeyedWorkers(self._due, self._serve)

    def show(self, key: str, chat: int, message: OutgoingMessage) -> None:
        """Have the message that was put into the outbox under `key` read like this."""
        self._wanted[key] = (chat, message)
        self.workers.wake()

    def _due(self) -> Iterable[str]:
        """Keys with an edit to be made. A message that is still to be sent is waited for."""
        return [key for key in self._wanted if self._outbox.outcome(key) in ("sent", "gave up")]

    async def _serve(self, key: str) -> None:
        failed = 0
        while key in self._wanted:
            message_id = self._outbox.message_id(key)
            if message_id is None:  # given up: there is nothing to edit
                del self._wanted[key]
                return
            await self._wait(key)
            chat, message = self._wanted.pop(key)
            edited = self._edited.get(key)
            if edited is not None and edited.message == message:
                continue
            self._pacer.take(chat, self._clock())
            try:
                await self._api.edit(chat, message_id, message)
                self._remember(key, message)
                failed = 0
            except TooManyRequestsError as error:
                self._pacer.hold(chat, self._clock() + error.retry_after)
                self._wanted.setdefault(key, (chat, message))
            except BotApiError as error:
                failed += 1
                self._status.trouble("sending", f"A message could not be kept up to date: {error}")
                may_pass = failed < _MAX_ATTEMPTS and not isinstance(error, RejectedError)
                if may_pass or isinstance(error, UnreachableError):
                    self._wanted.setdefault(key, (chat, message))
                    await asyncio.sleep(self._backoff.after(failed))

    async def _wait(self, key: str) -> None:
        """Wait until the message may be edited; a newer text for it may come meanwhile."""
        while True:
            now = self._clock()
            edited = self._edited.get(key)
            rest = edited.at + self._interval - now if edited is not None else 0.0
            delay = max(rest, self._pacer.delay(self._wanted[key][0], now))
            if delay <= 0:
                return
            await asyncio.sleep(delay)

    def _remember(self, key: str, message: OutgoingMessage) -> None:
        self._edited.pop(key, None)
        self._edited[key] = _Edited(message, self._clock())
        while len(self._edited) > _MAX_REMEMBERED:
            del self._edited[next(iter(self._edited))]
