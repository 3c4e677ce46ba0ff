"""Delimiters of several characters (`||`, `::`, two tabs): found in the first lines, and replaced by one before reading."""

import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Final

NARROW: Final = "\x1f"
"""The character that stands for a wide delimiter in the text that is read: ASCII's own unit separator."""

_DOUBLED: Final = "|:~^$#@&%*;,\t"
_PADDED: Final = "|;,"  # with a space on both sides; only where quotes stand right beside
_ESCAPED_TAB: Final = "\\t"  # a backslash and a letter, by a program that did not know what they mean
_LINES: Final = 200
_AGREEING: Final = 0.6  # of the lines with the character hold as many wide delimiters as the first
_LEAST_SHARE: Final = 0.3  # of all lines; a value may go on in several
_QUOTED: Final = re.compile(r'"[^"\r\n]*"')
_BLOCK: Final = 4 << 20  # bytes


def find_wide_delimiter(text: str) -> str:
    """The delimiter of several characters by which the lines of `text` are cut; "" if one character cuts them.

    In the first line that holds the character, the character stands in groups of two or three alone, none beside another,
    and most lines hold as many groups.
    """
    lines = [line for line in islice(text.splitlines(), _LINES) if line.strip()]
    for mark in _DOUBLED:
        for size in (3, 2):
            if mark * size in text and _cuts(lines, mark, mark * size):
                return mark * size
    for mark in _PADDED:
        if (f'" {mark} ' in text or f' {mark} "' in text) and _cuts(lines, mark, f" {mark} "):
            return f" {mark} "
    return _ESCAPED_TAB if "\t" not in text and _cuts(lines, _ESCAPED_TAB, _ESCAPED_TAB) else ""


def _cuts(lines: list[str], mark: str, wide: str) -> bool:
    """Whether `wide` stands as often in most lines as in the first with a `mark`, and no other mark stands there."""
    unquoted = [_QUOTED.sub("x", line) for line in lines]
    first = next((line for line in unquoted if mark in line), "")
    count = first.count(wide)
    if not count or mark in first.replace(wide, "") or wide * 2 in first or len(lines) < 2:
        return False
    counts = Counter(line.count(wide) for line in unquoted)
    marked = sum(mark in line for line in unquoted)
    agreeing = counts[count]
    return agreeing > 1 and agreeing >= _AGREEING * marked and agreeing >= _LEAST_SHARE * len(lines)


def narrowed(text: str, wide: str) -> str:
    """`text` with `NARROW` in place of each delimiter `wide`, if there is one."""
    return text.replace(wide, NARROW) if wide else text


def write_narrowed(path: Path, out: Path, wide: str) -> None:
    """Write the UTF-8 text at `path` to `out` with `NARROW` in place of each delimiter `wide`."""
    old, new = wide.encode(), NARROW.encode()
    with path.open("rb") as source, out.open("wb") as target:
        rest = b""
        while block := source.read(_BLOCK):
            data = rest + block
            end = data.rfind(b"\n") + 1 or data.rfind(b"\r") + 1  # a delimiter is never cut in two
            target.write(data[:end].replace(old, new))
            rest = data[end:]
        target.write(rest.replace(old, new))
