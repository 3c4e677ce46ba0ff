"""The HTTP of the bridge: python-telegram-bot's own request, with every failure told by its type and its code.

The library folds codes together (a 500 and a cut connection are both a NetworkError) and names the token in some of
its errors. Here an answer is judged where it comes in, and updates are kept as they came: one that the library cannot
read would be fetched again for ever.

Files that people send, brought to disk: streamed, counted, and whole in their place or not there at all.
"""

import asyncio
import logging
import os
import tempfile
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal, final
from urllib.parse import quote

import httpx
import msgspec
from telegram.error import NetworkError, TelegramError
from telegram.request import HTTPXRequest, RequestData

from tabsmith.storage.files import make_folder, storage_error, sync_folder
from tabsmith.telegram.transport.errors import (
    BotApiError,
    ConflictError,
    FileTooLargeError,
    InvalidResponseError,
    RejectedError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from tabsmith.text import clean

_BAD_ANSWER: Final = (ValueError, RecursionError)  # msgspec's own errors and UnicodeDecodeError are ValueErrors
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LONGEST_WAIT: Final = 86_400.0
_DEFAULT_WAIT: Final = 5.0
_NO_UPDATES: Final = b'{"ok":true,"result":[]}'


class CarriedError(TelegramError):
    """A failure on its way through the library, which lets its own errors pass unchanged."""

    def __init__(self, failure: BotApiError) -> None:
        super().__init__("failed")
        self.failure = failure


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Refusal(msgspec.Struct):
    ok: Literal[False]
    description: str = ""
    parameters: _Parameters | None = None


def silence_http_logs() -> None:
    """Keep the libraries from logging addresses, in which the token stands."""
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)


class BotRequest(HTTPXRequest):
    """Requests whose failures come out as CarriedError."""

    @staticmethod
    @final
    def parse_json_payload(payload: bytes) -> dict[str, object]:
        """A good answer, read. The library would log one that it cannot read, whole."""
        try:
            answer = msgspec.json.decode(payload, type=dict[str, object])
        except _BAD_ANSWER:
            raise CarriedError(InvalidResponseError(200, "an answer that cannot be read")) from None
        if answer.get("ok") is not True or "result" not in answer:
            raise CarriedError(ServerError(200, "an answer without a result"))
        return answer

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *others: Any,
        **timeouts: Any,
    ) -> tuple[int, bytes]:
        """The answer's body, when the code is a good one."""
        failure: BotApiError
        try:
            code, payload = await super().do_request(url, method, request_data, *others, **timeouts)
        except NetworkError as error:  # a TimedOut is one too
            failure = unreachable_error(error.__cause__)
        else:
            if 200 <= code <= 299:
                return code, self.take(payload)
            failure = response_error(code, payload)
        raise CarriedError(failure)

    def take(self, payload: bytes) -> bytes:
        """A good answer, before the library reads it."""
        return payload


class PollRequest(BotRequest):
    """Requests for updates. The library gets none; they lie in `taken` as they came."""

    taken: bytes = _NO_UPDATES

    def take(self, payload: bytes) -> bytes:
        self.taken = payload
        return _NO_UPDATES


def unreachable_error(cause: BaseException | None) -> UnreachableError:
    """What the HTTP library raised, in words."""
    kind = type(cause).__name__ if cause is not None else "no reason given"
    reason = "no answer in time" if isinstance(cause, httpx.TimeoutException) else "the connection failed"
    return UnreachableError(f"{reason} ({kind})", "never" if isinstance(cause, _UNSENT) else "perhaps")


def response_error(code: int, payload: bytes) -> BotApiError:
    """An answer with a code that is not 2xx, as its failure."""
    try:
        said = msgspec.json.decode(payload, type=_Refusal)
    except _BAD_ANSWER:
        # Some gateway's page. It may pass, while a refusal of Telegram's own would be the same the next time; only of
        # what is too large that is so as well.
        if code not in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS):
            return ServerError(code, f"{_phrase(code)} ({code})")
        said = _Refusal(ok=False)
    words = clean(said.description, 300) or _phrase(code)
    if code == HTTPStatus.UNAUTHORIZED:
        return UnauthorizedError(words)
    if code == HTTPStatus.CONFLICT:
        return ConflictError(words)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        told = said.parameters.retry_after if said.parameters is not None else None
        return TooManyRequestsError(words, min(max(told, 0.0), _LONGEST_WAIT) if told is not None else _DEFAULT_WAIT)
    if 400 <= code <= 499 and code != HTTPStatus.REQUEST_TIMEOUT:
        return RejectedError(code, words)
    return ServerError(code, f"{words} ({code})")


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "an unknown code"


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
        failure: BotApiError
        try:
            async with (
                asyncio.timeout(_LONGEST),
                self._client.stream("GET", self.address + quote(path)) as answer,
            ):
                if answer.status_code != 200:
                    failure = response_error(answer.status_code, await _beginning(answer))
                else:
                    async for chunk in answer.aiter_bytes():
                        count += len(chunk)
                        if count > most_bytes:
                            break
                        _write(descriptor, chunk)
                    else:
                        return count
                    failure = FileTooLargeError(f"more than {most_bytes:,} bytes")
        except (httpx.HTTPError, TimeoutError) as error:
            failure = unreachable_error(error)
        except (httpx.InvalidURL, httpx.StreamError) as error:
            failure = ServerError(200, f"a file that cannot be fetched ({type(error).__name__})")
        raise failure  # outside the handlers: what the library raised, with its address, is not its context


async def _beginning(answer: httpx.Response) -> bytes:
    async for chunk in answer.aiter_bytes(_REFUSAL):
        return chunk
    return b""


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
