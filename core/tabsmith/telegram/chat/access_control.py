"""Who gets in: the people on the list, as it stands now, and nobody when it is empty."""

import logging
import time
from collections.abc import Callable
from typing import Final

from tabsmith import config
from tabsmith.agents.availability import Availability, availability
from tabsmith.config.settings import Settings
from tabsmith.errors import ConfigError
from tabsmith.paths import folders
from tabsmith.telegram.status import StatusWriter

_log: Final = logging.getLogger(__name__)
_SAY_EVERY: Final = 60.0  # seconds between two log lines about the same stranger
_MOST_STRANGERS: Final = 1_000


class AccessControl:
    """The settings in force, read again when their file changes, and who may talk to the bridge by them.

    While the file is broken, the settings that were read last go on to count, and the trouble is noted.
    """

    def __init__(self, settings: Settings, status: StatusWriter, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._status = status
        self._clock = clock
        self._seen = _mark()
        self._strangers: dict[int, float] = {}
        self._found: tuple[Availability, ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings as they stand now. The token and the server are those the bridge began with."""
        mark = _mark()
        if mark != self._seen:
            self._seen = mark
            try:
                self._settings = config.load()
                self._found = ()
            except ConfigError as error:
                self._status.trouble("settings", str(error))
        return self._settings

    @property
    def availability(self) -> tuple[Availability, ...]:
        """Which agents can be used here; looked at again when the settings change."""
        settings = self.settings
        if not self._found:
            self._found = availability(settings.agents)
        return self._found

    def may(self, user: int) -> bool:
        """Whether the person is on the list now."""
        return user in self.settings.telegram.allowed_users

    def turned_away(self, user: int, reason: str) -> None:
        """Say in the log, and nowhere else, that somebody was not answered; the same one once a minute."""
        now = self._clock()
        if now - self._strangers.get(user, float("-inf")) < _SAY_EVERY:
            return
        if len(self._strangers) >= _MOST_STRANGERS:
            self._strangers.clear()
        self._strangers[user] = now
        _log.warning("user %s was not answered: %s", user or "unknown", reason)


def _mark() -> tuple[int, int]:
    try:
        found = folders().settings_file.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
