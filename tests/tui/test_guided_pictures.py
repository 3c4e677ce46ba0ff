"""The guided steps as pictures: every step large and small; dialogs and errors at the size with the least room."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tabsmith.errors import ErrorReport, PathError
from tabsmith.runs import jobs
from tabsmith.runs.events import RunStarted
from tabsmith.tables.read import file_sets, guard
from tabsmith.workflow.states import State
from tabsmith_tui.screens.column_dialogs import ColumnEditor, Picker
from tabsmith_tui.screens.table_views import LinesView, PreviewView
from tabsmith_tui.widgets.steps.result import ResultStep
from tabsmith_tui.widgets.steps.train import ReviewStep
from tests.tui.guided_drive import Drive, guided_app
from tests.tui.guided_stage import Replay
from tests.tui.stage import NOW

SIZES = {"120x40": (120, 40), "60x20": (60, 20)}
SMALL, MIDDLE = (60, 20), (80, 24)
SHOWN = "/data"  # where the pictures say that the table lies
HOUSING = Path("housing.csv")

Way = Callable[[Drive], Awaitable[None]]


@pytest.fixture(autouse=True)
def housing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table in the current folder, which the conversation calls by the same name on every machine."""
    folder = str(tmp_path.resolve())
    monkeypatch.chdir(folder)
    HOUSING.write_text("Order,Sale_Price\n1,2\n")
    check_source_path, normalize_path = file_sets.check_source_path, guard.normalize_path

    def check_here(path: str, **options: Any) -> Any:
        try:
            with monkeypatch.context() as unpatched:
                unpatched.setattr(guard, "normalize_path", normalize_path)
                return check_source_path(path.replace(SHOWN, folder), **options)
        except PathError as error:
            error.what, error.where = (text.replace(folder, SHOWN) for text in (error.what, error.where))
            raise

    def normalize_here(path: str) -> Path:
        return Path(str(normalize_path(path.replace(SHOWN, folder))).replace(folder, SHOWN))

    monkeypatch.setattr(file_sets, "check_source_path", check_here)
    monkeypatch.setattr(guard, "normalize_path", normalize_here)


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Each of the two sizes."""
    return SIZES[request.param]


def picture(snap_compare: Any, size: tuple[int, int], way: Way, supervisor: Replay | None = None) -> bool:
    """Whether the screen looks as it did after going `way`."""
    app = guided_app(supervisor or Replay(), allowed=(Path.cwd(),))

    async def run_before(pilot: Pilot[Any]) -> None:
        driven = Drive(app, pilot)
        app.open_screen("guided", resume=False)
        await driven.until(lambda: driven.screen.view is not None)
        await way(driven)
        for widget in driven.app.screen.query("Input"):
            widget.cursor_blink = False
        for area in driven.app.screen.query("TextArea"):
            area.cursor_blink = False
        await asyncio.sleep(0)
        await pilot.pause()

    return bool(snap_compare(app, terminal_size=size, run_before=run_before))


async def source(driven: Drive) -> None:
    await driven.at(State.CHOOSING_DATA_SOURCE)


async def refused(driven: Drive) -> None:
    await driven.give_path(Path("hosing.csv"))
    await driven.until(lambda: "✘" in driven.shown())


async def completing(driven: Drive) -> None:
    await driven.at(State.CHOOSING_DATA_SOURCE)
    await driven.press("enter")
    await driven.at(State.AWAITING_FILE_PATH)
    await driven.type("hou")
    await driven.press("down")


async def load(driven: Drive) -> None:
    await driven.give_path(HOUSING)
    await driven.at(State.CHOOSING_LOAD_OPTION)
    await driven.until(lambda: "9.4 MB" in driven.shown())


async def options(driven: Drive) -> None:
    await load(driven)
    await driven.press("o")
    await driven.until(lambda: "6 columns" in driven.shown())


async def reading(driven: Drive) -> None:
    await load(driven)
    await driven.press("enter")
    await driven.until(lambda: "43%" in driven.shown())


async def failed(driven: Drive) -> None:
    await load(driven)
    await driven.press("enter")
    await driven.at(State.AWAITING_FILE_PATH)


async def the_schema(driven: Drive) -> None:
    await driven.to_schema(HOUSING)
    await driven.press("down", "down", "down")


async def editing(driven: Drive) -> None:
    await the_schema(driven)
    await driven.press("e")
    await driven.until(lambda: isinstance(driven.app.screen, ColumnEditor))


async def choosing_target(driven: Drive) -> None:
    await the_schema(driven)
    await driven.press("t")
    await driven.until(lambda: isinstance(driven.app.screen, Picker))


async def choosing_split(driven: Drive) -> None:
    await the_schema(driven)
    await driven.press("s")
    await driven.until(lambda: isinstance(driven.app.screen, Picker))


async def bad_lines(driven: Drive) -> None:
    await the_schema(driven)
    await driven.press("v")
    await driven.until(lambda: isinstance(driven.app.screen, LinesView))


async def first_rows(driven: Drive) -> None:
    await the_schema(driven)
    await driven.press("p")
    await driven.until(lambda: isinstance(driven.app.screen, PreviewView))


async def manual(driven: Drive) -> None:
    await load(driven)
    await driven.press("down", "enter")
    await driven.at(State.AWAITING_SCHEMA_INPUT)
    await driven.type("target: price\nfeatures: area")


async def model(driven: Drive) -> None:
    await driven.to_schema(HOUSING)
    await driven.press("enter")
    await driven.at(State.CONFIGURING_MODEL)


async def bad_value(driven: Drive) -> None:
    await model(driven)
    await driven.press("end", *["backspace"] * 4, *"soon", "down", "enter")
    await driven.until(lambda: "✘" in driven.shown())
    driven.app.clear_notifications()


async def review(driven: Drive) -> None:
    await model(driven)
    await driven.press("enter")
    await driven.until(lambda: isinstance(driven.view, ReviewStep))


async def result(driven: Drive) -> None:
    await review(driven)
    await driven.press("enter")
    await driven.until(lambda: driven.session.state is State.TRAINED and len(driven.app.screen_stack) > 2)
    await driven.press("escape")
    await driven.until(lambda: isinstance(driven.view, ResultStep) and driven.app.screen is driven.screen)


async def predict(driven: Drive) -> None:
    await result(driven)
    await driven.press("p")
    await driven.at(State.PREDICTING)
    await driven.type(str(HOUSING))
    await driven.press("enter")
    await driven.until(lambda: driven.session.prediction is not None and "40 rows" in driven.shown())


async def check_again(driven: Drive) -> None:
    await model(driven)
    await driven.press("escape")
    await driven.at(State.CONFIRMING_SCHEMA)
    await driven.press("escape")
    await driven.at(State.CHOOSING_LOAD_OPTION)
    await driven.until(lambda: "9.4 MB" in driven.shown())


async def failed_run(driven: Drive) -> None:
    await review(driven)
    await driven.press("enter")
    await driven.at(State.ERROR)


def test_source(snap_compare, size) -> None:
    """A file first, then six samples, each with what it holds; no upload. Wide: the six steps on the left."""
    assert picture(snap_compare, size, source)


def test_path_with_suggestions(snap_compare) -> None:
    """The path half typed, below it housing.csv marked."""
    assert picture(snap_compare, SMALL, completing)


def test_path_refused(snap_compare) -> None:
    """The path as typed; below it in red what is wrong, then where and what to do next."""
    assert picture(snap_compare, SMALL, refused)


def test_load(snap_compare, size) -> None:
    """Name, path, size, rows and memory about; load now has the cursor; what later means, in words."""
    assert picture(snap_compare, size, load)


def test_reading(snap_compare) -> None:
    """The last line: reading housing.csv, a bar at 43 %, the row, and that escape cancels."""
    supervisor = Replay()
    supervisor.hold.add(jobs.ReadTable)
    assert picture(snap_compare, SMALL, reading, supervisor)


def test_load_failed(snap_compare) -> None:
    """Back at the path, which is still there; ReadError by name with where and next; c or f8 copies."""
    supervisor = Replay()
    supervisor.fail[jobs.ReadTable] = ErrorReport(
        "ReadError", "The file holds no table.", f"{SHOWN}/{HOUSING}", "Look at its first lines.", "Traceback"
    )
    assert picture(snap_compare, MIDDLE, failed, supervisor)


def test_schema(snap_compare, size) -> None:
    """Target with evidence, task, split; columns with pictures; Year_Sold under the cursor, its warning in words below;
    two lines could not be read. Narrow: note, distinct, missing go in this order."""
    assert picture(snap_compare, size, the_schema)


def test_column_editor(snap_compare) -> None:
    """Kinds on the left with coded integer marked, roles on the right with feature marked; why, above."""
    assert picture(snap_compare, SMALL, editing)


def test_target_picker(snap_compare) -> None:
    """Sale_Price first with 93 % and its reason, then Street, then every other column."""
    assert picture(snap_compare, SMALL, choosing_target)


def test_split_picker(snap_compare) -> None:
    """Random marked; grouped and forward by column; hold-out and folds below."""
    assert picture(snap_compare, SMALL, choosing_split)


def test_bad_lines(snap_compare) -> None:
    """Two rejected lines and a repaired one, with line number and reason; the first in full below."""
    assert picture(snap_compare, MIDDLE, bad_lines)


def test_first_rows(snap_compare) -> None:
    """The first rows; at 60 columns only the first of them."""
    assert picture(snap_compare, MIDDLE, first_rows)


def test_reading_options(snap_compare, size) -> None:
    """The options that mean something for a text, each empty where tabsmith finds it out; what was assumed; the rows."""
    assert picture(snap_compare, size, options)


def test_manual_schema(snap_compare, size) -> None:
    """The text typed, that f9 goes on, and the three forms by example."""
    assert picture(snap_compare, size, manual)


def test_model(snap_compare, size) -> None:
    """Eight fields with their defaults, agent and budget among them; the time has the focus, its words below it."""
    assert picture(snap_compare, size, model)


def test_model_with_a_bad_value(snap_compare) -> None:
    """The time in question: "soon" with what is wrong below it in red."""
    assert picture(snap_compare, MIDDLE, bad_value)


def test_review(snap_compare, size) -> None:
    """Everything on one page, the command line below; the step is Train."""
    assert picture(snap_compare, size, review)


def test_result(snap_compare, size) -> None:
    """The model's id, target, score and hold-out with its interval, and three ways on."""
    assert picture(snap_compare, size, result)


def test_predict(snap_compare, size) -> None:
    """40 rows predicted, where they were written, and what was missing."""
    assert picture(snap_compare, size, predict)


def test_check_again(snap_compare) -> None:
    """Back at Table: Schema and Model are marked to be checked again."""
    assert picture(snap_compare, MIDDLE, check_again)


def test_run_interrupted(snap_compare) -> None:
    """Something went wrong: the worker is gone; resume the run has the cursor."""
    supervisor = Replay()
    supervisor.run_events = lambda spec: (RunStarted(at=NOW, spec=spec, pid=1, attempt=1, version="0"),)

    async def way(driven: Drive) -> None:
        await review(driven)
        await driven.press("enter")
        await driven.until(lambda: len(driven.app.screen_stack) > 2)
        await driven.until(lambda: driven.session.state is State.ERROR)
        while driven.app.screen is not driven.screen:
            await driven.press("escape")
        await driven.at(State.ERROR)

    assert picture(snap_compare, MIDDLE, way, supervisor)
