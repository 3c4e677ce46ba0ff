"""`tabsmith bridge` as a person and as a script meet it: the real bridge, against a server on loopback."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tabsmith import config
from tabsmith.paths import folders
from tabsmith.telegram.service import running, send_test_message, stop
from tabsmith.telegram.status import BridgePaths
from tabsmith_tui.commands.root import run
from tests.core.telegram.stand_in import wait_until
from tests.forked_programs import forked
from tests.peers.telegram_server import Status, TelegramServer
from tests.tui.terminal import tabsmith_in_terminal

PROGRAM = [sys.executable, "-m", "tabsmith_tui.cli"]
TOKEN = "5150:AAEhBOweik6ad9r_a-very-secret-half_5w"
SECRET = TOKEN.partition(":")[2]
ADA = 11
CHECKS = ["process", "single instance", "last poll", "conflicts", "handlers", "queue", "recent errors", "token"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TelegramServer]:
    """A server, and settings with which the bridge goes there and lets Ada in."""
    with TelegramServer(TOKEN) as found:
        monkeypatch.setenv("TABSMITH_TELEGRAM__TOKEN", TOKEN)
        monkeypatch.setenv("TABSMITH_TELEGRAM__BASE_URL", found.address)
        monkeypatch.setenv("TABSMITH_TELEGRAM__ALLOWED_USERS", str(ADA))
        monkeypatch.setenv("TABSMITH_TELEGRAM__TIMEOUT", "1")
        yield found


@pytest.fixture
def place(server: TelegramServer) -> Iterator[BridgePaths]:
    """The bridge's place; what still runs there afterwards is killed."""
    found = BridgePaths.of("5150")
    yield found
    stop(found, seconds=0)


def document(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    """What a command prints with --json, and nothing else on stdout; never the token."""
    assert run(["bridge", *arguments, "--json"]) == status
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    return json.loads(shown.out)


def words(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """All that a command prints for people; never the token."""
    assert run(list(arguments)) == status
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    return shown.out + shown.err


def foreground() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*PROGRAM, "bridge", "start"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


# The life of a bridge ----------------------------------------------------------------------------------------------


def test_a_bridge_in_the_background_is_started_seen_refused_a_second_time_and_stopped(
    capsys: pytest.CaptureFixture[str], place: BridgePaths
) -> None:
    begun = document(capsys, "start", "--detach")
    assert (begun["runs"], begun["reached"], begun["token_from"], begun["allowed_users"]) == (
        "in the background",
        "polls",
        "the environment",
        1,
    )
    status = document(capsys, "status")
    assert (status["state"], status["pid"], status["started_at"]) == ("running", begun["pid"], begun["started_at"])
    assert status["said"]["bot"] == "@tabsmith_test_bot"
    assert [(each["user"], each["may"]) for each in status["people"]] == [(ADA, "allowed")]

    for again in (["start"], ["start", "--detach"]):
        refused = document(capsys, *again, status=1)["error"]
        assert refused["name"] == "BridgeRunningError"
        assert re.search(rf"process {begun['pid']}, started [\d.]+ m?s ago", refused["what"])

    ended = document(capsys, "stop")
    assert (ended["how"], ended["pid"]) == ("ended", begun["pid"])
    assert document(capsys, "status", status=1)["state"] == "not running"
    assert document(capsys, "stop")["how"] == "not running"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_bridge_in_the_foreground_says_who_it_is_and_ends_cleanly_when_told_to(
    place: BridgePaths, server: TelegramServer, number: signal.Signals
) -> None:
    with foreground() as process:
        assert server.wait_until(lambda: server.held_polls > 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert f"runs in process {process.pid}. ctrl+c ends it." in err
    assert "1 person may talk to it." in err
    assert err.endswith("the bridge has ended\n")
    assert SECRET not in err
    assert running(place) is None


def test_a_bridge_killed_with_kill_9_is_seen_as_not_running_and_can_be_started_again(
    capsys: pytest.CaptureFixture[str], place: BridgePaths
) -> None:
    pid = document(capsys, "start", "--detach")["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: running(place) is None, "the lock to be free")
    status = document(capsys, "status", status=1)
    assert (status["state"], status["pid"], status["said"]["pid"]) == ("not running", 0, pid)
    assert "not running" in words(capsys, "bridge", status=1)
    assert not document(capsys, "health", status=1)["ok"]
    assert "No bridge runs." in words(capsys, "bridge", "stop")
    assert document(capsys, "start", "--detach")["pid"] != pid
    assert document(capsys, "status")["state"] == "running"


def test_health_is_a_document_of_checks_with_an_exit_status(
    capsys: pytest.CaptureFixture[str], place: BridgePaths
) -> None:
    found = document(capsys, "health", status=1)
    assert [each["name"] for each in found["checks"]] == [*CHECKS, "allowed users"]
    document(capsys, "start", "--detach")
    found = document(capsys, "health")
    assert found["ok"] is True
    assert [(each["name"], each["state"]) for each in found["checks"]] == [
        (name, "ok") for name in (*CHECKS, "allowed users")
    ]
    assert all(set(each) == {"name", "state", "what", "evidence", "next_step"} for each in found["checks"])
    shown = words(capsys, "bridge", "health")
    assert f"Process {running(place).pid} runs since" in shown  # type: ignore[union-attr]
    assert "Every command and kind of message is answered." in shown


def test_warnings_alone_leave_the_exit_status_of_health_at_0(
    capsys: pytest.CaptureFixture[str], place: BridgePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABSMITH_TELEGRAM__ALLOWED_USERS")
    assert "Nobody may talk to it yet" in words(capsys, "bridge", "start", "--detach")
    found = document(capsys, "health")
    assert {each["name"]: each["state"] for each in found["checks"]}["allowed users"] == "warn"


def test_a_test_message_arrives_at_those_who_wrote_first(
    capsys: pytest.CaptureFixture[str], place: BridgePaths, server: TelegramServer
) -> None:
    document(capsys, "start", "--detach")
    ada = server.person(ADA, "Ada")
    ada.say("/start")
    ada.wait("Hello")
    assert send_test_message(config.load()) == (ADA,)
    ada.wait("A test message from tabsmith")
    wait_until(lambda: "Ada" in words(capsys, "bridge", "status"), "Ada to be listed")


def test_a_token_that_telegram_refuses_ends_the_start_with_words(
    capsys: pytest.CaptureFixture[str], place: BridgePaths, server: TelegramServer
) -> None:
    server.fail("*", 1_000, Status(401, "Unauthorized"))
    failed = document(capsys, "start", "--detach", status=1)["error"]
    assert failed["name"] == "BridgeError"
    assert "ended at once, with status 2" in failed["what"]
    assert "TokenRefusedError: Telegram refuses the bot's token." in failed["what"]
    assert running(place) is None


def test_the_token_is_in_no_file_and_in_no_argument(
    capsys: pytest.CaptureFixture[str], place: BridgePaths, server: TelegramServer
) -> None:
    document(capsys, "start", "--detach")
    server.fail("getupdates", 1, Status(500, f"trouble at /bot{TOKEN}/getUpdates"))
    wait_until(lambda: document(capsys, "status")["said"]["troubles"], "the trouble to be noted")
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert SECRET not in listed
    assert "tabsmith.telegram" in listed
    for command in (("bridge", "status"), ("bridge", "health"), ("doctor",), ("config", "show")):
        words(capsys, *command)
    document(capsys, "stop")
    written = [path for path in folders().state.rglob("*") if path.is_file()]
    assert place.status in written
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


# Wrong use ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["start"], ["start", "--detach"], ["stop"], ["status"], ["health"]])
def test_without_a_token_every_command_is_wrong_use(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    failed = document(capsys, *command, status=2)["error"]
    assert (failed["name"], failed["where"]) == ("ConfigError", "telegram.token")
    assert "tabsmith config set telegram.token -" in failed["next_step"]


@pytest.mark.parametrize("command", [["start"], ["start", "--detach"]])
def test_without_the_library_a_start_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], place: BridgePaths, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    failed = document(capsys, *command, status=1)["error"]
    assert failed["name"] == "BridgeExtraError"
    assert "pip install 'tabsmith[telegram]'" in failed["next_step"]
    assert document(capsys, "status", status=1)["state"] == "not running"  # looking needs no library


# The token is set --------------------------------------------------------------------------------------------------


def set_by_pipe(key: str, given: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        forked("tabsmith", "config", "set", key, "-"),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_token_is_read_from_a_pipe_and_is_not_shown() -> None:
    done = set_by_pipe("telegram.token", f"{TOKEN}\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "telegram.token = set\n"
    assert config.load().telegram.token == TOKEN
    assert folders().settings_file.stat().st_mode & 0o077 == 0


def test_a_token_is_asked_for_on_a_terminal_and_what_is_typed_does_not_show() -> None:
    with tabsmith_in_terminal("config", "set", "telegram.token", "-") as terminal:
        terminal.wait_for("telegram.token (it is not shown)")
        terminal.write(TOKEN)
        terminal.press("enter")
        assert terminal.wait_exit() == 0
        assert SECRET.encode() not in terminal.raw
    assert config.load().telegram.token == TOKEN


def test_an_empty_pipe_changes_nothing() -> None:
    assert set_by_pipe("telegram.token", TOKEN).returncode == 0
    done = set_by_pipe("telegram.token", "\n")
    assert done.returncode == 2
    assert "Nothing was given." in done.stderr
    assert config.load().telegram.token == TOKEN


def test_other_values_come_from_a_pipe_too_and_are_checked_as_ever() -> None:
    assert set_by_pipe("training.time", "90").returncode == 0
    assert config.load().training.time == 90
    assert "must be a number" in set_by_pipe("training.time", "soon").stderr
    assert "There is no setting 'training.tim'" in set_by_pipe("training.tim", "5").stderr


def test_a_secret_on_the_command_line_is_taken_and_the_better_way_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    shown = words(capsys, "config", "set", "telegram.token", TOKEN)
    assert "history" in shown
    assert "tabsmith config set telegram.token -" in shown
    assert config.load().telegram.token == TOKEN
    assert "history" not in words(capsys, "config", "set", "telegram.allowed_users", "11")
    assert "history" not in words(capsys, "config", "set", "telegram.token", "")
    assert config.load().telegram.token is None


# The doctor --------------------------------------------------------------------------------------------------------


def test_the_doctor_says_how_the_bridge_is(
    capsys: pytest.CaptureFixture[str], place: BridgePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines() -> dict[str, tuple[str, str]]:
        assert run(["doctor", "--json"]) == 0
        return {each["what"]: (each["state"], each["says"]) for each in json.loads(capsys.readouterr().out)}

    found = lines()
    assert found["httpx"][0] == "ok"
    assert found["bridge"] == ("ok", "not running: tabsmith bridge start")
    assert found["bridge token"] == ("ok", "set, from the environment")
    assert found["bridge users"] == ("ok", "1 person may talk to it (telegram.allowed_users)")
    pid = document(capsys, "start", "--detach")["pid"]
    assert lines()["bridge"] == ("ok", f"running, process {pid}")
    monkeypatch.delenv("TABSMITH_TELEGRAM__ALLOWED_USERS")
    assert lines()["bridge users"][0] == "warning"
    monkeypatch.delenv("TABSMITH_TELEGRAM__TOKEN")
    found = lines()
    assert found["bridge"] == ("ok", "no token set: tabsmith config set telegram.token -")
    assert "bridge token" not in found


def test_the_first_words_of_the_bridge_need_neither_its_library_nor_a_screen() -> None:
    program = (
        "import sys; from tabsmith_tui.commands.root import run\n"
        "assert run(['bridge', 'status']) == 2\n"
        "print([name for name in ('telegram', 'httpx', 'textual', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path("/"))
    assert done.stdout == "[]\n"
