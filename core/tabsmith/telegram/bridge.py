"""The bridge: a process of its own that talks to people over Telegram until it is told to end."""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Final

import msgspec

from tabsmith.config.settings import Settings
from tabsmith.errors import StorageError, UsageError
from tabsmith.runs.fork_server import WITHHELD_VARIABLES
from tabsmith.runs.supervisor import Supervisor
from tabsmith.storage import OwnerLock
from tabsmith.telegram.bot_token import BotToken, bot_token, server_address
from tabsmith.telegram.chat.access_control import AccessControl
from tabsmith.telegram.chat.commands import HANDLERS
from tabsmith.telegram.chat.context import BridgeContext
from tabsmith.telegram.chat.dispatcher import Dispatcher
from tabsmith.telegram.chat.jobs import ChatJobs
from tabsmith.telegram.chat.notifications import FOLLOW_INTERVAL, RunFollower
from tabsmith.telegram.chat.update_queue import UpdateQueue
from tabsmith.telegram.chat_state import ChatStates
from tabsmith.telegram.health import token_source
from tabsmith.telegram.render.messages import OutgoingChart, OutgoingMessage
from tabsmith.telegram.render.settings import COMMANDS
from tabsmith.telegram.render.text import line, mixed
from tabsmith.telegram.service import pending_test_messages, require_not_running
from tabsmith.telegram.status import BridgePaths, BridgeStatus, StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.inbox import Inbox
from tabsmith.telegram.transport.outbox import Outbox
from tabsmith.telegram.transport.pacing import SendPacer, SendRates
from tabsmith.telegram.transport.polling import Poller
from tabsmith.telegram.transport.sending import EDIT_INTERVAL, SETTLE_SECONDS, Sender
from tabsmith.telegram.transport.updates import UPDATE_KINDS, BotApiError, UnauthorizedError
from tabsmith.text import plural
from tabsmith.version import __version__

_log: Final = logging.getLogger(__name__)
_INTRODUCE_INTERVAL: Final = 30.0  # seconds between two tries to ask Telegram who the bot is
_REQUEST_INTERVAL: Final = 1.0  # seconds between two looks for requests of other programs
_PRELOAD_AFTER: Final = 2.0  # seconds
_END_SECONDS: Final = 3.0  # for what is being answered, and again for what is to be sent


class BridgeTiming(msgspec.Struct, frozen=True):
    """How fast the bridge sends, and how often it looks; tests have a quicker one."""

    rates: SendRates = SendRates()
    settle: tuple[float, float] = SETTLE_SECONDS
    edit_interval: float = EDIT_INTERVAL
    follow_interval: float = FOLLOW_INTERVAL


class TokenRefusedError(UsageError):
    """Telegram does not know the token."""


def run(settings: Settings, timing: BridgeTiming = BridgeTiming()) -> int:  # noqa: B008 - frozen
    """Serve until SIGTERM or SIGINT; returns the exit status.

    Raises ConfigError, BridgeRunningError, TokenRefusedError and StorageError.
    """
    return asyncio.run(serve(settings, timing))


async def serve(settings: Settings, timing: BridgeTiming) -> int:
    """`run`, within an event loop."""
    token = bot_token(settings)
    paths = BridgePaths.of(token.bot)
    require_not_running(paths)
    source = token_source()
    with OwnerLock(paths.lock):
        for name in WITHHELD_VARIABLES:  # no process that is started here has a use for the token
            os.environ.pop(name, None)
        async with _open_bridge(settings, timing, token, paths, source) as bridge:
            await bridge.serve()
    return 0


class Bridge:
    """Polling, the update queue, the dispatcher, sending and the run follower, at work together."""

    def __init__(self, context: BridgeContext, inbox: Inbox, timing: BridgeTiming) -> None:
        self._context = context
        self._inbox = inbox
        self._dispatcher = Dispatcher(context)
        self._queue = UpdateQueue(context, inbox, self._dispatcher)
        self._poller = Poller(context.api, inbox, context.status, self._queue.receive, accepts=self._queue.accepts)
        self._follower = RunFollower(context, timing.follow_interval)
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_to_end = asyncio.Event()

    async def serve(self) -> None:
        """Serve until a signal comes, or until one of the parts fails, whose error is raised."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told_to_end.set)
        ended = self._start(self._wait_for_the_end())
        introduced = self._start(self._introduce())
        await asyncio.wait([introduced, ended], return_when=asyncio.FIRST_COMPLETED)
        if not introduced.done():  # told to end while Telegram kept the bridge waiting
            await self._cancel_all()
            return
        introduced.result()
        self._context.status.note(handlers=(*HANDLERS, *UPDATE_KINDS))
        waiting = self._inbox.waiting()
        await self._dispatcher.restore(frozenset(str(received.update_id) for received in waiting))
        for received in waiting:
            self._queue.put(received, repeated=True)
        parts = [
            self._start(part)
            for part in (self._poller.run(), self._send(), self._follower.run(), self._serve_requests())
        ]
        self._start(self._preload())
        try:
            await asyncio.wait([*parts, ended], return_when=asyncio.FIRST_COMPLETED)
            for part in parts:
                if part.done():
                    part.result()  # a part that ended by itself failed: raise its error
        finally:
            await self._end(parts, ended)

    async def _introduce(self) -> None:
        """Ask Telegram who the bot is. A token that it refuses ends the bridge; any other trouble is waited out."""
        context = self._context
        try:
            await self._ask_who()
        except UnauthorizedError:
            raise TokenRefusedError(
                "Telegram refuses the bot's token.",
                where=f"telegram.token, from {context.token_from}",
                next_step="Ask @BotFather for the token of your bot, then: tabsmith config set telegram.token -",
            ) from None
        except BotApiError as error:
            context.status.trouble("polling", str(error))
            self._start(self._introduce_later())
        people = plural(len(context.settings.telegram.allowed_users), "person", "people")
        _log.info("%s: process %s, %s on the list", context.status.now.bot or "not reached yet", os.getpid(), people)

    async def _introduce_later(self) -> None:
        while not self._context.status.now.bot:
            await asyncio.sleep(_INTRODUCE_INTERVAL)
            with contextlib.suppress(BotApiError):  # the polls tell that Telegram cannot be reached
                await self._ask_who()

    async def _ask_who(self) -> None:
        me = await self._context.api.me()
        await self._context.api.set_commands(COMMANDS)
        self._context.status.note(bot=f"@{me.username}" if me.username else str(me.id))

    # The other parts ----------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Send once all that had come in before is known.

        A message that is in doubt after a kill is looked for among the message numbers above those that came in.
        """
        await self._poller.caught_up.wait()
        await self._context.sender.run()

    async def _serve_requests(self) -> None:
        """Do what other programs of this machine ask of the bridge: send test messages, and say how it is."""
        context = self._context
        offset = pending_test_messages(context.paths).next_offset
        while True:
            await asyncio.sleep(_REQUEST_INTERVAL)
            context.status.flush()
            try:
                requests = pending_test_messages(context.paths, offset)
                for request in requests.values:
                    chat = context.chat(request.user)
                    if chat is not None:
                        message = OutgoingMessage(line(mixed(request.text)))
                        context.outbox.put(f"test/{request.id}", chat.user, chat.chat_id, message)
                offset = requests.next_offset
            except StorageError as error:
                context.status.trouble("handling", str(error))

    async def _preload(self) -> None:
        """Start the fork server once the bridge has said what it had to say; before that only a job starts it."""
        await asyncio.sleep(_PRELOAD_AFTER)
        await self._context.supervisor.start()

    async def _wait_for_the_end(self) -> None:
        await self._told_to_end.wait()

    def _start(self, part: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(part)
        self._tasks.add(task)
        return task

    async def _end(self, parts: list[asyncio.Task[None]], ended: asyncio.Task[None]) -> None:
        """Take nothing more in; finish what is being answered and send what is to be sent, within a few seconds."""
        poller, sender, *others = parts
        for task in (poller, *others, ended):
            task.cancel()
        await self._queue.close(_END_SECONDS)
        await self._context.jobs.close()
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        with contextlib.suppress(BotApiError, TimeoutError):
            await self._context.sender.drain(_END_SECONDS)
        await self._cancel_all()

    async def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _open_bridge(
    settings: Settings, timing: BridgeTiming, token: BotToken, paths: BridgePaths, source: str
) -> AsyncIterator[Bridge]:
    """The bridge with its files and connections, closed at the end."""
    server = server_address(settings)
    status = StatusWriter(
        paths,
        BridgeStatus(pid=os.getpid(), started_at=time.time(), server=server, token_from=source, version=__version__),
    )
    status.write()
    api = BotApi(token, server, settings.telegram.timeout)
    inbox, outbox = Inbox(paths.inbox), Outbox(paths.outbox)
    supervisor = Supervisor()
    access = AccessControl(settings, status)
    sender = Sender(
        api,
        outbox,
        status,
        draw=_draw,
        may_receive=access.allows,
        pacer=SendPacer(timing.rates),
        edit_interval=timing.edit_interval,
        settle=timing.settle,
    )
    context = BridgeContext(
        paths=paths,
        access=access,
        status=status,
        api=api,
        outbox=outbox,
        sender=sender,
        supervisor=supervisor,
        chat_states=ChatStates(paths),
        token_from=source,
        server=server,
    )
    context.jobs = ChatJobs(context)
    try:
        yield Bridge(context, inbox, timing)
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
    from tabsmith.reports.findings_chart import findings_chart
    from tabsmith.runs.watch import RunWatch

    kind, findings = chart.kind, chart.findings
    if findings is not None:
        return await asyncio.to_thread(findings_chart, findings)
    assert kind != "findings", "a picture of findings holds them"
    return await asyncio.to_thread(lambda: draw_chart(kind, RunWatch(chart.run_id).refresh()))
