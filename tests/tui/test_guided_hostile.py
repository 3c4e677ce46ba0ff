"""Names, cells, paths and errors that mean harm, on every guided step: nothing breaks, and nothing of theirs acts."""

from pathlib import Path

import pytest

from tabsmith.errors import ErrorReport
from tabsmith.runs import jobs
from tabsmith.tables.info import LineNote, Preview
from tabsmith.tables.profile.types import TableProfile, ValueCount
from tabsmith.tables.schema import types as understood
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split, TargetCandidate
from tabsmith.workflow.states import State
from tabsmith_tui.screens.column_dialogs import ColumnEditor, Picker
from tabsmith_tui.screens.table_views import LinesView, PreviewView
from tabsmith_tui.widgets.steps.train import ReviewStep
from tests.stories.hostile import HOSTILE, MARKS
from tests.tui.guided_drive import Drive, drive, guided_app
from tests.tui.guided_stage import Replay, column, table
from tests.tui.stage import notices
from tests.tui.terminal import Terminal, foreign_controls, python_app

NAMES = tuple(f"{text}{number}" for number, text in enumerate(HOSTILE))


def hostile_schema(target: str = "") -> Schema:
    """Every column, its evidence and its warnings are hostile."""
    chosen = target if target in NAMES else NAMES[0]
    columns = tuple(
        ColumnSchema(
            name,
            "category",
            "target" if name == chosen else "feature",
            name,
            (understood.ColumnWarning("leak suspect", name),),
        )
        for name in NAMES
    )
    candidates = tuple(TargetCandidate(name, 0.5, name) for name in NAMES[:3])
    return Schema(columns, chosen, candidates, "multiclass", Split("grouped", NAMES[1], reason=NAMES[2]), 10)


def hostile_supervisor() -> Replay:
    """Answers jobs with a table in which everything is hostile."""
    profile = TableProfile(10, tuple(column(name, "text", distinct=3, top=(ValueCount(name, 3),)) for name in NAMES))
    notes = tuple(LineNote(number, text, text) for number, text in enumerate(HOSTILE))
    supervisor = Replay(
        lambda source: table(source, profile=profile, rejected=notes, rejected_count=len(notes)),
        lambda target: hostile_schema(target),
    )
    supervisor.preview = Preview(NAMES, (NAMES, NAMES))
    return supervisor


def harmless(driven: Drive) -> None:
    """Nothing on the screen is more than text."""
    shown = driven.shown()
    assert not any(ord(character) < 32 and character != "\n" for character in shown)
    assert not any(0x7F <= ord(character) < 0xA0 for character in shown)
    assert not any(character in shown for character in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200f")


async def test_hostile_columns_are_only_text_on_every_step(tmp_path: Path) -> None:
    file = tmp_path / "[nope] [@click=app.quit]x housing.csv"
    file.write_text("a,b\n1,2\n")
    async with drive(guided_app(hostile_supervisor(), allowed=(tmp_path,)), size=(120, 40)) as driven:
        await driven.give_path(file)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        harmless(driven)
        await driven.press("enter")
        await driven.at(State.CONFIRMING_SCHEMA)
        for _ in NAMES:
            harmless(driven)
            await driven.press("down")
        for key, kind in (("e", ColumnEditor), ("t", Picker), ("s", Picker), ("v", LinesView), ("p", PreviewView)):
            await driven.press(key)
            await driven.until(lambda kind=kind: isinstance(driven.app.screen, kind), key)  # type: ignore[misc]
            await driven.press("down", "down")
            harmless(driven)
            await driven.press("escape")
            await driven.until(lambda: driven.app.screen is driven.screen)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        harmless(driven)
        await driven.press("enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        harmless(driven)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_typed_as_a_path_and_as_a_schema_is_only_text(tmp_path: Path, text: str) -> None:
    file = tmp_path / "housing.csv"
    file.write_text("a,b\n1,2\n")
    async with drive(guided_app(Replay(), allowed=(tmp_path,))) as driven:
        await driven.give_path(text)
        await driven.until(lambda: driven.session.problems != () or notices(driven.app))
        harmless(driven)
        await driven.press("ctrl+u")
        await driven.type(str(file))
        await driven.press("enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("down", "enter")
        await driven.at(State.AWAITING_SCHEMA_INPUT)
        await driven.type(text)
        await driven.press("f9")
        await driven.until(lambda: driven.session.problems != () or driven.session.state is State.CONFIGURING_MODEL)
        harmless(driven)


async def test_a_hostile_error_is_only_text(tmp_path: Path) -> None:
    file = tmp_path / "housing.csv"
    file.write_text("a,b\n1,2\n")
    supervisor = Replay()
    everything = "".join(text for text in HOSTILE if len(text) < 1_000)
    supervisor.fail[jobs.ReadTable] = ErrorReport(everything, everything, everything, everything, everything)
    supervisor.fail[jobs.EstimateTable] = supervisor.fail[jobs.ReadTable]
    async with drive(guided_app(supervisor, allowed=(tmp_path,))) as driven:
        await driven.give_path(file)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.until(lambda: "No estimate" in driven.shown())
        harmless(driven)
        await driven.press("enter")
        await driven.at(State.AWAITING_FILE_PATH)
        harmless(driven)


SCRIPT = """
from pathlib import Path
from tests.tui.guided_drive import guided_app
from tests.tui.test_guided_hostile import hostile_supervisor
app = guided_app(hostile_supervisor(), allowed=(Path("FOLDER"),))
app.call_later(lambda: app.open_screen("guided", resume=False))
app.run()
"""


def test_no_byte_of_a_hostile_table_reaches_a_real_terminal(tmp_path: Path) -> None:
    file = tmp_path / "housing.csv"
    file.write_text("a,b\n1,2\n")
    command = python_app(SCRIPT.replace("FOLDER", str(tmp_path)))
    with Terminal(command, columns=80, lines=24) as terminal:
        terminal.wait_for("A file on this machine")
        terminal.press("enter")
        terminal.wait_for("Which file?")
        terminal.write(str(file))
        terminal.press("enter")
        terminal.wait_for("Load now")
        terminal.press("enter")
        terminal.wait_for("Check the columns")
        terminal.press(*["down"] * len(NAMES))
        for key, words in (("t", "What do you want"), ("s", "How are rows"), ("v", "Lines that"), ("p", "Preview of")):
            terminal.press(key)
            terminal.wait_for(words)
            terminal.press("down", "escape")
            terminal.wait_for("Check the columns")
        terminal.press("q")
        terminal.wait_exit()
        assert not foreign_controls(terminal.raw)
        assert not any(mark in terminal.raw for mark in MARKS)
