"""The reception: who an update is from, whether they get in, and everybody's updates one after the other."""

import asyncio
from typing import Final

from tabsmith.errors import StorageError
from tabsmith.telegram.chat.context import BridgeContext
from tabsmith.telegram.chat.dispatcher import Dispatcher
from tabsmith.telegram.transport import updates
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate

_TRY_AGAIN: Final = 5.0  # seconds, when an answer could not be put on disk
_LOOK_EVERY: Final = 0.02


class UpdateQueue:
    """Brings updates to the desk. People do not wait for each other."""

    def __init__(self, office: BridgeContext, inbox: Inbox, desk: Dispatcher) -> None:
        self._office = office
        self._inbox = inbox
        self._desk = desk
        self._queues: dict[int, asyncio.Queue[tuple[updates.Update, ReceivedUpdate, bool]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, batch: tuple[ReceivedUpdate, ...]) -> None:
        """Updates that have just come in."""
        for each in batch:
            self.take(each, again=False)

    def take(self, received: ReceivedUpdate, *, again: bool) -> None:
        """Bring an update to whom it belongs. Who is not on the list is not answered, whatever they sent."""
        update = received.update
        try:
            self._office.outbox.seen(updates.message_number(update))
        except StorageError as error:  # only a search after a kill is harder without it
            self._office.status.trouble("handling", str(error))
        meant = updates.parse_update(update)
        if isinstance(meant, updates.IgnoredUpdate):
            self._turn_away(received, meant.user, meant.reason)
            return
        user = meant.person.id
        if not self._office.door.may(user):
            self._turn_away(received, user, "not on the list of telegram.allowed_users")
            return
        if user not in self._queues:
            self._queues[user] = asyncio.Queue()
            self._tasks.add(asyncio.ensure_future(self._answer_all(user)))
        self._queues[user].put_nowait((meant, received, again))
        self._count()

    def _turn_away(self, received: ReceivedUpdate, user: int, reason: str) -> None:
        self._office.door.turned_away(user, reason)
        try:
            self._handled(received)
        except StorageError as error:  # it is turned away again after a restart
            self._office.status.trouble("handling", str(error))

    async def _answer_all(self, user: int) -> None:
        """One person's updates, in order."""
        queue = self._queues[user]
        while True:
            meant, received, again = await queue.get()
            while not await self._answered(meant, received, again=again):
                again = True
                await asyncio.sleep(_TRY_AGAIN)

    async def _answered(self, meant: updates.Update, received: ReceivedUpdate, *, again: bool) -> bool:
        """Whether an update was answered; one that a full disk kept from it stays, and is tried again."""
        try:
            if self._office.door.may(meant.person.id):  # they may have been taken off the list meanwhile
                await self._desk.handle(meant, str(received.update_id), again=again)
            self._handled(received)
        except StorageError as error:
            self._office.status.trouble("handling", str(error))
            return False
        return True

    def _handled(self, received: ReceivedUpdate) -> None:
        self._inbox.handled(received.update_id)
        self._office.status.note(handled=self._office.status.now.handled + 1)
        self._count()

    def _count(self) -> None:
        waiting = self._inbox.waiting()
        self._office.status.note(waiting=len(waiting), waiting_since=waiting[0].at if waiting else 0.0)

    async def close(self, seconds: float) -> None:
        """Finish what is being answered, for at most so long; the rest is answered by the next bridge."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._inbox.waiting() and loop.time() < deadline:
            await asyncio.sleep(_LOOK_EVERY)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
