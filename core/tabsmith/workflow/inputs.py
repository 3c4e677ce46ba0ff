"""Texts of fields parsed: a duration, a whole number, columns by name, number or range."""

import re
from collections.abc import Sequence
from typing import Final

from tabsmith.errors import UsageError
from tabsmith.orchestration.limits import NO_LIMIT, parse_amount
from tabsmith.text import clean, nearest

_MAX_SECONDS: Final = 30 * 86_400.0
_RANGE: Final = re.compile(r"(\d{1,9})\s*[-\u2013]\s*(\d{1,9})", re.ASCII)
_ALL_BUT: Final = re.compile(r"all\s+(?:but|except)\b\s*(.*)", re.IGNORECASE | re.DOTALL)
_PARTS: Final = re.compile(r'[ \t]*"((?:[^"]|"")*)"\s*(?:,|;|\n|$)|([^,;\n]+)')


def read_duration(text: str) -> float:
    """Seconds: `90`, `90s`, `2 min`, `1h 30m`, `1:30` (minutes and seconds), `1:30:00`. Raises UsageError."""
    try:
        seconds = float(parse_amount(f"to {text}", "seconds", 0))
    except UsageError:
        seconds = 0.0
    if not 0 < seconds <= _MAX_SECONDS:
        what = f"{clean(text.strip(), 40)!r} is not a time. A time lies between one second and 30 days."
        raise UsageError(
            what if text.strip() else "No time was given.", next_step="Write it like 90, 90s, 2 min or 1:30."
        )
    return seconds


def show_duration(seconds: float) -> str:
    """`seconds` in the shortest form that `read_duration` takes: `90 s`, `2 min`, `1:30:00`."""
    whole = round(seconds)
    if whole != seconds or whole < 120:
        return f"{seconds:g} s"
    if whole % 60 == 0 and whole < 7_200:
        return f"{whole // 60} min"
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def read_names(text: str) -> tuple[str, ...]:
    """The words of a list with commas between them, such as names of model families."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def read_iterations(text: str) -> int:
    """How many iterations there are at most; 0 for "", `0`, `none` and `no limit`. Raises UsageError."""
    if text.strip().lower() in ("", "none", NO_LIMIT):
        return 0
    return read_count(text, "The number of iterations")


def show_iterations(text: str) -> str:
    """The typed `text` as it is shown: what means no limit is `no limit`."""
    return NO_LIMIT if text.strip().lower() in ("", "0", "none", NO_LIMIT) else text


def read_count(text: str, what: str) -> int:
    """A whole number from 0 to 4,294,967,295. Raises UsageError, which calls the number `what`."""
    digits = text.strip().replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"{what} must be a whole number, 0 or more.", next_step="Write it like 20.")
    if len(digits) > 10 or int(digits) >= 2**32:
        raise UsageError(f"{what} must be below {2**32:,}.", next_step="Write a smaller number.")
    return int(digits)


def read_column(text: str, names: Sequence[str]) -> str:
    """The column of that name, of that number (from 1), or of that name in another case. Raises UsageError."""
    if text in names:
        return text
    word = text.strip()
    if word in names:
        return word
    if word.isascii() and word.isdigit() and len(word) < 10:
        if 1 <= int(word) <= len(names):
            return names[int(word) - 1]
        raise UsageError(f"There is no column {word}.", next_step=f"The columns are numbered from 1 to {len(names):,}.")
    matches = [name for name in names if name.casefold() == word.casefold()]
    if len(matches) == 1:
        return matches[0]
    raise UsageError(
        f"There is no column {clean(word, 60)!r}." if word else "No column was named.", next_step=_near(word, names)
    )


def read_columns(text: str, names: Sequence[str], eligible: Sequence[str]) -> tuple[str, ...]:
    """Columns in the table's order: `1-5, 8, price`, `all`, `all but 3`; a name with a comma goes in double quotes.

    `all` stands for `eligible`; numbers count in `names`. A word that is a column's name means that column, before it
    means a number, a range or `all`. Raises UsageError.
    """
    words = text.strip()
    if words.lower() == "all" and words not in names:
        return tuple(eligible)
    if (but := _ALL_BUT.fullmatch(words)) and words not in names:
        left_out = set(_listed(but.group(1), names))
        return tuple(name for name in eligible if name not in left_out)
    chosen = set(_listed(words, names))
    return tuple(name for name in names if name in chosen)


def _listed(text: str, names: Sequence[str]) -> list[str]:
    if text in names:
        return [text]
    columns: list[str] = []
    for part in _PARTS.finditer(text.strip()):
        quoted, plain = part.groups()
        word = quoted.replace('""', '"') if quoted is not None else plain.strip()
        if not word:
            continue
        span = _RANGE.fullmatch(word)
        if quoted is None and span and word not in names:
            columns += _span(int(span.group(1)), int(span.group(2)), names)
        else:
            columns.append(read_column(word, names))
    if not columns:
        raise UsageError("No column was named.", next_step="Write names, numbers or ranges: 1-5, 8, price.")
    return columns


def _span(first: int, last: int, names: Sequence[str]) -> Sequence[str]:
    if not 1 <= first <= last <= len(names):
        raise UsageError(
            f"There is no range {first}-{last}.", next_step=f"The columns are numbered from 1 to {len(names):,}."
        )
    return names[first - 1 : last]


def show_columns(chosen: Sequence[str], names: Sequence[str]) -> str:
    """The chosen columns as numbers and ranges that `read_columns` takes: `1-5, 8`."""
    wanted = set(chosen)
    taken = set(names)
    spans: list[list[int]] = []
    for number, name in enumerate(names, start=1):
        if name not in wanted:
            continue
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    if any(word in taken for word in words):  # a column is called "3": only names are sure
        return ", ".join('"' + name.replace('"', '""') + '"' for name in names if name in wanted)
    return ", ".join(words)


def _near(word: str, names: Sequence[str]) -> str:
    close = nearest(word, names[:2_000], cutoff=0.5)
    return f"Did you mean {clean(close, 60)}?" if close else "Write its name, or the number beside it."
