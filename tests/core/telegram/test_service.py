"""A bridge is seen, started, refused a second time, stopped, and asked for a test message: with real processes."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tabsmith import config
from tabsmith.config.settings import Settings
from tabsmith.errors import ConfigError, UsageError
from tabsmith.storage import OwnerLock
from tabsmith.telegram.activity import bridge_users, recent_activity
from tabsmith.telegram.chat_state import ChatState, ChatStates
from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.render.text import foreign, own
from tabsmith.telegram.service import (
    BridgeError,
    BridgeExtraError,
    BridgeNotRunningError,
    BridgeRunningError,
    bridge_paths,
    pending_test_messages,
    request_test_message,
    require_not_running,
    running,
    send_test_message,
    start,
    stop,
)
from tabsmith.telegram.status import BridgePaths, read_status
from tabsmith.telegram.transport.inbox import Inbox
from tabsmith.telegram.transport.outbox import Outbox
from tabsmith.telegram.transport.updates import RawUpdate
from tabsmith.workflow.actions import Begin
from tabsmith.workflow.transitions import Clock
from tests.core.telegram.stand_in import SECRET, TOKEN, stand_in, wait_until

ANN, BEN, EVE = 11, 22, 66


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a token, and two people on the list."""
    monkeypatch.setenv("TABSMITH_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("TABSMITH_TELEGRAM__ALLOWED_USERS", f"{ANN},{BEN}")
    return config.load()


@pytest.fixture
def place(settings: Settings) -> Iterator[BridgePaths]:
    """Its place; what still runs there afterwards is killed."""
    found = bridge_paths(settings)
    yield found
    stop(found, seconds=0)


# Starting and stopping ---------------------------------------------------------------------------------------------


def test_a_start_returns_once_the_bridge_holds_its_lock_and_has_polled(settings: Settings, place: BridgePaths) -> None:
    assert running(place) is None
    begun = start(settings, program=stand_in("polls"))
    held, status = running(place), read_status(place)
    assert held is not None
    assert status is not None
    assert (begun.pid, begun.started_at, begun.reached) == (held.pid, held.started_at, "polls")
    assert status.pid == begun.pid
    assert status.polled_at > 0


def test_the_bridge_in_the_background_is_on_its_own_and_its_arguments_hold_no_token(
    settings: Settings, place: BridgePaths
) -> None:
    begun = start(settings, program=stand_in("polls"))
    assert os.getsid(begun.pid) == begun.pid
    assert str(Path(f"/proc/{begun.pid}/fd/0").readlink()) == "/dev/null"
    assert SECRET.encode() not in Path(f"/proc/{begun.pid}/cmdline").read_bytes()
    assert stat.S_IMODE(place.log.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.root.stat().st_mode) == 0o700


def test_a_second_start_is_refused_with_the_first_ones_process_and_age(settings: Settings, place: BridgePaths) -> None:
    begun = start(settings, program=stand_in("polls"))
    with pytest.raises(BridgeRunningError) as refused:
        start(settings, program=stand_in("polls"))
    assert f"process {begun.pid}, started " in refused.value.what
    assert re.search(r"started [\d.]+ m?s ago", refused.value.what)
    with pytest.raises(BridgeRunningError, match="started 3 min ago"):
        require_not_running(place, now=begun.started_at + 180)
    assert running(place) is not None


def test_a_bridge_that_ends_at_once_is_an_error_with_its_last_words_and_without_the_token(
    settings: Settings, place: BridgePaths
) -> None:
    place.root.mkdir(parents=True)
    place.log.write_text("words of an earlier one\n")
    with pytest.raises(BridgeError) as failed:
        start(settings, program=stand_in("dies"))
    assert "status 3" in failed.value.what
    assert "says no" in failed.value.what
    assert "[token]" in failed.value.what
    assert SECRET not in str(failed.value.report())
    assert "earlier" not in failed.value.what
    assert running(place) is None


def test_a_bridge_that_cannot_reach_telegram_runs_on_and_that_is_said(settings: Settings, place: BridgePaths) -> None:
    begun = start(settings, program=stand_in("cut off"))
    assert (begun.reached, begun.trouble) == ("not yet", "the server cannot be reached")
    assert running(place) is not None


def test_a_bridge_that_never_takes_its_lock_is_ended_and_is_an_error(settings: Settings, place: BridgePaths) -> None:
    with pytest.raises(BridgeError, match=r"did not begin within 0\.5 s"):
        start(settings, patience=0.5, program=(*stand_in("hangs"), "a-mark-of-this-test"))
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "a-mark-of-this-test" not in listed


def test_a_stop_ends_the_bridge_with_sigterm_and_a_second_one_finds_none(
    settings: Settings, place: BridgePaths
) -> None:
    begun = start(settings, program=stand_in("polls"))
    done = stop(place)
    assert (done.how, done.pid) == ("ended", begun.pid)
    assert running(place) is None
    status = read_status(place)
    assert status is not None
    assert status.stopped_at > 0  # it ended as it ends when it is told to
    assert stop(place).how == "not running"


def test_a_bridge_that_does_not_end_is_killed_and_that_is_said(settings: Settings, place: BridgePaths) -> None:
    begun = start(settings, program=stand_in("deaf"))
    done = stop(place, seconds=0.3)
    assert (done.how, done.pid) == ("killed", begun.pid)
    assert running(place) is None


def test_a_stopped_bridge_can_be_started_again(settings: Settings, place: BridgePaths) -> None:
    first = start(settings, program=stand_in("polls"))
    stop(place)
    second = start(settings, program=stand_in("polls"))
    assert second.pid != first.pid
    assert second.reached == "polls"


def test_a_bridge_killed_with_kill_9_does_not_run_whatever_its_status_says(
    settings: Settings, place: BridgePaths
) -> None:
    begun = start(settings, program=stand_in("polls"))
    os.kill(begun.pid, signal.SIGKILL)
    wait_until(lambda: running(place) is None, "the lock to be free")
    status = read_status(place)
    assert status is not None
    assert (status.pid, status.stopped_at) == (begun.pid, 0)
    assert start(settings, program=stand_in("polls")).pid != begun.pid


def test_without_the_library_nothing_is_started_and_the_way_to_install_it_is_told(
    settings: Settings, place: BridgePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(BridgeExtraError) as missing:
        start(settings, program=stand_in("polls"))
    assert "pip install 'tabsmith[telegram]'" in missing.value.next_step
    assert not place.root.exists()


def test_the_process_of_its_own_tells_a_missing_token_in_words_and_ends_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tabsmith.telegram"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert "The bridge has no token." in done.stderr
    assert "Traceback" not in done.stderr


def test_what_only_looks_at_a_bridge_imports_nothing_heavy() -> None:
    program = (
        "import sys, tabsmith.telegram.service, tabsmith.telegram.health\n"
        "import tabsmith.telegram.activity, tabsmith_tui.commands.bridge\n"
        "heavy = ('telegram', 'httpx', 'matplotlib', 'pandas', 'numpy', 'duckdb', 'sklearn', 'pyarrow', 'textual')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_log_holds_no_token_not_in_words_not_in_a_traceback() -> None:
    program = (
        "import logging\n"
        "from tabsmith.telegram.bot_token import BotToken, log_to_stderr\n"
        f"token = BotToken({TOKEN!r})\n"
        "log_to_stderr(token)\n"
        "logging.getLogger('httpx').info('GET /bot%s/getMe', token.reveal())\n"
        "logging.getLogger('tabsmith.telegram').info('begun with %s\\x1b[31m', token.reveal())\n"
        "try: raise ValueError('/bot' + token.reveal())\n"
        "except ValueError: logging.getLogger('tabsmith.telegram').exception('bad')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert SECRET not in done.stderr
    assert "begun with [token]" in done.stderr
    assert "ValueError: /bot[token]" in done.stderr
    assert "getMe" not in done.stderr
    assert "\x1b" not in done.stderr


# A test message ----------------------------------------------------------------------------------------------------


def sit(place: BridgePaths, user: int, name: str, seen_at: float = 5.0) -> None:
    ChatStates(place).save(ChatState(user=user, chat_id=user, name=name, seen_at=seen_at))


def test_a_test_message_is_asked_of_the_bridge_once_for_each_person(settings: Settings, place: BridgePaths) -> None:
    for user, name in ((ANN, "Ann"), (BEN, "Ben"), (EVE, "Eve")):
        sit(place, user, name)
    with OwnerLock(place.lock):
        request_test_message(place, ANN, "before")
        began = pending_test_messages(place).next_offset
        assert sorted(send_test_message(settings)) == [ANN, BEN]
        found = pending_test_messages(place, began)
        assert sorted(each.user for each in found.values) == [ANN, BEN]
        assert len({each.id for each in found.values}) == 2
        assert all("test message" in each.text for each in found.values)
        assert pending_test_messages(place, found.next_offset).values == ()
        assert send_test_message(settings, BEN, "hello\x1b[31m") == (BEN,)
        assert [each.text for each in pending_test_messages(place, found.next_offset).values] == ["hello"]


def test_a_test_message_goes_only_to_people_on_the_list_who_wrote_first(settings: Settings, place: BridgePaths) -> None:
    with OwnerLock(place.lock):
        with pytest.raises(UsageError, match="nobody to send it to"):
            send_test_message(settings)
        sit(place, EVE, "Eve")
        with pytest.raises(UsageError, match="66 may not talk"):
            send_test_message(settings, EVE)
        with pytest.raises(UsageError, match="nobody to send it to"):
            send_test_message(settings, BEN)
    assert pending_test_messages(place).values == ()


def test_a_test_message_needs_a_bridge_that_runs(settings: Settings, place: BridgePaths) -> None:
    sit(place, ANN, "Ann")
    with pytest.raises(BridgeNotRunningError, match="No bridge runs"):
        send_test_message(settings)
    assert pending_test_messages(place).values == ()


def test_without_a_token_there_is_no_place() -> None:
    with pytest.raises(ConfigError, match="no token"):
        bridge_paths(config.load())


# Who is there, and what was said -----------------------------------------------------------------------------------


def update(number: int, user: int, name: str, **message: object) -> RawUpdate:
    person = {"id": user, "first_name": name}
    body = {
        "update_id": number,
        "message": {"message_id": number, "chat": {"id": user, "type": "private"}, "from": person, **message},
    }
    return RawUpdate(number, msgspec.Raw(json.dumps(body).encode()))


def test_the_newest_messages_in_and_out_are_told_in_words(place: BridgePaths) -> None:
    now = [100.0]
    inbox = Inbox(place.inbox, lambda: now[0])
    outbox = Outbox(place.outbox, lambda: now[0])
    sit(place, ANN, "Ann")
    inbox.receive([update(1, ANN, "Ann", text="/train houses.csv")])
    now[0] = 101.0
    outbox.put("1.0", ANN, ANN, OutgoingMessage((own("What is in "), foreign("houses.csv"), own("?"))))
    now[0] = 102.0
    outbox.sending("1.0")
    outbox.sent("1.0", 7)
    inbox.receive([update(2, EVE, "Eve", text="let me in"), update(3, BEN, "Ben", text="a\x1b[31m" + "b" * 90)])
    now[0] = 103.0
    outbox.put("3.0", BEN, BEN, OutgoingMessage((own("No."),)))
    outbox.gave_up("3.0", "the bot was blocked")
    inbox.receive([update(4, ANN, "Ann", document={"file_id": "x", "file_name": "new.csv", "file_size": 3})])
    inbox.handled(1)
    inbox.close()
    outbox.close()
    found = recent_activity(place, 20, (ANN, BEN))
    assert [(each.way, each.name, each.words, each.note) for each in found] == [
        ("in", "Ann", "/train houses.csv", ""),
        ("in", "user 66", "", "not answered: not on the list"),
        ("in", "Ben", "a" + "b" * 38 + "…", ""),
        ("out", "Ann", "What is in houses.csv?", ""),
        ("in", "Ann", "a file: new.csv", ""),
        ("out", "22", "No.", "not delivered: the bot was blocked"),
    ]
    assert [each.at for each in found] == sorted(each.at for each in found)
    assert [each.words for each in recent_activity(place, 2, (ANN, BEN))] == ["a file: new.csv", "No."]


def test_an_empty_place_has_no_messages_and_the_people_of_the_list(place: BridgePaths) -> None:
    assert recent_activity(place, 5, (ANN,)) == ()
    (ann,) = bridge_users(place, (ANN,))
    assert (ann.user, ann.name, ann.seen_at, ann.may) == (ANN, "", 0.0, "allowed")
    assert bridge_users(place, ()) == ()


def test_people_stand_with_their_step_and_whether_they_may_still_talk(place: BridgePaths) -> None:
    from tabsmith.workflow.machine import step
    from tabsmith.workflow.session import FieldDefaults, SessionStore, new_session

    sit(place, ANN, "Ann", seen_at=5.0)
    sit(place, EVE, "Eve", seen_at=9.0)
    session = step(new_session("telegram-11", FieldDefaults(), 1.0, "s"), Begin(), Clock(2.0, str)).session
    SessionStore("telegram-11").save(session)
    eve, ann, ben = bridge_users(place, (ANN, BEN))
    assert (eve.name, eve.step, eve.may) == ("Eve", "", "not allowed")
    assert (ann.name, ann.step, ann.may) == ("Ann", "choosing data source", "allowed")
    assert (ben.user, ben.seen_at) == (BEN, 0.0)
