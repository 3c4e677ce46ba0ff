"""A small real process in the place of a bridge: it holds the lock, says how it is in its status, ends on SIGTERM.

`stand_in("polls")` is the command that starts one. It reads the settings by itself, as the bridge does.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Final, Literal

from tabsmith import config
from tabsmith.storage import OwnerLock
from tabsmith.telegram.bot_token import bot_token
from tabsmith.telegram.health import EXPECTED_COMMANDS
from tabsmith.telegram.service import bridge_paths
from tabsmith.telegram.status import BridgeStatus, StatusWriter
from tabsmith.telegram.transport.updates import UPDATE_KINDS

Way = Literal["polls", "cut off", "deaf", "dies", "hangs"]
TOKEN: Final = "4242:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
SECRET: Final = TOKEN.partition(":")[2]


def stand_in(way: Way) -> tuple[str, ...]:
    """The command of a process that polls; polls in vain; polls and ignores SIGTERM; ends at once; takes no lock."""
    return (sys.executable, "-m", "tests.core.telegram.stand_in", way)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Look until `condition` holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def main(way: Way) -> int:
    """Be a bridge of that way."""
    settings = config.load()
    if way == "hangs":
        signal.pause()
    if way == "dies":
        print(f"TelegramError: https://example.invalid/bot{bot_token(settings).reveal()}/getMe says no")
        return 3
    if way == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM} if way != "deaf" else set())
    place, now = bridge_paths(settings), time.time()
    with OwnerLock(place.lock):
        handlers = (*EXPECTED_COMMANDS, *UPDATE_KINDS)
        keeper = StatusWriter(
            place, BridgeStatus(pid=os.getpid(), started_at=now, bot="tabsmith_test_bot", handlers=handlers)
        )
        if way == "cut off":
            keeper.trouble("polling", "the server cannot be reached")
            keeper.note(failed_polls=3)
        else:
            keeper.note(polled_at=time.time())
        keeper.write()
        if way == "deaf":
            while True:
                signal.pause()
        signal.sigwait({signal.SIGTERM})
        keeper.note(stopped_at=time.time())
        keeper.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))  # type: ignore[arg-type]
