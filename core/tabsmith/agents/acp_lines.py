"""The messages of the Agent Client Protocol: one JSON object a line, over a program's pipes, within bounds."""

import asyncio
from typing import Any, Final

import msgspec

_LONGEST: Final = 20_000_000  # characters of a line; the longest answer is a few thousand
_STRANGE: Final = 20  # lines that are no messages, such as a banner, before it counts as another protocol


class Lines:
    """A transport for `acp.connect_to_agent`. The package's own has no bound on a line, and writes a traceback for
    every line that is no message. `trouble` says what was wrong, once it gave up."""

    def __init__(self, stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter) -> None:
        self._stdout = stdout
        self._stdin = stdin
        self._strange = 0
        self.trouble = ""

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message. Raises ConnectionError when nobody reads."""
        if self._stdin.is_closing():
            raise ConnectionResetError("the program reads no more")
        self._stdin.write(msgspec.json.encode(message) + b"\n")
        await self._stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end, and when what comes is not the protocol."""
        while not self.trouble and (line := await self._line()):
            try:
                message = msgspec.json.decode(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                return message
            if line.strip():
                self._strange += 1
            if self._strange > _STRANGE:
                self.trouble = "it writes lines that are no messages"
        return None

    async def close(self) -> None:
        """Tell the program that nothing more comes."""
        self._stdin.close()

    async def _line(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while size <= _LONGEST:
            try:
                parts.append(await self._stdout.readuntil(b"\n"))
                return b"".join(parts)
            except asyncio.IncompleteReadError as end:
                return b"".join([*parts, end.partial])
            except asyncio.LimitOverrunError as more:
                parts.append(await self._stdout.readexactly(more.consumed))
                size += more.consumed
        self.trouble = "it writes a line without end"
        return b""
