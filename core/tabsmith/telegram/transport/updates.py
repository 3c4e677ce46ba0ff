"""The updates in an answer, each kept as it came: one that cannot be read must not stop the others.

What comes from Telegram: an update as it is read, and what it means for us. Only what we use of it is looked at.
"""

import json
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.telegram.transport.errors import InvalidResponseError, ServerError
from tabsmith.text import clean, clean_block

_BAD: Final = (ValueError, RecursionError)  # msgspec's own errors and UnicodeDecodeError are ValueErrors


class RawUpdate(msgspec.Struct, frozen=True):
    """An update: its number, and the whole of it as a JSON object in one line."""

    update_id: int
    raw: msgspec.Raw


class PollResult(msgspec.Struct, frozen=True):
    """What a poll brought, in order; `unreadable` says of each that could not be taken as it is, why."""

    updates: tuple[RawUpdate, ...]
    unreadable: tuple[str, ...] = ()


def parse_poll_response(payload: bytes) -> PollResult:
    """The updates in an answer. Raises Garbled, or ServerFault for what is no answer of the Bot API."""
    result = _result(payload)
    if not isinstance(result, list):
        # A page from some gateway is no word of the Bot API, and says nothing about the updates that wait there.
        theirs = payload[:80].replace(b" ", b"").replace(b"\n", b"").startswith(b'{"ok":true')
        raise (InvalidResponseError if theirs else ServerError)(200, "an answer that cannot be read")
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
        except _BAD:
            unreadable.append("an update that is no proper JSON")
            raw = b'{"update_id":%d}' % number  # of no kind: it is passed over, and not fetched again
        updates.append(RawUpdate(number, msgspec.Raw(raw)))
    return PollResult(tuple(updates), tuple(unreadable))


def _result(payload: bytes) -> object:
    try:
        # The standard library takes more than msgspec does, which would refuse all updates for one with half a
        # surrogate pair in it.
        answer = json.loads(payload.decode("utf-8", "replace"))
        return answer["result"] if answer["ok"] is True else None
    except (*_BAD, LookupError, TypeError):
        return None


MAX_TEXT_CHARS: Final = 8_192


class TelegramUser(msgspec.Struct, frozen=True):
    """Who wrote, and where: the numbers of the user and of the chat, and the name they go by (cleaned)."""

    id: int
    chat: int
    name: str


class TextMessage(msgspec.Struct, frozen=True, tag="said"):
    """A text message. A leading `/word` (also `/word@bot`) is the `command`, lower case; the rest is `text`."""

    person: TelegramUser
    text: str
    command: str = ""


class ButtonPress(msgspec.Struct, frozen=True, tag="pressed"):
    """A button. `answer_to` names the press, to be acknowledged once; `message` is 0 when it is not known."""

    person: TelegramUser
    data: str
    answer_to: str
    message: int = 0


class FileMessage(msgspec.Struct, frozen=True, tag="file_sent"):
    """A document. `name` and `size` are what the sender says; 0 is unknown."""

    person: TelegramUser
    file_id: str
    name: str
    size: int
    caption: str = ""


class EditedMessage(msgspec.Struct, frozen=True, tag="edited"):
    """A message that was changed after it was sent."""

    person: TelegramUser


class UnsupportedMessage(msgspec.Struct, frozen=True, tag="unsupported"):
    """A message of a kind that we make nothing of: a picture, a voice, a contact."""

    person: TelegramUser


Update: TypeAlias = TextMessage | ButtonPress | FileMessage | EditedMessage | UnsupportedMessage


class IgnoredUpdate(msgspec.Struct, frozen=True):
    """An update that gets no answer, and why: no private chat, nobody behind it, of a kind that is not for us."""

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
    message_id: int = 0
    from_: _User | None = msgspec.field(default=None, name="from")
    text: str | None = None
    caption: str = ""
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


def parse_update(update: object) -> Update | IgnoredUpdate:
    """What `update`, as JSON gave it, means. Never raises: what cannot be understood is Unwanted."""
    try:
        found = msgspec.convert(update, _Update)
    except (msgspec.ValidationError, RecursionError):
        return IgnoredUpdate("not understood", _whose(update))
    if found.callback_query is not None:
        return _press(found.callback_query)
    message = found.message or found.edited_message
    if message is None:
        return IgnoredUpdate("not for us", _whose(update))
    if message.from_ is None or message.from_.is_bot:
        return IgnoredUpdate("nobody behind it")
    if message.chat.type != "private":
        return IgnoredUpdate("not a private chat", message.from_.id)
    person = _person(message.from_, message.chat)
    if found.message is None:
        return EditedMessage(person)
    if message.document is not None:
        file = message.document
        return FileMessage(
            person, file.file_id, clean(file.file_name, 120), file.file_size, clean(message.caption, 400)
        )
    if message.text is None:
        return UnsupportedMessage(person)
    return _said(person, message.text)


def message_number(update: object) -> int:
    """The number of the message that an update brings, in a private chat; 0 for others, which are counted apart."""
    message = update.get("message") if isinstance(update, dict) else None
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
    return ButtonPress(_person(callback.from_, message.chat), callback.data[:64], callback.id, message.message_id)


def _said(person: TelegramUser, text: str) -> TextMessage:
    text = clean_block(text, MAX_TEXT_CHARS).strip()
    if not text.startswith("/"):
        return TextMessage(person, text)
    word, _, rest = text.partition(" ")
    command = word[1:].partition("@")[0].lower()
    # A path looks like a command too: `/data/houses.csv` is one.
    return TextMessage(person, rest.strip(), command) if command.isidentifier() else TextMessage(person, text)


def _person(user: _User, chat: _Chat) -> TelegramUser:
    name = clean(f"{user.first_name} {user.last_name}".strip() or user.username, 40)
    return TelegramUser(user.id, chat.id, name or str(user.id))


def _whose(update: object) -> int:
    """The user's number in an update that is not understood, as far as it can be told; for the log alone."""
    for part in update.values() if isinstance(update, dict) else ():
        user = part.get("from") if isinstance(part, dict) else None
        if isinstance(user, dict) and isinstance(user.get("id"), int):
            return int(user["id"])
    return 0
