"""Runs an agent's program for one call. However the call ends, every process that the program started is ended too."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tabsmith.agents.api_keys import redact
from tabsmith.processes import find_marked, kill_marked
from tabsmith.text import clean

CALL_MARK: Final = "TABSMITH_AGENT_CALL"
"""The variable in the program's environment by which its children are found when they leave its process group."""

_GRACE: Final = 1.0  # seconds that a program and its children have to end by themselves
_POLL_SECONDS: Final = 0.02
_STDERR_BYTES: Final = 8_192  # kept of the end of stderr
_STDERR_LINES: Final = 3  # of these in an error
_BUFFER_BYTES: Final = 1 << 20


class AgentProgram:
    """A running program. `stdin` and `stdout` are its pipes; stderr is read all the time, as a full pipe would block it."""

    def __init__(self, transport: asyncio.SubprocessTransport, pipes: "_Pipes", mark: str) -> None:
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        assert pipes.stderr is not None
        self.stdin = pipes.stdin
        self.stdout = pipes.stdout
        self._transport = transport
        self._pipes = pipes
        self._mark = f"{CALL_MARK}={mark}"
        self._tail = bytearray()
        self._reading = asyncio.ensure_future(self._read(pipes.stderr))

    async def exited(self) -> int:
        """Wait until the program exits, even if a child still holds its pipes. Return its status, negative for a signal."""
        await self._pipes.exited.wait()
        status = self._transport.get_returncode()
        return -1 if status is None else status

    async def stderr_summary(self) -> str:
        """Return the last error that the exited program wrote to stderr, or else the end of stderr, on one line without
        keys."""
        await asyncio.wait([self._reading], timeout=0.5)
        lines = [line.strip() for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()]
        kept = errors[-1:] or lines[-_STDERR_LINES:]
        return clean(redact(" · ".join(kept)), 300)

    async def end(self) -> None:
        """Ask the program and all its children to end, then kill them. A second cancellation kills at once."""
        try:
            self._terminate()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._pipes.exited.wait()
                    while find_marked(self._mark):  # a child may have a conversation to save
                        await asyncio.sleep(_POLL_SECONDS)
        finally:
            self._signal_group(signal.SIGKILL)
            kill_marked(self._mark)  # children in a session of their own, as shells of agents are
            self._reading.cancel()
            self._transport.close()
        await asyncio.wait([self._reading])
        await self._pipes.exited.wait()

    async def _read(self, stderr: asyncio.StreamReader) -> None:
        while chunk := await stderr.read(65_536):
            self._tail += chunk
            del self._tail[:-_STDERR_BYTES]

    def _terminate(self) -> None:
        self._signal_group(signal.SIGTERM)
        for pid in find_marked(self._mark):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self._transport.get_pid():  # others got it with their group
                    os.kill(pid, signal.SIGTERM)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in the group
            os.killpg(self._transport.get_pid(), number)


@asynccontextmanager
async def run_program(
    command: Sequence[str], *, mark: str, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[AgentProgram]:
    """Run `command` in `folder`, in a session of its own, until the block ends. `mark` is unique to this call.

    Raises OSError if the command cannot be started.
    """
    transport, pipes = await asyncio.get_running_loop().subprocess_exec(
        _Pipes,
        *command,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env={**environment, CALL_MARK: mark},
        start_new_session=True,
    )
    program = AgentProgram(transport, pipes, mark)
    try:
        yield program
    finally:
        await program.end()


class _Pipes(SubprocessStreamProtocol):
    """The pipes, and the exit as an event: asyncio's own `wait` also waits until nobody holds the pipes."""

    def __init__(self) -> None:
        super().__init__(limit=_BUFFER_BYTES, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()
