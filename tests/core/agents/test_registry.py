"""The registry of agents: an agent is added in one place, and the settings agree with it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tabsmith.agent_registry import AGENTS, AgentSpec, register
from tabsmith.agents.agent_jobs import JobSandbox
from tabsmith.agents.backend import backend
from tabsmith.config.keys import all_keys
from tabsmith.config.settings import AgentName, AgentSettings
from tabsmith.errors import AgentError
from tabsmith.tasks.task import CodingAgentName

MODEL_AGENTS = [name for name, spec in AGENTS.items() if spec.uses_llm]


def test_every_name_of_an_agent_is_registered_once_in_the_order_of_the_settings() -> None:
    assert tuple(AGENTS) == get_args(AgentName)
    assert all(spec.name == name for name, spec in AGENTS.items())
    assert tuple(name for name, spec in AGENTS.items() if spec.works_in_folders) == get_args(CodingAgentName)


def test_an_agent_of_ones_own_needs_the_registry_alone(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    command = [sys.executable, "-m", "tests.core.agents.toy_agent", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "setting": "toy",
        "offered": "one of search, llm, claude-code, acp, toy",
        "selectable": True,
        "keys": ["TOY_KEY"],
        "model": "none",
        "answers": ["linear"],
        "ends": ["done"],
        "file": "a recipe, please",
        "in the journal": True,
        "of a task": "toy",
    }


def test_an_agent_that_comes_too_late_or_twice_is_refused() -> None:
    with pytest.raises(RuntimeError, match="too late"):
        register(AgentSpec(name="late", label="late", description="late"))
    with pytest.raises(ValueError, match="already"):
        register(AGENTS["search"])


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
        assert agent.make_coding_agent(settings, JobSandbox(Path(), {})).name == name
    else:
        with pytest.raises(AgentError, match="cannot work in a folder"):
            agent.make_coding_agent(settings, JobSandbox(Path(), {}))


def test_the_search_has_no_backend() -> None:
    with pytest.raises(AgentError, match="search"):
        backend("search")
