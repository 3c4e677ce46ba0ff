"""`train --json` with an agent whose server is down: the document says who was planned, who proposed, and why."""

import json
from pathlib import Path

import pytest

from tabsmith_tui.commands.root import run
from tests.peers.model_server import Fault, ModelServer, Script


def test_a_silent_fallback_is_impossible_in_the_document_of_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "houses.csv").write_text(
        "area,rooms,price\n" + "".join(f"{n},{n % 5},{n * 31 + n % 7}\n" for n in range(40, 160))
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TABSMITH_PATHS__ALLOWED", str(tmp_path))
    monkeypatch.setenv("TABSMITH_TRAINING__CORES", "1")
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "openai:gpt-4o")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0123456789")
    command = ["train", "houses.csv", "--target", "price", "--agent", "llm", "--iterations", "5", "--model", "linear"]
    with ModelServer(Script((Fault("status", 401),))) as server:
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"{server.url}/v1")
        assert run([*command, "--json"]) == 0
        said = capsys.readouterr()

    found = json.loads(said.out)
    agent = found["agent"]
    assert (agent["planned"], agent["actual"]) == ("llm", "search")
    assert "3 failures in a row" in agent["reason"]
    assert "401" in agent["reason"]
    assert found["tries"] == 2
    assert {session["trouble"] for session in found["sessions"]} == {"access"}
    assert len({session["id"] for session in found["sessions"]}) == len(found["sessions"])
    assert "search takes over from llm" in said.err

    run_id = found["run_id"]
    assert run(["runs", "show", run_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["agent"] == agent
    assert run(["runs", "history", "--run", run_id]) == 0
    told = capsys.readouterr().out
    assert told.count("search for llm") == 2
