"""The bot's requests, over real HTTP against the loopback server."""

import asyncio
import io
import logging
import math
import struct
import traceback
import zlib
from pathlib import Path

import msgspec
import pytest

from tabsmith.telegram.bot_token import BotToken
from tabsmith.telegram.render.messages import Button, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import bold, foreign, own
from tabsmith.telegram.transport.bot_api import MAX_UPLOAD_BYTES, BotApi
from tabsmith.telegram.transport.updates import (
    BotApiError,
    ConflictError,
    InvalidResponseError,
    RejectedError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
    UnsendableFileError,
    parse_poll_response,
)
from tests.core.telegram.rig import api_at, text, until
from tests.peers.telegram_server import Close, Garbage, Hang, Status, TelegramServer


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0\0\0" * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


async def test_tells_who_the_bot_is() -> None:
    with TelegramServer() as server:
        async with api_at(server) as api:
            me = await api.me()
    assert (me.id, me.username) == (123456, "tabsmith_test_bot")


async def test_styles_lie_where_they_belong_after_emoji_and_nothing_is_parsed() -> None:
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            words = (own("🏠🏠 "), bold("Model"), own(" of "), foreign("<b>x</b> *y* [z](http://e.vil)"))
            number = await api.send(ada.chat, OutgoingMessage(words, silent=True))
        sent = server.sent[0]
    units = sent.text.encode("utf-16-le")
    styled = [(each["type"], units[2 * each["offset"] :][: 2 * each["length"]].decode("utf-16-le"))
              for each in sent.entities]  # fmt: skip
    assert sent.message_id == number
    assert styled == [("bold", "Model"), ("code", "<b>x</b> *y* [z](http://e.vil)")]
    assert sent.text == "🏠🏠 Model of <b>x</b> *y* [z](http://e.vil)"
    assert (sent.parse_mode, sent.link_preview, sent.silent, sent.live) == ("", False, True, ())


async def test_a_text_that_is_too_long_is_cut_to_what_telegram_takes() -> None:
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            await api.send(ada.chat, OutgoingMessage((bold("🏠" * 5_000),)))
        sent = server.sent[0]
    assert len(sent.text.encode("utf-16-le")) // 2 in (4_095, 4_096)
    assert sent.text.endswith("…")


async def test_buttons_come_with_their_data() -> None:
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            keyboard = ((Button("Yes", "a:1"), Button("No", "a:2")), (Button("Back", "b"),))
            await api.send(ada.chat, OutgoingMessage((own("Sure?"),), keyboard))
        assert ada.messages[0].buttons == (("Yes", "a:1"), ("No", "a:2"), ("Back", "b"))


async def test_a_picture_and_a_file_are_uploaded_with_caption_and_name(tmp_path: Path) -> None:
    path = tmp_path / "1.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            picture = await api.send_photo(ada.chat, png(), (own("Score "), bold("over time")), silent=True)
            keyboard = ((Button("Again", "p"),),)
            file = await api.send(
                ada.chat, OutgoingFile(str(path), 'pre"dict/ed\n.csv', (own("50 rows"),), (), keyboard)
            )
        first, second = ada.messages
    assert (first.message_id, first.photo, first.text, first.silent, first.file) == (
        picture, True, "Score over time", True, png())  # fmt: skip
    assert (second.message_id, second.text, second.labels, second.file) == (file, "50 rows", ["Again"], b"a,b\n1,2\n")
    assert "/" not in second.file_name
    assert second.file_name.endswith(".csv")


@pytest.mark.parametrize("size", [0, MAX_UPLOAD_BYTES + 1, None])
async def test_a_file_that_is_gone_or_empty_or_too_large_is_not_even_tried(tmp_path: Path, size: int | None) -> None:
    path = tmp_path / "rows.csv"
    if size is not None:
        with path.open("wb") as file:
            file.truncate(size)
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            with pytest.raises(UnsendableFileError):
                await api.send(ada.chat, OutgoingFile(str(path), "rows.csv"))
        assert server.calls == []


async def test_a_message_is_changed_in_its_place_and_the_same_again_is_no_failure() -> None:
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            number = await api.send(ada.chat, text("one", ("Stop", "s")))
            await api.edit(ada.chat, number, text("two", ("Pause", "p")))
            await api.edit(ada.chat, number, text("two", ("Pause", "p")))
            with pytest.raises(RejectedError, match="not found"):
                await api.edit(ada.chat, number + 1, text("three"))
        (shown,) = ada.messages
    assert (shown.text, shown.buttons, shown.edits) == ("two", (("Pause", "p"),), 1)


async def test_a_message_that_arrived_is_told_from_one_that_did_not() -> None:
    with TelegramServer() as server:
        ada, bob = server.person(1), server.person(2, "Bob")
        async with api_at(server) as api:
            keyboard = ((Button("Yes", "y"),),)
            plain = await api.send(ada.chat, text("plain"))
            pressed = await api.send(ada.chat, OutgoingMessage((own("Sure?"),), keyboard))
            theirs = ada.say("hello")
            assert await api.arrived(ada.chat, plain, ())
            assert await api.arrived(ada.chat, pressed, keyboard)
            assert not await api.arrived(ada.chat, theirs, ())
            assert not await api.arrived(bob.chat, plain, ())
            assert not await api.arrived(ada.chat, theirs + 1, keyboard)
        assert server.edits == []
        assert [each.buttons for each in ada.messages] == [(), (("Yes", "y"),)]


async def test_a_press_is_acknowledged() -> None:
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server) as api:
            number = await api.send(ada.chat, text("Sure?", ("Yes", "y")))
            query = ada.press_data("y", number)
            await api.acknowledge(query, "Taken")
        assert [(each.query, each.text) for each in server.answers] == [(query, "Taken")]


async def test_a_server_without_a_menu_of_commands_does_not_matter() -> None:
    with TelegramServer() as server:
        async with api_at(server) as api:
            for fault in (Status(404, "Not Found"), Garbage(404)):
                server.fail("setMyCommands", 1, fault)
                await api.set_commands([("start", "Begin")])
            server.fail("setMyCommands", 1, Status(500, "Internal Server Error"))
            with pytest.raises(ServerError):
                await api.set_commands([("start", "Begin")])
            assert server.commands == []
            await api.set_commands([("start", "Begin"), ("help", "What there is")])
        assert server.commands == [("start", "Begin"), ("help", "What there is")]


async def test_a_poll_waits_for_something_new_and_does_not_hold_up_what_is_sent() -> None:
    with TelegramServer() as server:
        ada = server.person(1)
        async with api_at(server, timeout=10) as api:
            poll = asyncio.ensure_future(api.updates(None))
            await until(lambda: server.held_polls == 1)
            await api.send(ada.chat, text("meanwhile"))
            assert not poll.done()
            ada.say("hello 🏠")
            first = (await poll).updates
            ada.say("again")
            second = (await api.updates(first[-1].update_id + 1)).updates
    assert [msgspec.json.decode(each.raw)["message"]["text"] for each in (*first, *second)] == ["hello 🏠", "again"]


async def test_a_poll_that_nothing_answers_comes_back_empty() -> None:
    with TelegramServer() as server:
        async with api_at(server, timeout=0.1) as api:
            assert await api.updates(None) == parse_poll_response(b'{"ok":true,"result":[]}')


def test_an_odd_update_does_not_stop_the_others() -> None:
    answer = (
        b'{"ok":true,"result":[{"update_id":7,"message":{"text":"\\ud83d alone"}},5,null,{"update_id":"8"},'
        b'{"update_id":9,"n":NaN},{"update_id":true},{"update_id":10,"text":"\xff"},\n {"update_id":11, "x": 1}]}'
    )
    polled = parse_poll_response(answer)
    assert [each.update_id for each in polled.updates] == [7, 9, 10, 11]
    assert len(polled.unreadable) == 5
    for each in polled.updates:
        assert b"\n" not in bytes(each.raw)
        assert msgspec.json.decode(each.raw)["update_id"] == each.update_id


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b'{"ok":true,"result":[{', InvalidResponseError),
        (b'{ "ok": true, "result":' + b"[" * 100_000, InvalidResponseError),
        (b"<html>Log in to this network</html>", ServerError),
        (b'{"ok":true,"result":7}', InvalidResponseError),
        (b'{"ok":false,"result":[]}', ServerError),
        (b"", ServerError),
        (b"[]", ServerError),
    ],
)
def test_an_answer_that_is_no_list_of_updates_is_the_servers_fault(payload: bytes, kind: type[ServerError]) -> None:
    with pytest.raises(ServerError) as caught:
        parse_poll_response(payload)
    assert type(caught.value) is kind


# Failures ---------------------------------------------------------------------------------------------------------

_FAULTS = [
    (Status(401, "Unauthorized"), UnauthorizedError),
    (Status(409, "Conflict: terminated"), ConflictError),
    (Status(429, "Too Many Requests", 7), TooManyRequestsError),
    (Status(400, "Bad Request: chat not found"), RejectedError),
    (Status(403, "Forbidden: bot was blocked by the user"), RejectedError),
    (Status(404, "Not Found"), RejectedError),
    (Status(413, "Request Entity Too Large"), RejectedError),
    (Status(500, "Internal Server Error"), ServerError),
    (Garbage(), ServerError),
    (Garbage(200), ServerError),
    (Garbage(200, b'{"ok":true,"result":{'), ServerError),
    (Garbage(200, b'{"ok":true,"result":{}}'), ServerError),
    (Garbage(599, b""), ServerError),
    (Garbage(403), ServerError),
    (Garbage(404), ServerError),
    (Garbage(401, b"{}"), ServerError),
    (Garbage(413), RejectedError),
    (Garbage(429), TooManyRequestsError),
    (Close(), UnreachableError),
    (Hang(), UnreachableError),
]


@pytest.mark.parametrize(("fault", "kind"), _FAULTS, ids=lambda each: getattr(each, "__name__", str(each)))
async def test_each_failure_is_told_by_its_kind_and_never_with_the_token(
    fault: Status, kind: type[BotApiError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with TelegramServer() as server:
        ada = server.person(1)
        waits = (0.4, 0.3) if isinstance(fault, Hang) else (5.0, 5.0)
        async with api_at(server, timeout=waits[0], patience=waits[1]) as api:
            for method, ask in (
                ("sendMessage", api.send(ada.chat, text("hello"))),
                ("getUpdates", api.updates(None)),
                ("getMe", api.me()),
            ):
                server.fail(method, 1, fault)
                if method == "getUpdates" and fault == Garbage(200, b'{"ok":true,"result":{}}'):
                    ask.close()
                    continue
                with pytest.raises(BotApiError) as caught:
                    await ask
                assert isinstance(caught.value, kind)
                _has_no_token(caught.value, server.token)
    assert server.token not in caplog.text
    assert server.token.partition(":")[2] not in caplog.text
    if isinstance(caught.value, TooManyRequestsError):
        assert caught.value.retry_after == (7 if isinstance(fault, Status) else 5)
    if isinstance(caught.value, RejectedError) and isinstance(fault, Status):
        assert caught.value.code == fault.code
        assert caught.value.description == fault.description
    if isinstance(caught.value, UnreachableError):
        assert caught.value.received == "perhaps"


async def test_a_server_that_is_away_certainly_had_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with TelegramServer() as server:
        async with api_at(server) as api:
            server.offline()
            with pytest.raises(UnreachableError) as caught:
                await api.send(1, text("hello"))
    assert caught.value.received == "never"
    _has_no_token(caught.value, server.token)
    assert server.token not in caplog.text


async def test_a_token_that_a_server_repeats_or_does_not_know_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = "654321:another-token-that-nobody-may-see"
    with TelegramServer() as server:
        async with api_at(server, token=token) as api:
            with pytest.raises(UnauthorizedError) as unknown:
                await api.me()
        async with api_at(server) as api:
            server.fail("getMe", math.inf, Status(400, f"Bad Request: bot{server.token} is odd"))
            with pytest.raises(RejectedError) as repeated:
                await api.me()
            server.heal()
            server.fail("file", 1, Status(404, "Not Found"))
            told = server.keep_file(b"x")
            with pytest.raises(RejectedError) as file:
                await api.download(told["file_id"], Path.cwd() / "never-made", 10)
    for each, secret in ((unknown, token), (repeated, server.token), (file, server.token)):
        _has_no_token(each.value, secret)
        assert secret not in caplog.text
    assert "[token]" in repeated.value.description


def _has_no_token(failure: BaseException, token: str) -> None:
    shown = io.StringIO()
    traceback.print_exception(failure, file=shown)
    secret = token.partition(":")[2]
    for told in (str(failure), repr(failure), repr(failure.args), repr(vars(failure)), shown.getvalue()):
        assert secret not in told
    assert failure.__cause__ is None
    assert failure.__context__ is None


def test_an_api_does_not_show_its_token() -> None:
    assert "secret-half" not in repr(BotApi(BotToken("1:secret-half"), "http://127.0.0.1:9", 1.0))
