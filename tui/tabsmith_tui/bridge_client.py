"""The Telegram bridge as its screen sees it: one snapshot, read from its files and the settings, and what it can be told.

Methods read files and wait for processes: call them off the UI thread. Nothing here talks to Telegram by itself.
"""

from typing import Final

import msgspec

from tabsmith.config import load
from tabsmith.config.keys import all_keys
from tabsmith.config.loading import describe, set_value
from tabsmith.storage import LockOwner
from tabsmith.telegram import service
from tabsmith.telegram.activity import ActivityEntry, BridgeUser, bridge_users, recent_activity
from tabsmith.telegram.bot_token import PUBLIC_SERVER, server_address
from tabsmith.telegram.health import HealthCheck, check_health
from tabsmith.telegram.service import BridgeExtraError, BridgeStarted, BridgeStopped
from tabsmith.telegram.status import BridgeStatus, read_status

TOKEN: Final = "telegram.token"  # noqa: S105 - the setting's name
ALLOWED: Final = "telegram.allowed_users"
MESSAGES: Final = 60
_START_SECONDS: Final = 12.0  # to wait for Telegram's first answer; the bridge goes on trying by itself


class BridgeSnapshot(msgspec.Struct, frozen=True):
    """All that the screen shows, of one moment. Without a token, nothing but the settings is known."""

    missing: str  # how to install the missing package; "" if nothing is missing
    has_token: bool
    allowed: tuple[int, ...]
    server: str  # "" for Telegram's own
    fixed: frozenset[str] = frozenset()  # settings given by the environment, which cannot be changed here
    owner: LockOwner | None = None  # the process that runs now
    status: BridgeStatus | None = None  # of the bridge that runs, else of the one that ran last
    people: tuple[BridgeUser, ...] = ()
    messages: tuple[ActivityEntry, ...] = ()  # the newest last
    checks: tuple[HealthCheck, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether everything is there that a first start needs."""
        return not self.missing and self.has_token and bool(self.allowed)

    @property
    def own_status(self) -> BridgeStatus | None:
        """The status, if the bridge that runs wrote it."""
        return self.status if self.owner and self.status and self.status.pid == self.owner.pid else None


class BridgeClient:
    """The bridge of this machine. All methods raise TabsmithError."""

    def look(self, now: float) -> BridgeSnapshot:
        """The bridge at `now` (seconds since 1970)."""
        settings = load()
        from_environment = frozenset(setting.key for setting in describe() if setting.source == "environment")
        server = server_address(settings)
        snapshot = BridgeSnapshot(
            missing=_missing_package(),
            has_token=bool((settings.telegram.token or "").strip()),
            allowed=settings.telegram.allowed_users,
            server="" if server == PUBLIC_SERVER else server,
            fixed=from_environment & {TOKEN, ALLOWED},
        )
        if not snapshot.has_token:
            return snapshot
        paths = service.bridge_paths(settings)
        return msgspec.structs.replace(
            snapshot,
            owner=service.running(paths),
            status=read_status(paths),
            people=bridge_users(paths, snapshot.allowed),
            messages=recent_activity(paths, MESSAGES, snapshot.allowed),
            checks=check_health(settings, now).checks,
        )

    def start(self) -> BridgeStarted:
        """Start the bridge in the background."""
        return service.start(load(), patience=_START_SECONDS)

    def stop(self) -> BridgeStopped:
        """Have the bridge end."""
        return service.stop(service.bridge_paths(load()))

    def test(self, user: int) -> None:
        """Have the bridge send a test message to a user."""
        service.send_test_message(load(), user)

    def set_token(self, token: str) -> None:
        """Put the token into the settings file."""
        set_value(TOKEN, token)

    def set_allowed(self, numbers: str) -> None:
        """Put the numbers of those who may talk to the bot, separated by commas or spaces, into the settings file."""
        set_value(ALLOWED, ",".join(numbers.replace(",", " ").split()))


def variable(key: str) -> str:
    """The environment variable that overrides a setting of the file."""
    return all_keys()[key].variable


def _missing_package() -> str:
    try:
        service.require_telegram_extra()
    except BridgeExtraError as error:
        return error.next_step
    return ""
