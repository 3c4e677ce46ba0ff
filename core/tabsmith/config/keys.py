"""The keys of the settings tree: what each key takes, and how its values are parsed, checked and formatted."""

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
_TYPE_LABELS: Final[dict[object, str]] = {
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
    """One setting: its dotted name, its type (`kind` without None and bounds, `checked_type` with bounds), and its meta."""

    name: str
    kind: object
    checked_type: object
    meta: msgspec.Meta
    optional: bool

    @property
    def default(self) -> SettingValue:
        """The value if nothing is set. Among the allowed folders is the current folder, which may change."""
        value: SettingValue = attrgetter(self.name)(Settings())
        return value

    @property
    def default_in_file(self) -> object:
        """The default as a TOML value."""
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
        """The environment variable that overrides the file."""
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
    def type_label(self) -> str:
        """The type in words: "a whole number, 1 or more", "one of heuristic, llm"."""
        if get_origin(self.kind) is Literal:
            return "one of " + ", ".join(get_args(self.kind))
        label = "a list of conditions" if self._holds_conditions else _TYPE_LABELS[self.kind]
        low, high = self.meta.ge, self.meta.le
        if low is not None and high is not None:
            label += f" from {low:,} to {high:,}"
        elif low is not None:
            label += f", {low:,} or more"
        if self.meta.min_length is not None:
            label += f", at least {self.meta.min_length}"
        return label

    def parse(self, text: str) -> object:
        """The raw value of `text`, which comes from a variable or the command line; `convert` checks it.

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
        """The value of `raw`, which comes from TOML or from `parse`. Raises ValueError or ConditionError."""
        if self.optional and raw == "":
            return None
        if self.is_table:
            raw = dict(_flat_table(raw))
        elif self.is_list and isinstance(raw, str):
            raw = self.parse(raw)
        value: SettingValue = msgspec.convert(raw, self.checked_type, dec_hook=_to_path)
        if self._holds_conditions and isinstance(value, tuple):
            _check_conditions(value)
        return value

    def format(self, value: SettingValue) -> str:
        """`value` as a person would type it, or "not set"; a secret is only "set"."""
        if value is None or value == ():
            return "not set"
        if self.secret:
            return "set"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, tuple):
            items = [str(item) for item in value]
            return shlex.join(items) if (self.meta.extra or {}).get("words") else ", ".join(items)
        if isinstance(value, Mapping):
            return ", ".join(f"{action} = {keys}" for action, keys in value.items()) or "not set"
        return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def all_keys() -> dict[str, SettingKey]:
    """Every key by its dotted name, in the tree's order."""
    return {key.name: key for key in _walk(Settings, "")}


def build(values: Mapping[str, SettingValue]) -> Settings:
    """The tree with these values, by dotted name; every other key has its default."""
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
    """The entries of a table: `a.b = "x"` is the entry "a.b", and a list of texts is joined with commas."""
    if not isinstance(raw, dict):
        raise TypeError("not a table")
    for name, item in raw.items():
        if isinstance(item, dict):
            yield from _flat_table(item, f"{prefix}{name}.")
        elif isinstance(item, list) and all(isinstance(text, str) for text in item):
            yield prefix + name, ",".join(item)
        else:
            yield prefix + name, item


def _check_conditions(conditions: Iterable[object]) -> None:
    """Raises ConditionError for the first text that is not a condition."""
    from tabsmith.conditions import parse_condition

    for text in conditions:
        parse_condition(str(text))


def _to_path(type_: type, raw: object) -> object:
    if type_ is not Path or not isinstance(raw, str) or not raw or "\0" in raw:
        raise ValueError("not a folder")
    try:
        return Path(raw).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # `~nobody/x`, or a current folder that was deleted
        raise ValueError("cannot be resolved") from error
