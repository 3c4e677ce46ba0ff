"""What tests of the agents' process share."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tabsmith.agents.server import agent_client
from tests.core.agents.agent_servers import KEY, MODEL, ODD, Family
from tests.core.agents.claude_processes import KEY as CLAUDE_KEY
from tests.peers.model_server import Fault, ModelServer, Reply, Script, Use


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


@pytest.fixture
def claude_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for Claude Code, and a place for temporary folders; nothing of the user who runs the tests."""
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "CLAUDE"))]:
        monkeypatch.delenv(name)
    for name in ("HOME", "TMPDIR"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "TMPDIR"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", CLAUDE_KEY)
    return tmp_path / "HOME"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModelServer]]:
    """Starts a model server that takes these steps, and points Claude Code to it."""
    servers: list[ModelServer] = []

    def start(*steps: Reply | Fault | Use) -> ModelServer:
        server = ModelServer(Script(steps))
        servers.append(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        return server.__enter__()

    yield start
    for server in servers:
        server.__exit__(None, None, None)
