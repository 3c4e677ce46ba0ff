"""`tabsmith runs history` as a person and as a script meet it."""

import json
from decimal import Decimal
from typing import Literal

import pytest

from tabsmith.agents.protocol import AgentName
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.orchestration.history import HistoryRecord, open_history
from tabsmith_tui.commands.root import run

Champion = Literal["won", "kept", "none"]


def add(
    run_id: str, iteration: int, actual: AgentName = "llm", champion: Champion = "none", usage: Usage = NO_USAGE
) -> None:
    with open_history() as history:
        history.append(
            HistoryRecord(
                at=1.0,
                run_id=run_id,
                iteration=iteration,
                table="fingerprint",
                target="price",
                metric="rmse",
                planned="llm",
                actual=actual,
                recipe_id="0123456789ab",
                state="scored",
                score=21.4839,
                standard_error=0.31,
                champion=champion,
                usage=usage,
                seconds=12.4,
            )
        )


def test_an_empty_history_says_how_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "history"]) == 0
    assert "tabsmith train" in capsys.readouterr().out


def test_every_iteration_is_a_line_with_who_proposed_and_what_it_cost(capsys: pytest.CaptureFixture[str]) -> None:
    add("20261120-140631-aaaaaa", 1, champion="won", usage=Usage(1_000, 50, turns=1, cost=Decimal("0.42")))
    add("20261120-140631-aaaaaa", 2, actual="search")
    assert run(["runs", "history"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["run", "iteration", "agent", "recipe"]
    for words in ("llm", "21.48 ± 0.31", "new champion", "1.1k", "$0.42", "12"):
        assert words in first
    assert "search for llm" in second
    assert "$" not in second


def test_one_run_is_named_by_the_end_of_its_id_or_as_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    add("20261120-140631-aaaaaa", 1)
    add("20261121-140631-bbbbbb", 1)
    for name, wanted in (("aaaaaa", "20261120-140631-aaaaaa"), ("last", "20261121-140631-bbbbbb")):
        assert run(["runs", "history", "--run", name, "--json"]) == 0
        assert [each["run_id"] for each in json.loads(capsys.readouterr().out)] == [wanted]
    for name in ("cccccc", "", "140631"):
        assert run(["runs", "history", "--run", name]) == 2


def test_what_is_left_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for iteration in range(1, 6):
        add("run", iteration)
    assert run(["runs", "history", "--last", "2", "--json"]) == 0
    shown = capsys.readouterr()
    assert [each["iteration"] for each in json.loads(shown.out)] == [4, 5]
    assert "last 2 of 5 iterations" in shown.err
    assert run(["runs", "history", "--last", "0", "--json"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)) == 5
    assert shown.err == ""
