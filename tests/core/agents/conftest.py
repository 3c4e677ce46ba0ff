"""What tests of the agents' process share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tabsmith.agents.server import agent_client
from tests.core.agents.agent_servers import KEY, MODEL, ODD, Family


@pytest.fixture
def provider_key(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A key, a model, and no proxy of the person who runs the tests. What goes wrong in a callback of asyncio is only
    logged, so at the end nothing may be."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", MODEL)
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.name == "asyncio"] == []


@pytest.fixture
def odd(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real process with a client in it that misbehaves as the prompt says."""
    monkeypatch.setattr(agent_client, "server_command", lambda: [sys.executable, "-c", ODD])


@pytest.fixture
def family(tabsmith_home: Path) -> Family:
    """The living processes that this test has started, and those that they started."""

    def living() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("TABSMITH_HOME") == str(tabsmith_home)
                if mine and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    return living
