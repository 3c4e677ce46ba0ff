"""The bridge: a process of its own that talks to people over Telegram until it is told to end."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Final

from tabsmith.config.settings import Settings
from tabsmith.errors import StorageError, UsageError
from tabsmith.runs.fork_server import WITHHELD_VARIABLES
from tabsmith.runs.supervisor import Supervisor
from tabsmith.storage import OwnerLock
from tabsmith.telegram.bot_token import BotToken, bot_token, server_address
from tabsmith.telegram.chat.access_control import AccessControl
from tabsmith.telegram.chat.context import BridgeContext
from tabsmith.telegram.chat.dispatcher import Dispatcher
from tabsmith.telegram.chat.notifications import FOLLOW_INTERVAL, RunFollower
from tabsmith.telegram.chat.update_queue import UpdateQueue
from tabsmith.telegram.chat_state import ChatStates
from tabsmith.telegram.health import EXPECTED_KINDS, token_source
from tabsmith.telegram.paths import BridgePaths
from tabsmith.telegram.render.help import COMMANDS
from tabsmith.telegram.render.messages import OutgoingChart, OutgoingMessage
from tabsmith.telegram.render.text import line, mixed
from tabsmith.telegram.service import pending_test_messages, require_not_running
from tabsmith.telegram.status import BridgeStatus, StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.errors import BotApiError, UnauthorizedError
from tabsmith.telegram.transport.inbox import Inbox
from tabsmith.telegram.transport.outbox import Outbox
from tabsmith.telegram.transport.polling import Poller
from tabsmith.telegram.transport.sending import Sender
from tabsmith.text import plural
from tabsmith.version import __version__

_log: Final = logging.getLogger(__name__)
_ASK_AGAIN: Final = 30.0  # seconds, when Telegram could not be asked who we are
_WARM_AFTER: Final = 2.0  # seconds
_ENDS_WITHIN: Final = 3.0  # seconds for what is being answered, and again for what is to be sent


class TokenRefusedError(UsageError):
    """Telegram does not know the token."""


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises ConfigError, BridgeRunningError, TokenRefusedError and StorageError.
    """
    return asyncio.run(serve(settings))


async def serve(settings: Settings) -> int:
    """`run`, within a loop."""
    token = bot_token(settings)
    place = BridgePaths.of(token.bot)
    require_not_running(place)
    source = token_source()
    with OwnerLock(place.lock):
        for name in WITHHELD_VARIABLES:  # no process that is started here has a use for it
            os.environ.pop(name, None)
        async with _opened(settings, token, place, source) as bridge:
            await bridge.serve()
    return 0


class Bridge:
    """The parts, put together."""

    def __init__(self, office: BridgeContext, inbox: Inbox) -> None:
        self._office = office
        self._inbox = inbox
        self._desk = Dispatcher(office)
        self._reception = UpdateQueue(office, inbox, self._desk)
        self._poller = Poller(office.api, inbox, office.status, self._reception.receive)
        self._following = RunFollower(office)
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_to_end = asyncio.Event()

    async def serve(self) -> None:
        """Until a signal comes, or a part of it fails."""
        office = self._office
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_end.set)
        ended = self._begin(self._wait_for_the_end())
        introduced = self._begin(self._introduce())
        await asyncio.wait([introduced, ended], return_when=asyncio.FIRST_COMPLETED)
        if not introduced.done():  # told to end while Telegram kept us waiting
            await self._cancelled()
            return
        introduced.result()
        office.status.note(handlers=(*self._desk.commands.names, *EXPECTED_KINDS))
        waiting = self._inbox.waiting()
        await self._desk.take_up(frozenset(str(each.update_id) for each in waiting))
        for each in waiting:
            self._reception.take(each, again=True)
        parts = [
            self._begin(part) for part in (self._poller.run(), self._send(), self._following.run(), self._requests())
        ]
        self._begin(self._warm())
        try:
            await asyncio.wait([*parts, ended], return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()  # a part that ended by itself failed: say why
        finally:
            await self._end(parts, ended)

    async def _introduce(self) -> None:
        """Ask Telegram who we are. A token that it refuses ends the bridge at once; any other trouble is waited out."""
        office = self._office
        try:
            await self._ask_who()
        except UnauthorizedError:
            raise TokenRefusedError(
                "Telegram refuses the bot's token.",
                where=f"telegram.token, from {office.token_from}",
                next_step="Ask @BotFather for the token of your bot, then: tabsmith config set telegram.token -",
            ) from None
        except BotApiError as failure:
            office.status.trouble("polling", str(failure))
            self._begin(self._introduce_later())
        people = plural(len(office.settings.telegram.allowed_users), "person", "people")
        _log.info("%s: process %s, %s on the list", office.status.now.bot or "not reached yet", os.getpid(), people)

    async def _introduce_later(self) -> None:
        while not self._office.status.now.bot:
            await asyncio.sleep(_ASK_AGAIN)
            with contextlib.suppress(BotApiError):  # the polls tell that Telegram cannot be reached
                await self._ask_who()

    async def _ask_who(self) -> None:
        me = await self._office.api.me()
        await self._office.api.set_commands(COMMANDS)
        self._office.status.note(bot=f"@{me.username}" if me.username else str(me.id))

    # The other parts ----------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Sending begins when all that came in before is known: a message that is in doubt after a kill is looked for
        among the numbers above those, and a backlog has as many as it is long."""
        await self._poller.caught_up.wait()
        await self._office.sender.run()

    async def _requests(self) -> None:
        """What others on this machine ask of the bridge: test messages, and how it is."""
        office = self._office
        offset = pending_test_messages(office.place).next_offset
        while True:
            await asyncio.sleep(FOLLOW_INTERVAL)
            office.status.flush()
            try:
                chunk = pending_test_messages(office.place, offset)
                for asked in chunk.values:
                    seat = office.seat(asked.user)
                    if seat is not None:
                        office.outbox.put(
                            f"test/{asked.id}", seat.user, seat.chat, OutgoingMessage(line(mixed(asked.text)))
                        )
                offset = chunk.next_offset
            except StorageError as error:
                office.status.trouble("handling", str(error))

    async def _warm(self) -> None:
        """The warm spare is started when the bridge has said what it had to say; before that only for who needs it."""
        await asyncio.sleep(_WARM_AFTER)
        await self._office.supervisor.start()

    async def _wait_for_the_end(self) -> None:
        await self._told_to_end.wait()

    def _begin(self, part: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(part)
        self._tasks.add(task)
        return task

    async def _end(self, parts: list[asyncio.Task[None]], ended: asyncio.Task[None]) -> None:
        """No more is taken in; what is being answered is finished, what is to be sent is sent, as far as seconds go."""
        poller, sender, *others = parts
        for task in (poller, *others, ended):
            task.cancel()
        await self._reception.close(_ENDS_WITHIN)
        await self._desk.work.close()
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        with contextlib.suppress(BotApiError, TimeoutError):
            await self._office.sender.drain(_ENDS_WITHIN)
        await self._cancelled()

    async def _cancelled(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _opened(settings: Settings, token: BotToken, place: BridgePaths, source: str) -> AsyncIterator[Bridge]:
    """The bridge with its files and connections, closed at the end."""
    server = server_address(settings)
    status = StatusWriter(
        place,
        BridgeStatus(pid=os.getpid(), started_at=time.time(), server=server, token_from=source, version=__version__),
    )
    status.write()
    api = BotApi(token, server, settings.telegram.timeout)
    inbox, outbox = Inbox(place.inbox), Outbox(place.outbox)
    supervisor = Supervisor()
    door = AccessControl(settings, status)
    sender = Sender(api, outbox, status, draw=_draw, may_receive=door.may)
    office = BridgeContext(
        place=place,
        door=door,
        status=status,
        api=api,
        outbox=outbox,
        sender=sender,
        supervisor=supervisor,
        seats=ChatStates(place),
        token_from=source,
        server=server,
    )
    try:
        yield Bridge(office, inbox)
    finally:
        await supervisor.close()
        await api.close()
        inbox.close()
        outbox.close()
        status.note(stopped_at=time.time())
        status.flush()
        _log.info("the bridge has ended")


async def _draw(chart: OutgoingChart) -> bytes:
    from tabsmith.reports.charts import draw_chart
    from tabsmith.runs.watch import RunWatch

    return await asyncio.to_thread(lambda: draw_chart(chart.kind, RunWatch(chart.run_id).refresh()))
