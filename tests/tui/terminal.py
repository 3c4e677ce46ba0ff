"""A whole program in a real pseudo-terminal: keys go in, its raw bytes are kept, and the screen they draw can be read.

    with Terminal([sys.executable, "script.py"], columns=80, lines=24) as terminal:
        terminal.wait_for("Runs")
        terminal.press("down", "enter")
        terminal.write("/tmp/table.csv")
        assert terminal.wait_exit() == 0
        assert not foreign_controls(terminal.raw)

`python_app("...code...")` makes the command of a small script. Waiting is for words on the screen, never for a time;
what is not there by the deadline fails with the screen as it stands.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte

from tests.forked_programs import forked

KEYS: Mapping[str, bytes] = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "space": b" ",
    "backspace": b"\x7f",
    "ctrl+u": b"\x15",
    "delete": b"\x1b[3~",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    **dict(
        zip(
            (f"f{number}" for number in range(1, 13)),
            (
                *(b"\x1bO" + letter for letter in (b"P", b"Q", b"R", b"S")),
                *(b"\x1b[%d~" % code for code in (15, 17, 18, 19, 20, 21, 23, 24)),
            ),
            strict=True,
        )
    ),
    **{f"ctrl+{letter}": bytes([ord(letter) - 96]) for letter in "abcdefghijklmnopqrstuvwxyz"},
}

# Questions to the terminal and keyboard modes, which the emulator does not know and would print.
_UNKNOWN_TO_PYTE = re.compile(
    rb"\x1b\[[<=>][0-9;]*[A-Za-z]|\x1b\[\??[0-9;]*\$[a-z]|\x1b\[\?u|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
)
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-9;:<=>?$ ]*|\][^\x07\x1b]*\x1b?|)$")
# A child without a controlling terminal gets neither SIGWINCH nor SIGHUP.
_TAKE_TERMINAL = (
    "import fcntl,os,sys,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)

_CSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_ESCAPE = re.compile(r"\x1b(?:[()][A-Z0-9]|[=>78cDEHM])")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Terminal:
    """A command in a pseudo-terminal of `columns` by `lines`; leaving the context ends the command.

    A forked program (tests/forked_programs.py) `takes_terminal` for itself as its controlling one.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        environ: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        seconds: float = 30.0,
        takes_terminal: bool = False,
    ) -> None:
        self.raw = b""
        self.seconds = seconds
        self._pending = b""
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._text: str | None = None
        self.master, slave = pty.openpty()
        self._set_size(columns, lines)
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV_"))}
        self.process = subprocess.Popen(
            command if takes_terminal else [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**plain, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(environ or {})},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        os.set_blocking(self.master, False)

    def press(self, *keys: str) -> None:
        """Send keys by name ("enter", "f1", "ctrl+q"); a single character stands for itself."""
        for key in keys:
            self._write(KEYS.get(key) or key.encode())

    def write(self, text: str) -> None:
        """Send text as if typed."""
        self._write(text.encode())

    def paste(self, text: str) -> None:
        """Send text as a terminal sends what is pasted."""
        self._write(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def wait_for(self, *texts: str, seconds: float | None = None) -> str:
        """Wait until all `texts` stand on the screen; returns the screen."""
        self.wait_until(lambda: all(text in self.text for text in texts), f"{texts} on the screen", seconds)
        return self.text

    def wait_gone(self, text: str, seconds: float | None = None) -> None:
        """Wait until `text` stands on the screen no more."""
        self.wait_until(lambda: text not in self.text, f"{text!r} gone from the screen", seconds)

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float | None = None) -> None:
        """Read until `condition` holds; fails with the screen when it does not in time, or the program ends."""
        deadline = time.monotonic() + (seconds or self.seconds)
        while not condition():
            ended = self.process.poll() is not None
            if not self._read(0.05) and not condition() and (ended or time.monotonic() > deadline):
                how = f"the program ended with {self.process.returncode}" if ended else "time ran out"
                raise AssertionError(f"waiting for {what}: {how}. The screen:\n{self.text}")

    def wait_exit(self, seconds: float | None = None) -> int:
        """Read until the program has ended; returns its exit code (negative: the signal)."""
        deadline = time.monotonic() + (seconds or self.seconds)
        while self.process.poll() is None:
            self._read(0.05)
            if time.monotonic() > deadline:
                raise AssertionError(f"the program did not end. The screen:\n{self.text}")
        while self._read(0.0):
            pass
        return self.process.returncode

    @property
    def lines(self) -> list[str]:
        """The screen's lines."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The screen as one text."""
        if self._text is None:  # composed of every cell, and asked for many times between two changes
            self._text = "\n".join(self.lines)
        return self._text

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal another size; the program is told."""
        self._screen.resize(lines, columns)
        self._text = None
        self._set_size(columns, lines)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def kill(self) -> None:
        """End the program as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        hung_up = select.poll()
        hung_up.register(self.master, 0)  # only for the end of whoever has the terminal open
        assert hung_up.poll(self.seconds * 1_000), "somebody still has the terminal open"

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: object, _trace: TracebackType | None) -> None:
        self.kill()
        os.close(self.master)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _write(self, data: bytes) -> None:
        while data:
            _, writable, _ = select.select([], [self.master], [], self.seconds)
            assert writable, "the program reads no keys"
            data = data[os.write(self.master, data) :]

    def _read(self, seconds: float) -> bool:
        """Take in what there is, waiting up to `seconds` for it; whether there was anything."""
        readable, _, _ = select.select([self.master], [], [], seconds)
        if not readable:
            return False
        try:
            data = os.read(self.master, 65_536)
        except OSError:  # the other side is closed
            return False
        self.raw += data
        pending = self._pending + data
        unfinished = _UNFINISHED.search(pending)
        cut = unfinished.start() if unfinished else len(pending)
        self._pending = pending[cut:]
        self._text = None
        self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", pending[:cut]))
        return bool(data)


def tabsmith_in_terminal(*arguments: str, **how: Any) -> Terminal:
    """`tabsmith` with these arguments in a terminal, as a fork of a program that is imported already; `how` as in Terminal."""
    return Terminal(forked("tabsmith", *arguments), takes_terminal=True, **how)


def python_app(code: str) -> list[str]:
    """The command that runs `code` in a fresh interpreter."""
    return [sys.executable, "-c", code]


def foreign_controls(raw: bytes) -> list[str]:
    """What a calm program never sends: strings to the terminal (OSC, DCS: titles, clipboard), control characters,
    C1 controls, marks that turn the direction of text. Cursor movement, colours and modes are its own business."""
    text = raw.decode("utf-8", errors="surrogateescape")
    found = re.findall(r"\x1b[\]PX^_][^\x07\x1b]{0,40}", text)
    found = [each for each in found if not each.startswith("\x1b]22;")]  # the pointer's shape, textual's own
    rest = _ESCAPE.sub("", _CSI.sub("", text))
    return found + [repr(each) for each in _CONTROLS.findall(re.sub(r"\x1b\]22;[^\x07\x1b]*(?:\x07|\x1b\\)", "", rest))]
