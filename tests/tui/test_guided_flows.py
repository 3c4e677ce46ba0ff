"""The guided steps, driven by keys from a table to a result and back, over answers recorded from the reader."""

from pathlib import Path

import pytest

from tabsmith.errors import ErrorReport, WorkerError
from tabsmith.runs import jobs
from tabsmith.runs.events import RunEnded, RunStarted
from tabsmith.runs.spec import Confirmed
from tabsmith.tables.read.sources import FileSource, SampleSource
from tabsmith.workflow.session import FieldName, SessionNoticeKind
from tabsmith.workflow.states import GuidedStep, State, StepMark
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens.dialogs import QuestionScreen
from tabsmith_tui.screens.table_views import PreviewView
from tabsmith_tui.widgets.steps.base import FormRow
from tabsmith_tui.widgets.steps.result import PredictStep
from tabsmith_tui.widgets.steps.train import ReviewStep
from tests.tui.guided_drive import Drive, drive, guided_app
from tests.tui.guided_stage import Replay
from tests.tui.stage import NOW


@pytest.fixture
def housing(tmp_path: Path) -> Path:
    """A file; what is in it comes from the recording."""
    file = tmp_path / "housing.csv"
    file.write_text("Order,Sale_Price\n1,2\n")
    return file


def app(supervisor: Replay, housing: Path) -> TabsmithApp:
    return guided_app(supervisor, allowed=(housing.parent,))


async def to_review(driven: Drive, housing: Path) -> None:
    await driven.to_schema(housing)
    await driven.press("enter")
    await driven.at(State.CONFIGURING_MODEL)
    await driven.press("enter")
    await driven.until(lambda: isinstance(driven.view, ReviewStep), "the page before training")


async def test_a_sample_is_trained_by_enter_alone(tmp_path: Path) -> None:
    supervisor = Replay()
    async with drive(guided_app(supervisor)) as driven:
        await driven.at(State.CHOOSING_DATA_SOURCE)
        await driven.press("down", "enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await driven.at(State.CONFIRMING_SCHEMA)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        await driven.press("enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        await driven.press("enter")
        await driven.until(lambda: driven.session.state is State.TRAINED)
    assert supervisor.started[0].source == SampleSource("iris")
    assert isinstance(supervisor.started[0].schema, Confirmed)


async def test_a_file_is_loaded_accepted_trained_and_its_result_shown(housing: Path) -> None:
    supervisor = Replay()
    async with drive(app(supervisor, housing)) as driven:
        await to_review(driven, housing)
        assert "tabsmith train" in driven.view.to_copy()
        await driven.press("enter")
        await driven.until(lambda: driven.session.state is State.TRAINED)
        assert driven.app.newest_model == "housing-sale-price-01"
        while driven.app.screen is not driven.screen:  # the run's own screen lies above
            await driven.press("escape")
        await driven.at(State.TRAINED)
        shown = driven.shown()
        assert "21,480" in shown
        assert "21,930" in shown
        await driven.press("n")
        await driven.at(State.CHOOSING_DATA_SOURCE)
    spec = supervisor.started[0]
    assert spec.source == FileSource(str(housing))
    assert spec.schema.accepted.target == "Sale_Price"


async def test_a_pasted_path_is_understood_with_quotes_and_as_a_file_url(housing: Path) -> None:
    for pasted in (f"'{housing}'", f"file://{housing}", f"  {housing}  "):
        async with drive(app(Replay(), housing)) as driven:
            await driven.give_path(pasted)
            await driven.at(State.CHOOSING_LOAD_OPTION)
            assert driven.session.source == FileSource(str(housing))
            await driven.press("f7", "down", "enter")
            await driven.until(lambda: len(driven.app.screen_stack) == 1)


async def test_a_path_is_completed_with_tab_and_taken_from_the_list(housing: Path) -> None:
    (housing.parent / "houses").mkdir()
    async with drive(app(Replay(), housing)) as driven:
        await driven.press("enter")
        await driven.at(State.AWAITING_FILE_PATH)
        await driven.type(f"{housing.parent}/h")
        await driven.press("tab")
        assert driven.path_typed == f"{housing.parent}/hous"
        assert "housing.csv" in driven.shown()
        await driven.press("down", "enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        assert driven.session.source == FileSource(str(housing))


async def test_a_refused_path_says_why_beside_the_field_and_keeps_it(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.give_path(housing.parent / "hosing.csv")
        await driven.until(lambda: driven.session.problems != ())
        await driven.until(lambda: "✘" in driven.shown())
        assert driven.session.state is State.AWAITING_FILE_PATH
        assert driven.path_typed.endswith("hosing.csv")
        assert "next" in driven.shown()


async def test_what_loading_costs_is_shown_before_it_is_done(housing: Path) -> None:
    supervisor = Replay()
    async with drive(app(supervisor, housing)) as driven:
        await driven.give_path(housing)
        await driven.until(lambda: "about 2,930" in driven.shown())
        assert "9.4 MB" in driven.shown()
        assert not any(isinstance(job, jobs.ReadTable) for job in supervisor.jobs)


async def test_a_load_failure_is_shown_by_its_name_and_returns_to_the_path(housing: Path) -> None:
    supervisor = Replay()
    supervisor.fail[jobs.ReadTable] = ErrorReport(
        "ReadError", "The file holds no table.", str(housing), "Look at its first lines.", "Traceback: real"
    )
    async with drive(app(supervisor, housing)) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await driven.at(State.AWAITING_FILE_PATH)
        shown = driven.shown()
        assert "The file holds no table." in shown
        assert "ReadError" in shown
        assert "Look at its first lines." in shown
        assert driven.path_typed == str(housing)
        assert "Traceback: real" in driven.view.to_copy()
        supervisor.fail.clear()
        await driven.press("enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)


async def test_reading_shows_how_far_it_is_and_escape_ends_it(housing: Path) -> None:
    supervisor = Replay()
    supervisor.hold.add(jobs.ReadTable)
    async with drive(app(supervisor, housing)) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await driven.until(lambda: "43%" in driven.shown())
        assert "reading housing.csv" in driven.shown()
        await driven.press("escape")
        await driven.at(State.AWAITING_FILE_PATH)
        await driven.until(lambda: len(supervisor.cancelled) == 1)
        assert driven.path_typed == str(housing)
        assert "43%" not in driven.shown()


async def test_next_goes_to_the_first_bad_value_and_says_why(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        await driven.press("end", "backspace", "backspace", "backspace", "backspace", *"soon")
        await driven.press("down", "down", "enter")
        await driven.until(lambda: "✘" in driven.shown())
        assert "is not a time" in driven.shown()
        assert not isinstance(driven.view, ReviewStep)
        assert driven.app.focused.value == "soon"
        await driven.press(*["backspace"] * 4, *"90", "enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        assert "--time 90" in driven.view.to_copy()


async def test_what_is_typed_takes_the_place_of_the_words_for_no_limit(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        row = next(row for row in driven.view.query(FormRow) if row.field.name is FieldName.ITERATIONS)
        assert row.value == "no limit"
        row.entry.focus()
        await driven.press("1", "2")
        assert row.value == "12"
        await driven.press("enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep), "the page before training")
        assert driven.session.draft(FieldName.ITERATIONS) == "12"


async def test_going_back_erases_nothing_and_marks_later_steps(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await to_review(driven, housing)
        await driven.press("escape")
        await driven.until(lambda: not isinstance(driven.view, ReviewStep))
        await driven.press("down", "right", "escape")
        await driven.at(State.CONFIRMING_SCHEMA)
        await driven.press("escape")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("escape")
        await driven.at(State.AWAITING_FILE_PATH)
        marks = {line.step: line.mark for line in driven.view.form.steps}
        assert marks[GuidedStep.SCHEMA] is StepMark.CHECK_AGAIN
        assert marks[GuidedStep.MODEL] is StepMark.CHECK_AGAIN
        assert "check again" in driven.shown()
        assert driven.path_typed == str(housing)
        await driven.press("escape", "escape")
        await driven.until(lambda: len(driven.app.screen_stack) == 1)
    async with drive(app(Replay(), housing), resume=True) as driven:
        assert driven.session.draft(FieldName.METRIC) == "rmse"


async def test_a_click_on_a_done_step_goes_back_to_it(housing: Path) -> None:
    async with drive(app(Replay(), housing), size=(120, 40)) as driven:
        await driven.to_schema(housing)
        await driven.pilot.click("StepList", offset=(3, 0))
        await driven.until(lambda: driven.session.state is State.AWAITING_FILE_PATH)


async def test_giving_up_asks_first(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("f7")
        await driven.until(lambda: isinstance(driven.app.screen, QuestionScreen))
        await driven.press("enter")
        await driven.until(lambda: driven.app.screen is driven.screen)
        assert driven.session.state is State.CONFIRMING_SCHEMA
        await driven.press("f7")
        await driven.until(lambda: isinstance(driven.app.screen, QuestionScreen))
        await driven.press("down", "enter")
        await driven.until(lambda: len(driven.app.screen_stack) == 1)
    async with drive(app(Replay(), housing), resume=True) as driven:
        await driven.at(State.CHOOSING_DATA_SOURCE)
        assert driven.session.source is None


async def test_every_state_is_there_again_after_the_program_is_gone(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.press("enter")
        await driven.at(State.AWAITING_FILE_PATH)
        await driven.type(str(housing)[:-3])
    async with drive(app(Replay(), housing), resume=True) as driven:
        await driven.at(State.AWAITING_FILE_PATH)
        assert driven.path_typed == str(housing)[:-3]
        await driven.press(*"csv", "enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)
    async with drive(app(Replay(), housing), resume=True) as driven:
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await driven.at(State.CONFIRMING_SCHEMA)
    supervisor = Replay()
    async with drive(app(supervisor, housing), resume=True) as driven:
        await driven.at(State.CONFIRMING_SCHEMA)
        await driven.press("p")
        await driven.until(lambda: isinstance(driven.app.screen, PreviewView))
        assert isinstance(supervisor.jobs[-1], jobs.ReadTable)
        await driven.press("escape", "enter")
        await driven.at(State.CONFIGURING_MODEL)
    supervisor = Replay()
    supervisor.run_events = lambda spec: (RunStarted(at=NOW, spec=spec, pid=1, attempt=1, version="0"),)
    async with drive(app(supervisor, housing), resume=True) as driven:
        await driven.at(State.CONFIGURING_MODEL)
        await driven.press("enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        await driven.press("enter")
        await driven.until(lambda: driven.session.state in (State.TRAINING, State.ERROR))
    supervisor = Replay()
    async with drive(app(supervisor, housing), resume=True) as driven:  # no worker lives: the run was interrupted
        await driven.at(State.ERROR)
        assert "interrupted" in driven.shown()
        await driven.press("enter")
        await driven.until(lambda: supervisor.started == [driven.session.run_id])


async def test_a_file_that_changed_or_went_is_told_on_coming_back(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
    housing.write_text("Order,Sale_Price\n1,2\n3,4\n")
    async with drive(app(Replay(), housing), resume=True) as driven:
        await driven.at(State.CHOOSING_LOAD_OPTION)
        assert "has changed" in " ".join(driven.shown().split())
        await driven.press("enter")
        await driven.at(State.CONFIRMING_SCHEMA)
    housing.unlink()
    async with drive(app(Replay(), housing), resume=True) as driven:
        await driven.at(State.AWAITING_FILE_PATH)
        assert "can no longer be read" in " ".join(driven.shown().split())
        assert driven.path_typed == str(housing)


async def test_beginning_anew_asks_what_is_to_become_of_the_session_at_hand(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
    async with drive(app(Replay(), housing)) as driven:
        await driven.until(lambda: isinstance(driven.app.screen, QuestionScreen))
        await driven.press("down", "enter")
        await driven.at(State.CHOOSING_DATA_SOURCE)
        assert driven.session.source is None


async def test_a_run_that_cannot_start_is_shown_with_a_way_to_try_again(housing: Path) -> None:
    supervisor = Replay()
    supervisor.run_fails = WorkerError("No worker could be started.", next_step="Look at the memory.")
    async with drive(app(supervisor, housing)) as driven:
        await to_review(driven, housing)
        await driven.press("enter")
        await driven.at(State.ERROR)
        assert "No worker could be started." in driven.shown()
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)


async def test_a_run_stopped_without_a_model_comes_back_to_the_model_step(housing: Path) -> None:
    supervisor = Replay()
    supervisor.run_events = lambda spec: (
        RunStarted(at=NOW, spec=spec, pid=1, attempt=1, version="0"),
        RunEnded(at=NOW, outcome="cancelled", exit_reason="user", active_seconds=1.0),
    )
    async with drive(app(supervisor, housing)) as driven:
        await to_review(driven, housing)
        await driven.press("enter")
        await driven.until(lambda: driven.session.state is State.CONFIGURING_MODEL)
        assert any(notice.kind is SessionNoticeKind.RUN_STOPPED for notice in driven.session.notices)


async def test_new_rows_are_predicted_with_what_was_missing_said(housing: Path) -> None:
    supervisor = Replay()
    async with drive(app(supervisor, housing)) as driven:
        await to_review(driven, housing)
        await driven.press("enter")
        await driven.until(lambda: driven.session.state is State.TRAINED)
        while driven.app.screen is not driven.screen:
            await driven.press("escape")
        await driven.at(State.TRAINED)
        await driven.press("p")
        await driven.until(lambda: isinstance(driven.view, PredictStep))
        await driven.type(str(housing))
        await driven.press("enter")
        await driven.until(lambda: driven.session.prediction is not None and "40 rows" in driven.shown())
        assert "treated as missing" in driven.shown()
        assert "3 cells" in driven.shown()
