"""The bounded output of a command: its beginning and end are kept, the middle is counted."""

from collections.abc import Callable
from typing import Final

import msgspec

from tabsmith.text import clean, clean_block

_LINE_CHARACTERS: Final = 2_000  # of a line that is reported
_LINES_PER_READ: Final = 200  # reported; of a flood the latest


class CommandOutput(msgspec.Struct, frozen=True):
    """The beginning and the end of the output, including stderr, safe to show."""

    head: str
    tail: str
    """Empty if `head` is everything."""
    left_out: int
    """Bytes between the two."""
    bytes: int
    """Of the whole output."""

    def __str__(self) -> str:
        if not self.left_out:
            return self.head + self.tail
        return f"{self.head}\n… {self.left_out:,} bytes left out …\n{self.tail}"


class OutputBuffer:
    """Collects output, and reports each line once it is complete."""

    def __init__(self, kept: int, on_line: Callable[[str], None]) -> None:
        self._half = max(1, kept // 2)
        self._on_line = on_line
        self._head = bytearray()
        self._tail = bytearray()
        self._line = bytearray()
        self.bytes = 0

    def add(self, data: bytes) -> None:
        """Keep as much of `data` as there is room for, and report its lines."""
        self.bytes += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
        self._tail += data[max(0, room) :]
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]
        *whole, rest = (bytes(self._line) + data).split(b"\n")
        self._line = bytearray(rest[: 4 * _LINE_CHARACTERS])
        self._report(whole[-_LINES_PER_READ:])

    def finish(self) -> CommandOutput:
        """Return the output. A last line without a line end is reported now."""
        if self._line:
            self._report([bytes(self._line)])
            self._line.clear()
        tail = bytes(self._tail[-self._half :])
        left_out = self.bytes - len(self._head) - len(tail)
        if not left_out:
            return CommandOutput(_text(bytes(self._head) + tail), "", 0, self.bytes)
        return CommandOutput(_text(bytes(self._head)), _text(tail), left_out, self.bytes)

    def _report(self, lines: list[bytes]) -> None:
        for line in lines:
            self._on_line(clean(line[: 4 * _LINE_CHARACTERS].decode("utf-8", "replace"), _LINE_CHARACTERS))


def _text(data: bytes) -> str:
    return clean_block(data.decode("utf-8", "replace"), len(data) + 1)
