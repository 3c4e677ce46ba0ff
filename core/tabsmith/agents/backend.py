"""What each agent that uses a language model provides; `llm/agent.py` and its siblings implement it. And which agents can be used on
this machine, and why the others cannot.

That is told from what is installed, set and found. No package of an agent is imported and no network is used, so
whether a key is accepted shows only in a run.
"""

from importlib import import_module
from typing import Literal, Protocol, TypeAlias, cast

import msgspec

from tabsmith.agent_registry import AGENTS
from tabsmith.agents.agent_jobs import CodingAgent, JobSandbox
from tabsmith.agents.protocol import AgentName, ModelClient
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentMissingError, ConfigError, UsageError

AvailabilityState: TypeAlias = Literal["usable", "not usable", "unknown"]


class Availability(msgspec.Struct, frozen=True):
    """Whether an agent can be used here: `usable` if all that tabsmith can check is there, `unknown` if the agent needs
    a login that only its own program can see. `why` says what was found or what is missing."""

    agent: AgentName
    usable: AvailabilityState
    why: str
    next_step: str = ""


class AgentBackend(Protocol):
    """A module with these functions. Importing it imports no package of the agent."""

    def availability(self, settings: AgentSettings, /) -> Availability:
        """Tell whether the agent can be used, from what is installed and set; nobody is asked."""
        ...

    def key_variables(self, settings: AgentSettings, /) -> tuple[str, ...]:
        """Return the environment variables that may hold the agent's key; () if it has a login of its own."""
        ...

    def model_name(self, settings: AgentSettings, /) -> str:
        """Return the model, or the program, that the settings name; "" if the other side chooses."""
        ...

    def make_client(self, settings: AgentSettings, /) -> ModelClient:
        """Return a client that answers prompts. Raises AgentMissingError."""
        ...

    def make_coding_agent(self, settings: AgentSettings, sandbox: JobSandbox, /) -> CodingAgent:
        """Return an agent that works in folders, within the job's sandbox. Raises AgentError if the agent only answers."""
        ...


def backend(name: AgentName) -> AgentBackend:
    """Import the backend of an agent. Raises AgentError for an agent without one."""
    if not AGENTS[name].uses_llm:
        raise AgentError(f"The agent {name} asks no language model.", next_step="Choose another agent.")
    return cast("AgentBackend", import_module(AGENTS[name].module))


def not_usable(agent: AgentName, error: AgentMissingError | ConfigError) -> Availability:
    """Return the availability of an agent that lacks what `error` says."""
    where = f" ({error.where})" if error.where else ""
    return Availability(agent, "not usable", f"{error.what.rstrip('.')}{where}", error.next_step)


def availability(settings: AgentSettings) -> tuple[Availability, ...]:
    """Return the availability of each agent, in the order in which they are offered."""
    return tuple(agent_availability(name, settings) for name in AGENTS)


def agent_availability(agent: AgentName, settings: AgentSettings) -> Availability:
    """Return the availability of one agent."""
    if not AGENTS[agent].uses_llm:
        return Availability(agent, "usable", "a part of tabsmith; needs no language model")
    return backend(agent).availability(settings)


def key_variables(agent: AgentName, settings: AgentSettings) -> tuple[str, ...]:
    """Return the variables that may hold the agent's key; () if it needs none or has a login of its own."""
    return backend(agent).key_variables(settings) if AGENTS[agent].uses_llm else ()


def selectable_agents(settings: AgentSettings) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
    """Return the agents that can be chosen, and for each other agent why not. An agent whose login only its own program
    can see can be chosen."""
    return selectable(availability(settings))


def selectable(rows: tuple[Availability, ...]) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
    """Return what `selectable_agents` does, from availabilities that are known already."""
    why_not = {row.agent: f"{row.why}. {row.next_step}".strip() for row in rows if row.usable == "not usable"}
    return tuple(row.agent for row in rows if row.agent not in why_not), why_not


def require_available(agent: AgentName, settings: AgentSettings) -> None:
    """Raise UsageError, with the reason and the next step, if the agent cannot be used here."""
    row = agent_availability(agent, settings)
    if row.usable == "not usable":
        raise UsageError(f"The agent {agent} cannot be used: {row.why}.", next_step=row.next_step)
