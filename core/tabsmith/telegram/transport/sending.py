"""What the outbox holds goes out: in order in each chat, no faster than Telegram takes it, until it is there.

A message that was under way when this process, the network or the server failed is in doubt: it is looked for before
it is sent again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from tabsmith.errors import StorageError
from tabsmith.telegram.render.messages import Keyboard, OutgoingChart, OutgoingMessage
from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.errors import (
    BotApiError,
    RejectedError,
    ServerError,
    TooManyRequestsError,
    UnreachableError,
    UnsendableFileError,
)
from tabsmith.telegram.transport.live_messages import EDIT_INTERVAL, LiveMessages
from tabsmith.telegram.transport.outbox import Outbox, OutboxEntry, fallback_text
from tabsmith.telegram.transport.pacing import Backoff, KeyedWorkers, SendPacer

MAX_IN_FLIGHT: Final = 6  # messages at a time, so that few are in doubt after a kill
MAX_PROBES: Final = 24  # message numbers at which one in doubt is looked for
_BEYOND: Final = 16  # of those, above the highest one that is known: others under way, and what came in just then
_GLANCE: Final = 0.02
SETTLE_SECONDS: Final = (0.5, 10.0)
_TRIES: Final = 8  # for a message at which the server fails while it takes others
_LONE_FAILURE_SECONDS: Final = 900.0  # seconds; so long where there are no others, but polls are answered
_log: Final = logging.getLogger("tabsmith.telegram")


@dataclass(slots=True)
class _Tries:
    """How it went with one message up to now."""

    failed: int = 0  # in a row
    faults: int = 0  # of the server
    since: float = 0.0  # the first fault
    polled_at: float = 0.0  # at the first fault: the last poll that was answered
    png: bytes = b""  # its picture, drawn once


class Sender:
    """Empties the outbox. `draw` makes the PNG of a chart; who `may_receive` is asked before each try.

    `settle`: what was left in doubt is looked for so many seconds after the start; at the earliest, and at the latest,
    when no poll was answered by then.
    """

    def __init__(
        self,
        api: BotApi,
        outbox: Outbox,
        status: StatusWriter,
        *,
        draw: Callable[[OutgoingChart], Awaitable[bytes]],
        may_receive: Callable[[int], bool],
        pace: SendPacer | None = None,
        pauses: Backoff = Backoff(),  # noqa: B008 - frozen
        boards_every: float = EDIT_INTERVAL,
        settle: tuple[float, float] = SETTLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._status = status
        self._draw = draw
        self._may_receive = may_receive
        self._pace = pace or SendPacer()
        self._pauses = pauses
        self._clock = clock
        self._settle = settle
        self._started = clock()
        self._sent_at = float("-inf")
        self._running = False
        self._under_way = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._chats: KeyedWorkers[int] = KeyedWorkers(self._due, self._serve)
        self._boards = LiveMessages(api, outbox, status, self._pace, every=boards_every, pauses=pauses, clock=clock)
        outbox.listen(self._put)

    async def run(self) -> None:
        """Send until cancelled."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._chats.run())
                group.create_task(self._boards.workers.run())
        finally:
            self._running = False

    def show(self, key: str, chat: int, message: OutgoingMessage) -> None:
        """Have the message that was put into the outbox under `key` show this, once it is there; the latest wins."""
        self._boards.show(key, chat, message)

    async def drain(self, seconds: float) -> bool:
        """Send what there is, for at most so long; whether all of it is out. What is left stays in the outbox."""
        helper = None if self._running else asyncio.create_task(self.run())
        try:
            async with asyncio.timeout(seconds):
                while not (self._chats.idle and self._boards.workers.idle):
                    await self._chats.until_idle()
                    await self._boards.workers.until_idle()
        except TimeoutError:
            return False
        finally:
            if helper is not None:
                helper.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await helper
        return True

    def _put(self) -> None:
        self._status.note(to_send=len(self._outbox.pending()))
        self._chats.wake()

    def _due(self) -> Iterable[int]:
        return dict.fromkeys(entry.chat for entry in self._outbox.pending())

    async def _serve(self, chat: int) -> None:
        while (entry := self._outbox.first(chat)) is not None:
            await self._deliver(entry)
            self._status.note(to_send=len(self._outbox.pending()))
            self._boards.workers.wake()

    # One message -----------------------------------------------------------------------------------------------------

    async def _deliver(self, entry: OutboxEntry) -> None:
        """Try until it is sent or given up."""
        tries = _Tries()
        key, chat = entry.key, entry.chat
        while (now := self._outbox.first(chat)) is not None and now.key == key:
            if now.outgoing != entry.outgoing:
                entry, tries = now, _Tries()  # its text goes out instead
            try:
                await self._try(now, tries)
            except TooManyRequestsError as told:
                self._pace.hold(chat, self._clock() + told.retry_after)
            except (RejectedError, UnsendableFileError) as refused:
                self._give_up(now, str(refused))
            except BotApiError as failure:
                await self._failed(now, failure, tries)
            except StorageError as error:
                tries.failed += 1
                self._status.trouble("sending", error.what)
                await asyncio.sleep(self._pauses.after(tries.failed))
            except Exception as error:  # noqa: BLE001 - a fault of ours in one must not hold up all others
                _log.exception("A message could not be made")
                self._give_up(now, f"a fault in tabsmith: {type(error).__name__}")

    async def _try(self, entry: OutboxEntry, tries: _Tries) -> None:
        if not self._may_receive(entry.user):
            self._record_given_up(entry, "no longer on the list of those who may use the bridge")
            return
        if entry.state == "in doubt":
            await self._settled()
            found = await self._look_for(entry)
            if found is not None:
                self._sent(entry, found)
                return
            self._outbox.not_sent(entry.key)
        if isinstance(entry.outgoing, OutgoingChart) and not tries.png:
            tries.png = await self._draw(entry.outgoing)
        sent = None
        while sent is None:
            while (delay := self._pace.delay(entry.chat, self._clock())) > 0:
                await asyncio.sleep(delay)
            async with self._under_way:
                if self._pace.delay(entry.chat, self._clock()) <= 0:  # others may have gone first meanwhile
                    sent = await self._go(entry, tries.png)
        self._sent(entry, sent)

    async def _go(self, entry: OutboxEntry, png: bytes) -> int:
        """Send it now; from here on it is in doubt."""
        self._outbox.sending(entry.key)
        self._pace.take(entry.chat, self._clock())
        try:
            return await self._send(entry, png)
        except BotApiError as failure:
            if not _may_have_arrived(failure):
                self._outbox.not_sent(entry.key)
            raise

    async def _send(self, entry: OutboxEntry, png: bytes) -> int:
        if isinstance(entry.outgoing, OutgoingChart):
            return await self._api.send_photo(entry.chat, png, entry.outgoing.caption, entry.outgoing.silent)
        return await self._api.send(entry.chat, entry.outgoing)

    async def _settled(self) -> None:
        """Wait until what an earlier process sent has arrived if it ever does, and what came in meanwhile is known."""
        least, most = self._settle
        while True:
            since = self._clock() - self._started
            if since >= most or (since >= least and self._status.now.polled_at > 0):
                return
            await asyncio.sleep(_GLANCE)

    async def _look_for(self, entry: OutboxEntry) -> int | None:
        """The number of a message that may have been sent, when it is there."""
        keyboard: Keyboard = () if isinstance(entry.outgoing, OutgoingChart) else entry.outgoing.keyboard
        for message_id in islice(self._outbox.unknown(entry.after, _BEYOND), MAX_PROBES):
            while (delay := self._pace.probe_delay(entry.chat, self._clock())) > 0:
                await asyncio.sleep(delay)
            self._pace.take_probe(self._clock())
            if await self._api.arrived(entry.chat, message_id, keyboard):
                return message_id
        return None

    async def _failed(self, entry: OutboxEntry, failure: BotApiError, tries: _Tries) -> None:
        """Wait before the next try, or give up a message that alone keeps the server from answering."""
        tries.failed += 1
        self._status.trouble("sending", f"A message is not sent yet: {failure}")
        if isinstance(failure, ServerError):
            now = self._clock()
            if tries.faults == 0:
                tries.since, tries.polled_at = now, self._status.now.polled_at
            tries.faults += 1
            others = self._sent_at > tries.since
            polls = self._status.now.polled_at > tries.polled_at and now - tries.since > _LONE_FAILURE_SECONDS
            if tries.faults >= _TRIES and (others or polls):
                self._give_up(entry, f"the server failed at it {tries.faults} times: {failure}")
                return
        await asyncio.sleep(self._pauses.after(tries.failed))

    # What became of it -----------------------------------------------------------------------------------------------

    def _sent(self, entry: OutboxEntry, message_id: int) -> None:
        self._sent_at = self._clock()
        self._status.note(sent=self._status.now.sent + 1)
        self._outbox.sent(entry.key, message_id)

    def _give_up(self, entry: OutboxEntry, why: str) -> None:
        """Send the text in place of a picture or a file; give up what has none."""
        if not fallback_text(entry.outgoing):
            self._record_given_up(entry, why)
            return
        self._status.trouble("sending", f"A picture or a file was not sent, its text was: {why}")
        try:
            self._outbox.instead(entry.key, why)
        except StorageError as error:
            self._status.trouble("sending", error.what)

    def _record_given_up(self, entry: OutboxEntry, why: str) -> None:
        self._status.note(gave_up=self._status.now.gave_up + 1)
        self._status.trouble("sending", f"A message was given up: {why}")
        try:
            self._outbox.gave_up(entry.key, why)
        except StorageError as error:
            self._status.trouble("sending", error.what)


def _may_have_arrived(failure: BotApiError) -> bool:
    if isinstance(failure, UnreachableError):
        return failure.reached == "perhaps"
    return isinstance(failure, ServerError)
