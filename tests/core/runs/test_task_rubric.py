"""A model's grade of a task against its rubric: it may lower the quality, and proves nothing."""

from pathlib import Path

import pytest

from tests.core.runs.conftest import Begin, ended
from tests.core.runs.scripted import Asked, Model
from tests.core.runs.tasking import DONE, books_balance, task, write
from tests.peers.model_server import Fault, Reply, Tokens

pytest.importorskip("claude_agent_sdk", reason="the extra claude is not installed")
pytest.importorskip("pydantic_ai", reason="the extra llm is not installed")

RUBRIC = "The names are the field's own words."


@pytest.fixture
def graded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__GRADER", "llm")


def grader_is(server: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same server answers as the model that grades."""
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "openai:gpt-4o")
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"http://127.0.0.1:{server.port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0123456789")


def grade(score: float) -> Reply:
    return Reply(json={"score": score, "words": "as the rubric has it"}, tokens=Tokens(input=500, output=20))


def test_a_low_grade_makes_an_accepted_task_a_success_with_limits(
    begin: Begin, claude: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graded: None
) -> None:
    server = claude([write("done.txt", "x"), DONE, grade(0.3)])
    grader_is(server, monkeypatch)
    run = ended(begin(task(tmp_path / "work", "test -e done.txt", rubric=RUBRIC)))
    assert run.outcome == "success with limits"
    quality = run.trials[0].quality
    assert quality is not None
    assert (quality.value, quality.grader) == (0.3, "llm")
    assert [session.purpose for session in run.sessions] == ["propose", "grade"]
    assert RUBRIC in bytes(server.requests[-1].body).decode()
    books_balance(run, server)


def test_a_high_grade_does_not_make_a_rejected_task_pass(
    begin: Begin, claude: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graded: None
) -> None:
    server = claude([write("done.txt", "x"), DONE, grade(1.0)])
    grader_is(server, monkeypatch)
    run = ended(begin(task(tmp_path / "work", "test -e other.txt", rubric=RUBRIC), iterations=1))
    assert run.outcome == "failed"
    quality = run.trials[0].quality
    assert quality is not None
    assert quality.value < 0.7


def test_a_grader_that_cannot_answer_leaves_tabsmiths_own_grade_visibly(
    begin: Begin, claude: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, graded: None
) -> None:
    server = claude([write("done.txt", "x"), DONE, Fault("status", 401)])
    grader_is(server, monkeypatch)
    run = ended(begin(task(tmp_path / "work", "test -e done.txt", rubric=RUBRIC)))
    assert run.outcome == "success"
    quality = run.trials[0].quality
    assert quality is not None
    assert quality.fallback
    assert run.fallback_grades == 1
