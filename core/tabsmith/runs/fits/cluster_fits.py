"""The executor on a Dask cluster, in the run's worker: it sends each fit to the run's cluster client, and waits for the answer.

A cluster that is lost during a run costs it nothing but time: the fits that were under way, and all others, are then made by
forked children on this machine, and the run says so.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec.structs import replace

from tabsmith.errors import ClusterLostError, ReportedError
from tabsmith.modeling.results import FoldScore, RefitFile
from tabsmith.runs.fits.cluster_client import fork_client
from tabsmith.runs.fits.executor import AllRowsFit, Fit, FoldFit, ForkedFits
from tabsmith.runs.fits.messages import (
    CancelFit,
    ClientMessage,
    ClusterLost,
    ClusterSize,
    FitDone,
    FitFailed,
    StartFit,
    WorkerMessage,
    read_message,
    write_message,
)
from tabsmith.runs.pool import TimeUpError

if TYPE_CHECKING:
    from tabsmith.modeling.training_data import TrainingData

T = TypeVar("T", FoldScore, RefitFile)

_MESSAGE: Final = msgspec.msgpack.Decoder(ClientMessage)


class _WithdrawnError(Exception):
    """A pause took the fit back from the cluster; it is sent again when the run goes on."""


class ClusterFits:
    """The executor on the cluster at `address`, with at most a fit for each of its workers at once.

    `on_lost` is called once, with a sentence, when the cluster is lost and `forked` takes over with its `cores`.
    """

    def __init__(
        self,
        address: str,
        size: ClusterSize,
        forked: ForkedFits,
        *,
        cores: int,
        on_lost: Callable[[str], None],
    ) -> None:
        self._address = address
        self._slots = asyncio.Semaphore(size.workers)
        self._threads = max(1, size.threads // size.workers)
        self._forked = forked
        self._cores = cores
        self._on_lost = on_lost
        self._go = asyncio.Event()
        self._go.set()
        self._pending: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._last_number = 0
        self._client: _Client | None = None
        self._data: TrainingData | None = None

    async def start(self, data: "TrainingData", root: Path) -> None:
        """Fork the cluster client, which sends `data` to the cluster; models come below the run's folder `root`."""
        self._data = data
        self._client = await _Client.start(data, root, self._address)
        self._client.listening = asyncio.create_task(self._listen(self._client))

    async def close(self) -> None:
        """End the cluster client, and with it whatever the cluster does for this run."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.end()

    def pause(self) -> None:
        """Take all fits back from the cluster, and send none. They begin anew when the run goes on."""
        self._go.clear()
        for number in list(self._pending):
            self._withdraw(number)
            self._fail(number, _WithdrawnError())

    def resume(self) -> None:
        """Send fits again."""
        self._go.set()

    async def fit_fold(self, fit: FoldFit, *, seconds_left: Callable[[], float]) -> FoldScore:
        """See FitExecutor."""
        score = await self._on_cluster(replace(fit, threads=self._threads), FoldScore, seconds_left)
        if score is None:
            local = replace(fit, threads=min(fit.threads, self._cores))
            return await self._forked.fit_fold(local, seconds_left=seconds_left)
        return score

    async def fit_on_all_rows(self, fit: AllRowsFit, *, seconds_left: Callable[[], float]) -> RefitFile:
        """See FitExecutor. A table that is larger than memory is on the disk of this machine, where a fit to it is made too."""
        from tabsmith.modeling.large_tables.whole_table import learns_in_batches

        file = None
        if self._data is None or not learns_in_batches(self._data, fit.recipe):
            file = await self._on_cluster(replace(fit, threads=self._threads), RefitFile, seconds_left)
        if file is None:
            local = replace(fit, threads=min(fit.threads, self._cores))
            return await self._forked.fit_on_all_rows(local, seconds_left=seconds_left)
        return file

    async def _on_cluster(self, fit: Fit, kind: type[T], seconds_left: Callable[[], float]) -> T | None:
        """Return the result of a fit on the cluster; None if the cluster is lost."""
        async with self._slots:
            while True:
                await self._go.wait()
                if self._client is None:
                    return None
                try:
                    return msgspec.msgpack.decode(await self._ask(self._client, fit, seconds_left), type=kind)
                except (_WithdrawnError, ClusterLostError):
                    continue

    async def _ask(self, client: "_Client", fit: Fit, seconds_left: Callable[[], float]) -> msgspec.Raw:
        self._last_number += 1
        number = self._last_number
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        client.send(StartFit(number, fit))
        try:
            while not answer.done():
                left = max(0.0, seconds_left())
                if left == 0.0:
                    raise TimeUpError("Out of time.")
                await asyncio.wait((answer,), timeout=min(left, _MAX_WAIT))  # a pause may move the end
            return answer.result()
        finally:
            if not answer.done():
                self._withdraw(number)
            self._pending.pop(number, None)

    def _withdraw(self, number: int) -> None:
        if self._client is not None:
            self._client.send(CancelFit(number))

    def _fail(self, number: int, error: Exception) -> None:
        answer = self._pending.pop(number, None)
        if answer is not None and not answer.done():
            answer.set_exception(error)
            answer.exception()  # a caller that was cancelled never looks at it, which asyncio would log

    async def _listen(self, client: "_Client") -> None:
        what = "The process that talks to the Dask cluster ended."
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                match _MESSAGE.decode(await read_message(client.reader)):
                    case FitDone(number=number, result=result):
                        if (answer := self._pending.pop(number, None)) is not None:
                            answer.set_result(result)
                    case FitFailed(number=number, error=error):
                        self._fail(number, ReportedError(error))
                    case ClusterLost(what=said):
                        what = said
                        break
        await self._lose(what)

    async def _lose(self, what: str) -> None:
        """Go on without the cluster."""
        await self.close()
        self._on_lost(f"{what} This machine fits the models from now on.")
        for number in list(self._pending):
            self._fail(number, ClusterLostError(what))


_MAX_WAIT: Final = 3600.0


class _Client:
    """The cluster client's process as the worker sees it."""

    listening: asyncio.Task[None]

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._pid = pid
        self.reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, data: "TrainingData", root: Path, address: str) -> "_Client":
        pid, connection = fork_client(data, root, address)
        return cls(pid, *await asyncio.open_connection(sock=connection))

    def send(self, message: WorkerMessage) -> None:
        """Send a message. One that is too late for a client that has died is lost with it."""
        write_message(self._writer, message)

    async def end(self) -> None:
        """End the process, if it has not ended."""
        if asyncio.current_task() is not self.listening:
            self.listening.cancel()
            await asyncio.gather(self.listening, return_exceptions=True)
        os.kill(self._pid, signal.SIGKILL)  # not yet waited for, so the number is still the client's
        os.waitpid(self._pid, 0)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
