"""The agents' part of the settings as it lies on disk and in the environment: read as one value, and set key by key.

It looks at files, so call it off the UI thread.
"""

import os
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args

import msgspec

from tabsmith.agents.api_keys import KeySource, find_key, keys_file
from tabsmith.agents.availability import Availability, availability, key_variables
from tabsmith.agents.protocol import AgentName
from tabsmith.agents.registry import AGENTS
from tabsmith.conditions.built_in import parse_condition
from tabsmith.config import Settings, load
from tabsmith.config.keys import SettingKey, all_keys
from tabsmith.config.loading import SettingSource, describe
from tabsmith.errors import ConditionError, ConfigError, UsageError
from tabsmith.paths import folders
from tabsmith.text import clean

DEFAULT: Final = "agents.default"
BREAKPOINTS: Final = "agents.breakpoints"
DOLLARS: Final = "agents.dollars"
OWN: Final = MappingProxyType[AgentName, tuple[str, ...]]({name: spec.settings for name, spec in AGENTS.items()})
"""The keys of each agent."""
COMMON: Final = ("agents.mode", "agents.grader", "agents.timeout", DOLLARS)
"""The keys of all agents that talk."""
_LONGEST: Final = 4_096


class SettingEntry(msgspec.Struct, frozen=True):
    """A setting to show and to change: its value as it would be typed ("" when not set), where that comes from, and the
    values it can have where they are few."""

    key: str
    text: str
    source: SettingSource
    variable: str
    description: str
    takes: str
    options: tuple[str, ...] = ()

    @property
    def fixed(self) -> bool:
        """Given by its environment variable, which stands over the file: it cannot be changed here."""
        return self.source == "environment"


class KeyFound(msgspec.Struct, frozen=True):
    """Where a provider's key is found, by the name of its variable; never the key."""

    variable: str
    place: KeySource


class AgentSettingsForm(msgspec.Struct, frozen=True):
    """All that the screen of agents shows, of one moment."""

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
    """The settings in force, and which agents can be used with them. Raises ConfigError for a mistake in them."""
    settings = load()
    sources = {each.key: each.source for each in describe()}
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
    """Set `key` in the file to what `text` stands for ("": back to its default), and read everything anew.

    Raises ConfigError and StorageError; then the file is as it was.
    """
    from tabsmith.config.writing import set_value

    if key == DOLLARS:
        _check_dollars(text)
    set_value(key, text)
    return read()


def save_breakpoints(conditions: Sequence[str]) -> AgentSettingsForm:
    """Set the conditions at which runs stop; none at all is also something to set. Raises like `save`."""
    return save(BREAKPOINTS, msgspec.json.encode(list(conditions)).decode())


def with_condition(conditions: Sequence[str], text: str, instead_of: str = "") -> tuple[str, ...]:
    """The conditions with `text` in the place of another one, or at the end. Raises ConditionError for a text that is
    none, or says the same as another of them."""
    wanted = parse_condition(text)
    others = [each for each in conditions if each != instead_of]
    if any(parse_condition(each) == wanted for each in others):
        raise ConditionError(
            "This condition is in the list already.", where=clean(text, 120), next_step="Write another one."
        )
    written = wanted.name or text.strip()
    if instead_of in conditions:
        return tuple(written if each == instead_of else each for each in conditions)
    return (*conditions, written)


def _short(path: Path) -> str:
    """The path with `~` for the home folder."""
    home = os.environ.get("HOME", "")
    return f"~/{path.relative_to(home)}" if home and path.is_relative_to(home) else str(path)


def _check_dollars(text: str) -> None:
    """Raises ConfigError for what no run could take as its budget."""
    from tabsmith.workflow.inputs import read_budget, show_budget

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
    text = "" if value is None or value == () else clean(key.shown(value), _LONGEST)
    options = tuple(get_args(key.kind)) if key.type_in_words.startswith("one of ") else ()
    return SettingEntry(key.name, text, source, key.variable, key.description, key.type_in_words, options)
