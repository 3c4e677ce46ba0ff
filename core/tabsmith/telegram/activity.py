"""Who is at a bridge, and what was said last, in words for a panel; read from its files, whether it runs or not."""

from typing import Final, Literal

import msgspec

from tabsmith.storage import Found, TypedJournal
from tabsmith.telegram.chat_state import ChatStates
from tabsmith.telegram.paths import BridgePaths
from tabsmith.telegram.transport.outbox import RecentMessage, recent_messages
from tabsmith.telegram.transport.updates import (
    ButtonPress,
    EditedMessage,
    FileMessage,
    IgnoredUpdate,
    RawUpdate,
    TextMessage,
    UnsupportedMessage,
    parse_update,
)
from tabsmith.text import clean
from tabsmith.workflow.session_store import SessionStore

_WORDS: Final = 40
_TAIL: Final = 200_000  # bytes of the inbox that are read to show the newest


class ActivityEntry(msgspec.Struct, frozen=True):
    """Something that came in or went out at `at`; `note` says what became of it where that is worth saying."""

    at: float
    way: Literal["in", "out"]
    user: int
    name: str
    words: str
    note: str = ""


class BridgeUser(msgspec.Struct, frozen=True):
    """Somebody who talks to the bridge, or may. `seen_at` is 0 and `name` "" for one who has not written yet."""

    user: int
    name: str
    seen_at: float
    step: str  # where their conversation stands; "" while there is none
    session: Literal["own", "local"]
    may: Literal["allowed", "not allowed"]


class _Batch(msgspec.Struct, frozen=True, tag="batch"):
    """What one poll brought, as the inbox writes it; its other lines are passed over."""

    at: float
    updates: tuple[RawUpdate, ...]


def recent_activity(place: BridgePaths, most: int, allowed: tuple[int, ...]) -> tuple[ActivityEntry, ...]:
    """The newest messages in and out, the newest last. What a stranger wrote is not shown. Raises StorageError."""
    names = {seat.user: seat.name for seat in ChatStates(place).all()}
    sent = [_sent(each, names.get(each.user, str(each.user))) for each in recent_messages(place.outbox, most)]
    return tuple(sorted(_received(place, most, allowed) + sent, key=lambda each: each.at)[-most:])


def bridge_users(place: BridgePaths, allowed: tuple[int, ...]) -> tuple[BridgeUser, ...]:
    """Everybody with a seat, the latest seen first, then those on the list who have not written.

    Raises StorageError.
    """
    seats = ChatStates(place).all()
    seen = tuple(
        BridgeUser(
            seat.user,
            seat.name,
            seat.seen_at,
            _step(seat.session_user),
            seat.session,
            "allowed" if seat.user in allowed else "not allowed",
        )
        for seat in seats
    )
    known = {seat.user for seat in seats}
    return seen + tuple(BridgeUser(user, "", 0.0, "", "own", "allowed") for user in allowed if user not in known)


def _step(session_user: str) -> str:
    match SessionStore(session_user).load():
        case Found(session):
            return session.state.value
        case _:
            return ""


def _received(place: BridgePaths, most: int, allowed: tuple[int, ...]) -> list[ActivityEntry]:
    journal: TypedJournal[_Batch] = TypedJournal(place.inbox, _Batch)
    size = place.inbox.stat().st_size if place.inbox.exists() else 0
    found = [(batch.at, each.raw) for batch in journal.read(max(0, size - _TAIL)).values for each in batch.updates]
    return [_line(at, msgspec.json.decode(raw), allowed) for at, raw in found[-most:]]


def _line(at: float, update: object, allowed: tuple[int, ...]) -> ActivityEntry:
    incoming = parse_update(update)
    if isinstance(incoming, IgnoredUpdate):
        return ActivityEntry(at, "in", incoming.user, _nameless(incoming.user), "", f"not answered: {incoming.reason}")
    person = incoming.person
    if person.id not in allowed:
        return ActivityEntry(at, "in", person.id, _nameless(person.id), "", "not answered: not on the list")
    match incoming:
        case TextMessage(_, text, command):
            words = f"/{command} {text}".strip() if command else text
        case ButtonPress():
            words = "pressed a button"
        case FileMessage(_, _, name):
            words = f"a file: {name}"
        case EditedMessage():
            words = "changed a message"
        case UnsupportedMessage():
            words = "a message of another kind"
    return ActivityEntry(at, "in", person.id, person.name, clean(words, _WORDS))


def _sent(recent: RecentMessage, name: str) -> ActivityEntry:
    note = {"sent": "", "to send": "waits to be sent", "gave up": "given up"}[recent.outcome]
    note = ": ".join(part for part in (note, recent.why) if part)
    return ActivityEntry(recent.at, "out", recent.user, name, clean(recent.words, _WORDS), note)


def _nameless(user: int) -> str:
    return f"user {user}" if user else "unknown"
