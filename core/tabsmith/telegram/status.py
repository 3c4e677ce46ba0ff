"""How a bridge is doing, said by itself in `status.json`: what `bridge status`, `bridge health` and the panel read."""

import logging
import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StorageError
from tabsmith.storage import Document, Found
from tabsmith.telegram.paths import BridgePaths

STATUS_VERSION: Final = 1
_MOST_TROUBLES: Final = 20
_WRITE_EVERY: Final = 1.0
_SAID_AGAIN: Final = 600.0  # seconds after which the same trouble is worth another line in the log
_log: Final = logging.getLogger(__name__)


TroubleSource: TypeAlias = Literal["polling", "sending", "handling", "following", "settings"]


class BridgeTrouble(msgspec.Struct, frozen=True):
    """Something that went wrong at `at` (seconds since 1970), in words without the token."""

    at: float
    where: TroubleSource
    words: str


class BridgeStatus(msgspec.Struct, frozen=True, kw_only=True):
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
    troubles: tuple[BridgeTrouble, ...] = ()
    stopped_at: float = 0.0  # it ended as it was told to


def read_status(place: BridgePaths) -> BridgeStatus | None:
    """What the bridge last said; None when there is nothing that can be understood."""
    match _document(place).load():
        case Found(status):
            return status
        case _:
            return None


class StatusWriter:
    """The bridge's own hand on its status: changed in memory at once, on disk at most once a second."""

    def __init__(self, place: BridgePaths, status: BridgeStatus, clock: Callable[[], float] = time.time) -> None:
        self._document = _document(place)
        self._clock = clock
        self._written = float("-inf")
        self._on_disk: BridgeStatus | None = None
        self.now = status

    def note(self, **changes: object) -> None:
        """Take fields of Status over. That the disk takes nothing is said in the log, and stops nobody."""
        self.now = replace(self.now, **changes)
        self.flush(at_once=False)

    def trouble(self, where: TroubleSource, words: str) -> None:
        """Something went wrong, in words without the token; the same again only moves its time."""
        now = self._clock()
        same = [each for each in self.now.troubles if (each.where, each.words) == (where, words)]
        if not any(each.at > now - _SAID_AGAIN for each in same):
            _log.warning("%s: %s", where, words)  # once, and not at each try of an hour without a network
        kept = [each for each in self.now.troubles if each not in same]
        self.note(troubles=(*kept, BridgeTrouble(now, where, words))[-_MOST_TROUBLES:])

    def flush(self, *, at_once: bool = True) -> None:
        """Put on disk what is not there yet."""
        if self.now is self._on_disk:
            return
        try:
            self.write(at_once=at_once)
        except StorageError as error:
            _log.warning("the status could not be saved: %s", error.what)

    def write(self, *, at_once: bool = True) -> None:
        """Put it on disk. Raises StorageError."""
        now = self._clock()
        if at_once or now - self._written >= _WRITE_EVERY:
            self._written = now
            self.now = self._on_disk = replace(self.now, written_at=now)
            self._document.save(self.now)


def _document(place: BridgePaths) -> Document[BridgeStatus]:
    return Document(place.status, BridgeStatus, version=STATUS_VERSION, name="bridge status")
