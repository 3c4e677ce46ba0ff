"""Text on its way out of the agents' process: whole characters, not endless, and without keys where it is shown."""

from typing import Final

from tabsmith.agents.keys import redact
from tabsmith.text import clean, plural

LONGEST_TEXT: Final = 8_000_000
"""Characters of an answer. What is longer holds no recipe."""

_LONGEST_WORDS: Final = 1_000  # characters of an error's message


def words(text: str) -> str:
    """An error's message, to be shown."""
    return clean(redact(text), _LONGEST_WORDS)


def sound(text: str) -> str:
    """`text` as it is, but for halves of characters (lone surrogates), which JSON may hold and no file can."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut(text: str) -> str:
    """`text`, and when it is too long its beginning."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n[cut here: {plural(len(text), 'character')} in all]"
