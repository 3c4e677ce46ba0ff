"""What every message of the conversation is put together from: the tag on its buttons, rows of them, short lines."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from tabsmith.telegram.render.messages import Button, Keyboard
from tabsmith.telegram.render.text import Piece, StyledText, bold, foreign, line, mixed, own
from tabsmith.text import clean
from tabsmith.workflow.form import Fact
from tabsmith.workflow.session import WorkflowSession

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


def utf16_units(text: StyledText) -> int:
    """The length of a text as Telegram counts it, in UTF-16 units."""
    return sum(len(piece.text.encode("utf-16-le", "surrogatepass")) // 2 for piece in text)


def cut(text: StyledText, limit: int) -> StyledText:
    """The beginning of a text that fits into `limit` units, with "…" where it was cut."""
    if utf16_units(text) <= limit:
        return text
    kept: list[Piece] = []
    left = limit - 2  # for the "…" and the end of its line
    for piece in text:
        size = utf16_units((piece,))
        if size > left:
            shown = piece.text[:left]
            while utf16_units((Piece(shown),)) > left:
                shown = shown[:-1]
            kept.append(Piece(shown, piece.style))
            break
        kept.append(piece)
        left -= size
    return (*kept, Piece("…\n"))


def fit_parts(head: StyledText, middle: StyledText, foot: StyledText) -> StyledText:
    """The three parts with an empty line between them; what is too long is cut, the middle most."""
    head, foot = cut(head, _MOST_HEAD), cut(foot, _MOST_FOOT)
    middle = cut(middle, MOST_UNITS - utf16_units(head) - utf16_units(foot) - 2)
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
