"""The bridge to phones as one value, read from its files and the settings; and what can be told to it.

It looks at files, and waits for processes: call it off the UI thread. Nothing here talks to Telegram by itself.
"""

from typing import Final

import msgspec

from tabsmith.config import load
from tabsmith.config.keys import all_keys
from tabsmith.config.loading import describe
from tabsmith.config.settings import Settings
from tabsmith.storage import LockOwner
from tabsmith.telegram import service
from tabsmith.telegram import service as requests
from tabsmith.telegram.activity import ActivityEntry, BridgeUser, bridge_users, recent_activity
from tabsmith.telegram.bot_token import PUBLIC_SERVER, server_address
from tabsmith.telegram.health import HealthCheck, check_health
from tabsmith.telegram.service import BridgeExtraError, BridgeStarted, BridgeStopped
from tabsmith.telegram.status import BridgeStatus, read_status

TOKEN: Final = "telegram.token"  # noqa: S105 - the setting's name
ALLOWED: Final = "telegram.allowed_users"
MESSAGES: Final = 60
_PATIENCE: Final = 12.0  # seconds to wait for Telegram's first answer; the bridge goes on trying by itself


class BridgeSnapshot(msgspec.Struct, frozen=True):
    """All that the panel shows, of one moment. Of a bridge without a token nothing but the settings is known."""

    missing: str  # the package that is not installed, as an order; "" when all is there
    has_token: bool
    allowed: tuple[int, ...]
    server: str  # "" for Telegram's own
    fixed: frozenset[str] = frozenset()  # settings given by the environment, which cannot be changed here
    held: LockOwner | None = None  # the process that runs now
    said: BridgeStatus | None = None  # what it said last, or the one before it
    people: tuple[BridgeUser, ...] = ()
    messages: tuple[ActivityEntry, ...] = ()  # the newest last
    checks: tuple[HealthCheck, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether everything is there that a first start needs."""
        return not self.missing and self.has_token and bool(self.allowed)

    @property
    def own(self) -> BridgeStatus | None:
        """What the bridge that runs says of itself."""
        return self.said if self.held and self.said and self.said.pid == self.held.pid else None


class BridgeClient:
    """The bridge of this machine. Tests give one that holds what they say. All methods raise TabsmithError."""

    def look(self, now: float) -> BridgeSnapshot:
        """How it stands."""
        settings = load()
        given = frozenset(each.key for each in describe() if each.source == "environment")
        server = server_address(settings)
        known = BridgeSnapshot(
            _missing(),
            bool((settings.telegram.token or "").strip()),
            settings.telegram.allowed_users,
            "" if server == PUBLIC_SERVER else server,
            given & {TOKEN, ALLOWED},
        )
        return _running(known, settings, now) if known.has_token else known

    def start(self) -> BridgeStarted:
        """Start it in the background."""
        return service.start(load(), patience=_PATIENCE)

    def stop(self) -> BridgeStopped:
        """Have it end."""
        return service.stop(service.bridge_paths(load()))

    def test(self, user: int) -> None:
        """Have it send a line to somebody."""
        requests.send_test_message(load(), user)

    def set_token(self, token: str) -> None:
        """Put the token into the settings file."""
        _set(TOKEN, token)

    def set_allowed(self, numbers: str) -> None:
        """Put the numbers of those who may talk to it, divided by commas or spaces, into the settings file."""
        _set(ALLOWED, ",".join(numbers.replace(",", " ").split()))


def variable(key: str) -> str:
    """The environment variable that stands over a setting of the file."""
    return all_keys()[key].variable


def _running(known: BridgeSnapshot, settings: Settings, now: float) -> BridgeSnapshot:
    place = service.bridge_paths(settings)
    return msgspec.structs.replace(
        known,
        held=service.running(place),
        said=read_status(place),
        people=bridge_users(place, known.allowed),
        messages=recent_activity(place, MESSAGES, known.allowed),
        checks=check_health(settings, now).checks,
    )


def _missing() -> str:
    try:
        service.require_telegram_extra()
    except BridgeExtraError as error:
        return error.next_step
    return ""


def _set(key: str, text: str) -> None:
    from tabsmith.config.writing import set_value

    set_value(key, text)
