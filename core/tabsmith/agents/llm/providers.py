"""The llm agent's speaker, chosen: which provider, which model, at which address, with which key.

Nothing heavy is imported before a speaker is made, so `choose_endpoint` also serves who only asks whether one could be.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from tabsmith.agents.api_keys import agent_environment, keys_file
from tabsmith.agents.protocol import ModelClient
from tabsmith.config.settings import AgentSettings, LlmSettings
from tabsmith.errors import AgentMissingError, ConfigError
from tabsmith.text import clean

ProviderName: TypeAlias = Literal["openai", "ollama", "anthropic"]

NO_KEY: Final = "no-key"
"""Sent to a server of one's own that was given no key: the clients insist on one, such servers mostly do not."""


class _Provider(msgspec.Struct, frozen=True):
    key: str  # the variable that holds the key
    base_url: str  # the variable that holds the address
    home: str  # the address when none is given
    open: bool = False  # whether its own address needs no key


_PROVIDERS: Final[Mapping[ProviderName, _Provider]] = MappingProxyType(
    {
        "openai": _Provider("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1"),
        "ollama": _Provider("OLLAMA_API_KEY", "OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1", open=True),
        "anthropic": _Provider("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    }
)
KEY_VARIABLES: Final[Mapping[ProviderName, str]] = MappingProxyType({name: p.key for name, p in _PROVIDERS.items()})
_PACKAGES: Final = ("pydantic_ai", "genai_prices", "openai", "anthropic")
_SET_MODEL: Final = "Run `tabsmith config set agents.llm.model openai:NAME`, or ollama:NAME, or anthropic:NAME."


class ModelEndpoint(msgspec.Struct, frozen=True):
    """Whom the llm agent asks. `key` is NO_KEY when there is none and none is needed."""

    provider: ProviderName
    model: str
    base_url: str
    key: str

    @property
    def key_variable(self) -> str:
        return _PROVIDERS[self.provider].key

    @property
    def name(self) -> str:
        """As the settings name it: `openai:NAME`."""
        return f"{self.provider}:{self.model}"

    @property
    def host(self) -> str:
        """Where the server is, without a name or a password that its address may hold."""
        parts = urlsplit(self.base_url)
        return clean(parts.netloc.rpartition("@")[2] or parts.path)

    def __repr__(self) -> str:
        return f"Choice({self.name!r} at {self.host!r})"  # the key stays out of every traceback


def choose_endpoint(settings: LlmSettings) -> ModelEndpoint:
    """The model that the settings and the environment name. Raises AgentMissingError when a part of it is not there."""
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise AgentMissingError(
            f"The llm agent needs packages that are not installed: {', '.join(missing)}.",
            next_step="Install tabsmith with its part for language models: `tabsmith[llm]`.",
        )
    provider, model = _named(settings.model or "")
    about = _PROVIDERS[provider]
    try:
        variables = agent_environment()
    except ConfigError as error:
        raise AgentMissingError(error.what, where=error.where, next_step=error.next_step) from error
    given = settings.base_url or variables.get(about.base_url, "")
    key = variables.get(about.key, "").strip()
    if not key and not given and not about.open:
        raise AgentMissingError(
            f"The llm agent needs a key to ask {provider}: {about.key} is not set.",
            next_step=f"Set {about.key} in the environment, or in {keys_file()} with mode 600.",
        )
    if not (key.isascii() and key.isprintable()):
        raise AgentMissingError(
            f"What {about.key} holds is no key: it has characters that no key has.",
            next_step=f"Copy the key into {about.key} again.",
        )
    return ModelEndpoint(provider, model, _address(provider, given or about.home), key or NO_KEY)


def make_client(settings: AgentSettings) -> ModelClient:
    """A speaker for the model that is set. Raises AgentMissingError."""
    chosen = choose_endpoint(settings.llm)
    from tabsmith.agents.llm.client import LlmClient  # a second of imports

    return LlmClient(chosen)


def _named(model: str) -> tuple[ProviderName, str]:
    if not model:
        raise AgentMissingError("The llm agent has no model set.", next_step=_SET_MODEL)
    provider, _, name = model.partition(":")
    for known in _PROVIDERS:
        if provider.strip() == known and name.strip():
            return known, name.strip()
    raise AgentMissingError(f"The llm agent cannot tell the provider from {clean(model, 60)!r}.", next_step=_SET_MODEL)


def _address(provider: ProviderName, given: str) -> str:
    try:
        parts = urlsplit(given.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise AgentMissingError(
            "The address of the model's server is not one that starts with http:// or https://.",
            where="agents.llm.base_url",
            next_step="Run `tabsmith config set agents.llm.base_url http://HOST:PORT/v1`.",
        )
    if provider == "ollama" and parts.path in {"", "/"}:  # as Ollama itself writes its address
        return parts._replace(path="/v1").geturl()
    return parts.geturl()
