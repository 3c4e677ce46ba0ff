"""The Bot API servers of the tests behave as Telegram does, seen by the library that the bridge uses."""

import asyncio
import math
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from telegram import Bot, CallbackQuery, Document, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut

from tests.peers.telegram_server import (
    AnswerLate,
    AnswerLost,
    Close,
    CutShort,
    Garbage,
    Hang,
    Person,
    Status,
    TelegramServer,
)
from tests.peers.telegram_test_api import TestApi, why_not


@pytest.fixture(autouse=True)
def whole_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the library itself warns of every RetryAfter that it raises."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
def server() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture
def ada(server: TelegramServer) -> Person:
    return server.person(11, "Ada")


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with _bot(server) as bot:
        yield bot


@pytest.fixture(params=["own", "npm"])
def either(request: pytest.FixtureRequest) -> Iterator[TelegramServer | TestApi]:
    if request.param == "npm" and why_not():
        pytest.skip(why_not())
    with TelegramServer() if request.param == "own" else TestApi() as server:
        yield server


def _bot(server: TelegramServer | TestApi) -> Bot:
    return Bot(server.token, base_url=f"{server.address}/bot", base_file_url=f"{server.address}/file/bot")


def _keys(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(label, callback_data=data)] for label, data in buttons])


def _png(width: int = 2, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x7f" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def _in_time(server: TelegramServer, condition: Callable[[], bool]) -> None:
    assert await asyncio.to_thread(server.wait_until, condition, 10)


# Over both servers: a conversation


async def test_a_conversation_with_buttons_and_edits(either: TelegramServer | TestApi) -> None:
    ada, ben = either.person(11, "Ada"), either.person(22, "Ben")
    async with _bot(either) as bot:
        ada.say("/start now")
        ben.say("hello")
        first, second = await bot.get_updates(timeout=5)
        assert (first.message.text, first.message.from_user.id, first.message.chat.type) == (
            "/start now",
            11,
            "private",
        )
        assert second.update_id == first.update_id + 1
        assert abs(first.message.date.timestamp() - time.time()) < 60

        sent = await bot.send_message(
            11, "What next?", reply_markup=_keys(("Train a model", "t:1"), ("Predict", "p:1"))
        )
        assert await asyncio.to_thread(ada.wait, "next") == ada.messages[-1]
        assert ada.messages[-1].buttons == (("Train a model", "t:1"), ("Predict", "p:1"))
        assert ben.messages == []

        pressed = ada.press("Train")
        assert pressed.message_id == sent.message_id
        (update,) = await bot.get_updates(offset=second.update_id + 1, timeout=5)
        query = update.callback_query
        assert isinstance(query, CallbackQuery)
        assert (query.data, query.from_user.id, query.message.message_id) == ("t:1", 11, sent.message_id)
        assert query.message.chat.id == 11
        assert await bot.answer_callback_query(query.id)

        edited = await bot.edit_message_text("Training.", 11, sent.message_id)
        assert edited.text == "Training."
        assert (await asyncio.to_thread(ada.wait_edit, "Training.")).buttons == ()
        with pytest.raises(AssertionError, match=r"no button 'Predict'; there are \[\]"):
            ada.press("Predict")


async def test_a_message_that_is_not_there_cannot_be_edited(either: TelegramServer | TestApi) -> None:
    either.person(11)
    async with _bot(either) as bot:
        sent = await bot.send_message(11, "One", reply_markup=_keys(("A", "a")))
        with pytest.raises(BadRequest, match=r"[Mm]essage to edit not found"):
            await bot.edit_message_reply_markup(11, sent.message_id + 1, reply_markup=_keys(("A", "a")))


async def test_a_poll_is_held_until_something_is_said(either: TelegramServer | TestApi) -> None:
    ada = either.person(11)
    async with _bot(either) as bot:
        assert await bot.get_updates(timeout=0) == ()
        poll = asyncio.create_task(bot.get_updates(timeout=20))
        done, _ = await asyncio.wait({poll}, timeout=0.2)
        assert not done
        ada.say("here")
        (update,) = await poll
        assert update.message.text == "here"


async def test_waiting_for_a_message_looks_at_newer_ones_only(either: TelegramServer | TestApi) -> None:
    ada = either.person(11)
    async with _bot(either) as bot:
        for text in ("one a", "two a", "three b"):
            await bot.send_message(11, text)
        assert ada.wait("a").text == "one a"
        assert ada.wait("a").text == "two a"
        with pytest.raises(AssertionError, match=r"since the last wait came .*three b"):
            ada.wait("one", seconds=0.1)
        with pytest.raises(AssertionError, match=r"Ada got .*three b"):
            ada.expect_nothing_until(lambda: True)
        ada.wait("three")
        ada.expect_nothing_until(lambda: True)


# Updates


async def test_updates_come_again_until_an_offset_confirms_them(bot: Bot, server: TelegramServer, ada: Person) -> None:
    for text in ("a", "b", "c"):
        ada.say(text)
    every = await bot.get_updates()
    assert [each.message.text for each in every] == ["a", "b", "c"]
    assert await bot.get_updates() == every
    assert await bot.get_updates(limit=1) == every[:1]
    assert await bot.get_updates(offset=every[1].update_id) == every[1:]
    assert await bot.get_updates() == every[1:]
    assert await bot.get_updates(offset=every[2].update_id + 1) == ()
    assert server.queue.unconfirmed == []


async def test_redelivered_updates_come_whatever_the_offset_says(bot: Bot, server: TelegramServer, ada: Person) -> None:
    ada.say("a")
    ada.say("b")
    every = await bot.get_updates()
    after = every[-1].update_id + 1
    assert await bot.get_updates(offset=after) == ()
    assert server.redeliver() == 2
    assert await bot.get_updates(offset=after) == every
    assert await bot.get_updates(offset=after) == ()
    assert server.redeliver(1) == 1
    assert await bot.get_updates(offset=after) == every[1:]


async def test_a_second_poll_ends_the_first_with_a_conflict(bot: Bot, server: TelegramServer, ada: Person) -> None:
    async with _bot(server) as other:
        first = asyncio.create_task(bot.get_updates(timeout=30))
        await _in_time(server, lambda: server.held_polls == 1)
        second = asyncio.create_task(other.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await first
        ada.say("hello")
        assert len(await second) == 1


async def test_whoever_leaves_does_not_poll_any_more(bot: Bot, server: TelegramServer, ada: Person) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await _in_time(server, lambda: server.held_polls == 1)
    poll.cancel()
    await _in_time(server, lambda: server.held_polls == 0)
    ada.say("still here")
    assert len(await bot.get_updates()) == 1


async def test_any_json_can_be_an_update(server: TelegramServer, ada: Person) -> None:
    server.garbage_update({"message": 17})
    server.garbage_update(["what"])
    ada.raw_update({"message": {"from": {"id": "not a number"}}})
    ada.say("after")
    updates = (await _post(server, "getUpdates", {}))["result"]
    first = updates[0]["update_id"]
    assert updates[0] == {"update_id": first, "message": 17}
    assert updates[1] == ["what"]
    assert [each["update_id"] for each in updates[2:]] == [first + 2, first + 3]


async def test_edits_groups_and_channels_arrive(bot: Bot, server: TelegramServer, ada: Person) -> None:
    ada.say("frist")
    ada.edit("first")
    ada.post_in_group("/start")
    ada.channel_post("news")
    _, edited, group, channel = await bot.get_updates()
    assert edited.edited_message.text == "first"
    assert (group.message.chat.type, group.message.from_user.id) == ("supergroup", 11)
    assert channel.channel_post.from_user is None


async def test_waiting_updates_can_be_dropped(bot: Bot, ada: Person) -> None:
    ada.say("old")
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


# What is sent


async def test_what_was_sent_is_recorded_as_it_was_sent(bot: Bot, server: TelegramServer, ada: Person) -> None:
    ben = server.person(22, "Ben")
    mine = await bot.send_message(
        11,
        "😀 id.csv see t.me/x and @someone",
        entities=[MessageEntity("code", 3, 6)],
        disable_notification=True,
        reply_markup=_keys(("Go", "g")),
    )
    his = await bot.send_message(22, "*no markup*")
    assert his.message_id == mine.message_id + 1, "one sequence over all chats"
    first, second = server.sent
    assert (first.method, first.chat, first.message_id, first.silent) == ("sendMessage", 11, mine.message_id, True)
    assert first.entities == ({"type": "code", "offset": 3, "length": 6},)
    assert first.buttons == (("Go", "g"),)
    assert first.live == ("t.me/x", "@someone")
    assert (second.text, second.parse_mode, second.live) == ("*no markup*", "", ())
    assert ben.wait().text == "*no markup*"
    assert server.calls[-1].method == "sendmessage"
    assert server.calls[-1].fields["text"] == "*no markup*"


async def test_links_in_code_are_not_live(bot: Bot, server: TelegramServer, ada: Person) -> None:
    text = "see http://a.example/x"
    await bot.send_message(11, text, entities=[MessageEntity("code", 4, 18)])
    await bot.send_message(11, text)
    assert [each.live for each in server.sent] == [(), ("http://a.example/x",)]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": " \n"}, "message text is empty"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "a", "chat_id": 99}, "chat not found"),
        ({"text": "abc", "entities": [{"type": "bold", "offset": 1, "length": 3}]}, "ends after the end of the text"),
        ({"text": "abc", "entities": [{"type": "bold", "offset": -1, "length": 1}]}, "incorrect offset"),
        ({"text": "abc", "entities": [{"type": "bold", "offset": 0, "length": 0}]}, "incorrect length"),
        ({"text": "abc", "entities": [{"type": "loud", "offset": 0, "length": 1}]}, "can't parse MessageEntity"),
        ({"text": "😀a", "entities": [{"type": "bold", "offset": 1, "length": 1}]}, "middle of a UTF-16 symbol"),
        ({"text": "a", "reply_markup": "{"}, "can't parse reply markup JSON"),
        ({"text": "a", "reply_markup": {"inline_keyboard": [[{"text": "A"}]]}}, "Text buttons are unallowed"),
        ({"text": "a", "reply_markup": {"inline_keyboard": [[{"text": "", "callback_data": "a"}]]}}, 'Field "text"'),
        (
            {"text": "a", "reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "ä" * 33}]]}},
            "BUTTON_DATA_INVALID",
        ),
    ],
)
async def test_what_telegram_would_refuse_is_refused(
    server: TelegramServer, ada: Person, fields: dict[str, Any], why: str
) -> None:
    said = await _post(server, "sendMessage", {"chat_id": 11, **fields})
    assert (said["ok"], said["error_code"]) == (False, 400)
    assert said["description"].startswith("Bad Request: ")
    assert why in said["description"]
    assert server.sent == []


async def test_the_longest_of_everything_is_taken(bot: Bot, server: TelegramServer, ada: Person) -> None:
    await bot.send_message(11, "😀" * 2048, reply_markup=_keys(("A", "ä" * 32)))
    await bot.send_document(11, b"x", filename="x", caption="c" * 1024)
    assert len(server.sent) == 2
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_document(11, b"x", filename="x", caption="c" * 1025)


async def test_an_edit_that_changes_nothing_is_told_from_one_of_nothing(bot: Bot, ada: Person) -> None:
    theirs = ada.say("mine")
    sent = await bot.send_message(11, "one", reply_markup=_keys(("A", "a")))
    with pytest.raises(BadRequest, match=r"[Mm]essage is not modified"):
        await bot.edit_message_text("one", 11, sent.message_id, reply_markup=_keys(("A", "a")))
    with pytest.raises(BadRequest, match=r"[Mm]essage is not modified"):
        await bot.edit_message_reply_markup(11, sent.message_id, reply_markup=_keys(("A", "a")))
    with pytest.raises(BadRequest, match=r"[Mm]essage to edit not found"):
        await bot.edit_message_reply_markup(11, sent.message_id + 1)
    with pytest.raises(BadRequest, match=r"[Mm]essage can't be edited"):
        await bot.edit_message_reply_markup(11, theirs)
    with pytest.raises(BadRequest, match="no caption in the message"):
        await bot.edit_message_caption(11, sent.message_id, caption="x")
    assert ada.messages[-1].edits == 0


async def test_edits_are_recorded_and_change_what_is_shown(bot: Bot, server: TelegramServer, ada: Person) -> None:
    sent = await bot.send_message(11, "0 %", reply_markup=_keys(("Stop", "s")))
    for text in ("50 %", "100 %"):
        await bot.edit_message_text(text, 11, sent.message_id, reply_markup=_keys(("Stop", "s")))
    await bot.edit_message_reply_markup(11, sent.message_id)
    assert [each.method for each in server.edits] == ["editMessageText", "editMessageText", "editMessageReplyMarkup"]
    assert [ada.wait_edit().text for _ in range(3)] == ["50 %", "100 %", "100 %"]
    (now,) = ada.messages
    assert (now.text, now.buttons, now.edits) == ("100 %", (), 3)
    assert ada.wait("0 %").text == "0 %", "how it was first is not lost"
    assert await bot.delete_message(11, sent.message_id)
    assert ada.messages == []
    with pytest.raises(BadRequest, match="to delete not found"):
        await bot.delete_message(11, sent.message_id)


async def test_a_press_is_answered_once(bot: Bot, server: TelegramServer, ada: Person) -> None:
    await bot.send_message(11, "An older question", reply_markup=_keys(("Yes", "old"), ("all", "old")))
    sent = await bot.send_message(11, "Sure?", reply_markup=_keys(("Yes, all", "ya"), ("Yes", "y")))
    ada.press("Yes")
    ada.press("all")
    ada.press_data("forged", sent.message_id + 50)
    first, second, forged = [each.callback_query for each in await bot.get_updates()]
    assert (first.data, second.data) == ("y", "ya")
    assert not forged.message.is_accessible
    await bot.answer_callback_query(first.id, "Done.")
    assert [(each.query, each.text) for each in server.answers] == [(first.id, "Done.")]
    for query in (first.id, "123"):
        with pytest.raises(BadRequest, match=r"(?i)query is too old"):
            await bot.answer_callback_query(query)


async def test_commands_are_set_and_the_bot_says_who_it_is(bot: Bot, server: TelegramServer, ada: Person) -> None:
    assert (await bot.get_me()).id == 123456
    assert await bot.send_chat_action(11, "upload_document")
    await bot.set_my_commands([("train", "Train a model")])
    assert server.commands == [("train", "Train a model")]
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([("Train!", "Train a model")])


async def test_a_person_who_blocked_the_bot_gets_nothing(bot: Bot, server: TelegramServer, ada: Person) -> None:
    server.block(11)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(11, "Hello?")
    assert ada.messages == []


# Files


async def test_files_arrive_whole_in_both_directions(bot: Bot, server: TelegramServer, ada: Person) -> None:
    data = bytes(range(256)) * 4_000 + b"\r\n--\r\n"
    ada.send_file(data, "../näme.csv", caption="here")
    (update,) = await bot.get_updates()
    document = update.message.document
    assert isinstance(document, Document)
    assert (document.file_name, document.file_size, update.message.caption) == ("../näme.csv", len(data), "here")
    file = await bot.get_file(document.file_id)
    assert bytes(await file.download_as_bytearray()) == data

    await bot.send_document(11, data, filename='"ä" 1.csv', caption="back", reply_markup=_keys(("More", "m")))
    await bot.send_photo(11, _png(), filename="score.png")
    back, picture = ada.wait_file(".csv"), ada.wait_photo()
    assert (back.file, back.file_name, back.text, back.labels) == (data, '"ä" 1.csv', "back", ["More"])
    assert (picture.file, picture.photo) == (_png(), True)
    assert [each.method for each in server.sent] == ["sendDocument", "sendPhoto"]


async def test_files_that_are_too_large_or_no_pictures_are_refused(bot: Bot, ada: Person) -> None:
    ada.send_file(b"x", "large.csv", claimed_size=20 * 1024 * 1024 + 1)
    (update,) = await bot.get_updates()
    with pytest.raises(BadRequest, match=r"[Ff]ile is too big"):
        await bot.get_file(update.message.document.file_id)
    with pytest.raises(BadRequest, match=r"(?i)image_process_failed"):
        await bot.send_photo(11, b"no picture")
    with pytest.raises(BadRequest, match=r"(?i)photo_invalid_dimensions"):
        await bot.send_photo(11, _png(width=210, height=10))
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(11, bytes(50 * 1024 * 1024 + 1), filename="large.bin")


async def test_a_download_can_break_off(bot: Bot, server: TelegramServer, ada: Person) -> None:
    ada.send_file(b"x" * 300_000, "x.csv")
    (update,) = await bot.get_updates()
    file = await bot.get_file(update.message.document.file_id)
    server.fail("file", 1, CutShort())
    with pytest.raises(NetworkError):
        await file.download_as_bytearray()
    assert len(await file.download_as_bytearray()) == 300_000


# Limits and faults


async def test_too_many_messages_are_refused_with_the_time_to_wait(
    bot: Bot, server: TelegramServer, ada: Person
) -> None:
    server.person(22)
    server.limits, server.chat_burst, server.retry_after = True, 3, 7
    for number in range(3):
        await bot.send_message(11, str(number))
    with pytest.raises(RetryAfter) as refused:
        await bot.send_message(11, "too much")
    assert refused.value.retry_after == timedelta(seconds=7)
    await bot.send_message(22, "another chat")
    assert (server.refused, len(server.sent)) == (1, 4)
    server.all_per_second = 4
    with pytest.raises(RetryAfter):
        await bot.send_message(22, "too much for all")


async def test_scripted_failures_come_as_often_as_told(bot: Bot, server: TelegramServer, ada: Person) -> None:
    server.fail("sendMessage", 1, Status(429, "Too Many Requests: retry after 3", retry_after=3))
    server.fail("sendMessage", 1, Status(500, "Internal Server Error"))
    server.fail("sendMessage", 1, Garbage())
    server.fail("sendMessage", 1, Close())
    for kind in (RetryAfter, NetworkError, NetworkError, NetworkError):
        with pytest.raises(kind):
            await bot.send_message(11, "x")
    assert server.sent == []
    await bot.send_message(11, "x")
    assert len(server.sent) == 1


async def test_a_failure_can_be_about_one_message_only(bot: Bot, server: TelegramServer, ada: Person) -> None:
    server.fail("*", math.inf, Status(502, "Bad Gateway"), about="poison")
    await bot.send_message(11, "fine")
    for _ in range(2):
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.send_message(11, "poison")
    server.heal()
    await bot.send_message(11, "poison")


async def test_a_lost_answer_is_a_message_that_arrived(bot: Bot, server: TelegramServer, ada: Person) -> None:
    server.fail("sendMessage", 1, AnswerLost())
    with pytest.raises(NetworkError):
        await bot.send_message(11, "was it sent?")
    assert ada.wait("sent").text == "was it sent?"


async def test_an_answer_can_come_late_or_never(bot: Bot, server: TelegramServer, ada: Person) -> None:
    server.fail("sendMessage", 1, AnswerLate(0.05))
    server.fail("sendMessage", 1, AnswerLate())
    assert (await bot.send_message(11, "late")).text == "late"
    with pytest.raises(TimedOut):
        await bot.send_message(11, "never told", read_timeout=0.2)
    assert [each.text for each in ada.messages] == ["late", "never told"]


async def test_a_server_that_hangs_carries_nothing_out(bot: Bot, server: TelegramServer, ada: Person) -> None:
    server.fail("sendMessage", 1, Hang())
    with pytest.raises(TimedOut):
        await bot.send_message(11, "hello", read_timeout=0.2)
    assert server.sent == []
    server.fail("getMe", 1, Hang())  # and stopping does not wait for it
    asking = asyncio.create_task(bot.get_me(read_timeout=30))
    await _in_time(server, lambda: server.calls[-1].method == "getme" and len(server.calls) > 2)
    await asyncio.to_thread(server.offline)
    with pytest.raises(NetworkError):
        await asking


async def test_offline_refuses_and_online_answers_on_the_same_port(
    bot: Bot, server: TelegramServer, ada: Person
) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await _in_time(server, lambda: server.held_polls == 1)
    ada.say("before")
    await poll
    again = asyncio.create_task(bot.get_updates(offset=poll.result()[0].update_id + 1, timeout=30))
    await _in_time(server, lambda: server.held_polls == 1)
    await asyncio.to_thread(server.offline)
    with pytest.raises(NetworkError):
        await again
    with pytest.raises(NetworkError):
        await bot.get_me()
    ada.say("while away")
    server.online()
    (update,) = await bot.get_updates(offset=poll.result()[0].update_id + 1)
    assert update.message.text == "while away"


async def test_another_token_is_not_let_in(server: TelegramServer) -> None:
    other = Bot("999:other", base_url=f"{server.address}/bot")
    with pytest.raises(InvalidToken):
        await other.initialize()
    await other.shutdown()
    async with httpx.AsyncClient() as client:
        refused = await client.get(f"{server.address}/bot999:other/getMe")
        unknown = await client.get(f"{server.address}/bot{server.token}/sendPigeon")
    assert refused.status_code == 401
    assert refused.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, 404)


async def _post(server: TelegramServer, method: str, fields: dict[str, Any]) -> Any:
    async with httpx.AsyncClient() as client:
        return (await client.post(f"{server.address}/bot{server.token}/{method}", json=fields)).json()
