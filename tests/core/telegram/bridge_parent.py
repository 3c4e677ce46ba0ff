"""A parent of bridges: everything that a bridge imports is imported once, and the bridges of the tests are forked.

`python -m tests.core.telegram.bridge_parent` takes a line of JSON for each bridge: the file that its output goes to,
and its environment. It prints the number of the new process, and "PID STATUS" when one has ended. These bridges send
as fast as the server takes it, and their fork servers are forks as well (`fork_server` is the command);
in everything else they are the bridge of `python -m tabsmith.telegram`.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tabsmith.runs import supervisor
from tabsmith.telegram.__main__ import main as bridge_main
from tabsmith.telegram.bridge import BridgeTiming
from tabsmith.telegram.transport.pacing import SendRates

QUICK: Final = BridgeTiming(
    rates=SendRates(chat_rate=1e6, chat_burst=10**6, overall_rate=1e6, overall_burst=10**6),
    edit_interval=0.2,
    follow_interval=0.1,
)
_CHECK_SECONDS: Final = 0.005


class ForkedProcess:
    """A bridge that was forked, with what the tests use of `subprocess.Popen`."""

    def __init__(self, parent: "BridgeParent", pid: int) -> None:
        self._parent = parent
        self.pid = pid

    def poll(self) -> int | None:
        return self._parent.status(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        return self._parent.wait(self.pid, timeout)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class BridgeParent:
    """The parent process, from the tests' side."""

    def __init__(self, fork_server: list[str]) -> None:
        command = [sys.executable, "-m", "tests.core.telegram.bridge_parent", *fork_server]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._changed = threading.Condition()
        self._begun: list[int] = []
        self._ended: dict[int, int] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, log: Path, environment: Mapping[str, str]) -> ForkedProcess:
        """Fork a bridge."""
        assert self._process.stdin is not None
        with self._changed:
            self._process.stdin.write(json.dumps({"log": str(log), "environment": dict(environment)}) + "\n")
            self._process.stdin.flush()
            assert self._changed.wait_for(lambda: self._begun, 60), "no bridge was forked"
            pid = self._begun.pop()
            self._ended.pop(pid, None)
        return ForkedProcess(self, pid)

    def status(self, pid: int) -> int | None:
        with self._changed:
            return self._ended.get(pid)

    def wait(self, pid: int, timeout: float | None) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: pid in self._ended, timeout), "the bridge did not end"
            return self._ended[pid]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            pid, *status = map(int, line.split())
            with self._changed:
                if status:
                    self._ended[pid] = status[0]
                else:
                    self._begun.append(pid)
                self._changed.notify_all()


def _fork(fork_server: list[str], log: str, environment: dict[str, str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        os.setsid()
        null, out = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for descriptor, onto in ((null, 0), (out, 1), (out, 2)):
            os.dup2(descriptor, onto)
        os.environ.clear()
        os.environ.update(environment)
        supervisor.fork_server_command = lambda: fork_server
        status = bridge_main(QUICK)
    finally:
        sys.stderr.flush()
        os._exit(status)


def main(*fork_server: str) -> None:
    """Fork and reap until stdin ends."""
    living = 0
    pending = b""
    while True:
        ready, _, _ = select.select([0], [], [], _CHECK_SECONDS if living else None)
        if ready:
            data = os.read(0, 1 << 20)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                print(_fork(list(fork_server), **json.loads(line)), flush=True)
                living += 1
        while living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            living -= 1
            print(pid, os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
