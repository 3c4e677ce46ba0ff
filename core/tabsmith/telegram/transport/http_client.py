"""HTTP requests to a Bot API server: methods and file downloads, each failure as a type of `transport.errors`.

The token is part of every address, and servers repeat addresses in their error texts. No error raised here, no exception
behind it and no log line of the HTTP library contains the token.
"""

import asyncio
import functools
import logging
import os
import ssl
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple
from urllib.parse import quote

import httpx
import msgspec

from tabsmith.storage.files import make_folder, storage_error, sync_folder
from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.transport.updates import (
    BotApiError,
    ConflictError,
    RejectedError,
    ServerError,
    TelegramFileTooLargeError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from tabsmith.text import clean

MAX_CONNECTIONS: Final = 24
_MAX_DOWNLOAD_SECONDS: Final = 600.0
_MAX_ERROR_BYTES: Final = 4_096  # read of the error page that answers a download
_MAX_RETRY_AFTER: Final = 86_400.0  # seconds
_DEFAULT_RETRY_AFTER: Final = 5.0  # seconds, for a 429 that does not say how long
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BAD_REQUEST: Final = (httpx.InvalidURL, httpx.StreamError, ValueError)


class Upload(NamedTuple):
    """A file sent with a request: the name of its parameter, its file name, and its bytes or an open file."""

    field: str
    name: str
    content: bytes | BinaryIO


class HttpClient:
    """Connections to one server for one bot. `patience` is how many seconds the server may keep silent."""

    def __init__(self, token: BotToken, server: str, patience: float) -> None:
        for name in ("httpx", "httpcore"):  # they log addresses, which contain the token
            logging.getLogger(name).setLevel(logging.WARNING)
        self._token = token
        self._methods = f"{server}/bot{token.reveal()}/"
        self._files = f"{server}/file/bot{token.reveal()}/"
        self._patience = patience
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        self._client = httpx.AsyncClient(timeout=patience, limits=limits, verify=_tls_context())

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        parameters: Mapping[str, object],
        *,
        within: float,
        upload: Upload | None = None,
        silence: float | None = None,
    ) -> bytes:
        """Call a Bot API method once; returns the body of a 2xx answer. Raises BotApiError for anything else.

        Parameters that are None are left out. The whole request may take `within` seconds; `silence` replaces `patience`
        for a long poll, which the server answers only when there is something new.
        """
        error: BotApiError
        try:
            form = {
                name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
                for name, value in parameters.items()
                if value is not None
            }
            async with asyncio.timeout(within):
                response = await self._client.post(
                    self._methods + method,
                    data=form,
                    files={upload.field: (upload.name, upload.content)} if upload else None,
                    timeout=httpx.Timeout(self._patience, read=silence or self._patience),
                )
            if response.is_success:
                return response.content
            error = self._response_error(response.status_code, response.content)
        except (httpx.HTTPError, TimeoutError) as failure:
            error = _connection_error(failure)
        except _BAD_REQUEST as failure:
            error = ServerError(200, f"a request that cannot be made ({type(failure).__name__})")
        raise error  # outside the handlers: what the library raised, with its address, is not its context

    async def download(self, path: str, to: Path, max_bytes: int) -> int:
        """Save the server's file `path` as `to`, whole or not at all; returns its size in bytes.

        Raises TelegramFileTooLargeError over `max_bytes`, another BotApiError when the file does not come, and StorageError
        when it cannot be written.
        """
        try:
            make_folder(to.parent)
            handle, name = tempfile.mkstemp(prefix=".tabsmith-", suffix=".part", dir=to.parent)  # 0600
        except OSError as error:
            raise storage_error(error, to, "save") from error
        part = Path(name)
        try:
            with os.fdopen(handle, "wb", buffering=0) as file:
                size = await self._stream(path, file.fileno(), max_bytes)
                await asyncio.to_thread(os.fsync, file.fileno())
            part.replace(to)
            sync_folder(to.parent)
        except OSError as error:
            raise storage_error(error, to, "save") from error
        finally:
            part.unlink(missing_ok=True)
        return size

    async def _stream(self, path: str, descriptor: int, max_bytes: int) -> int:
        size = 0
        error: BotApiError
        try:
            async with (
                asyncio.timeout(_MAX_DOWNLOAD_SECONDS),
                self._client.stream("GET", self._files + quote(path)) as response,
            ):
                if response.status_code != HTTPStatus.OK:
                    error = self._response_error(response.status_code, await _first_bytes(response))
                else:
                    async for chunk in response.aiter_bytes():
                        size += len(chunk)
                        if size > max_bytes:
                            break
                        _write_all(descriptor, chunk)
                    else:
                        return size
                    error = TelegramFileTooLargeError(f"more than {max_bytes:,} bytes")
        except (httpx.HTTPError, TimeoutError) as failure:
            error = _connection_error(failure)
        except _BAD_REQUEST as failure:
            error = ServerError(200, f"a file that cannot be fetched ({type(failure).__name__})")
        raise error  # outside the handlers, as in `call`

    def _response_error(self, code: int, body: bytes) -> BotApiError:
        """The error for an answer whose status code is not 2xx."""
        try:
            refusal = msgspec.json.decode(body, type=_Refusal)
        except (ValueError, RecursionError):  # msgspec's own errors and UnicodeDecodeError are ValueErrors
            # An error page of some gateway, which may pass, while a refusal of Telegram's own would come again. Only
            # what is too large or too much stays so whoever says it.
            if code not in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS):
                return ServerError(code, f"{_phrase(code)} ({code})")
            refusal = _Refusal(ok=False)
        description = clean(self._token.hide(refusal.description), 300) or _phrase(code)
        if code == HTTPStatus.UNAUTHORIZED:
            return UnauthorizedError(description)
        if code == HTTPStatus.CONFLICT:
            return ConflictError(description)
        if code == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = refusal.parameters.retry_after if refusal.parameters is not None else None
            wait = _DEFAULT_RETRY_AFTER if seconds is None else min(max(seconds, 0.0), _MAX_RETRY_AFTER)
            return TooManyRequestsError(description, wait)
        if 400 <= code <= 499 and code != HTTPStatus.REQUEST_TIMEOUT:
            return RejectedError(code, description)
        return ServerError(code, f"{description} ({code})")


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """The context for verified connections; reading the certificates takes a tenth of a second."""
    return httpx.create_ssl_context()


class _RetryParameters(msgspec.Struct):
    retry_after: float | None = None


class _Refusal(msgspec.Struct):
    ok: Literal[False]
    description: str = ""
    parameters: _RetryParameters | None = None


def _connection_error(failure: Exception) -> UnreachableError:
    """The error for a request that got no answer; says whether the server may have had it."""
    late = isinstance(failure, (httpx.TimeoutException, TimeoutError))
    reason = "no answer in time" if late else "the connection failed"
    return UnreachableError(
        f"{reason} ({type(failure).__name__})", "never" if isinstance(failure, _NEVER_SENT) else "perhaps"
    )


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "an unknown code"


async def _first_bytes(response: httpx.Response) -> bytes:
    async for chunk in response.aiter_bytes(_MAX_ERROR_BYTES):
        return chunk
    return b""


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
