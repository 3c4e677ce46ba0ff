"""What comes from Telegram: an update as it is read, and what it means for us. Only what we use of it is looked at."""

from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.text import clean, clean_block

LONGEST_SAID: Final = 8_192


class Person(msgspec.Struct, frozen=True):
    """Who wrote, and where: the numbers of the user and of the chat, and the name they go by (cleaned)."""

    id: int
    chat: int
    name: str


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A text message. A leading `/word` (also `/word@bot`) is the `command`, lower case; the rest is `text`."""

    person: Person
    text: str
    command: str = ""


class Pressed(msgspec.Struct, frozen=True, tag="pressed"):
    """A button. `answer_to` names the press, to be acknowledged once; `message` is 0 when it is not known."""

    person: Person
    data: str
    answer_to: str
    message: int = 0


class FileSent(msgspec.Struct, frozen=True, tag="file_sent"):
    """A document. `name` and `size` are what the sender says; 0 is unknown."""

    person: Person
    file_id: str
    name: str
    size: int
    caption: str = ""


class Edited(msgspec.Struct, frozen=True, tag="edited"):
    """A message that was changed after it was sent."""

    person: Person


class Unsupported(msgspec.Struct, frozen=True, tag="unsupported"):
    """A message of a kind that we make nothing of: a picture, a voice, a contact."""

    person: Person


Incoming: TypeAlias = Said | Pressed | FileSent | Edited | Unsupported


class Unwanted(msgspec.Struct, frozen=True):
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


def read(update: object) -> Incoming | Unwanted:
    """What `update`, as JSON gave it, means. Never raises: what cannot be understood is Unwanted."""
    try:
        found = msgspec.convert(update, _Update)
    except (msgspec.ValidationError, RecursionError):
        return Unwanted("not understood", _whose(update))
    if found.callback_query is not None:
        return _press(found.callback_query)
    message = found.message or found.edited_message
    if message is None:
        return Unwanted("not for us", _whose(update))
    if message.from_ is None or message.from_.is_bot:
        return Unwanted("nobody behind it")
    if message.chat.type != "private":
        return Unwanted("not a private chat", message.from_.id)
    person = _person(message.from_, message.chat)
    if found.message is None:
        return Edited(person)
    if message.document is not None:
        file = message.document
        return FileSent(person, file.file_id, clean(file.file_name, 120), file.file_size, clean(message.caption, 400))
    if message.text is None:
        return Unsupported(person)
    return _said(person, message.text)


def message_number(update: object) -> int:
    """The number of the message that an update brings, in a private chat; 0 for others, which are counted apart."""
    message = update.get("message") if isinstance(update, dict) else None
    chat = message.get("chat") if isinstance(message, dict) else None
    private = isinstance(chat, dict) and chat.get("type") == "private"
    number = message.get("message_id") if isinstance(message, dict) and private else None
    return number if isinstance(number, int) and 0 < number < 2**53 else 0


def _press(callback: _Callback) -> Incoming | Unwanted:
    message = callback.message
    if message is None:
        return Unwanted("not for us", callback.from_.id)
    if message.chat.type != "private":
        return Unwanted("not a private chat", callback.from_.id)
    return Pressed(_person(callback.from_, message.chat), callback.data[:64], callback.id, message.message_id)


def _said(person: Person, text: str) -> Said:
    text = clean_block(text, LONGEST_SAID).strip()
    if not text.startswith("/"):
        return Said(person, text)
    word, _, rest = text.partition(" ")
    command = word[1:].partition("@")[0].lower()
    # A path looks like a command too: `/data/houses.csv` is one.
    return Said(person, rest.strip(), command) if command.isidentifier() else Said(person, text)


def _person(user: _User, chat: _Chat) -> Person:
    name = clean(f"{user.first_name} {user.last_name}".strip() or user.username, 40)
    return Person(user.id, chat.id, name or str(user.id))


def _whose(update: object) -> int:
    """The user's number in an update that is not understood, as far as it can be told; for the log alone."""
    for part in update.values() if isinstance(update, dict) else ():
        user = part.get("from") if isinstance(part, dict) else None
        if isinstance(user, dict) and isinstance(user.get("id"), int):
            return int(user["id"])
    return 0
