"""The settings of agents as a form, read from file and environment as one value and saved key by key; and a check whether
their server accepts connections.

The functions read and write files: call them in a thread.
"""

import os
import socket
import threading
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args
from urllib.parse import urlsplit

import msgspec

from tabsmith.agent_registry import AGENTS
from tabsmith.agents.api_keys import KeySource, find_key, keys_file
from tabsmith.agents.backend import Availability, availability, key_variables
from tabsmith.agents.llm.providers import choose_endpoint
from tabsmith.agents.protocol import AgentName
from tabsmith.conditions import parse_condition
from tabsmith.config import Settings, load
from tabsmith.config.keys import SettingKey, all_keys
from tabsmith.config.loading import SettingSource, describe
from tabsmith.config.settings import LlmSettings
from tabsmith.errors import ConditionError, ConfigError, UsageError
from tabsmith.paths import folders
from tabsmith.text import clean

DEFAULT: Final = "agents.default"
BREAKPOINTS: Final = "agents.breakpoints"
DOLLARS: Final = "agents.dollars"
OWN: Final = MappingProxyType[AgentName, tuple[str, ...]]({name: spec.settings for name, spec in AGENTS.items()})
"""The setting keys of each agent."""
COMMON: Final = ("agents.mode", "agents.grader", "agents.timeout", DOLLARS)
"""The setting keys that all agents share."""
_LONGEST: Final = 4_096


class SettingEntry(msgspec.Struct, frozen=True):
    """A setting to show and change: its value as typed ("" if not set), the source of the value, and its possible values
    if they are few."""

    key: str
    text: str
    source: SettingSource
    variable: str
    description: str
    takes: str
    options: tuple[str, ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether the environment variable gives the value, so that it cannot be changed in the file."""
        return self.source == "environment"


class KeyFound(msgspec.Struct, frozen=True):
    """The place where a provider's API key is found, by the name of its variable; never the key itself."""

    variable: str
    place: KeySource


class AgentSettingsForm(msgspec.Struct, frozen=True):
    """Everything that the agents screen shows, read at one moment."""

    settings: Settings
    found: tuple[Availability, ...]
    entries: dict[str, SettingEntry]
    keys: dict[AgentName, tuple[KeyFound, ...]]
    keys_problem: str
    keys_file: str
    settings_file: str

    @property
    def default(self) -> AgentName:
        return self.settings.agents.default

    @property
    def breakpoints(self) -> tuple[str, ...]:
        return self.settings.agents.breakpoints


def read() -> AgentSettingsForm:
    """Read the settings in force and the availability of the agents. Raises ConfigError if the settings are wrong."""
    settings = load()
    sources = {setting.key: setting.source for setting in describe()}
    names = (DEFAULT, BREAKPOINTS, *COMMON, *(name for own in OWN.values() for name in own))
    entries = {name: _entry(all_keys()[name], settings, sources[name]) for name in names}
    problem = ""
    keys: dict[AgentName, tuple[KeyFound, ...]] = {}
    try:
        for agent in OWN:
            keys[agent] = tuple(KeyFound(name, find_key(name)) for name in key_variables(agent, settings.agents))
    except ConfigError as error:
        keys, problem = {}, f"{error.what} {error.next_step}"
    return AgentSettingsForm(
        settings,
        availability(settings.agents),
        entries,
        keys,
        problem,
        _short(keys_file()),
        _short(folders().settings_file),
    )


def save(key: str, text: str) -> AgentSettingsForm:
    """Set `key` in the settings file to `text` ("" for the default), and read everything again.

    Raises ConfigError and StorageError; the file is then unchanged.
    """
    from tabsmith.config.loading import set_value

    if key == DOLLARS:
        _check_dollars(text)
    set_value(key, text)
    return read()


def save_breakpoints(conditions: Sequence[str]) -> AgentSettingsForm:
    """Set the conditions at which runs pause; they may be empty. Raises the errors of `save`."""
    return save(BREAKPOINTS, msgspec.json.encode(list(conditions)).decode())


def with_condition(conditions: Sequence[str], text: str, replaced: str = "") -> tuple[str, ...]:
    """Replace a condition by `text`, or append it. Raises ConditionError if `text` is not a condition, or equals another
    one."""
    wanted = parse_condition(text)
    others = [condition for condition in conditions if condition != replaced]
    if any(parse_condition(condition) == wanted for condition in others):
        raise ConditionError(
            "This condition is in the list already.", where=clean(text, 120), next_step="Write another one."
        )
    written = wanted.name or text.strip()
    if replaced in conditions:
        return tuple(written if condition == replaced else condition for condition in conditions)
    return (*conditions, written)


def _short(path: Path) -> str:
    """A path with `~` for the home folder."""
    home = os.environ.get("HOME", "")
    return f"~/{path.relative_to(home)}" if home and path.is_relative_to(home) else str(path)


def _check_dollars(text: str) -> None:
    """Raises ConfigError if no run could use `text` as its budget."""
    from tabsmith.orchestration.limits import read_budget, show_budget

    try:
        budget = read_budget(show_budget(text))
    except UsageError as error:
        raise ConfigError(
            error.what, where=DOLLARS, next_step="Write it like 2.00, or nothing for no limit."
        ) from error
    if budget.tokens:
        raise ConfigError(
            "Tokens are limited for a run alone, not here.", where=DOLLARS, next_step="Write it like 2.00."
        )


def _entry(key: SettingKey, settings: Settings, source: SettingSource) -> SettingEntry:
    value = attrgetter(key.name)(settings)
    text = "" if value is None or value == () else clean(key.format(value), _LONGEST)
    options = tuple(get_args(key.kind)) if key.type_label.startswith("one of ") else ()
    return SettingEntry(key.name, text, source, key.variable, key.description, key.type_label, options)


_TIMEOUT: Final = 1.0  # seconds to wait for a connection


def server_address(settings: LlmSettings) -> str:
    """Return `host:port` of the llm agent's server. Raises AgentMissingError if the settings name no model."""
    address = urlsplit(choose_endpoint(settings).base_url)
    return f"{address.hostname}:{address.port or {'http': 80}.get(address.scheme, 443)}"


def connection_problem(address: str) -> str:
    """Return why `host:port` cannot be connected to, or ""."""
    host, _, port = address.rpartition(":")
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
        except OSError as error:
            outcome.append(error.strerror or str(error))
        else:
            outcome.append("")

    attempt = threading.Thread(target=connect, daemon=True)  # looking up a name has no time limit of its own
    attempt.start()
    attempt.join(_TIMEOUT)
    return outcome[0] if outcome else f"no answer within {_TIMEOUT:g} s"
