"""Control of a bridge from outside: whether it runs, starting it in the background, stopping it, test messages.

Nothing here needs the HTTP library or a connection to Telegram.
"""

import atexit
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
from tabsmith.storage import JournalChunk, LockOwner, TypedJournal, lock_owner
from tabsmith.storage.files import make_folder, storage_error
from tabsmith.telegram.bot_token import BotToken, bot_token
from tabsmith.telegram.chat_state import ChatStates
from tabsmith.telegram.status import BridgePaths, BridgeStatus, read_status
from tabsmith.text import clean, clean_block

# -P: a file httpx.py in the folder where it was started must not be taken for the library.
BRIDGE_COMMAND: Final = (sys.executable, "-P", "-m", "tabsmith.telegram")
MAX_FAILED_POLLS: Final = 3  # in a row, after which a start waits no longer
MAX_TEST_CHARS: Final = 400
TEST_TEXT: Final = "A test message from tabsmith: the bridge works."
_CHECK_SECONDS: Final = 0.05
_KILL_SECONDS: Final = 5.0
_LOG_LINES: Final = 8
_LOG_BYTES: Final = 20_000  # read from the end of a log

FirstPoll: TypeAlias = Literal["polls", "not yet"]
HowStopped: TypeAlias = Literal["ended", "killed", "not running"]


class BridgeError(TabsmithError):
    """The bridge did not start, or does not end."""


class BridgeExtraError(BridgeError):
    """The package that the bridge needs is not installed."""


class BridgeRunningError(LockedError):
    """A bridge for this bot runs already; a token takes one."""


class BridgeNotRunningError(UsageError):
    """The request needs a bridge that runs."""


class BridgeStarted(msgspec.Struct, frozen=True):
    """A bridge in the background. With `not yet` it goes on trying to reach Telegram; `trouble` says what is wrong."""

    pid: int
    started_at: float
    reached: FirstPoll
    trouble: str = ""


class BridgeStopped(msgspec.Struct, frozen=True):
    """How the bridge stopped; `pid` is 0 if none ran. `killed`: it did not end when it was told to."""

    how: HowStopped
    pid: int = 0
    started_at: float = 0.0


class SendTestMessage(msgspec.Struct, frozen=True, tag="send_test"):
    """A request to the running bridge: send `text` to `user`. `id` is part of the message's outbox key."""

    id: str
    at: float
    user: int
    text: str


# Whether it runs ---------------------------------------------------------------------------------------------------


def bridge_paths(settings: Settings) -> BridgePaths:
    """Paths of the bridge for the token in the settings. Raises ConfigError if there is no token."""
    return BridgePaths.of(bot_token(settings).bot)


def running(paths: BridgePaths) -> LockOwner | None:
    """The process that holds the bridge's lock now, whatever its status says. Raises StorageError."""
    return lock_owner(paths.lock)


def require_not_running(paths: BridgePaths, now: float | None = None) -> None:
    """Raise BridgeRunningError, with the process and its age, if the bridge runs."""
    first = running(paths)
    if first is None:
        return
    age = (time.time() if now is None else now) - first.started_at
    who = f"process {first.pid}, started {duration(max(0.0, age))} ago" if first.pid else "another process"
    raise BridgeRunningError(
        f"A bridge for this bot runs already: {who}.",
        where=str(paths.lock),
        next_step="A token takes one bridge. To see it: tabsmith bridge status. To stop it: tabsmith bridge stop.",
    )


def require_telegram_extra() -> None:
    """Raise BridgeExtraError if the package that talks to Telegram is not installed."""
    if find_spec("httpx") is None:
        raise BridgeExtraError(
            "The bridge needs the package httpx, which is not installed.",
            next_step="Install it: pip install 'tabsmith[telegram]'",
        )


# Start and stop ----------------------------------------------------------------------------------------------------


def start(settings: Settings, *, patience: float = 60.0, program: Sequence[str] = BRIDGE_COMMAND) -> BridgeStarted:
    """Start the bridge in the background and wait until it holds its lock and Telegram has answered it once.

    The bridge reads the settings by itself: the token is in no argument. If Telegram does not answer, the bridge goes
    on trying, and the result says so. Raises BridgeRunningError if one runs, BridgeError with the end of its log if it
    died, BridgeExtraError, ConfigError and StorageError.
    """
    token = bot_token(settings)
    paths = BridgePaths.of(token.bot)
    require_telegram_extra()
    require_not_running(paths)
    launched = time.time()
    process, log_began = _launch(paths, program)
    _children.append(process)
    try:
        return _wait_for_start(process, paths, token, launched, patience, log_began)
    except BaseException:
        process.kill()  # nobody would know of the process
        process.wait()
        raise


def stop(paths: BridgePaths, seconds: float = 10.0) -> BridgeStopped:
    """Tell the bridge to end, wait for it, and kill it after `seconds`. Raises BridgeError and StorageError."""
    owner = running(paths)
    if owner is None:
        _reap()
        return BridgeStopped("not running")
    if not owner.pid:
        raise BridgeError(
            "A bridge runs, but it cannot be told in which process.",
            where=str(paths.lock),
            next_step="Find it with `ps` and end it.",
        )
    _send(owner, signal.SIGTERM)
    if _wait_for_end(paths, owner, seconds):
        return BridgeStopped("ended", owner.pid, owner.started_at)
    _send(owner, signal.SIGKILL)
    if _wait_for_end(paths, owner, _KILL_SECONDS):
        return BridgeStopped("killed", owner.pid, owner.started_at)
    raise BridgeError(
        f"The bridge (process {owner.pid}) did not end, not even when it was killed.",
        where=str(paths.lock),
        next_step="The machine holds it, most likely for a disk. Try again later.",
    )


_children: Final[list["subprocess.Popen[bytes]"]] = []  # kept only to be reaped when they have ended


def _launch(paths: BridgePaths, program: Sequence[str]) -> tuple["subprocess.Popen[bytes]", int]:
    """Start the process; returns it, and the byte of the log at which its own lines begin."""
    _reap()
    try:
        make_folder(paths.root)
        descriptor = os.open(paths.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(error, paths.log, "write to") from error
    with os.fdopen(descriptor, "ab") as log:
        began = os.fstat(descriptor).st_size
        process = subprocess.Popen(
            list(program), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        return process, began


def _reap() -> None:
    _children[:] = [process for process in _children if process.poll() is None]


atexit.register(_reap)  # Python warns of each that it does not know to have ended


def _wait_for_start(
    process: "subprocess.Popen[bytes]",
    paths: BridgePaths,
    token: BotToken,
    launched: float,
    patience: float,
    log_began: int,
) -> BridgeStarted:
    deadline = time.monotonic() + patience
    while True:
        late = time.monotonic() >= deadline
        if process.poll() is not None:
            raise _died(f"The bridge ended at once, with status {process.returncode}.", paths, token, log_began)
        held, status = running(paths), read_status(paths)
        if held is not None and held.pid == process.pid:
            own = status if status and status.pid == process.pid and status.written_at >= launched else None
            if own is not None and own.polled_at:
                return BridgeStarted(held.pid, held.started_at, "polls")
            if late or (own is not None and own.failed_polls >= MAX_FAILED_POLLS):
                return BridgeStarted(held.pid, held.started_at, "not yet", _last_trouble(own))
        elif late:
            raise _died(f"The bridge did not begin within {duration(patience)}.", paths, token, log_began)
        time.sleep(_CHECK_SECONDS)


def _last_trouble(status: BridgeStatus | None) -> str:
    return status.troubles[-1].words if status and status.troubles else ""


def _died(what: str, paths: BridgePaths, token: BotToken, log_began: int) -> BridgeError:
    log = clean_block(token.hide(_last_lines(paths.log, log_began)), 2_000).strip()
    return BridgeError(
        f"{what} It said:\n{log}" if log else f"{what} It said nothing.",
        where=str(paths.log),
        next_step="To see it at work: tabsmith bridge start",
    )


def _last_lines(path: Path, begin: int) -> str:
    """The last lines of a log from byte `begin` on; "" if there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begin, size - _LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-_LOG_LINES:])


def _send(owner: LockOwner, number: signal.Signals) -> None:
    try:
        os.kill(owner.pid, number)
    except ProcessLookupError:
        return  # the process ended by itself
    except PermissionError as error:
        raise BridgeError(
            f"The bridge (process {owner.pid}) belongs to another user.",
            next_step="Stop it as that user, or as its service: systemctl stop tabsmith-bridge",
        ) from error


def _wait_for_end(paths: BridgePaths, owner: LockOwner, seconds: float) -> bool:
    """Whether `owner` gave the lock back within `seconds`; another bridge may hold it by then."""
    deadline = time.monotonic() + seconds
    while (holder := running(paths)) is not None and holder == owner:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_CHECK_SECONDS)
    for process in _children:
        if process.pid == owner.pid:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILL_SECONDS)  # the lock is given back a moment before the process is gone
    return True


def send_test_message(settings: Settings, user: int | None = None, text: str = TEST_TEXT) -> tuple[int, ...]:
    """Have the running bridge send a line to `user`, or to everybody on the list who has written to the bot.

    Returns the users that it is sent to. Raises UsageError if there are none, BridgeNotRunningError, ConfigError and
    StorageError.
    """
    paths = bridge_paths(settings)
    allowed = settings.telegram.allowed_users
    if user is not None and user not in allowed:
        raise UsageError(
            f"The user {user} may not talk to the bridge.",
            where="telegram.allowed_users",
            next_step="Put the number on the list first: tabsmith config set telegram.allowed_users",
        )
    written = tuple(chat.user for chat in ChatStates(paths).all() if chat.user in allowed)
    users = written if user is None else tuple(each for each in written if each == user)
    if not users:
        raise UsageError(
            "There is nobody to send it to: a bot may write only to those who wrote to it first.",
            where="telegram.allowed_users",
            next_step="Write /start to the bot from an account whose number is on the list.",
        )
    for recipient in users:
        request_test_message(paths, recipient, text)
    return users


def request_test_message(paths: BridgePaths, user: int, text: str = TEST_TEXT) -> SendTestMessage:
    """Ask the running bridge to send `text` to `user`. Raises BridgeNotRunningError and StorageError."""
    if running(paths) is None:
        raise BridgeNotRunningError("No bridge runs.", where=str(paths.root), next_step="tabsmith bridge start")
    request = SendTestMessage(uuid.uuid4().hex, time.time(), user, clean(text, MAX_TEST_CHARS))
    with _requests(paths) as journal:
        journal.append(request)
    return request


def pending_test_messages(paths: BridgePaths, offset: int = 0) -> JournalChunk[SendTestMessage]:
    """Requests from `offset` on. A bridge begins at the `next_offset` that it finds as it starts.

    Raises StorageError.
    """
    return _requests(paths).read(offset)


def _requests(paths: BridgePaths) -> TypedJournal[SendTestMessage]:
    return TypedJournal(paths.requests, SendTestMessage, sync=False)
