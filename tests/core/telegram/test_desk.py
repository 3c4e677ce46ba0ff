"""Everything else at the desk: files nobody asked for, models of the list, work given up, hostile names."""

import csv
from pathlib import Path

from tabsmith.storage import Found
from tabsmith.telegram.chat_state import session_user
from tabsmith.workflow.session import SessionStore, WorkflowSession
from tabsmith.workflow.states import State
from tests.core.telegram.conftest import ADA, Serve
from tests.core.telegram.test_flows import LONG, upload_and_train
from tests.peers.telegram_people import Person
from tests.peers.telegram_server import Hang, TelegramServer
from tests.stories.hostile import HOSTILE


def session() -> WorkflowSession:
    """Ada's conversation, as it lies on disk."""
    loaded = SessionStore(session_user(ADA)).load()
    assert isinstance(loaded, Found)
    return loaded.value


def trained(ada: Person, houses: Path) -> None:
    for act, answer in upload_and_train(houses):
        act(ada)
        ada.wait(answer, seconds=60)


def test_a_file_nobody_asked_for_is_asked_about_and_a_model_of_the_list_predicts(
    houses: Path, server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    bridge = serve(server.address, **LONG)
    trained(ada, houses)
    ada.send_file(houses, "more.csv")
    ada.wait("What is this file?")
    ada.press("Rows for my model")
    assert ada.wait_file("more-predictions", seconds=60).file_name == "more-predictions.csv"
    ada.wait("Which rows should be predicted?")
    ada.say("/cancel")
    ada.wait("Choose a table")
    ada.say("/predict")
    ada.wait("Predict with which model?")
    ada.press("1")
    ada.wait("predicts price")
    ada.press("Predict with it")
    ada.wait("Send the file with the rows to predict")
    ada.send_file(houses, "again.csv")
    server.pause(0.05)
    bridge.kill()
    bridge.start()
    assert ada.wait_file("again-predictions", seconds=60).file_name == "again-predictions.csv"
    ada.say("/models")
    ada.wait("Models")
    ada.press("1")
    ada.wait("predicts price")
    ada.press("Predict with it")
    ada.wait("Send the file with the rows to predict")
    ada.send_file(b"rooms,district\n1,a\n2,b\n", "narrow.csv")
    assert "area" in ada.wait("relies on", seconds=60).text
    ada.send_file(b"rooms,district\n1,a\n2,b\n", "narrow.csv")
    predicted = ada.wait_file("narrow-predictions", seconds=60)
    assert predicted.file is not None
    assert len(predicted.file.splitlines()) == 3
    ada.say("/models")
    ada.wait("Models")
    ada.press("1")
    ada.wait("predicts price")
    ada.press("Delete")
    ada.wait("Delete this model?")
    ada.press("Yes")
    assert "There are no models" in ada.wait("Deleted").text
    files = [each for each in ada.messages if each.file is not None and not each.photo]
    assert len(files) == 3


def test_a_second_table_takes_the_place_of_a_conversation_only_when_told_to(
    houses: Path, server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    serve(server.address)
    ada.say(f"/train {houses}")
    ada.wait("Load the table now?")
    ada.send_file(b"a,b\n1,2\n3,4\n", "other.csv")
    ada.wait("What is this file?")
    ada.press("Leave it")
    assert "houses.csv" in ada.wait("Load the table now?").text
    ada.send_file(houses, "other.csv")
    ada.wait("What is this file?")
    ada.press("A table to train on")
    ada.wait("Check the columns", seconds=60)
    source = session().source
    assert source is not None
    assert str(source).count("other.csv")


def test_work_that_is_given_up_is_not_begun_again_by_the_next_bridge(
    houses: Path, server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    bridge = serve(server.address)
    ada.say(f"/train {houses}")
    ada.wait("Load the table now?")
    ada.press("Load now")
    ada.wait("Reading")
    ada.press("Cancel")
    ada.wait("Which file?")
    assert session().waiting is None
    bridge.kill()
    bridge.start()
    ada.say("/start")
    ada.wait("Which file?")
    assert session().state is State.AWAITING_FILE_PATH
    assert not any("Check the columns" in each.text for each in ada.messages)


def test_names_from_a_table_make_no_link_no_button_and_no_command(
    tmp_path: Path, server: TelegramServer, serve: Serve
) -> None:
    names = [
        *(each for each in HOSTILE if len(each) < 200 and "\n" not in each),
        "www.evil.example",
        "@admin",
        "/cancel",
        "tg://user?id=1",
        "[x](http://e.example)",
        "<b>y</b>",
    ]
    hostile = tmp_path / "tg:evil.example @all.csv"
    with hostile.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*names, "price"])
        table.writerows([[f"{row % 7}www.e{row}.example" for _ in names] + [str(row * 3)] for row in range(120)])
    ada = server.person(ADA)
    serve(server.address)
    ada.say(f"/train {hostile}")
    ada.wait("Load the table now?")
    ada.press("Load now")
    ada.wait("Check the columns", seconds=60)
    ada.press("Look at")
    ada.wait("Columns")
    ada.say("3")
    ada.wait("Column")
    for sent in server.sent:
        assert not sent.parse_mode
        assert not sent.live, f"{sent.live} in {sent.text}"
        assert all(data.partition(":")[0] in "wnu" for _, data in sent.buttons)


def test_settings_are_kept_and_a_press_that_shows_the_past_changes_nothing(
    server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    bridge = serve(server.address)
    ada.say("/settings")
    before = ada.wait("new best: off")
    ada.press("new best: off")
    ada.wait("new best: on")
    bridge.kill()
    bridge.start()
    ada.press_data(next(data for label, data in before.buttons if "new best" in label), before.message_id)
    ada.wait("earlier step")
    ada.say("/settings")
    ada.wait("new best: on")


def test_a_server_that_hangs_holds_up_nobody_else(server: TelegramServer, serve: Serve) -> None:
    ada, bob = server.person(ADA), server.person(8, "Bob")
    serve(server.address)
    bob.say("/start")
    bob.wait("A model from your table")
    server.fail("sendMessage", 1, Hang(4), about="nothing_ada")
    ada.say("/nothing_ada")
    server.pause(0.3)
    bob.say("/help")
    bob.wait("/settings", seconds=3)
    ada.wait("/nothing_ada", seconds=60)
