"""Conditions on the command line: what there is to build them of, and trying one on a run that was."""

import json
from typing import Any

import pytest

from tabsmith.conditions import BUILT_IN, IterationMetrics
from tabsmith.orchestration import events as loop
from tabsmith_tui.commands.root import run
from tests.stories import journals
from tests.stories.journals import Story


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def told() -> str:
    """The id of a run on disk with four iterations that are over, and one that is not."""
    story = Story().begin()
    for quality, used, tokens in ((0.9, 0.3, 0), (0.42, 0.82, 5), (0.8, 0.9, 5), (0.31, 0.96, 10)):
        story.score(journals.LINEAR, "again", 30_000, 500, wins=story.iteration == 0)
        facts = IterationMetrics(
            iteration=story.iteration, quality=quality, budget_used=used, iteration_tokens=tokens, tokens=20
        )
        story.tell(loop.IterationEnded(iteration=story.iteration, facts=facts, feedback=""), 0.1)
    story.propose(journals.FOREST, "random forest")
    return journals.write(story.events).id


def test_the_built_in_conditions_and_all_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, "config", "breakpoints")
    assert [each["name"] for each in found["built_in"]] == list(BUILT_IN)
    assert [each["name"] for each in found["names"]] == list(IterationMetrics.__struct_fields__)
    assert all(each["meaning"] for each in found["built_in"])
    assert run(["config", "breakpoints"]) == 0
    told = capsys.readouterr().out
    assert all(each.expression in told for each in BUILT_IN.values())
    assert "Quality of the iteration, 0 to 1." in told


def test_a_condition_is_tried_on_every_stored_iteration(capsys: pytest.CaptureFixture[str], told: str) -> None:
    found = document(capsys, "runs", "try", told, "quality < 0.5")
    assert (found["run_id"], found["condition"], found["name"], found["once"]) == (told, "quality < 0.5", "", False)
    assert [each["iteration"] for each in found["iterations"]] == [1, 2, 3, 4]
    assert [each["fires"] for each in found["iterations"]] == [False, True, False, True]
    assert found["iterations"][1]["why"] == "quality 0.42 < 0.5"


def test_one_on_what_grows_fires_once(capsys: pytest.CaptureFixture[str], told: str) -> None:
    found = document(capsys, "runs", "try", "last", "budget 80%")
    assert (found["name"], found["once"]) == ("budget 80 %", True)
    assert [each["held"] for each in found["iterations"]] == [False, True, True, True]
    assert [each["fires"] for each in found["iterations"]] == [False, True, False, False]
    only = document(capsys, "runs", "try", "last", "budget 80 %", "--iteration", "3")
    assert [(each["iteration"], each["held"], each["fires"]) for each in only["iterations"]] == [(3, True, False)]


def test_people_see_where_it_would_stop_and_with_which_values(capsys: pytest.CaptureFixture[str], told: str) -> None:
    assert run(["runs", "try", told, "quality < 0.5 and iteration > 2"]) == 0
    shown = capsys.readouterr()
    assert "#4         pauses  quality 0.31 < 0.5 and iteration 4 > 2" in shown.out
    assert "#2" not in shown.out
    assert "at 1 of 4 iterations" in shown.err
    assert run(["runs", "try", told, "quality < 0.5", "--iteration", "1"]) == 0
    assert "#1         continues  quality 0.9 < 0.5" in capsys.readouterr().out


def test_an_iteration_on_which_it_cannot_be_computed_is_named(capsys: pytest.CaptureFixture[str], told: str) -> None:
    condition = "tokens / iteration_tokens > 3"
    found = document(capsys, "runs", "try", told, condition)
    assert [(each["computed"], each["fires"]) for each in found["iterations"]] == [
        (False, False), (True, True), (True, True), (True, False),
    ]  # fmt: skip
    assert run(["runs", "try", told, condition]) == 0
    assert "cannot be computed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "name", "words"),
    [
        (("last", "qualty < 0.5"), "ConditionError", "'quality'"),
        (("last", "quality"), "ConditionError", "a number"),
        (("last", "quality < 0.5", "--iteration", "5"), "UsageError", "no finished iteration 5"),
        (("gone", "quality < 0.5"), "RunNotFoundError", "gone"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_a_next_step(
    capsys: pytest.CaptureFixture[str], told: str, arguments: tuple[str, ...], name: str, words: str
) -> None:
    error = document(capsys, "runs", "try", *arguments, status=2)["error"]
    assert error["name"] == name
    assert words in error["what"]
    assert error["next_step"]


def test_a_run_without_a_finished_iteration_has_nothing_to_try_on(capsys: pytest.CaptureFixture[str]) -> None:
    journals.write(Story().begin().events)
    assert document(capsys, "runs", "try", "last", "true", status=2)["error"]["name"] == "UsageError"


def test_a_bad_breakpoint_is_refused_when_it_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "set", "agents.breakpoints", "qualty < 0.5"]) == 2
    assert "'quality'" in capsys.readouterr().err
    assert run(["config", "set", "agents.breakpoints", "rate limit, quality < 0.5"]) == 0
    assert run(["config", "check"]) == 0
