"""Lines of text with a tone: what every view hands to a widget to draw. Foreign text is cleaned as it enters."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len, set_cell_size

from tabsmith.text import clean

Tone: TypeAlias = Literal["plain", "strong", "dim", "good", "bad", "warn", "accent", "mark"]
"""What a piece of text means; the theme says how it looks. `mark` stands out as a heading does."""

TONES: Final[tuple[Tone, ...]] = ("plain", "strong", "dim", "good", "bad", "warn", "accent", "mark")


class Span(NamedTuple):
    """A piece of one line. `text` is safe to draw: made by `span`, or by tabsmith itself."""

    text: str
    tone: Tone = "plain"


Line: TypeAlias = tuple[Span, ...]


def span(text: object, tone: Tone = "plain", limit: int = 400) -> Span:
    """`text` from anywhere as a safe piece of a line."""
    return Span(clean(text, limit), tone)


def line(text: object, tone: Tone = "plain") -> Line:
    """A line of one piece."""
    return (span(text, tone),)


def text_of(lines: Iterable[Line]) -> str:
    """The lines without their tones."""
    return "\n".join("".join(piece.text for piece in each) for each in lines)


def fit(text: object, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` cleaned and cut or padded to exactly `width` cells; a cut one ends in "…"."""
    if width <= 0:
        return ""
    safe = clean(text, 4 * width + 8)
    taken = cell_len(safe)
    if taken > width:
        return set_cell_size(set_cell_size(safe, width - 1).rstrip() + "…", width)
    room = " " * (width - taken)
    return room + safe if align == "right" else safe + room


def fit_line(pieces: Line, width: int) -> Line:
    """`pieces` cut or padded to exactly `width` cells."""
    fitted: list[Span] = []
    left = width
    for text, tone in pieces:
        taken = cell_len(text)
        if taken > left:
            fitted.append(Span(fit(text, left), tone))
            return tuple(fitted)
        fitted.append(Span(text, tone))
        left -= taken
    if left > 0:
        fitted.append(Span(" " * left))
    return tuple(fitted)


def wrap(text: str, width: int, most: int = 0) -> list[str]:
    """`text` (cleaned) in lines of at most `width` cells, broken at spaces where there are any.

    With `most`, what is over so many lines is counted in the last as "+N lines".
    """
    width = max(1, width)
    lines = [part for block in text.split("\n") for part in _wrap_block(block, width)]
    if most and len(lines) > most:
        return [*lines[: most - 1], f"+{len(lines) - most + 1} lines"]
    return lines


def wrap_line(line: Line, width: int) -> list[Line]:
    """A line of one or two pieces, whose last piece may go on over several lines."""
    if not line or width <= 0:
        return [line]
    *head, last = line
    indent = sum(len(piece.text) for piece in head)
    if indent + len(last.text) <= width or indent > width // 2:
        return [line]
    parts = wrap(last.text, width - indent)
    return [(*head, Span(parts[0], last.tone)), *((Span(" " * indent), Span(part, last.tone)) for part in parts[1:])]


def _wrap_block(block: str, width: int) -> list[str]:
    lines: list[str] = []
    rest = block.rstrip()
    while cell_len(rest) > width:
        head = _head(rest, width)
        space = head.rfind(" ")
        if len(rest) > len(head) and rest[len(head)] != " " and space > 0:
            head = head[:space]
        lines.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    if rest or not lines:
        lines.append(rest)
    return lines


def _head(text: str, width: int) -> str:
    """As much of the start of `text` as goes into `width` cells; at least one character."""
    if text[:width].isascii():
        return text[:width]
    taken = 0
    for index, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[: max(1, index)]
    return text
