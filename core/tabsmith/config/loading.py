"""Settings are read: the environment overrides the file, which overrides the defaults; every mistake is named.

To change one, the file is written again in the tree's order, each key under its description. Comments that the user wrote
into the file are not kept; values are. A key that is not set stands there as a comment with its default, so that the file
explains itself.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.config.keys import ENVIRONMENT_PREFIX, SettingKey, SettingValue, all_keys, build
from tabsmith.config.settings import Settings
from tabsmith.errors import ConditionError, ConfigError
from tabsmith.paths import folders
from tabsmith.storage import FileLock, write_atomic
from tabsmith.text import clean, nearest, plural

_FORMER_SECTIONS: Final = frozenset({"engine"})

SettingSource: TypeAlias = Literal["default", "file", "environment"]


class Setting(msgspec.Struct, frozen=True):
    """One key as a person sees it: its values are texts, a secret is only "set" or "not set"."""

    key: str
    type: str
    default: str
    value: str
    source: SettingSource
    description: str


@dataclass
class _Reading:
    values: dict[str, SettingValue] = field(default_factory=dict)
    sources: dict[str, SettingSource] = field(default_factory=dict)
    problems: list[ConfigError] = field(default_factory=list)

    def take(
        self, source: Literal["file", "environment"], key: SettingKey | None, name: str, raw: object, where: str
    ) -> None:
        """Take the value of a key, or the mistake in it."""
        try:
            if key is None:
                raise unknown_key(name, where)
            with _naming(key, raw, where):
                self.values[key.name] = key.convert(key.parse(str(raw)) if source == "environment" else raw)
            self.sources[key.name] = source
        except ConfigError as error:
            self.problems.append(error)


def load(env: Mapping[str, str] | None = None, path: Path | None = None) -> Settings:
    """The settings of the file at `path` (by default `folders().settings_file`) and of the environment `env`.

    Raises ConfigError for the first mistake, in the file first. Relative folders are resolved against the current one.
    """
    return build(_read_without_mistakes(env, path).values)


def check(env: Mapping[str, str] | None = None, path: Path | None = None) -> tuple[ConfigError, ...]:
    """Every mistake in the file and in the environment; empty if `load` would succeed."""
    return tuple(_read(env, path).problems)


def describe(env: Mapping[str, str] | None = None, path: Path | None = None) -> tuple[Setting, ...]:
    """Every key with its value and the source of the value. Raises ConfigError as `load` does."""
    reading = _read_without_mistakes(env, path)
    return tuple(
        Setting(
            key=key.name,
            type=key.type_label,
            default=key.format(key.default),
            value=key.format(reading.values.get(key.name, key.default)),
            source=reading.sources.get(key.name, "default"),
            description=key.description,
        )
        for key in all_keys().values()
    )


def read_file(path: Path) -> dict[str, object]:
    """The TOML values of the file by dotted key, also of unknown keys; empty if there is no file.

    Raises ConfigError if the file cannot be read.
    """
    mend = "Mend the file, or move it away to start from the defaults."
    try:
        if not path.exists():
            return {}
        if not path.is_file():
            raise ConfigError("The settings file is not a file.", where=str(path), next_step="Move it away.")
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        reason = clean(error.strerror or str(error))
        raise ConfigError(
            f"The settings file cannot be read: {reason}.", where=str(path), next_step="Check its permissions."
        ) from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise ConfigError(
            f"The settings file is not valid TOML: {clean(error)}.", where=str(path), next_step=mend
        ) from error
    flat: dict[str, object] = {}
    _flatten(table, "", flat)
    return flat


@contextmanager
def _naming(key: SettingKey, raw: object, where: str) -> Iterator[None]:
    """Raise ConfigError, with the key and the place, for a value that `key` does not take."""
    try:
        yield
    except ConditionError as error:
        raise ConfigError(
            f"{key.name}: {error.what} ({error.where})", where=where, next_step=error.next_step
        ) from error
    except (ValueError, TypeError) as error:
        given = "what is given" if key.secret else clean(repr(raw), 60)
        unset = f"Give {key.type_label}, or remove it for the default ({key.format(key.default)})."
        raise ConfigError(f"{key.name} must be {key.type_label}, not {given}.", where=where, next_step=unset) from error


def unknown_key(name: str, where: str) -> ConfigError:
    """The error for a key that does not exist, with the nearest one that does."""
    return ConfigError(
        f"There is no setting {clean(name)!r}. The nearest one is {nearest(name, all_keys(), cutoff=0.0)!r}.",
        where=where,
        next_step="`tabsmith config show` lists all settings.",
    )


def file_place(path: Path, name: str) -> str:
    """The place of `name` in the file, for an error."""
    table = name.rpartition(".")[0]
    return f"{path}, table [{clean(table)}]" if table else str(path)


def _read_without_mistakes(env: Mapping[str, str] | None, path: Path | None) -> _Reading:
    reading = _read(env, path)
    if not reading.problems:
        return reading
    first, others = reading.problems[0], len(reading.problems) - 1
    if not others:
        raise first
    more = (
        f"There {'is' if others == 1 else 'are'} {plural(others, 'more mistake')}: `tabsmith config check` lists all."
    )
    raise ConfigError(first.what, where=first.where, next_step=f"{first.next_step} {more}")


def _read(env: Mapping[str, str] | None, path: Path | None) -> _Reading:
    reading = _Reading()
    path = path or folders().settings_file
    try:
        raw_values = read_file(path)
    except ConfigError as error:
        raw_values = {}
        reading.problems.append(error)
    for name, raw in raw_values.items():
        reading.take("file", all_keys().get(name), name, raw, file_place(path, name))
    by_variable = {key.variable: key for key in all_keys().values()}
    for variable, text in sorted((os.environ if env is None else env).items()):
        # TABSMITH_HOME and whatever else has no table in its name is not a setting.
        if not variable.startswith(ENVIRONMENT_PREFIX) or "__" not in variable.removeprefix(ENVIRONMENT_PREFIX):
            continue
        key = by_variable.get(variable)
        if key is None or text.strip():  # `NAME= command` is how a shell says "not set"
            name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            reading.take("environment", key, name, text, f"environment variable {clean(variable)}")
    return reading


def _flatten(table: dict[str, object], prefix: str, flat: dict[str, object]) -> None:
    for name, item in table.items():
        full = prefix + name
        known = all_keys().get(full)
        if isinstance(item, dict) and known is None and item:
            _flatten(item, f"{full}.", flat)
        elif item == {} and (known.is_table if known else _is_section(full)):
            continue  # an empty table of the tree
        else:
            flat[full] = item


def _is_section(name: str) -> bool:
    """Whether `name` is a table of the tree, or one that `config set` of an earlier version wrote a heading of."""
    return name in _FORMER_SECTIONS or any(key.startswith(f"{name}.") for key in all_keys())


_HEADING = (
    "# tabsmith's settings, written by `tabsmith config set`. Values you change here are kept, comments are not.\n"
)


def set_value(key: str, text: str, *, env: Mapping[str, str] | None = None, path: Path | None = None) -> Setting:
    """Set `key` in the file to the value of `text` ("" is its default), and return the key as it is now.

    A keymap entry is set as `ui.keymap.ACTION`. Raises ConfigError for an unknown key, a wrong value, or other
    mistakes in the file, and StorageError; the file then stays as it was. A variable of the environment still overrides.
    """
    path = (path or folders().settings_file).resolve()  # a link to elsewhere stays a link
    setting_key, entry = _find(key)
    with FileLock(path.with_name(f"{path.name}.lock")):
        raw = read_file(path)
        for name in raw:
            if name not in all_keys():
                raise unknown_key(name, file_place(path, name))
        _put(raw, setting_key, entry, text.strip())
        write_atomic(path, _render(raw).encode())
    return next(setting for setting in describe(env, path) if setting.key == setting_key.name)


def _find(name: str) -> tuple[SettingKey, str]:
    """The key called `name`; for an entry of a table, the table's key and the name of the entry."""
    if name in all_keys():
        return all_keys()[name], ""
    for key in all_keys().values():
        if key.is_table and name.startswith(f"{key.name}."):
            return key, name.removeprefix(f"{key.name}.")
    raise unknown_key(name, "the key to set")


def _put(raw: dict[str, object], key: SettingKey, entry: str, text: str) -> None:
    with _naming(key, text, "the value to set"):
        value: object = key.parse(text) if text and not entry else None
        if entry:
            table = {**_as_table(key.convert(raw.get(key.name, {}))), entry: text}
            value = {name: item for name, item in table.items() if item}
        if value is None or value == {}:
            raw.pop(key.name, None)
        else:
            key.convert(value)
            raw[key.name] = value


def _as_table(value: SettingValue) -> Mapping[str, str]:
    return value if isinstance(value, Mapping) else {}


def _render(raw: Mapping[str, object]) -> str:
    import tomli_w

    parts = [_HEADING]
    open_table = ""
    for key in all_keys().values():  # in the tree, a table's own keys come before the tables below it
        table, _, name = key.name.rpartition(".")
        value = raw.get(key.name)
        if key.is_table:
            table, body = key.name, tomli_w.dumps(value) if isinstance(value, dict) else ""
        elif key.name in raw:
            body = tomli_w.dumps({name: value})
        else:
            lines = tomli_w.dumps({name: key.default_in_file}).splitlines()
            body = f"# {' '.join(line.strip() for line in lines)}\n"
        if table != open_table:
            parts.append(f"\n[{table}]\n")
            open_table = table
        parts.append(f"# {key.description} Takes {key.type_label}.\n{body}")
    return "".join(parts)
