"""Which agents can be used on this machine, and why the others cannot.

This is told from what is installed, set and found. No package of an agent is imported and no network is used, so
whether a key is accepted shows only in a run.
"""

from tabsmith.agents.backend import Availability as Availability
from tabsmith.agents.backend import AvailabilityState as AvailabilityState
from tabsmith.agents.protocol import AgentName
from tabsmith.agents.registry import AGENTS
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import UsageError


def availability(settings: AgentSettings) -> tuple[Availability, ...]:
    """Return the availability of each agent, in the order in which they are offered."""
    return tuple(agent_availability(name, settings) for name in AGENTS)


def agent_availability(agent: AgentName, settings: AgentSettings) -> Availability:
    """Return the availability of one agent."""
    load = AGENTS[agent].load
    if load is None:
        return Availability(agent, "usable", "a part of tabsmith; needs no language model")
    return load().availability(settings)


def key_variables(agent: AgentName, settings: AgentSettings) -> tuple[str, ...]:
    """Return the variables that may hold the agent's key; () if it needs none or has a login of its own."""
    load = AGENTS[agent].load
    return load().key_variables(settings) if load else ()


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
