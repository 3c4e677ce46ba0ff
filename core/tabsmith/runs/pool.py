"""A pool of forked children of a worker, so that every fit can be paused, resumed and ended.

The worker imports everything and prepares the data once; each child starts from that memory at no cost, works, and
answers over a pipe. The worker itself never computes, so it can act on commands at any time. Children die with it.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Final, Generic, NoReturn, TypeVar

import msgspec

from tabsmith.errors import (
    ChildKilledError,
    ErrorReport,
    MachineError,
    MemoryShortError,
    ReportedError,
    WorkerError,
    report_of,
)
from tabsmith.machine_trouble import machine_error_of
from tabsmith.processes import begin_child

T = TypeVar("T", bound=msgspec.Struct)
Progress = Callable[[float, str], None]

CHILD_NICENESS: Final = 1
"""The niceness of children: a fit that uses every core must not hold up a key on the screen. No more than that: on a busy
machine a niceness of 10 leaves a fit a tenth of the core that another program gets."""

_CHUNK: Final = 1 << 20


class _Reported(msgspec.Struct, frozen=True, tag="progress"):
    share: float
    message: str


class _Result(msgspec.Struct, frozen=True, tag="result"):
    value: bytes  # as MessagePack, which has a NaN; a score that is undefined on a fold is one


class _Raised(msgspec.Struct, frozen=True, tag="error"):
    error: ErrorReport


_LINE: Final = msgspec.json.Decoder(_Reported | _Result | _Raised)


class TimeUpError(WorkerError):
    """A child was ended because its time was up."""


class Pool:
    """At most `slots` children at once. Not for use from several threads."""

    def __init__(self, slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = slots
        self._slots = asyncio.Semaphore(slots)
        self._alone = asyncio.Lock()  # for the child that gets all slots
        self._clock = clock
        self._go = asyncio.Event()
        self._go.set()
        self._children: set[int] = set()

    async def run(
        self,
        work: Callable[[Progress], T],
        kind: type[T],
        *,
        progress: Progress | None = None,
        seconds_left: Callable[[], float] | None = None,
    ) -> T:
        """Return what `work` returns in a child process. Cancelling ends the child.

        A child that was killed, or had too little memory, is tried once more with no other child beside it.

        Raises ReportedError for what `work` raised, TimeUpError if `seconds_left` fell to 0, and WorkerError if the
        child died (a crash). Trouble of the machine is a MachineError: ChildKilledError and MemoryShortError, after the
        second time, and ReportedMachineError for that of the disk.
        """
        try:
            return await self._run_beside_others(work, kind, progress, seconds_left)
        except (ChildKilledError, MemoryShortError):
            if seconds_left is not None and seconds_left() <= 0:
                raise
        async with self._alone:
            for _ in range(self._count):
                await self._slots.acquire()
            try:
                return await self._run_child(work, kind, progress, seconds_left)
            finally:
                for _ in range(self._count):
                    self._slots.release()

    async def _run_beside_others(
        self,
        work: Callable[[Progress], T],
        kind: type[T],
        progress: Progress | None,
        seconds_left: Callable[[], float] | None,
    ) -> T:
        async with self._slots:
            return await self._run_child(work, kind, progress, seconds_left)

    async def _run_child(
        self,
        work: Callable[[Progress], T],
        kind: type[T],
        progress: Progress | None,
        seconds_left: Callable[[], float] | None,
    ) -> T:
        """Run a child in the slots that are held."""
        await self._go.wait()
        child = _Child(work, kind)
        self._children.add(child.pid)
        try:
            return await child.result(progress, seconds_left)
        finally:
            child.end()
            self._children.discard(child.pid)

    def pause(self) -> None:
        """Pause all children where they are, and start no more."""
        self._go.clear()
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the children go on."""
        self._signal(signal.SIGCONT)
        self._go.set()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)  # not yet waited for, so the number is still the child's


class _Child(Generic[T]):
    def __init__(self, work: Callable[[Progress], T], kind: type[T]) -> None:
        self._kind = kind
        self._pipe, writer = os.pipe()
        os.set_blocking(self._pipe, False)
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._pipe)
            _serve(work, writer, parent)
        os.close(writer)
        self._ended = False

    async def result(self, progress: Progress | None, seconds_left: Callable[[], float] | None) -> T:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self._pipe, readable.set)
        unread = b""
        try:
            while True:
                timeout = None if seconds_left is None else max(0.0, seconds_left())
                if timeout == 0.0:
                    raise TimeUpError("Out of time.")
                try:
                    async with asyncio.timeout(timeout):
                        await readable.wait()
                except TimeoutError:
                    continue  # a pause may have moved the end: look at the clock again
                readable.clear()
                data = _read_all(self._pipe)
                if data is None:
                    raise self._died()
                *lines, unread = (unread + data).split(b"\n")
                for line in lines:
                    match _LINE.decode(line):
                        case _Reported(share, message):
                            if progress:
                                progress(share, message)
                        case _Result(value):
                            return msgspec.msgpack.decode(value, type=self._kind)
                        case _Raised(error):
                            raise _raised_again(error)
        finally:
            loop.remove_reader(self._pipe)

    def end(self) -> None:
        """End the child, if it has not ended."""
        if self._ended:
            return
        self._ended = True
        os.close(self._pipe)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _died(self) -> WorkerError:
        self._ended = True
        os.close(self._pipe)
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL:
            return ChildKilledError(
                "The system ended a fit, most likely because memory ran out.",
                next_step="Close other programs, or train on fewer rows or columns.",
            )
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return WorkerError(f"A fit died without a word ({how}).", next_step="The worker's log may tell more.")


def _raised_again(report: ErrorReport) -> ReportedError | MachineError:
    """The error that a child has reported; that of the machine by its own class."""
    if report.name == MemoryShortError.__name__:
        return MemoryShortError(report.what, where=report.where, next_step=report.next_step)
    error = ReportedError(report)
    return machine_error_of(error) or error


def _read_all(pipe: int) -> bytes | None:
    """Return what is in the pipe; None if it is empty and nobody can write any more."""
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(pipe, _CHUNK)
        except BlockingIOError:
            return b"".join(parts)
        if not part:
            return b"".join(parts) or None
        parts.append(part)


def _serve(work: Callable[[Progress], T], writer: int, parent: int) -> NoReturn:
    """Live the child's life: work, answer, exit."""
    status = 1
    try:
        begin_child(parent)
        os.nice(CHILD_NICENESS)
        encode = msgspec.json.encode

        def progress(share: float, message: str) -> None:
            _write_line(writer, encode(_Reported(share, message)))

        try:
            answer = encode(_Result(msgspec.msgpack.encode(work(progress))))
        except BaseException as error:  # noqa: BLE001 - the edge of this process: the parent gets the whole error
            answer = encode(_Raised(report_of(machine_error_of(error) or error)))
        _write_line(writer, answer)
        status = 0
    finally:
        os._exit(status)


def _write_line(pipe: int, line: bytes) -> None:
    data = memoryview(line + b"\n")
    while data:
        data = data[os.write(pipe, data) :]
