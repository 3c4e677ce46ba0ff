"""Which agents can be used here, and why not: told from what is installed, set and found, without asking anybody.

No package of an agent is imported and no network is used, so whether a key is accepted shows only in a run.

Which agents can be chosen here, and of the others why not, in words for a form or a message.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.agents.acp.connection import resolve_command
from tabsmith.agents.api_keys import agent_environment, keys_file
from tabsmith.agents.claude_code import client as claude_code
from tabsmith.agents.llm import providers
from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentMissingError, ConfigError, UsageError
from tabsmith.text import clean

AvailabilityState: TypeAlias = Literal["usable", "not usable", "unknown"]

_CLAUDE_KEYS: Final = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_CLAUDE_CLOUDS: Final = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")


class Availability(msgspec.Struct, frozen=True):
    """Whether an agent can be used: `usable` when all that tabsmith can see of it is here, `unknown` when it needs a
    login that only its own program can see. `why` says what was found or what is missing."""

    agent: AgentName
    usable: AvailabilityState
    why: str
    next_step: str = ""


def availability(settings: AgentSettings) -> tuple[Availability, ...]:
    """One for each agent, in the order in which they are offered."""
    return (
        Availability("search", "usable", "a part of tabsmith; needs no language model"),
        _llm(settings),
        _claude_code(settings),
        _acp(settings),
    )


def key_variables(agent: AgentName, settings: AgentSettings) -> tuple[str, ...]:
    """The variables of which the agent takes its key; none for one that needs none, or has a login of its own."""
    if agent == "claude-code":
        return _CLAUDE_KEYS
    if agent != "llm":
        return ()
    named = (settings.llm.model or "").partition(":")[0].strip()
    return tuple(each for provider, each in providers.KEY_VARIABLES.items() if provider == named) or tuple(
        providers.KEY_VARIABLES.values()
    )


def _llm(settings: AgentSettings) -> Availability:
    try:
        chosen = providers.choose_endpoint(settings.llm)
    except AgentMissingError as error:
        return _missing("llm", error)
    key = "without a key" if chosen.key == providers.NO_KEY else f"with the key in {chosen.key_variable}"
    return Availability("llm", "usable", f"{clean(chosen.name, 60)} at {chosen.host}, {key}")


def _claude_code(settings: AgentSettings) -> Availability:
    try:
        program = claude_code.find_program()
        variables = agent_environment()
    except (AgentMissingError, ConfigError) as error:
        return _missing("claude-code", error)
    model = f"{clean(settings.claude_code.model, 60)}, " if settings.claude_code.model else ""
    login = _claude_login(variables)
    if login:
        return Availability("claude-code", "usable", f"{model}{clean(program)}, {login}")
    return Availability(
        "claude-code",
        "unknown",
        f"{model}{clean(program)}; no key is set, and its own login cannot be seen",
        f"Run `claude` once and log in, or set ANTHROPIC_API_KEY in the environment or in {keys_file()}.",
    )


def _claude_login(variables: Mapping[str, str]) -> str:
    """How Claude Code will identify itself, in words; "" when that cannot be seen."""
    for name in _CLAUDE_KEYS:
        if variables.get(name, "").strip():
            return f"with the key in {name}"
    for name in _CLAUDE_CLOUDS:
        if variables.get(name, "").strip() not in {"", "0", "false"}:
            return f"by {name}"
    home = variables.get("CLAUDE_CONFIG_DIR") or f"{variables.get('HOME', '')}/.claude"
    return "with its own login" if Path(home, ".credentials.json").is_file() else ""


def _acp(settings: AgentSettings) -> Availability:
    try:
        program = resolve_command(settings.acp.command, agent_environment())[0]
    except (AgentMissingError, ConfigError) as error:
        return _missing("acp", error)
    return Availability("acp", "usable", f"{clean(program)}, which has its own model and login")


def _missing(agent: AgentName, error: AgentMissingError | ConfigError) -> Availability:
    where = f" ({error.where})" if error.where else ""
    return Availability(agent, "not usable", f"{error.what.rstrip('.')}{where}", error.next_step)


def selectable_agents(settings: AgentSettings) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
    """The agents that can be chosen, and why each of the others cannot. One of which only a run can tell (a login that
    nobody but its own program sees) can be chosen."""
    return selectable(availability(settings))


def selectable(found: tuple[Availability, ...]) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
    """`selectable_agents`, of what was found before."""
    why_not = {each.agent: f"{each.why}. {each.next_step}".strip() for each in found if each.usable == "not usable"}
    return tuple(each.agent for each in found if each.agent not in why_not), why_not


def require_available(agent: AgentName, settings: AgentSettings) -> None:
    """Raises UsageError, with why and what to do, when the agent cannot be used here."""
    each = next(each for each in availability(settings) if each.agent == agent)
    if each.usable == "not usable":
        raise UsageError(f"The agent {agent} cannot be used: {each.why}.", next_step=each.next_step)
