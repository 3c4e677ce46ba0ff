"""The providers of the llm agent: which one the settings name, with which model, address and key.

No client library is imported here, so `choose_endpoint` can also tell whether the agent could be used.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from tabsmith.agents.api_keys import agent_environment, keys_file
from tabsmith.config.settings import LlmSettings
from tabsmith.errors import AgentMissingError, ConfigError
from tabsmith.text import clean

ProviderName: TypeAlias = Literal["openai", "ollama", "anthropic"]

NO_KEY: Final = "no-key"
"""Sent to a private server without a key: the client libraries insist on one, such servers mostly do not."""


class _Provider(msgspec.Struct, frozen=True):
    key: str  # the variable with the key
    base_url: str  # the variable with the address
    home: str  # the default address
    open: bool = False  # whether the default address needs no key


_PROVIDERS: Final[Mapping[ProviderName, _Provider]] = MappingProxyType(
    {
        "openai": _Provider("OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1"),
        "ollama": _Provider("OLLAMA_API_KEY", "OLLAMA_BASE_URL", "http://127.0.0.1:11434/v1", open=True),
        "anthropic": _Provider("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
    }
)
KEY_VARIABLES: Final = MappingProxyType[str, str]({name: provider.key for name, provider in _PROVIDERS.items()})
_PACKAGES: Final = ("pydantic_ai", "genai_prices", "openai", "anthropic")
_SET_MODEL: Final = "Run `tabsmith config set agents.llm.model openai:NAME`, or ollama:NAME, or anthropic:NAME."


class ModelEndpoint(msgspec.Struct, frozen=True):
    """The server and model that the llm agent asks. `key` is NO_KEY if there is none and none is needed."""

    provider: ProviderName
    model: str
    base_url: str
    key: str

    @property
    def key_variable(self) -> str:
        return _PROVIDERS[self.provider].key

    @property
    def name(self) -> str:
        """The model as the settings name it: `openai:NAME`."""
        return f"{self.provider}:{self.model}"

    @property
    def host(self) -> str:
        """The server's host and port, without the user name and password that its address may hold."""
        parts = urlsplit(self.base_url)
        return clean(parts.netloc.rpartition("@")[2] or parts.path)

    def __repr__(self) -> str:
        return f"ModelEndpoint({self.name!r} at {self.host!r})"  # the key stays out of every traceback


def choose_endpoint(settings: LlmSettings) -> ModelEndpoint:
    """Return the endpoint that the settings and the environment name. Raises AgentMissingError if any part is missing."""
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise AgentMissingError(
            f"The llm agent needs packages that are not installed: {', '.join(missing)}.",
            next_step="Install tabsmith with its part for language models: `tabsmith[llm]`.",
        )
    provider, model = _split_model(settings.model or "")
    spec = _PROVIDERS[provider]
    try:
        variables = agent_environment()
    except ConfigError as error:
        raise AgentMissingError(error.what, where=error.where, next_step=error.next_step) from error
    given = settings.base_url or variables.get(spec.base_url, "")
    key = variables.get(spec.key, "").strip()
    if not key and not given and not spec.open:
        raise AgentMissingError(
            f"The llm agent needs a key to ask {provider}: {spec.key} is not set.",
            next_step=f"Set {spec.key} in the environment, or in {keys_file()} with mode 600.",
        )
    if not (key.isascii() and key.isprintable()):
        raise AgentMissingError(
            f"What {spec.key} holds is no key: it has characters that no key has.",
            next_step=f"Copy the key into {spec.key} again.",
        )
    return ModelEndpoint(provider, model, _address(provider, given or spec.home), key or NO_KEY)


def _split_model(model: str) -> tuple[ProviderName, str]:
    if not model:
        raise AgentMissingError("The llm agent has no model set.", next_step=_SET_MODEL)
    provider, _, name = model.partition(":")
    for provider_name in _PROVIDERS:
        if provider.strip() == provider_name and name.strip():
            return provider_name, name.strip()
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
    if provider == "ollama" and parts.path in {"", "/"}:  # Ollama itself writes its address without the path
        return parts._replace(path="/v1").geturl()
    return parts.geturl()
