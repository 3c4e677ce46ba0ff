"""Why a request to Telegram's server was not answered as it should be. None of the texts is meant for a person as it is.

Every text has gone through `BotToken.hide`, and no error keeps the exception of the HTTP library that it came from:
there the token stands in messages and addresses.
"""

from typing import Literal, TypeAlias

MaybeReceived: TypeAlias = Literal["never", "perhaps"]


class BotApiError(Exception):
    """A request was not answered as it should be. The text says why."""


class UnauthorizedError(BotApiError):
    """401: the token is not, or no longer, good."""


class ConflictError(BotApiError):
    """409: another program polls with this token."""


class TooManyRequestsError(BotApiError):
    """429: the server takes nothing for `retry_after` seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RejectedError(BotApiError):
    """400, 403, 404 and other 4xx: the same request would be refused again."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"{description} ({code})")
        self.code = code
        self.description = description


class ServerError(BotApiError):
    """5xx, or an answer that cannot be read. The server may have done what it was asked for."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class InvalidResponseError(ServerError):
    """The Bot API says that all went well, in an answer that is no JSON."""


class UnreachableError(BotApiError):
    """The network failed, or no answer came in time. `received` tells whether the server may have had the request."""

    def __init__(self, reason: str, received: MaybeReceived) -> None:
        super().__init__(reason)
        self.received: MaybeReceived = received


class UnsendableFileError(BotApiError):
    """A file cannot be sent: it is gone, empty, or larger than Telegram takes."""


class TelegramFileTooLargeError(BotApiError):
    """A file that somebody sent is larger than is taken here."""
