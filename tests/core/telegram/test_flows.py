"""The four ways through the conversation, from a phone: over both servers, and killed at every step on the way."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.core.telegram.bridges import Bridge
from tests.core.telegram.conftest import ADA, Serve
from tests.peers.telegram_people import Person, Seen
from tests.peers.telegram_server import TelegramServer
from tests.peers.telegram_test_api import TestApi, why_not
from tests.soak import SOAK

Act = Callable[[Person], object]


class Step(NamedTuple):
    """Something that a person does, and what is in the one message that answers it."""

    act: Act
    answer: str


def says(text: str) -> Act:
    return lambda person: person.say(text)


def presses(label: str) -> Act:
    return lambda person: person.press(label)


def sends(path: Path) -> Act:
    return lambda person: person.send_file(path)


def trains() -> list[Step]:
    """One model is enough, however busy the machine is."""
    return [
        Step(presses("Iterations"), "at most so many models"),
        Step(says("1"), "How should it be trained?"),
        Step(presses("Train"), "The model is ready"),
    ]


def upload_and_train(houses: Path) -> list[Step]:
    return [
        Step(says("/train"), "Where is your table?"),
        Step(presses("sent here"), "Send the file"),
        Step(sends(houses), "Check the columns"),
        Step(presses("Accept"), "How should it be trained?"),
        *trains(),
    ]


def load_now_and_train(houses: Path) -> list[Step]:
    return [
        Step(says("/train"), "Where is your table?"),
        Step(presses("file on this machine"), "Which file?"),
        Step(says(str(houses)), "Load the table now?"),
        Step(presses("Load now"), "Check the columns"),
        Step(presses("Choose step by step"), "What should be predicted?"),
        Step(says("4"), "Which columns may the model use?"),
        Step(says("1-2, district"), "How should it be trained?"),
        *trains(),
    ]


def deferred_and_train(houses: Path) -> list[Step]:
    return [
        Step(says("/train"), "Where is your table?"),
        Step(presses("file on this machine"), "Which file?"),
        Step(says(str(houses)), "Load the table now?"),
        Step(presses("Later"), "Describe the columns"),
        Step(says("target: price\nfeatures: area, rooms\ntypes: rooms = category"), "How should it be trained?"),
        *trains(),
    ]


def train_and_predict(houses: Path) -> list[Step]:
    return [
        *load_now_and_train(houses),
        Step(presses("Predict new rows"), "Which rows should be predicted?"),
        Step(says(str(houses)), "240 rows predicted with"),
        Step(presses("Finish"), "Done"),
    ]


FLOWS = {
    "upload": upload_and_train,
    "load now": load_now_and_train,
    "deferred": deferred_and_train,
    "predict": train_and_predict,
}
LONG = {"TABSMITH_TRAINING__TIME": "120"}


@pytest.mark.soak
@pytest.mark.parametrize("flow", FLOWS if SOAK else ["predict"])  # the other ways are walked without kills below
def test_every_flow_reaches_its_end_though_the_bridge_is_killed_at_each_step(
    flow: str, houses: Path, server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    bridge = serve(server.address, **LONG)
    steps = FLOWS[flow](houses)
    for number, (act, answer) in enumerate(steps):
        act(ada)
        server.pause((0.0, 0.01, 0.03, 0.08, 0.2)[number % 5])  # somewhere between receiving and answering
        bridge.kill()
        bridge.start()
        ada.wait(answer, seconds=60)
    server.wait_until(lambda: not _unanswered(bridge))
    expected = [step.answer for step in steps]
    if flow == "predict":
        expected.append("Which rows should be predicted?")  # it is asked again when some are
    for answer in expected:
        answers = [each for each in ada.messages if answer in each.text]
        assert len(answers) == expected.count(answer), f"{answer}: {[each.text[:60] for each in ada.messages]}"
    assert bridge.end() == 0


@pytest.mark.parametrize("flow", ["predict"])  # it knows no files
def test_flows_over_an_independent_server(flow: str, houses: Path, serve: Serve) -> None:
    if why_not():
        pytest.skip(why_not())
    with TestApi() as api:
        ada = api.person(ADA)
        bridge = serve(api.address, **LONG)
        for act, answer in FLOWS[flow](houses):
            act(ada)
            ada.wait(answer, seconds=60)
        assert bridge.end() == 0


def test_nothing_is_read_before_training_when_the_schema_is_deferred(
    houses: Path, server: TelegramServer, serve: Serve, tabsmith_home: Path
) -> None:
    ada = server.person(ADA)
    serve(server.address, **LONG)
    steps = deferred_and_train(houses)
    for act, answer in steps[:-1]:
        act(ada)
        ada.wait(answer)
    assert not list((tabsmith_home / "cache").rglob("*")), "something was read already"
    steps[-1].act(ada)
    ada.wait(steps[-1].answer, seconds=60)
    assert list((tabsmith_home / "cache").rglob("*"))


def test_the_result_comes_with_its_pictures_and_predictions_as_a_file(
    houses: Path, server: TelegramServer, serve: Serve
) -> None:
    ada = server.person(ADA)
    serve(server.address, **LONG)
    for act, answer in upload_and_train(houses):
        act(ada)
        ada.wait(answer, seconds=60)
    pictures: list[Seen] = [each for each in ada.messages if each.photo]
    assert len(pictures) == 3
    assert all(each.file is not None and each.file.startswith(b"\x89PNG") for each in pictures)
    ada.press("Predict new rows")
    ada.wait("Which rows")
    ada.send_file(houses, "new rows.csv")
    predicted = ada.wait_file(seconds=60)
    assert predicted.file_name == "new-rows-predictions.csv"
    assert predicted.file is not None
    assert len(predicted.file.splitlines()) == 241


def _unanswered(bridge: Bridge) -> bool:
    from tabsmith.telegram.status import read_status

    status = read_status(bridge.paths)
    return status is None or bool(status.waiting or status.to_send)
