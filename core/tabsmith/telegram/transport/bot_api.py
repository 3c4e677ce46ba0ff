"""The Bot API methods that the bridge uses. Each asks the server once and raises a BotApiError when it was not done.

Nothing is retried and nothing is paced here: that is the sender's and the poller's business.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

import msgspec

from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.render.messages import Keyboard, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import LONGEST_CAPTION, StyledText, rendered
from tabsmith.telegram.transport.http_client import HttpClient, Upload
from tabsmith.telegram.transport.updates import (
    UPDATE_KINDS,
    PollResult,
    RejectedError,
    ServerError,
    UnsendableFileError,
    parse_poll_response,
)
from tabsmith.text import clean

T = TypeVar("T")

MAX_UPLOAD_BYTES: Final = 50_000_000  # Telegram takes no larger file from a bot
_NO_PREVIEW: Final = {"is_disabled": True}
_UPLOAD_FACTOR: Final = 10.0  # a request with a file may take this many times `patience`


class BotIdentity(msgspec.Struct, frozen=True):
    """The bot's own number and its @name (without the @)."""

    id: int
    username: str = ""


class BotApi:
    """One bot at one server. A poll waits up to `timeout` seconds for updates, any other request `patience` seconds."""

    def __init__(self, token: BotToken, server: str, timeout: float, *, patience: float = 20.0) -> None:
        self._http = HttpClient(token, server, patience)
        self._timeout = timeout
        self._patience = patience
        self._poll_margin = min(5.0, max(0.5, timeout / 2))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    # Asking ----------------------------------------------------------------------------------------------------------

    async def me(self) -> BotIdentity:
        """The bot that the token belongs to."""
        return await self._call("getMe", {}, BotIdentity)

    async def updates(self, offset: int | None, *, most: int = 100, wait: Literal["long", "no"] = "long") -> PollResult:
        """Up to `most` updates from number `offset` on; the server forgets those before it. One call at a time."""
        seconds = self._timeout if wait == "long" else 0.0
        parameters = {
            "offset": offset,
            "limit": most,
            "timeout": int(seconds) if seconds == int(seconds) else seconds,
            "allowed_updates": UPDATE_KINDS,
        }
        within = seconds + self._poll_margin
        return parse_poll_response(await self._http.call("getUpdates", parameters, within=within, silence=within))

    async def arrived(self, chat: int, message_id: int, keyboard: Keyboard) -> bool:
        """Whether the bot's message with this number is in the chat; it is given the keyboard that it should have."""
        parameters = {"chat_id": chat, "message_id": message_id, "reply_markup": _markup(keyboard)}
        try:
            await self._call("editMessageReplyMarkup", parameters, msgspec.Raw)
        except RejectedError as error:
            return _is_unchanged(error)
        return True

    # Sending ---------------------------------------------------------------------------------------------------------

    async def send(self, chat: int, outgoing: OutgoingMessage | OutgoingFile) -> int:
        """Send a text or a file; returns the message's number. Raises UnsendableFileError for an unusable file."""
        if isinstance(outgoing, OutgoingFile):
            return await self._send_file(chat, outgoing)
        parameters = {"chat_id": chat, **_message(outgoing), "disable_notification": outgoing.silent}
        return (await self._call("sendMessage", parameters, _SentMessage)).message_id

    async def send_photo(self, chat: int, png: bytes, caption: StyledText, silent: bool) -> int:
        """Send a picture; returns the message's number."""
        parameters = {"chat_id": chat, **_caption(caption), "disable_notification": silent}
        return await self._upload("sendPhoto", parameters, Upload("photo", "chart.png", png))

    async def edit(self, chat: int, message_id: int, message: OutgoingMessage) -> None:
        """Replace a sent message by `message`; no error if it reads so already."""
        parameters = {"chat_id": chat, "message_id": message_id, **_message(message)}
        try:
            await self._call("editMessageText", parameters, msgspec.Raw)
        except RejectedError as error:
            if not _is_unchanged(error):
                raise

    async def acknowledge(self, query_id: str, text: str = "") -> None:
        """Tell the app that a button press was taken; it shows `text` for a moment."""
        parameters = {"callback_query_id": query_id, "text": clean(text, 200) or None}
        await self._call("answerCallbackQuery", parameters, msgspec.Raw)

    async def set_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        """Set the menu of commands, each with its description. Servers without such a menu are no error."""
        menu = [{"command": name, "description": description} for name, description in commands]
        try:
            await self._call("setMyCommands", {"commands": menu}, msgspec.Raw)
        except (RejectedError, ServerError) as error:
            if isinstance(error, ServerError) and error.code != HTTPStatus.NOT_FOUND:
                raise
            # The commands work all the same, they are only not offered.

    # Files -----------------------------------------------------------------------------------------------------------

    async def download(self, file_id: str, to: Path, max_bytes: int) -> int:
        """Save a file that somebody sent as `to`, whole or not at all; returns its size in bytes.

        Raises FileTooLargeError over `max_bytes`, whatever the sender said, and StorageError when it cannot be written.
        """
        file = await self._call("getFile", {"file_id": file_id}, _File)
        if not file.file_path:
            raise ServerError(200, "a file without a path")
        return await self._http.download(file.file_path, to, max_bytes)

    async def _send_file(self, chat: int, file: OutgoingFile) -> int:
        path = Path(file.path)
        try:
            size = path.stat().st_size
            handle = path.open("rb")
        except OSError as error:
            raise UnsendableFileError(f"the file cannot be read: {error.strerror}") from None
        with handle:
            if not 0 < size <= MAX_UPLOAD_BYTES:
                raise UnsendableFileError(
                    "the file is empty" if size == 0 else f"the file is too large: {size:,} bytes"
                )
            parameters = {
                "chat_id": chat,
                **_caption(file.caption),
                "reply_markup": _markup(file.keyboard),
                "disable_notification": file.silent,
            }
            name = clean(file.name, 120).replace("/", "_") or "file"
            return await self._upload("sendDocument", parameters, Upload("document", name, handle))

    async def _upload(self, method: str, parameters: Mapping[str, object], upload: Upload) -> int:
        within = self._patience * _UPLOAD_FACTOR
        body = await self._http.call(method, parameters, within=within, upload=upload)
        return _result(body, _SentMessage).message_id

    async def _call(self, method: str, parameters: Mapping[str, object], type_: type[T]) -> T:
        return _result(await self._http.call(method, parameters, within=self._patience * 2), type_)


class _Answer(msgspec.Struct, Generic[T]):
    result: T
    ok: bool = False


class _SentMessage(msgspec.Struct):
    """All that is used of a sent message. The rest is not looked at: what is odd there must not count as not sent."""

    message_id: int


class _File(msgspec.Struct):
    file_path: str = ""


def _result(body: bytes, type_: type[T]) -> T:
    """The result in a 2xx answer. Raises ServerError when there is none of that type."""
    try:
        answer = msgspec.json.decode(body, type=_Answer[type_])  # type: ignore[valid-type]
    except (ValueError, RecursionError) as failure:  # msgspec's own errors and UnicodeDecodeError are ValueErrors
        problem = f"an answer that cannot be read ({type(failure).__name__})"
    else:
        if answer.ok:
            return answer.result
        problem = "an answer without a result"
    raise ServerError(200, problem)


def _is_unchanged(error: RejectedError) -> bool:
    return "message is not modified" in str(error).lower()


def _message(message: OutgoingMessage) -> dict[str, object]:
    shown = rendered(message.text)
    return {
        "text": shown.text,
        "entities": shown.entities or None,
        "reply_markup": _markup(message.keyboard),
        "link_preview_options": _NO_PREVIEW,
    }


def _caption(caption: StyledText) -> dict[str, object]:
    shown = rendered(caption, LONGEST_CAPTION)
    return {"caption": shown.text or None, "caption_entities": shown.entities or None}


def _markup(keyboard: Keyboard) -> dict[str, object] | None:
    if not keyboard:
        return None
    return {
        "inline_keyboard": [
            [{"text": button.label, "callback_data": button.data} for button in row] for row in keyboard
        ]
    }
