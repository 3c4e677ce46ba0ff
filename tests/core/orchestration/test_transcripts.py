"""What was said in agent sessions: stored exactly, once, for nobody else, and there after a kill."""

import itertools
import signal
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tabsmith.agents.protocol import ModelReply, Prompt
from tabsmith.agents.usage import Usage
from tabsmith.errors import StorageError
from tabsmith.orchestration.sessions import ReceivedReply, SentPrompt, Transcripts

SYSTEM = "You propose recipes.\n" * 400
NASTY = "a \x1b[31mred\x1b[0m line\r\nand \u202eback, a null \0 and 😀"
FIRST = Usage(1_000, 50, 200, 30, 10, 1, Decimal("0.0123456789"))
SECOND = Usage(7, 3, 0, 0, 0, 1, Decimal(0), 1)

DYING = """
import os, sys
from decimal import Decimal
from pathlib import Path
from tabsmith.agents.protocol import Prompt, ModelReply
from tabsmith.agents.usage import Usage
from tabsmith.orchestration.sessions import Transcripts
kept = Transcripts(Path(sys.argv[1]))
kept.sent("one", Prompt("always the same", "go"))
kept.received("one", ModelReply("paid for", Usage(900, 40, turns=1, cost=Decimal("0.004"))))
os.kill(os.getpid(), 9)
"""


def transcripts(run: Path) -> Transcripts:
    ticks = itertools.count(100)
    return Transcripts(run, clock=lambda: float(next(ticks)))


def test_what_was_said_comes_back_exactly_and_in_order(tmp_path: Path) -> None:
    letter = Prompt(SYSTEM, f"now {NASTY}", "feedback")
    turns = ModelReply(NASTY, FIRST, "model-1", "theirs"), ModelReply("", SECOND)
    kept = transcripts(tmp_path)
    kept.sent("one", letter)
    kept.received("one", turns[0])
    kept.received("one", turns[1])
    assert Transcripts(tmp_path).read("one") == (
        SentPrompt(100.0, letter),
        ReceivedReply(101.0, turns[0]),
        ReceivedReply(102.0, turns[1]),
    )


def test_the_part_that_all_sessions_share_is_stored_once(tmp_path: Path) -> None:
    for number in range(20):
        kept = transcripts(tmp_path)
        kept.sent(f"session-{number}", Prompt(SYSTEM, f"brief {number}"))
    stored = sum(path.read_text().count("You propose recipes.") for path in (tmp_path / "sessions").iterdir())
    assert stored == SYSTEM.count("You propose recipes.")
    (message,) = Transcripts(tmp_path).read("session-7")
    assert isinstance(message, SentPrompt)
    assert message.prompt == Prompt(SYSTEM, "brief 7")


def test_two_beginnings_in_one_run_are_both_kept(tmp_path: Path) -> None:
    kept = transcripts(tmp_path)
    kept.sent("one", Prompt("first", "a"))
    kept.sent("one", Prompt("second", "b"))
    assert [message.prompt.system for message in kept.read("one") if isinstance(message, SentPrompt)] == [
        "first",
        "second",
    ]


def test_the_files_are_for_nobody_else(tmp_path: Path) -> None:
    run = tmp_path / "run"
    kept = transcripts(run)
    kept.sent("one", Prompt(SYSTEM, "go"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (run / "sessions").iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((run / "sessions").stat().st_mode) == 0o700


def test_a_reply_outlives_the_kill_of_its_worker_with_all_that_it_used(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DYING, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    used = Usage(900, 40, turns=1, cost=Decimal("0.004"))
    assert Transcripts(tmp_path).replies("one") == [ModelReply("paid for", used)]


def test_what_the_replies_used_is_kept_exactly(tmp_path: Path) -> None:
    kept = transcripts(tmp_path)
    kept.received("one", ModelReply("a", FIRST))
    kept.received("one", ModelReply("b", SECOND))
    assert kept.replies("one") == [ModelReply("a", FIRST), ModelReply("b", SECOND)]


def test_a_session_in_which_nothing_was_said_leaves_no_file(tmp_path: Path) -> None:
    kept = Transcripts(tmp_path)
    assert (kept.read("never"), kept.replies("never")) == ((), [])
    assert not (tmp_path / "sessions").exists()


def test_a_reply_torn_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    kept = transcripts(tmp_path)
    kept.received("one", ModelReply("a", FIRST))
    with (tmp_path / "sessions" / "one.jsonl").open("ab") as file:
        file.write(b'{"message":"received","at":1.0,"turn":{"te')
    kept.received("one", ModelReply("b", SECOND))
    assert [each.usage for each in kept.replies("one")] == [FIRST, SECOND]


@pytest.mark.parametrize("damage", ["removed", "changed"])
def test_a_beginning_that_is_gone_is_not_made_up(tmp_path: Path, damage: str) -> None:
    kept = transcripts(tmp_path)
    kept.sent("one", Prompt(SYSTEM, "go"))
    (system,) = (tmp_path / "sessions").glob("system-*.txt")
    if damage == "removed":
        system.unlink()
    else:
        system.write_text("something else")
    (message,) = kept.read("one")
    assert isinstance(message, SentPrompt)
    assert message.prompt.text == "go"
    assert "is lost" in message.prompt.system


def test_half_a_character_is_refused_and_not_stored(tmp_path: Path) -> None:
    kept = Transcripts(tmp_path)
    for letter in (Prompt("\ud83d", "go"), Prompt("fine", "\ud83d")):
        with pytest.raises(StorageError):
            kept.sent("one", letter)
    assert kept.read("one") == ()
