"""The agents. To add one, write its package with an `agent.py` (see `backend.py`), register it here, and add its name
to `AgentName` in config/settings.py. docs/contributing.md has the steps."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from tabsmith.agents.backend import AgentBackend
from tabsmith.agents.protocol import AgentName
from tabsmith.errors import AgentError


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it is offered. `load` imports its backend, which is None for the search that needs no model.

    `settings` are the keys of the agent's own settings, `extra` is the extra of tabsmith that installs `packages`.
    """

    name: AgentName
    label: str
    description: str
    load: Callable[[], AgentBackend] | None = None
    works_in_folders: bool = False
    settings: tuple[str, ...] = ()
    extra: str = ""
    packages: tuple[str, ...] = ()

    @property
    def uses_llm(self) -> bool:
        """Whether the agent asks a language model."""
        return self.load is not None


def _llm() -> AgentBackend:
    from tabsmith.agents.llm import agent

    return agent


def _claude_code() -> AgentBackend:
    from tabsmith.agents.claude_code import agent

    return agent


def _acp() -> AgentBackend:
    from tabsmith.agents.acp import agent

    return agent


_SPECS: Final = (
    AgentSpec(
        name="search",
        label="search, without a language model",
        description="tabsmith's own search, without a language model",
    ),
    AgentSpec(
        name="llm",
        label="a language model",
        description="a language model, asked through its provider's interface",
        load=_llm,
        settings=("agents.llm.model", "agents.llm.base_url"),
        extra="llm",
        packages=("pydantic-ai-slim", "genai-prices"),
    ),
    AgentSpec(
        name="claude-code",
        label="Claude Code",
        description="the Claude Code program on this machine",
        load=_claude_code,
        works_in_folders=True,
        settings=("agents.claude_code.model",),
        extra="claude",
        packages=("claude-agent-sdk",),
    ),
    AgentSpec(
        name="acp",
        label="an ACP agent",
        description="any program that speaks the Agent Client Protocol",
        load=_acp,
        works_in_folders=True,
        settings=("agents.acp.command",),
        extra="acp",
        packages=("agent-client-protocol",),
    ),
)

AGENTS: Final[Mapping[AgentName, AgentSpec]] = MappingProxyType({spec.name: spec for spec in _SPECS})
"""The agents by name, in the order in which they are offered."""


def backend(name: AgentName) -> AgentBackend:
    """Import the backend of an agent. Raises AgentError for an agent without one."""
    load = AGENTS[name].load
    if load is None:
        raise AgentError(f"The agent {name} asks no language model.", next_step="Choose another agent.")
    return load()
