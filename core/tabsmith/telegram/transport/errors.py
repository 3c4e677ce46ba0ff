"""What can go wrong between a bridge and Telegram's server, as types. None is meant for a person's eyes as it is.

Every text in them has gone through `Token.hide`, and none keeps the exception of the library that it came from: there
the token stands in messages and addresses.
"""

from typing import Literal, TypeAlias

MaybeReceived: TypeAlias = Literal["never", "perhaps"]


class BotApiError(Exception):
    """A request was not answered as it should be. The words say why."""


class UnauthorizedError(BotApiError):
    """401: the token is not, or no longer, good."""


class ConflictError(BotApiError):
    """409: another program polls with this token."""


class TooManyRequestsError(BotApiError):
    """429: nothing is taken for `retry_after` seconds."""

    def __init__(self, words: str, retry_after: float) -> None:
        super().__init__(words)
        self.retry_after = retry_after


class RejectedError(BotApiError):
    """400, 403, 404 and other 4xx: the same request would be refused again."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code
        self.description = description


class ServerError(BotApiError):
    """5xx, or an answer that cannot be read. What was asked for may have been done."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class InvalidResponseError(ServerError):
    """The server says that all went well, and then something that is no JSON."""


class UnreachableError(BotApiError):
    """The network failed, or nothing came in time. `reached` tells whether the server may have had the request."""

    def __init__(self, reason: str, reached: MaybeReceived) -> None:
        super().__init__(reason)
        self.reached: MaybeReceived = reached


class UnsendableFileError(BotApiError):
    """A file cannot be sent: it is gone, empty, or larger than Telegram takes."""


class FileTooLargeError(BotApiError):
    """A file that somebody sent is larger than is taken here."""
