"""The agents' process, one for each run: `python -m tabsmith.agents.server.agent_server` reads requests (see wire.py) from stdin.

Here live the speakers and the hands, with their client libraries, their threads and their programs, so that the run's
worker has none of them and can go on forking. It ends when stdin does, when it is told to (SIGTERM) and with its
parent, and takes every process along that was started here.
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
from tabsmith.agents.protocol import AgentErrorKind, ModelAgentName, ModelClient, ModelReply, ModelRequest
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
    shorten,
    valid_text,
)
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentRateLimitError, AgentTimeoutError, TabsmithError
from tabsmith.processes import adopt_orphans, die_with_parent, kill_children
from tabsmith.text import clean_block, plural

GRACE_SECONDS: Final = 15.0
"""Seconds past the time of a question after which a speaker is given up that did not keep the time itself."""

_LAST_WORDS: Final = 2.0  # seconds for calls to end well, and again for speakers; the worker waits for both
_LONGEST_END: Final = 6.0  # seconds from SIGTERM to the end, whatever holds it up
_log: Final = logging.getLogger(__name__)
_REQUEST: Final = msgspec.json.Decoder(ClientMessage)


class AgentServer:
    """The speakers, and the calls that are under way. `tell` is given every notice."""

    def __init__(self, tell: Callable[[ServerMessage], None]) -> None:
        self._tell = tell
        self._speakers: dict[ModelAgentName, ModelClient] = {}
        self._errands = JobRunner(tell)
        self._calls: dict[str, asyncio.Task[None]] = {}  # by session

    def take(self, request: ClientMessage) -> None:
        """Begin what is asked for. Every `AskModel` is followed by one `ModelAnswered` or `CallFailed`, every `StartAgentJob` by one `AgentJobFinished` or
        `CallFailed`, also when it is cancelled."""
        match request:
            case AskModel(name, question):
                self._begin(question.session, name, partial(self._answer, name, question))
            case StartAgentJob(name, errand):
                self._begin(errand.session, name, partial(self._errands.carry_out, name, errand, GRACE_SECONDS))
            case AnswerPermission(session, permission, allowed):
                self._errands.permit(session, permission, allowed)
            case CancelCall(session):
                if session in self._calls:
                    self._calls[session].cancel()

    async def close(self) -> None:
        """End every call, and let go of every speaker. What does not end by itself is left."""
        calls = list(self._calls.values())
        for call in calls:
            call.cancel()
        await _ended(calls)
        closing = [asyncio.ensure_future(speaker.close()) for speaker in self._speakers.values()]
        for done in await _ended(closing):
            if not done.cancelled() and (error := done.exception()) is not None:
                _log.warning("A speaker did not end well", exc_info=error)

    def _begin(
        self, session: str, name: ModelAgentName, work: Callable[[], Awaitable[ModelAnswered | AgentJobFinished]]
    ) -> None:
        call = self._calls[session] = asyncio.create_task(self._call(session, name, work))
        call.add_done_callback(lambda _: self._over(session, call))

    def _over(self, session: str, call: asyncio.Task[None]) -> None:
        self._calls.pop(session, None)
        if call.cancelled():
            self._tell(CallFailed(session, "program", "The call was cancelled."))

    async def _call(
        self, session: str, name: ModelAgentName, work: Callable[[], Awaitable[ModelAnswered | AgentJobFinished]]
    ) -> None:
        try:
            self._tell(await work())
        except TabsmithError as error:
            self._tell(_failed(session, error))
        except Exception as error:  # noqa: BLE001 - the edge of the agents' process: its log gets the traceback
            _log.error("A call of %s failed", name, exc_info=error)
            self._tell(
                CallFailed(
                    session,
                    "program",
                    error_text(f"{type(error).__name__}: {error}"),
                    "This is a fault in tabsmith: please report it; the run's log has the details.",
                )
            )

    async def _answer(self, name: ModelAgentName, question: ModelRequest) -> ModelAnswered:
        speaker = self._speakers.get(name)
        if speaker is None:
            speaker = self._speakers[name] = _make(name, config.load().agents)

        def hear(turn: ModelReply) -> None:
            whole = msgspec.structs.replace(
                turn,
                text=shorten(valid_text(turn.text)),
                model=valid_text(turn.model),
                foreign=valid_text(turn.foreign),
            )
            self._tell(ReplyReceived(question.session, whole))

        patience = asyncio.timeout(question.seconds + GRACE_SECONDS)
        try:
            async with patience:
                text = valid_text(await speaker.ask(question, hear))
        except TimeoutError:
            if not patience.expired():
                raise
            raise AgentTimeoutError(f"No answer came within {question.seconds:,.0f} s.") from None
        if len(text) > MAX_REPLY_CHARACTERS:
            raise AgentError(f"The answer is {plural(len(text), 'character')} long, which is no recipe.")
        return ModelAnswered(question.session, text)


async def _ended(tasks: Sequence[asyncio.Future[None]]) -> set[asyncio.Future[None]]:
    """Those that have ended in time."""
    return (await asyncio.wait(tasks, timeout=_LAST_WORDS))[0] if tasks else set()


def _make(name: ModelAgentName, settings: AgentSettings) -> ModelClient:
    match name:
        case "llm":
            from tabsmith.agents.llm import providers

            return providers.make_client(settings)
        case "claude-code":
            from tabsmith.agents.claude_code import client as claude_code_client

            return claude_code_client.make_client(settings)
        case "acp":
            from tabsmith.agents.acp import client as acp_client

            return acp_client.make_client(settings)


def _failed(session: str, error: TabsmithError) -> CallFailed:
    trouble: AgentErrorKind = msgspec.convert(
        error.trouble if isinstance(error, AgentError) else AgentError.trouble, AgentErrorKind
    )
    retry_after = error.retry_after if isinstance(error, AgentRateLimitError) else None
    return CallFailed(session, trouble, error_text(error.what), error_text(error.next_step), retry_after)


class _Log(logging.Handler):
    """What this process and its libraries log, on stderr, which is the run's log: without keys."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(clean_block(redact(self.format(record))) + "\n")
        sys.stderr.flush()


class _Lines(asyncio.Protocol):
    """Stdin as requests; `ended` when it ends."""

    def __init__(self, take: Callable[[ClientMessage], None], ended: Callable[[], object]) -> None:
        self._take = take
        self._ended = ended
        self._unread: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        first, *others = data.split(b"\n")
        self._unread.append(first)
        for other in others:
            self._take(_REQUEST.decode(b"".join(self._unread)))
            self._unread = [other]

    def connection_lost(self, _error: Exception | None) -> None:
        self._ended()


async def _serve(requests: int, notices: int) -> None:
    def tell(notice: ServerMessage) -> None:
        # Blocking, which keeps the order; the worker always reads. Nobody is left to tell when it is gone.
        with contextlib.suppress(BrokenPipeError):
            _write_line(notices, msgspec.json.encode(notice))

    loop = asyncio.get_running_loop()
    told_to_end = asyncio.Event()

    def end(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, _LONGEST_END)
        loop.call_soon_threadsafe(told_to_end.set)

    # Not the loop's own handler: a library that holds the loop up would hold that up as well.
    signal.signal(signal.SIGALRM, lambda *_: _leave(1))
    signal.signal(signal.SIGTERM, end)
    host = AgentServer(tell)
    await loop.connect_read_pipe(lambda: _Lines(host.take, told_to_end.set), os.fdopen(requests, "rb", buffering=0))
    await told_to_end.wait()
    await host.close()


def _write_line(descriptor: int, line: bytes) -> None:
    data = memoryview(line + b"\n")
    while data:
        data = data[os.write(descriptor, data) :]


def _own_pipes() -> tuple[int, int]:
    """Stdin and stdout under numbers that no library and no child knows: what those print goes to stderr, and there is
    nothing for them to read."""
    requests, notices = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, notices


def main() -> NoReturn:
    """Serve until the end, and leave no process behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c in the terminal is for the screen
    logging.basicConfig(level=logging.WARNING, handlers=[_Log()])
    requests, notices = _own_pipes()
    adopt_orphans()
    die_with_parent(os.getppid(), signal.SIGTERM)
    # Not asyncio.run: that would wait for threads, and a library's may hang in a look-up of a name.
    asyncio.new_event_loop().run_until_complete(_serve(requests, notices))
    _leave(0)


def _leave(status: int) -> NoReturn:
    kill_children()
    os._exit(status)


if __name__ == "__main__":
    main()
