"""The program as a person uses it: the command on a real terminal of 80x24, real files and workers, only keys.

The first test starts the program as a person does; in the others it is a fork of one that is imported already.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tabsmith.modeling.store import list_models
from tabsmith.runs.events import RunStarted
from tabsmith.runs.folder import RunFolder, run_ids
from tabsmith.runs.watch import RunWatch
from tabsmith.storage import Found
from tabsmith.workflow.session import FieldName, SessionStore, WorkflowSession
from tabsmith.workflow.states import State
from tests.stories.hostile import LONG, MARKS
from tests.tui.terminal import KEYS, Terminal, foreign_controls, tabsmith_in_terminal

PATIENCE = 20.0
PROGRAM = [sys.executable, "-m", "tabsmith_tui.cli"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program is started: a small table lies there."""
    place = tmp_path / "tables"
    place.mkdir()
    areas = [20 + n * 7 % 40 for n in range(90)]
    rows = [f"{n},{area},{('north', 'south')[n % 2]},{1000 + 31 * area + n % 5}" for n, area in enumerate(areas)]
    (place / "rooms.csv").write_text("id,area,district,price\n" + "\n".join(rows) + "\n")
    return place


@pytest.fixture
def open_terminals() -> Iterator[ExitStack]:
    """Closes every terminal that was opened in it."""
    with ExitStack() as stack:
        yield stack


def start(folder: Path, *, own: bool = False) -> Terminal:
    """The program, at home; with `own` as an interpreter of its own."""
    how: dict[str, Any] = {
        "cwd": folder,
        "environ": {"TEXTUAL_ANIMATIONS": "none", "TABSMITH_TRAINING__CORES": "1"},
        "seconds": PATIENCE,
    }
    terminal = Terminal(PROGRAM, **how) if own else tabsmith_in_terminal(**how)
    terminal.wait_for("Start with a sample table", "f1 help")
    return terminal


def saved() -> WorkflowSession:
    """The session as it lies on disk."""
    loaded = SessionStore().load()
    assert isinstance(loaded, Found)
    return loaded.value


def wait_typed(terminal: Terminal, field: FieldName, text: str) -> None:
    """Wait until what was typed is on disk."""
    terminal.wait_until(lambda: saved().draft(field) == text, f"{text!r} saved")


def to_schema(terminal: Terminal, file: str) -> None:
    """From home to the schema of a file."""
    terminal.press("n")
    terminal.wait_for("Where is your table?")
    terminal.press("enter")
    terminal.wait_for("Which file?")
    terminal.write(file)
    terminal.press("enter")
    terminal.wait_for("Load the table now?")
    terminal.press("enter")
    terminal.wait_for("Check the columns")


def one_linear_model(terminal: Terminal, *, label_fields: int = 0) -> None:
    """From the model form to the page before training: the quickest choice there is.

    With classes, and before it is known whether there are any, fields about labels stand before the family.
    """
    terminal.wait_for("How should it be trained?")
    keys = (*["down"] * (2 + label_fields), "right", "down", "down", "down", "down", "end", "ctrl+u", "1", "enter")
    terminal.write("".join(KEYS.get(key, key.encode()).decode() for key in keys))  # in one burst, as from a script
    terminal.wait_for("Ready to train?", "Family        linear", "Iterations    1 ")


def train(terminal: Terminal) -> None:
    """From the page before training to the end of the run, on its own screen."""
    terminal.press("enter")
    terminal.wait_for("✔ done", "Leaderboard", "enter shows the result")


def stop(terminal: Terminal) -> None:
    """Stop the run that is shown, and wait for its model."""
    terminal.wait_for("X stop now", "★")
    terminal.press("X")
    terminal.wait_for("Stop")
    terminal.wait_for("enter choose")
    terminal.press("down", "enter")
    terminal.wait_for("✔ done")


def leave(terminal: Terminal) -> None:
    """End the program from wherever it is, with nothing at work; nothing foreign was sent to the terminal."""
    terminal.press("ctrl+q")
    assert terminal.wait_exit() == 0, terminal.text
    assert foreign_controls(terminal.raw) == []


def back(terminal: Terminal, *places: str) -> None:
    """Press escape once for each of `places`, which must come on the screen; what is drawn in parts is waited for."""
    for place in places:
        terminal.wait_gone(place)
        terminal.press("escape")
        terminal.wait_for(place)


def test_from_home_to_a_model_and_predictions_in_a_file(folder: Path) -> None:
    with start(folder, own=True) as terminal:
        to_schema(terminal, "rooms.csv")
        terminal.wait_for("price", "a number (regression)")
        terminal.press("enter")
        one_linear_model(terminal)
        train(terminal)
        terminal.press("enter")
        terminal.wait_for("on the test set", "RMSE")
        back(terminal, "Leaderboard", "The model is ready")
        terminal.press("p")
        terminal.wait_for("Which rows should be predicted?")
        terminal.write("rooms.csv")
        terminal.wait_for("rooms-predictions.csv")
        terminal.press("enter")
        terminal.wait_for("✔ 90 rows", "rooms-predictions.csv")
        leave(terminal)
    assert len(list_models()) == 1
    predicted = (folder / "rooms-predictions.csv").read_text().splitlines()
    assert len(predicted) == 91
    assert "price" in predicted[0]


def test_a_sample_is_trained_by_enter_alone(folder: Path) -> None:
    with start(folder) as terminal:
        terminal.press("enter")
        for title in ("Load the table now?", "Check the columns", "How should it be trained?", "Ready to train?"):
            terminal.wait_for(title)
            terminal.press("enter")
        terminal.wait_for("Leaderboard", "sample iris", "★")
        stop(terminal)
        leave(terminal)


def test_killed_at_each_step_it_stands_there_again_with_what_was_typed(folder: Path, open_terminals: ExitStack) -> None:
    def killed_and_resumed(old: Terminal, home_says: str, *there: str) -> Terminal:
        old.kill()
        terminal = open_terminals.enter_context(start(folder))
        terminal.wait_for("▸ session", f"at {home_says}")
        terminal.press("enter")
        terminal.wait_for(*there)
        return terminal

    terminal = open_terminals.enter_context(start(folder))
    terminal.press("n")
    terminal.wait_for("Where is your table?")
    terminal = killed_and_resumed(terminal, "Source", "Where is your table?")
    terminal.press("enter")
    terminal.wait_for("Which file?")
    terminal.write("rooms.")
    wait_typed(terminal, FieldName.PATH, "rooms.")
    terminal = killed_and_resumed(terminal, "Source", "Which file?", "rooms.")
    terminal.write("csv")
    terminal.press("enter")
    terminal.wait_for("Load the table now?")
    terminal = killed_and_resumed(terminal, "Table", "Load the table now?", "about 90")
    terminal.press("enter")
    terminal.wait_for("Check the columns")
    terminal.press("down", "down", "space")
    terminal.wait_for("ignore*")
    terminal = killed_and_resumed(terminal, "Schema", "Check the columns", "ignore*")
    terminal.press("enter")
    terminal.wait_for("How should it be trained?")
    terminal.press("end", *["backspace"] * 4)
    terminal.write("90 s")
    wait_typed(terminal, FieldName.TIME, "90 s")
    terminal = killed_and_resumed(terminal, "Model", "How should it be trained?", "90 s")
    terminal.press("enter")
    terminal.wait_for("Ready to train?", "Time          90 s")
    terminal = killed_and_resumed(terminal, "Model", "How should it be trained?", "90 s")
    terminal.press("enter")
    terminal.wait_for("Ready to train?")
    terminal.press("enter")
    terminal.wait_for("Leaderboard", "★")

    # Only the screen is killed: the run lives on.
    terminal = killed_and_resumed(terminal, "Train: ", "You may leave")
    terminal.press("enter")
    terminal.wait_for("Leaderboard", "★")
    # The run is killed too: that is said at once, and it can be taken up again.
    run = RunFolder(run_ids()[0])
    worker = next(event.pid for event in run.events().read().values if isinstance(event, RunStarted))
    terminal.kill()
    os.kill(worker, signal.SIGKILL)
    terminal = killed_and_resumed(terminal, "Train: interrupted", "while you were away", "interrupted")
    assert saved().state is State.ERROR
    terminal.press("enter")
    terminal.wait_for("Leaderboard", "★", "of 1:30")
    stop(terminal)
    terminal.press("escape")
    terminal.wait_for("The model is ready")

    terminal = killed_and_resumed(terminal, "Result", "The model is ready")
    terminal.press("p")
    terminal.wait_for("Which rows should be predicted?")
    terminal.write("rooms.c")
    wait_typed(terminal, FieldName.NEW_ROWS, "rooms.c")
    leave(killed_and_resumed(terminal, "Result", "Which rows should be predicted?", "rooms.c"))
    assert RunWatch(run.id).refresh().attempt == 2


def test_a_run_left_at_work_is_attached_from_home_stopped_and_its_result_opened(folder: Path) -> None:
    with start(folder) as terminal:
        to_schema(terminal, "rooms.csv")
        terminal.press("enter")
        terminal.wait_for("How should it be trained?")
        terminal.press("enter")
        terminal.wait_for("Ready to train?")
        terminal.press("enter")
        terminal.wait_for("Leaderboard", "★")
        back(terminal, "You may leave", "home · 1 run at work")
        terminal.press("q")
        terminal.wait_for("leave running")
        terminal.press("enter")
        assert terminal.wait_exit() == 0
        assert "continues in the background" in terminal.text
        assert foreign_controls(terminal.raw) == []
    (run_id,) = run_ids()
    assert RunFolder(run_id).alive()
    with start(folder) as terminal:
        terminal.wait_for("home · 1 run at work", "rooms.csv → price")
        terminal.press("end")
        terminal.press("enter")
        terminal.wait_for("Leaderboard", "★", "space pause")
        stop(terminal)
        terminal.press("enter")
        terminal.wait_for("on the test set", "RMSE")
        leave(terminal)


def test_a_schema_in_words_is_enough_to_train_without_reading_before(folder: Path) -> None:
    with start(folder) as terminal:
        terminal.press("n")
        terminal.wait_for("Where is your table?")
        terminal.press("enter")
        terminal.wait_for("Which file?")
        terminal.write("rooms.csv")
        terminal.press("enter")
        terminal.wait_for("Load the table now?")
        terminal.press("down", "enter")
        terminal.wait_for("Describe")
        terminal.write("target: prise")
        terminal.press("f9")
        one_linear_model(terminal, label_fields=1)
        assert not list((Path(os.environ["TABSMITH_HOME"]) / "cache").rglob("*.parquet"))
        terminal.press("enter")
        terminal.wait_for("✘ failed", "prise", "price")  # only now the file is read, and the nearest name is offered
        back(terminal, "Try again", "How should it be trained?", "target: prise")
        terminal.press("end", "backspace", "backspace")
        terminal.write("ce")
        terminal.press("f9")
        terminal.wait_for("How should it be trained?")
        terminal.press("enter")
        terminal.wait_for("Ready to train?", "Iterations    1 ")
        train(terminal)
        leave(terminal)
    assert [model.target for model in list_models()] == ["price"]


NASTY = (
    "[/nope]",
    "[@click=app.quit]x[/]",
    "\x1b]52;c;UFdORUQ=\x07clip",
    "\x1b]0;PWNED\x07title",
    "\x1b[31;7;5mblink\x1b[2J",
    "\x9b31mC1\x9d0;PWNED\x9c",
    "\u202egnp.exe\u2066",
    LONG,
)
TARGET = "[@click=app.quit]y[/] \x1b]0;PWNED\x07[/nope]"


@pytest.fixture
def hostile_file(folder: Path) -> str:
    """A table in which the file's name, the columns' names and the cells mean harm."""

    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [",".join(quoted(name) for name in (*NASTY, "amount", TARGET))]
    for row in range(60):
        cells = [NASTY[(row + place) % 2 + 2 * (place % 3)] + str((row + place) % 5) for place in range(len(NASTY))]
        lines.append(",".join(quoted(cell) for cell in (*cells, str(row * 7 % 13), NASTY[row % 2])))
    name = "[@click=app.quit]x[ nope] [bold].csv"
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "\x1b]0;PWNED\x07[ nope]\u202e.csv").write_text("a\n1\n")
    return name


def test_hostile_names_and_cells_are_only_text_on_every_screen(folder: Path, hostile_file: str) -> None:
    with start(folder) as terminal:
        look_everywhere(terminal, hostile_file)
        leave(terminal)
    raw = terminal.raw
    with start(folder) as terminal:
        look_at_lists(terminal)
        leave(terminal)
    raw += terminal.raw
    assert [mark for mark in MARKS if mark in raw] == []
    assert LONG[:1_000].encode() not in raw


def look_everywhere(terminal: Terminal, file: str) -> None:
    """Through every screen, with every dialog of each."""
    to_schema(terminal, file)
    terminal.press("end")
    dialogs: tuple[tuple[str, str], ...] = (
        ("e", "a number used as"), ("t", "What do you want"), ("s", "How are rows"), ("p", "Preview of"),
        ("f1", "This screen"), ("f2", "Search for"),
    )  # fmt: skip
    for key, title in dialogs:
        terminal.press(key)
        terminal.wait_for(title)
        terminal.press("down", "right", key if key == "f1" else "escape")
        terminal.wait_gone(title)
    terminal.press("t")
    terminal.wait_for("What do you want")
    terminal.write("app.quit]y")
    terminal.press("enter")
    terminal.wait_gone("What do you want")
    terminal.wait_for("Target  [@click=app.quit]y[/]")
    terminal.press(*["up"] * 9, *["down"] * 9)
    terminal.press("enter")
    one_linear_model(terminal, label_fields=2)
    train(terminal)
    terminal.press("d")
    terminal.wait_for("Members")
    terminal.press("escape")
    terminal.wait_gone("Members")
    terminal.press("t")
    terminal.wait_for("t leaderboard")
    terminal.press("enter")
    terminal.wait_for("on the test set")
    terminal.press("pagedown", "pagedown", "end")
    back(terminal, "Iterations", "The model is ready")
    terminal.press("p")
    terminal.wait_for("Which rows should be predicted?")
    terminal.write(file)
    terminal.press("enter")
    terminal.wait_for("✔ 60 rows")
    back(terminal, "The model is ready")


def look_at_lists(terminal: Terminal) -> None:
    """Home, with all that came of it, and the lists."""
    terminal.wait_for("▸ session", "◆ model", "[@click=app.quit]")
    for key in ("r", "m", "p"):
        terminal.press(key)
        terminal.wait_gone("Start with a sample table")
        terminal.wait_for("[@click=app.quit]x[ nope]")
        terminal.press("down")
        back(terminal, "Start with a sample table")
