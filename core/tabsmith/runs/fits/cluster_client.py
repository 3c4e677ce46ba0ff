"""The cluster client: a child of the run's worker that talks to the Dask scheduler for it.

Dask's client starts threads, and the worker may not, because it forks. The client is forked once the data is prepared, so it
has them at no cost, and sends them to the cluster once. What a fit brings it writes below the run's folder.
"""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import msgspec

from tabsmith.errors import ClusterError, ClusterLostError, WorkerError, report_of
from tabsmith.processes import begin_child
from tabsmith.runs.fits.executor import Fit
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
from tabsmith.runs.fits.remote_fit import RemoteError, RemoteModel, fit_remotely, installed_version, version_error
from tabsmith.storage import sealed_folder
from tabsmith.text import clean, plural
from tabsmith.version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

    from tabsmith.modeling.training_data import TrainingData

T = TypeVar("T")

CONNECT_SECONDS: Final = 10.0
"""For the scheduler to answer, at the start and whenever it is looked at."""

SENDING_SECONDS: Final = 600.0
"""For the data to reach all workers, and for a model to come back."""

WATCH_EVERY: Final = 1.0
NO_WORKER_SECONDS: Final = 30.0
"""Seconds without any worker after which the cluster counts as lost; a worker that died is started again in less."""

MAX_SENDS: Final = 3
"""Times that the data is sent for one fit: it is gone when the last worker that held it dies."""

_MESSAGE: Final = msgspec.msgpack.Decoder(WorkerMessage)


def measure_cluster(address: str, *, seconds: float = CONNECT_SECONDS) -> ClusterSize:
    """Return what the cluster at `address`, whose scheduler answers within `seconds`, has to fit with.

    Raises ClusterError if its scheduler does not answer, has no workers, or if a worker lacks this version of tabsmith.
    """
    return asyncio.run(_measure_cluster(address, seconds))


async def _measure_cluster(address: str, seconds: float) -> ClusterSize:
    client = await _connect(address, seconds)
    try:
        workers = (await _answered(client.scheduler.identity(n_workers=-1), CONNECT_SECONDS))["workers"]
        if not workers:
            raise ClusterError(
                f"The Dask scheduler at {clean(address)} has no workers.",
                next_step=f"Start some: dask worker {clean(address)} --nthreads 2",
            )
        try:
            versions = await _answered(client.run(installed_version), CONNECT_SECONDS + SENDING_SECONDS / 10)
        except ImportError as error:
            raise ClusterError(
                f"A worker of the cluster cannot import tabsmith: {clean(error)}",
                next_step=f"Install tabsmith {__version__} on all workers, and start them again.",
            ) from error
        for version in versions.values():
            if version != __version__:
                raise version_error(version, __version__)
        return ClusterSize(len(workers), sum(worker["nthreads"] for worker in workers.values()))
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(client.close(), CONNECT_SECONDS)


async def _connect(address: str, seconds: float) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            "Dask is not installed here, and engine.address names a cluster.",
            next_step="Install it: pip install 'tabsmith[dask]'",
        ) from error
    try:
        client: Client = await Client(address, asynchronous=True, timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:  # a TimeoutError is an OSError; an address of no kind that Dask knows
        raise ClusterError(
            f"No Dask scheduler answers at {clean(address)}: {clean(error)}",
            next_step="Start it, or correct engine.address; to fit on this machine: tabsmith config set engine.address ''",
        ) from error
    return client


async def _answered(answer: "Awaitable[T]", seconds: float) -> T:
    """Return what the cluster answers. Raises ClusterLostError if that takes longer than `seconds`, or nobody is there."""
    try:
        return await asyncio.wait_for(answer, seconds)
    except (OSError, TimeoutError) as error:
        raise ClusterLostError(
            f"The Dask cluster does not answer: {clean(error) or f'nothing came within {seconds:,.0f} s'}"
        ) from error


def fork_client(data: "TrainingData", root: Path, address: str) -> tuple[int, socket.socket]:
    """Fork the client of a run whose folder is `root`; returns its process id and the socket to it."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _serve(data, root, address, theirs, parent)
    theirs.close()
    return pid, ours


def _serve(data: "TrainingData", root: Path, address: str, connection: socket.socket, parent: int) -> NoReturn:
    """Live the client's life: it ends with the worker, or once it has said that the cluster is lost."""
    status = 1
    try:
        begin_child(parent)
        asyncio.run(_talk(data, root, address, connection))
        status = 0
    finally:
        os._exit(status)


async def _talk(data: "TrainingData", root: Path, address: str, connection: socket.socket) -> None:
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        client = await _connect(address, CONNECT_SECONDS)
        await ClusterClient(client, data, root, reader, writer).run()
    except ClusterError as error:
        write_message(writer, ClusterLost(error.what))
        await writer.drain()


@dataclass
class _SentData:
    """The data on the cluster, which stays there as long as this future does."""

    future: "Future[TrainingData]"


class ClusterClient:
    """Carries out the fits that `reader` asks for on the cluster of `client`, and answers to `writer`."""

    def __init__(
        self,
        client: "Client",
        data: "TrainingData",
        root: Path,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._client = client
        self._data = data
        self._root = root
        self._reader = reader
        self._writer = writer
        self._fits: dict[int, asyncio.Task[None]] = {}
        self._sent: _SentData | None = None
        self._sending = asyncio.Lock()
        self._workers: tuple[str, ...] = ()
        self._busy: Counter[str] = Counter()
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Work until the worker is gone. Raises ClusterLostError when the cluster is."""
        await self._look_at_workers()
        listening = asyncio.create_task(self._listen())
        watching = asyncio.create_task(self._watch())
        await asyncio.wait((listening, watching, self._lost), return_when=asyncio.FIRST_COMPLETED)
        for ended in (watching, self._lost):
            if ended.done():
                ended.result()

    async def _listen(self) -> None:
        with contextlib.suppress(EOFError, ConnectionError):  # the worker has ended
            while True:
                match _MESSAGE.decode(await read_message(self._reader)):
                    case StartFit(number=number, fit=fit):
                        task = self._fits[number] = asyncio.create_task(self._answer(number, fit))
                        task.add_done_callback(partial(self._forget, number))
                    case CancelFit(number=number):
                        if number in self._fits:
                            self._fits[number].cancel()

    def _forget(self, number: int, _: "asyncio.Task[None]") -> None:
        del self._fits[number]

    async def _watch(self) -> None:
        """Look at the cluster again and again. Raises ClusterLostError when it does not answer, or has no workers for long."""
        seen = time.monotonic()
        while True:
            await asyncio.sleep(WATCH_EVERY)
            await self._look_at_workers()
            if self._workers:
                seen = time.monotonic()
            elif time.monotonic() - seen > NO_WORKER_SECONDS:
                raise ClusterLostError(f"The Dask cluster has had no worker for {NO_WORKER_SECONDS:.0f} s.")

    async def _look_at_workers(self) -> None:
        identity = await _answered(self._client.scheduler.identity(n_workers=-1), CONNECT_SECONDS)
        self._workers = tuple(identity["workers"])

    async def _answer(self, number: int, fit: Fit) -> None:
        """Carry out a fit, and send what came of it."""
        message: ClientMessage
        try:
            message = FitDone(number, msgspec.Raw(await self._fit(number, fit)))
        except ClusterLostError as error:
            if not self._lost.done():
                self._lost.set_exception(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, the run gets the whole error
            message = FitFailed(number, report_of(error))
        write_message(self._writer, message)
        await self._writer.drain()

    async def _fit(self, number: int, fit: Fit) -> bytes:
        """Return the result of a fit, once its model lies below the run's folder.

        Raises ClusterLostError, WorkerError if the fit ended the workers that tried it, and ReportedError for what it raised.
        """
        from distributed import CancelledError, KilledWorker

        from tabsmith.errors import ReportedError

        for attempt in range(MAX_SENDS):
            data = await self._send_data()
            key = f"tabsmith-{os.getpid()}-{number}-{attempt}"
            worker = min(self._workers, key=lambda each: self._busy[each], default=None)
            future: Future[RemoteModel | RemoteError] = self._client.submit(
                fit_remotely, data.future, fit, key, __version__,
                key=key, workers=worker, allow_other_workers=True, pure=False,
            )  # fmt: skip
            self._busy[worker or ""] += 1
            try:
                answer: RemoteModel | RemoteError = await future
            except KilledWorker as error:
                raise WorkerError(
                    f"A fit ended {plural(error.allowed_failures + 1, 'worker')} of the cluster, most likely because memory ran out.",
                    next_step="The logs of the cluster's workers may tell more.",
                ) from error
            except CancelledError:  # the data was lost with the last worker that held it, or the scheduler is gone
                await self._look_at_workers()
                if self._sent is data:
                    self._sent = None
                continue
            finally:
                self._busy[worker or ""] -= 1
                if not future.cancelled():
                    await self._withdraw(future)
            if isinstance(answer, RemoteError):
                raise ReportedError(answer.error)
            _keep_files(answer, self._root)
            return answer.result
        raise ClusterLostError(f"The Dask cluster lost the data {plural(MAX_SENDS, 'time')} during one fit.")

    async def _send_data(self) -> _SentData:
        """Return the data on the cluster, which is sent if it is not there, and again if a worker died of those that were to get
        it. Raises ClusterLostError."""
        async with self._sending:
            for attempt in range(1, MAX_SENDS + 1):
                if self._sent is not None:
                    break
                sending = self._client.scatter(self._data, broadcast=True, hash=False, timeout=NO_WORKER_SECONDS)
                try:
                    self._sent = _SentData(await _answered(sending, SENDING_SECONDS))
                except ClusterLostError:
                    if attempt == MAX_SENDS:
                        raise
                    await self._look_at_workers()  # which raises the error of a scheduler that is gone
            assert self._sent is not None
            return self._sent

    async def _withdraw(self, future: "Future[Any]") -> None:
        """Tell the cluster that nobody waits for a task any more; of one that is done, nothing is left there."""
        with contextlib.suppress(OSError, TimeoutError):  # a cluster that is gone has nothing to be told
            await asyncio.wait_for(self._client.cancel([future], force=True), CONNECT_SECONDS)


def _keep_files(model: RemoteModel, root: Path) -> None:
    """Write the model's files below the run's folder, each folder whole or not at all, and durably. Raises StorageError."""
    for folder in sorted({Path(name).parent for name in model.files}):
        with sealed_folder(root / folder) as partial:
            for name, content in model.files.items():
                if Path(name).parent == folder:
                    (partial / Path(name).name).write_bytes(content)
