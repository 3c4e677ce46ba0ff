"""Telling the status how it goes. A disk that takes nothing must not stop the polling and the sending."""

import logging
import time
from typing import Final, Literal

from tabsmith.errors import StorageError
from tabsmith.telegram.status import StatusKeeper

_SAID_AGAIN: Final = 600.0  # seconds after which the same is worth another line in the log
_log: Final = logging.getLogger("tabsmith.telegram")


def note(status: StatusKeeper, **changes: object) -> None:
    """Take fields of Status over."""
    try:
        status.note(**changes)
    except StorageError as error:
        _log.warning("The status could not be saved: %s", error.what)


def trouble(status: StatusKeeper, where: Literal["polling", "sending"], words: str) -> None:
    """Something went wrong, in words without the token: for the status and for the log."""
    since = time.time() - _SAID_AGAIN
    if not any((each.where, each.words) == (where, words) and each.at > since for each in status.now.troubles):
        _log.warning("%s: %s", where, words)  # once, and not at each try of an hour without a network
    try:
        status.trouble(where, words)
    except StorageError as error:
        _log.warning("The status could not be saved: %s", error.what)
