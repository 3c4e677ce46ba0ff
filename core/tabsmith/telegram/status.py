"""How a bridge is doing, said by itself in `status.json`: what `bridge status`, `bridge health` and the panel read."""

import time
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith.storage import Document, Found
from tabsmith.telegram.place import Place

STATUS_VERSION: Final = 1
_MOST_TROUBLES: Final = 20
_WRITE_EVERY: Final = 1.0


class Trouble(msgspec.Struct, frozen=True):
    """Something that went wrong at `at` (seconds since 1970), in words without the token."""

    at: float
    where: str  # polling, sending, handling, files
    words: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A bridge as it last said. Times are seconds since 1970; 0 is never."""

    pid: int
    started_at: float
    bot: str = ""  # its @name, once Telegram has told it
    server: str = ""
    token_from: str = ""  # "the settings file", "the environment"
    version: str = ""
    handlers: tuple[str, ...] = ()  # the commands and kinds of update that are answered
    written_at: float = 0.0
    polled_at: float = 0.0  # the last poll that Telegram answered
    failed_polls: int = 0  # in a row
    conflicts: int = 0  # 409: another program polls with this token
    conflict_at: float = 0.0
    received: int = 0
    handled: int = 0
    waiting: int = 0  # received, not handled yet
    waiting_since: float = 0.0
    sent: int = 0
    to_send: int = 0
    gave_up: int = 0
    troubles: tuple[Trouble, ...] = ()
    stopped_at: float = 0.0  # it ended as it was told to


def read_status(place: Place) -> Status | None:
    """What the bridge last said; None when there is nothing that can be understood."""
    match _document(place).load():
        case Found(status):
            return status
        case _:
            return None


class StatusKeeper:
    """The bridge's own hand on its status: changed in memory at once, on disk at most once a second."""

    def __init__(self, place: Place, status: Status, clock: Callable[[], float] = time.time) -> None:
        self._document = _document(place)
        self._clock = clock
        self._written = float("-inf")
        self._on_disk: Status | None = None
        self.now = status

    def note(self, **changes: object) -> None:
        """Take fields of Status over."""
        self.now = replace(self.now, **changes)
        self.write(at_once=False)

    def trouble(self, where: str, words: str) -> None:
        """Something went wrong; the same words again only move their time."""
        kept = [each for each in self.now.troubles if (each.where, each.words) != (where, words)]
        self.note(troubles=(*kept, Trouble(self._clock(), where, words))[-_MOST_TROUBLES:])

    def write(self, *, at_once: bool = True) -> None:
        """Put it on disk. Raises StorageError."""
        now = self._clock()
        if at_once or now - self._written >= _WRITE_EVERY:
            self._written = now
            self.now = self._on_disk = replace(self.now, written_at=now)
            self._document.save(self.now)

    def flush(self) -> None:
        """Put on disk what is not there yet. Raises StorageError."""
        if self.now is not self._on_disk:
            self.write()


def _document(place: Place) -> Document[Status]:
    return Document(place.status, Status, version=STATUS_VERSION, name="bridge status")
