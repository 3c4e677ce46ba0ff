"""A condition's text cut into words, numbers and signs; what is no part of the language is refused at its place."""

import math
import re
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.errors import ConditionError
from tabsmith.text import clean

LONGEST: Final = 300
"""Characters that a condition may have."""

TokenKind: TypeAlias = Literal["name", "number", "keyword", "sign", "end"]

_KEYWORDS: Final = ("and", "or", "not", "true", "false")
_TOKEN: Final = re.compile(
    r"[ \t]*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign><=|>=|==|!=|[<>+\-*/()]))"
)
_HELP: Final = "A condition compares names and numbers, as in: quality < 0.5 and iteration > 3"
_WHY_NOT: Final = {
    "=": "A single = compares nothing; write ==.",
    "≥": "Write >= for at least.",
    "≤": "Write <= for at most.",
    "≠": "Write != for different.",
    "%": "Shares go from 0 to 1: write 0.8 for 80 %.",
    "&": "Write `and`.",
    "|": "Write `or`.",
    "!": "Write `not`, or != for different.",
    "'": "A condition holds no text.",
    '"': "A condition holds no text.",
    "[": "A condition picks nothing out of lists.",
    ".": "A condition reaches into nothing: names have no parts.",
    ",": "One condition at a time; a number has no comma.",
}


class Token(msgspec.Struct, frozen=True):
    """A piece of the text, from `start` to `end`."""

    kind: TokenKind
    text: str
    start: int
    end: int


def refused(text: str, at: int, what: str, next_step: str = _HELP) -> ConditionError:
    """The error for a mistake at character `at` (from 0)."""
    return ConditionError(what, where=f"character {at + 1} of {clean(text, 80)!r}", next_step=next_step)


def tokens(text: str) -> tuple[Token, ...]:
    """All of `text`, and an end. Raises ConditionError."""
    if len(text) > LONGEST:
        raise refused(text, LONGEST, f"The condition is longer than {LONGEST} characters.", "Make it shorter.")
    found: list[Token] = []
    at = 0
    end = len(text.rstrip(" \t"))
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip(" \t"))
            sign = text[at]
            shown = clean(sign) or "a character that cannot be seen"
            raise refused(text, at, f"{shown!r} is no part of a condition.", _WHY_NOT.get(sign, _HELP))
        found.append(_token(match, text))
        at = match.end()
    return (*found, Token("end", "", end, end))


def _token(match: re.Match[str], text: str) -> Token:
    group = match.lastgroup
    assert group is not None
    start, end = match.span(group)
    word = match[group]
    if group == "number":
        if text[end : end + 1].isalnum() or text[end : end + 1] in ("_", "."):
            raise refused(text, start, f"{clean(text[start : end + 8])!r} is neither a number nor a name.")
        if not math.isfinite(float(word)):
            raise refused(text, start, "The number is too large.")
        return Token("number", word, start, end)
    if group == "sign":
        return Token("sign", word, start, end)
    if word.lower() in _KEYWORDS:
        return Token("keyword", word.lower(), start, end)
    return Token("name", word, start, end)
