"""What a run started by an older spare is told of where its asker stands: settings, keys, proxies, and no more."""

import os
from pathlib import Path

import msgspec
import pytest

from tabsmith.runs.fork_server import ProcessEnvironment, StartRun

KEY = "sk-test-0123456789abcdefghij"


@pytest.mark.parametrize(
    "name",
    [
        "TABSMITH_AGENTS__DEFAULT",
        "OPENAI_API_KEY",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CONFIG_DIR",
        "HTTPS_PROXY",
        "no_proxy",
    ],
)
def test_settings_and_the_variables_of_providers_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, KEY)
    asker = msgspec.json.decode(msgspec.json.encode(ProcessEnvironment.here()), type=ProcessEnvironment)
    monkeypatch.setenv(name, "older")
    asker.enter()
    assert os.environ[name] == KEY


def test_what_the_asker_does_not_have_is_gone_and_what_is_not_passed_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    asker = ProcessEnvironment.here()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("SOMETHING_ELSE", "of the spare")
    monkeypatch.chdir("/")
    asker.enter()
    assert "OPENAI_API_KEY" not in os.environ
    assert os.environ["SOMETHING_ELSE"] == "of the spare"
    assert "SOMETHING_ELSE" not in asker.variables
    assert Path.cwd() == tmp_path


def test_no_value_shows_where_the_request_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    start = StartRun("run", 0, "/log", ProcessEnvironment.here())
    assert start.environment.variables["OPENAI_API_KEY"] == KEY
    assert "OPENAI_API_KEY" in repr(start)
    assert KEY not in f"{start!r} {start}"
