"""What is sent to a phone, as data; the outbox keeps it on disk until Telegram has it.

Buttons of lists and runs: only those whose data fits, and the pages of a list.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from tabsmith.telegram.render.text import StyledText
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


class OutgoingMessage(msgspec.Struct, frozen=True, tag="message", tag_field="send"):
    """A text with buttons. `silent` arrives without a sound."""

    text: StyledText
    keyboard: Keyboard = ()
    silent: bool = False


class OutgoingChart(msgspec.Struct, frozen=True, tag="chart", tag_field="send"):
    """A picture of a run or of its model, drawn when it is sent. `instead` is sent where pictures are not taken."""

    kind: Literal["score", "importance", "outcome"]
    run_id: str
    caption: StyledText = ()
    instead: StyledText = ()
    silent: bool = False


class OutgoingFile(msgspec.Struct, frozen=True, tag="file", tag_field="send"):
    """The file at `path`, shown as `name`. `instead` is sent where it is gone, too large, or not taken."""

    path: str
    name: str
    caption: StyledText = ()
    instead: StyledText = ()
    keyboard: Keyboard = ()
    silent: bool = False


Outgoing: TypeAlias = OutgoingMessage | OutgoingChart | OutgoingFile


PER_PAGE: Final = 8
LIST: Final = ""
"""Stands where an id would, for the list itself: `m::0`."""
_PAGE: Final = re.compile(r"[0-9]{1,4}")
_T = TypeVar("_T")


def button(label: str, *data: str) -> Button | None:
    """A button with the parts of its data joined by colons; None where they do not fit, or would be read otherwise."""
    joined = ":".join(data)
    fits = len(joined.encode("utf-8", "replace")) <= LONGEST_DATA and not any(":" in part for part in data)
    return Button(label, joined) if fits else None


def keyboard(*wanted: Iterable[Button | None]) -> Keyboard:
    """The rows of a keyboard, without the buttons that do not fit."""
    kept = (tuple(each for each in row if each is not None) for row in wanted)
    return tuple(row for row in kept if row)


def in_columns(buttons: Sequence[Button | None], width: int) -> list[Sequence[Button | None]]:
    """Buttons side by side, `width` of them in a row."""
    return [buttons[first : first + width] for first in range(0, len(buttons), width)]


def page_slice(things: Sequence[_T], page: int) -> tuple[int, int, Sequence[_T]]:
    """The page that is shown (the nearest there is), how many there are, and what stands on it."""
    pages = max(1, -(-len(things) // PER_PAGE))
    shown = max(0, min(page, pages - 1))
    return shown, pages, things[shown * PER_PAGE : (shown + 1) * PER_PAGE]


def page_buttons(prefix: str, page: int, pages: int) -> tuple[Button | None, ...]:
    """The buttons to the pages beside this one."""
    back = button("← newer", prefix, LIST, str(page - 1)) if page > 0 else None
    on = button("older →", prefix, LIST, str(page + 1)) if page + 1 < pages else None
    return (back, on)


def parse_page(text: str) -> int | None:
    """The page that a button's data names."""
    return int(text) if _PAGE.fullmatch(text) else None
