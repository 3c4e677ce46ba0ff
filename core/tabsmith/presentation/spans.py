"""Text with a meaning: spans with a tone and a mark of where they come from, in lines. Surfaces render them."""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

from tabsmith.text import clean

Tone: TypeAlias = Literal["plain", "strong", "dim", "good", "bad", "warn", "accent", "mark"]
"""The meaning of a piece of text; a surface decides how the tone looks. `mark` stands out as a heading does."""

TONES: Final[tuple[Tone, ...]] = ("plain", "strong", "dim", "good", "bad", "warn", "accent", "mark")

Source: TypeAlias = Literal["own", "foreign", "mixed"]
"""Who wrote a text: tabsmith; a person, a table or an agent; or tabsmith in a sentence that may quote others."""


class Span(NamedTuple):
    """A piece of one line. The text is safe to draw: tabsmith's own words, or cleaned by `foreign` or `span`."""

    text: str
    tone: Tone = "plain"
    source: Source = "own"


Line: TypeAlias = tuple[Span, ...]
LabelledLine: TypeAlias = tuple[str, Line]
"""A fact: its label and its value."""


def span(text: object, tone: Tone = "plain", limit: int = 400) -> Span:
    """A sentence that may quote foreign text, cleaned and cut to `limit` characters."""
    return Span(clean(text, limit), tone, "mixed")


def foreign(text: object, tone: Tone = "plain", limit: int = 60) -> Span:
    """A name or value from outside, cleaned and cut to `limit` characters."""
    return Span(clean(text, limit), tone, "foreign")


def line(text: object, tone: Tone = "plain") -> Line:
    """A line of one span, which may quote foreign text."""
    return (span(text, tone),)


def plain_text(lines: Iterable[Line]) -> str:
    """The lines without tones and marks, joined by newlines."""
    return "\n".join("".join(piece.text for piece in line) for line in lines)
