"""A setting is changed: the file is written again in the tree's order, each key under its description.

Comments that the user wrote into the file are not kept; values are. A key that is not set stands there as a comment
with its default, so that the file explains itself.
"""

from collections.abc import Mapping
from pathlib import Path

from tabsmith.config.keys import SettingKey, SettingValue, all_keys
from tabsmith.config.loading import Setting, describe, file_place, read_file, unknown_key, wrong_condition, wrong_value
from tabsmith.errors import ConditionError
from tabsmith.paths import folders
from tabsmith.storage import FileLock, write_atomic

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
    try:
        value: object = key.parse(text) if text and not entry else None
        if entry:
            table = {**_as_table(key.convert(raw.get(key.name, {}))), entry: text}
            value = {name: item for name, item in table.items() if item}
        if value is None or value == {}:
            raw.pop(key.name, None)
        else:
            key.convert(value)
            raw[key.name] = value
    except ConditionError as error:
        raise wrong_condition(key, error, "the value to set") from error
    except (ValueError, TypeError) as error:
        raise wrong_value(key, text, "the value to set") from error


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
