"""An agent's program, started for one call and ended with every process that it started, however the call ends."""

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
"""A variable in the program's environment, by which its children are known when they leave its process group."""

_GRACE: Final = 1.0  # seconds that a program and its children have to end by themselves
_SOON: Final = 0.02  # seconds
_TAIL: Final = 8_192  # bytes kept of what it writes to stderr
_SHOWN: Final = 3  # lines of these in an error
_BUFFER: Final = 1 << 20


class AgentProgram:
    """A running program. `stdin` and `stdout` are its pipes; its stderr is read all the time, for a full pipe would
    stop it."""

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
        """Wait for its end, also when a child of it still holds its pipes: its exit status, negative for a signal."""
        await self._pipes.exited.wait()
        status = self._transport.get_returncode()
        return -1 if status is None else status

    async def last_words(self) -> str:
        """The last error that it wrote to stderr, or else the end of that, on one line, clean and without keys. For a
        program that has exited."""
        await asyncio.wait([self._reading], timeout=0.5)
        written = self._tail.decode("utf-8", "replace").splitlines()
        lines = [line.strip() for line in written if line.strip()]
        named = [place for place, line in enumerate(lines) if "error" in line.lower()]
        kept = [lines[named[-1]]] if named else lines[-_SHOWN:]
        return clean(redact(" · ".join(kept)), 300)

    async def end(self) -> None:
        """End it and all its children: asked first, then killed. A second cancellation kills at once."""
        try:
            self._ask_to_end()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE):
                    await self._pipes.exited.wait()
                    while find_marked(self._mark):  # a child may have a conversation to save
                        await asyncio.sleep(_SOON)
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
            del self._tail[:-_TAIL]

    def _ask_to_end(self) -> None:
        self._signal_group(signal.SIGTERM)
        for pid in find_marked(self._mark):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self._transport.get_pid():  # twice could be too much for one with work to save
                    os.kill(pid, signal.SIGTERM)

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in the group
            os.killpg(self._transport.get_pid(), number)


@asynccontextmanager
async def run_program(
    command: Sequence[str], *, mark: str, environment: Mapping[str, str], folder: Path
) -> AsyncIterator[AgentProgram]:
    """`command`, running in `folder` in a session of its own until the block ends. `mark` is unique to this call.

    Raises OSError when it cannot be started.
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
    """Its pipes, and its end as an event: asyncio's own `wait` also waits until nobody holds the pipes."""

    def __init__(self) -> None:
        super().__init__(limit=_BUFFER, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        super().process_exited()
        self.exited.set()
