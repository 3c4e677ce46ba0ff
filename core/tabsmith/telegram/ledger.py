"""The lines of an outbox, and what they come to: what is to be sent, and what became of what was."""

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.telegram.outgoing import Chart, File, Message, Outgoing
from tabsmith.telegram.words import Text
from tabsmith.text import clean

REMEMBERED: Final = 20_000  # keys of what is done
KNOWN: Final = 5_000  # message numbers
_SHOWN: Final = 80

State: TypeAlias = Literal["queued", "in doubt"]
Outcome: TypeAlias = Literal["to send", "sent", "gave up"]


class Entry(msgspec.Struct, frozen=True):
    """Something to be sent. In doubt: it may be there already, above the message number `after`."""

    key: str
    at: float
    user: int
    chat: int
    outgoing: Outgoing
    state: State = "queued"
    after: int = 0
    why: str = ""  # a text goes out in place of the picture or the file


class Recent(msgspec.Struct, frozen=True):
    """Something that was put into the outbox, for a list: since when it is what it is, and its first words."""

    at: float
    user: int
    outcome: Outcome
    words: str
    why: str = ""  # it was given up, or a text was sent in its place


class Queued(msgspec.Struct, frozen=True, tag="queued"):
    key: str
    at: float
    user: int
    chat: int
    outgoing: Outgoing


class Sending(msgspec.Struct, frozen=True, tag="sending"):
    key: str
    after: int


class Instead(msgspec.Struct, frozen=True, tag="instead"):
    """Its text goes out in place of the picture or the file."""

    key: str
    why: str


class Sent(msgspec.Struct, frozen=True, tag="sent"):
    key: str
    at: float
    message_id: int


class GaveUp(msgspec.Struct, frozen=True, tag="gave_up"):
    key: str
    at: float
    why: str


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """A message number that came in."""

    message_id: int


class Done(msgspec.Struct, frozen=True, tag="done"):
    """What is kept of an entry that is done; `message_id` is 0 for one that was given up."""

    key: str
    message_id: int
    recent: Recent


Line: TypeAlias = Queued | Sending | Instead | Sent | GaveUp | Seen | Done


class Book:
    """What the lines of the journal come to."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.done: dict[str, Done] = {}
        self.highest = 0  # message number, of all chats: a bot counts its private chats together
        self.known: set[int] = set()  # message numbers of which it is known whose they are

    def fold(self, line: Line) -> None:
        """Take a line in. One about an entry that is not known is passed over."""
        match line:
            case Queued(key, at, user, chat, outgoing):
                self.entries[key] = Entry(key, at, user, chat, outgoing)
            case Seen(message_id):
                self._know(message_id)
            case Done(key, message_id, _):
                self.done[key] = line
                self._know(message_id)
            case _ if line.key in self.entries:
                self._fold_about(self.entries[line.key], line)

    def recent(self, most: int) -> tuple[Recent, ...]:
        """The newest ones, the newest last."""
        done = [each.recent for each in list(self.done.values())[-most:]]
        waiting = [_recent(each, each.at, "to send", each.why) for each in self.entries.values()]
        return tuple(sorted(done + waiting, key=lambda each: each.at)[-most:])

    def _fold_about(self, entry: Entry, line: Sending | Instead | Sent | GaveUp) -> None:
        match line:
            case Sending(key, after):
                self.entries[key] = replace(entry, state="in doubt", after=after)
            case Instead(key, why):
                self.entries[key] = replace(entry, outgoing=_instead(entry.outgoing), state="queued", why=why)
            case Sent(_, at, message_id):
                self._finish(entry, message_id, _recent(entry, at, "sent", entry.why))
            case GaveUp(_, at, why):
                self._finish(entry, 0, _recent(entry, at, "gave up", why))

    def _know(self, message_id: int) -> None:
        self.highest = max(self.highest, message_id)
        self.known.add(message_id)
        if len(self.known) > 2 * KNOWN:
            self.known = set(sorted(self.known)[-KNOWN:])

    def _finish(self, entry: Entry, message_id: int, recent: Recent) -> None:
        del self.entries[entry.key]
        self.done[entry.key] = Done(entry.key, message_id, recent)
        self._know(message_id)
        while len(self.done) > REMEMBERED:
            del self.done[next(iter(self.done))]


def instead_of(outgoing: Outgoing) -> Text:
    """What is sent where a picture or a file cannot be; nothing for a message."""
    return () if isinstance(outgoing, Message) else outgoing.instead


def _instead(outgoing: Outgoing) -> Outgoing:
    match outgoing:
        case Message():
            return outgoing
        case Chart():
            return Message(outgoing.instead, silent=outgoing.silent)
        case File():
            return Message(outgoing.instead, outgoing.keyboard, outgoing.silent)


def _recent(entry: Entry, at: float, outcome: Outcome, why: str) -> Recent:
    match entry.outgoing:
        case Message(text):
            words = "".join(piece.text for piece in text)
        case Chart(kind):
            words = f"a picture: {kind}"
        case File(_, name):
            words = f"a file: {name}"
    return Recent(at, entry.user, outcome, clean(words.strip(), _SHOWN), clean(why, 200))
