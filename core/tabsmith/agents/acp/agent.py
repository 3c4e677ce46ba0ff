"""The agent `acp`, for the registry."""

from pathlib import Path

from tabsmith.agents.acp.client import AcpClient
from tabsmith.agents.acp.coding_agent import AcpCodingAgent
from tabsmith.agents.acp.connection import resolve_command
from tabsmith.agents.agent_jobs import CodingAgent, CommandWrapper
from tabsmith.agents.api_keys import agent_environment
from tabsmith.agents.backend import Availability, not_usable
from tabsmith.agents.protocol import ModelClient
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentMissingError, ConfigError
from tabsmith.text import clean


def availability(settings: AgentSettings) -> Availability:
    """Tell whether the command's program and the protocol's package are there."""
    try:
        program = resolve_command(settings.acp.command, agent_environment())[0]
    except (AgentMissingError, ConfigError) as error:
        return not_usable("acp", error)
    return Availability("acp", "usable", f"{clean(program)}, which has its own model and login")


def key_variables(_settings: AgentSettings) -> tuple[str, ...]:
    """Return (): the program has a login of its own."""
    return ()


def model_name(settings: AgentSettings) -> str:
    """Return the name of the program, which chooses its model; "" if none is set."""
    return Path(settings.acp.command[0]).name if settings.acp.command else ""


def make_client(settings: AgentSettings) -> ModelClient:
    """Return a client; it starts the program for each prompt."""
    return AcpClient(settings.acp.command)


def make_coding_agent(
    settings: AgentSettings, _wrap_commands: CommandWrapper, wrap_program: CommandWrapper
) -> CodingAgent:
    """Return a coding agent whose program runs in the job's sandbox as a whole, as its commands cannot be told apart."""
    return AcpCodingAgent(settings.acp.command, wrap_program)
