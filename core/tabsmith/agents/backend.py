"""What each agent that uses a language model provides to the registry; `llm/agent.py` and its siblings implement it."""

from typing import Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import CodingAgent, CommandWrapper
from tabsmith.agents.protocol import AgentName, ModelClient
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentMissingError, ConfigError

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

    def make_coding_agent(
        self, settings: AgentSettings, wrap_commands: CommandWrapper, wrap_program: CommandWrapper, /
    ) -> CodingAgent:
        """Return an agent that works in folders. `wrap_commands` puts each command that the agent runs into the job's
        sandbox, `wrap_program` the agent's whole program. Raises AgentError if the agent only answers."""
        ...


def not_usable(agent: AgentName, error: AgentMissingError | ConfigError) -> Availability:
    """Return the availability of an agent that lacks what `error` says."""
    where = f" ({error.where})" if error.where else ""
    return Availability(agent, "not usable", f"{error.what.rstrip('.')}{where}", error.next_step)
