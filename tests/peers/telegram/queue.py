"""The updates that wait for the bot: numbered, confirmed by an offset, and given again until they are."""

import time
from collections.abc import Callable
from typing import Any

from tests.peers.telegram.line import Line
from tests.peers.telegram.records import RefusalError

_CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_LOOK = 0.05  # how long it may take to see that whoever polls has left


class Queue:
    """Guarded and told by the line's condition."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._changed = line.changed
        self._last = 700_000_000
        self._waiting: list[tuple[int, Any]] = []
        self._confirmed: list[tuple[int, Any]] = []
        self._last_confirmed = 0  # so many by the last offset that confirmed any
        self._again: list[tuple[int, Any]] = []
        self._poll = 0
        self.held = 0  # requests that wait now

    def put(self, update: Any, *, numbered: bool = True) -> int:
        """Queue an update under the next number; `numbered` writes the number into it."""
        with self._changed:
            self._last += 1
            if numbered and isinstance(update, dict):
                update = {"update_id": self._last, **update}
            self._waiting.append((self._last, update))
            self._changed.notify_all()
            return self._last

    @property
    def unconfirmed(self) -> list[int]:
        with self._changed:
            return [number for number, _ in self._waiting]

    def redeliver(self, count: int | None = None) -> int:
        """Give the last `count` confirmed updates once more, whatever the offset says; how many these are."""
        with self._changed:
            count = self._last_confirmed if count is None else count
            waiting = self.unconfirmed
            self._again = [each for each in self._confirmed if each[0] not in waiting][-count:] if count else []
            self._changed.notify_all()
            return len(self._again)

    def forget(self) -> None:
        with self._changed:
            self._waiting.clear()

    def get(self, offset: int, limit: int, seconds: float, is_there: Callable[[], bool]) -> list[Any]:
        """The updates from `offset` on, as soon as there are any. A later call ends an earlier one with 409."""
        with self._changed:
            self._poll += 1
            mine, end = self._poll, time.monotonic() + seconds
            self._confirm(offset)
            self._changed.notify_all()
            self.held += 1
            try:
                while True:
                    if self._poll != mine:
                        raise RefusalError(409, _CONFLICT)
                    if batch := self._batch(limit):
                        return [update for _, update in batch]
                    left = end - time.monotonic()
                    if left <= 0 or self._line.is_closing or not is_there():
                        return []
                    self._changed.wait(min(left, _LOOK))
            finally:
                self.held -= 1
                self._changed.notify_all()

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            gone, self._waiting = self._waiting[:offset], self._waiting[offset:]
        else:
            gone = [each for each in self._waiting if each[0] < offset]
            self._waiting = [each for each in self._waiting if each[0] >= offset]
        if gone:
            known = {number for number, _ in self._confirmed}
            self._confirmed += [each for each in gone if each[0] not in known]
            self._last_confirmed = len(gone)

    def _batch(self, limit: int) -> list[tuple[int, Any]]:
        self._waiting, self._again = self._again + self._waiting, []
        return self._waiting[: max(1, min(limit, 100)) if limit else 100]
