"""Typed words understood: a time, a budget, a whole number, columns by name, number or range."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from tabsmith.errors import UsageError
from tabsmith.limits import LimitName
from tabsmith.orchestration.limits.amounts import parse_amount
from tabsmith.text import clean, nearest

_LONGEST: Final = 30 * 86_400.0
_UNITS: Final = {
    "": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3_600.0, "hour": 3_600.0, "hours": 3_600.0,
    "d": 86_400.0, "day": 86_400.0, "days": 86_400.0,
}  # fmt: skip
_AMOUNT: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]*)", re.ASCII)
_CLOCK: Final = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):([0-5]\d)", re.ASCII)
_RANGE: Final = re.compile(r"(\d{1,9})\s*[-\u2013]\s*(\d{1,9})", re.ASCII)
_ALL_BUT: Final = re.compile(r"all\s+(?:but|except)\b\s*(.*)", re.IGNORECASE | re.DOTALL)
_PARTS: Final = re.compile(r'[ \t]*"((?:[^"]|"")*)"\s*(?:,|;|\n|$)|([^,;\n]+)')


def read_duration(text: str) -> float:
    """Seconds: `90`, `90s`, `2 min`, `1h 30m`, `1:30` (minutes and seconds), `1:30:00`. Raises UsageError."""
    words = text.strip().lower()
    if clock := _CLOCK.fullmatch(words):
        hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        total = 3_600 * hours + 60 * minutes + seconds
    else:
        total = _sum_of_amounts(words)
    if not 1.0 <= total <= _LONGEST:
        raise UsageError("The time must be between one second and 30 days.", next_step=_TIMES)
    return total


_TIMES: Final = "Write it like 90, 90s, 2 min or 1:30."


def _sum_of_amounts(words: str) -> float:
    total, rest = 0.0, words
    while amount := _AMOUNT.match(rest):
        number, unit = amount.groups()
        if unit not in _UNITS or (not unit and rest != words):
            break
        total += float(number) * _UNITS[unit]
        rest = rest[amount.end() :].strip()
        if not unit:
            break
    if rest or not words:
        what = f"{clean(words, 40)!r} is not a time." if words else "No time was given."
        raise UsageError(what, next_step=_TIMES)
    return total


def show_duration(seconds: float) -> str:
    """A duration in its shortest form that `read_duration` takes: `90 s`, `2 min`, `1:30:00`."""
    whole = round(seconds)
    if whole != seconds or whole < 120:
        return f"{seconds:g} s"
    if whole % 60 == 0 and whole < 7_200:
        return f"{whole // 60} min"
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


class CostLimits(msgspec.Struct, frozen=True):
    """What agents may cost: dollars as a decimal, "" for no limit; tokens, 0 for no limit."""

    dollars: str = ""
    tokens: int = 0


def read_budget(text: str) -> CostLimits:
    """What `$2`, `2.00`, `2 dollars`, `100k tokens` or `$2, 100k tokens` allow; nothing, `0` or `none` does not limit.

    Raises UsageError.
    """
    budget = CostLimits()
    words = text.strip().lower()
    if words in ("", "0", "$0", "none", "no limit"):
        return budget
    for part in re.split(r";|,\s+|\band\b", words):
        limit: LimitName = "tokens" if "token" in part else "dollars"
        try:
            amount = parse_amount(part, limit, "0")
        except UsageError as error:
            raise UsageError(error.what, next_step="Write it like $2, 2.00, 100k tokens, or none.") from error
        budget = replace(budget, tokens=int(amount)) if limit == "tokens" else replace(budget, dollars=amount)
    return budget


def show_budget(dollars: str | None) -> str:
    """Dollars as `read_budget` takes them: `$2.00`; "" for none."""
    return f"${dollars.strip().lstrip('$')}" if dollars and dollars.strip() else ""


def read_count(text: str, what: str) -> int:
    """A whole number from 0 up to 4,294,967,295 (`what` names it in the message). Raises UsageError."""
    digits = text.strip().replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"{what} must be a whole number, 0 or more.", next_step="Write it like 20.")
    if len(digits) > 10 or int(digits) >= 2**32:
        raise UsageError(f"{what} must be below {2**32:,}.", next_step="Write a smaller number.")
    return int(digits)


def read_column(text: str, names: Sequence[str]) -> str:
    """The column meant by its exact name, its number (from 1), or its name in other letter case. Raises UsageError."""
    if text in names:
        return text
    word = text.strip()
    if word in names:
        return word
    if word.isascii() and word.isdigit() and len(word) < 10:
        if 1 <= int(word) <= len(names):
            return names[int(word) - 1]
        raise UsageError(f"There is no column {word}.", next_step=f"The columns are numbered from 1 to {len(names):,}.")
    folded = [name for name in names if name.casefold() == word.casefold()]
    if len(folded) == 1:
        return folded[0]
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
    found: list[str] = []
    for part in _PARTS.finditer(text.strip()):
        quoted, plain = part.groups()
        word = quoted.replace('""', '"') if quoted is not None else plain.strip()
        if not word:
            continue
        span = _RANGE.fullmatch(word)
        if quoted is None and span and word not in names:
            found += _span(int(span.group(1)), int(span.group(2)), names)
        else:
            found.append(read_column(word, names))
    if not found:
        raise UsageError("No column was named.", next_step="Write names, numbers or ranges: 1-5, 8, price.")
    return found


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
