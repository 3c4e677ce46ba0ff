"""Sending what the outbox holds: in order in each chat, no faster than Telegram takes it, until it has arrived.

A message that was under way when this process, the network or the server failed is in doubt. It is looked for before
it is sent again. Live messages are edited in their place: the latest wins, what came between is never sent.
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
from tabsmith.telegram.transport.outbox import Outbox, OutboxEntry, fallback_text
from tabsmith.telegram.transport.pacing import Backoff, KeyedWorkers, SendPacer
from tabsmith.telegram.transport.updates import (
    BotApiError,
    RejectedError,
    ServerError,
    TooManyRequestsError,
    UnreachableError,
    UnsendableFileError,
)

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


MAX_IN_FLIGHT: Final = 6  # messages at a time, so that few are in doubt after a kill
MAX_PROBES: Final = 24  # message numbers at which a message in doubt is looked for
_PROBES_BEYOND: Final = 16  # of those, above the highest known number: others under way, and what came in just then
SETTLE_SECONDS: Final = (0.5, 10.0)
LONE_FAILURE_SECONDS: Final = 900.0
_SETTLE_CHECK_SECONDS: Final = 0.02
_MAX_SERVER_ERRORS: Final = 8  # for a message at which the server fails while it takes others
_log: Final = logging.getLogger("tabsmith.telegram")


@dataclass(slots=True)
class _Attempts:
    """The attempts at one message up to now."""

    failed: int = 0  # in a row
    server_errors: int = 0
    since: float = 0.0  # time of the first server error
    polled_at: float = 0.0  # at the first server error: the time of the last poll that was answered
    png: bytes = b""  # the message's chart, drawn once


class Sender:
    """Empties the outbox. `draw` makes the PNG of a chart; `may_receive(user)` is asked before each attempt.

    `settle` are seconds after the start: what was left in doubt is looked for when a poll was answered, but not before
    the first, and not after the second. A message at which the server fails for `lone_failure` seconds is given up if
    no other message shows that the server takes any, but polls are answered.
    """

    def __init__(
        self,
        api: BotApi,
        outbox: Outbox,
        status: StatusWriter,
        *,
        draw: Callable[[OutgoingChart], Awaitable[bytes]],
        may_receive: Callable[[int], bool],
        pacer: SendPacer | None = None,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
        edit_interval: float = EDIT_INTERVAL,
        settle: tuple[float, float] = SETTLE_SECONDS,
        lone_failure: float = LONE_FAILURE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._status = status
        self._draw = draw
        self._may_receive = may_receive
        self._pacer = pacer or SendPacer()
        self._backoff = backoff
        self._clock = clock
        self._settle = settle
        self._lone_failure = lone_failure
        self._started = clock()
        self._sent_at = float("-inf")
        self._running = False
        self._in_flight = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._chats: KeyedWorkers[int] = KeyedWorkers(self._due, self._serve)
        self._live = LiveMessages(
            api, outbox, status, self._pacer, interval=edit_interval, backoff=backoff, clock=clock
        )
        outbox.listen(self._on_put)

    async def run(self) -> None:
        """Send until cancelled."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._chats.run())
                group.create_task(self._live.workers.run())
        finally:
            self._running = False

    def show(self, key: str, chat: int, message: OutgoingMessage) -> None:
        """Have the message that was put into the outbox under `key` read like this, once it was sent; the latest wins."""
        self._live.show(key, chat, message)

    async def drain(self, seconds: float) -> bool:
        """Send what the outbox holds, for at most so many seconds; returns whether it is empty then."""
        helper = None if self._running else asyncio.create_task(self.run())
        try:
            async with asyncio.timeout(seconds):
                while not (self._chats.idle and self._live.workers.idle):
                    await self._chats.until_idle()
                    await self._live.workers.until_idle()
        except TimeoutError:
            return False
        finally:
            if helper is not None:
                helper.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await helper
        return True

    def _on_put(self) -> None:
        self._status.note(to_send=len(self._outbox.pending()))
        self._chats.wake()

    def _due(self) -> Iterable[int]:
        return dict.fromkeys(entry.chat for entry in self._outbox.pending())

    async def _serve(self, chat: int) -> None:
        while (entry := self._outbox.first(chat)) is not None:
            await self._deliver(entry)
            self._status.note(to_send=len(self._outbox.pending()))
            self._live.workers.wake()

    # One message -----------------------------------------------------------------------------------------------------

    async def _deliver(self, entry: OutboxEntry) -> None:
        """Try until the message is sent or given up."""
        attempts = _Attempts()
        key, chat = entry.key, entry.chat
        while (current := self._outbox.first(chat)) is not None and current.key == key:
            if current.outgoing != entry.outgoing:
                entry, attempts = current, _Attempts()  # its fallback text goes out instead
            try:
                await self._attempt(current, attempts)
            except TooManyRequestsError as error:
                self._pacer.hold(chat, self._clock() + error.retry_after)
            except (RejectedError, UnsendableFileError) as error:
                self._give_up(current, str(error))
            except BotApiError as error:
                await self._after_failure(current, error, attempts)
            except StorageError as error:
                attempts.failed += 1
                self._status.trouble("sending", error.what)
                await asyncio.sleep(self._backoff.after(attempts.failed))
            except Exception as error:  # noqa: BLE001 - a fault of ours in one must not hold up all others
                _log.exception("A message could not be made")
                self._give_up(current, f"a fault in tabsmith: {type(error).__name__}")

    async def _attempt(self, entry: OutboxEntry, attempts: _Attempts) -> None:
        if not self._may_receive(entry.user):
            self._abandon(entry, "no longer on the list of those who may use the bridge")
            return
        if entry.state == "in doubt":
            await self._wait_to_settle()
            message_id = await self._find(entry)
            if message_id is not None:
                self._record_sent(entry, message_id)
                return
            self._outbox.not_sent(entry.key)
        if isinstance(entry.outgoing, OutgoingChart) and not attempts.png:
            attempts.png = await self._draw(entry.outgoing)
        message_id = None
        while message_id is None:
            while (delay := self._pacer.delay(entry.chat, self._clock())) > 0:
                await asyncio.sleep(delay)
            async with self._in_flight:
                if self._pacer.delay(entry.chat, self._clock()) <= 0:  # others may have gone first meanwhile
                    message_id = await self._send(entry, attempts.png)
        self._record_sent(entry, message_id)

    async def _send(self, entry: OutboxEntry, png: bytes) -> int:
        """Send the message now; from here on it is in doubt."""
        self._outbox.sending(entry.key)
        self._pacer.take(entry.chat, self._clock())
        try:
            if isinstance(entry.outgoing, OutgoingChart):
                return await self._api.send_photo(entry.chat, png, entry.outgoing.caption, entry.outgoing.silent)
            return await self._api.send(entry.chat, entry.outgoing)
        except BotApiError as error:
            if not _may_have_arrived(error):
                self._outbox.not_sent(entry.key)
            raise

    async def _wait_to_settle(self) -> None:
        """Wait until what an earlier process sent has arrived if it ever does, and what came in meanwhile is known."""
        least, most = self._settle
        while True:
            since = self._clock() - self._started
            if since >= most or (since >= least and self._status.now.polled_at > 0):
                return
            await asyncio.sleep(_SETTLE_CHECK_SECONDS)

    async def _find(self, entry: OutboxEntry) -> int | None:
        """The number of a message that may have been sent, if it is in the chat."""
        keyboard: Keyboard = () if isinstance(entry.outgoing, OutgoingChart) else entry.outgoing.keyboard
        for message_id in islice(self._outbox.unknown(entry.after, _PROBES_BEYOND), MAX_PROBES):
            while (delay := self._pacer.probe_delay(entry.chat, self._clock())) > 0:
                await asyncio.sleep(delay)
            self._pacer.take_probe(self._clock())
            if await self._api.arrived(entry.chat, message_id, keyboard):
                return message_id
        return None

    async def _after_failure(self, entry: OutboxEntry, error: BotApiError, attempts: _Attempts) -> None:
        """Wait before the next attempt, or give up a message that alone keeps the server from answering."""
        attempts.failed += 1
        self._status.trouble("sending", f"A message is not sent yet: {error}")
        if isinstance(error, ServerError):
            now = self._clock()
            if attempts.server_errors == 0:
                attempts.since, attempts.polled_at = now, self._status.now.polled_at
            attempts.server_errors += 1
            takes_others = self._sent_at > attempts.since
            answers_polls = (
                self._status.now.polled_at > attempts.polled_at and now - attempts.since > self._lone_failure
            )
            if attempts.server_errors >= _MAX_SERVER_ERRORS and (takes_others or answers_polls):
                self._give_up(entry, f"the server failed at it {attempts.server_errors} times: {error}")
                return
        await asyncio.sleep(self._backoff.after(attempts.failed))

    # Its outcome -----------------------------------------------------------------------------------------------------

    def _record_sent(self, entry: OutboxEntry, message_id: int) -> None:
        self._sent_at = self._clock()
        self._status.note(sent=self._status.now.sent + 1)
        self._outbox.sent(entry.key, message_id)

    def _give_up(self, entry: OutboxEntry, why: str) -> None:
        """Send the fallback text of a chart or a file instead; abandon a message that has none."""
        if not fallback_text(entry.outgoing):
            self._abandon(entry, why)
            return
        self._status.trouble("sending", f"A picture or a file was not sent, its text was: {why}")
        try:
            self._outbox.instead(entry.key, why)
        except StorageError as error:
            self._status.trouble("sending", error.what)

    def _abandon(self, entry: OutboxEntry, why: str) -> None:
        self._status.note(gave_up=self._status.now.gave_up + 1)
        self._status.trouble("sending", f"A message could not be delivered: {why}")
        try:
            self._outbox.gave_up(entry.key, why)
        except StorageError as error:
            self._status.trouble("sending", error.what)


def _may_have_arrived(error: BotApiError) -> bool:
    if isinstance(error, UnreachableError):
        return error.received == "perhaps"
    return isinstance(error, ServerError)
