"""The app as a person starts it: on a real terminal, over real files, with the real supervisor."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec
from tabsmith.tables.read.sources import FileSource
from tests.stories.hostile import HOSTILE, MARKS
from tests.tui.terminal import Terminal, foreign_controls, tabsmith_in_terminal

PROGRAM = [sys.executable, "-m", "tabsmith_tui.cli"]


def start(home: Path, **size: int) -> Terminal:
    environ = {"TABSMITH_HOME": str(home), "TEXTUAL_ANIMATIONS": "none"}
    return tabsmith_in_terminal(environ=environ, **size)


def test_a_newcomer_sees_where_to_begin_and_leaves_without_a_trace(tabsmith_home: Path) -> None:
    with start(tabsmith_home) as terminal:
        terminal.wait_for("Start with a sample table", "enter open", "f1 help")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert not (tabsmith_home / "state" / "runs").exists()


def test_runs_on_disk_with_hostile_paths_are_listed_as_they_are_written(tabsmith_home: Path) -> None:
    for number, name in enumerate(HOSTILE):
        spec = RunSpec(f"20261120-1000{number:02}-abcdef", 1.0, FileSource(f"/tables/{name}"), Detect(), ModelChoice())
        RunFolder.create(spec)
    with start(tabsmith_home, columns=100, lines=40) as terminal:
        terminal.wait_for("Runs", "interrupted")
        terminal.press("r")
        terminal.wait_for(f"{len(HOSTILE)} runs", "bold red]", "clip")
        for _ in HOSTILE:
            terminal.press("down")
        terminal.press("d")
        terminal.wait_for("Delete this run?")
        terminal.press("escape")
        terminal.wait_gone("Delete this run?")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert foreign_controls(terminal.raw) == []
        assert [mark for mark in MARKS if mark in terminal.raw] == []


@pytest.mark.parametrize("moved", ["{broken", "\x00\xff", ""])
def test_a_damaged_session_is_named_and_home_stands(tabsmith_home: Path, moved: str) -> None:
    session = tabsmith_home / "state" / "sessions" / "local.json"
    session.parent.mkdir(parents=True)
    session.write_text(moved)
    with start(tabsmith_home, columns=120, lines=40) as terminal:
        terminal.wait_for("Start with a sample table", "could not be read")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_a_small_terminal_grows_and_shrinks(tabsmith_home: Path) -> None:
    with start(tabsmith_home, columns=60, lines=20) as terminal:
        terminal.wait_for("Start with a sample table", "f1 help")
        terminal.resize(120, 40)
        terminal.wait_for("Source", "watch it; leave it; stop it", "commands")
        terminal.resize(40, 10)
        terminal.wait_for("what it understood, and get the best\n")
        terminal.resize(80, 24)
        terminal.wait_for("Start with a sample table", "agents")
        terminal.press("ctrl+q")
        assert terminal.wait_exit() == 0


def test_no_color_sends_no_colour(tabsmith_home: Path) -> None:
    environ = {"TABSMITH_HOME": str(tabsmith_home), "NO_COLOR": "1"}
    with Terminal(PROGRAM, environ=environ) as terminal:
        terminal.wait_for("Start with a sample table", "f1 help")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert b"\x1b[38;" not in terminal.raw
        assert b"\x1b[48;" not in terminal.raw
        assert b"\x1b[31m" not in terminal.raw
        assert b"\x1b[1;4;39;49mStart" in terminal.raw  # the line under the cursor is underlined


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_leaves_the_terminal_as_it_was(tabsmith_home: Path, number: signal.Signals) -> None:
    with start(tabsmith_home) as terminal:
        terminal.wait_for("Start with a sample table")
        os.kill(terminal.process.pid, number)
        assert terminal.wait_exit() == 128 + number
        assert b"\x1b[?1049l" in terminal.raw
