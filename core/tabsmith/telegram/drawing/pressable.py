"""Buttons of lists and runs: only those whose data fits, and the pages of a list."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from tabsmith.telegram.outgoing import LONGEST_DATA, Button, Keyboard

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


def rows(*wanted: Iterable[Button | None]) -> Keyboard:
    """The rows of a keyboard, without the buttons that do not fit."""
    kept = (tuple(each for each in row if each is not None) for row in wanted)
    return tuple(row for row in kept if row)


def in_rows(buttons: Sequence[Button | None], width: int) -> list[Sequence[Button | None]]:
    """Buttons side by side, `width` of them in a row."""
    return [buttons[first : first + width] for first in range(0, len(buttons), width)]


def page_of(things: Sequence[_T], page: int) -> tuple[int, int, Sequence[_T]]:
    """The page that is shown (the nearest there is), how many there are, and what stands on it."""
    pages = max(1, -(-len(things) // PER_PAGE))
    shown = max(0, min(page, pages - 1))
    return shown, pages, things[shown * PER_PAGE : (shown + 1) * PER_PAGE]


def turning(prefix: str, page: int, pages: int) -> tuple[Button | None, ...]:
    """The buttons to the pages beside this one."""
    back = button("← newer", prefix, LIST, str(page - 1)) if page > 0 else None
    on = button("older →", prefix, LIST, str(page + 1)) if page + 1 < pages else None
    return (back, on)


def page_in(text: str) -> int | None:
    """The page that a button's data names."""
    return int(text) if _PAGE.fullmatch(text) else None
