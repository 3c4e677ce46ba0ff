"""What a command printed, bounded: the beginning and the end are kept, the middle is counted."""

from collections.abc import Callable
from typing import Final

import msgspec

from tabsmith.text import clean, clean_block

_LINE: Final = 2_000  # characters of a line that is told
_AT_ONCE: Final = 200  # lines told of one read; of a flood, the latest


class CommandOutput(msgspec.Struct, frozen=True):
    """The beginning and the end of what was printed, with stderr among it, safe to show."""

    head: str
    tail: str
    """Empty when `head` is everything."""
    left_out: int
    """Bytes between the two."""
    bytes: int
    """Everything that came."""

    def __str__(self) -> str:
        if not self.left_out:
            return self.head + self.tail
        return f"{self.head}\n… {self.left_out:,} bytes left out …\n{self.tail}"


class OutputBuffer:
    """Takes what comes, and tells each line once it is whole."""

    def __init__(self, kept: int, hear: Callable[[str], None]) -> None:
        self._half = max(1, kept // 2)
        self._hear = hear
        self._head = bytearray()
        self._tail = bytearray()
        self._line = bytearray()
        self.bytes = 0

    def take(self, data: bytes) -> None:
        """Keep of `data` what there is room for, and tell its lines."""
        self.bytes += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
        self._tail += data[max(0, room) :]
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]
        *whole, rest = (bytes(self._line) + data).split(b"\n")
        self._line = bytearray(rest[: 4 * _LINE])
        self._tell(whole[-_AT_ONCE:])

    def finish(self) -> CommandOutput:
        """What was kept. A last line without an end is told now."""
        if self._line:
            self._tell([bytes(self._line)])
            self._line.clear()
        tail = bytes(self._tail[-self._half :])
        left_out = self.bytes - len(self._head) - len(tail)
        if not left_out:
            return CommandOutput(_text(bytes(self._head) + tail), "", 0, self.bytes)
        return CommandOutput(_text(bytes(self._head)), _text(tail), left_out, self.bytes)

    def _tell(self, lines: list[bytes]) -> None:
        for line in lines:
            self._hear(clean(line[: 4 * _LINE].decode("utf-8", "replace"), _LINE))


def _text(data: bytes) -> str:
    return clean_block(data.decode("utf-8", "replace"), len(data) + 1)
