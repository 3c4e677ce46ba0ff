"""How long until something stands there: `--version` beside bare Python, the first frame beside an empty app."""

import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from fcntl import ioctl

from benchmarks.rows import Row

ROUNDS = 9
COLUMNS, LINES = 120, 40

# Both apps note the time when their first screen has been drawn, and are gone at once.
_FIRST_FRAME = """
import os, time
{imports}
class Timed({base}):
    def on_mount(self):
        {mount}
        self.call_after_refresh(self.drawn)
    def drawn(self):
        self._driver.flush()
        os.write({descriptor}, repr(time.monotonic()).encode())
        os._exit(0)
Timed({arguments}).run()
"""
_EMPTY = {"imports": "from textual.app import App", "base": "App", "mount": "pass", "arguments": ""}
_TABSMITH = {
    "imports": "from tabsmith.config import load\nfrom tabsmith_tui.app import TabsmithApp",
    "base": "TabsmithApp",
    "mount": "super().on_mount()",
    "arguments": "load()",
}


def main() -> list[Row]:
    """Rows of the best of several rounds, the two sides taken in turns."""
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "TABSMITH_HOME": home, "TERM": "xterm-256color"}
        bare = [sys.executable, "-c", "pass"]
        version = [sys.executable, "-m", "tabsmith_tui.cli", "--version"]
        rows = [_row("tabsmith --version", _best(bare, version, environ, _run), 3.0)]
        frames = (_best(_EMPTY, _TABSMITH, environ, _first_frame), 1.4)
        return [*rows, _row("first frame, beside an empty Textual app", *frames)]


def _best(against, measured, environ, seconds):  # type: ignore[no-untyped-def]
    """The least seconds of both, `against` first."""
    pairs = [(seconds(against, environ), seconds(measured, environ)) for _ in range(ROUNDS)]
    return min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def _row(name: str, seconds: tuple[float, float], budget: float) -> Row:
    against, figure = seconds
    return Row(name, figure, "s", against, figure / against, budget)


def _run(command: Sequence[str], environ: dict[str, str]) -> float:
    start = time.monotonic()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def _first_frame(app: dict[str, str], environ: dict[str, str]) -> float:
    """Seconds from starting the process to its first drawn screen, in a pseudo-terminal."""
    master, slave = pty.openpty()
    ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    reading, writing = os.pipe()
    code = _FIRST_FRAME.format(**app, descriptor=writing)
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, env=environ, pass_fds=[writing]
    )
    os.close(slave)
    os.close(writing)
    shown = b""
    try:
        while True:
            shown += os.read(master, 65_536)
    except OSError:  # the program is gone, and its side of the terminal with it
        pass
    noted = os.read(reading, 100)
    os.close(reading)
    os.close(master)
    if process.wait() != 0 or not noted:
        raise RuntimeError(f"the app did not draw: {shown[-2_000:].decode(errors='replace')}")
    return float(noted) - start
