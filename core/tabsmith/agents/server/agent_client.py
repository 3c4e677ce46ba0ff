"""The client of the agent server: the run's worker sends it model requests and coding jobs, and gets back replies,
activities and results.

The worker forks, so nothing here starts a thread: the server is started with a plain `Popen`, and its end is seen by the
end of its stdout, which needs no child watcher of asyncio.
"""

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Final

import msgspec

from tabsmith.agents.agent_jobs import (
    AgentJob,
    AgentJobResult,
    AskPermission,
    Deadline,
    OnActivity,
    PermissionRequest,
    wait_until,
)
from tabsmith.agents.protocol import AgentName, ModelRequest, OnReply
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

GRACE_SECONDS: Final = 45.0
"""Seconds past a call's own time after which the server itself is killed. The server keeps the time of its calls, unless
a library blocks it altogether; starting it and importing a client library count as well."""

SERVER_MARK: Final = "TABSMITH_AGENTS_PROCESS"
"""The variable in the environment of the server, and of everything it starts, by which these processes are found."""

_CANCEL_SECONDS: Final = 0.5  # for a cancelled call to report its usage
_END_SECONDS: Final = 5.0  # for the server to end by itself
_ERRORS: Final = (
    AgentMissingError,
    AgentNetworkError,
    AgentTimeoutError,
    AgentAccessError,
    AgentReplyError,
    AgentError,
)
_DECODER: Final = msgspec.json.Decoder(ServerMessage)


class AgentClient:
    """Talks to the one agent server of a run. The first call starts the server, and so does the next call after its
    death."""

    def __init__(self) -> None:
        self._server: _ServerProcess | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the server before it is needed. Raises AgentError."""
        await self._running_server()

    async def ask(self, agent: AgentName, request: ModelRequest, on_reply: OnReply) -> str:
        """Return the agent's answer to the request, whose session must be new.

        `on_reply` gets every reply as it arrives. Cancelling ends the call; what it still used is reported if that
        arrives within half a second. Raises AgentError of the kind that the agent raised, plain AgentError if the
        server died, and whatever `on_reply` raises.
        """
        call = _PendingCall(request.session, request.seconds, on_reply)
        text = await self._result(call, AskModel(agent, request))
        assert isinstance(text, str)
        return text

    async def work(
        self,
        agent: AgentName,
        job: AgentJob,
        on_reply: OnReply,
        on_activity: OnActivity,
        ask_permission: AskPermission,
    ) -> AgentJobResult:
        """Have the agent do the job, whose session must be new, and return its result.

        `on_reply` and `on_activity` get what arrives as it arrives. `ask_permission` is called at once for every
        request; the time that it takes does not count, and it is cancelled when the job ends. Raises and can be
        cancelled like `ask`, which also ends every program that the job started.
        """
        call = _PendingCall(job.session, job.seconds, on_reply, on_activity, ask_permission)
        result = await self._result(call, StartAgentJob(agent, job))
        assert isinstance(result, AgentJobResult)
        return result

    async def close(self) -> None:
        """End the server and everything it started. A later call starts a new one."""
        async with self._starting:
            if self._server is not None:
                server, self._server = self._server, None
                await server.end(seconds=_END_SECONDS)

    async def _result(self, call: "_PendingCall", message: ClientMessage) -> str | AgentJobResult:
        server = await self._running_server()
        server.begin(call, message)
        try:
            ended = await wait_until(call.deadline, call.result)
        except asyncio.CancelledError:
            server.send(CancelCall(call.session))
            await asyncio.wait((call.result,), timeout=_CANCEL_SECONDS)
            raise
        finally:
            server.forget(call)
        if not ended:
            await server.end(seconds=0.0)
            raise AgentTimeoutError(
                f"No answer came within {call.seconds:,.0f} s, and the agent server did not report that itself."
            )
        return call.result.result()

    async def _running_server(self) -> "_ServerProcess":
        async with self._starting:
            if self._server is None or not self._server.alive:
                self._server = await _ServerProcess.start()
            return self._server


class _PendingCall:
    """A request or job whose result is awaited. `send` is set when the call begins."""

    send: Callable[[ClientMessage], None]

    def __init__(
        self,
        session: str,
        seconds: float,
        on_reply: OnReply,
        on_activity: OnActivity | None = None,
        ask_permission: AskPermission | None = None,
    ) -> None:
        self.session = session
        self.seconds = seconds
        self.deadline = Deadline(math.inf, seconds + GRACE_SECONDS)
        self.result: asyncio.Future[str | AgentJobResult] = asyncio.get_running_loop().create_future()
        self._on_reply = on_reply
        self._on_activity = on_activity
        self._ask_permission = ask_permission
        self._questions: set[asyncio.Task[None]] = set()

    def receive(self, message: ServerMessage) -> None:
        """Handle a message about this call. An exception of the caller's own functions becomes the call's result."""
        try:
            self._handle(message)
        except Exception as error:  # noqa: BLE001 - whatever the caller's function raised goes back to the caller
            self._fail(error)

    def finish(self, outcome: str | AgentJobResult | Exception) -> None:
        """Set the result, if there is none yet."""
        if self.result.done():
            return
        if isinstance(outcome, Exception):
            self.result.set_exception(outcome)
            self.result.exception()  # a cancelled caller never looks at it, which asyncio would log
        else:
            self.result.set_result(outcome)

    def cancel_questions(self) -> None:
        """Stop waiting for the user's answers."""
        for question in self._questions:
            question.cancel()

    def _handle(self, message: ServerMessage) -> None:
        match message:
            case ReplyReceived(reply=reply):
                self._on_reply(reply)
            case ActivityReported(activity=activity) if self._on_activity is not None:
                self._on_activity(activity)
            case PermissionRequested(request=request) if self._ask_permission is not None:
                question = asyncio.create_task(self._ask(request, self._ask_permission))
                self._questions.add(question)
                question.add_done_callback(self._questions.discard)
            case ModelAnswered(text=text):
                self.finish(text)
            case AgentJobFinished(result=result):
                self.finish(result)
            case CallFailed():
                self.finish(_error(message))

    async def _ask(self, request: PermissionRequest, ask_permission: AskPermission) -> None:
        try:
            with self.deadline.paused():
                answer = await ask_permission(request)
        except Exception as error:  # noqa: BLE001 - whatever the caller's function raised goes back to the caller
            self._fail(error)
        else:
            self.send(AnswerPermission(self.session, request.id, answer))

    def _fail(self, error: Exception) -> None:
        self.finish(error)
        self.send(CancelCall(self.session))


class _ServerProcess(asyncio.Protocol):
    """The server's process from its start to its end, and the messages with it."""

    def __init__(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self._process = process
        self._mark = mark
        self._stdin: asyncio.WriteTransport | None = None
        self._stdout: asyncio.ReadTransport | None = None
        self._calls: dict[str, _PendingCall] = {}
        self._unread: list[bytes] = []
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def start(cls) -> "_ServerProcess":
        """Start the process. Raises AgentError."""
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
            raise AgentError(f"The agent server could not be started: {error.strerror}.") from error
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

    def begin(self, call: _PendingCall, message: ClientMessage) -> None:
        """Start the call by its message."""
        assert call.session not in self._calls
        self._calls[call.session] = call
        call.send = self.send
        self.send(message)

    def send(self, message: ClientMessage) -> None:
        """Write a message. If the process has died nothing is written: its calls have failed already."""
        if self.alive and self._stdin is not None:
            self._stdin.write(msgspec.json.encode(message) + b"\n")

    def forget(self, call: _PendingCall) -> None:
        """Drop a call that nobody waits for any more."""
        self._calls.pop(call.session, None)
        call.cancel_questions()

    async def end(self, *, seconds: float) -> None:
        """Ask the process to end within `seconds`, then kill it and everything it started."""
        try:
            if self.alive:
                self._process.send_signal(signal.SIGTERM if seconds else signal.SIGKILL)
                await asyncio.wait((self._gone,), timeout=seconds)
        finally:
            self._bury()
        await asyncio.wait((self._gone,))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            self._stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, stdin)
            self._stdout, _ = await loop.connect_read_pipe(lambda: self, stdout)
        except BaseException:
            stdout.close()
            raise

    # asyncio's callbacks ----------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        first, *others = data.split(b"\n")
        self._unread.append(first)
        for other in others:
            message = _DECODER.decode(b"".join(self._unread))
            self._unread = [other]
            call = self._calls.get(message.session)
            if call is not None:
                call.receive(message)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._bury()
        if not self._gone.done():
            self._gone.set_result(None)

    # ------------------------------------------------------------------------------------------------------------------

    def _bury(self) -> None:
        """Kill whatever is left of the process, and fail the calls that wait for it."""
        if not self.alive:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # not yet waited for, so the number is still its own
        status = self._process.wait()
        if status != 0:  # it did not end its programs itself, and some have sessions of their own
            kill_marked(self._mark)
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.abort()
        if self._stdout is not None:
            self._stdout.close()
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        for call in self._calls.values():
            call.finish(
                AgentError(
                    f"The agent server ended while it was asked ({how}).",
                    next_step="The run's log may tell more; the next request starts it again.",
                )
            )


def server_command() -> list[str]:
    """Return the command that starts the server. The current folder is a user's: with -P nothing in it is imported."""
    return [sys.executable, "-P", "-m", "tabsmith.agents.server.agent_server"]


def _error(failure: CallFailed) -> AgentError:
    """The error that was raised in the server."""
    if failure.kind == "rate limit":
        return AgentRateLimitError(failure.what, next_step=failure.next_step, retry_after=failure.retry_after)
    error = next(error for error in _ERRORS if error.trouble == failure.kind)
    return error(failure.what, next_step=failure.next_step)
