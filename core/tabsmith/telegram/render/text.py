"""Text for a message: pieces with a style each, sent as text and entities. No markup language is ever parsed.

What comes from outside (tables, agents, file names) is shown as code: there Telegram makes nothing of it, no link, no
mention, no command, no formatting.
"""

import re
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.errors import ErrorReport, TabsmithError
from tabsmith.presentation.labels import error_lines
from tabsmith.presentation.spans import Line, Span
from tabsmith.text import clean, clean_block

Style: TypeAlias = Literal["plain", "bold", "italic", "code", "pre"]

LONGEST_TEXT: Final = 4_096  # UTF-16 units, after entities are taken out
LONGEST_CAPTION: Final = 1_024

# What Telegram's apps make a link of by themselves: addresses, mails, @names, /commands, #tags, $TAGS, phone numbers.
_LINKED: Final = re.compile(r"://|\w\.\w|[@#$]\w|(?:^|[^\w])/\w|\d[\d ()-]{6,}\d")


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A run of text in one style."""

    text: str
    style: Style = "plain"


StyledText: TypeAlias = tuple[Piece, ...]


class Entity(msgspec.Struct, frozen=True):
    """A style over a part of the text; offset and length in UTF-16 units, as the Bot API counts."""

    type: Literal["bold", "italic", "code", "pre"]
    offset: int
    length: int


class Rendered(msgspec.Struct, frozen=True):
    """Text as it is sent."""

    text: str
    entities: tuple[Entity, ...]


def own(text: str) -> Piece:
    """tabsmith's own words: a constant, or numbers. Never what a person, a table or an agent wrote."""
    return Piece(text)


def bold(text: str) -> Piece:
    """tabsmith's own words, to be seen first."""
    return Piece(text, "bold")


def foreign(text: object, limit: int = 60) -> Piece:
    """A name or a value from outside, in one line."""
    return Piece(clean(text, limit), "code")


def foreign_block(text: object, limit: int = 1_500) -> Piece:
    """Text from outside, in several lines."""
    return Piece(clean_block(text, limit), "pre")


def mixed(text: object, limit: int = 400) -> Piece:
    """A sentence that may hold names from outside: plain, unless something in it could become a link."""
    shown = clean(text, limit)
    return Piece(shown, "code" if _LINKED.search(shown) else "plain")


def line(*pieces: Piece) -> StyledText:
    """The pieces, and the end of the line."""
    return (*pieces, Piece("\n"))


def styled(*lines: Line) -> StyledText:
    """Lines of the presentation package as text of a message: foreign text as code, what stands out in bold."""
    return tuple(piece for each in lines for piece in (*map(_styled_span, each), Piece("\n")))


def _styled_span(span: Span) -> Piece:
    match span.source:
        case "foreign":
            return Piece(span.text, "code")
        case "mixed":
            return Piece(span.text, "code" if _LINKED.search(span.text) else "plain")
        case "own":
            return Piece(span.text, "bold" if span.tone in ("strong", "mark", "bad") else "plain")


def rendered(text: StyledText, limit: int = LONGEST_TEXT) -> Rendered:
    """The text with its entities, cut to `limit` units with "…" at its end; blank ends are left out."""
    whole = "".join(piece.text for piece in text)
    left = len(whole) - len(whole.lstrip())
    kept = _cut(whole.strip(), limit)
    last = len(kept) - (1 if kept != whole.strip() else 0)  # no style on the "…"
    entities: list[Entity] = []
    at = -left
    for piece in text:
        start, end = max(0, at), min(last, at + len(piece.text))
        at += len(piece.text)
        if piece.style == "plain" or end <= start:
            continue
        inside = kept[start:end]
        start += len(inside) - len(inside.lstrip())
        inside = inside.strip()
        if inside:
            entities.append(Entity(piece.style, units(kept[:start]), units(inside)))
    return Rendered(kept, tuple(entities))


def units(text: str) -> int:
    """The length of a text as Telegram counts it, in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(text: str, limit: int) -> str:
    if units(text) <= limit:
        return text
    kept = text[: limit - 1]
    while units(kept) > limit - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def error_text(error: TabsmithError | ErrorReport) -> StyledText:
    """The error as text of a message; nothing in it becomes a link."""
    return styled(*error_lines(error if isinstance(error, ErrorReport) else error.report(details=False)))
