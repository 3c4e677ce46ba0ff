"""The HTTP of the bridge: python-telegram-bot's own request, with every failure told by its type and its code.

The library folds codes together (a 500 and a cut connection are both a NetworkError) and names the token in some of
its errors. Here an answer is judged where it comes in, and updates are kept as they came: one that the library cannot
read would be fetched again for ever.
"""

import logging
from http import HTTPStatus
from typing import Any, Final, Literal, final

import httpx
import msgspec
from telegram.error import NetworkError, TelegramError
from telegram.request import HTTPXRequest, RequestData

from tabsmith.telegram.failures import (
    Conflict,
    Failure,
    Garbled,
    Rejected,
    ServerFault,
    TooMany,
    Unauthorized,
    Unreachable,
)
from tabsmith.text import clean

_BAD_ANSWER: Final = (ValueError, RecursionError)  # msgspec's own errors and UnicodeDecodeError are ValueErrors
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LONGEST_WAIT: Final = 86_400.0
_DEFAULT_WAIT: Final = 5.0
_NO_UPDATES: Final = b'{"ok":true,"result":[]}'


class CarriedError(TelegramError):
    """A failure on its way through the library, which lets its own errors pass unchanged."""

    def __init__(self, failure: Failure) -> None:
        super().__init__("failed")
        self.failure = failure


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Refusal(msgspec.Struct):
    ok: Literal[False]
    description: str = ""
    parameters: _Parameters | None = None


def quieten() -> None:
    """Keep the libraries from logging addresses, in which the token stands."""
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)


class Wire(HTTPXRequest):
    """Requests whose failures come out as CarriedError."""

    @staticmethod
    @final
    def parse_json_payload(payload: bytes) -> dict[str, object]:
        """A good answer, read. The library would log one that it cannot read, whole."""
        try:
            answer = msgspec.json.decode(payload, type=dict[str, object])
        except _BAD_ANSWER:
            raise CarriedError(Garbled(200, "an answer that cannot be read")) from None
        if answer.get("ok") is not True or "result" not in answer:
            raise CarriedError(ServerFault(200, "an answer without a result"))
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
        failure: Failure
        try:
            code, payload = await super().do_request(url, method, request_data, *others, **timeouts)
        except NetworkError as error:  # a TimedOut is one too
            failure = unreachable(error.__cause__)
        else:
            if 200 <= code <= 299:
                return code, self.take(payload)
            failure = refusal(code, payload)
        raise CarriedError(failure)

    def take(self, payload: bytes) -> bytes:
        """A good answer, before the library reads it."""
        return payload


class PollWire(Wire):
    """Requests for updates. The library gets none; they lie in `taken` as they came."""

    taken: bytes = _NO_UPDATES

    def take(self, payload: bytes) -> bytes:
        self.taken = payload
        return _NO_UPDATES


def unreachable(cause: BaseException | None) -> Unreachable:
    """What the HTTP library raised, in words."""
    kind = type(cause).__name__ if cause is not None else "no reason given"
    reason = "no answer in time" if isinstance(cause, httpx.TimeoutException) else "the connection failed"
    return Unreachable(f"{reason} ({kind})", "never" if isinstance(cause, _UNSENT) else "perhaps")


def refusal(code: int, payload: bytes) -> Failure:
    """An answer with a code that is not 2xx, as its failure."""
    try:
        said = msgspec.json.decode(payload, type=_Refusal)
    except _BAD_ANSWER:
        # Some gateway's page. It may pass, while a refusal of Telegram's own would be the same the next time; only of
        # what is too large that is so as well.
        if code not in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS):
            return ServerFault(code, f"{_phrase(code)} ({code})")
        said = _Refusal(ok=False)
    words = clean(said.description, 300) or _phrase(code)
    if code == HTTPStatus.UNAUTHORIZED:
        return Unauthorized(words)
    if code == HTTPStatus.CONFLICT:
        return Conflict(words)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        told = said.parameters.retry_after if said.parameters is not None else None
        return TooMany(words, min(max(told, 0.0), _LONGEST_WAIT) if told is not None else _DEFAULT_WAIT)
    if 400 <= code <= 499 and code != HTTPStatus.REQUEST_TIMEOUT:
        return Rejected(code, words)
    return ServerFault(code, f"{words} ({code})")


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "an unknown code"
