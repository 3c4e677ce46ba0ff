"""The bridge's panel: what it shows, what its keys tell the bridge, and that the token is never seen."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tabsmith.config import load
from tabsmith.config.loading import set_value
from tabsmith.errors import StorageError
from tabsmith.storage import OwnerLock
from tabsmith.telegram.chat_state import ChatState, ChatStates
from tabsmith.telegram.service import BridgeRunningError, pending_test_messages
from tabsmith.telegram.status import BridgePaths, BridgeStatus, StatusWriter
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.bridge_client import BridgeClient
from tabsmith_tui.screens import bridge
from tabsmith_tui.screens.bridge import BridgeScreen
from tabsmith_tui.screens.dialogs import AskLineScreen, ErrorScreen, QuestionScreen
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.widgets.bars import KeysBar
from tests.stories.hostile import HOSTILE
from tests.tui.phone_stage import ADA, BO, EMPTY, OFF, ON, STRANGER, TROUBLED, FixedBridge
from tests.tui.run_stage import until
from tests.tui.stage import NOW, notices, screen_text, settle

TOKEN = "123456:AA-never-to-be-seen-0123456789"
SIZES = {"large": (120, 40), "small": (60, 20)}


async def opened(pilot: Any, *keys: str) -> BridgeScreen:
    await settle(pilot)
    await press(pilot, "b", *keys)
    return next(each for each in pilot.app.screen_stack if isinstance(each, BridgeScreen))


async def press(pilot: Any, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


async def paste(pilot: Any, text: str) -> None:
    from textual.events import Paste

    pilot.app.post_message(Paste(text))
    await settle(pilot)


def shown(pilot: Any) -> str:
    return screen_text(pilot.app)


def keys_shown(pilot: Any) -> set[str]:
    return {key.label for key in pilot.app.screen.query_one(KeysBar).keys}


def notes(pilot: Any) -> str:
    return notices(pilot.app)


# Shown ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_on(make_app, snap_compare, size: str) -> None:
    """On, since when and in which process; the bot; token set, not shown; three people, where each stands, the one who
    has not written; messages newest first, a stranger's without words; every check good."""
    assert snap_compare(make_app(phone=FixedBridge(ON)), press=["b"], terminal_size=SIZES[size])


def test_nothing_set(make_app, snap_compare) -> None:
    """Off, and three calm steps: a bot, its token, your number; which key does what; no empty panels."""
    assert snap_compare(make_app(phone=FixedBridge(EMPTY)), press=["b"], terminal_size=SIZES["large"])


def test_in_trouble(make_app, snap_compare) -> None:
    """On, not well; the server's address; the check that failed with evidence and what to do; the last trouble below."""
    assert snap_compare(make_app(phone=FixedBridge(TROUBLED)), press=["b"], terminal_size=SIZES["large"])


async def test_off_it_can_be_started_and_nothing_is_said_of_polls_and_processes(make_app) -> None:
    async with make_app(phone=FixedBridge(OFF)).run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        assert "○ off" in shown(pilot)
        assert "last poll" not in shown(pilot)
        assert "start" in keys_shown(pilot)


async def test_the_token_is_typed_unseen(make_app) -> None:
    async with make_app(phone=FixedBridge(EMPTY)).run_test(size=(80, 24)) as pilot:
        await opened(pilot, "t", *"123456")
        assert "123456" not in shown(pilot)
        assert "••••••" in shown(pilot)


async def test_without_the_package_it_says_how_to_install_it(make_app) -> None:
    bridge = FixedBridge(replace(EMPTY, missing="Install it: pip install 'tabsmith[telegram]'", has_token=True))
    async with make_app(phone=bridge).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "pip install 'tabsmith[telegram]'" in shown(pilot)
        assert shown(pilot).count("✔") == 2


async def test_it_looks_again_by_itself(make_app, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "REFRESH_SECONDS", 0.5)
    phone = FixedBridge(OFF)
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "○ off" in shown(pilot)
        phone.bridge = ON
        await until(pilot, lambda: "● on" in shown(pilot))


async def test_what_cannot_be_read_is_told_and_goes_when_it_can(make_app) -> None:
    class Broken(FixedBridge):
        broken = True

        def look(self, now: float) -> Any:
            if self.broken:
                raise StorageError("The disk is gone.", where="/state/bridge")
            return super().look(now)

    phone = Broken(ON)
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "The disk is gone." in shown(pilot)
        phone.broken = False
        await press(pilot, "f5")
        assert "The disk is gone." not in shown(pilot)
        assert "● on" in shown(pilot)


async def test_names_and_messages_from_outside_are_literal(make_app) -> None:
    people = tuple(replace(each, name=HOSTILE[0]) for each in ON.people)
    messages = tuple(replace(ON.messages[1], words=text, name=text) for text in HOSTILE)
    async with make_app(phone=FixedBridge(replace(ON, people=people, messages=messages))).run_test() as pilot:
        screen = await opened(pilot)
        assert screen.is_attached
        assert "\x1b" not in shown(pilot)


# Told ----------------------------------------------------------------------------------------------------------------


async def test_only_keys_that_mean_something_are_offered(make_app) -> None:
    phone = FixedBridge(EMPTY)
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert {"token", "allowed users"} <= keys_shown(pilot)
        assert keys_shown(pilot) & {"start", "stop", "test message"} == set()
        for bridge, offered in ((OFF, {"start"}), (ON, {"stop", "test message"})):
            phone.bridge = bridge
            screen.action_reload()
            await settle(pilot)
            assert keys_shown(pilot) & {"start", "stop", "test message"} == offered


async def test_s_starts_it_and_x_stops_it_after_a_question(make_app) -> None:
    phone = FixedBridge(OFF)
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        await opened(pilot, "s")
        assert phone.told == [("start",)]
        assert "Telegram answers it" in notes(pilot)
        await press(pilot, "x")
        assert isinstance(pilot.app.screen, QuestionScreen)
        await press(pilot, "enter")
        assert phone.told == [("start",)]
        await press(pilot, "x", "down", "enter")
        assert phone.told == [("start",), ("stop",)]
        assert "○ off" in shown(pilot)


async def test_it_says_that_it_starts_and_may_be_left_meanwhile(make_app) -> None:
    answered = threading.Event()

    class Slow(FixedBridge):
        def start(self) -> Any:
            answered.wait(10)
            return super().start()

    phone = Slow(OFF)
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        screen.action_start()
        await pilot.pause()
        assert "◔ starting" in shown(pilot)
        await pilot.press("escape")
        answered.set()
        await settle(pilot)
        assert isinstance(pilot.app.screen, HomeScreen)
        await press(pilot, "b")
        assert "● on" in shown(pilot)


async def test_a_bridge_that_does_not_start_says_why(make_app) -> None:
    phone = FixedBridge(OFF, fails=StorageError("The bridge ended at once.", where="bridge.log"))
    async with make_app(phone=phone).run_test() as pilot:
        await opened(pilot, "s")
        assert isinstance(pilot.app.screen, ErrorScreen)
        assert "The bridge ended at once." in shown(pilot)


async def test_a_test_message_goes_to_the_person_under_the_cursor(make_app) -> None:
    phone = FixedBridge(ON)
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        await opened(pilot, "down", "m")
        assert phone.told == [("test", BO)]
        await press(pilot, "down", "m")
        assert phone.told == [("test", BO)]
        assert "has not written yet" in notes(pilot)


async def test_people_not_on_the_list_any_more_get_no_test_message(make_app) -> None:
    people = (replace(ON.people[0], may="not allowed"),)
    phone = FixedBridge(replace(ON, people=people))
    async with make_app(phone=phone).run_test(size=(120, 40)) as pilot:
        await opened(pilot, "m")
        assert phone.told == []
        assert "not on the list" in notes(pilot)


async def test_the_token_of_a_bridge_that_runs_is_not_changed(make_app) -> None:
    async with make_app(phone=FixedBridge(ON)).run_test() as pilot:
        await opened(pilot, "t")
        assert isinstance(pilot.app.screen, BridgeScreen)
        assert "Stop the bridge first" in notes(pilot)


async def test_the_numbers_of_those_who_got_no_answer_are_named_where_the_list_is_typed(make_app) -> None:
    async with make_app(phone=FixedBridge(ON)).run_test(size=(120, 40)) as pilot:
        await opened(pilot, "u")
        assert isinstance(pilot.app.screen, AskLineScreen)
        assert f"Wrote lately and got no answer: {STRANGER}" in shown(pilot)
        assert f"{ADA}, {BO}" in shown(pilot)


async def test_escape_leads_home(make_app) -> None:
    async with make_app(phone=FixedBridge(ON)).run_test() as pilot:
        await opened(pilot)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, HomeScreen)


# On real files -------------------------------------------------------------------------------------------------------


async def test_token_and_numbers_go_into_the_settings_file_and_nowhere_on_the_screen(
    make_app, tabsmith_home: Path
) -> None:
    app = make_app(phone=BridgeClient())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, "t")
        await paste(pilot, TOKEN)
        assert TOKEN not in shown(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, BridgeScreen)
        assert load().telegram.token == TOKEN
        assert os.stat(tabsmith_home / "config" / "config.toml").st_mode & 0o077 == 0
        await press(pilot, "u")
        await paste(pilot, f"{ADA} {BO}")
        await press(pilot, "enter")
        assert load().telegram.allowed_users == (ADA, BO)
        assert "set in the settings file" in shown(pilot)
        assert TOKEN.partition(":")[2] not in shown(pilot) + notes(pilot)


async def test_what_is_no_number_is_refused_beside_the_field(make_app) -> None:
    async with make_app(phone=BridgeClient()).run_test(size=(120, 40)) as pilot:
        await opened(pilot, "u")
        await paste(pilot, "ada")
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, AskLineScreen)
        assert "whole numbers" in shown(pilot)
        assert load().telegram.allowed_users == ()


async def test_a_token_of_the_environment_is_named_by_its_variable_and_stays(
    make_app, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_TELEGRAM__TOKEN", TOKEN)
    async with make_app(phone=BridgeClient()).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "set by TABSMITH_TELEGRAM__TOKEN" in shown(pilot)
        await press(pilot, "t")
        assert isinstance(pilot.app.screen, BridgeScreen)
        assert "change it there" in notes(pilot)
        assert TOKEN not in shown(pilot) + notes(pilot)


async def test_a_bridge_that_holds_its_lock_is_seen_with_its_people_and_told_of_a_test(make_app) -> None:
    set_value("telegram.token", TOKEN)
    set_value("telegram.allowed_users", str(ADA))
    place = BridgePaths.of("123456")
    with OwnerLock(place.lock):
        StatusWriter(place, BridgeStatus(pid=os.getpid(), started_at=NOW, bot="@the_bot", polled_at=NOW)).write()
        ChatStates(place).save(ChatState(user=ADA, chat_id=ADA, name="Ada", seen_at=NOW))
        async with make_app(phone=BridgeClient()).run_test(size=(120, 40)) as pilot:
            await opened(pilot)
            text = shown(pilot)
            assert f"{os.getpid()}, since" in text
            assert "@the_bot" in text
            assert "Ada" in text
            assert "seen" in text
            await press(pilot, "m")
            assert [each.user for each in pending_test_messages(place).values] == [ADA]
    async with make_app(phone=BridgeClient()).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        assert "○ off" in shown(pilot)


def test_a_second_bridge_is_not_started_and_what_does_not_run_is_not_stopped() -> None:
    set_value("telegram.token", TOKEN)
    assert BridgeClient().stop().how == "not running"
    with OwnerLock(BridgePaths.of("123456").lock), pytest.raises(BridgeRunningError):
        BridgeClient().start()


# Light ---------------------------------------------------------------------------------------------------------------

OPENED = """
import asyncio, json, sys
from tabsmith.config import load
from tabsmith_tui.app import TabsmithApp

async def main():
    app = TabsmithApp(load())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.open_screen("bridge")
        for _ in range(1_000):
            await pilot.pause()
            if getattr(app.screen, "snapshot", None) is not None:
                break
            await asyncio.sleep(0.01)
        else:
            raise AssertionError("the bridge was not looked at")
asyncio.run(main())
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
HEAVY = {"telegram", "httpx", "matplotlib", "pandas", "numpy", "duckdb", "pyarrow", "sklearn"}


def test_the_panel_needs_neither_telegrams_library_nor_pictures_nor_tables() -> None:
    set_value("telegram.token", TOKEN)
    done = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) & HEAVY == set()


def test_the_app_makes_its_own_client_when_none_is_given() -> None:
    assert isinstance(TabsmithApp(load()).bridge_client, BridgeClient)
