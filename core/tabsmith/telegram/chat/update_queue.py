"""The queue of received updates: access is checked, then each person's updates are answered in order.

People do not wait for each other.
"""

import asyncio
from typing import Final

import msgspec

from tabsmith.errors import StorageError
from tabsmith.telegram.chat.context import BridgeContext
from tabsmith.telegram.chat.dispatcher import Dispatcher
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate
from tabsmith.telegram.transport.updates import IgnoredUpdate, RawUpdate, Update, message_number, parse_update

_NOT_LISTED: Final = "not on the list of telegram.allowed_users"
_RETRY_SECONDS: Final = 5.0  # when an answer could not be put on disk
_CLOSE_CHECK_SECONDS: Final = 0.02


class UpdateQueue:
    """One queue and one task for each person with updates; updates of strangers are only logged."""

    def __init__(self, bridge: BridgeContext, inbox: Inbox, dispatcher: Dispatcher) -> None:
        self._bridge = bridge
        self._inbox = inbox
        self._dispatcher = dispatcher
        self._queues: dict[int, asyncio.Queue[tuple[Update, ReceivedUpdate, bool]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def accepts(self, raw: RawUpdate) -> bool:
        """Whether an update is of a person who may talk to the bot. Of all others nothing is written but a line in the log."""
        decoded = msgspec.json.decode(raw.raw)
        update = parse_update(decoded)
        user = update.user if isinstance(update, IgnoredUpdate) else update.user.id
        if self._bridge.access.allows(user):
            return True
        self._bridge.access.log_refusal(user, update.reason if isinstance(update, IgnoredUpdate) else _NOT_LISTED)
        self._bridge.outbox.notice(message_number(decoded))
        return False

    def receive(self, batch: tuple[ReceivedUpdate, ...]) -> None:
        """Queue updates that have just come in."""
        for received in batch:
            self.put(received, repeated=False)

    def put(self, received: ReceivedUpdate, *, repeated: bool) -> None:
        """Queue an update for its sender; `repeated` if an earlier process may have begun to answer it."""
        raw = received.update
        try:
            self._bridge.outbox.seen(message_number(raw))
        except StorageError as error:  # only a search after a kill is harder without it
            self._bridge.status.trouble("handling", str(error))
        update = parse_update(raw)
        if isinstance(update, IgnoredUpdate):
            self._refuse(received, update.user, update.reason)
            return
        user = update.user.id
        if not self._bridge.access.allows(user):
            self._refuse(received, user, _NOT_LISTED)
            return
        if user not in self._queues:
            self._queues[user] = asyncio.Queue()
            self._tasks.add(asyncio.ensure_future(self._answer_all(user)))
        self._queues[user].put_nowait((update, received, repeated))
        self._count()

    def _refuse(self, received: ReceivedUpdate, user: int, reason: str) -> None:
        self._bridge.access.log_refusal(user, reason)
        try:
            self._mark_handled(received)
        except StorageError as error:  # it is refused again after a restart
            self._bridge.status.trouble("handling", str(error))

    async def _answer_all(self, user: int) -> None:
        queue = self._queues[user]
        while True:
            update, received, repeated = await queue.get()
            while not await self._answer(update, received, repeated=repeated):
                repeated = True
                await asyncio.sleep(_RETRY_SECONDS)

    async def _answer(self, update: Update, received: ReceivedUpdate, *, repeated: bool) -> bool:
        """Answer an update; False if a full disk kept it from being answered, so that it has to be tried again."""
        try:
            if self._bridge.access.allows(update.user.id):  # they may have been taken off the list meanwhile
                await self._dispatcher.handle(update, str(received.update_id), repeated=repeated)
            self._mark_handled(received)
        except StorageError as error:
            self._bridge.status.trouble("handling", str(error))
            return False
        return True

    def _mark_handled(self, received: ReceivedUpdate) -> None:
        self._inbox.handled(received.update_id)
        self._bridge.status.note(handled=self._bridge.status.now.handled + 1)
        self._count()

    def _count(self) -> None:
        waiting = self._inbox.waiting()
        self._bridge.status.note(waiting=len(waiting), waiting_since=waiting[0].at if waiting else 0.0)

    async def close(self, seconds: float) -> None:
        """Finish what is being answered, for at most so many seconds; the next bridge answers the rest."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._inbox.waiting() and loop.time() < deadline:
            await asyncio.sleep(_CLOSE_CHECK_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
