"""The bridge as a whole, through everything that a server and a network do: each update is answered once in the end."""

import pytest

from tests.core.telegram.conftest import ADA, Serve
from tests.peers.telegram_server import AnswerLost, Close, Garbage, Hang, Status, TelegramServer

FAULTS = {
    "a second poller": ("getUpdates", Status(409, "Conflict: terminated by other getUpdates request")),
    "the token refused for a while": ("getUpdates", Status(401, "Unauthorized")),
    "polls fail": ("getUpdates", Status(502, "Bad Gateway")),
    "polls hang": ("getUpdates", Hang(6)),
    "polls break off": ("getUpdates", Close()),
    "polls answer with a page": ("getUpdates", Garbage()),
    "too many messages": ("sendMessage", Status(429, "Too Many Requests: retry after 1", 1)),
    "sending fails": ("sendMessage", Status(500, "Internal Server Error")),
    "sending breaks off": ("sendMessage", Close()),
    "sent, but the answer lost": ("sendMessage", AnswerLost()),
    "the token refused while sending": ("sendMessage", Status(401, "Unauthorized")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_update_is_answered_once_whatever_happens_on_the_way(
    name: str, server: TelegramServer, serve: Serve
) -> None:
    method, fault = FAULTS[name]
    bridge = serve(server.address)
    ada = server.person(ADA)
    ada.say("/start")
    ada.wait("A model from your table")
    server.fail(method, 2, fault)
    for number in range(3):
        ada.say(f"/nothing_{number}")
    for number in range(3):
        ada.wait(f"/nothing_{number}", seconds=40)
    assert bridge.end() == 0
    assert len(ada.messages) == 4


def test_an_hour_without_a_network_loses_nothing(server: TelegramServer, serve: Serve) -> None:
    bridge = serve(server.address)
    ada = server.person(ADA)
    ada.say("/start")
    ada.wait("A model from your table")
    server.offline()
    for number in range(5):
        ada.say(f"/nothing_{number}")
    bridge.kill()  # and a restart of the machine meanwhile
    bridge.start()
    server.pause(3)
    server.online()
    for number in range(5):
        ada.wait(f"/nothing_{number}", seconds=60)
    assert len(ada.messages) == 6


def test_what_cannot_be_read_is_passed_over_and_what_follows_is_answered(server: TelegramServer, serve: Serve) -> None:
    serve(server.address)
    ada = server.person(ADA)
    for garbage in (
        ["no", "object"],
        "text",
        {"message": 5},
        {"message": {"chat": {"id": "x"}}},
        {"callback_query": {}},
    ):
        server.garbage_update(garbage)
    server.redeliver()
    ada.say("/start")
    ada.wait("A model from your table")
    assert len(ada.messages) == 1


def test_an_update_that_comes_twice_is_answered_once(server: TelegramServer, serve: Serve) -> None:
    bridge = serve(server.address)
    ada = server.person(ADA)
    ada.say("/nothing_1")
    ada.wait("/nothing_1")
    ada.say("/nothing_2")
    ada.wait("/nothing_2")
    server.redeliver()
    bridge.kill()
    bridge.start()
    server.redeliver()
    ada.say("/nothing_3")
    ada.wait("/nothing_3")
    assert len(ada.messages) == 3
