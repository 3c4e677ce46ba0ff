"""A table of a task file as a struct: every key is converted by msgspec, and all mistakes are collected."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from tabsmith.errors import TaskProblem
from tabsmith.limits import Limits
from tabsmith.tasks.task import DAY
from tabsmith.text import clean, nearest

StructT = TypeVar("StructT", bound=msgspec.Struct)

_MAX_DOLLARS: Final = Decimal(1_000_000)
_MIN_DOLLARS: Final = Decimal("0.000001")
_DOLLARS: Final = re.compile(r"\$?\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)")
_AN_AMOUNT: Final = 'an amount such as "2.50"'
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_TOML_TYPES: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table",
}


class LimitsTable(msgspec.Struct, frozen=True):
    """The limits that a task file may give; a key that is not given does not limit."""

    iterations: Annotated[int, Meta(ge=1, le=1_000_000)] = 0
    seconds: Annotated[float, Meta(gt=0, le=365 * DAY)] = 0.0
    tokens: Annotated[int, Meta(ge=1, le=10**12)] = 0
    dollars: str | int | float = ""
    failures: Annotated[int, Meta(ge=1, le=1_000_000)] = 0


class Mistakes:
    """Collects the mistakes in one table of a task file; `inside` is for a table in that table."""

    def __init__(self, place: str = "", problems: list[TaskProblem] | None = None) -> None:
        self.place = place
        self.problems: list[TaskProblem] = [] if problems is None else problems

    def add(self, key: str, what: str) -> None:
        """Add a mistake at `key`, or at the table itself if `key` is empty."""
        self.problems.append(TaskProblem(self._path(key), what))

    def inside(self, key: str) -> "Mistakes":
        """The mistakes of the table at `key`, which are added to the same list."""
        return Mistakes(self._path(key), self.problems)

    def _path(self, key: str) -> str:
        return ": ".join(part for part in (self.place, key) if part)


def convert_table(raw: object, struct: type[StructT], mistakes: Mistakes) -> StructT:
    """`raw` as a `struct`. A key with a mistake keeps its default, or is "" if it has none.

    Unknown keys, missing keys and values of a wrong type or out of range are added to `mistakes`.
    """
    if not isinstance(raw, dict):
        mistakes.add("", f"must be a table, not {toml_type(raw)}")
        raw = {}
    fields = {field.name: field for field in msgspec.structs.fields(struct) if field.type is not Path}
    check_keys(raw, fields, mistakes)
    values: dict[str, object] = {name: "" for name, field in fields.items() if field.required}
    for name, field in fields.items():
        if field.type is Limits:
            values[name] = convert_limits(raw.get(name, {}), mistakes.inside(name))
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            values[name] = convert_table(raw.get(name, {}), field.type, mistakes.inside(name))
        elif name in raw:
            try:
                values[name] = msgspec.convert(raw[name], field.type)
            except msgspec.ValidationError:
                mistakes.add(name, _explanation(raw[name], field.type))
        elif field.required:
            mistakes.add("", f"has no {name}")
    return struct(**values)


def convert_limits(raw: object, mistakes: Mistakes) -> Limits:
    """`raw` as limits, the dollars as a decimal string."""
    table = convert_table(raw, LimitsTable, mistakes)
    return Limits(
        iterations=table.iterations,
        seconds=table.seconds,
        tokens=table.tokens,
        dollars=_dollars(table.dollars, mistakes),
        failures=table.failures,
    )


def check_keys(raw: Mapping[str, object], known: Mapping[str, object], mistakes: Mistakes) -> None:
    """Add every key that is not `known` to the mistakes, with the known key that is nearest to it."""
    for key in raw:
        if key not in known:
            mistakes.add(
                "", f"there is no key {clean(key, 60)!r}; the nearest one is {nearest(key, known, cutoff=0.0)!r}"
            )


def toml_type(value: object) -> str:
    """The type of a TOML value in words."""
    return _TOML_TYPES.get(type(value), "a date or a time")


def _dollars(value: str | float, mistakes: Mistakes) -> str:
    """`"1.00"`, `"$1"` or `1.5` as a decimal string with at least two digits; "" for no amount."""
    if value == "" and isinstance(value, str):
        return ""
    if isinstance(value, str):
        match = _DOLLARS.fullmatch(value.strip())
        amount = Decimal(match[1]) if match else None
    else:
        amount = Decimal(str(value)) if math.isfinite(value) else None
    if amount is None:
        mistakes.add("dollars", f"must be {_AN_AMOUNT}, not {_shown(value)}")
        return ""
    if not _MIN_DOLLARS <= amount <= _MAX_DOLLARS:
        mistakes.add("dollars", f"must be over 0, up to {_MAX_DOLLARS:,}, not {clean(value, 40)}")
        return ""
    cents = amount.quantize(Decimal("0.01"))
    return f"{cents:.2f}" if amount == cents else f"{amount.normalize():f}"


def _explanation(value: object, annotation: object) -> str:
    """Why msgspec refused `value` for a field of this type, in words."""
    meta = Meta()
    if get_origin(annotation) is Annotated:
        annotation, meta = get_args(annotation)
    expected = _AN_AMOUNT
    match annotation:
        case _ if get_origin(annotation) is Literal:
            choices: tuple[str, ...] = get_args(annotation)
            expected = f"one of {', '.join(choices)}"
            if isinstance(value, str):
                return (
                    f"is {expected}, not {clean(value, 60)!r}; the nearest is {nearest(value, choices, cutoff=0.0)!r}"
                )
        case _ if get_origin(annotation) is tuple:
            expected = "a list of texts"
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return "holds an empty text or a control character"
        case _ if annotation is str:
            expected = "text"
            if isinstance(value, str):
                blank, control = not value.strip(), _CONTROL.search(value)
                return "is empty" if blank else "holds a control character" if control else "must be one line"
        case _ if annotation is bool:
            expected = "true or false"
        case _ if annotation is int:
            expected = f"a whole number from 1 to {meta.le:,}"
        case _ if annotation is float:
            expected = f"a number over 0, up to {meta.le:,}"
    return f"must be {expected}, not {_shown(value)}"


def _shown(value: object) -> str:
    """A wrong value in a sentence: the value if it is short and plain, else its type."""
    if isinstance(value, str):
        return repr(clean(value, 60))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return clean(f"{value:.6g}" if isinstance(value, float) else str(value)[:60], 40)
    return toml_type(value)
