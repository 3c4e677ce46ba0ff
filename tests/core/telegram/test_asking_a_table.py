"""Free text of a person who has a table is a question to it: answers, pictures, questions back with choices by number."""

from pathlib import Path

from tests.core.telegram.conftest import ADA, Serve
from tests.core.telegram.test_flows import LONG, upload_and_train
from tests.peers.telegram_server import TelegramServer


def test_a_table_is_asked_from_the_phone(houses: Path, server: TelegramServer, serve: Serve) -> None:
    ada = server.person(ADA)
    serve(server.address, **LONG)
    ada.say("mean of price by district")
    ada.wait("There is no table yet")
    for act, answer in upload_and_train(houses)[:3]:
        act(ada)
        ada.wait(answer, seconds=60)
    ada.say("mean of price by district")
    assert "Mean of price for each district." in ada.wait("Mean of price", seconds=60).text
    ada.say("price and area")
    assert "How price and area go together" in ada.wait("Send a number", seconds=60).text
    ada.say("1")
    assert "does not say why" in ada.wait("Pearson's r", seconds=60).text
    ada.wait_photo()
    ada.say("what is the wether")
    assert "wether" in ada.wait("neither a column", seconds=60).text
