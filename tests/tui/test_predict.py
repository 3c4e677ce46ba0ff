"""Predict: what is missing is said, errors keep what was typed, and the result says what was written where."""

import pytest

from tabsmith.errors import MissingColumnError, PathNotFoundError
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.results import (
    MatchedColumn,
    ModelScore,
    PredictedFile,
    RowsScore,
    UnreadCell,
    UnreadCells,
    UnreadRow,
)
from tabsmith.runs.jobs import JobFailed, Predicted, Progressed
from tabsmith.tables.info import Preview
from tabsmith_tui.screens.predict import PredictScreen
from tests.tui.stage import FixedStore, IdleSupervisor, model_summary, settle

SIZES = {"120x40": (120, 40), "60x20": (60, 20)}
MODELS = FixedStore(models=(model_summary(1), model_summary(2)))
DONE = Predicted(
    PredictedFile(
        "housing-sale-price-01",
        2_930,
        ("Lot_Area", "Year_Built", "prediction"),
        "/tables/new-predicted.csv",
        missing=("Pool_Area",),
        extra=("Note", "Agent"),
        unparsable=3,
        added=("prediction",),
        matched=(MatchedColumn("Lot_Area", "lot area"),),
        unread=(UnreadCells("Year_Built", 3, (UnreadCell(17, "unknown"), UnreadCell(20, "195x"))),),
        bad_rows=(UnreadRow(44, "line 45: 9 values where 3 are expected"),),
        bad_row_count=1,
        score=RowsScore(
            2_925,
            (ModelScore(get_metric("rmse"), 21_480, 20_900, 22_100),),
            (ModelScore(get_metric("rmse"), 20_110, 19_000, 21_300),),
        ),
    ),
    Preview(
        ("prediction", "Lot_Area", "Year_Built"),
        tuple((f"{180_000 + 731 * row:,}", f"{9_000 + row:,}", str(1960 + row)) for row in range(30)),
    ),
)


def typed(path: str) -> list[str]:
    names = {"/": "slash", ".": "full_stop", "-": "minus"}
    return [names.get(letter, letter) for letter in path]


@pytest.mark.parametrize("size", SIZES)
def test_form(make_app, snap_compare, size: str) -> None:
    """The newest model is chosen, the file was typed, the place to write to stands beside it by itself."""
    app = make_app(MODELS)
    assert snap_compare(app, press=["p", *typed("/tables/new.csv")], terminal_size=SIZES[size])


@pytest.mark.parametrize("size", SIZES)
def test_result(make_app, snap_compare, size: str) -> None:
    """How many rows went where; the column that was missing, those that were not used; the name that was matched, the
    cells and the row that were not understood; the score on these rows beside the test set's; rows."""
    app = make_app(MODELS, supervisor=IdleSupervisor(DONE))
    assert snap_compare(app, press=["p", *typed("/tables/new.csv"), "enter"], terminal_size=SIZES[size])


def test_progress(make_app, snap_compare) -> None:
    """A bar with its share, what is being done, and that esc cancels."""
    app = make_app(MODELS, supervisor=IdleSupervisor(progress=(Progressed(0.4, "2,000 of 5,000 rows"),)))
    assert snap_compare(app, press=["p", *typed("/tables/new.csv"), "enter"])


def test_an_error_names_itself(make_app, snap_compare) -> None:
    """A dialog: the error's name, what happened, where, what to do next; behind it the path is still there."""
    error = PathNotFoundError("There is no such file.", where="/tables/[/nope].csv", next_step="Check the spelling.")
    app = make_app(MODELS, supervisor=IdleSupervisor(JobFailed(error.report())))
    assert snap_compare(app, press=["p", *typed("/tables/new.csv"), "enter"])


async def test_a_failed_prediction_keeps_the_path_and_focuses_it(make_app) -> None:
    error = PathNotFoundError("There is no such file.", where="/tables/new.csv")
    app = make_app(MODELS, supervisor=IdleSupervisor(JobFailed(error.report())))
    async with app.run_test() as pilot:
        app.open_screen("predict", "housing-sale-price-02")
        await settle(pilot)
        await pilot.press(*typed("/tables/new.csv"), "enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, PredictScreen)
        assert screen.query_one("#path").value == "/tables/new.csv"
        assert screen.query_one("#path").line.has_focus
        assert "PathNotFoundError" in str(screen.query_one("#problem").content)


async def test_escape_cancels_a_prediction_and_a_second_one_goes_back(make_app) -> None:
    supervisor = IdleSupervisor()
    app = make_app(MODELS, supervisor=supervisor)
    async with app.run_test() as pilot:
        app.open_screen("predict")
        await settle(pilot)
        await pilot.press(*typed("/tables/new.csv"), "enter")
        await settle(pilot)
        assert [job.out for job in supervisor.jobs] == ["/tables/new-predicted.csv"]
        await pilot.press("escape")
        await settle(pilot)
        assert supervisor.cancelled == 1
        assert "Cancelled" in str(app.screen.query_one("#problem").content)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, PredictScreen)


async def test_what_was_typed_is_there_again_when_the_screen_is_opened_again(make_app) -> None:
    app = make_app(MODELS)
    async with app.run_test() as pilot:
        app.open_screen("predict")
        await settle(pilot)
        await pilot.press(*typed("/tables/new.csv"), "escape")
        app.open_screen("predict")
        await settle(pilot)
        assert app.screen.query_one("#path").value == "/tables/new.csv"
        assert app.screen.query_one("#out").value == "/tables/new-predicted.csv"


async def test_a_file_that_is_there_is_replaced_only_after_a_question(make_app, tmp_path) -> None:
    (tmp_path / "new-predicted.csv").write_text("precious")
    supervisor = IdleSupervisor(DONE)
    app = make_app(MODELS, supervisor=supervisor)
    async with app.run_test() as pilot:
        app.open_screen("predict")
        await settle(pilot)
        app.screen.query_one("#path").line.value = str(tmp_path / "new.csv")
        await settle(pilot)
        await pilot.press("f9")
        await settle(pilot)
        assert supervisor.jobs == []
        await pilot.press("enter")  # the first answer keeps the file
        await settle(pilot)
        assert supervisor.jobs == []
        await pilot.press("f9", "down", "enter")
        await settle(pilot)
        assert [job.out for job in supervisor.jobs] == [str(tmp_path / "new-predicted.csv")]


async def test_without_an_important_column_it_predicts_only_after_a_question(make_app) -> None:
    error = MissingColumnError('The rows lack a column that the model relies on: "Lot_Area".')
    supervisor = IdleSupervisor(JobFailed(error.report()))
    app = make_app(MODELS, supervisor=supervisor)
    async with app.run_test() as pilot:
        app.open_screen("predict")
        await settle(pilot)
        await pilot.press(*typed("/tables/new.csv"), "enter")
        await settle(pilot)
        await pilot.press("enter")  # the first answer does not predict
        await settle(pilot)
        assert [job.allow_missing for job in supervisor.jobs] == [False]
        assert "Lot_Area" in str(app.screen.query_one("#problem").content)
        await pilot.press("f9")
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert [job.allow_missing for job in supervisor.jobs] == [False, False, True]


async def test_with_nothing_typed_the_missing_field_gets_the_focus_and_the_reason(make_app) -> None:
    supervisor = IdleSupervisor()
    app = make_app(FixedStore(), supervisor=supervisor)
    async with app.run_test() as pilot:
        app.open_screen("predict")
        await settle(pilot)
        assert "no model yet" in str(app.screen.query_one("#problem").content)
        await pilot.press("f9")
        await settle(pilot)
        assert "Choose a model" in str(app.screen.query_one("#problem").content)
        assert supervisor.jobs == []
