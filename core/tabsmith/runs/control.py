"""What a worker is told, and what is left: commands acted on as they come, the clock of a run, its limits."""

import asyncio
import math
import mmap
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from tabsmith.runs.commands import Pause, Resume, RunCommand, SetLimit, Stop
from tabsmith.runs.events import LimitChanged, RunEvent, RunState, StateChanged
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Pool
from tabsmith.runs.spec import Limits

T = TypeVar("T")

_DOUBLE: Final = struct.Struct("d")

LOOK_EVERY: Final = 0.01
"""Seconds between looks at the command file; a look is one `stat`."""


class StoppedError(Exception):
    """A person told the run to stop; what was going on has been ended. Never leaves the worker."""


class ActiveClock:
    """Seconds of work, earlier attempts included: pauses and the time between attempts are left out.

    Forked children see it go on too: a child that was held does not take the pause for its own time.
    """

    def __init__(self, before: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shared = mmap.mmap(-1, _DOUBLE.size)  # anonymous and shared with the children
        self._set_zero(clock() - before)
        self._held: float | None = None

    def seconds(self) -> float:
        """Seconds of work until now."""
        return self._held if self._held is not None else self._clock() - self._zero()

    def hold(self) -> None:
        """Stand still."""
        self._held = self.seconds()

    def go_on(self) -> None:
        """Go on from where it stood."""
        if self._held is not None:
            self._set_zero(self._clock() - self._held)
            self._held = None

    def _zero(self) -> float:
        (zero,) = _DOUBLE.unpack_from(self._shared)
        return float(zero)

    def _set_zero(self, at: float) -> None:
        _DOUBLE.pack_into(self._shared, 0, at)


class Control:
    """The worker's ear and its purse."""

    def __init__(
        self,
        folder: RunFolder,
        offset: int,
        pool: Pool,
        record: Callable[[RunEvent], None],
        clock: ActiveClock,
        limits: Limits,
    ) -> None:
        self._commands = folder.commands()
        self._offset = offset
        self._pool = pool
        self._record = record
        self.clock = clock
        self.limits = limits
        self._state = RunState.QUEUED
        self._message = ""
        self._paused = False
        self._end_after_iteration = False
        self._stop = asyncio.Event()

    def enter(self, state: RunState, message: str = "") -> None:
        """The run's state from now on. While paused it is remembered and shown when the run goes on."""
        self._state, self._message = state, message
        if not self._paused:
            self._record(StateChanged(state=state, message=message))

    async def listen(self) -> None:
        """Act on commands for as long as the worker lives."""
        while True:
            chunk = self._commands.read(self._offset)
            self._offset = chunk.next_offset
            for command in chunk.values:
                self._obey(command)
            await asyncio.sleep(LOOK_EVERY)

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; StoppedError, with `work` cancelled and cleaned up, when a person stops it first."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            self._stop.clear()
            raise StoppedError
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    def seconds_left(self, reserve: float = 0.0) -> float:
        """Seconds of the limit that are left, `reserve` taken off; infinite without a limit."""
        if not self.limits.seconds:
            return math.inf
        return self.limits.seconds - reserve - self.clock.seconds()

    def iterations_left(self, done: int) -> float:
        return self.limits.iterations - done if self.limits.iterations else math.inf

    def asked_to_end(self) -> bool:
        return self._end_after_iteration

    def _obey(self, command: RunCommand) -> None:
        match command:
            case Pause():
                self._pause()
            case Resume():
                self._go_on()
            case Stop(when="now"):
                self._go_on(silently=True)
                self._record(StateChanged(state=RunState.STOPPING, message="stopping now"))
                self._end_after_iteration = True
                self._stop.set()
            case Stop():
                self._end_after_iteration = True
                self._record(StateChanged(state=RunState.STOPPING, message="stopping after this recipe"))
            case SetLimit(seconds=seconds, iterations=iterations):
                self._set_limits(seconds, iterations)

    def _pause(self) -> None:
        if self._paused:
            return
        self._paused = True
        self._pool.pause()
        self.clock.hold()
        self._record(StateChanged(state=RunState.PAUSED, message="paused by you"))

    def _go_on(self, *, silently: bool = False) -> None:
        if not self._paused:
            return
        self._paused = False
        self.clock.go_on()
        self._pool.resume()
        if not silently:
            self._record(StateChanged(state=self._state, message=self._message))

    def _set_limits(self, seconds: float, iterations: int) -> None:
        self.limits = replace(
            self.limits,
            seconds=self.limits.seconds if seconds < 0 else seconds,
            iterations=self.limits.iterations if iterations < 0 else iterations,
        )
        self._record(LimitChanged(seconds=self.limits.seconds, iterations=self.limits.iterations))
