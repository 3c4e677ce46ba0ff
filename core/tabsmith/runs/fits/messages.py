"""The messages between a run's worker (`cluster_fits.py`) and its cluster client (`cluster_client.py`): MessagePack, each after
its length in four bytes. MessagePack has infinite seconds and undefined scores, which JSON lacks."""

import asyncio
from typing import Final, TypeAlias

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.runs.fits.executor import Fit

_LENGTH_BYTES: Final = 4


class ClusterSize(msgspec.Struct, frozen=True):
    """What a cluster has to fit with."""

    workers: int
    threads: int  # of all workers


class StartFit(msgspec.Struct, frozen=True, tag=True):
    """Have a worker of the cluster carry out `fit`; the answer carries `number`."""

    number: int
    fit: Fit


class CancelFit(msgspec.Struct, frozen=True, tag=True):
    """Nobody waits for the fit `number` any more."""

    number: int


class FitDone(msgspec.Struct, frozen=True, tag=True):
    """The fit `number` was carried out, and its model lies below the run's folder."""

    number: int
    result: msgspec.Raw  # a FitResult


class FitFailed(msgspec.Struct, frozen=True, tag=True):
    """The fit `number` raised an error, or ended the workers that tried it."""

    number: int
    error: ErrorReport


class ClusterLost(msgspec.Struct, frozen=True, tag=True):
    """The cluster cannot be reached any more, or has no workers left. The last message of a client."""

    what: str


WorkerMessage: TypeAlias = StartFit | CancelFit
ClientMessage: TypeAlias = FitDone | FitFailed | ClusterLost


def write_message(writer: asyncio.StreamWriter, message: WorkerMessage | ClientMessage) -> None:
    """Put the message into the writer's buffer."""
    body = msgspec.msgpack.encode(message)
    writer.write(len(body).to_bytes(_LENGTH_BYTES) + body)


async def read_message(reader: asyncio.StreamReader) -> bytes:
    """Return the next message, still to be decoded. Raises EOFError and ConnectionError when the other side is gone."""
    return await reader.readexactly(int.from_bytes(await reader.readexactly(_LENGTH_BYTES)))
