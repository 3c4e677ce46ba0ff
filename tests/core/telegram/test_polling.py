"""Polling goes on, whatever the server and the network do; real HTTP against the loopback server."""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate
from tabsmith.telegram.transport.pacing import Backoff
from tabsmith.telegram.transport.polling import PollBackoff, Poller
from tests.core.telegram.rig import api_at, keeper, running, server_that_keeps_its_token, until
from tests.peers.telegram_server import Close, CutShort, Garbage, Hang, Status, TelegramServer

_QUICK = Backoff((0.01, 0.02))
QUICK = PollBackoff(_QUICK, _QUICK, _QUICK, nothing=0.01)
GARBLED = Garbage(200, b'{"ok":true,"result":[{"update_id":')


@dataclass
class Desk:
    """A poller with its inbox and status, and what it handed on."""

    folder: Path
    got: list[ReceivedUpdate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.folder / "inbox.jsonl")
        self.keeper: StatusWriter = keeper(self.folder)

    def poller(self, api: BotApi, pauses: PollBackoff = QUICK) -> Poller:
        return Poller(api, self.inbox, self.keeper, self.got.extend, backoff=pauses)

    @property
    def texts(self) -> list[str]:
        return [each.update["message"]["text"] for each in self.got]  # type: ignore[index]

    @property
    def troubles(self) -> str:
        return "\n".join(each.words for each in self.keeper.now.troubles)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "bridge")


@pytest.fixture
def server(desk: Desk, caplog: pytest.LogCaptureFixture) -> Iterator[TelegramServer]:
    """The server; afterwards its token must be nowhere."""
    with server_that_keeps_its_token(desk.folder, desk.keeper, caplog) as server:
        yield server


async def test_updates_are_on_disk_before_they_are_handed_on_and_before_the_server_forgets_them(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.poller(api).run):
        ada.say("one")
        await until(lambda: desk.texts == ["one"])
        assert [each.update_id for each in Inbox(desk.folder / "inbox.jsonl").waiting()] == [desk.got[0].update_id]
        ada.say("two")
        ada.say("three")
        await until(lambda: desk.texts == ["one", "two", "three"])
        await until(lambda: server.queue.unconfirmed == [])
        await until(lambda: desk.keeper.now.polled_at > 0)
    now = desk.keeper.now
    assert (now.received, now.waiting, now.waiting_since, now.failed_polls) == (3, 3, desk.got[0].at, 0)


async def test_the_first_poll_is_answered_at_once_and_the_next_ones_wait(server: TelegramServer, desk: Desk) -> None:
    async with api_at(server, timeout=30) as api, running(desk.poller(api).run):
        await until(lambda: desk.keeper.now.polled_at > 0)
        await until(lambda: server.held_polls == 1)
    assert [each.fields["timeout"] for each in server.calls] == ["0", "30"]


async def test_updates_that_come_again_are_handed_on_once(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.poller(api).run):
        for words in ("one", "two"):
            ada.say(words)
        await until(lambda: len(desk.got) == 2 and not server.queue.unconfirmed)
        assert server.redeliver(2) == 2
        ada.say("three")
        await until(lambda: len(desk.got) == 3 and not server.queue.unconfirmed)
    assert desk.texts == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Status(401, "Unauthorized"), "does not take the token"),
        (Status(500, "Internal Server Error"), "Internal Server Error"),
        (Garbage(), "Bad Gateway"),
        (Garbage(200), "cannot be read"),
        (Close(), "connection failed"),
        (CutShort(), "connection failed"),
        (Hang(), "no answer in time"),
        (Status(404, "Not Found"), "Not Found"),
        (GARBLED, "cannot be read"),
    ],
    ids=str,
)
async def test_polling_goes_on_after_a_failure_and_loses_nothing(
    server: TelegramServer, desk: Desk, fault: Status, words: str
) -> None:
    ada = server.person(1)
    times = 1 if isinstance(fault, Hang) else 3
    async with api_at(server, timeout=0.2) as api:
        server.fail("getUpdates", times, fault)
        async with running(desk.poller(api).run):
            ada.say("one")
            await until(lambda: desk.keeper.now.failed_polls >= times)
            assert desk.keeper.now.polled_at == 0
            await until(lambda: desk.texts == ["one"])
            assert desk.keeper.now.failed_polls == 0
            assert desk.keeper.now.polled_at > 0
    assert words in desk.troubles


async def test_the_pauses_grow_with_each_failure_in_a_row_and_begin_anew_after_an_answer(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    pauses = PollBackoff(Backoff((0.05, 0.2)), _QUICK, Backoff((0.03,)))
    async with api_at(server) as api:
        server.fail("getUpdates", 3, Status(401, "Unauthorized"))
        async with running(desk.poller(api, pauses).run):
            ada.say("one")
            await until(lambda: desk.got)
            server.fail("getUpdates", 1, Status(401, "Unauthorized"))
            ada.say("two")
            await until(lambda: len(desk.got) == 2)
    at = [each.at for each in server.calls]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert gaps[0] >= 0.05
    assert gaps[1] >= 0.2
    assert gaps[2] >= 0.2


async def test_a_second_poller_is_noted_and_outlasted(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api, api_at(server) as other, running(desk.poller(api).run):
        await until(lambda: server.held_polls == 1)
        second = asyncio.ensure_future(other.updates(None))
        await until(lambda: desk.keeper.now.conflicts >= 1)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        ada.say("still here?")
        await until(lambda: desk.texts == ["still here?"])
    assert desk.keeper.now.conflict_at > 0
    assert desk.keeper.now.failed_polls == 0
    assert "Another program polls" in desk.troubles


async def test_waits_as_long_as_the_server_says(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        server.fail("getUpdates", 1, Status(429, "Too Many Requests", 1))
        async with running(desk.poller(api).run):
            ada.say("one")
            await until(lambda: desk.got)
    first, second = server.calls[:2]
    assert second.at - first.at >= 1.0


async def test_what_was_said_while_the_network_was_away_comes_when_it_is_back(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.poller(api).run):
        await until(lambda: server.held_polls == 1)
        await asyncio.to_thread(server.offline)
        for words in ("one", "two"):
            ada.say(words)
        await until(lambda: desk.keeper.now.failed_polls > 20)
        assert desk.got == []
        server.online()
        await until(lambda: desk.texts == ["one", "two"])
    assert len(desk.keeper.now.troubles) <= 3  # the same again and again is one


@pytest.mark.parametrize("garbage", [5, None, "text", [1], {}, {"update_id": "x"}, {"update_id": -1, "message": {}}])
async def test_an_update_that_is_none_does_not_block_those_after_it(
    server: TelegramServer, desk: Desk, garbage: object
) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.poller(api).run):
        ada.say("one")
        await until(lambda: desk.texts == ["one"] and not server.queue.unconfirmed)
        server.garbage_update(garbage, numbered=False)
        await until(lambda: desk.troubles)
        await until(lambda: server.queue.unconfirmed == [])
        ada.say("two")
        server.garbage_update(garbage, numbered=False)
        ada.say("three")
        await until(lambda: desk.texts == ["one", "two", "three"])
        await until(lambda: server.queue.unconfirmed == [])
    assert "without a number" in desk.troubles


async def test_garbage_before_the_first_update_ever_is_passed_by_the_first_that_can_be_read(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    server.garbage_update("nothing", numbered=False)
    async with api_at(server) as api, running(desk.poller(api).run):
        await until(lambda: desk.keeper.now.failed_polls > 2)
        ada.say("one")
        await until(lambda: desk.texts == ["one"])
        await until(lambda: server.queue.unconfirmed == [])
        assert desk.keeper.now.failed_polls == 0


async def test_an_update_of_an_unknown_shape_is_handed_on_to_be_judged(server: TelegramServer, desk: Desk) -> None:
    async with api_at(server) as api, running(desk.poller(api).run):
        server.garbage_update({"message": {"text": ["not", "text"], "chat": 7}})
        await until(lambda: desk.got)
        await until(lambda: server.queue.unconfirmed == [])
    assert desk.troubles == ""


async def test_an_update_that_keeps_the_whole_answer_from_being_read_is_left_out_alone(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        async with running(desk.poller(api).run):
            ada.say("one")
            await until(lambda: desk.texts == ["one"] and server.held_polls == 1)
        ada.say("garbled")
        ada.say("three")
        # One answer of many, and three of one alone: by then it is sure that it is this one.
        server.fail("getUpdates", 4, GARBLED)
        async with running(desk.poller(api).run):
            await until(lambda: "three" in desk.texts)
            await until(lambda: server.queue.unconfirmed == [])
    assert desk.texts == ["one", "three"]
    limits = [each.fields.get("limit") for each in server.calls]
    assert "1" in limits
    assert limits[-1] == "100"


async def test_a_page_of_some_gateway_never_costs_an_update(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.poller(api).run):
        ada.say("one")
        await until(lambda: desk.texts == ["one"])
        server.fail("getUpdates", math.inf, Garbage(200))
        ada.say("two")
        ada.say("three")
        await until(lambda: desk.keeper.now.failed_polls > 20)
        server.heal()
        await until(lambda: len(desk.got) == 3)
    assert desk.texts == ["one", "two", "three"]


async def test_a_disk_that_takes_nothing_costs_no_update(
    server: TelegramServer, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    ada = server.person(1)
    blocked = desk.folder / "inbox.jsonl"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.mkdir()  # a folder stands where the journal should
    async with api_at(server) as api, running(desk.poller(api).run):
        ada.say("one")
        await until(lambda: desk.keeper.now.failed_polls > 3)
        assert desk.got == []
        assert server.queue.unconfirmed
        blocked.rmdir()
        await until(lambda: desk.texts == ["one"])
    assert "inbox.jsonl" in desk.troubles
