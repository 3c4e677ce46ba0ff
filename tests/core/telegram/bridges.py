"""The bridge as a real process, started, killed and started again, beside a loopback server."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tabsmith.storage import lock_owner
from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.status import BridgePaths
from tests.core.telegram.bridge_parent import BridgeParent, ForkedProcess

PATIENCE = 60.0


class Bridge:
    """`python -m tabsmith.telegram` in this test's home, or forked by a parent. What it says goes into a file."""

    command = (sys.executable, "-P", "-m", "tabsmith.telegram")

    def __init__(
        self,
        folder: Path,
        address: str,
        token: str,
        users: tuple[int, ...],
        parent: BridgeParent | None = None,
        **variables: str,
    ) -> None:
        self.log = folder / "bridge.out"
        self._parent = parent
        self.paths = BridgePaths.of(BotToken(token).bot)
        self._process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._variables = {
            "TABSMITH_TELEGRAM__TOKEN": token,
            "TABSMITH_TELEGRAM__BASE_URL": address,
            "TABSMITH_TELEGRAM__ALLOWED_USERS": ",".join(map(str, users)),
            "TABSMITH_TELEGRAM__TIMEOUT": "2",
            "TABSMITH_PATHS__ALLOWED": str(folder),
            "TABSMITH_TRAINING__TIME": "5",
            "TABSMITH_TRAINING__CORES": "1",
            **variables,
        }

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> Self:
        """Start it, and wait until it has its lock."""
        self._process = self._launch()
        end = time.monotonic() + PATIENCE
        while (holder := lock_owner(self.paths.lock)) is None or holder.pid != self._process.pid:
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < end, "it did not begin"
            time.sleep(0.01)
        return self

    def _launch(self) -> subprocess.Popen[bytes] | ForkedProcess:
        if self._parent is not None:
            return self._parent.start(self.log, self.environment)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self._variables}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def end(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def said(self) -> str:
        """All that it has said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""
