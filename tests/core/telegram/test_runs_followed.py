"""Runs and conversations shared with the terminal: followed, answered, gone on with, on a phone and beside it."""

import time
from pathlib import Path

import pytest

from tabsmith import config
from tabsmith.orchestration.decisions import Continue
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Detect, Limits, ModelChoice, RunSpec, new_run_id
from tabsmith.runs.training import start_run
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.read.sources import FileSource
from tabsmith.telegram.chat_state import session_user
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.session import SessionStore
from tabsmith.workflow.states import State
from tests.core.runs.conftest import ended, kill, model, until
from tests.core.runs.scripted import Asked, ridge
from tests.core.telegram.conftest import ADA, BOB, Serve
from tests.core.telegram.test_flows import LONG, trains
from tests.peers.telegram_server import TelegramServer

__all__ = ["model"]  # a fixture of this module, too


@pytest.fixture(autouse=True)
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of these tests lie in the test's own folder, for the runs that are started here, too."""
    monkeypatch.setenv("TABSMITH_PATHS__ALLOWED", str(tmp_path))


def started_in_the_terminal(houses: Path, **limits: int) -> RunFolder:
    """A run with an agent, that asks when its iterations are spent."""
    limited = Limits(**{"seconds": 120, "iterations": 1, **limits})  # type: ignore[arg-type]
    choice = ModelChoice(agent="llm", limits=limited, mode="confirm", cores=1)
    spec = RunSpec(new_run_id(), time.time(), FileSource(str(houses)), Detect("price"), choice)
    folder = RunFolder.create(spec)
    start_run(folder)
    return folder


def test_a_run_of_the_terminal_is_followed_and_answered_from_the_phone(
    server: TelegramServer, serve: Serve, houses: Path, model: Asked
) -> None:
    model(ridge(3))
    ada = server.person(ADA)
    serve(server.address)
    ada.say("/runs")
    ada.wait("no runs")
    folder = started_in_the_terminal(houses)
    try:
        until(folder, lambda run: run.question is not None)
        ada.say("/runs")
        ada.wait("asking you")
        ada.press("1")
        ada.wait(lambda seen: "asking you" in seen.text and "Stop following" in seen.labels)
        asked = ada.wait(lambda seen: any("Without this limit" in label for label in seen.labels))
        assert "iteration" in asked.text
        ada.say("nonsense, please")
        ada.wait("20 more")
        ada.say("+1")
        ada.wait("2 iterations")
        again = until(folder, lambda run: run.question is not None and len(run.trials) == 2)
        assert again.limits.iterations == 2
        ada.wait(lambda seen: seen.message_id > asked.message_id and "Without this limit" in " ".join(seen.labels))
        ada.press("Stop the run")
        run = ended(folder)
        assert run.report is not None
        ada.wait(lambda seen: "The run is over" in seen.text and "Result" in " ".join(seen.labels))
        ada.press("Result")
        ada.wait("predicts price")
    finally:
        kill(folder)


def test_everybody_who_follows_all_runs_hears_of_a_question_once_though_the_bridge_is_killed(
    server: TelegramServer, serve: Serve, houses: Path, model: Asked
) -> None:
    model(ridge(3))
    ada, bob = server.person(ADA), server.person(BOB, "Bob")
    bridge = serve(server.address)
    ada.say("/settings")
    ada.wait("Settings")
    ada.press("Follow all")
    ada.wait("You follow every run")
    bob.say("/settings")
    bob.wait("You follow the runs that you began")
    folder = started_in_the_terminal(houses)
    try:
        question = until(folder, lambda run: run.question is not None).question
        assert question is not None
        asks = ada.wait(lambda seen: "Without this limit" in " ".join(seen.labels))
        bridge.kill()
        bridge.start()
        ada.say("/help")
        ada.wait("/settings")
        folder_watch = RunWatch(folder.id)
        ada.press("Without this limit")
        until(folder, lambda run: run.question is None)
        questions = [each for each in ada.messages if "Without this limit" in " ".join(each.labels)]
        assert [each.message_id for each in questions] == [asks.message_id]
        assert len(bob.messages) == 1
        replies = [each.reply for each in folder_watch.refresh().answers]
        assert replies in ([Continue()], [])
    finally:
        kill(folder)


def test_a_run_is_held_let_on_and_stopped_by_commands_and_its_board_is_edited_in_place(
    server: TelegramServer, serve: Serve, houses: Path
) -> None:
    ada = server.person(ADA)
    serve(server.address, TABSMITH_TRAINING__TIME="60", TABSMITH_AGENTS__MODE="automatic")
    ada.say(f"/train {houses}")
    ada.wait("Load the table now?")
    ada.press("Load now")
    ada.wait("Check the columns")
    ada.press("Accept")
    ada.wait("How should it be trained?")
    ada.press("Train")
    board = ada.wait(lambda seen: "Pause" in " ".join(seen.labels))
    (folder,) = [RunFolder(path.name) for path in Path(board_runs()).iterdir()]
    until(folder, lambda run: run.tried >= 1)
    ada.say("/pause")
    ada.wait("Paused")
    until(folder, lambda run: run.state.value == "paused")
    ada.wait_edit(lambda seen: seen.message_id == board.message_id and "paused" in seen.text)
    ada.say("/resume")
    ada.wait("Resumed")
    until(folder, lambda run: run.state.value != "paused")
    ada.say("/stop")
    ada.wait("The model is ready", seconds=60)
    assert len([each for each in server.edits if each.message_id == board.message_id]) >= 2
    assert "done" in next(each for each in ada.messages if each.message_id == board.message_id).text


def board_runs() -> Path:
    from tabsmith.paths import folders

    return folders().runs


def test_a_conversation_begun_on_the_phone_is_finished_in_the_terminal(
    server: TelegramServer, serve: Serve, houses: Path
) -> None:
    ada = server.person(ADA)
    serve(server.address, **LONG)
    ada.say("/train")
    ada.wait("Where is your table?")
    ada.press("file on this machine")
    ada.wait("Which file?")
    ada.say(str(houses))
    ada.wait("Load the table now?")
    terminal = Conversation(SessionStore(session_user(ADA)), config.load())
    assert terminal.session.state is State.CHOOSING_LOAD_OPTION
    terminal.answer(actions.Defer())
    terminal.answer(actions.GiveSchema("target: price"))
    ada.press("Load now")  # the phone still shows the step before
    ada.wait("That button belongs to an earlier step")
    assert "How should it be trained?" in ada.messages[-1].text
    for act, answer in trains():
        act(ada)
        ada.wait(answer, seconds=60)
    terminal.reload()
    assert terminal.session.state is State.TRAINED
    terminal.answer(actions.Finish())
    ada.say("/start")
    ada.wait("A model from your table")


def test_the_terminals_conversation_is_gone_on_with_from_the_phone(
    server: TelegramServer, serve: Serve, houses: Path
) -> None:
    ada = server.person(ADA)
    serve(server.address)
    terminal = Conversation(SessionStore(), config.load())
    for answer in (actions.Begin(), actions.ChooseFile(), actions.GivePath(str(houses)), actions.Defer()):
        terminal.answer(answer)
    ada.say("/start")
    ada.wait("Unfinished at the terminal")
    ada.press("Resume the terminal")
    ada.wait("Describe the columns")
    ada.say("target: price\nfeatures: area, rooms")
    ada.wait("How should it be trained?")
    terminal.reload()
    assert terminal.session.state is State.CONFIGURING_MODEL
    assert terminal.session.manual is not None
    assert terminal.session.manual.features == ("area", "rooms")
    terminal.answer(actions.Back())
    ada.press("Train")
    ada.wait("That button belongs to an earlier step")
    assert "Describe the columns" in ada.messages[-1].text
