"""The schema, confirmed and changed by keys, or given in words, over answers recorded from the reader."""

from pathlib import Path

import pytest

from tabsmith.runs import jobs
from tabsmith.runs.spec import Deferred
from tabsmith.tables.schema.types import ManualSchema
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.states import State
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens.column_dialogs import ColumnEditor, Picker, SplitPicker
from tabsmith_tui.screens.table_views import LinesView, PreviewView
from tabsmith_tui.widgets.schema_table import SchemaTable
from tabsmith_tui.widgets.steps.train import ReviewStep
from tests.tui.guided_drive import drive, guided_app
from tests.tui.guided_stage import Replay, column, schema, table


@pytest.fixture
def housing(tmp_path: Path) -> Path:
    """A file; what is in it comes from the recording."""
    file = tmp_path / "housing.csv"
    file.write_text("Order,Sale_Price\n1,2\n")
    return file


def app(supervisor: Replay, housing: Path) -> TabsmithApp:
    return guided_app(supervisor, allowed=(housing.parent,))


async def test_a_columns_kind_and_role_are_edited(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("down", "e")
        await driven.until(lambda: isinstance(driven.app.screen, ColumnEditor))
        await driven.press("down", "enter", "down", "enter")
        await driven.until(lambda: driven.app.screen is driven.screen and driven.session.edits.roles != {})
        line = driven.session.schema.column("MS_Zoning")
        assert (line.kind, line.role) == ("boolean", "ignore")
        table_widget = driven.view.query_one(SchemaTable)
        await driven.until(lambda: table_widget.current.role == "ignore")
        await driven.press("space")
        await driven.until(lambda: driven.session.schema.column("MS_Zoning").role == "feature")


async def test_another_target_is_chosen_from_the_candidates(housing: Path) -> None:
    supervisor = Replay()
    async with drive(app(supervisor, housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("t")
        await driven.until(lambda: isinstance(driven.app.screen, Picker))
        await driven.press(*"str", "enter")
        await driven.until(lambda: driven.session.schema.target == "Street")
        await driven.until(lambda: "two classes" in driven.shown())
    assert any(isinstance(job, jobs.DetectSchema) and job.target == "Street" for job in supervisor.jobs)


async def test_looking_for_another_target_can_be_cancelled_and_keeps_the_old_one(housing: Path) -> None:
    supervisor = Replay()
    supervisor.hold.add(jobs.DetectSchema)
    async with drive(app(supervisor, housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("t")
        await driven.until(lambda: isinstance(driven.app.screen, Picker))
        await driven.press("down", "enter")
        await driven.until(lambda: "for the target Street" in driven.shown())
        await driven.press("escape")
        await driven.until(lambda: len(supervisor.cancelled) == 1)
        await driven.until(lambda: driven.session.waiting is None)
        assert driven.session.state is State.CONFIRMING_SCHEMA
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        assert driven.session.schema.target == "Sale_Price"


async def test_the_split_is_chosen(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("s")
        await driven.until(lambda: isinstance(driven.app.screen, SplitPicker))
        await driven.press(*"year", "down", "enter")
        await driven.until(lambda: driven.session.edits.split is not None)
        split = driven.session.schema.split
        assert (split.kind, split.by, split.holdout) == ("forward", "Year_Sold", 0.2)


async def test_bad_lines_and_first_rows_can_be_seen(housing: Path) -> None:
    supervisor = Replay()
    async with drive(app(supervisor, housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("v")
        await driven.until(lambda: isinstance(driven.app.screen, LinesView))
        assert "no closing quote" in driven.shown()
        await driven.press("escape", "p")
        await driven.until(lambda: isinstance(driven.app.screen, PreviewView))
        assert "150731" in driven.shown()
        await driven.press("escape")
    assert sum(isinstance(job, jobs.ReadTable) for job in supervisor.jobs) == 1


async def test_the_wrong_table_is_rejected_and_another_path_asked_for(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.to_schema(housing)
        await driven.press("r")
        await driven.at(State.AWAITING_FILE_PATH)
        assert driven.path_typed == str(housing)


@pytest.mark.parametrize(
    "text",
    [
        "target: price\nfeatures: area, rooms",
        '{"target": "price", "features": ["area", "rooms"]}',
        "price, area, rooms",
    ],
    ids=["lines", "json", "list"],
)
async def test_a_deferred_table_is_described_in_words_and_not_read(housing: Path, text: str) -> None:
    supervisor = Replay()
    async with drive(app(supervisor, housing)) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("down", "enter")
        await driven.at(State.AWAITING_SCHEMA_INPUT)
        await driven.type(text)
        await driven.press("f9")
        await driven.at(State.CONFIGURING_MODEL)
        await driven.press("enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        assert not any(isinstance(job, jobs.ReadTable) for job in supervisor.jobs)
        await driven.press("enter")
        await driven.until(lambda: supervisor.started != [])
    assert supervisor.started[0].schema == Deferred(ManualSchema("price", ("area", "rooms")))


async def test_a_schema_in_no_form_is_refused_with_what_each_form_lacks(housing: Path) -> None:
    async with drive(app(Replay(), housing)) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("down", "enter")
        await driven.at(State.AWAITING_SCHEMA_INPUT)
        await driven.type('{"target": ')
        await driven.press("f9")
        await driven.until(lambda: driven.session.problems != () and "✘" in driven.shown())
        shown = " ".join(driven.shown().split())
        assert "JSON" in shown
        assert "simple list" in shown
        assert driven.session.draft(FieldName.SCHEMA) == '{"target": '


async def test_no_target_leads_to_the_choice_of_one(housing: Path) -> None:
    supervisor = Replay(schema_of=lambda target: schema("" if target == "Sale_Price" else target))
    async with drive(app(supervisor, housing)) as driven:
        await driven.to_schema(housing)
        assert "none found" in driven.shown()
        await driven.press("enter")
        await driven.until(lambda: isinstance(driven.app.screen, Picker))
        await driven.press(*"street", "enter")
        await driven.until(lambda: driven.session.schema.target == "Street")
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)


async def test_thousands_of_columns_are_narrowed_down_by_typing(housing: Path) -> None:
    from tabsmith.tables.profile.types import TableProfile
    from tabsmith.tables.schema.types import ColumnSchema

    names = [f"sensor_{number:05}" for number in range(8_000)]
    many = (
        *(ColumnSchema(name, "numeric", "feature", "numbers") for name in names),
        ColumnSchema("Sale_Price", "numeric", "target", "price"),
    )
    profile = TableProfile(2_930, tuple(column(each.name) for each in many))
    supervisor = Replay(lambda source: table(source, profile=profile), lambda target: schema(target, many))
    async with drive(app(supervisor, housing)) as driven:
        await driven.to_schema(housing)
        table_widget = driven.view.query_one(SchemaTable)
        assert table_widget.count == 8_001
        await driven.press("end")
        assert table_widget.current.name == "Sale_Price"
        assert "Sale_Price" in driven.shown()
        await driven.press("slash", *"or_0777")
        await driven.until(lambda: table_widget.count == 10)
        await driven.press("enter", "down")
        assert table_widget.current.name == "sensor_07771"
        await driven.press("slash", "escape")
        await driven.until(lambda: table_widget.count == 8_001)
        assert driven.session.state is State.CONFIRMING_SCHEMA
