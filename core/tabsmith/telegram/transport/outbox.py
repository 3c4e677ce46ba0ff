"""The outbox: what is to be sent is on disk until Telegram has it, once for each key, in the order in which it was put.

One process has the outbox; others may read `recent_messages`. Before a message goes out, that is recorded together with
the highest message number known by then: after a kill it is in doubt, and can be looked for above that number.
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

MAX_DONE_KEYS: Final = 20_000
MAX_KNOWN_NUMBERS: Final = 5_000
_COMPACT_BYTES: Final = 4_000_000  # a larger journal is compacted when it is opened
_TAIL_BYTES: Final = 400_000  # read to show the newest messages
_RECENT_CHARS: Final = 80

SendState: TypeAlias = Literal["queued", "in doubt"]
SendOutcome: TypeAlias = Literal["to send", "sent", "gave up"]


class OutboxEntry(msgspec.Struct, frozen=True):
    """A message to be sent. One in doubt may have arrived already, above the message number `after`."""

    key: str
    at: float
    user: int
    chat: int
    outgoing: Outgoing
    state: SendState = "queued"
    after: int = 0
    why: str = ""  # why its text goes out in place of the chart or the file


class RecentMessage(msgspec.Struct, frozen=True):
    """A message for a list: its outcome since `at`, and its first words."""

    at: float
    user: int
    outcome: SendOutcome
    words: str
    why: str = ""  # why it was given up, or its text was sent instead


# The journal -------------------------------------------------------------------------------------------------------


class MessageQueued(msgspec.Struct, frozen=True, tag="queued"):
    """A message was put into the outbox."""

    key: str
    at: float
    user: int
    chat: int
    outgoing: Outgoing


class SendStarted(msgspec.Struct, frozen=True, tag="sending"):
    """The message goes out; `after` is the highest message number known by then."""

    key: str
    after: int


class FallbackChosen(msgspec.Struct, frozen=True, tag="instead"):
    """The message's text goes out in place of its chart or file."""

    key: str
    why: str


class MessageSent(msgspec.Struct, frozen=True, tag="sent"):
    """The message has arrived."""

    key: str
    at: float
    message_id: int


class MessageAbandoned(msgspec.Struct, frozen=True, tag="gave_up"):
    """The message is not sent any more."""

    key: str
    at: float
    why: str


class NumberSeen(msgspec.Struct, frozen=True, tag="seen"):
    """A message with this number came in."""

    message_id: int


class EntryDone(msgspec.Struct, frozen=True, tag="done"):
    """What is kept of a message that was sent or given up; `message_id` is 0 for one that was given up."""

    key: str
    message_id: int
    recent: RecentMessage


OutboxRecord: TypeAlias = (
    MessageQueued | SendStarted | FallbackChosen | MessageSent | MessageAbandoned | NumberSeen | EntryDone
)


class OutboxState:
    """The state of an outbox, folded from the records of its journal."""

    def __init__(self) -> None:
        self.entries: dict[str, OutboxEntry] = {}
        self.done: dict[str, EntryDone] = {}
        self.highest = 0  # message number, of all chats: a bot counts its private chats together
        self.known: set[int] = set()  # message numbers whose messages are known

    def apply(self, record: OutboxRecord) -> None:
        """Apply a record. One about an unknown entry is passed over."""
        match record:
            case MessageQueued(key, at, user, chat, outgoing):
                self.entries[key] = OutboxEntry(key, at, user, chat, outgoing)
            case NumberSeen(message_id):
                self._add_number(message_id)
            case EntryDone(key, message_id, _):
                self.done[key] = record
                self._add_number(message_id)
            case _ if record.key in self.entries:
                self._apply_to_entry(self.entries[record.key], record)

    def recent(self, most: int) -> tuple[RecentMessage, ...]:
        """The newest messages, the newest last."""
        messages = [entry.recent for entry in list(self.done.values())[-most:]]
        messages += [_recent(entry, entry.at, "to send", entry.why) for entry in self.entries.values()]
        return tuple(sorted(messages, key=lambda message: message.at)[-most:])

    def _apply_to_entry(
        self, entry: OutboxEntry, record: SendStarted | FallbackChosen | MessageSent | MessageAbandoned
    ) -> None:
        match record:
            case SendStarted(key, after):
                self.entries[key] = replace(entry, state="in doubt", after=after)
            case FallbackChosen(key, why):
                self.entries[key] = replace(entry, outgoing=_fallback(entry.outgoing), state="queued", why=why)
            case MessageSent(_, at, message_id):
                self._finish(entry, message_id, _recent(entry, at, "sent", entry.why))
            case MessageAbandoned(_, at, why):
                self._finish(entry, 0, _recent(entry, at, "gave up", why))

    def _add_number(self, message_id: int) -> None:
        self.highest = max(self.highest, message_id)
        self.known.add(message_id)
        if len(self.known) > 2 * MAX_KNOWN_NUMBERS:
            self.known = set(sorted(self.known)[-MAX_KNOWN_NUMBERS:])

    def _finish(self, entry: OutboxEntry, message_id: int, recent: RecentMessage) -> None:
        del self.entries[entry.key]
        self.done[entry.key] = EntryDone(entry.key, message_id, recent)
        self._add_number(message_id)
        while len(self.done) > MAX_DONE_KEYS:
            del self.done[next(iter(self.done))]


def fallback_text(outgoing: Outgoing) -> StyledText:
    """The text that is sent where a chart or a file cannot be; empty for a text message."""
    return () if isinstance(outgoing, OutgoingMessage) else outgoing.instead


def _fallback(outgoing: Outgoing) -> Outgoing:
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
    return RecentMessage(at, entry.user, outcome, clean(words.strip(), _RECENT_CHARS), clean(why, 200))


# The outbox --------------------------------------------------------------------------------------------------------


class Outbox:
    """The messages that one bot has to send; a journal of more than `compact_bytes` is compacted, when it is opened and while
    it grows."""

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.time, *, compact_bytes: int = _COMPACT_BYTES
    ) -> None:
        self._path = path
        self._clock = clock
        self._synced: TypedJournal[OutboxRecord] = TypedJournal(path, OutboxRecord)
        self._quick: TypedJournal[OutboxRecord] = TypedJournal(path, OutboxRecord, sync=False)
        self._state = OutboxState()
        self._on_put: Callable[[], None] = lambda: None
        self._compact_bytes = self._compact_at = compact_bytes
        records = self._synced.read()
        for record in records.values:
            self._state.apply(record)
        if records.next_offset > compact_bytes:
            self._compact()

    def put(self, key: str, user: int, chat: int, outgoing: Outgoing) -> bool:
        """Have `outgoing` sent to `chat`, once for each key: False if the key is known. Raises StorageError."""
        if self.knows(key):
            return False
        self._record(MessageQueued(key, self._clock(), user, chat, outgoing))
        self._on_put()
        return True

    def listen(self, on_put: Callable[[], None]) -> None:
        """Have `on_put` called after each put; there is one listener at a time."""
        self._on_put = on_put

    def knows(self, key: str) -> bool:
        """Whether a message was put under the key, be it sent or not."""
        return key in self._state.entries or key in self._state.done

    def outcome(self, key: str) -> SendOutcome | None:
        """The outcome of the message that was put under the key; None if there is none."""
        if key in self._state.entries:
            return "to send"
        done = self._state.done.get(key)
        return done.recent.outcome if done is not None else None

    def message_id(self, key: str) -> int | None:
        """The number of the message that was sent under the key; None if there is none."""
        done = self._state.done.get(key)
        return done.message_id or None if done is not None else None

    def seen(self, message_id: int) -> None:
        """Record that a message with this number came in, in a private chat. Groups and channels count apart."""
        if message_id > 0 and message_id not in self._state.known:
            with contextlib.suppress(StorageError):  # what goes out next records the number as well, or does not go
                self._record_unsynced(NumberSeen(message_id))

    def notice(self, message_id: int) -> None:
        """Know the number of a stranger's message while this process lives; nothing of a stranger is written."""
        if message_id > 0:
            self._state.apply(NumberSeen(message_id))

    # For the sender --------------------------------------------------------------------------------------------------

    def pending(self) -> tuple[OutboxEntry, ...]:
        """The messages that are neither sent nor given up, in the order in which they were put."""
        return tuple(self._state.entries.values())

    def first(self, chat: int) -> OutboxEntry | None:
        """The message that goes out next to the chat."""
        return next((entry for entry in self._state.entries.values() if entry.chat == chat), None)

    @property
    def highest(self) -> int:
        """The highest message number that is known, of all chats."""
        return self._state.highest

    def unknown(self, after: int, beyond: int) -> Iterator[int]:
        """Message numbers above `after` whose messages are not known, up to `beyond` over the highest known number."""
        last = max(after, self.highest) + beyond
        return (number for number in range(after + 1, last + 1) if number not in self._state.known)

    def sending(self, key: str) -> None:
        """Record that the message goes out now: it is in doubt. Raises StorageError; then it must not go out."""
        self._record(SendStarted(key, self.highest))

    def not_sent(self, key: str) -> None:
        """Take back the doubt: the message was refused, or looked for and not found."""
        # Not recorded: a doubt that is left costs a look after the next start.
        self._state.entries[key] = replace(self._state.entries[key], state="queued")

    def instead(self, key: str, why: str) -> None:
        """Have the message's text sent in place of its chart or file. Raises StorageError."""
        self._record_unsynced(FallbackChosen(key, why))

    def sent(self, key: str, message_id: int) -> None:
        """Record that the message has arrived. Raises StorageError."""
        self._record_unsynced(MessageSent(key, self._clock(), message_id))

    def gave_up(self, key: str, why: str) -> None:
        """Record that the message is not sent any more. Raises StorageError."""
        self._record_unsynced(MessageAbandoned(key, self._clock(), why))

    def recent(self, most: int) -> tuple[RecentMessage, ...]:
        """The newest messages, the newest last."""
        return self._state.recent(most)

    def close(self) -> None:
        """Close the files."""
        self._synced.close()
        self._quick.close()

    def _record(self, record: OutboxRecord) -> None:
        """Write a record, then apply it. Raises StorageError; then it has not happened."""
        size = self._synced.append(record)
        self._state.apply(record)
        if size > self._compact_at:
            with contextlib.suppress(StorageError):  # the record is on the disk; it is compacted at the next one
                self._compact()

    def _record_unsynced(self, record: OutboxRecord) -> None:
        """Apply a record of what has happened anyway, then write it. Raises StorageError."""
        self._state.apply(record)
        self._quick.append(record)  # not synced: what a power cut takes of it is found again by looking

    def _compact(self) -> None:
        numbers = sorted(self._state.known)[-MAX_KNOWN_NUMBERS:]
        records: list[OutboxRecord] = [*map(NumberSeen, numbers), *self._state.done.values()]
        for entry in self._state.entries.values():
            records.append(MessageQueued(entry.key, entry.at, entry.user, entry.chat, entry.outgoing))
            if entry.why:
                records.append(FallbackChosen(entry.key, entry.why))
            if entry.state == "in doubt":
                records.append(SendStarted(entry.key, entry.after))
        with FileLock(self._path.with_name(f"{self._path.name}.lock")):
            data = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
            write_atomic(self._path, data)
        self._compact_at = max(self._compact_bytes, 2 * len(data))  # so that what must be kept is not written each time


def recent_messages(path: Path, most: int, *, tail_bytes: int = _TAIL_BYTES) -> tuple[RecentMessage, ...]:
    """The newest messages of the outbox at `path`, the newest last, for a reader beside its process.

    Only the last `tail_bytes` of the journal are read. Raises StorageError.
    """
    journal: TypedJournal[OutboxRecord] = TypedJournal(path, OutboxRecord)
    size = path.stat().st_size if path.exists() else 0
    state = OutboxState()
    for record in journal.read(max(0, size - tail_bytes)).values:
        state.apply(record)
    return state.recent(most)
