"""The agents by name. To add one, write its package `agents/NAME` with an `agent.py` (see `agents/backend.py`), register it
here, and give it its settings in `config/settings.py`. docs/contributing.md has the steps."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import msgspec


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it is offered. `module` is its backend, "" for the search that needs no model.

    `settings` are the keys of the agent's own settings, `extra` is the extra of tabsmith that installs `packages`.
    """

    name: str
    label: str
    description: str
    module: str = ""
    works_in_folders: bool = False
    settings: tuple[str, ...] = ()
    extra: str = ""
    packages: tuple[str, ...] = ()

    @property
    def uses_llm(self) -> bool:
        """Whether the agent asks a language model."""
        return bool(self.module)


_specs: Final[dict[str, AgentSpec]] = {}
AGENTS: Final[Mapping[str, AgentSpec]] = MappingProxyType(_specs)
"""The agents by name, in the order in which they are offered."""


def register(*specs: AgentSpec) -> None:
    """Add agents to the list.

    Raises ValueError for a name that is taken, and RuntimeError once the names were read: what was made from them (the
    type of a setting, for one) would not know the agent.
    """
    for spec in specs:
        if spec.name in _specs:
            raise ValueError(f"There is an agent {spec.name} already.")
        if agent_names.cache_info().currsize:
            raise RuntimeError(f"The agent {spec.name} is registered too late: the list of agents was read before.")
        _specs[spec.name] = spec


@cache
def agent_names(*, in_folders: bool = False) -> tuple[str, ...]:
    """The names of all agents, or of those that work in folders."""
    return tuple(name for name, spec in _specs.items() if spec.works_in_folders or not in_folders)


register(
    AgentSpec(
        name="search",
        label="search, without a language model",
        description="tabsmith's own search, without a language model",
    ),
    AgentSpec(
        name="llm",
        label="a language model",
        description="a language model, asked through its provider's interface",
        module="tabsmith.agents.llm.agent",
        settings=("agents.llm.model", "agents.llm.base_url"),
        extra="llm",
        packages=("pydantic-ai-slim", "genai-prices"),
    ),
    AgentSpec(
        name="claude-code",
        label="Claude Code",
        description="the Claude Code program on this machine",
        module="tabsmith.agents.claude_code.agent",
        works_in_folders=True,
        settings=("agents.claude_code.model",),
        extra="claude",
        packages=("claude-agent-sdk",),
    ),
    AgentSpec(
        name="acp",
        label="an ACP agent",
        description="any program that speaks the Agent Client Protocol",
        module="tabsmith.agents.acp.agent",
        works_in_folders=True,
        settings=("agents.acp.command",),
        extra="acp",
        packages=("agent-client-protocol",),
    ),
)
