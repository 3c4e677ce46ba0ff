"""The agent `llm`, for the registry."""

from tabsmith.agents.agent_jobs import CodingAgent, JobSandbox
from tabsmith.agents.backend import Availability, not_usable
from tabsmith.agents.llm.providers import KEY_VARIABLES, NO_KEY, choose_endpoint
from tabsmith.agents.protocol import ModelClient
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentMissingError
from tabsmith.text import clean


def availability(settings: AgentSettings) -> Availability:
    """Tell whether the packages, the model and a key are there."""
    try:
        endpoint = choose_endpoint(settings.llm)
    except AgentMissingError as error:
        return not_usable("llm", error)
    key = "without a key" if endpoint.key == NO_KEY else f"with the key in {endpoint.key_variable}"
    return Availability("llm", "usable", f"{clean(endpoint.name, 60)} at {endpoint.host}, {key}")


def key_variables(settings: AgentSettings) -> tuple[str, ...]:
    """Return the key variable of the provider that is set, or of all providers if none is."""
    provider = (settings.llm.model or "").partition(":")[0].strip()
    return tuple(key for name, key in KEY_VARIABLES.items() if name == provider) or tuple(KEY_VARIABLES.values())


def model_name(settings: AgentSettings) -> str:
    """Return the model as the settings name it, such as `openai:NAME`."""
    return settings.llm.model or ""


def make_client(settings: AgentSettings) -> ModelClient:
    """Return a client for the model that is set. Raises AgentMissingError."""
    endpoint = choose_endpoint(settings.llm)
    from tabsmith.agents.llm.client import LlmClient  # its imports take a second

    return LlmClient(endpoint)


def make_coding_agent(settings: AgentSettings, sandbox: JobSandbox) -> CodingAgent:
    """Raise AgentError: a chat model only answers."""
    del settings, sandbox
    raise AgentError("The agent llm only answers; it cannot work in a folder.", next_step="Choose claude-code or acp.")
