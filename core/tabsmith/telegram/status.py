"""The files of a bridge, in one folder for each bot, and the status among them that `bridge status`, `bridge health` and the
panel read."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StorageError
from tabsmith.paths import folders
from tabsmith.storage import Document, Found


@dataclass(frozen=True, slots=True)
class BridgePaths:
    """The folder of one bot's bridge and the files in it. Files are made with mode 0600, folders with 0700."""

    root: Path

    @classmethod
    def of(cls, bot: str) -> "BridgePaths":
        """The paths for the bot with this file name (`BotToken.bot`)."""
        return cls(folders().state / "bridge" / bot)

    @property
    def lock(self) -> Path:
        """Lock that the bridge's process holds while it lives."""
        return self.root / "lock"

    @property
    def inbox(self) -> Path:
        """Journal of every update received, and of those handled."""
        return self.root / "inbox.jsonl"

    @property
    def outbox(self) -> Path:
        """Journal of every message to be sent, and of its outcome."""
        return self.root / "outbox.jsonl"

    @property
    def requests(self) -> Path:
        """Journal of test messages that other programs ask the bridge to send."""
        return self.root / "requests.jsonl"

    @property
    def status(self) -> Path:
        """How the bridge is doing, written by the bridge."""
        return self.root / "status.json"

    @property
    def log(self) -> Path:
        """Output of a bridge in the background."""
        return self.root / "bridge.log"

    def chat_state(self, user: int) -> Path:
        """One person's chat state."""
        return self.root / "seats" / f"{user}.json"

    def uploads(self, user: int) -> Path:
        """Folder of the files that one person sent."""
        return folders().uploads / str(user)


STATUS_VERSION: Final = 1
_MAX_TROUBLES: Final = 20
_WRITE_INTERVAL: Final = 1.0  # seconds
_LOG_AGAIN_SECONDS: Final = 600.0  # after which the same trouble is logged again
_log: Final = logging.getLogger(__name__)


TroubleSource: TypeAlias = Literal["polling", "sending", "handling", "following", "settings"]


class BridgeTrouble(msgspec.Struct, frozen=True):
    """A problem that the bridge met at `at` (seconds since 1970); its text is without the token."""

    at: float
    where: TroubleSource
    words: str


class BridgeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a bridge at `written_at`. Times are seconds since 1970; 0 is never."""

    pid: int
    started_at: float
    bot: str = ""  # the @name, once Telegram has told it
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
    stopped_at: float = 0.0  # the bridge ended as it was told to


def read_status(paths: BridgePaths) -> BridgeStatus | None:
    """The status that the bridge wrote last; None if there is none that can be read."""
    match _document(paths).load():
        case Found(status):
            return status
        case _:
            return None


class StatusWriter:
    """Keeps the bridge's status: changed in memory at once, written at most once a second."""

    def __init__(self, paths: BridgePaths, status: BridgeStatus, clock: Callable[[], float] = time.time) -> None:
        self._document = _document(paths)
        self._clock = clock
        self._written = float("-inf")
        self._on_disk: BridgeStatus | None = None
        self.now = status

    def note(self, **changes: object) -> None:
        """Change fields of the status. If it cannot be written, that is logged and nothing is raised."""
        self.now = replace(self.now, **changes)
        self.flush(at_once=False)

    def trouble(self, where: TroubleSource, words: str) -> None:
        """Add a trouble, its text without the token. The same trouble again only gets a new time."""
        now = self._clock()
        same = [trouble for trouble in self.now.troubles if (trouble.where, trouble.words) == (where, words)]
        if not any(trouble.at > now - _LOG_AGAIN_SECONDS for trouble in same):
            _log.warning("%s: %s", where, words)  # once, and not at each attempt of an hour without a network
        kept = [trouble for trouble in self.now.troubles if trouble not in same]
        self.note(troubles=(*kept, BridgeTrouble(now, where, words))[-_MAX_TROUBLES:])

    def flush(self, *, at_once: bool = True) -> None:
        """Write the status if it has changed since."""
        if self.now is self._on_disk:
            return
        try:
            self.write(at_once=at_once)
        except StorageError as error:
            _log.warning("the status could not be saved: %s", error.what)

    def write(self, *, at_once: bool = True) -> None:
        """Write the status. Raises StorageError."""
        now = self._clock()
        if at_once or now - self._written >= _WRITE_INTERVAL:
            self._written = now
            self.now = self._on_disk = replace(self.now, written_at=now)
            self._document.save(self.now)


def _document(paths: BridgePaths) -> Document[BridgeStatus]:
    return Document(paths.status, BridgeStatus, version=STATUS_VERSION, name="bridge status")
