"""What came in, on disk before it is answered: each update once, by its number, until it was handled.

Numbers are compared with those that were seen, never by size: after a week of silence Telegram begins anew at random.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from tabsmith.storage import FileLock, Journal, write_atomic
from tabsmith.telegram.transport.updates import RawUpdate

MAX_KNOWN_UPDATES: Final = 20_000  # numbers of updates
_LARGE: Final = 4_000_000  # bytes; a larger journal is written anew when it is opened
_NUMBERS_LAST: Final = 6 * 86_400.0  # seconds that the server goes on counting for certain
_BAD_LINE: Final = (ValueError, RecursionError)


class ReceivedUpdate(msgspec.Struct, frozen=True):
    """An update that came in at `at` (seconds since 1970)."""

    update_id: int
    at: float
    raw: msgspec.Raw

    @property
    def update(self) -> object:
        """The update as JSON gives it."""
        return msgspec.json.decode(self.raw)


class _Batch(msgspec.Struct, frozen=True, tag="batch"):
    """What one poll brought and had not been seen."""

    at: float
    updates: tuple[RawUpdate, ...]


class _Handled(msgspec.Struct, frozen=True, tag="handled"):
    update_id: int


class _Seen(msgspec.Struct, frozen=True, tag="seen"):
    """Where a journal that was written anew begins: the numbers seen before, the next one, and when that was known."""

    at: float
    next: int
    ids: tuple[int, ...]


_Line: TypeAlias = _Batch | _Handled | _Seen


class Inbox:
    """The updates of one bot. One process has it; a journal that has grown large is written anew at the opening."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, large: int = _LARGE) -> None:
        self._path = path
        self._clock = clock
        self._synced = Journal(path)
        self._quick = Journal(path, sync=False)
        self._ids: dict[int, None] = {}
        self._waiting: dict[int, ReceivedUpdate] = {}
        self._next: int | None = None
        self._next_at = 0.0
        self._open(large)

    @property
    def offset(self) -> int | None:
        """What to ask the server for next; None for whatever it has, when its numbers may have begun anew."""
        return self._next if self._clock() - self._next_at <= _NUMBERS_LAST else None

    def receive(self, batch: Sequence[RawUpdate]) -> tuple[ReceivedUpdate, ...]:
        """Put the new ones of `batch` on disk, all or none, and return them. Raises StorageError."""
        now = self._clock()
        new: dict[int, RawUpdate] = {}
        for each in batch:
            if each.update_id not in self._ids:
                new.setdefault(each.update_id, each)
        if new:
            self._synced.append(msgspec.json.encode(_Batch(now, tuple(new.values()))))
        received = self._take(_Batch(now, tuple(new.values())))
        if batch:
            self._next, self._next_at = max(each.update_id for each in batch) + 1, now
        return received

    def step_over(self) -> None:
        """Ask from one further on, because what comes next cannot be read."""
        if self._next is not None:
            self._next += 1

    def handled(self, update_id: int) -> None:
        """It was answered; nothing happens for one that does not wait. Raises StorageError."""
        if update_id in self._waiting:
            # Not synced: an update that is handled again after a power cut is answered once all the same.
            self._quick.append(msgspec.json.encode(_Handled(update_id)))
            del self._waiting[update_id]

    def waiting(self) -> tuple[ReceivedUpdate, ...]:
        """What came in and was not handled, in order."""
        return tuple(self._waiting.values())

    def close(self) -> None:
        """Close the files."""
        self._synced.close()
        self._quick.close()

    def _open(self, large: int) -> None:
        lines, end, _ = self._synced.read_raw(0)
        decoder: msgspec.json.Decoder[_Line] = msgspec.json.Decoder(_Line)
        for line in lines:
            try:
                self._fold(decoder.decode(line))
            except _BAD_LINE:
                continue  # torn by a crash before it was answered for: the server still has what it held
        if end > large:
            self._write_anew()

    def _fold(self, line: _Line) -> None:
        match line:
            case _Batch(at, updates):
                self._take(line)
                self._next, self._next_at = max(each.update_id for each in updates) + 1, at
            case _Handled(update_id):
                self._waiting.pop(update_id, None)
            case _Seen(at, following, ids):
                self._ids.update(dict.fromkeys(ids))
                self._next, self._next_at = following, at

    def _take(self, batch: _Batch) -> tuple[ReceivedUpdate, ...]:
        received = tuple(ReceivedUpdate(each.update_id, batch.at, each.raw) for each in batch.updates)
        for each in received:
            self._ids[each.update_id] = None
            self._waiting[each.update_id] = each
        while len(self._ids) > MAX_KNOWN_UPDATES:
            del self._ids[next(iter(self._ids))]
        return received

    def _write_anew(self) -> None:
        waiting = self._waiting.values()
        lines: list[_Line] = [_Batch(each.at, (RawUpdate(each.update_id, each.raw),)) for each in waiting]
        # The last line says where the numbers stand; those that wait are older.
        lines.append(_Seen(self._next_at, self._next or 0, tuple(self._ids)))
        with FileLock(self._path.with_name(f"{self._path.name}.lock")):
            write_atomic(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in lines))
