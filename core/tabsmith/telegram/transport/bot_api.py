"""The bot's requests to Telegram's server: each method asks once, and raises a Failure when it was not done.

Nothing is retried and nothing is paced here: that is the sender's, who knows what was under way.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    LinkPreviewOptions,
    MessageEntity,
)
from telegram.error import TelegramError

from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.render.messages import Keyboard, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import LONGEST_CAPTION, Rendered, StyledText, rendered
from tabsmith.telegram.transport import http_client
from tabsmith.telegram.transport.errors import (
    BotApiError,
    RejectedError,
    ServerError,
    UnreachableError,
    UnsendableFileError,
)
from tabsmith.telegram.transport.http_client import BotRequest, CarriedError, Downloads, PollRequest
from tabsmith.telegram.transport.updates import PollResult, parse_poll_response
from tabsmith.text import clean

T = TypeVar("T")

MAX_UPLOAD_BYTES: Final = 50_000_000  # bytes; Telegram takes no larger file from a bot
_KINDS: Final = ("message", "edited_message", "callback_query")
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)
_MEDIA: Final = 10.0  # a file may take this many times as long as a text


class BotIdentity(msgspec.Struct, frozen=True):
    """The bot: its number and its @name (without the @)."""

    id: int
    username: str


class _Bot(Bot):
    """The library's bot, which takes of a message that was sent no more than is used: its number. What else a server
    tells of it is not worth failing over: a message that was sent must not count as one that was not."""

    async def _post(self, endpoint: str, data: dict[str, Any] | None = None, **timeouts: Any) -> Any:
        result = await super()._post(endpoint, data, **timeouts)
        if isinstance(result, dict) and isinstance(result.get("message_id"), int):
            return {"message_id": result["message_id"], "date": 0, "chat": {"id": 0, "type": "private"}}
        return result


class BotApi:
    """One bot at one server. A poll waits up to `timeout` seconds for something new, any other answer `patience`."""

    def __init__(self, token: BotToken, server: str, timeout: float, *, patience: float = 20.0) -> None:
        http_client.silence_http_logs()  # before the bot is made: already that would log its address
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._margin = min(5.0, max(0.5, timeout / 2))
        self._polls = PollRequest(
            connection_pool_size=1,
            read_timeout=self._margin,
            write_timeout=patience,
            connect_timeout=patience,
            pool_timeout=patience,
        )
        self._requests = BotRequest(
            connection_pool_size=16,
            read_timeout=patience,
            write_timeout=patience,
            connect_timeout=patience,
            pool_timeout=patience,
            media_write_timeout=patience,
        )
        self._bot = _Bot(
            token.reveal(),
            base_url=f"{server}/bot",
            base_file_url=f"{server}/file/bot",
            request=self._requests,
            get_updates_request=self._polls,
        )
        self._downloads = Downloads(f"{server}/file/bot{token.reveal()}/", patience)

    async def start(self) -> None:
        """Make ready to ask. Nothing is sent yet."""
        await self._polls.initialize()
        await self._requests.initialize()

    async def close(self) -> None:
        """Close all connections."""
        await self._polls.shutdown()
        await self._requests.shutdown()
        await self._downloads.close()

    # Asking ----------------------------------------------------------------------------------------------------------

    async def me(self) -> BotIdentity:
        """Who the token is for."""
        user = await self._ask(self._bot.get_me())
        return BotIdentity(user.id, user.username or "")

    async def updates(self, offset: int | None, *, most: int = 100, wait: Literal["long", "no"] = "long") -> PollResult:
        """The updates from `offset` on, waited for or not; the server forgets those before it. One call at a time."""
        seconds = self._timeout if wait == "long" else 0.0
        await self._ask(
            self._bot.get_updates(
                offset=offset,
                limit=most,
                timeout=timedelta(seconds=seconds),
                allowed_updates=_KINDS,
            ),
            within=seconds + self._margin,
        )
        return parse_poll_response(self._polls.taken)

    async def arrived(self, chat: int, message_id: int, keyboard: Keyboard) -> bool:
        """Whether the bot's message with this number is in the chat; it is given the keyboard that it should have."""
        try:
            await self._ask(
                self._bot.edit_message_reply_markup(chat_id=chat, message_id=message_id, reply_markup=_markup(keyboard))
            )
        except RejectedError as refused:
            return _is_unchanged(refused)
        return True

    # Sending ---------------------------------------------------------------------------------------------------------

    async def send(self, chat: int, outgoing: OutgoingMessage | OutgoingFile) -> int:
        """Send a text or a file; the number that the message got. Raises Unsendable for a file that cannot be sent."""
        if isinstance(outgoing, OutgoingFile):
            return await self._send_file(chat, outgoing)
        shown = rendered(outgoing.text)
        message = await self._ask(
            self._bot.send_message(
                chat,
                shown.text,
                entities=_entities(shown),
                reply_markup=_markup(outgoing.keyboard),
                link_preview_options=_NO_PREVIEW,
                disable_notification=outgoing.silent,
            )
        )
        return message.message_id

    async def send_photo(self, chat: int, png: bytes, caption: StyledText, silent: bool) -> int:
        """Send a picture; the number that the message got."""
        shown = rendered(caption, LONGEST_CAPTION)
        message = await self._ask(
            self._bot.send_photo(
                chat,
                InputFile(png, filename="chart.png"),
                caption=shown.text or None,
                caption_entities=_entities(shown),
                disable_notification=silent,
            ),
            within=self._patience * _MEDIA,
        )
        return message.message_id

    async def edit(self, chat: int, message_id: int, message: OutgoingMessage) -> None:
        """Show `message` in the place of one that was sent; that it stands there already is no failure."""
        shown = rendered(message.text)
        try:
            await self._ask(
                self._bot.edit_message_text(
                    shown.text,
                    chat_id=chat,
                    message_id=message_id,
                    entities=_entities(shown),
                    reply_markup=_markup(message.keyboard),
                    link_preview_options=_NO_PREVIEW,
                )
            )
        except RejectedError as refused:
            if not _is_unchanged(refused):
                raise

    async def acknowledge(self, answer_to: str, words: str = "") -> None:
        """Tell the app that a press was taken, with a few words that it shows for a moment."""
        await self._ask(self._bot.answer_callback_query(answer_to, text=clean(words, 200) or None))

    async def typing(self, chat: int) -> None:
        """Show for some seconds that the bot is at work."""
        await self._ask(self._bot.send_chat_action(chat, "typing"))

    async def set_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        """The menu of commands, each with its description. That a server has no such menu is no failure."""
        try:
            await self._ask(self._bot.set_my_commands([BotCommand(name, words) for name, words in commands]))
        except (RejectedError, ServerError) as failure:
            if isinstance(failure, ServerError) and failure.code != HTTPStatus.NOT_FOUND:
                raise
            # They work all the same, they are only not offered.

    # Files -----------------------------------------------------------------------------------------------------------

    async def download(self, file_id: str, to: Path, most_bytes: int) -> int:
        """Put a file that somebody sent at `to`, whole or not at all, and count its bytes.

        Raises TooLarge over `most_bytes`, whatever the sender said, and StorageError when it cannot be written.
        """
        file = await self._ask(self._bot.get_file(file_id))
        # The library makes an address of the path, unless a file of that name lies here; we want neither.
        path = (file.file_path or "").removeprefix(self._downloads.address)
        if not path:
            raise ServerError(200, "a file without a path")
        return await self._downloads.fetch(path, to, most_bytes)

    async def _send_file(self, chat: int, file: OutgoingFile) -> int:
        shown = rendered(file.caption, LONGEST_CAPTION)
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
            name = clean(file.name, 120).replace("/", "_") or "file"
            message = await self._ask(
                self._bot.send_document(
                    chat,
                    InputFile(handle, filename=name, read_file_handle=False),
                    caption=shown.text or None,
                    caption_entities=_entities(shown),
                    reply_markup=_markup(file.keyboard),
                    disable_notification=file.silent,
                ),
                within=self._patience * _MEDIA,
            )
        return message.message_id

    async def _ask(self, request: Coroutine[Any, Any, T], within: float | None = None) -> T:
        """The answer to a request of the library, or a Failure that holds nothing of the library's own."""
        try:
            async with asyncio.timeout(within or self._patience * 2):
                return await request
        except CarriedError as carried:
            failure = carried.failure
        except TimeoutError:
            failure = UnreachableError("no answer in time", "perhaps")
        except (TelegramError, ValueError, TypeError, LookupError, AttributeError) as error:
            # The server said yes, and then not what the library expects.
            failure = ServerError(200, f"an answer that cannot be read ({type(error).__name__})")
        failure.args = tuple(self._token.hide(each) if isinstance(each, str) else each for each in failure.args)
        if isinstance(failure, RejectedError):
            failure.description = self._token.hide(failure.description)
        raise failure  # outside the handlers: what the library raised is not its context


def _is_unchanged(refused: BotApiError) -> bool:
    return "message is not modified" in str(refused).lower()


def _entities(shown: Rendered) -> list[MessageEntity]:
    return [MessageEntity(each.type, each.offset, each.length) for each in shown.entities]


def _markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(button.label, callback_data=button.data) for button in row] for row in keyboard]
    )
