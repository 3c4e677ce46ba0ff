"""The log of a run as lines of a given width: time, word, text; long ones wrapped and folded.

A run's journal played again: any position of it as a snapshot, forwards and backwards.
"""

import time
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from tabsmith.presentation.events import LogLine
from tabsmith.presentation.spans import Line, Span, Tone
from tabsmith.runs.events import RunEvent
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean, clean_block
from tabsmith_tui.views.lines import wrap

_WORD_WIDTH: Final = 11
_INDENT: Final = 9 + _WORD_WIDTH
MOST_LINES: Final = 4
_TONES: Final = MappingProxyType[str, Tone]({"info": "plain", "warning": "warn", "error": "bad"})
_SHORT: Final = MappingProxyType({"waiting for agent": "waiting"})
_WORDS: Final = MappingProxyType[str, Tone]({"champion": "good", "end": "strong", "search": "accent"})


def log_lines(entry: LogLine, width: int) -> tuple[Line, ...]:
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


def log_matches(entry: LogLine, words: str) -> bool:
    """Whether an entry holds `words`, in whatever letters."""
    wanted = words.strip().lower()
    return not wanted or wanted in entry.text.lower() or wanted in entry.word


def log_title(*, following: bool, newer: int, words: str) -> str:
    """The heading of the log: whether it follows, and what the filter is."""
    state = "following" if following else f"following paused{f', {newer} newer' if newer else ''}, end to follow"
    return f'Log  {state}{f"""  with "{clean(words, 20)}" """.rstrip() if words else ""}'


_SPACING: Final = 1_000  # events between two remembered snapshots
SECONDS: Final = 6.0  # how long a whole replay takes
_PATIENCE: Final = 0.03  # seconds of folding between two frames
_STRIDE: Final = 200  # events between two looks at the clock


class Replay:
    """The events of a run, and how many of them have been played."""

    def __init__(self, events: Sequence[RunEvent]) -> None:
        self._events = events
        self._marks = [RunSnapshot()]  # after 0, 1,000, 2,000 ... events
        self.position = 0
        self.snapshot = RunSnapshot()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def ended(self) -> bool:
        return self.position >= len(self._events)

    @property
    def at(self) -> float:
        """The time of the last event played; 0 before the first."""
        return self._events[self.position - 1].at if self.position else 0.0

    def go(self, position: int) -> RunSnapshot:
        """The run after `position` events, which is kept between 0 and all of them."""
        position = max(0, min(position, len(self._events)))
        if position < self.position:
            mark = min(position // _SPACING, len(self._marks) - 1)
            self.position, self.snapshot = mark * _SPACING, self._marks[mark]
        while self.position < position:
            following = min(position, (self.position // _SPACING + 1) * _SPACING)
            self.snapshot = reduce(self._events[self.position : following], self.snapshot)
            self.position = following
            if following == len(self._marks) * _SPACING:
                self._marks.append(self.snapshot)
        return self.snapshot

    def step(self, by: int) -> RunSnapshot:
        """The run `by` events later, or earlier when it is negative."""
        return self.go(self.position + by)

    def play(self, seconds: float) -> RunSnapshot:
        """As many events on as `seconds` of a replay hold, but never more than a screen has time for."""
        target = self.position + max(1, round(len(self) * seconds / SECONDS))
        until = time.monotonic() + _PATIENCE
        while self.position < target and not self.ended and time.monotonic() < until:
            self.step(min(_STRIDE, target - self.position))
        return self.snapshot

    def words(self) -> str:
        """`replay: event 41 of 212`."""
        return f"replay: event {self.position:,} of {len(self):,}"
