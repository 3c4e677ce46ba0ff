"""The agent server, one process for each run: `python -m tabsmith.agents.server.agent_server` reads messages from stdin.

Model clients and coding agents live here, with their libraries, threads and programs, so that the run's worker has none
of them and can go on forking. The server ends with its stdin, on SIGTERM and with its parent, and ends every process
that was started here.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NoReturn

import msgspec

from tabsmith import config
from tabsmith.agents.api_keys import redact
from tabsmith.agents.backend import backend
from tabsmith.agents.protocol import AgentErrorKind, AgentName, ModelClient, ModelReply, ModelRequest
from tabsmith.agents.server.job_runner import JobRunner
from tabsmith.agents.server.messages import (
    MAX_REPLY_CHARACTERS,
    AgentJobFinished,
    AnswerPermission,
    AskModel,
    CallFailed,
    CancelCall,
    ClientMessage,
    ModelAnswered,
    ReplyReceived,
    ServerMessage,
    StartAgentJob,
    error_text,
    valid_reply,
    valid_text,
)
from tabsmith.errors import AgentError, AgentRateLimitError, AgentTimeoutError, TabsmithError
from tabsmith.processes import adopt_orphans, die_with_parent, kill_children
from tabsmith.text import clean_block, plural

GRACE_SECONDS: Final = 15.0
"""Seconds past a call's own time after which a client is given up that did not keep the time itself."""

CLOSE_SECONDS: Final = 2.0
"""Seconds for calls to end well, and again for clients to close. The worker waits for both."""

MAX_END_SECONDS: Final = 6.0
"""Seconds from SIGTERM to the end of the process, whatever blocks it."""

_log: Final = logging.getLogger(__name__)
_DECODER: Final = msgspec.json.Decoder(ClientMessage)


class AgentServer:
    """The model clients, and the calls under way. `send` gets every message to the worker."""

    def __init__(self, send: Callable[[ServerMessage], None]) -> None:
        self._send = send
        self._clients: dict[AgentName, ModelClient] = {}
        self._jobs = JobRunner(send)
        self._calls: dict[str, asyncio.Task[None]] = {}  # by session

    def receive(self, message: ClientMessage) -> None:
        """Begin what the message asks for.

        Every `AskModel` is followed by one `ModelAnswered` or `CallFailed`, every `StartAgentJob` by one
        `AgentJobFinished` or `CallFailed`, also if it is cancelled.
        """
        match message:
            case AskModel(agent, request):
                self._begin(request.session, agent, partial(self._answer, agent, request))
            case StartAgentJob(agent, job):
                self._begin(job.session, agent, partial(self._jobs.run, agent, job, GRACE_SECONDS))
            case AnswerPermission(session, request_id, answer):
                self._jobs.answer_permission(session, request_id, answer)
            case CancelCall(session):
                if session in self._calls:
                    self._calls[session].cancel()

    async def close(self) -> None:
        """End every call and close every client. What does not end by itself in time is left."""
        calls = list(self._calls.values())
        for call in calls:
            call.cancel()
        await _ended(calls)
        closing = [asyncio.ensure_future(client.close()) for client in self._clients.values()]
        for closed in await _ended(closing):
            if not closed.cancelled() and (error := closed.exception()) is not None:
                _log.warning("A model client did not close well", exc_info=error)

    def _begin(
        self, session: str, agent: AgentName, work: Callable[[], Awaitable[ModelAnswered | AgentJobFinished]]
    ) -> None:
        call = self._calls[session] = asyncio.create_task(self._call(session, agent, work))
        call.add_done_callback(lambda _: self._over(session, call))

    def _over(self, session: str, call: asyncio.Task[None]) -> None:
        self._calls.pop(session, None)
        if call.cancelled():
            self._send(CallFailed(session, "program", "The call was cancelled."))

    async def _call(
        self, session: str, agent: AgentName, work: Callable[[], Awaitable[ModelAnswered | AgentJobFinished]]
    ) -> None:
        try:
            self._send(await work())
        except TabsmithError as error:
            self._send(_failed(session, error))
        except Exception as error:  # noqa: BLE001 - the edge of the process: its log gets the traceback
            _log.error("A call of %s failed", agent, exc_info=error)
            self._send(
                CallFailed(
                    session,
                    "program",
                    error_text(f"{type(error).__name__}: {error}"),
                    "This is a fault in tabsmith: please report it; the run's log has the details.",
                )
            )

    async def _answer(self, agent: AgentName, request: ModelRequest) -> ModelAnswered:
        client = self._clients.get(agent)
        if client is None:
            client = self._clients[agent] = backend(agent).make_client(config.load().agents)

        def on_reply(reply: ModelReply) -> None:
            self._send(ReplyReceived(request.session, valid_reply(reply)))

        timeout = asyncio.timeout(request.seconds + GRACE_SECONDS)
        try:
            async with timeout:
                text = valid_text(await client.ask(request, on_reply))
        except TimeoutError:
            if not timeout.expired():
                raise
            raise AgentTimeoutError(f"No answer came within {request.seconds:,.0f} s.") from None
        if len(text) > MAX_REPLY_CHARACTERS:
            raise AgentError(f"The answer is {plural(len(text), 'character')} long, which is no recipe.")
        return ModelAnswered(request.session, text)


async def _ended(tasks: Sequence[asyncio.Future[None]]) -> set[asyncio.Future[None]]:
    """Wait for the tasks, and return those that ended in time."""
    return (await asyncio.wait(tasks, timeout=CLOSE_SECONDS))[0] if tasks else set()


def _failed(session: str, error: TabsmithError) -> CallFailed:
    kind = msgspec.convert(error.trouble if isinstance(error, AgentError) else AgentError.trouble, AgentErrorKind)
    retry_after = error.retry_after if isinstance(error, AgentRateLimitError) else None
    return CallFailed(session, kind, error_text(error.what), error_text(error.next_step), retry_after)


class _LogHandler(logging.Handler):
    """Writes the log of this process and its libraries to stderr, which is the run's log, without keys."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(clean_block(redact(self.format(record))) + "\n")
        sys.stderr.flush()


class _Stdin(asyncio.Protocol):
    """Reads messages from stdin; `on_end` is called when stdin ends."""

    def __init__(self, on_message: Callable[[ClientMessage], None], on_end: Callable[[], object]) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._unread: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        first, *others = data.split(b"\n")
        self._unread.append(first)
        for other in others:
            self._on_message(_DECODER.decode(b"".join(self._unread)))
            self._unread = [other]

    def connection_lost(self, _error: Exception | None) -> None:
        self._on_end()


async def _serve(stdin: int, stdout: int) -> None:
    def send(message: ServerMessage) -> None:
        # Blocking, which keeps the order; the worker always reads. If the worker is gone, nobody is left to tell.
        with contextlib.suppress(BrokenPipeError):
            _write_line(stdout, msgspec.json.encode(message))

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_sigterm(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, MAX_END_SECONDS)
        loop.call_soon_threadsafe(stop.set)

    # Not the loop's own signal handlers: a library that blocks the loop would block those as well.
    signal.signal(signal.SIGALRM, lambda *_: _exit(1))
    signal.signal(signal.SIGTERM, on_sigterm)
    server = AgentServer(send)
    await loop.connect_read_pipe(lambda: _Stdin(server.receive, stop.set), os.fdopen(stdin, "rb", buffering=0))
    await stop.wait()
    await server.close()


def _write_line(descriptor: int, line: bytes) -> None:
    data = memoryview(line + b"\n")
    while data:
        data = data[os.write(descriptor, data) :]


def _take_pipes() -> tuple[int, int]:
    """Move stdin and stdout to descriptors that no library and no child knows. Whatever those print goes to stderr, and
    there is nothing for them to read."""
    stdin, stdout = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return stdin, stdout


def main() -> NoReturn:
    """Serve until stdin ends or SIGTERM comes, and leave no process behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c in the terminal is for the screen
    logging.basicConfig(level=logging.WARNING, handlers=[_LogHandler()])
    stdin, stdout = _take_pipes()
    adopt_orphans()
    die_with_parent(os.getppid(), signal.SIGTERM)
    # Not asyncio.run, which would wait for threads: a library's thread may hang in the look-up of a name.
    asyncio.new_event_loop().run_until_complete(_serve(stdin, stdout))
    _exit(0)


def _exit(status: int) -> NoReturn:
    kill_children()
    os._exit(status)


if __name__ == "__main__":
    main()
