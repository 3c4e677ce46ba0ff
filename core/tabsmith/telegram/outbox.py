"""What is to be sent, on disk until Telegram has it: each once, by its key, in the order in which it was put here.

One process has the outbox; others may look (`recent_sent`). Before something goes out, that is written down together
with the highest message number known by then: after a kill it is in doubt, and can be looked for above that number.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StorageError
from tabsmith.storage import FileLock, TypedJournal, write_atomic
from tabsmith.telegram.ledger import (
    KNOWN,
    Book,
    Entry,
    GaveUp,
    Instead,
    Line,
    Outcome,
    Queued,
    Recent,
    Seen,
    Sending,
    Sent,
    instead_of,
)
from tabsmith.telegram.outgoing import Outgoing

__all__ = ["Entry", "Outbox", "Outcome", "Recent", "instead_of", "recent_sent"]

_LARGE: Final = 4_000_000  # bytes; a larger journal is written anew when it is opened
_TAIL: Final = 400_000  # bytes that are read to show the newest


class Outbox:
    """What one bot has to send."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, large: int = _LARGE) -> None:
        self._path = path
        self._clock = clock
        self._synced: TypedJournal[Line] = TypedJournal(path, Line)
        self._quick: TypedJournal[Line] = TypedJournal(path, Line, sync=False)
        self._book = Book()
        self._listener: Callable[[], None] = _nobody
        read = self._synced.read()
        for line in read.values:
            self._book.fold(line)
        if read.next_offset > large:
            self._write_anew()

    # Putting ---------------------------------------------------------------------------------------------------------

    def put(self, key: str, user: int, chat: int, outgoing: Outgoing) -> bool:
        """Have `outgoing` sent to `chat`, once for each key: False when the key is known. Raises StorageError."""
        if self.knows(key):
            return False
        line = Queued(key, self._clock(), user, chat, outgoing)
        self._synced.append(line)
        self._book.fold(line)
        self._listener()
        return True

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each put; one listens at a time."""
        self._listener = listener

    def knows(self, key: str) -> bool:
        """Whether something was put under the key, be it sent or not."""
        return key in self._book.entries or key in self._book.done

    def outcome(self, key: str) -> Outcome | None:
        """What became of what was put under the key; None when nothing was."""
        if key in self._book.entries:
            return "to send"
        found = self._book.done.get(key)
        return found.recent.outcome if found is not None else None

    def message_id(self, key: str) -> int | None:
        """The number of the message that was sent under the key; None when there is none."""
        found = self._book.done.get(key)
        return found.message_id or None if found is not None else None

    def seen(self, message_id: int) -> None:
        """A message with this number came in, in a private chat: groups and channels count for themselves."""
        if message_id > 0 and message_id not in self._book.known:
            with contextlib.suppress(StorageError):  # what goes out next writes the number down as well, or does not go
                self._write(Seen(message_id))

    # Sending ---------------------------------------------------------------------------------------------------------

    def pending(self) -> tuple[Entry, ...]:
        """What is not done, in the order in which it was put here."""
        return tuple(self._book.entries.values())

    def first(self, chat: int) -> Entry | None:
        """What goes out next to the chat."""
        return next((each for each in self._book.entries.values() if each.chat == chat), None)

    @property
    def highest(self) -> int:
        """The highest message number that is known, of all chats: a bot counts its private chats together."""
        return self._book.highest

    def unknown(self, after: int, beyond: int) -> Iterator[int]:
        """Message numbers above `after` of which it is not known whose they are, to `beyond` over the highest known."""
        last = max(after, self.highest) + beyond
        return (number for number in range(after + 1, last + 1) if number not in self._book.known)

    def sending(self, key: str) -> None:
        """It goes out now: from here on it is in doubt. Raises StorageError; then it must not go out."""
        line = Sending(key, self.highest)
        self._synced.append(line)
        self._book.fold(line)

    def not_sent(self, key: str) -> None:
        """It was refused, or looked for and not found: it is not in doubt any more."""
        # Not written down: in doubt for nothing costs a look after the next start.
        self._book.entries[key] = replace(self._book.entries[key], state="queued")

    def instead(self, key: str, why: str) -> None:
        """Send its text in place of the picture or the file."""
        self._write(Instead(key, why))

    def sent(self, key: str, message_id: int) -> None:
        """It is there."""
        self._write(Sent(key, self._clock(), message_id))

    def gave_up(self, key: str, why: str) -> None:
        """It is not sent any more."""
        self._write(GaveUp(key, self._clock(), why))

    # Looking ---------------------------------------------------------------------------------------------------------

    def recent(self, most: int) -> tuple[Recent, ...]:
        """The newest entries, the newest last."""
        return self._book.recent(most)

    def close(self) -> None:
        """Close the files."""
        self._synced.close()
        self._quick.close()

    def _write(self, line: Line) -> None:
        """Write down what has happened. Raises StorageError; here it counts as happened all the same."""
        self._book.fold(line)
        self._quick.append(line)  # not synced: what a power cut takes of it is found again by looking

    def _write_anew(self) -> None:
        numbers = sorted(self._book.known)[-KNOWN:]
        lines: list[Line] = [*map(Seen, numbers), *self._book.done.values()]
        for each in self._book.entries.values():
            lines.append(Queued(each.key, each.at, each.user, each.chat, each.outgoing))
            if each.why:
                lines.append(Instead(each.key, each.why))
            if each.state == "in doubt":
                lines.append(Sending(each.key, each.after))
        with FileLock(self._path.with_name(f"{self._path.name}.lock")):
            write_atomic(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in lines))


def recent_sent(path: Path, most: int) -> tuple[Recent, ...]:
    """The newest entries of the outbox at `path`, the newest last, for one who only looks. Raises StorageError."""
    journal: TypedJournal[Line] = TypedJournal(path, Line)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return ()
    book = Book()
    for line in journal.read(max(0, size - _TAIL)).values:
        book.fold(line)
    return book.recent(most)


def _nobody() -> None:
    """Nobody listens."""
