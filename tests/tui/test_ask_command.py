"""`tabsmith ask` and `tabsmith explore`: questions to a table on the command line."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tabsmith_tui.commands.root import run


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small table in the current folder."""
    lines = ["price,area,city"]
    lines += [f"{1_000 + 10 * row},{50 + row % 13},{('Bern', 'Basel', 'Chur')[row % 3]}" for row in range(60)]
    (tmp_path / "homes.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return "homes.csv"


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """What a command prints with --json, and nothing else on stdout."""
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_question_and_an_operation_by_its_name_are_the_same_plan(
    homes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = document(capsys, "ask", homes, "how many homes per city?")
    named = document(capsys, "explore", "frequency", homes, "--of", "city")
    assert asked["plan"] == named["plan"]
    assert asked["findings"][0]["tables"] == named["findings"][0]["tables"]
    assert [row[:2] for row in asked["findings"][0]["tables"][0]["rows"]] == [["Basel", 20], ["Bern", 20], ["Chur", 20]]


def test_the_plan_comes_before_the_numbers_and_files_are_written(
    homes: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["ask", homes, "average price by city", "--csv", "out.csv", "--png", "out.png", "--code"]) == 0
    said = capsys.readouterr().out
    assert said.index("Mean of price for each city.") < said.index("Basel") < said.index("import pandas")
    assert (tmp_path / "out.csv").read_text().splitlines()[0].startswith("city,")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert run(["ask", homes, "--export", "findings.md"]) == 0
    assert "Mean of price for each city" in (tmp_path / "findings.md").read_text()


def test_a_question_that_is_not_clear_is_asked_back_with_choices(
    homes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    back = document(capsys, "ask", homes, "price and area", status=2)
    assert [choice["reading"] for choice in back["reading"]["choices"]][:1] == ["understood"]
    assert run(["ask", homes, "what is the weather"]) == 2
    assert "mean of price by city" in capsys.readouterr().err


def test_the_prompt_takes_a_number_for_a_choice_and_goes_on_after_an_error(
    homes: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("train a model for price\nprice and area\n3\nmean of area\n"))
    assert run(["ask", homes]) == 0
    said = capsys.readouterr()
    assert "tabsmith train" in said.err
    assert "Description of price and area." in said.out
    assert "Mean of area." in said.out
