"""The log of a run as lines of a given width: time, word, text; long ones wrapped and folded."""

import time
from types import MappingProxyType
from typing import Final

from tabsmith.runs.snapshot import LogLine
from tabsmith.text import clean, clean_block
from tabsmith_tui.views.lines import Line, Span, Tone, wrap

_WORD_WIDTH: Final = 11
_INDENT: Final = 9 + _WORD_WIDTH
MOST_LINES: Final = 4
_TONES: Final = MappingProxyType[str, Tone]({"info": "plain", "warning": "warn", "error": "bad"})
_SHORT: Final = MappingProxyType({"waiting for agent": "waiting"})
_WORDS: Final = MappingProxyType[str, Tone]({"champion": "good", "end": "strong", "search": "accent"})


def draw(entry: LogLine, width: int) -> tuple[Line, ...]:
    """One entry in lines of `width` cells, at most four; what is over is counted."""
    word = clean(_SHORT.get(entry.word, entry.word), _WORD_WIDTH)
    parts = wrap(clean_block(entry.text, 2_000).replace("\t", " "), max(10, width - _INDENT), MOST_LINES)
    tone = _TONES[entry.level]
    stamp = time.strftime("%H:%M:%S", time.localtime(entry.at)) if entry.at else "--:--:--"
    head: Line = (
        Span(f"{stamp} ", "dim"),
        Span(f"{word:<{_WORD_WIDTH}}", _WORDS.get(entry.word, "dim") if entry.level == "info" else tone),
        Span(parts[0], tone),
    )
    return (head, *((Span(" " * _INDENT), Span(part, tone)) for part in parts[1:]))


def matches(entry: LogLine, words: str) -> bool:
    """Whether an entry holds `words`, in whatever letters."""
    wanted = words.strip().lower()
    return not wanted or wanted in entry.text.lower() or wanted in entry.word


def title(*, following: bool, newer: int, words: str) -> str:
    """The heading of the log: whether it follows, and what the filter is."""
    state = "following" if following else f"following paused{f', {newer} newer' if newer else ''}, end to follow"
    return f'Log  {state}{f"""  with "{clean(words, 20)}" """.rstrip() if words else ""}'
