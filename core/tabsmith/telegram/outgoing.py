"""What is sent to a phone, as data; the outbox keeps it on disk until Telegram has it."""

from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.telegram.words import Text
from tabsmith.text import clean

LONGEST_DATA: Final = 64  # bytes
LONGEST_LABEL: Final = 40


class Button(msgspec.Struct, frozen=True):
    """A button under a message; `data` comes back when it is pressed. A label is cleaned and cut here."""

    label: str
    data: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.data.encode()) <= LONGEST_DATA:
            raise ValueError(f"a button's data takes 1 to {LONGEST_DATA} bytes, not {self.data!r}")
        msgspec.structs.force_setattr(self, "label", clean(self.label, LONGEST_LABEL).strip() or "…")


Keyboard: TypeAlias = tuple[tuple[Button, ...], ...]


class Message(msgspec.Struct, frozen=True, tag="message", tag_field="send"):
    """A text with buttons. `silent` arrives without a sound."""

    text: Text
    keyboard: Keyboard = ()
    silent: bool = False


class Chart(msgspec.Struct, frozen=True, tag="chart", tag_field="send"):
    """A picture of a run or of its model, drawn when it is sent. `instead` is sent where pictures are not taken."""

    kind: Literal["score", "importance", "outcome"]
    run_id: str
    caption: Text = ()
    instead: Text = ()
    silent: bool = False


class File(msgspec.Struct, frozen=True, tag="file", tag_field="send"):
    """The file at `path`, shown as `name`. `instead` is sent where it is gone, too large, or not taken."""

    path: str
    name: str
    caption: Text = ()
    instead: Text = ()
    keyboard: Keyboard = ()
    silent: bool = False


Outgoing: TypeAlias = Message | Chart | File
