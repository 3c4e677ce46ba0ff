"""One table of a task file, field by field: each wrong value becomes a problem with its place, and reading goes on."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from tabsmith.errors import TaskProblem
from tabsmith.text import clean

Choice = TypeVar("Choice", bound=str)
Value = TypeVar("Value")

MOST_DOLLARS: Final = Decimal(1_000_000)
LEAST_DOLLARS: Final = Decimal("0.000001")
_LONGEST_KEY: Final = 120  # comparing takes time with the square of it
_DOLLARS: Final = re.compile(r"\$?\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_KINDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}


class Fields:
    """A table called `place`; what is wrong in it is added to `problems`."""

    def __init__(self, table: object, place: str, problems: list[TaskProblem]) -> None:
        self.place = place
        self.problems = problems
        self.table: Mapping[str, object] = table if isinstance(table, dict) else {}
        if not isinstance(table, dict):
            problems.append(TaskProblem(place, f"must be a table, not {kind(table)}"))

    def problem(self, key: str, what: str) -> None:
        """Note what is wrong with `key`, or with the table when that is empty."""
        self.problems.append(TaskProblem(": ".join(part for part in (self.place, key) if part), what))

    def known(self, keys: Iterable[str]) -> None:
        """Every other key is a problem that names its nearest."""
        names = tuple(keys)
        for key in self.table:
            if key not in names:
                near = nearest(key, names)
                self.problem("", f"there is no key {clean(key, 60)!r}; the nearest one is {near!r}")

    def text(self, key: str, default: str | None = None, *, lines: bool = False) -> str:
        """A text that is not empty; `default` when the key is not there, and a problem when that is None."""
        value = self._given(key, default)
        if value is None:
            return default or ""
        if not isinstance(value, str):
            return self._wrong(key, "text", value, "")
        if not value.strip():
            return self._said(key, "is empty", "")
        if _CONTROL.search(value):
            return self._said(key, "holds a control character", "")
        if not lines and "\n" in value:
            return self._said(key, "must be one line", "")
        return value

    def choice(self, key: str, choices: tuple[Choice, ...], default: Choice) -> Choice:
        """One of `choices`."""
        value = self._given(key, default)
        if value is None:
            return default
        if not isinstance(value, str):
            return self._wrong(key, f"one of {', '.join(choices)}", value, default)
        for each in choices:
            if each == value:
                return each
        near = nearest(value, choices)
        return self._said(
            key, f"is one of {', '.join(choices)}, not {clean(value, 60)!r}; the nearest is {near!r}", default
        )

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts, none of them empty."""
        value = self._given(key, default)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return self._wrong(key, "a list of texts", value, default)
        if any(not item.strip() or _CONTROL.search(item) or "\n" in item for item in value):
            return self._said(key, "holds an empty text or a control character", default)
        return tuple(value)

    def switch(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._given(key, default)
        if value is None:
            return default
        return value if isinstance(value, bool) else self._wrong(key, "true or false", value, default)

    def whole(self, key: str, most: int, default: int = 0) -> int:
        """A whole number from 1 to `most`."""
        value = self._given(key, default)
        if value is None:
            return default
        words = f"a whole number from 1 to {most:,}"
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            return self._wrong(key, words, value, default)
        return value

    def number(self, key: str, most: float, default: float = 0.0) -> float:
        """A number over 0, up to `most`."""
        value = self._given(key, default)
        if value is None:
            return default
        words = f"a number over 0, up to {most:,.0f}"
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
            return self._wrong(key, words, value, default)
        return float(value)

    def dollars(self, key: str) -> str:
        """An amount such as "1.00", "$1" or 1.5 as a decimal string; "" when there is none."""
        value = self._given(key, "")
        if value is None:
            return ""
        words = 'an amount such as "2.50"'
        amount: Decimal | None = None
        if isinstance(value, str) and (match := _DOLLARS.fullmatch(value.strip())):
            amount = Decimal(match[1])
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            amount = Decimal(str(value))
        if amount is None:
            return self._wrong(key, words, value, "")
        if not LEAST_DOLLARS <= amount <= MOST_DOLLARS:
            return self._said(key, f"must be over 0, up to {MOST_DOLLARS:,}, not {clean(value, 40)}", "")
        cents = amount.quantize(Decimal("0.01"))
        return f"{cents:.2f}" if amount == cents else f"{amount.normalize():f}"

    def part(self, key: str) -> "Fields":
        """The table at `key`, empty when it is not there."""
        return Fields(self.table.get(key, {}), ": ".join(part for part in (self.place, key) if part), self.problems)

    def _given(self, key: str, default: object) -> object:
        if key not in self.table:
            if default is None:
                self.problem("", f"has no {key}")
            return None
        return self.table[key]

    def _wrong(self, key: str, words: str, value: object, default: Value) -> Value:
        return self._said(key, f"must be {words}, not {shown(value)}", default)

    def _said(self, key: str, what: str, default: Value) -> Value:
        self.problem(key, what)
        return default


def nearest(word: str, words: Iterable[str]) -> str:
    """The one of `words` that is most like `word`."""
    return difflib.get_close_matches(word[:_LONGEST_KEY], tuple(words), n=1, cutoff=0.0)[0]


def kind(value: object) -> str:
    """What kind of TOML value this is, in words."""
    return _KINDS.get(type(value), "a date or a time")


def shown(value: object) -> str:
    """A wrong value in a sentence: itself when it is short and plain, its kind otherwise."""
    if isinstance(value, str):
        return repr(clean(value, 60))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return clean(f"{value:.6g}" if isinstance(value, float) else str(value)[:60], 40)
    return kind(value)
