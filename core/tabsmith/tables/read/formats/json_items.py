"""The items of a JSON array, one by one, from a text that comes in pieces: a file of any size in bounded memory."""

import json
import re
from collections.abc import Iterator
from typing import Final

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_CUT: Final = 16  # characters before the end of what was read within which a mistake may be but a value cut in two


class BrokenJsonError(Exception):
    """The text is no JSON; `line` and `column` count from 1, `near` is what stands there."""

    def __init__(self, reason: str, line: int, column: int, near: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column
        self.near = near


class JsonItems:
    """Reads a JSON text that comes in `pieces`: as an array item by item, or as a whole."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""
        self._at = 0
        self._lines = 0  # before the text in memory
        self._column = 0  # characters of the last of these lines
        self._decoder = json.JSONDecoder()

    def begins_array(self) -> bool:
        """Whether the text is an array."""
        self._skip_space()
        return self._text[self._at : self._at + 1] == "["

    def whole(self) -> object:
        """The document. Raises BrokenJsonError, RecursionError."""
        while self._more():
            pass
        try:
            value = json.loads(self._text[self._at :])
        except json.JSONDecodeError as error:
            raise self._broken(error.msg, self._at + error.pos) from error
        except ValueError as error:  # a number of more digits than Python reads
            raise self._broken(str(error), self._at) from error
        return value

    def items(self) -> Iterator[object]:
        """The items of the array. Raises BrokenJsonError, RecursionError."""
        self._at += 1
        self._skip_space()
        if self._next() == "]":
            self._at += 1
        else:
            while True:
                yield self._value()
                self._skip_space()
                sign = self._next()
                if sign not in {",", "]"}:
                    raise self._broken("Expecting ',' delimiter", self._at)
                self._at += 1
                if sign == "]":
                    break
                self._skip_space()
        self._skip_space()
        if self._next():
            raise self._broken("Extra data", self._at)

    def _value(self) -> object:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _CUT
                if is_cut and self._more():
                    continue
                raise self._broken(error.msg, error.pos) from error
            except ValueError as error:
                raise self._broken(str(error), self._at) from error
            may_go_on = isinstance(value, int | float) and end > len(self._text) - _CUT  # "23" of "23.5e1"
            if may_go_on and self._more():
                continue
            self._at = end
            return value

    def _next(self) -> str:
        """The character that comes next; "" at the end."""
        return self._text[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None
            self._at = space.end()
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        """Read a further piece, forgetting what was used; False at the end."""
        piece = next(self._pieces, None)
        if piece is None:
            return False
        used = self._text[: self._at]
        newline = used.rfind("\n")
        self._lines += used.count("\n")
        self._column = len(used) - newline - 1 if newline >= 0 else self._column + len(used)
        self._text = self._text[self._at :] + piece
        self._at = 0
        return True

    def _broken(self, reason: str, position: int) -> BrokenJsonError:
        before = self._text[:position]
        newline = before.rfind("\n")
        column = position - newline if newline >= 0 else self._column + position + 1
        near = self._text[max(0, position - 20) : position + 20]
        return BrokenJsonError(reason, self._lines + before.count("\n") + 1, column, near)
