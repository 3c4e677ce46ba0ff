"""Who gets in, and that everybody has a place of their own; the bridge as a real process."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tabsmith.config.loading import set_value
from tabsmith.telegram.service import BridgeRunningError, require_not_running, stop
from tests.core.telegram.conftest import ADA, BOB, EVE, Serve
from tests.peers.telegram_server import TOKEN, Garbage, Hang, TelegramServer

SECRET = TOKEN.partition(":")[2]


def test_a_stranger_gets_silence_and_a_log_line_whatever_they_send(
    server: TelegramServer, serve: Serve, houses: Path, tabsmith_home: Path
) -> None:
    bridge = serve(server.address)
    ada, eve = server.person(ADA), server.person(EVE, "Eve")
    ada.say("/start")
    start = ada.wait("A model from your table").buttons[0][1]
    eve.say("/start")
    eve.edit("/train")
    eve.send_file(houses)
    eve.press_data(start, 2)
    eve.post_in_group("/start")
    ada.post_in_group("/models")  # somebody who may, where others listen
    ada.channel_post("/start")
    eve.raw_update({"update_id": 800_000_000, "my_chat_member": {"from": eve.user, "chat": {"id": EVE}}})
    server.wait_until(lambda: not server.queue.unconfirmed)
    ada.say("/help")
    ada.wait("/settings")
    assert {sent.chat for sent in server.sent} == {ADA}
    assert all(call.fields.get("chat_id") != EVE for call in server.calls)
    assert not list((tabsmith_home / "data" / "uploads").rglob("*.csv"))
    (journal,) = (tabsmith_home / "state" / "bridge").glob("*/inbox.jsonl")
    assert str(EVE) not in journal.read_text(), "nothing that strangers send takes room here"
    assert f"user {EVE} was not answered: not on the list" in bridge.said()
    assert f"user {ADA} was not answered: not a private chat" in bridge.said()


def test_an_empty_list_means_nobody(server: TelegramServer, serve: Serve) -> None:
    bridge = serve(server.address, ())
    ada = server.person(ADA)
    ada.say("/start")
    ada.expect_nothing_until(lambda: f"user {ADA} was not answered" in bridge.said())


def test_the_list_counts_as_it_stands_now(server: TelegramServer, serve: Serve, tmp_path: Path) -> None:
    set_value("telegram.allowed_users", str(ADA))
    bridge = serve(server.address, TABSMITH_TELEGRAM__ALLOWED_USERS="")
    ada, bob = server.person(ADA), server.person(BOB, "Bob")
    ada.say("/help")
    ada.wait("/train")
    set_value("telegram.allowed_users", str(BOB))
    ada.say("/help")
    bob.say("/help")
    bob.wait("/train")
    ada.expect_nothing_until(lambda: f"user {ADA} was not answered" in bridge.said())


def test_two_people_at_once_have_conversations_of_their_own(
    server: TelegramServer, serve: Serve, houses: Path, tabsmith_home: Path
) -> None:
    serve(server.address)
    ada, bob = server.person(ADA), server.person(BOB, "Bob")
    for person in (ada, bob):
        person.say("/train")
    ada.wait("Where is your table?")
    bob.wait("Where is your table?")
    ada.press("file on this machine")
    bob.press("iris")
    ada.wait("Which file?")
    bob.wait("Load the table now?")
    ada.say(str(houses))
    bob.press("Load now")
    assert "houses.csv" in ada.wait("Load the table now?").text
    assert "150" in bob.wait("Check the columns").text
    bob.say("/cancel")
    bob.wait("Choose a table")
    ada.say("/start")
    assert "houses.csv" in ada.wait("This is unfinished").text
    stems = {path.stem for path in (tabsmith_home / "state" / "sessions").glob("*.json")}
    assert stems == {f"telegram-{ADA}"}


def test_the_token_shows_nowhere(server: TelegramServer, serve: Serve, tabsmith_home: Path) -> None:
    bridge = serve(server.address, own_program=True)
    ada = server.person(ADA)
    server.fail("sendMessage", 1, Garbage())
    ada.say("/settings")
    ada.wait("The token comes from the environment")
    process = psutil.Process(bridge.pid)
    assert server.wait_until(lambda: bool(process.children())), "the warm spare, which runs and agents come from"
    family = [process, *process.children(recursive=True)]
    assert not any(SECRET in " ".join(each.cmdline()) for each in family)
    assert not any(SECRET in " ".join(each.environ().values()) for each in family[1:])
    assert bridge.end() == 0
    written = [path for path in tabsmith_home.rglob("*") if path.is_file()]
    assert len(written) > 5
    assert not any(SECRET.encode() in path.read_bytes() for path in [*written, bridge.log])
    assert not any(SECRET in sent.text for sent in server.sent)


def test_a_second_bridge_is_refused_with_the_first_ones_process_and_age(server: TelegramServer, serve: Serve) -> None:
    first = serve(server.address)
    with pytest.raises(BridgeRunningError, match=rf"process {first.pid}, started .* ago"):
        require_not_running(first.paths)
    second = subprocess.run(
        first.command, env=first.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 1
    assert f"process {first.pid}, started" in second.stderr
    first.kill()
    first.start()  # the lock died with its owner
    assert stop(first.paths).how == "ended"


def test_it_ends_cleanly_at_a_signal_with_everything_said(server: TelegramServer, serve: Serve) -> None:
    bridge = serve(server.address, own_program=True)
    ada = server.person(ADA)
    ada.say("/start")
    ada.wait("A model from your table")
    ada.say("/help")
    server.wait_until(lambda: not server.queue.unconfirmed or len(server.sent) == 2)
    os.kill(bridge.pid, signal.SIGTERM)
    assert bridge.wait() == 0
    assert any("/settings" in each.text for each in ada.messages)
    assert "Traceback" not in bridge.said()


def test_a_name_of_a_file_is_never_trusted(server: TelegramServer, serve: Serve, tabsmith_home: Path) -> None:
    serve(server.address)
    ada = server.person(ADA)
    data = b"area,price\n" + b"".join(b"%d,%d\n" % (row, 3 * row) for row in range(60))
    ada.send_file(data, "../../../../etc/cron.d/x\u202e\n[click](tg://user).CSV")
    ada.wait("Check the columns", seconds=60)
    uploads = tabsmith_home / "data" / "uploads"
    found = [path for path in uploads.rglob("*") if path.is_file()]
    assert len(found) == 1
    assert found[0].relative_to(uploads).parts[0] == str(ADA)
    assert found[0].name == "etc-cron-d-x-click-tg-user.csv"
    assert found[0].stat().st_mode & 0o077 == 0


def test_a_file_that_is_too_large_is_refused_by_what_is_said_of_it_and_by_what_comes(
    server: TelegramServer, serve: Serve, tabsmith_home: Path
) -> None:
    serve(server.address, TABSMITH_PATHS__MAX_MB="1")
    ada = server.person(ADA)
    ada.send_file(b"a,b\n1,2\n", "said.csv", claimed_size=2_000_000)
    ada.wait("too large")
    ada.send_file(b"a,b\n" + b"1,2\n" * 500_000, "lied.csv", claimed_size=10)
    ada.wait("too large")
    assert not [path for path in (tabsmith_home / "data" / "uploads").rglob("*") if path.is_file()]


def test_it_ends_though_telegram_keeps_it_waiting(server: TelegramServer, serve: Serve) -> None:
    server.fail("getMe", 1, Hang())
    bridge = serve(server.address)
    server.wait_until(lambda: any(call.method == "getme" for call in server.calls))
    assert bridge.end() == 0
