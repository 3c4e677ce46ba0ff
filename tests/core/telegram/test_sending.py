"""What is put into the outbox arrives: once, in order, as fast as Telegram takes it. Real HTTP, real processes."""

import asyncio
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tabsmith.telegram.render.messages import Button, OutgoingChart, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import own
from tabsmith.telegram.status import StatusWriter
from tabsmith.telegram.transport.bot_api import BotApi
from tabsmith.telegram.transport.outbox import Outbox, recent_messages
from tabsmith.telegram.transport.pacing import Backoff, SendPacer, SendRates
from tabsmith.telegram.transport.sending import LONE_FAILURE_SECONDS, Sender
from tests.conftest import ROOT
from tests.core.telegram.rig import api_at, everything_in, keeper, running, server_that_keeps_its_token, text, until
from tests.core.telegram.test_api import png
from tests.peers.telegram_server import AnswerLost, Close, CutShort, Garbage, Hang, Person, Status, TelegramServer

QUICK = Backoff((0.01, 0.02))


def unhurried() -> SendPacer:
    """A pacer that never holds anything up of itself."""
    return SendPacer(SendRates(1e6, 10**6, 1e6, 10**6))


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """An outbox with its status, and who may receive."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.outbox = Outbox(self.folder / "outbox.jsonl")
        self.keeper: StatusWriter = keeper(self.folder)
        self.barred: set[int] = set()
        self.drawing = png()

    def sender(
        self,
        api: BotApi,
        pacer: SendPacer | None = None,
        *,
        edit_interval: float = 0.2,
        settle: tuple[float, float] = (0.0, 0.0),
        lone_failure: float = LONE_FAILURE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> Sender:
        async def draw(chart: OutgoingChart) -> bytes:
            if chart.run_id == "gone":
                raise LookupError("no such run")
            return self.drawing

        return Sender(
            api,
            self.outbox,
            self.keeper,
            draw=draw,
            may_receive=lambda user: user not in self.barred,
            pacer=pacer or unhurried(),
            backoff=QUICK,
            edit_interval=edit_interval,
            settle=settle,
            lone_failure=lone_failure,
            clock=clock,
        )

    def put(
        self, person: Person, key: str, outgoing: OutgoingMessage | OutgoingChart | OutgoingFile | None = None
    ) -> None:
        """Something for the person: the key as a text, if nothing else."""
        assert self.outbox.put(key, person.id, person.chat, outgoing or text(key))

    async def empty(self) -> None:
        await until(lambda: not self.outbox.pending())

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


def texts(person: Person) -> list[str]:
    return [each.text for each in person.messages]


async def test_what_is_put_goes_out_at_once_and_in_order(server: TelegramServer, desk: Desk) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    desk.put(ada, "put before")
    async with api_at(server) as api, running(desk.sender(api).run):
        for number in range(10):
            desk.put(ada, f"a{number}")
            desk.put(bob, f"b{number}")
        await desk.empty()
        await until(lambda: desk.keeper.now.to_send == 0)
    assert texts(ada) == ["put before", *[f"a{number}" for number in range(10)]]
    assert texts(bob) == [f"b{number}" for number in range(10)]
    assert desk.keeper.now.sent == 21
    assert [desk.outbox.message_id(f"b{each}") for each in range(10)] == [each.message_id for each in bob.messages]


async def test_a_chat_in_trouble_keeps_its_order_and_does_not_hold_up_another(
    server: TelegramServer, desk: Desk
) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    server.fail("sendMessage", 4, Status(500, "Internal Server Error"), about="a0")
    async with api_at(server) as api, running(desk.sender(api).run):
        for number in range(3):
            desk.put(ada, f"a{number}")
            desk.put(bob, f"b{number}")
        await until(lambda: len(bob.messages) == 3)
        await desk.empty()
    assert texts(ada) == ["a0", "a1", "a2"]
    assert "Internal Server Error" in desk.troubles


@pytest.mark.parametrize("fault", [AnswerLost(), CutShort()], ids=str)
@pytest.mark.parametrize("kind", ["text", "buttons", "picture", "file"])
async def test_a_message_whose_answer_was_lost_is_found_and_not_sent_again(
    server: TelegramServer, desk: Desk, tmp_path: Path, kind: str, fault: AnswerLost
) -> None:
    ada = server.person(1)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    outgoing = {
        "text": text("words"),
        "buttons": text("words", ("Yes", "y"), ("No", "n")),
        "picture": OutgoingChart("score", "run-1", (own("words"),)),
        "file": OutgoingFile(str(tmp_path / "rows.csv"), "rows.csv", (own("words"),), (), ((Button("Yes", "y"),),)),
    }[kind]
    method = {"picture": "sendPhoto", "file": "sendDocument"}.get(kind, "sendMessage")
    async with api_at(server) as api, running(desk.sender(api).run):
        desk.put(ada, "first")
        await desk.empty()
        ada.say("something between")
        server.fail(method, 1, fault)
        desk.put(ada, "second", outgoing)
        desk.put(ada, "third")
        await desk.empty()
    assert texts(ada) == ["first", "words", "third"]
    assert desk.outbox.message_id("second") == ada.messages[1].message_id
    assert desk.outbox.message_id("third") == ada.messages[2].message_id


@pytest.mark.parametrize("fault", [Close(), Hang(), Garbage(), Garbage(200), Status(502, "Bad Gateway")], ids=str)
async def test_a_message_that_never_arrived_is_looked_for_and_sent_once(
    server: TelegramServer, desk: Desk, fault: Close
) -> None:
    ada = server.person(1)
    async with api_at(server, patience=0.3) as api, running(desk.sender(api).run):
        server.fail("sendMessage", 1 if isinstance(fault, Hang) else 2, fault)
        desk.put(ada, "first")
        desk.put(ada, "second")
        await desk.empty()
    assert texts(ada) == ["first", "second"]
    assert any(each.method == "editmessagereplymarkup" for each in server.calls)


@pytest.mark.parametrize("fault", [Status(429, "Too Many Requests", 0), Status(401, "Unauthorized")], ids=str)
async def test_what_the_server_refused_for_now_is_sent_again_without_looking(
    server: TelegramServer, desk: Desk, fault: Status
) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.sender(api).run):
        server.fail("sendMessage", 3, fault)
        desk.put(ada, "first")
        await desk.empty()
    assert texts(ada) == ["first"]
    assert {each.method for each in server.calls} == {"sendmessage"}


async def test_a_look_that_fails_is_taken_again_before_anything_is_sent(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.sender(api).run):
        server.fail("sendMessage", 1, AnswerLost())
        server.fail("editMessageReplyMarkup", 1, Close())
        server.fail("editMessageReplyMarkup", 1, Status(500, "Internal Server Error"))
        server.fail("editMessageReplyMarkup", 1, Status(429, "Too Many Requests", 0))
        desk.put(ada, "first")
        await desk.empty()
    assert texts(ada) == ["first"]


async def test_a_chat_waits_as_long_as_the_server_says_and_others_do_not(server: TelegramServer, desk: Desk) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    pacer, clock = unhurried(), Clock()
    server.fail("sendMessage", 1, Status(429, "Too Many Requests", 1), about="a")
    async with api_at(server) as api, running(desk.sender(api, pacer, clock=clock).run):
        desk.put(ada, "a")
        await until(lambda: pacer.delay(ada.chat, clock.now))
        assert pacer.delay(ada.chat, clock.now) == 1.0
        desk.put(bob, "b")
        await until(lambda: bob.messages)
        assert texts(ada) == []
        clock.now = 1.0
        await desk.empty()
    assert len(server.calls) == 3
    assert texts(ada) == ["a"]


async def test_a_chat_gets_no_more_than_telegram_takes(desk: Desk) -> None:
    with TelegramServer(limits=True) as server:
        server.chat_burst = 4
        ada = server.person(1)
        async with api_at(server) as api, running(desk.sender(api, SendPacer()).run):
            for number in range(5):
                desk.put(ada, f"{number}")
            await desk.empty()
        assert server.refused == 0
    assert texts(ada) == ["0", "1", "2", "3", "4"]


async def test_a_person_who_wants_nothing_more_is_given_up_with_a_record(server: TelegramServer, desk: Desk) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    server.block(ada.chat)
    async with api_at(server) as api, running(desk.sender(api).run):
        desk.put(ada, "a")
        desk.put(bob, "b")
        await desk.empty()
    assert (texts(bob), desk.keeper.now.gave_up, desk.keeper.now.sent) == (["b"], 1, 1)
    found = recent_messages(desk.folder / "outbox.jsonl", 5)
    assert sorted((each.words, each.outcome, each.why) for each in found) == [
        ("a", "gave up", "Forbidden: bot was blocked by the user (403)"),
        ("b", "sent", ""),
    ]
    assert len([each for each in server.calls if each.fields["chat_id"] == str(ada.chat)]) == 1


async def test_one_who_was_taken_off_the_list_meanwhile_gets_nothing(server: TelegramServer, desk: Desk) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    desk.put(ada, "a")
    desk.put(bob, "b")
    desk.barred.add(ada.id)
    async with api_at(server) as api, running(desk.sender(api).run):
        await desk.empty()
    assert (texts(ada), texts(bob), desk.outbox.outcome("a")) == ([], ["b"], "gave up")
    assert "no longer on the list" in desk.outbox.recent(5)[0].why or "no longer on the list" in desk.troubles


async def test_its_text_is_sent_where_a_picture_or_a_file_cannot_be(
    server: TelegramServer, desk: Desk, tmp_path: Path
) -> None:
    ada = server.person(1)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    server.fail("sendDocument", 1, Status(413, "Request Entity Too Large"))
    yes = ((Button("Yes", "y"),),)
    async with api_at(server) as api, running(desk.sender(api).run):
        desk.put(ada, "1", OutgoingFile(str(tmp_path / "gone.csv"), "gone.csv", (), (own("it is gone"),), yes))
        desk.put(ada, "2", OutgoingFile(str(tmp_path / "rows.csv"), "rows.csv", (), (own("it is too large"),), yes))
        desk.put(ada, "3", OutgoingChart("score", "gone", (), (own("no such run"),)))
        desk.put(ada, "4", OutgoingFile(str(tmp_path / "gone.csv"), "gone.csv"))
        desk.put(ada, "5", OutgoingChart("score", "gone"))
        desk.put(ada, "6")
        await desk.empty()
        desk.drawing = b"no picture"
        desk.put(ada, "7", OutgoingChart("score", "run-1", (), (own("it could not be drawn"),)))
        await desk.empty()
    assert texts(ada) == ["it is gone", "it is too large", "no such run", "6", "it could not be drawn"]
    assert [each.buttons for each in ada.messages][:3] == [(("Yes", "y"),), (("Yes", "y"),), ()]
    assert (desk.outbox.outcome("4"), desk.outbox.outcome("5"), desk.keeper.now.gave_up) == ("gave up", "gave up", 2)
    assert "LookupError" in desk.troubles


async def test_a_message_at_which_the_server_always_fails_is_given_up_while_others_pass(
    server: TelegramServer, desk: Desk
) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    server.fail("sendMessage", math.inf, Status(500, "Internal Server Error"), about="poison")
    async with api_at(server) as api, running(desk.sender(api).run):
        desk.put(ada, "poison")
        desk.put(ada, "after it")
        await until(lambda: server.calls)
        desk.put(bob, "b")
        await desk.empty()
    assert (texts(ada), texts(bob)) == (["after it"], ["b"])
    assert desk.outbox.outcome("poison") == "gave up"
    assert len([each for each in server.calls if each.fields.get("text") == "poison"]) == 8


async def test_a_server_that_fails_at_everything_is_waited_for(server: TelegramServer, desk: Desk) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    server.fail("*", math.inf, Status(500, "Internal Server Error"))
    async with api_at(server) as api, running(desk.sender(api).run):
        desk.put(ada, "a")
        desk.put(bob, "b")
        await until(lambda: len(server.calls) > 40)
        server.heal()
        await desk.empty()
    assert (texts(ada), texts(bob)) == (["a"], ["b"])


async def test_a_message_alone_at_which_the_server_fails_is_given_up_when_polls_pass_for_long(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    server.fail("sendMessage", math.inf, Status(500, "Internal Server Error"), about="poison")
    async with api_at(server) as api, running(desk.sender(api, lone_failure=0.3).run):
        desk.put(ada, "poison")
        desk.put(ada, "after it")
        await until(lambda: len([each for each in server.calls if each.method == "sendmessage"]) > 12)
        assert desk.outbox.outcome("poison") == "to send"
        desk.keeper.note(polled_at=1.0)
        await desk.empty()
    assert texts(ada) == ["after it"]


async def test_what_was_put_while_the_network_was_away_arrives_once_and_in_order(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    async with api_at(server) as api, running(desk.sender(api).run):
        desk.put(ada, "before")
        await desk.empty()
        await asyncio.to_thread(server.offline)
        desk.put(ada, "first")
        desk.put(ada, "second")
        await until(lambda: "ConnectError" in desk.troubles)
        server.online()
        await desk.empty()
    assert texts(ada) == ["before", "first", "second"]
    assert {each.method for each in server.calls} == {"sendmessage"}


async def test_what_a_killed_process_left_in_doubt_is_found_in_its_own_chat(server: TelegramServer, desk: Desk) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    for person, key in ((ada, "a"), (bob, "b")):
        desk.outbox.seen(person.say("hello"))
        desk.put(person, key)
        desk.outbox.sending(key)
    bob.say("and more")
    async with api_at(server) as api:
        await api.send(bob.chat, text("b"))  # the answer to this died with the process; that to Ada never went out
        desk.outbox = Outbox(desk.folder / "outbox.jsonl")
        async with running(desk.sender(api).run):
            await desk.empty()
    assert (texts(ada), texts(bob)) == (["a"], ["b"])


async def test_what_is_in_doubt_is_looked_for_when_all_that_came_in_before_is_known(
    server: TelegramServer, desk: Desk
) -> None:
    ada, bob = server.person(1), server.person(2, "Bob")
    desk.put(ada, "a")
    desk.outbox.sending("a")
    unseen = [bob.say(f"{number}") for number in range(200)]
    async with api_at(server) as api:
        await api.send(ada.chat, text("a"))
        desk.outbox = Outbox(desk.folder / "outbox.jsonl")
        async with running(desk.sender(api, settle=(0.1, 60.0)).run):
            for number in unseen:
                desk.outbox.seen(number)
            desk.put(bob, "b")
            await until(lambda: bob.messages)
            assert {each.method for each in server.calls} == {"sendmessage"}
            desk.keeper.note(polled_at=1.0)
            await desk.empty()
    assert texts(ada) == ["a"]
    assert len([each for each in server.calls if each.method == "editmessagereplymarkup"]) == 1


async def test_what_is_in_doubt_is_looked_for_in_the_end_also_while_no_poll_is_answered(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    desk.put(ada, "a")
    desk.outbox.sending("a")
    async with api_at(server) as api, running(desk.sender(api, settle=(0.0, 0.2)).run):
        await desk.empty()
    assert texts(ada) == ["a"]


async def test_a_disk_that_takes_nothing_lets_nothing_out_that_could_be_sent_twice(
    server: TelegramServer, desk: Desk, tmp_path: Path
) -> None:
    ada = server.person(1)
    path = desk.folder / "outbox.jsonl"
    desk.put(ada, "first")
    path.rename(tmp_path / "kept")
    path.mkdir()  # a folder stands where the journal should
    async with api_at(server) as api, running(desk.sender(api).run):
        await until(lambda: "outbox.jsonl" in desk.troubles)
        assert server.calls == []
        path.rmdir()
        (tmp_path / "kept").rename(path)
        await desk.empty()
    assert texts(ada) == ["first"]
    assert Outbox(path).message_id("first") == ada.messages[0].message_id


# Boards -----------------------------------------------------------------------------------------------------------


async def test_a_board_shows_the_latest_and_is_not_changed_too_often(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        clock = Clock()
        sender = desk.sender(api, edit_interval=0.2, clock=clock)
        sender.show("board", ada.chat, text("0"))  # before there is a message at all
        async with running(sender.run):
            desk.put(ada, "board")
            await until(lambda: texts(ada) == ["0"])
            for number in range(1, 50):
                sender.show("board", ada.chat, text(f"{number}", ("Stop", "s")))
            clock.now = 0.1
            desk.put(ada, "beside it")
            await until(lambda: texts(ada) == ["0", "beside it"])
            clock.now = 1.0  # the answer to the first edit may have come in at 0.1
            await until(lambda: texts(ada) == ["49", "beside it"])
            sender.show("board", ada.chat, text("49", ("Stop", "s")))
            clock.now = 2.0
            assert await sender.drain(5)
    assert [each.method for each in server.calls if each.method == "editmessagetext"] == ["editmessagetext"] * 2
    assert ada.messages[0].buttons == (("Stop", "s"),)


async def test_a_board_outlasts_what_is_wrong_with_the_network_and_the_server(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        pacer, clock = unhurried(), Clock()
        sender = desk.sender(api, pacer, edit_interval=0.0, clock=clock)
        async with running(sender.run):
            desk.put(ada, "board")
            await desk.empty()
            for fault in (Close(), AnswerLost(), Status(500), Status(429, "Too Many Requests", 1)):
                server.fail("editMessageText", 1, fault)
            sender.show("board", ada.chat, text("new"))
            await until(lambda: pacer.delay(ada.chat, clock.now))
            assert (len(server.calls), pacer.delay(ada.chat, clock.now)) == (5, 1.0)
            clock.now = 1.0
            assert await sender.drain(5)
        assert texts(ada) == ["new"]


async def test_a_change_that_is_refused_is_dropped_and_the_next_one_shown(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        sender = desk.sender(api, edit_interval=0.0)
        async with running(sender.run):
            desk.put(ada, "board")
            await desk.empty()
            server.fail("editMessageText", 1, Status(400, "Bad Request: message can't be edited"))
            sender.show("board", ada.chat, text("refused"))
            await until(lambda: "can't be edited" in desk.troubles)
            assert await sender.drain(5)
            assert texts(ada) == ["board"]
            server.fail("editMessageText", 8, Status(500, "Internal Server Error"))
            sender.show("board", ada.chat, text("failed"))
            assert await sender.drain(5)
            assert texts(ada) == ["board"]
            sender.show("board", ada.chat, text("shown"))
            assert await sender.drain(5)
    assert texts(ada) == ["shown"]


async def test_a_board_whose_message_was_given_up_is_forgotten(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    server.block(ada.chat)
    async with api_at(server) as api:
        sender = desk.sender(api)
        async with running(sender.run):
            desk.put(ada, "board")
            sender.show("board", ada.chat, text("new"))
            assert await sender.drain(5)
    assert [each.method for each in server.calls] == ["sendmessage"]


# The end ----------------------------------------------------------------------------------------------------------


async def test_a_clean_end_sends_what_is_left(server: TelegramServer, desk: Desk) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        sender = desk.sender(api, edit_interval=0.0)
        desk.put(ada, "a")
        desk.put(ada, "board")
        sender.show("board", ada.chat, text("the last state"))
        assert await sender.drain(5)
        assert await sender.drain(0)
    assert texts(ada) == ["a", "the last state"]


async def test_a_clean_end_does_not_wait_for_ever_and_leaves_the_rest_on_disk(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    server.fail("*", math.inf, Hang())
    async with api_at(server) as api:
        sender = desk.sender(api)
        desk.put(ada, "a")
        desk.put(ada, "b")
        async with running(sender.run):
            await until(lambda: server.calls)
        assert not await sender.drain(0.1)
    assert [each.key for each in Outbox(desk.folder / "outbox.jsonl").pending()] == ["a", "b"]
    desk.outbox = Outbox(desk.folder / "outbox.jsonl")
    async with api_at(server) as api:
        server.heal()
        assert await desk.sender(api).drain(5)
    assert texts(ada) == ["a", "b"]


async def test_a_message_that_was_under_way_when_the_sender_was_ended_is_sent_once(
    server: TelegramServer, desk: Desk
) -> None:
    ada = server.person(1)
    async with api_at(server) as api:
        sender = desk.sender(api)
        async with running(sender.run):
            desk.put(ada, "a")
            await until(lambda: server.sent or server.calls)  # it is there, or nearly: the answer may be under way
        assert await sender.drain(5)
    assert texts(ada) == ["a"]


# Killed -----------------------------------------------------------------------------------------------------------


def test_a_bridge_that_is_killed_twenty_times_answers_everything_once_and_in_order(tmp_path: Path) -> None:
    chance, kills, folder = random.Random(5), 20, tmp_path / "bridge"
    folder.mkdir()
    with TelegramServer() as server:
        ada, bob = server.person(1), server.person(2, "Bob")
        command = [sys.executable, "-m", "tests.core.telegram.courier", server.address, server.token, str(folder)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "core")))}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        ) as parent:
            assert parent.stdin is not None
            assert parent.stdout is not None

            def start() -> int:
                parent.stdin.write("\n")
                parent.stdin.flush()
                return int(parent.stdout.readline())

            def kill(child: int) -> None:
                os.kill(child, signal.SIGKILL)
                assert parent.stdout.readline() == "ended\n"

            said: dict[int, list[str]] = {ada.id: [], bob.id: []}
            try:
                for number in range(kills):
                    child = start()
                    for person in (ada, bob):
                        for each in range(chance.randint(1, 2)):
                            said[person.id].append(f"{number}-{each}")
                            person.say(f"hello {number}-{each}")
                    if chance.random() < 0.3:
                        server.fail("*", 1, chance.choice((AnswerLost(), Close(), Status(500))))
                    if chance.random() < 0.5:  # between the sending and the answer, or a little later
                        more = len(server.sent) + chance.randint(1, 5)
                        assert server.wait_until(lambda more=more: len(server.sent) >= more)
                    else:
                        server.pause(chance.random() * 0.2)
                    kill(child)
                server.heal()
                child = start()
                expected = {
                    who: [line for each in them for line in (f"{each}, first", f"{each}, second", f"{each}.csv")]
                    for who, them in said.items()
                }
                whole = sum(len(each) for each in expected.values())
                arrived = server.wait_until(lambda: len(server.sent) >= whole, 30)
                assert server.wait_until(lambda: not server.queue.unconfirmed)
                kill(child)
            finally:
                parent.kill()
        assert arrived
        assert any(each.method == "editmessagereplymarkup" for each in server.calls)  # some were in doubt
        for person in (ada, bob):
            assert [each.text or each.file_name for each in person.messages] == expected[person.id]
    left = Outbox(
        folder / "outbox.jsonl"
    ).pending()  # the last message to each person may have no record of its arrival
    assert len({each.chat for each in left}) == len(left)
    assert all(server.token.partition(":")[2].encode() not in data for _, data in everything_in(folder))
