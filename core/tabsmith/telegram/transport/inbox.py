"""The inbox: every update is on disk before it is answered, once, by its number, until it was handled.

Numbers are compared with those that were seen, never by size: after a week of silence Telegram begins again at random.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from tabsmith.errors import StorageError
from tabsmith.storage import FileLock, TypedJournal, write_atomic
from tabsmith.telegram.transport.updates import RawUpdate

MAX_KNOWN_UPDATES: Final = 20_000  # numbers of updates
_COMPACT_BYTES: Final = 4_000_000  # a larger journal is compacted
_TAIL_BYTES: Final = 200_000  # read to show the newest updates
_NUMBERS_VALID_SECONDS: Final = 6 * 86_400.0  # so long the server goes on counting for certain


class ReceivedUpdate(msgspec.Struct, frozen=True):
    """An update that came in at `at` (seconds since 1970)."""

    update_id: int
    at: float
    raw: msgspec.Raw

    @property
    def update(self) -> object:
        """The update, decoded from JSON."""
        return msgspec.json.decode(self.raw)


class _Batch(msgspec.Struct, frozen=True, tag="batch"):
    """The updates of one poll that had not been seen."""

    at: float
    updates: tuple[RawUpdate, ...]


class _Handled(msgspec.Struct, frozen=True, tag="handled"):
    update_id: int


class _Seen(msgspec.Struct, frozen=True, tag="seen"):
    """The last line of a compacted journal: the numbers seen before, the next one, and when that was known."""

    at: float
    next: int
    ids: tuple[int, ...]


_Line: TypeAlias = _Batch | _Handled | _Seen


class Inbox:
    """The updates of one bot. One process has the inbox; a journal of more than `compact_bytes` is compacted, when it is opened
    and while it grows."""

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.time, *, compact_bytes: int = _COMPACT_BYTES
    ) -> None:
        self._path = path
        self._clock = clock
        self._synced: TypedJournal[_Line] = TypedJournal(path, _Line)
        self._quick: TypedJournal[_Line] = TypedJournal(path, _Line, sync=False)
        self._ids: dict[int, None] = {}
        self._waiting: dict[int, ReceivedUpdate] = {}
        self._next: int | None = None
        self._next_at = 0.0
        self._compact_bytes = self._compact_at = compact_bytes
        self._open(compact_bytes)

    @property
    def offset(self) -> int | None:
        """Number of the next update to ask for; None for whatever the server has, when its numbers may have begun again."""
        return self._next if self._clock() - self._next_at <= _NUMBERS_VALID_SECONDS else None

    def receive(
        self, batch: Sequence[RawUpdate], accepts: Callable[[RawUpdate], bool] = lambda _: True
    ) -> tuple[ReceivedUpdate, ...]:
        """Put the new updates of `batch` that `accepts` takes on disk, all or none, and return them; the others are passed
        over and leave nothing behind. Raises StorageError.
        """
        now = self._clock()
        unseen: dict[int, RawUpdate] = {}
        for update in batch:
            if update.update_id not in self._ids and accepts(update):
                unseen.setdefault(update.update_id, update)
        new = _Batch(now, tuple(unseen.values()))
        size = self._synced.append(new) if new.updates else 0
        received = self._take(new)
        if batch:
            self._next, self._next_at = max(update.update_id for update in batch) + 1, now
        if size > self._compact_at:
            with contextlib.suppress(StorageError):  # the updates are on the disk; it is compacted at the next batch
                self._compact()
        return received

    def step_over(self) -> None:
        """Leave out the next update, because it cannot be read."""
        if self._next is not None:
            self._next += 1

    def handled(self, update_id: int) -> None:
        """Mark an update as answered, if it is waiting. Raises StorageError."""
        if update_id in self._waiting:
            # Not synced: an update that is handled again after a power cut is still answered only once.
            self._quick.append(_Handled(update_id))
            del self._waiting[update_id]

    def waiting(self) -> tuple[ReceivedUpdate, ...]:
        """Updates that came in and were not handled, in order."""
        return tuple(self._waiting.values())

    def close(self) -> None:
        """Close the files."""
        self._synced.close()
        self._quick.close()

    def _open(self, compact_bytes: int) -> None:
        chunk = self._synced.read()  # a torn line is left out: the server was not told that its updates have arrived
        for line in chunk.values:
            self._fold(line)
        if chunk.next_offset > compact_bytes:
            self._compact()

    def _fold(self, line: _Line) -> None:
        match line:
            case _Batch(at, updates) if updates:
                self._take(line)
                self._next, self._next_at = max(update.update_id for update in updates) + 1, at
            case _Handled(update_id):
                self._waiting.pop(update_id, None)
            case _Seen(at, following, ids):
                self._ids.update(dict.fromkeys(ids))
                self._next, self._next_at = following, at

    def _take(self, batch: _Batch) -> tuple[ReceivedUpdate, ...]:
        received = tuple(ReceivedUpdate(update.update_id, batch.at, update.raw) for update in batch.updates)
        for update in received:
            self._ids[update.update_id] = None
            self._waiting[update.update_id] = update
        while len(self._ids) > MAX_KNOWN_UPDATES:
            del self._ids[next(iter(self._ids))]
        return received

    def _compact(self) -> None:
        lines: list[_Line] = [
            _Batch(update.at, (RawUpdate(update.update_id, update.raw),)) for update in self._waiting.values()
        ]
        # The last line says where the numbers stand; the waiting updates are older.
        lines.append(_Seen(self._next_at, self._next or 0, tuple(self._ids)))
        with FileLock(self._path.with_name(f"{self._path.name}.lock")):
            data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
            write_atomic(self._path, data)
        self._compact_at = max(
            self._compact_bytes, 2 * len(data)
        )  # so that what must be kept is not written at each batch


def recent_updates(path: Path, most: int) -> tuple[ReceivedUpdate, ...]:
    """The newest updates in the inbox at `path`, the newest last, for a reader beside its process. Raises StorageError."""
    journal: TypedJournal[_Batch] = TypedJournal(path, _Batch)  # its other lines are passed over
    size = path.stat().st_size if path.exists() else 0
    batches = journal.read(max(0, size - _TAIL_BYTES)).values
    updates = [ReceivedUpdate(update.update_id, batch.at, update.raw) for batch in batches for update in batch.updates]
    return tuple(updates[-most:])
