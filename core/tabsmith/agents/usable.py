"""Which agents can be chosen here, and of the others why not, in words for a form or a message."""

from tabsmith.agents.availability import Availability, availability
from tabsmith.agents.protocol import AgentName
from tabsmith.config.tree import Agents
from tabsmith.errors import UsageError


def offers(settings: Agents) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
    """The agents that can be chosen, and why each of the others cannot. One of which only a run can tell (a login that
    nobody but its own program sees) can be chosen."""
    return offered(availability(settings))


def offered(found: tuple[Availability, ...]) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
    """`offers`, of what was found before."""
    why_not = {each.agent: f"{each.why}. {each.next_step}".strip() for each in found if each.usable == "not usable"}
    return tuple(each.agent for each in found if each.agent not in why_not), why_not


def require_usable(agent: AgentName, settings: Agents) -> None:
    """Raises UsageError, with why and what to do, when the agent cannot be used here."""
    each = next(each for each in availability(settings) if each.agent == agent)
    if each.usable == "not usable":
        raise UsageError(f"The agent {agent} cannot be used: {each.why}.", next_step=each.next_step)
