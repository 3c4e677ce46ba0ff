"""Amounts that a person types for a limit: `$5`, `5.00`, `+2`, `20 more`, `2 dollars`, `to 10`, `+2 min`, `1:30`.

An amount with `+` or "more" is added to the limit in force; an amount after "to" is the new limit. An amount alone is the
new limit, too ("$5"), except for time, where it is added ("60": a minute more).
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from tabsmith.errors import UsageError
from tabsmith.limits import LimitName
from tabsmith.text import clean

_LONGEST: Final = 60
_NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)"
_AMOUNT: Final = re.compile(rf"\s*({_NUMBER})\s*([a-z]*)\s*")
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_CLOCK: Final = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-5][0-9])")
_TO: Final = re.compile(r"(?:to\b|=)\s*")
_PLUS: Final = re.compile(r"(?:\+|(?:plus|add|another)\b)\s*")
_MORE: Final = re.compile(r"\b(?:more|longer|extra)\b")

_COUNTS: Final = {"": 1, "k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}
_SCALES: Final[Mapping[LimitName, Mapping[str, int]]] = MappingProxyType(
    {
        "seconds": {
            "": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600,
            "d": 86_400, "day": 86_400,
        },
        "dollars": {"": 1, "dollar": 1, "usd": 1, "buck": 1},
        "iterations": {**_COUNTS, "iteration": 1, "recipe": 1, "try": 1, "trie": 1},
        "tokens": {**_COUNTS, "token": 1},
        "failures": {"": 1, "failure": 1},
    }
)  # fmt: skip
_MOST: Final[Mapping[LimitName, Decimal]] = MappingProxyType(
    {
        "seconds": Decimal(365 * 86_400),
        "dollars": Decimal(1_000_000),
        "iterations": Decimal(1_000_000),
        "tokens": Decimal(10**12),
        "failures": Decimal(1_000_000),
    }
)
_RANGE: Final[Mapping[LimitName, str]] = MappingProxyType(
    {
        "seconds": "A time limit lies between 1 s and 365 days.",
        "dollars": "A limit of dollars lies between 0 and 1,000,000.",
        "iterations": "A limit of iterations lies between 1 and 1,000,000.",
        "tokens": "A limit of tokens lies between 1 and 1,000,000,000,000.",
        "failures": "A limit of failures lies between 1 and 1,000,000.",
    }
)
_EXAMPLES: Final[Mapping[LimitName, str]] = MappingProxyType(
    {
        "seconds": "Write 60 for a minute more, or +2 min, 1:30, 1 h, or to 10 min.",
        "dollars": "Write $5 for five dollars in all, or +2 for two more.",
        "iterations": "Write 40 for forty in all, or +20, or 20 more.",
        "tokens": "Write 200k for that many in all, or +50k, or 50,000 more.",
        "failures": "Write 5 for five in a row, or +2.",
    }
)


def parse_amount(
    text: str, limit: LimitName, current: Decimal | float | str, *, spent: Decimal | float | str = 0
) -> str:
    """Return the new limit that `text` asks for, as a decimal (`2.50`, `40`). `current` is the limit in force (0 for
    none), and `spent` is used of it.

    Raises UsageError for a text that is no amount, and for a limit that would be used up already.
    """
    words = " ".join(text.lower().split())
    if not words or len(words) > _LONGEST:
        raise _not_an_amount(text, limit)
    absolute = _TO.match(words) is not None
    words = _TO.sub("", words, count=1) if absolute else words
    added = _PLUS.match(words) is not None or _MORE.search(words) is not None
    if added and absolute:
        raise UsageError(f"{clean(text, 40)!r} says both to and more.", next_step=_EXAMPLES[limit])
    bare = _MORE.sub(" ", _PLUS.sub("", words, count=1) if _PLUS.match(words) else words)
    amount = _amount(bare.strip(), limit)
    if amount is None:
        raise _not_an_amount(text, limit)
    in_force = _decimal(current)
    if added or (limit == "seconds" and not absolute):
        if in_force <= 0:
            raise UsageError(f"The run has no {_named(limit)} to add to.", next_step=_example_of_new(limit))
        amount += in_force
    return _accepted(amount, limit, _decimal(spent))


def format_limit(amount: Decimal | float | str, limit: LimitName) -> str:
    """Return an amount of a limit with its unit: `$2.50`, `90 s`, `40 iterations`."""
    value = _decimal(amount)
    match limit:
        case "dollars":
            return f"${_as_text(value, limit)}"
        case "seconds":
            return f"{value:,.0f} s"
        case _:
            return f"{value:,.0f} {limit if value != 1 else limit.removesuffix('s')}"


def _accepted(amount: Decimal, limit: LimitName, spent: Decimal) -> str:
    least = Decimal(0) if limit == "dollars" else Decimal(1)
    if limit in ("iterations", "tokens", "failures") and amount != amount.to_integral_value():
        raise UsageError(f"{_named(limit).capitalize()} is a whole number.", next_step=_EXAMPLES[limit])
    if amount <= 0 or not least <= amount <= _MOST[limit]:
        raise UsageError(_RANGE[limit], next_step=_EXAMPLES[limit])
    if amount <= spent:
        raise UsageError(
            f"A limit of {format_limit(amount, limit)} is used up: {format_limit(spent, limit)} are spent already.",
            next_step=f"Name more than that, or write + and how much more. {_EXAMPLES[limit]}",
        )
    return _as_text(amount, limit)


def _amount(words: str, limit: LimitName) -> Decimal | None:
    """The amount in `words`, in the limit's own unit; None if they are no amount."""
    if limit == "seconds":
        clock = _CLOCK.fullmatch(words)
        if clock:
            hours, minutes, seconds = (int(part or 0) for part in clock.groups())
            return Decimal(3600 * hours + 60 * minutes + seconds)
    if limit == "dollars":
        words = re.sub(r"^(?:us)?\$\s*|\s*\$$", "", words)
    total = Decimal(0)
    rest = words
    units: list[str] = []
    while rest:
        match = _AMOUNT.match(rest)
        if match is None:
            return None
        scale = _scale(match[2], limit)
        if scale is None:
            return None
        total += _number(match[1]) * scale
        units.append(match[2])
        rest = rest[match.end() :]
        if limit in ("iterations", "tokens") and scale > 1:
            rest = re.sub(rf"^{limit}?\b", "", rest)  # 200k tokens
    if len(units) > 1 and (limit != "seconds" or "" in units):  # only times come in parts: 1 h 30 min
        return None
    return total or None


def _scale(unit: str, limit: LimitName) -> int | None:
    scales = _SCALES[limit]
    return scales.get(unit) or scales.get(unit.removesuffix("s"))


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", "."))


def _decimal(value: Decimal | float | str) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _as_text(amount: Decimal, limit: LimitName) -> str:
    if limit == "dollars" and amount == amount.quantize(Decimal("0.01")):
        return f"{amount:.2f}"
    return f"{amount.normalize():f}"


def _named(limit: LimitName) -> str:
    return "time limit" if limit == "seconds" else f"limit of {limit}"


def _example_of_new(limit: LimitName) -> str:
    return "Write to 10 min to set one." if limit == "seconds" else f"Set one first. {_EXAMPLES[limit]}"


def _not_an_amount(text: str, limit: LimitName) -> UsageError:
    kind = "length of time" if limit == "seconds" else f"amount of {limit}"
    what = f"{clean(text, 40)!r} is not {'a' if limit == 'seconds' else 'an'} {kind}."
    return UsageError(what if text.strip() else f"No {kind} was given.", next_step=_EXAMPLES[limit])
