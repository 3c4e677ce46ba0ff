"""Text from outside made safe to show: literal, without control or direction characters, cut to a length."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

_ANSI: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # two-character sequences
    r"|\x9b[0-?]*[ -/]*[@-~]"  # C1 CSI
)
_BIDI: Final = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE: Final = "\u200b\u2028\u2029\ufeff\u00ad\u2060"
_UNSAFE: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}{_INVISIBLE}\ud800-\udfff\U000e0000-\U000e007f]")
_MARKS_IN_A_ROW: Final = 4

LINE_LIMIT: Final = 120
_COMPARED: Final = 120  # characters; comparing two words takes time with the square of their length


def clean(text: object, limit: int = LINE_LIMIT) -> str:
    """One line of `text`, safe for a terminal: no escape sequence, C0, DEL, C1 or bidirectional control.

    Newlines and tabs become a space. Longer than `limit` characters is cut and ends in "…".
    """
    return _cut(re.sub(r"[\t\r\n]+", " ", _strip(str(text), limit)), limit)


def clean_block(text: object, limit: int = 20_000) -> str:
    """Text of several lines made safe like `clean` does; newlines and tabs stay."""
    return _cut(_strip(str(text).replace("\r\n", "\n"), limit), limit)


def escaped_json(document: str) -> str:
    """A JSON document with the characters that `clean` takes away written as escapes, so that a terminal shows it safely.

    The document means the same; line breaks and tabs, which stand between its parts, stay.
    """
    return _UNSAFE.sub(_escape, document)


def _escape(character: re.Match[str]) -> str:
    units = character[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`3 rows`, `1 row`, `2,930 rows`: the count with thousands separators, and the noun in the singular or plural."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def similar(word: str, choices: Iterable[str], *, count: int = 3, cutoff: float = 0.6) -> tuple[str, ...]:
    """Up to `count` of `choices`, the most like `word` first, whatever their case.

    `cutoff` is the least similarity, from 0 (any choice) to 1 (the same word).
    """
    import difflib

    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(_head(choice), choice)
    return tuple(folded[match] for match in difflib.get_close_matches(_head(word), folded, n=count, cutoff=cutoff))


def did_you_mean(nearest: Sequence[str], otherwise: str) -> str:
    """A question for one of `nearest`, the names most like a wrong one; `otherwise` where none is like it."""
    return f"Did you mean {' or '.join(clean(choice, 40) for choice in nearest)}?" if nearest else otherwise


def nearest(word: str, choices: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The one of `choices` that is most like `word`, whatever its case; "" if none reaches `cutoff`."""
    return next(iter(similar(word, choices, count=1, cutoff=cutoff)), "")


def _head(word: str) -> str:
    return word[:_COMPARED].lower()


def _strip(text: str, limit: int) -> str:
    head = text[: 8 * limit + 1_000]  # a hostile megabyte is cut before it is searched
    head = _UNSAFE.sub("", _ANSI.sub("", head))
    return _without_stacked_marks(head)


def _without_stacked_marks(text: str) -> str:
    """`text` with at most a few combining marks in a row: more would cover neighbouring lines of a terminal."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MARKS_IN_A_ROW:
            kept.append(character)
    return "".join(kept)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
