"""Files that people send, brought to disk: streamed, counted, and whole in their place or not there at all."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from tabsmith.storage.atomic import make_folder, sync_folder
from tabsmith.storage.failures import storage_error
from tabsmith.telegram.failures import Failure, ServerFault, TooLarge
from tabsmith.telegram.wire import refusal, unreachable

_LONGEST: Final = 600.0  # seconds for one file
_REFUSAL: Final = 4_096  # bytes of a refusal that are read


class Downloads:
    """The server's files below `address`, in which the token stands."""

    def __init__(self, address: str, patience: float) -> None:
        self.address = address
        self._client = httpx.AsyncClient(timeout=patience)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, path: str, to: Path, most_bytes: int) -> int:
        """Put the file at `path` on the server at `to`, and count its bytes. Raises a Failure or StorageError."""
        try:
            make_folder(to.parent)
            handle, name = tempfile.mkstemp(prefix=".tabsmith-", suffix=".part", dir=to.parent)  # 0600
        except OSError as error:
            raise storage_error(error, to, "save") from error
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                count = await self._stream(path, file.fileno(), most_bytes)
                await asyncio.to_thread(os.fsync, file.fileno())
            part.replace(to)
            sync_folder(to.parent)
        except OSError as error:
            raise storage_error(error, to, "save") from error
        finally:
            part.unlink(missing_ok=True)
        return count

    async def _stream(self, path: str, descriptor: int, most_bytes: int) -> int:
        count = 0
        failure: Failure
        try:
            async with (
                asyncio.timeout(_LONGEST),
                self._client.stream("GET", self.address + quote(path)) as answer,
            ):
                if answer.status_code != 200:
                    failure = refusal(answer.status_code, await _beginning(answer))
                else:
                    async for chunk in answer.aiter_bytes():
                        count += len(chunk)
                        if count > most_bytes:
                            break
                        _write(descriptor, chunk)
                    else:
                        return count
                    failure = TooLarge(f"more than {most_bytes:,} bytes")
        except (httpx.HTTPError, TimeoutError) as error:
            failure = unreachable(error)
        except (httpx.InvalidURL, httpx.StreamError) as error:
            failure = ServerFault(200, f"a file that cannot be fetched ({type(error).__name__})")
        raise failure  # outside the handlers: what the library raised, with its address, is not its context


async def _beginning(answer: httpx.Response) -> bytes:
    async for chunk in answer.aiter_bytes(_REFUSAL):
        return chunk
    return b""


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
