"""A run's journal played again: any position of it as a snapshot, forwards and backwards."""

import time
from collections.abc import Sequence
from typing import Final

from tabsmith.runs.events import RunEvent
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot

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
