"""Agents on the command line: chosen, limited, refused, followed, answered; and what the documents say they used."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabsmith.errors import UsageError
from tabsmith.modeling.decisions.goals import LeastCost
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import ChangeBrief, Continue, Decide, EndRun, Extend, Question, Skip
from tabsmith.runs import events as run_events
from tabsmith.runs import replies
from tabsmith.runs.events import Answer, Note, RunCommand, SetMode
from tabsmith.runs.folder import RunFolder, run_ids
from tabsmith.runs.spec import Detect
from tabsmith_tui.commands.root import run
from tests.forked_programs import forked
from tests.stories import agent_journals, journals
from tests.stories.agent_story import USED, AgentStory, asked_for
from tests.stories.journals import RUN_ID
from tests.tui.run_stage import append, worker_alive
from tests.tui.terminal import tabsmith_in_terminal


@pytest.fixture
def houses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small regression table in the current folder."""
    path = tmp_path / "houses.csv"
    path.write_text("area,rooms,price\n" + "".join(f"{n},{n % 5},{n * 31 + n % 7}\n" for n in range(40, 160)))
    monkeypatch.chdir(tmp_path)
    return path


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """What a command prints with --json."""
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def commands(folder: RunFolder) -> list[RunCommand]:
    """What the run was told, without the times."""
    return [msgspec.structs.replace(each, at=0.0) for each in folder.commands().read().values]


def stopped(story: AgentStory) -> AgentStory:
    """The story, brought to its end with a model."""
    story.end(journals.price_report())
    return story


@contextmanager
def acting(folder: RunFolder) -> Iterator[None]:
    """Something that acts on answers, notes and modes as the worker does: it says so in the journal."""
    over = threading.Event()

    def act() -> None:
        offset = 0
        while not over.wait(0.01):
            chunk = folder.commands().read(offset)
            offset = chunk.next_offset
            for command in chunk.values:
                match command:
                    case Answer(id=asked, reply=reply):
                        append(folder, loop.QuestionAnswered(id=asked, reply=reply, at=journals.START + 400))
                    case Note(text=text):
                        append(folder, loop.NoteTaken(text=text, at=journals.START + 400))
                    case SetMode(mode=mode):
                        append(folder, loop.ModeChanged(mode=mode, at=journals.START + 400))

    with worker_alive(folder):
        worker = threading.Thread(target=act)
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()


# What was used --------------------------------------------------------------------------------------------------------


def test_the_document_says_who_proposed_and_its_totals_are_the_sum_of_its_sessions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    story = stopped(agent_journals.handed_over())
    journals.write(story.events, story.spec)
    found = document(capsys, "runs", "show", "last")
    assert found["agent"]["planned"] == "claude-code"
    assert found["agent"]["actual"] == "search"
    assert "3 failures in a row" in found["agent"]["reason"]
    sessions, usage = found["sessions"], found["usage"]
    assert len({each["id"] for each in sessions}) == usage["sessions"] == 11
    for kind in (
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "turns",
    ):
        assert usage[kind] == sum(each["usage"][kind] for each in sessions)
    assert Decimal(usage["cost"]) == sum(Decimal(each["usage"]["cost"]) for each in sessions) == Decimal("0.2816")
    failed = [each for each in sessions if each["outcome"] == "failed"]
    assert {(each["trouble"], each["attempt"], each["purpose"]) for each in failed} == {("access", 1, "propose")}
    assert all(each["ended_at"] > each["started_at"] for each in sessions)


def test_a_price_that_is_not_known_is_null_and_never_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    used = msgspec.structs.replace(USED, cost=Decimal(0), unpriced=1)
    story = AgentStory(asked_for("llm"))
    story.begin()
    story.improve(journals.LINEAR, "ridge", 31_900, 820, wins=True, usage=used)
    journals.write(stopped(story).events, story.spec)
    found = document(capsys, "runs", "show", "last")
    assert found["usage"]["cost"] is None
    assert found["sessions"][0]["usage"]["cost"] is None
    assert run(["runs", "show", "last"]) == 0
    told = capsys.readouterr().out
    assert "price unknown" in told
    assert "$0" not in told


def test_a_run_of_the_search_costs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    story = journals.house_prices().end(journals.price_report())
    journals.write(story.events, story.spec)
    found = document(capsys, "runs", "show", "last")
    assert (found["usage"]["cost"], found["sessions"]) == ("0", [])
    assert found["agent"] == {"planned": "search", "actual": "search", "reason": ""}
    assert run(["runs", "show", "last"]) == 0
    assert "tokens" not in capsys.readouterr().out


def test_the_report_says_tokens_and_cost_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    story = stopped(agent_journals.handed_over())
    journals.write(story.events, story.spec)
    assert run(["runs", "show", "last"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("in 32.1k" in line and "11 sessions" in line and "$0.28" in line for line in lines)
    assert any("search in place of claude-code: 3 failures in a row" in line for line in lines)


# Asked for ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--agent", "acp"], "agents.acp.command"),
        (["--breakpoint", "qualty < 0.5"], "quality"),
        (["--breakpoint", "low confidance"], "low confidence"),
        (["--budget", "much"], "$2"),
        (["--agent", "nobody"], "claude-code"),
        (["--mode", "sometimes"], "confirm"),
        (["--metric", "niceness"], "roc_auc"),
        (["--threshold", "auc"], "balanced_accuracy"),
        (["--cost", "miss=5"], "miss=5,alarm=1"),
    ],
)
def test_what_cannot_be_done_is_refused_before_there_is_a_run(
    capsys: pytest.CaptureFixture[str], houses: Path, options: list[str], says: str
) -> None:
    assert run(["train", str(houses), *options]) == 2
    assert says in capsys.readouterr().err
    assert run_ids() == ()


def test_a_run_is_asked_for_with_agent_budget_mode_and_breakpoints(
    capsys: pytest.CaptureFixture[str], houses: Path
) -> None:
    options = [
        "--weight",
        "rooms",
        "--budget",
        "$2",
        "--mode",
        "manual",
        "--breakpoint",
        "quality < 0.2",
        "--breakpoint",
        "champion changed",
        "--metric",
        "pr auc",
        "--event",
        "yes",
        "--cost",
        "miss=5,alarm=1",
    ]
    started = document(capsys, "train", str(houses), "--time", "120", "--detach", *options)
    spec = RunFolder(started["run_id"]).spec()
    assert spec.schema == Detect("", "rooms", "yes", corrected_by="local")
    choice = spec.choice
    assert (choice.agent, choice.limits.dollars, choice.mode) == ("search", "2.00", "manual")
    assert choice.breakpoints == ("quality < 0.2", "champion changed")
    assert (choice.metric, choice.goal) == ("average_precision", LeastCost(5.0, 1.0))
    assert run(["runs", "stop", "last"]) == 0


def test_the_settings_say_what_is_not_said(
    capsys: pytest.CaptureFixture[str], houses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__DOLLARS", "3.50")
    monkeypatch.setenv("TABSMITH_AGENTS__MODE", "manual")
    monkeypatch.setenv("TABSMITH_AGENTS__BREAKPOINTS", "low confidence")
    started = document(capsys, "train", str(houses), "--time", "120", "--detach", "--budget", "100k tokens")
    choice = RunFolder(started["run_id"]).spec().choice
    assert (choice.limits.dollars, choice.limits.tokens) == ("", 100_000)
    assert choice.breakpoints == ("low confidence",)
    assert choice.mode == "automatic"  # nobody sits there to be asked
    assert run(["runs", "stop", "last"]) == 0


# Answers --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("continue", Continue()),
        ("c", Continue()),
        ("stop", EndRun()),
        ("$5", Extend("dollars", "5.00")),
        ("5.00", Extend("dollars", "5.00")),
        ("+2", Extend("dollars", "2.25")),
        ("20 more", Extend("dollars", "20.25")),
    ],
)
def test_answers_are_understood_as_people_type_them(typed: str, reply: object) -> None:
    assert replies.parse_line(typed, agent_journals.out_of_money().snapshot) == reply


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("Escalate", Decide("escalate")),
        ("skip", Skip()),
        ("brief  try the logarithm", ChangeBrief("try the logarithm")),
    ],
)
def test_what_is_about_one_iteration_does_not_answer_for_a_spent_limit(typed: str, reply: object) -> None:
    assert replies.parse_line(typed, agent_journals.at_breakpoint().snapshot) == reply
    with pytest.raises(UsageError) as refused:
        replies.parse_line(typed, agent_journals.out_of_money().snapshot)
    assert "$5" in refused.value.next_step


@pytest.mark.parametrize("typed", ["", "what", "brief", "continue please", "\x1b[2J", "5 parsecs", "9" * 500])
def test_what_is_no_answer_says_what_is_understood(typed: str) -> None:
    for story in (agent_journals.out_of_money(), agent_journals.at_breakpoint()):
        with pytest.raises(UsageError) as refused:
            replies.parse_line(typed, story.snapshot)
        assert refused.value.next_step


def test_a_run_is_answered_told_and_switched_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    story = agent_journals.out_of_money()
    folder = journals.write(story.events, story.spec)
    asked = story.snapshot.question
    assert isinstance(asked, Question)
    with acting(folder):
        assert document(capsys, "runs", "answer", "last", "+2")["taken"]
        assert run(["runs", "answer", "last", "+2"]) == 2
        assert "asks nothing" in capsys.readouterr().err
        assert document(capsys, "runs", "note", "last", "mind", "the", "tail")["taken"]
        assert document(capsys, "runs", "mode", "last", "automatic")["taken"]
    assert commands(folder) == [
        Answer(id=asked.id, reply=Extend("dollars", "2.25")),
        Note(text="mind the tail"),
        SetMode(mode="automatic"),
    ]


def test_a_run_that_has_ended_is_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    story = stopped(agent_journals.handed_over())
    folder = journals.write(story.events, story.spec)
    for command in (["answer", "last", "continue"], ["note", "last", "x"], ["mode", "last", "manual"]):
        assert run(["runs", *command]) == 2
        assert "done" in capsys.readouterr().err
    assert commands(folder) == []


def test_off_a_terminal_a_question_says_how_to_answer(tmp_path: Path) -> None:
    story = agent_journals.at_breakpoint()
    folder = journals.write(story.events, story.spec)
    with worker_alive(folder):
        following = subprocess.Popen(
            forked("tabsmith", "runs", "attach", RUN_ID), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert following.stderr is not None
        told = ""
        for line in following.stderr:
            told += line
            if "TEXT is one of" in line:
                break
        append(folder, loop.QuestionAnswered(id="q", reply=Continue(), at=journals.START + 300), *ending(story))
        assert following.wait(30) == 1
        following.stderr.close()
    assert "the decision is not sure: confidence 0.42 is under 0.50" in told
    assert f"tabsmith runs answer {RUN_ID} TEXT" in told


def ending(story: AgentStory) -> list[Any]:
    """The last word of a run that was stopped without a model."""
    return [run_events.RunEnded(outcome="cancelled", exit_reason="user", active_seconds=90.0, at=story.at + 9)]


def test_a_question_in_the_terminal_is_answered_by_a_line(tmp_path: Path) -> None:
    story = agent_journals.out_of_money()
    folder = journals.write(story.events, story.spec)
    asked = story.snapshot.question
    assert isinstance(asked, Question)
    with worker_alive(folder), tabsmith_in_terminal("runs", "attach", RUN_ID, columns=110, lines=40) as terminal:
        terminal.wait_for("? ", "$0.28 of $0.25 spent (112 %)", "56.9k", "Answer:", "+2", "\n>")
        terminal.write("more please\r")
        terminal.wait_for("Understood are")
        assert commands(folder) == []
        terminal.write("+2\r")
        terminal.wait_until(lambda: commands(folder) != [], "the answer")
        assert commands(folder) == [Answer(id=asked.id, reply=Extend("dollars", "2.25"))]
        append(folder, loop.QuestionAnswered(id=asked.id, reply=Extend("dollars", "2.25"), at=story.at + 5))
        second = Question(id="second", iteration=8, cause="breakpoint", what="quality 0.2 < 0.3")
        state = run_events.StateChanged(state=run_events.RunState.ASKING, message="asks", at=story.at + 6)
        append(folder, loop.QuestionAsked(question=second, at=story.at + 6), state)
        terminal.wait_for("quality 0.2 < 0.3")
        terminal.write("brief try log(Lot_Area)\r")
        terminal.wait_until(lambda: len(commands(folder)) == 2, "the second answer")
        assert commands(folder)[1] == Answer(id="second", reply=ChangeBrief("try log(Lot_Area)"))
        append(folder, loop.QuestionAnswered(id="second", reply=Continue(), at=story.at + 8), *ending(story))
        assert terminal.wait_exit() == 1


def test_ctrl_c_at_a_question_leaves_an_attached_run_asking(tmp_path: Path) -> None:
    story = agent_journals.at_breakpoint()
    folder = journals.write(story.events, story.spec)
    with worker_alive(folder), tabsmith_in_terminal("runs", "attach", RUN_ID) as terminal:
        terminal.wait_for("Answer:", "\n>")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 130
        assert "Left running" in terminal.text
    assert commands(folder) == []


def test_hostile_words_of_a_question_reach_the_terminal_as_plain_text(tmp_path: Path) -> None:
    story = agent_journals.hostile_agent()
    folder = journals.write(story.events, story.spec)
    with worker_alive(folder), tabsmith_in_terminal("runs", "attach", RUN_ID, columns=100, lines=40) as terminal:
        terminal.wait_for("Answer:")
        terminal.press("ctrl+c")
        terminal.wait_exit()
        assert b"\x1b" not in terminal.raw
        assert "\u202e".encode() not in terminal.raw
