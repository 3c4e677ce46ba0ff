"""The registry of agents agrees with the names in the settings and in task files, and with the settings themselves."""

from typing import get_args

import pytest

from tabsmith.agents.agent_jobs import unwrapped
from tabsmith.agents.registry import AGENTS, backend
from tabsmith.config.keys import all_keys
from tabsmith.config.settings import AgentName, AgentSettings
from tabsmith.errors import AgentError
from tabsmith.tasks.task import TaskAgent

MODEL_AGENTS = [name for name, spec in AGENTS.items() if spec.uses_llm]


def test_every_name_of_an_agent_is_registered_once_in_the_order_of_the_settings() -> None:
    assert tuple(AGENTS) == get_args(AgentName)
    assert all(spec.name == name for name, spec in AGENTS.items())
    assert tuple(name for name, spec in AGENTS.items() if spec.works_in_folders) == get_args(TaskAgent)


def test_the_settings_of_each_agent_exist() -> None:
    keys = set(all_keys())
    assert {setting for spec in AGENTS.values() for setting in spec.settings} <= keys


@pytest.mark.parametrize("name", MODEL_AGENTS)
def test_a_backend_tells_of_its_own_agent_and_makes_a_coding_agent_only_where_the_registry_says_so(
    name: AgentName,
) -> None:
    agent, settings = backend(name), AgentSettings()
    assert agent.availability(settings).agent == name
    if AGENTS[name].works_in_folders:
        assert agent.make_coding_agent(settings, unwrapped, unwrapped).name == name
    else:
        with pytest.raises(AgentError, match="cannot work in a folder"):
            agent.make_coding_agent(settings, unwrapped, unwrapped)


def test_the_search_has_no_backend() -> None:
    with pytest.raises(AgentError, match="search"):
        backend("search")
