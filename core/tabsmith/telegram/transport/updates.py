"""What comes from Telegram: updates, taken out of a poll's answer one by one and parsed into messages and button presses, and
the reasons why a request was not answered as it should be.

A raw update is kept as it came, so that one that cannot be read does not stop the others. Only the parts of an update
that the bridge uses are parsed. No text of an error is meant for a person as it is; each has gone through
`BotToken.hide`, and no error keeps the exception of the HTTP library: there the token stands in messages and addresses.
"""

import json
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.text import clean, clean_block

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


UPDATE_KINDS: Final = ("message", "edited_message", "callback_query")
"""The kinds of update that are asked for, as the Bot API names them."""
MAX_TEXT_CHARS: Final = 8_192
_BAD_JSON: Final = (ValueError, RecursionError)  # msgspec's own errors and UnicodeDecodeError are ValueErrors

# The answer to a poll ----------------------------------------------------------------------------------------------


class RawUpdate(msgspec.Struct, frozen=True):
    """An update: its number, and the whole of it as a JSON object in one line."""

    update_id: int
    raw: msgspec.Raw


class PollResult(msgspec.Struct, frozen=True):
    """The updates that a poll brought, in order; `unreadable` says why each of the others could not be taken as it is."""

    updates: tuple[RawUpdate, ...]
    unreadable: tuple[str, ...] = ()


def parse_poll_response(body: bytes) -> PollResult:
    """The updates in the answer to a poll.

    Raises InvalidResponseError for an answer of the Bot API that cannot be read, ServerError for any other body.
    """
    result = _poll_result(body)
    if not isinstance(result, list):
        # A page from some gateway is no word of the Bot API, and says nothing about the updates that wait there.
        from_bot_api = body[:80].replace(b" ", b"").replace(b"\n", b"").startswith(b'{"ok":true')
        raise (InvalidResponseError if from_bot_api else ServerError)(200, "an answer that cannot be read")
    updates: list[RawUpdate] = []
    unreadable: list[str] = []
    for element in result:
        number = element.get("update_id") if isinstance(element, dict) else None
        if type(number) is not int or not 0 <= number < 2**62:
            unreadable.append("an update without a number")
            continue
        raw = json.dumps(element, ensure_ascii=False).encode("utf-8", "replace")
        try:
            msgspec.json.decode(raw)
        except _BAD_JSON:
            unreadable.append("an update that is no proper JSON")
            raw = b'{"update_id":%d}' % number  # of no kind: it is passed over, and not fetched again
        updates.append(RawUpdate(number, msgspec.Raw(raw)))
    return PollResult(tuple(updates), tuple(unreadable))


def _poll_result(body: bytes) -> object:
    try:
        # The standard library reads more than msgspec does, which would refuse all updates for half a surrogate pair
        # in one of them.
        answer = json.loads(body.decode("utf-8", "replace"))
        return answer["result"] if answer["ok"] is True else None
    except (*_BAD_JSON, LookupError, TypeError):
        return None


# What an update brings ---------------------------------------------------------------------------------------------


class TelegramUser(msgspec.Struct, frozen=True):
    """Who wrote, and in which chat: the numbers of both, and the name that the user goes by (cleaned)."""

    id: int
    chat_id: int
    name: str


class TextMessage(msgspec.Struct, frozen=True):
    """A text. A leading `/word` (also `/word@bot`) is the `command`, in lower case; the rest is `text`."""

    user: TelegramUser
    text: str
    command: str = ""


class ButtonPress(msgspec.Struct, frozen=True):
    """A press of a button that brings `data`. `query_id` names the press, to be acknowledged once."""

    user: TelegramUser
    data: str
    query_id: str


class FileMessage(msgspec.Struct, frozen=True):
    """A document. `name` and `size` (bytes, 0 is unknown) are what the sender says."""

    user: TelegramUser
    file_id: str
    name: str
    size: int


class EditedMessage(msgspec.Struct, frozen=True):
    """A message that was changed after it was sent."""

    user: TelegramUser


class UnsupportedMessage(msgspec.Struct, frozen=True):
    """A message of a kind that the bridge does not read: a picture, a voice, a contact."""

    user: TelegramUser


Update: TypeAlias = TextMessage | ButtonPress | FileMessage | EditedMessage | UnsupportedMessage


class IgnoredUpdate(msgspec.Struct, frozen=True):
    """An update that gets no answer, and why. `user` is who caused it, 0 if that is not known."""

    reason: Literal["not a private chat", "nobody behind it", "not for us", "not understood"]
    user: int = 0


class _User(msgspec.Struct):
    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    is_bot: bool = False


class _Chat(msgspec.Struct):
    id: int
    type: str


class _Document(msgspec.Struct):
    file_id: str
    file_name: str = ""
    file_size: int = 0


class _Message(msgspec.Struct):
    chat: _Chat
    from_: _User | None = msgspec.field(default=None, name="from")
    text: str | None = None
    document: _Document | None = None


class _Callback(msgspec.Struct):
    id: str
    from_: _User = msgspec.field(name="from")
    data: str = ""
    message: _Message | None = None


class _Update(msgspec.Struct):
    message: _Message | None = None
    edited_message: _Message | None = None
    callback_query: _Callback | None = None


def parse_update(raw: object) -> Update | IgnoredUpdate:
    """The meaning of a raw update, as JSON gave it. Never raises: what cannot be understood is ignored."""
    try:
        update = msgspec.convert(raw, _Update)
    except (msgspec.ValidationError, RecursionError):
        return IgnoredUpdate("not understood", _user_id(raw))
    if update.callback_query is not None:
        return _press(update.callback_query)
    message = update.message or update.edited_message
    if message is None:
        return IgnoredUpdate("not for us", _user_id(raw))
    if message.from_ is None or message.from_.is_bot:
        return IgnoredUpdate("nobody behind it")
    if message.chat.type != "private":
        return IgnoredUpdate("not a private chat", message.from_.id)
    user = _telegram_user(message.from_, message.chat)
    if update.message is None:
        return EditedMessage(user)
    if message.document is not None:
        document = message.document
        return FileMessage(user, document.file_id, clean(document.file_name, 120), document.file_size)
    if message.text is None:
        return UnsupportedMessage(user)
    return _text_message(user, message.text)


def message_number(raw: object) -> int:
    """The message number in a raw update from a private chat; 0 for others, whose messages are counted apart."""
    message = raw.get("message") if isinstance(raw, dict) else None
    chat = message.get("chat") if isinstance(message, dict) else None
    private = isinstance(chat, dict) and chat.get("type") == "private"
    number = message.get("message_id") if isinstance(message, dict) and private else None
    return number if isinstance(number, int) and 0 < number < 2**53 else 0


def _press(callback: _Callback) -> Update | IgnoredUpdate:
    message = callback.message
    if message is None:
        return IgnoredUpdate("not for us", callback.from_.id)
    if message.chat.type != "private":
        return IgnoredUpdate("not a private chat", callback.from_.id)
    return ButtonPress(_telegram_user(callback.from_, message.chat), callback.data[:64], callback.id)


def _text_message(user: TelegramUser, text: str) -> TextMessage:
    text = clean_block(text, MAX_TEXT_CHARS).strip()
    if not text.startswith("/"):
        return TextMessage(user, text)
    word, _, rest = text.partition(" ")
    command = word[1:].partition("@")[0].lower()
    # A path looks like a command too: `/data/houses.csv` is one.
    return TextMessage(user, rest.strip(), command) if command.isidentifier() else TextMessage(user, text)


def _telegram_user(user: _User, chat: _Chat) -> TelegramUser:
    name = clean(f"{user.first_name} {user.last_name}".strip() or user.username, 40)
    return TelegramUser(user.id, chat.id, name or str(user.id))


def _user_id(raw: object) -> int:
    """The user's number in an update that is not understood, as far as it can be told; for the log alone."""
    for part in raw.values() if isinstance(raw, dict) else ():
        user = part.get("from") if isinstance(part, dict) else None
        if isinstance(user, dict) and isinstance(user.get("id"), int):
            return int(user["id"])
    return 0
