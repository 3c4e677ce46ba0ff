"""Which agents can be used: reported without importing, starting or asking any of them."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import tabsmith
from tabsmith.agents.api_keys import keys_file
from tabsmith.agents.backend import Availability, availability
from tabsmith.config.settings import AcpSettings, AgentSettings, LlmSettings

KEY = "sk-ant-nobody-may-see-this"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a login, and no key."""
    for name in [each for each in os.environ if each.startswith(("ANTHROPIC_", "CLAUDE", "OPENAI_", "OLLAMA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def of(agent: str, settings: AgentSettings = AgentSettings()) -> Availability:  # noqa: B008 - frozen
    return next(each for each in availability(settings) if each.agent == agent)


def test_there_is_one_for_every_agent_and_search_is_always_usable() -> None:
    assert [each.agent for each in availability(AgentSettings())] == ["search", "llm", "claude-code", "acp"]
    assert of("search").usable == "usable"


def test_llm_wants_a_model_and_then_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    named = AgentSettings(llm=LlmSettings(model="anthropic:some-model"))
    assert of("llm").usable == of("llm", named).usable == "not usable"
    assert "no model" in of("llm").why
    assert "ANTHROPIC_API_KEY" in of("llm", named).next_step
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    found = of("llm", named)
    assert (found.usable, found.next_step) == ("usable", "")
    assert "anthropic:some-model" in found.why
    assert KEY not in found.why


def test_llm_at_an_address_of_ones_own_needs_no_key() -> None:
    found = of("llm", AgentSettings(llm=LlmSettings(model="openai:some-model", base_url="http://127.0.0.1:9/v1")))
    assert found.usable == "usable"
    assert "127.0.0.1:9, without a key" in found.why


def test_a_key_may_stand_in_the_file_of_keys() -> None:
    keys_file().parent.mkdir(parents=True)
    keys_file().touch(mode=0o600)
    keys_file().write_text(f"ANTHROPIC_API_KEY={KEY}\n")
    assert of("llm", AgentSettings(llm=LlmSettings(model="anthropic:some-model"))).usable == "usable"
    assert of("claude-code").usable == "usable"


def test_a_refused_file_of_keys_is_the_reason_of_every_agent_that_needs_one() -> None:
    keys_file().parent.mkdir(parents=True)
    keys_file().touch(mode=0o644)
    settings = AgentSettings(llm=LlmSettings(model="anthropic:some-model"), acp=AcpSettings(command=("sh",)))
    for agent in ("llm", "claude-code", "acp"):
        found = of(agent, settings)
        assert found.usable == "not usable"
        assert str(keys_file()) in found.why
        assert "chmod 600" in found.next_step


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("ANTHROPIC_API_KEY", KEY, "ANTHROPIC_API_KEY"),
        ("CLAUDE_CODE_OAUTH_TOKEN", KEY, "CLAUDE_CODE_OAUTH_TOKEN"),
        ("CLAUDE_CODE_USE_BEDROCK", "1", "CLAUDE_CODE_USE_BEDROCK"),
    ],
)
def test_claude_code_with_a_key_is_usable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    found = of("claude-code")
    assert found.usable == "usable"
    assert words in found.why
    assert KEY not in found.why


def test_claude_code_without_a_key_may_have_its_own_login(bare: Path) -> None:
    found = of("claude-code")
    assert found.usable == "unknown"
    assert "log in" in found.next_step
    (bare / ".claude").mkdir()
    (bare / ".claude" / ".credentials.json").touch()
    assert of("claude-code").usable == "usable"


def test_acp_wants_a_command_whose_program_is_there() -> None:
    assert "No agent program" in of("acp").why
    gone = of("acp", AgentSettings(acp=AcpSettings(command=("no-such-agent", "--acp"))))
    assert (gone.usable, "'no-such-agent'" in gone.why) == ("not usable", True)
    assert "agents.acp.command" in gone.next_step
    assert of("acp", AgentSettings(acp=AcpSettings(command=("sh",)))).usable == "usable"


def run(program: str, *options: str, **variables: str) -> str:
    """What `program` prints in an interpreter of its own."""
    command = [sys.executable, *options, "-c", program]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, **variables}
    ).stdout.strip()


def test_no_package_of_an_agent_is_imported() -> None:
    program = """
import sys
from tabsmith.agents.backend import availability
from tabsmith.config.settings import AcpSettings, AgentSettings, LlmSettings
availability(AgentSettings(llm=LlmSettings(model="openai:x", base_url="http://127.0.0.1:9"), acp=AcpSettings(command=("sh",))))
heavy = {"pydantic_ai", "pydantic", "openai", "anthropic", "claude_agent_sdk", "acp", "genai_prices", "httpx"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run(program) == "[]"


def test_where_no_extra_is_installed_each_agent_names_its_own(tmp_path: Path) -> None:
    program = """
from tabsmith.agents.backend import availability
from tabsmith.config.settings import AgentSettings
for each in availability(AgentSettings()):
    print(each.usable, each.why, each.next_step, sep="; ")
"""
    (tmp_path / "packages").mkdir()
    for package in (msgspec, tabsmith):
        folder = Path(package.__file__).parent
        (tmp_path / "packages" / folder.name).symlink_to(folder)
    search, *others = run(program, "-S", PYTHONPATH=str(tmp_path / "packages")).splitlines()
    assert search.startswith("usable")
    for said, extra in zip(others, ("llm", "claude", "acp"), strict=True):
        assert said.startswith("not usable; ")
        assert "not installed" in said
        assert extra in said.rpartition("; ")[2]
