"""A bridge from outside: whether it runs, starting it in the background, stopping it.

Light: whoever only looks at a bridge needs neither Telegram's library nor a connection.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.config.tree import Settings
from tabsmith.errors import LockedError, TabsmithError, UsageError
from tabsmith.numbers import duration
from tabsmith.storage import Owner, owner
from tabsmith.storage.atomic import make_folder
from tabsmith.storage.failures import storage_error
from tabsmith.telegram.place import Place
from tabsmith.telegram.status import Status, read_status
from tabsmith.telegram.token import Token, token_of
from tabsmith.text import clean_block

# -P: a file called telegram.py in the folder where it was started must not be taken for the library.
PROGRAM: Final = (sys.executable, "-P", "-m", "tabsmith.telegram")
FAILED_POLLS_SHOWN: Final = 3  # so many in a row are told to whoever waits for the start
_LOOK_EVERY: Final = 0.05
_KILL_PATIENCE: Final = 5.0
_LOG_LINES: Final = 8
_LOG_END: Final = 20_000  # bytes

Reached: TypeAlias = Literal["polls", "not yet"]
HowStopped: TypeAlias = Literal["ended", "killed", "not running"]


class BridgeError(TabsmithError):
    """The bridge did not start, or does not end."""


class BridgeExtraError(BridgeError):
    """The library that the bridge needs is not installed."""


class BridgeRunningError(LockedError):
    """A bridge for this bot runs already; a token takes one."""


class BridgeNotRunningError(UsageError):
    """What was asked for needs a bridge that runs."""


class Started(msgspec.Struct, frozen=True):
    """A bridge in the background. `not yet`: it goes on trying to reach Telegram; `trouble` says what it met."""

    pid: int
    started_at: float
    reached: Reached
    trouble: str = ""


class Stopped(msgspec.Struct, frozen=True):
    """What became of the bridge that ran; 0 when none did. `killed`: it did not end when it was told to."""

    how: HowStopped
    pid: int = 0
    started_at: float = 0.0


# Whether it runs ---------------------------------------------------------------------------------------------------


def place_of(settings: Settings) -> Place:
    """Where the bridge of the token in the settings keeps its files. Raises ConfigError when there is no token."""
    return Place.of(token_of(settings).bot)


def running(place: Place) -> Owner | None:
    """The process that holds the bridge's lock now, whatever its last words in the status are. Raises StorageError."""
    return owner(place.lock)


def refuse_second(place: Place, now: float | None = None) -> None:
    """Raises BridgeRunningError, with its process and age, when a bridge of this place runs."""
    first = running(place)
    if first is None:
        return
    age = (time.time() if now is None else now) - first.started_at
    who = f"process {first.pid}, started {duration(max(0.0, age))} ago" if first.pid else "another process"
    raise BridgeRunningError(
        f"A bridge for this bot runs already: {who}.",
        where=str(place.lock),
        next_step="A token takes one bridge. To see it: tabsmith bridge status. To stop it: tabsmith bridge stop.",
    )


def require_extra() -> None:
    """Raises BridgeExtraError when the library that talks to Telegram is not installed."""
    if find_spec("telegram") is None:
        raise BridgeExtraError(
            "The bridge needs python-telegram-bot, which is not installed.",
            next_step="Install it: pip install 'tabsmith[telegram]'",
        )


# Start and stop ----------------------------------------------------------------------------------------------------


def start(settings: Settings, *, patience: float = 60.0, program: Sequence[str] = PROGRAM) -> Started:
    """Start the bridge in the background and wait until it holds its lock and Telegram has answered it once.

    It reads the settings by itself: the token is in no argument. When Telegram does not answer it goes on trying, and
    that is said. Raises BridgeRunningError when one runs, BridgeError with the end of its log when it died,
    BridgeExtraError, ConfigError and StorageError.
    """
    token = token_of(settings)
    place = Place.of(token.bot)
    require_extra()
    refuse_second(place)
    launched = time.time()
    process, log_began = _launch(place, program)
    _children.append(process)
    try:
        return _begun(process, place, token, launched, patience, log_began)
    except BaseException:
        process.kill()  # nobody would know of it
        process.wait()
        raise


def stop(place: Place, seconds: float = 10.0) -> Stopped:
    """Tell the bridge to end, wait for it, and kill it after `seconds`. Raises BridgeError and StorageError."""
    found = running(place)
    if found is None:
        _reap()
        return Stopped("not running")
    if not found.pid:
        raise BridgeError(
            "A bridge runs, but it cannot be told in which process.",
            where=str(place.lock),
            next_step="Find it with `ps` and end it.",
        )
    _send(found, signal.SIGTERM)
    if _ended(place, found, seconds):
        return Stopped("ended", found.pid, found.started_at)
    _send(found, signal.SIGKILL)
    if _ended(place, found, _KILL_PATIENCE):
        return Stopped("killed", found.pid, found.started_at)
    raise BridgeError(
        f"The bridge (process {found.pid}) did not end, not even when it was killed.",
        where=str(place.lock),
        next_step="The machine holds it, most likely for a disk. Try again later.",
    )


_children: Final[list["subprocess.Popen[bytes]"]] = []  # held only so that those that ended can be reaped


def _launch(place: Place, program: Sequence[str]) -> tuple["subprocess.Popen[bytes]", int]:
    """The new process, and where in its log its own lines begin."""
    _reap()
    try:
        make_folder(place.root)
        descriptor = os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(error, place.log, "write to") from error
    with os.fdopen(descriptor, "ab") as log:
        began = os.fstat(descriptor).st_size
        process = subprocess.Popen(
            list(program), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        return process, began


def _reap() -> None:
    _children[:] = [process for process in _children if process.poll() is None]


def _begun(
    process: "subprocess.Popen[bytes]", place: Place, token: Token, launched: float, patience: float, log_began: int
) -> Started:
    deadline = time.monotonic() + patience
    while True:
        late = time.monotonic() >= deadline
        if process.poll() is not None:
            raise _died(f"The bridge ended at once, with status {process.returncode}.", place, token, log_began)
        held, status = running(place), read_status(place)
        if held is not None and held.pid == process.pid:
            own = status if status and status.pid == process.pid and status.written_at >= launched else None
            if own is not None and own.polled_at:
                return Started(held.pid, held.started_at, "polls")
            if late or (own is not None and own.failed_polls >= FAILED_POLLS_SHOWN):
                return Started(held.pid, held.started_at, "not yet", _last_trouble(own))
        elif late:
            raise _died(f"The bridge did not begin within {duration(patience)}.", place, token, log_began)
        time.sleep(_LOOK_EVERY)


def _last_trouble(status: Status | None) -> str:
    return status.troubles[-1].words if status and status.troubles else ""


def _died(what: str, place: Place, token: Token, log_began: int) -> BridgeError:
    said = clean_block(token.hide(last_lines(place.log, log_began)), 2_000).strip()
    return BridgeError(
        f"{what} It said:\n{said}" if said else f"{what} It said nothing.",
        where=str(place.log),
        next_step="To see it at work: tabsmith bridge start",
    )


def last_lines(path: Path, begin: int = 0, count: int = _LOG_LINES) -> str:
    """The last lines of a log from byte `begin` on; "" when there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begin, size - _LOG_END))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])


def _send(found: Owner, number: signal.Signals) -> None:
    try:
        os.kill(found.pid, number)
    except ProcessLookupError:
        return  # it ended by itself
    except PermissionError as error:
        raise BridgeError(
            f"The bridge (process {found.pid}) belongs to another user.",
            next_step="Stop it as that user, or as its service: systemctl stop tabsmith-bridge",
        ) from error


def _ended(place: Place, found: Owner, seconds: float) -> bool:
    """Whether the lock has left `found` within `seconds`; another bridge may have it by then."""
    deadline = time.monotonic() + seconds
    while (holder := running(place)) is not None and holder == found:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_EVERY)
    for process in _children:
        if process.pid == found.pid:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILL_PATIENCE)  # the lock is given back a moment before the process is gone
    return True
