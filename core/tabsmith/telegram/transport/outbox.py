"""What is to be sent, on disk until Telegram has it: each once, by its key, in the order in which it was put here.

One process has the outbox; others may look (`recent_messages`). Before something goes out, that is written down together
with the highest message number known by then: after a kill it is in doubt, and can be looked for above that number.

The lines of an outbox, and what they come to: what is to be sent, and what became of what was.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StorageError
from tabsmith.storage import FileLock, TypedJournal, write_atomic
from tabsmith.telegram.render.messages import Outgoing, OutgoingChart, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import StyledText
from tabsmith.text import clean

MAX_DONE_KEYS: Final = 20_000  # keys of what is done
MAX_KNOWN_NUMBERS: Final = 5_000  # message numbers
_SHOWN: Final = 80

SendState: TypeAlias = Literal["queued", "in doubt"]
SendOutcome: TypeAlias = Literal["to send", "sent", "gave up"]


class OutboxEntry(msgspec.Struct, frozen=True):
    """Something to be sent. In doubt: it may be there already, above the message number `after`."""

    key: str
    at: float
    user: int
    chat: int
    outgoing: Outgoing
    state: SendState = "queued"
    after: int = 0
    why: str = ""  # a text goes out in place of the picture or the file


class RecentMessage(msgspec.Struct, frozen=True):
    """Something that was put into the outbox, for a list: since when it is what it is, and its first words."""

    at: float
    user: int
    outcome: SendOutcome
    words: str
    why: str = ""  # it was given up, or a text was sent in its place


class MessageQueued(msgspec.Struct, frozen=True, tag="queued"):
    key: str
    at: float
    user: int
    chat: int
    outgoing: Outgoing


class SendStarted(msgspec.Struct, frozen=True, tag="sending"):
    key: str
    after: int


class FallbackChosen(msgspec.Struct, frozen=True, tag="instead"):
    """Its text goes out in place of the picture or the file."""

    key: str
    why: str


class MessageSent(msgspec.Struct, frozen=True, tag="sent"):
    key: str
    at: float
    message_id: int


class MessageAbandoned(msgspec.Struct, frozen=True, tag="gave_up"):
    key: str
    at: float
    why: str


class NumberSeen(msgspec.Struct, frozen=True, tag="seen"):
    """A message number that came in."""

    message_id: int


class EntryDone(msgspec.Struct, frozen=True, tag="done"):
    """What is kept of an entry that is done; `message_id` is 0 for one that was given up."""

    key: str
    message_id: int
    recent: RecentMessage


OutboxRecord: TypeAlias = (
    MessageQueued | SendStarted | FallbackChosen | MessageSent | MessageAbandoned | NumberSeen | EntryDone
)


class OutboxState:
    """What the lines of the journal come to."""

    def __init__(self) -> None:
        self.entries: dict[str, OutboxEntry] = {}
        self.done: dict[str, EntryDone] = {}
        self.highest = 0  # message number, of all chats: a bot counts its private chats together
        self.known: set[int] = set()  # message numbers of which it is known whose they are

    def fold(self, line: OutboxRecord) -> None:
        """Take a line in. One about an entry that is not known is passed over."""
        match line:
            case MessageQueued(key, at, user, chat, outgoing):
                self.entries[key] = OutboxEntry(key, at, user, chat, outgoing)
            case NumberSeen(message_id):
                self._know(message_id)
            case EntryDone(key, message_id, _):
                self.done[key] = line
                self._know(message_id)
            case _ if line.key in self.entries:
                self._fold_about(self.entries[line.key], line)

    def recent(self, most: int) -> tuple[RecentMessage, ...]:
        """The newest ones, the newest last."""
        done = [each.recent for each in list(self.done.values())[-most:]]
        waiting = [_recent(each, each.at, "to send", each.why) for each in self.entries.values()]
        return tuple(sorted(done + waiting, key=lambda each: each.at)[-most:])

    def _fold_about(
        self, entry: OutboxEntry, line: SendStarted | FallbackChosen | MessageSent | MessageAbandoned
    ) -> None:
        match line:
            case SendStarted(key, after):
                self.entries[key] = replace(entry, state="in doubt", after=after)
            case FallbackChosen(key, why):
                self.entries[key] = replace(entry, outgoing=_instead(entry.outgoing), state="queued", why=why)
            case MessageSent(_, at, message_id):
                self._finish(entry, message_id, _recent(entry, at, "sent", entry.why))
            case MessageAbandoned(_, at, why):
                self._finish(entry, 0, _recent(entry, at, "gave up", why))

    def _know(self, message_id: int) -> None:
        self.highest = max(self.highest, message_id)
        self.known.add(message_id)
        if len(self.known) > 2 * MAX_KNOWN_NUMBERS:
            self.known = set(sorted(self.known)[-MAX_KNOWN_NUMBERS:])

    def _finish(self, entry: OutboxEntry, message_id: int, recent: RecentMessage) -> None:
        del self.entries[entry.key]
        self.done[entry.key] = EntryDone(entry.key, message_id, recent)
        self._know(message_id)
        while len(self.done) > MAX_DONE_KEYS:
            del self.done[next(iter(self.done))]


def fallback_text(outgoing: Outgoing) -> StyledText:
    """What is sent where a picture or a file cannot be; nothing for a message."""
    return () if isinstance(outgoing, OutgoingMessage) else outgoing.instead


def _instead(outgoing: Outgoing) -> Outgoing:
    match outgoing:
        case OutgoingMessage():
            return outgoing
        case OutgoingChart():
            return OutgoingMessage(outgoing.instead, silent=outgoing.silent)
        case OutgoingFile():
            return OutgoingMessage(outgoing.instead, outgoing.keyboard, outgoing.silent)


def _recent(entry: OutboxEntry, at: float, outcome: SendOutcome, why: str) -> RecentMessage:
    match entry.outgoing:
        case OutgoingMessage(text):
            words = "".join(piece.text for piece in text)
        case OutgoingChart(kind):
            words = f"a picture: {kind}"
        case OutgoingFile(_, name):
            words = f"a file: {name}"
    return RecentMessage(at, entry.user, outcome, clean(words.strip(), _SHOWN), clean(why, 200))


_LARGE: Final = 4_000_000  # bytes; a larger journal is written anew when it is opened
_TAIL: Final = 400_000  # bytes that are read to show the newest


class Outbox:
    """What one bot has to send."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, large: int = _LARGE) -> None:
        self._path = path
        self._clock = clock
        self._synced: TypedJournal[OutboxRecord] = TypedJournal(path, OutboxRecord)
        self._quick: TypedJournal[OutboxRecord] = TypedJournal(path, OutboxRecord, sync=False)
        self._book = OutboxState()
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
        line = MessageQueued(key, self._clock(), user, chat, outgoing)
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

    def outcome(self, key: str) -> SendOutcome | None:
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
                self._write(NumberSeen(message_id))

    # Sending ---------------------------------------------------------------------------------------------------------

    def pending(self) -> tuple[OutboxEntry, ...]:
        """What is not done, in the order in which it was put here."""
        return tuple(self._book.entries.values())

    def first(self, chat: int) -> OutboxEntry | None:
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
        line = SendStarted(key, self.highest)
        self._synced.append(line)
        self._book.fold(line)

    def not_sent(self, key: str) -> None:
        """It was refused, or looked for and not found: it is not in doubt any more."""
        # Not written down: in doubt for nothing costs a look after the next start.
        self._book.entries[key] = replace(self._book.entries[key], state="queued")

    def instead(self, key: str, why: str) -> None:
        """Send its text in place of the picture or the file."""
        self._write(FallbackChosen(key, why))

    def sent(self, key: str, message_id: int) -> None:
        """It is there."""
        self._write(MessageSent(key, self._clock(), message_id))

    def gave_up(self, key: str, why: str) -> None:
        """It is not sent any more."""
        self._write(MessageAbandoned(key, self._clock(), why))

    # Looking ---------------------------------------------------------------------------------------------------------

    def recent(self, most: int) -> tuple[RecentMessage, ...]:
        """The newest entries, the newest last."""
        return self._book.recent(most)

    def close(self) -> None:
        """Close the files."""
        self._synced.close()
        self._quick.close()

    def _write(self, line: OutboxRecord) -> None:
        """Write down what has happened. Raises StorageError; here it counts as happened all the same."""
        self._book.fold(line)
        self._quick.append(line)  # not synced: what a power cut takes of it is found again by looking

    def _write_anew(self) -> None:
        numbers = sorted(self._book.known)[-MAX_KNOWN_NUMBERS:]
        lines: list[OutboxRecord] = [*map(NumberSeen, numbers), *self._book.done.values()]
        for each in self._book.entries.values():
            lines.append(MessageQueued(each.key, each.at, each.user, each.chat, each.outgoing))
            if each.why:
                lines.append(FallbackChosen(each.key, each.why))
            if each.state == "in doubt":
                lines.append(SendStarted(each.key, each.after))
        with FileLock(self._path.with_name(f"{self._path.name}.lock")):
            write_atomic(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in lines))


def recent_messages(path: Path, most: int) -> tuple[RecentMessage, ...]:
    """The newest entries of the outbox at `path`, the newest last, for one who only looks. Raises StorageError."""
    journal: TypedJournal[OutboxRecord] = TypedJournal(path, OutboxRecord)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return ()
    book = OutboxState()
    for line in journal.read(max(0, size - _TAIL)).values:
        book.fold(line)
    return book.recent(most)


def _nobody() -> None:
    """Nobody listens."""
