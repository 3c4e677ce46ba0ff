"""What others ask of the bridge that runs, in a journal beside it: a test message."""

import time
import uuid
from typing import Final

import msgspec

from tabsmith.config.tree import Settings
from tabsmith.errors import UsageError
from tabsmith.storage import TypedChunk, TypedJournal
from tabsmith.telegram.place import Place
from tabsmith.telegram.seats import Seats
from tabsmith.telegram.service import BridgeNotRunningError, place_of, running
from tabsmith.text import clean

LONGEST_TEST: Final = 400
TEST_WORDS: Final = "A test message from tabsmith: the bridge works."


class SendTest(msgspec.Struct, frozen=True, tag="send_test"):
    """Send `text` to `user`, to see whether it arrives. `id` is new for each, for the key in the outbox."""

    id: str
    at: float
    user: int
    text: str


def send_test(settings: Settings, user: int | None = None, text: str = TEST_WORDS) -> tuple[int, ...]:
    """Have the running bridge send a line to `user`, or to everybody who may talk to it and has; returns to whom.

    Raises UsageError when there is nobody to send it to, BridgeNotRunningError, ConfigError and StorageError.
    """
    place = place_of(settings)
    allowed = settings.telegram.allowed_users
    if user is not None and user not in allowed:
        raise UsageError(
            f"The user {user} may not talk to the bridge.",
            where="telegram.allowed_users",
            next_step="Put the number on the list first: tabsmith config set telegram.allowed_users",
        )
    known = tuple(seat.user for seat in Seats(place).all() if seat.user in allowed)
    users = known if user is None else tuple(each for each in known if each == user)
    if not users:
        raise UsageError(
            "There is nobody to send it to: a bot may write only to those who wrote to it first.",
            where="telegram.allowed_users",
            next_step="Write /start to the bot from an account whose number is on the list.",
        )
    for each in users:
        ask_test(place, each, text)
    return users


def ask_test(place: Place, user: int, text: str = TEST_WORDS) -> SendTest:
    """Ask the running bridge to send `text` to `user`. Raises BridgeNotRunningError and StorageError."""
    if running(place) is None:
        raise BridgeNotRunningError("No bridge runs.", where=str(place.root), next_step="tabsmith bridge start")
    asked = SendTest(uuid.uuid4().hex, time.time(), user, clean(text, LONGEST_TEST))
    with _journal(place) as journal:
        journal.append(asked)
    return asked


def pending_requests(place: Place, offset: int = 0) -> TypedChunk[SendTest]:
    """What was asked from `offset` on. A bridge begins at the `next_offset` that it finds as it starts.

    Raises StorageError.
    """
    return _journal(place).read(offset)


def _journal(place: Place) -> TypedJournal[SendTest]:
    return TypedJournal(place.root / "requests.jsonl", SendTest, sync=False)
