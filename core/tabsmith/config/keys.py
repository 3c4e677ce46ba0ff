"""The keys of the settings tree, one by one: what each takes in words, how its values are read, checked and shown."""

import shlex
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec

from tabsmith.config.settings import Settings

SettingValue: TypeAlias = (
    str | int | float | bool | tuple[str, ...] | tuple[int, ...] | tuple[Path, ...] | Mapping[str, str] | None
)

ENVIRONMENT_PREFIX: Final = "TABSMITH_"
_TRUTH: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_SCALAR_WORDS: Final[dict[object, str]] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple[str, ...]: "a list of words",
    tuple[int, ...]: "a list of whole numbers",
    tuple[Path, ...]: "a list of folders",
    Mapping[str, str]: "a table of text",
}


@dataclass(frozen=True)
class SettingKey:
    """One setting: its dotted name, its type without None and without its bounds, and what is said about it."""

    name: str
    kind: object
    checked_type: object
    meta: msgspec.Meta
    optional: bool

    @property
    def default(self) -> SettingValue:
        """What it is when nothing is set; of the allowed folders, the current one may change."""
        value: SettingValue = attrgetter(self.name)(Settings())
        return value

    @property
    def default_in_file(self) -> object:
        """The default as TOML would have it."""
        marked = (self.meta.extra or {}).get("default")
        value = self.default if marked is None else marked
        if isinstance(value, tuple):
            return list(value)
        return "" if value is None else value

    @property
    def description(self) -> str:
        return self.meta.description or ""

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return ENVIRONMENT_PREFIX + self.name.replace(".", "__").upper()

    @property
    def secret(self) -> bool:
        return bool((self.meta.extra or {}).get("secret"))

    @property
    def is_list(self) -> bool:
        return get_origin(self.kind) is tuple

    @property
    def is_table(self) -> bool:
        return get_origin(self.kind) is get_origin(Mapping[str, str])

    @property
    def _holds_conditions(self) -> bool:
        return bool((self.meta.extra or {}).get("conditions"))

    @property
    def type_in_words(self) -> str:
        """What it takes: "a whole number, 1 or more", "one of local, dask"."""
        if get_origin(self.kind) is Literal:
            return "one of " + ", ".join(get_args(self.kind))
        words = "a list of conditions" if self._holds_conditions else _SCALAR_WORDS[self.kind]
        low, high = self.meta.ge, self.meta.le
        if low is not None and high is not None:
            words += f" from {low:,} to {high:,}"
        elif low is not None:
            words += f", {low:,} or more"
        if self.meta.min_length is not None:
            words += f", at least {self.meta.min_length}"
        return words

    def parse(self, text: str) -> object:
        """The raw value that `text` (of a variable, of the command line) stands for; `convert` checks it.

        Raises ValueError.
        """
        text = text.strip()
        if self.is_table or (self.is_list and text.startswith("[")):
            return msgspec.json.decode(text)
        if self.is_list:
            if (self.meta.extra or {}).get("words"):
                return shlex.split(text)
            items = [item.strip() for item in text.split(",") if item.strip()]
            return [int(item) for item in items] if self.kind == tuple[int, ...] else items
        if self.kind is bool:
            return _TRUTH.get(text.lower(), text)
        if self.kind is int or self.kind is float:
            return self.kind(text)
        return text

    def convert(self, raw: object) -> SettingValue:
        """The value that `raw` (from TOML, or from `parse`) stands for. Raises ValueError, or ConditionError."""
        if self.optional and raw == "":
            return None
        if self.is_table:
            raw = dict(_flat_table(raw))
        elif self.is_list and isinstance(raw, str):
            raw = self.parse(raw)
        value: SettingValue = msgspec.convert(raw, self.checked_type, dec_hook=_to_path)
        if self._holds_conditions and isinstance(value, tuple):
            _understood(value)
        return value

    def shown(self, value: SettingValue) -> str:
        """`value` for a person: "not set", or as it would be typed; a secret only as "set"."""
        if value is None or value == ():
            return "not set"
        if self.secret:
            return "set"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            words = [str(item) for item in value]
            return shlex.join(words) if (self.meta.extra or {}).get("words") else ", ".join(words)
        if isinstance(value, Mapping):
            return ", ".join(f"{action} = {keys}" for action, keys in value.items()) or "not set"
        return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def all_keys() -> dict[str, SettingKey]:
    """Every key of the tree by its dotted name, in the tree's order."""
    return {key.name: key for key in _walk(Settings, "")}


def build(values: Mapping[str, SettingValue]) -> Settings:
    """The tree with `values` by dotted name; the rest has its default."""
    tree = _build(Settings, values, "")
    assert isinstance(tree, Settings)
    return tree


def _build(section: type[msgspec.Struct], values: Mapping[str, SettingValue], prefix: str) -> msgspec.Struct:
    hints = get_type_hints(section)
    fields: dict[str, object] = {}
    for field in section.__struct_fields__:
        name = prefix + field
        if _is_section(hints[field]):
            fields[field] = _build(hints[field], values, f"{name}.")
        elif name in values:
            fields[field] = values[name]
    return section(**fields)


def _walk(section: type[msgspec.Struct], prefix: str) -> Iterator[SettingKey]:
    hints = get_type_hints(section, include_extras=True)
    for field in section.__struct_fields__:
        annotation = hints[field]
        if _is_section(annotation):
            yield from _walk(annotation, f"{prefix}{field}.")
            continue
        inner, meta = get_args(annotation)[:2]
        optional = get_origin(inner) in (Union, types.UnionType)
        kind = get_args(inner)[0] if optional else inner
        yield SettingKey(prefix + field, kind, Annotated[kind, meta], meta, optional)


def _is_section(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def _flat_table(raw: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """The text entries of a table: `a.b = "x"` is the entry "a.b", and a list of keys is joined with commas."""
    if not isinstance(raw, dict):
        raise TypeError("not a table")
    for name, item in raw.items():
        if isinstance(item, dict):
            yield from _flat_table(item, f"{prefix}{name}.")
        elif isinstance(item, list) and all(isinstance(each, str) for each in item):
            yield prefix + name, ",".join(item)
        else:
            yield prefix + name, item


def _understood(conditions: Iterable[object]) -> None:
    """Raises ConditionError for the first of them that is none."""
    from tabsmith.conditions.built_in import parse_condition

    for text in conditions:
        parse_condition(str(text))


def _to_path(type_: type, raw: object) -> object:
    if type_ is not Path or not isinstance(raw, str) or not raw or "\0" in raw:
        raise ValueError("not a folder")
    try:
        return Path(raw).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # `~nobody/x`, or a current folder that was deleted
        raise ValueError("cannot be resolved") from error
