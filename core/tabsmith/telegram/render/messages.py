"""What is sent to a phone, as data, and what every message is put together from: buttons, only those whose data fits, with
the tag of their step; rows and pages of them; short lines. The outbox keeps a message until Telegram has it."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from tabsmith.statistics.findings import Findings
from tabsmith.telegram.render.text import Piece, StyledText, bold, foreign, line, mixed, own, units
from tabsmith.text import clean
from tabsmith.workflow.form import Fact
from tabsmith.workflow.session import WorkflowSession

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
    """A picture of a run, of its model or of `findings`, drawn when it is sent.

    `instead` is sent where pictures are not taken.
    """

    kind: Literal["score", "importance", "outcome", "findings"]
    run_id: str
    caption: StyledText = ()
    instead: StyledText = ()
    silent: bool = False
    findings: Findings | None = None


class OutgoingFile(msgspec.Struct, frozen=True, tag="file", tag_field="send"):
    """The file at `path`, shown as `name`. `instead` is sent where it is gone, too large, or not taken."""

    path: str
    name: str
    caption: StyledText = ()
    instead: StyledText = ()
    keyboard: Keyboard = ()
    silent: bool = False


Outgoing: TypeAlias = OutgoingMessage | OutgoingChart | OutgoingFile


PER_PAGE: Final = 8  # of a list
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


def numbered_list(
    title: str,
    prefix: str,
    things: Sequence[_T],
    page: int,
    entry: Callable[[int, _T], tuple[StyledText, Button | None]],
) -> OutgoingMessage:
    """A page of a list (the nearest there is), each thing under its number with a button that opens it."""
    pages = max(1, -(-len(things) // PER_PAGE))
    page = max(0, min(page, pages - 1))
    text: list[Piece] = [*line(bold(f"{title}, page {page + 1} of {pages}" if pages > 1 else title))]
    buttons: list[Button | None] = []
    for place, each in enumerate(things[page * PER_PAGE : (page + 1) * PER_PAGE], start=1 + page * PER_PAGE):
        words, opens = entry(place, each)
        text += words
        buttons.append(opens)
    if None in buttons:
        text += line(own("One without a button has too long a name: look at it in the terminal."))
    newer = button("← newer", prefix, LIST, str(page - 1)) if page > 0 else None
    older = button("older →", prefix, LIST, str(page + 1)) if page + 1 < pages else None
    return OutgoingMessage(tuple(text), keyboard(*in_columns(buttons, 4), (newer, older)))


def parse_page(text: str) -> int | None:
    """The page that a button's data names."""
    return int(text) if _PAGE.fullmatch(text) else None


PREFIX: Final = "w:"
MOST_UNITS: Final = 3_500  # of a whole message; Telegram takes 4,096
_MOST_HEAD: Final = 1_300
_MOST_FOOT: Final = 1_300
_SHORT: Final = 16  # two labels of this length stand side by side on a phone
_OURS: Final = frozenset({"Size", "Rows", "Task", "Features"})  # facts whose values are tabsmith's own words


def step_tag(session: WorkflowSession) -> str:
    """What a button belongs to: the session, and all that its numbers count in (the step, the columns, the task), as a
    fingerprint: `abc123.9f02ab`; `0` before the session was ever saved. A button stays good for as long as it means the
    same."""
    if session.revision == 0:
        return "0"
    task = session.schema.problem_type if session.schema is not None else ""
    table = session.table.fingerprint if session.table is not None else ""
    counted_in = f"{session.state}|{table}|{task}"
    return f"{session.id[-6:]}.{hashlib.sha256(counted_in.encode()).hexdigest()[:6]}"


class StepButtons:
    """Makes the buttons of one session's messages."""

    def __init__(self, session: WorkflowSession) -> None:
        self._start = f"{PREFIX}{step_tag(session)}:"

    def __call__(self, label: str, what: str) -> Button:
        return Button(label, self._start + what)


def in_rows(buttons: Iterable[Button], width: int = 2, longest: int = _SHORT) -> Keyboard:
    """Up to `width` short buttons side by side; a longer one alone."""
    rows: list[tuple[Button, ...]] = []
    for button in buttons:
        last = rows[-1] if rows else ()
        if 0 < len(last) < width and all(len(each.label) <= longest for each in (*last, button)):
            rows[-1] = (*last, button)
        else:
            rows.append((button,))
    return tuple(rows)


def step_page_buttons(make: StepButtons, page: int, pages: int) -> tuple[Button, ...]:
    """To the page before and after; pages count from 0."""
    before = (make(f"← Page {page}", f"p{page - 1}"),) if page > 0 else ()
    after = (make(f"Page {page + 2} →", f"p{page + 1}"),) if page + 1 < pages else ()
    return before + after


def _length(text: StyledText) -> int:
    return sum(units(piece.text) for piece in text)


def cut(text: StyledText, limit: int) -> StyledText:
    """The beginning of a text that fits into `limit` units, with "…" where it was cut."""
    if _length(text) <= limit:
        return text
    kept: list[Piece] = []
    left = limit - 2  # for the "…" and the end of its line
    for piece in text:
        if units(piece.text) > left:
            shown = piece.text[:left]
            while units(shown) > left:
                shown = shown[:-1]
            kept.append(Piece(shown, piece.style))
            break
        kept.append(piece)
        left -= units(piece.text)
    return (*kept, Piece("…\n"))


def fit_parts(head: StyledText, middle: StyledText, foot: StyledText) -> StyledText:
    """The three parts with an empty line between them; what is too long is cut, the middle most."""
    head, foot = cut(head, _MOST_HEAD), cut(foot, _MOST_FOOT)
    middle = cut(middle, MOST_UNITS - _length(head) - _length(foot) - 2)
    parts = [part for part in (head, middle, foot) if part]
    return sum((line() + part for part in parts[1:]), parts[0] if parts else ())


def paragraphs(*parts: StyledText) -> StyledText:
    """The parts that are not empty, with an empty line between them."""
    filled = [part for part in parts if part]
    return sum((line() + part for part in filled[1:]), filled[0] if filled else ())


def first_lines(lines: Sequence[StyledText], most: int) -> StyledText:
    """The first lines, and the rest counted."""
    shown = sum(lines[:most], ())
    return shown if len(lines) <= most else (*shown, *line(own(f"+{len(lines) - most:,} more")))


def fact_lines(facts: Iterable[Fact]) -> StyledText:
    """Each fact as `label  value`, and below it how it is known."""
    text: StyledText = ()
    for fact in facts:
        value = mixed(fact.value) if fact.label in _OURS else foreign(fact.value, 200)
        text += line(own(f"{clean(fact.label, 20)}  "), value)
        text += line(own("   "), mixed(fact.evidence, 160)) if fact.evidence else ()
    return text


def heading(title: str, words: str = "") -> StyledText:
    """A heading, and a line of words below it. Both are tabsmith's own."""
    return (*line(bold(title)), *(line(own(words)) if words else ()))
