"""What the Bot API server of the tests writes down, and the ways in which it can be told to fail."""

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
Buttons: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Seen:
    """A message of the bot as a person sees it. `buttons` are (label, data); `edits` counts its changes so far."""

    message_id: int
    text: str
    buttons: Buttons = ()
    file: bytes | None = field(default=None, repr=False)
    file_name: str = ""
    photo: bool = False
    silent: bool = False
    edits: int = 0

    @property
    def labels(self) -> list[str]:
        return [label for label, _ in self.buttons]


@dataclass(frozen=True)
class Sent:
    """A message that the bot sent, as it was sent. `live` is what apps would make a link, mention or command of."""

    method: str
    chat: int
    message_id: int
    text: str
    entities: tuple[Json, ...]
    buttons: Buttons
    file_name: str
    file: bytes | None = field(repr=False)
    parse_mode: str
    silent: bool
    at: float
    live: tuple[str, ...] = ()
    link_preview: bool = True


@dataclass(frozen=True)
class Edit:
    """A change that the bot made to its message."""

    method: str
    chat: int
    message_id: int
    text: str
    entities: tuple[Json, ...]
    buttons: Buttons
    at: float
    live: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """A request that reached the server, whatever came of it; `fields` without files."""

    method: str
    at: float
    fields: Json = field(repr=False)


@dataclass(frozen=True)
class Answered:
    """A press that the bot acknowledged."""

    query: str
    text: str
    alert: bool
    at: float


@dataclass(frozen=True)
class Status:
    """Refuse with this code, as the Bot API words it."""

    code: int
    description: str = "Scripted failure"
    retry_after: int | None = None


@dataclass(frozen=True)
class Hang:
    """Take the request and do not answer, for so long or until the server stops."""

    seconds: float = math.inf


@dataclass(frozen=True)
class Close:
    """Close the connection without an answer; nothing is carried out."""


@dataclass(frozen=True)
class Garbage:
    """Answer with a page of some gateway."""

    code: int = 502
    page: bytes = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class AnswerLost:
    """Carry it out, and close the connection before the answer."""


@dataclass(frozen=True)
class AnswerLate:
    """Carry it out, and answer so much later, or never."""

    seconds: float = math.inf


@dataclass(frozen=True)
class CutShort:
    """Carry it out, and close the connection in the middle of the answer; for files above all."""


Fault: TypeAlias = Status | Hang | Close | Garbage | AnswerLost | AnswerLate | CutShort


@dataclass
class Planned:
    """A fault for the next calls of a method ("*" is every method, "file" a download) that hold `about`."""

    method: str
    times: float
    fault: Fault
    about: str = ""

    def is_for(self, method: str, fields: Json) -> bool:
        told = str(fields.get("text") or fields.get("caption") or "")
        return self.times > 0 and self.method.lower() in ("*", method) and self.about in told


class RefusalError(Exception):
    """An answer of the Bot API that is not ok."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code, self.description, self.retry_after = code, description, retry_after


def bad(why: str) -> RefusalError:
    """The usual 400."""
    return RefusalError(400, f"Bad Request: {why}")


@dataclass
class Message:
    """The present state of a message: its JSON as the Bot API shows it, and the file in it."""

    body: Json
    by_bot: bool
    file: bytes | None = None
    file_name: str = ""
    silent: bool = False
    edits: int = 0

    @property
    def text(self) -> str:
        return str(self.body.get("text") or self.body.get("caption") or "")

    def seen(self) -> Seen:
        return Seen(
            message_id=self.body["message_id"],
            text=self.text,
            buttons=buttons_of(self.body.get("reply_markup")),
            file=self.file,
            file_name=self.file_name,
            photo="photo" in self.body,
            silent=self.silent,
            edits=self.edits,
        )


def buttons_of(markup: object) -> Buttons:
    """The buttons of an inline keyboard, row after row."""
    rows = markup.get("inline_keyboard", []) if isinstance(markup, dict) else []
    return tuple((each["text"], each.get("callback_data", "")) for row in rows for each in row)
