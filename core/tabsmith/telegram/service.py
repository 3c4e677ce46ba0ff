"""A bridge from outside: whether it runs, starting it in the background, stopping it.

Light: whoever only looks at a bridge needs neither Telegram's library nor a connection.

What others ask of the bridge that runs, in a journal beside it: a test message.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.config.settings import Settings
from tabsmith.errors import LockedError, TabsmithError, UsageError
from tabsmith.formatting import duration
from tabsmith.storage import LockOwner, TypedJournal, TypedJournalChunk, lock_owner
from tabsmith.storage.files import make_folder, storage_error
from tabsmith.telegram.bot_token import BotToken, bot_token
from tabsmith.telegram.chat_state import ChatStates
from tabsmith.telegram.paths import BridgePaths
from tabsmith.telegram.status import BridgeStatus, read_status
from tabsmith.text import clean, clean_block

# -P: a file httpx.py in the folder where it was started must not be taken for the library.
BRIDGE_COMMAND: Final = (sys.executable, "-P", "-m", "tabsmith.telegram")
MAX_FAILED_POLLS: Final = 3  # so many in a row are told to whoever waits for the start
_LOOK_EVERY: Final = 0.05
_KILL_PATIENCE: Final = 5.0
_LOG_LINES: Final = 8
_LOG_END: Final = 20_000  # bytes

FirstPoll: TypeAlias = Literal["polls", "not yet"]
HowStopped: TypeAlias = Literal["ended", "killed", "not running"]


class BridgeError(TabsmithError):
    """The bridge did not start, or does not end."""


class BridgeExtraError(BridgeError):
    """The library that the bridge needs is not installed."""


class BridgeRunningError(LockedError):
    """A bridge for this bot runs already; a token takes one."""


class BridgeNotRunningError(UsageError):
    """What was asked for needs a bridge that runs."""


class BridgeStarted(msgspec.Struct, frozen=True):
    """A bridge in the background. `not yet`: it goes on trying to reach Telegram; `trouble` says what it met."""

    pid: int
    started_at: float
    reached: FirstPoll
    trouble: str = ""


class BridgeStopped(msgspec.Struct, frozen=True):
    """What became of the bridge that ran; 0 when none did. `killed`: it did not end when it was told to."""

    how: HowStopped
    pid: int = 0
    started_at: float = 0.0


# Whether it runs ---------------------------------------------------------------------------------------------------


def bridge_paths(settings: Settings) -> BridgePaths:
    """Where the bridge of the token in the settings keeps its files. Raises ConfigError when there is no token."""
    return BridgePaths.of(bot_token(settings).bot)


def running(place: BridgePaths) -> LockOwner | None:
    """The process that holds the bridge's lock now, whatever its last words in the status are. Raises StorageError."""
    return lock_owner(place.lock)


def require_not_running(place: BridgePaths, now: float | None = None) -> None:
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


def require_telegram_extra() -> None:
    """Raises BridgeExtraError when the library that talks to Telegram is not installed."""
    if find_spec("httpx") is None:
        raise BridgeExtraError(
            "The bridge needs the package httpx, which is not installed.",
            next_step="Install it: pip install 'tabsmith[telegram]'",
        )


# Start and stop ----------------------------------------------------------------------------------------------------


def start(settings: Settings, *, patience: float = 60.0, program: Sequence[str] = BRIDGE_COMMAND) -> BridgeStarted:
    """Start the bridge in the background and wait until it holds its lock and Telegram has answered it once.

    It reads the settings by itself: the token is in no argument. When Telegram does not answer it goes on trying, and
    that is said. Raises BridgeRunningError when one runs, BridgeError with the end of its log when it died,
    BridgeExtraError, ConfigError and StorageError.
    """
    token = bot_token(settings)
    place = BridgePaths.of(token.bot)
    require_telegram_extra()
    require_not_running(place)
    launched = time.time()
    process, log_began = _launch(place, program)
    _children.append(process)
    try:
        return _begun(process, place, token, launched, patience, log_began)
    except BaseException:
        process.kill()  # nobody would know of it
        process.wait()
        raise


def stop(place: BridgePaths, seconds: float = 10.0) -> BridgeStopped:
    """Tell the bridge to end, wait for it, and kill it after `seconds`. Raises BridgeError and StorageError."""
    found = running(place)
    if found is None:
        _reap()
        return BridgeStopped("not running")
    if not found.pid:
        raise BridgeError(
            "A bridge runs, but it cannot be told in which process.",
            where=str(place.lock),
            next_step="Find it with `ps` and end it.",
        )
    _send(found, signal.SIGTERM)
    if _ended(place, found, seconds):
        return BridgeStopped("ended", found.pid, found.started_at)
    _send(found, signal.SIGKILL)
    if _ended(place, found, _KILL_PATIENCE):
        return BridgeStopped("killed", found.pid, found.started_at)
    raise BridgeError(
        f"The bridge (process {found.pid}) did not end, not even when it was killed.",
        where=str(place.lock),
        next_step="The machine holds it, most likely for a disk. Try again later.",
    )


_children: Final[list["subprocess.Popen[bytes]"]] = []  # held only so that those that ended can be reaped


def _launch(place: BridgePaths, program: Sequence[str]) -> tuple["subprocess.Popen[bytes]", int]:
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
    process: "subprocess.Popen[bytes]",
    place: BridgePaths,
    token: BotToken,
    launched: float,
    patience: float,
    log_began: int,
) -> BridgeStarted:
    deadline = time.monotonic() + patience
    while True:
        late = time.monotonic() >= deadline
        if process.poll() is not None:
            raise _died(f"The bridge ended at once, with status {process.returncode}.", place, token, log_began)
        held, status = running(place), read_status(place)
        if held is not None and held.pid == process.pid:
            own = status if status and status.pid == process.pid and status.written_at >= launched else None
            if own is not None and own.polled_at:
                return BridgeStarted(held.pid, held.started_at, "polls")
            if late or (own is not None and own.failed_polls >= MAX_FAILED_POLLS):
                return BridgeStarted(held.pid, held.started_at, "not yet", _last_trouble(own))
        elif late:
            raise _died(f"The bridge did not begin within {duration(patience)}.", place, token, log_began)
        time.sleep(_LOOK_EVERY)


def _last_trouble(status: BridgeStatus | None) -> str:
    return status.troubles[-1].words if status and status.troubles else ""


def _died(what: str, place: BridgePaths, token: BotToken, log_began: int) -> BridgeError:
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


def _send(found: LockOwner, number: signal.Signals) -> None:
    try:
        os.kill(found.pid, number)
    except ProcessLookupError:
        return  # it ended by itself
    except PermissionError as error:
        raise BridgeError(
            f"The bridge (process {found.pid}) belongs to another user.",
            next_step="Stop it as that user, or as its service: systemctl stop tabsmith-bridge",
        ) from error


def _ended(place: BridgePaths, found: LockOwner, seconds: float) -> bool:
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


MAX_TEST_CHARS: Final = 400
TEST_TEXT: Final = "A test message from tabsmith: the bridge works."


class TestMessageRequest(msgspec.Struct, frozen=True, tag="send_test"):
    """Send `text` to `user`, to see whether it arrives. `id` is new for each, for the key in the outbox."""

    id: str
    at: float
    user: int
    text: str


def send_test_message(settings: Settings, user: int | None = None, text: str = TEST_TEXT) -> tuple[int, ...]:
    """Have the running bridge send a line to `user`, or to everybody who may talk to it and has; returns to whom.

    Raises UsageError when there is nobody to send it to, BridgeNotRunningError, ConfigError and StorageError.
    """
    place = bridge_paths(settings)
    allowed = settings.telegram.allowed_users
    if user is not None and user not in allowed:
        raise UsageError(
            f"The user {user} may not talk to the bridge.",
            where="telegram.allowed_users",
            next_step="Put the number on the list first: tabsmith config set telegram.allowed_users",
        )
    known = tuple(seat.user for seat in ChatStates(place).all() if seat.user in allowed)
    users = known if user is None else tuple(each for each in known if each == user)
    if not users:
        raise UsageError(
            "There is nobody to send it to: a bot may write only to those who wrote to it first.",
            where="telegram.allowed_users",
            next_step="Write /start to the bot from an account whose number is on the list.",
        )
    for each in users:
        request_test_message(place, each, text)
    return users


def request_test_message(place: BridgePaths, user: int, text: str = TEST_TEXT) -> TestMessageRequest:
    """Ask the running bridge to send `text` to `user`. Raises BridgeNotRunningError and StorageError."""
    if running(place) is None:
        raise BridgeNotRunningError("No bridge runs.", where=str(place.root), next_step="tabsmith bridge start")
    asked = TestMessageRequest(uuid.uuid4().hex, time.time(), user, clean(text, MAX_TEST_CHARS))
    with _journal(place) as journal:
        journal.append(asked)
    return asked


def pending_test_messages(place: BridgePaths, offset: int = 0) -> TypedJournalChunk[TestMessageRequest]:
    """What was asked from `offset` on. A bridge begins at the `next_offset` that it finds as it starts.

    Raises StorageError.
    """
    return _journal(place).read(offset)


def _journal(place: BridgePaths) -> TypedJournal[TestMessageRequest]:
    return TypedJournal(place.root / "requests.jsonl", TestMessageRequest, sync=False)
