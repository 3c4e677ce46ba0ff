"""The agent `claude-code`, for the registry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tabsmith.agents.agent_jobs import CodingAgent, CommandWrapper
from tabsmith.agents.api_keys import agent_environment, keys_file
from tabsmith.agents.backend import Availability, not_usable
from tabsmith.agents.claude_code.client import ClaudeCodeClient, find_program
from tabsmith.agents.claude_code.coding_agent import ClaudeCodingAgent
from tabsmith.agents.claude_code.config_home import KEYS
from tabsmith.agents.protocol import ModelClient
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentMissingError, ConfigError
from tabsmith.text import clean

_CLOUDS: Final = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")


def availability(settings: AgentSettings) -> Availability:
    """Tell whether the program is there, and whether its login can be seen."""
    try:
        program = find_program()
        variables = agent_environment()
    except (AgentMissingError, ConfigError) as error:
        return not_usable("claude-code", error)
    name = model_name(settings)
    model = f"{clean(name, 60)}, " if name else ""
    login = _login(variables)
    if login:
        return Availability("claude-code", "usable", f"{model}{clean(program)}, {login}")
    return Availability(
        "claude-code",
        "unknown",
        f"{model}{clean(program)}; no key is set, and its own login cannot be seen",
        f"Run `claude` once and log in, or set ANTHROPIC_API_KEY in the environment or in {keys_file()}.",
    )


def key_variables(_settings: AgentSettings) -> tuple[str, ...]:
    """Return the variables in which Claude Code looks for a key."""
    return KEYS


def model_name(settings: AgentSettings) -> str:
    """Return the model that the settings name; "" for the program's own choice."""
    return settings.claude_code.model or ""


def make_client(settings: AgentSettings) -> ModelClient:
    """Return a client; it starts a program for each prompt."""
    return ClaudeCodeClient(model_name(settings))


def make_coding_agent(
    settings: AgentSettings, wrap_commands: CommandWrapper, _wrap_program: CommandWrapper
) -> CodingAgent:
    """Return a coding agent whose commands run in the job's sandbox. The program itself stays outside, because it needs
    its login and its model's server; its file tools pass the permission policy."""
    return ClaudeCodingAgent(model_name(settings), wrap_commands)


def _login(variables: Mapping[str, str]) -> str:
    """How Claude Code will identify itself, in words; "" if that cannot be seen."""
    for name in KEYS:
        if variables.get(name, "").strip():
            return f"with the key in {name}"
    for name in _CLOUDS:
        if variables.get(name, "").strip() not in {"", "0", "false"}:
            return f"by {name}"
    home = variables.get("CLAUDE_CONFIG_DIR") or f"{variables.get('HOME', '')}/.claude"
    return "with its own login" if Path(home, ".credentials.json").is_file() else ""
