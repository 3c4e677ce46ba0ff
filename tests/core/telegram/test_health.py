"""A bridge that is well is told so with evidence, and each thing that is wrong with one is found and named."""

import os
import signal
from collections.abc import Iterator

import msgspec
import pytest

from tabsmith import config
from tabsmith.config.loading import set_value
from tabsmith.config.settings import Settings
from tabsmith.errors import ConfigError
from tabsmith.paths import folders
from tabsmith.storage import OwnerLock
from tabsmith.telegram.health import EXPECTED_COMMANDS, CheckName, CheckState, HealthCheck, check_health
from tabsmith.telegram.service import bridge_paths, running, start, stop
from tabsmith.telegram.status import BridgePaths, BridgeStatus, BridgeTrouble, StatusWriter
from tabsmith.telegram.transport.updates import UPDATE_KINDS
from tests.core.telegram.stand_in import SECRET, TOKEN, stand_in, wait_until

HANDLERS = (*EXPECTED_COMMANDS, *UPDATE_KINDS)
BEGAN = 10_000.0  # seconds before the check


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a token and somebody on the list; a poll takes up to 25 s."""
    monkeypatch.setenv("TABSMITH_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("TABSMITH_TELEGRAM__ALLOWED_USERS", "11,22")
    return config.load()


@pytest.fixture
def place(settings: Settings) -> Iterator[BridgePaths]:
    """The place of a bridge that this process plays."""
    found = bridge_paths(settings)
    with OwnerLock(found.lock):
        yield found


def moment(place: BridgePaths) -> float:
    """A moment at which the bridge that holds the lock has been running for long."""
    held = running(place)
    assert held is not None
    return held.started_at + BEGAN


def look(settings: Settings, place: BridgePaths, **changes: object) -> dict[CheckName, HealthCheck]:
    """The checks at `moment`, of a bridge that is well but for `changes`; times are seconds before that moment."""
    now = moment(place)
    times = ("polled_at", "conflict_at", "waiting_since", "written_at", "started_at")
    given: dict[str, object] = {
        "pid": os.getpid(),
        "started_at": BEGAN,
        "polled_at": 5.0,
        "handlers": HANDLERS,
        "written_at": 5.0,
        **changes,
    }
    shifted = {
        name: now - value if name in times and isinstance(value, float) else value for name, value in given.items()
    }
    written = shifted.pop("written_at")
    assert isinstance(written, float)
    StatusWriter(place, msgspec.convert(shifted, BridgeStatus), lambda: written).write()
    return {each.name: each for each in check_health(settings, now).checks}


def test_a_bridge_that_is_well_passes_every_check_with_its_evidence(settings: Settings, place: BridgePaths) -> None:
    found = look(settings, place, received=12, handled=12, sent=20)
    assert {each.state for each in found.values()} == {"ok"}
    assert tuple(found) == (
        "process",
        "single instance",
        "last poll",
        "conflicts",
        "handlers",
        "queue",
        "recent errors",
        "token",
        "allowed users",
    )
    assert f"Process {os.getpid()} runs since" in found["process"].what
    assert "2 h 46 min ago" in found["process"].what
    assert found["process"].evidence == "its status was written 5.0 s ago"
    assert str(os.getpid()) in found["single instance"].evidence
    assert found["last poll"].what == "Telegram answered 5.0 s ago."
    assert "12 received, 12 handled" in found["handlers"].evidence
    assert "20 sent, 0 waiting, 0 not delivered" in found["queue"].evidence
    assert found["token"].what == "The token comes from the environment."
    assert found["allowed users"].evidence == "telegram.allowed_users = 11, 22"
    assert check_health(settings, moment(place)).ok


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"written_at": 90.0}, "process", "fail", "says nothing any more"),
        ({"pid": 1}, "single instance", "fail", "written by process 1"),
        ({"polled_at": 50.0, "failed_polls": 4}, "last poll", "warn", "answered 50 s ago"),
        ({"polled_at": 3_600.0, "failed_polls": 90}, "last poll", "fail", "answered 1 h ago"),
        ({"polled_at": 0}, "last poll", "fail", "has not answered a poll yet"),
        ({"conflicts": 2, "conflict_at": 20.0}, "conflicts", "fail", "Another program polls"),
        ({"conflicts": 1, "conflict_at": 4.0}, "conflicts", "fail", "Another program polls"),
        ({"conflicts": 1, "conflict_at": 20.0}, "conflicts", "warn", "Another program polls"),
        ({"conflicts": 9, "conflict_at": 400.0}, "conflicts", "ok", "now"),
        ({"handlers": HANDLERS[1:]}, "handlers", "fail", "Not answered: /start."),
        ({"handlers": HANDLERS[:-1]}, "handlers", "fail", "Not answered: callback_query."),
        ({"waiting": 2, "waiting_since": 61.0}, "handlers", "fail", "2 messages received and not handled since"),
        ({"waiting": 2, "waiting_since": 30.0}, "handlers", "ok", "answered"),
        ({"gave_up": 3}, "queue", "warn", "3 messages"),
        ({"to_send": 101}, "queue", "warn", "101 messages waiting"),
        ({"to_send": 5}, "queue", "ok", "as they come"),
    ],
)
def test_what_is_wrong_is_found(
    settings: Settings, place: BridgePaths, changes: dict[str, object], name: CheckName, state: CheckState, words: str
) -> None:
    found = look(settings, place, **changes)[name]
    assert (found.state, words in found.what) == (state, True), found
    assert found.evidence
    assert bool(found.next_step) == (state != "ok")


def test_recent_errors_are_shown_with_their_words_and_older_ones_are_not(
    settings: Settings, place: BridgePaths
) -> None:
    now = moment(place)
    troubles = (
        BridgeTrouble(now - 901, "polling", "an old one"),
        BridgeTrouble(now - 800, "sending", "the chat was\x1b[31m not found"),
        BridgeTrouble(now - 2, "polling", "502 bad gateway"),
    )
    found = look(settings, place, troubles=troubles)["recent errors"]
    assert (found.state, found.what) == ("warn", "2 errors in the last 15 min.")
    assert "sending: the chat was not found" in found.evidence
    assert "polling: 502 bad gateway" in found.evidence
    assert "an old one" not in found.evidence


def test_a_bridge_that_has_only_just_begun_does_not_fail(settings: Settings, place: BridgePaths) -> None:
    held = running(place)
    assert held is not None
    found = check_health(settings, held.started_at + 2)
    assert found.ok
    assert {each.name for each in found.checks if each.state == "warn"} == {"process", "last poll", "handlers"}
    later = check_health(settings, held.started_at + 300)
    assert {each.name for each in later.checks if each.state == "fail"} == {"process", "last poll", "handlers"}


def test_bridges_of_other_bots_are_named_and_are_no_fault(settings: Settings, place: BridgePaths) -> None:
    with OwnerLock(BridgePaths.of("777").lock):
        (place.root.parent / "a-file").write_text("")
        BridgePaths.of("888").root.mkdir()
        found = look(settings, place)["single instance"]
    assert found.state == "ok"
    assert "1 bridge of other bots beside it: 777" in found.evidence


def test_an_empty_list_is_a_warning_that_nobody_may_talk(
    settings: Settings, place: BridgePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABSMITH_TELEGRAM__ALLOWED_USERS")
    found = look(config.load(), place)["allowed users"]
    assert (found.state, found.what) == ("warn", "Nobody may talk to the bridge.")


def test_the_token_is_told_by_its_source_and_a_file_that_others_may_read_is_a_warning(
    settings: Settings, place: BridgePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABSMITH_TELEGRAM__TOKEN")
    set_value("telegram.token", TOKEN)
    kept = look(config.load(), place)["token"]
    assert (kept.state, kept.what) == ("ok", "The token comes from the settings file.")
    folders().settings_file.chmod(0o644)
    open_to_all = look(config.load(), place)["token"]
    assert (open_to_all.state, open_to_all.next_step) == ("warn", f"chmod 600 {folders().settings_file}")


def test_nothing_of_the_checks_holds_the_token(settings: Settings, place: BridgePaths) -> None:
    look(settings, place)
    assert SECRET.encode() not in msgspec.json.encode(check_health(settings))


def test_without_a_token_there_is_nothing_to_check() -> None:
    with pytest.raises(ConfigError, match="no token"):
        check_health(config.load())


def test_a_bridge_killed_with_kill_9_fails_the_check_however_fresh_its_status_is(settings: Settings) -> None:
    place = bridge_paths(settings)
    begun = start(settings, program=stand_in("polls"))
    assert check_health(settings).ok
    os.kill(begun.pid, signal.SIGKILL)
    wait_until(lambda: running(place) is None, "the lock to be free")
    found = {each.name: each for each in check_health(settings).checks}
    assert (found["process"].state, found["process"].what) == ("fail", "No bridge runs.")
    assert f"the last one (process {begun.pid}) wrote" in found["process"].evidence
    assert "did not say that it ends" in found["process"].evidence
    assert found["last poll"].state == "fail"
    assert stop(place).how == "not running"
