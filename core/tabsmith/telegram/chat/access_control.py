"""Who may talk to the bot: the users in `telegram.allowed_users` as the settings file says now; nobody if it is empty."""

import logging
import time
from collections.abc import Callable
from typing import Final

from tabsmith import config
from tabsmith.agents.backend import Availability, availability
from tabsmith.config.settings import Settings
from tabsmith.errors import ConfigError
from tabsmith.paths import folders
from tabsmith.telegram.status import StatusWriter

_log: Final = logging.getLogger(__name__)
_LOG_INTERVAL: Final = 60.0  # seconds between two log lines about the same stranger
_MAX_STRANGERS: Final = 1_000


class AccessControl:
    """The settings in force, read again when their file changes, and who may talk to the bot by them.

    While the file is broken, the settings that were read last stay in force, and the trouble is in the status.
    """

    def __init__(self, settings: Settings, status: StatusWriter, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._status = status
        self._clock = clock
        self._read_at = _settings_file_state()
        self._logged_at: dict[int, float] = {}  # by stranger
        self._availability: tuple[Availability, ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings as they are now. The token and the server are those the bridge was started with."""
        state = _settings_file_state()
        if state != self._read_at:
            self._read_at = state
            try:
                self._settings = config.load()
                self._availability = ()
            except ConfigError as error:
                self._status.trouble("settings", str(error))
        return self._settings

    @property
    def availability(self) -> tuple[Availability, ...]:
        """Which agents can be used here; checked again when the settings change."""
        settings = self.settings
        if not self._availability:
            self._availability = availability(settings.agents)
        return self._availability

    def allows(self, user: int) -> bool:
        """Whether the user may talk to the bot now."""
        return user in self.settings.telegram.allowed_users

    def log_refusal(self, user: int, reason: str) -> None:
        """Log that a user was not answered, at most once a minute for each. The user is told nothing."""
        now = self._clock()
        if now - self._logged_at.get(user, float("-inf")) < _LOG_INTERVAL:
            return
        if len(self._logged_at) >= _MAX_STRANGERS:
            self._logged_at.clear()
        self._logged_at[user] = now
        _log.warning("user %s was not answered: %s", user or "unknown", reason)


def _settings_file_state() -> tuple[int, int]:
    try:
        stat = folders().settings_file.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)
