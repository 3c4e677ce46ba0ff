"""The agents' process as the run's worker sees it: a question goes in, what is heard and the answer come back.

The worker forks, so nothing here starts a thread: the process is started plainly and its end is seen by the end of its
stdout, which needs no child watcher of asyncio.

A question or an errand as the worker waits for its end: what is told about it, and how it came out.
"""

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJob, AgentJobResult, PermissionAnswer, PermissionRequest
from tabsmith.agents.deadline import Deadline, wait_until
from tabsmith.agents.protocol import ModelAgentName, ModelReply, ModelRequest
from tabsmith.agents.server.messages import (
    ActivityReported,
    AgentJobFinished,
    AnswerPermission,
    AskModel,
    CallFailed,
    CancelCall,
    ClientMessage,
    ModelAnswered,
    PermissionRequested,
    ReplyReceived,
    ServerMessage,
    StartAgentJob,
)
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
)
from tabsmith.processes import kill_marked

OnReply: TypeAlias = Callable[[ModelReply], None]
OnActivity: TypeAlias = Callable[[Activity], None]
AskPermission: TypeAlias = Callable[[PermissionRequest], Awaitable[PermissionAnswer]]

_KINDS: Final = (AgentMissingError, AgentNetworkError, AgentTimeoutError, AgentAccessError, AgentReplyError, AgentError)

ResultT = TypeVar("ResultT", str, AgentJobResult)


class PendingCall(Generic[ResultT]):
    """It waits for its answer. `send` writes a request to the agents' process; `patience` is how long that may take
    before it is given up itself."""

    def __init__(self, session: str, patience: Deadline, hear: OnReply, send: Callable[[ClientMessage], None]) -> None:
        self.session = session
        self.patience = patience
        self.answer: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._hear = hear
        self._send = send

    def take(self, notice: ServerMessage) -> None:
        """What the process tells about this call. What the asker's own functions raise is the asker's, who gets it."""
        try:
            self._took(notice)
        except Exception as error:  # noqa: BLE001 - any: see above
            self.over(error)
            self._send(CancelCall(self.session))

    def over(self, outcome: ResultT | Exception) -> None:
        """The first outcome counts."""
        if self.answer.done():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
            self.answer.exception()  # who was cancelled does not look at it, and that is no fault
        else:
            self.answer.set_result(outcome)

    def forget(self) -> None:
        """Nobody waits any more."""

    def _took(self, notice: ServerMessage) -> None:
        match notice:
            case ReplyReceived(_, turn):
                self._hear(turn)
            case CallFailed():
                self.over(_error(notice))


class PendingRequest(PendingCall[str]):
    """A question."""

    def __init__(
        self, question: ModelRequest, extra: float, hear: OnReply, send: Callable[[ClientMessage], None]
    ) -> None:
        super().__init__(question.session, Deadline(math.inf, question.seconds + extra), hear, send)

    def _took(self, notice: ServerMessage) -> None:
        if isinstance(notice, ModelAnswered):
            self.over(notice.text)
        else:
            super()._took(notice)


class PendingJob(PendingCall[AgentJobResult]):
    """An errand. While `allow` asks a person the time stands still."""

    def __init__(
        self,
        errand: AgentJob,
        extra: float,
        hear: OnReply,
        show: OnActivity,
        allow: AskPermission,
        send: Callable[[ClientMessage], None],
    ) -> None:
        super().__init__(errand.session, Deadline(math.inf, errand.seconds + extra), hear, send)
        self._show = show
        self._allow = allow
        self._asking: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        for asking in self._asking:
            asking.cancel()

    def _took(self, notice: ServerMessage) -> None:
        match notice:
            case ActivityReported(_, activity):
                self._show(activity)
            case PermissionRequested(_, permission):
                asking = asyncio.create_task(self._ask(permission))
                self._asking.add(asking)
                asking.add_done_callback(self._asking.discard)
            case AgentJobFinished(_, finished):
                self.over(finished)
            case _:
                super()._took(notice)

    async def _ask(self, permission: PermissionRequest) -> None:
        try:
            with self.patience.waiting():
                allowed = await self._allow(permission)
        except Exception as error:  # noqa: BLE001 - the asker's own, who gets it
            self.over(error)
            self._send(CancelCall(self.session))
        else:
            self._send(AnswerPermission(self.session, permission.id, allowed))


def _error(failed: CallFailed) -> AgentError:
    """What was raised there, raised again here."""
    if failed.trouble == "rate limit":
        return AgentRateLimitError(failed.what, next_step=failed.next_step, retry_after=failed.retry_after)
    kind = next(kind for kind in _KINDS if kind.trouble == failed.trouble)
    return kind(failed.what, next_step=failed.next_step)


GRACE_SECONDS: Final = 45.0
"""Seconds past the time of a question after which the agents' process itself is given up: it keeps the time, but for a
library that holds it up altogether. Starting it and importing a client counts as well."""

SERVER_MARK: Final = "TABSMITH_AGENTS_PROCESS"
"""A variable in the process's environment, and so in that of all that it starts, by which they are known."""

_LAST_WORDS: Final = 0.5  # seconds for a cancelled call to say what it used
_ENDING: Final = 5.0  # seconds for the process to end well
_NOTICE: Final = msgspec.json.Decoder(ServerMessage)


class AgentClient:
    """One for each run. Its process is started by the first question, and by the next one after it died."""

    def __init__(self) -> None:
        self._process: _ServerProcess | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the process, when it is not there, before it is needed. Raises AgentError."""
        await self._running()

    async def ask(self, speaker: ModelAgentName, question: ModelRequest, hear: OnReply) -> str:
        """The speaker's answer to the question, whose session must be new; `hear` is given every reply as it comes.

        Raises AgentError of the kind that the speaker raised, or plain when the process died; and what `hear` raises.
        Cancelling ends the call; what it still used is heard if it is said within half a second.
        """
        process = await self._running()
        call = PendingRequest(question, GRACE_SECONDS, hear, process.send)
        return await self._end_of(call, AskModel(speaker, question), process, question.seconds)

    async def work(
        self, speaker: ModelAgentName, errand: AgentJob, hear: OnReply, show: OnActivity, allow: AskPermission
    ) -> AgentJobResult:
        """Send the agent on the errand, whose session must be new, and wait for its end.

        `hear` and `show` are given what comes as it comes; `allow` is asked for permissions, at once when there are
        several, and what it takes counts as nobody's time; it is cancelled when the errand is over. Raises and is
        cancelled as `ask` is, with every program that was started.
        """
        process = await self._running()
        call = PendingJob(errand, GRACE_SECONDS, hear, show, allow, process.send)
        return await self._end_of(call, StartAgentJob(speaker, errand), process, errand.seconds)

    async def _end_of(
        self, call: PendingCall[ResultT], request: ClientMessage, process: "_ServerProcess", seconds: float
    ) -> ResultT:
        process.put(call, request)
        try:
            ended = await wait_until(call.patience, call.answer)
        except asyncio.CancelledError:
            process.send(CancelCall(call.session))
            await asyncio.wait((call.answer,), timeout=_LAST_WORDS)
            raise
        finally:
            process.forget(call)
        if not ended:
            await process.end(patience=0.0)
            raise AgentTimeoutError(
                f"No answer came within {seconds:,.0f} s, and the agents' process did not say so itself."
            )
        return call.answer.result()

    async def close(self) -> None:
        """End the process and all that it started. A later question starts a new one."""
        async with self._starting:
            if self._process is not None:
                process, self._process = self._process, None
                await process.end(patience=_ENDING)

    async def _running(self) -> "_ServerProcess":
        async with self._starting:
            if self._process is None or not self._process.alive:
                self._process = await _ServerProcess.start()
            return self._process


class _ServerProcess(asyncio.Protocol):
    """The process from its start to its end, and what it tells."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self._process = process
        self._mark = mark
        self._requests: asyncio.WriteTransport | None = None
        self._notices: asyncio.ReadTransport | None = None
        self._calls: dict[str, PendingCall[Any]] = {}
        self._unread: list[bytes] = []
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def start(cls) -> "_ServerProcess":
        """Start it. Raises AgentError."""
        mark = str(uuid.uuid4())
        try:
            process = subprocess.Popen(
                server_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env={**os.environ, SERVER_MARK: mark},
            )
        except OSError as error:
            raise AgentError(f"The agents' process could not be started: {error.strerror}.") from error
        started = cls(process, f"{SERVER_MARK}={mark}")
        try:
            await started._connect()
        except BaseException:
            started._bury()
            raise
        return started

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def put(self, call: PendingCall[ResultT], request: ClientMessage) -> None:
        """Have the call made that the request asks for."""
        assert call.session not in self._calls
        self._calls[call.session] = call
        self.send(request)

    def send(self, request: ClientMessage) -> None:
        """Write a request. To a process that died it does nothing: the calls are told of that by themselves."""
        if self.alive and self._requests is not None:
            self._requests.write(msgspec.json.encode(request) + b"\n")

    def forget(self, call: PendingCall[ResultT]) -> None:
        """Nobody waits for its answer any more."""
        self._calls.pop(call.session, None)
        call.forget()

    async def end(self, *, patience: float) -> None:
        """End it within so many seconds, or with force, and everything that it started."""
        try:
            if self.alive:
                self._process.send_signal(signal.SIGTERM if patience else signal.SIGKILL)
                await asyncio.wait((self._gone,), timeout=patience)
        finally:
            self._bury()
        await asyncio.wait((self._gone,))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        requests, notices = self._process.stdin, self._process.stdout
        assert requests is not None
        assert notices is not None
        try:
            self._requests, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, requests)
            self._notices, _ = await loop.connect_read_pipe(lambda: self, notices)
        except BaseException:
            notices.close()
            raise

    # What asyncio tells -----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        first, *others = data.split(b"\n")
        self._unread.append(first)
        for other in others:
            self._take(_NOTICE.decode(b"".join(self._unread)))
            self._unread = [other]

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._bury()
        if not self._gone.done():
            self._gone.set_result(None)

    # -----------------------------------------------------------------------------------------------------------------

    def _take(self, notice: ServerMessage) -> None:
        call = self._calls.get(notice.session)
        if call is not None:
            call.take(notice)

    def _bury(self) -> None:
        """See to it that nothing is left of the process, and tell those that wait."""
        if not self.alive:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # not yet waited for, so the number is still its own
        status = self._process.wait()
        if status != 0:  # it did not end its programs itself, and some have sessions of their own
            kill_marked(self._mark)
        if self._requests is not None and not self._requests.is_closing():
            self._requests.abort()
        if self._notices is not None:
            self._notices.close()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        for call in self._calls.values():
            call.over(
                AgentError(
                    f"The agents' process ended while it was asked ({how}).",
                    next_step="The run's log may tell more; the next question starts it again.",
                )
            )


def server_command() -> list[str]:
    """How the process is started. The current folder is a user's: -P, so that nothing in it is imported."""
    return [sys.executable, "-P", "-m", "tabsmith.agents.server.agent_server"]
