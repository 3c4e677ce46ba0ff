"""The dialog that says how a table is read: its effect at once, and the table read again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tabsmith.runs import jobs
from tabsmith.tables.read.sources import FileSource, ReadOptions
from tabsmith.workflow.states import State
from tabsmith_tui.screens.reading import OptionRow, ReadingDialog
from tabsmith_tui.widgets.fields import TypedLine
from tests.tui.guided_drive import Drive, drive, guided_app
from tests.tui.guided_stage import Replay

PATIENCE = 60.0


class Performing(Replay):
    """Performs the jobs in a thread of this process, as the fork server's children do in theirs."""

    async def job(self, job: jobs.Job, on_progress: Callable[[jobs.Progressed], None]) -> jobs.JobResult:
        self.jobs.append(job)
        return await asyncio.to_thread(jobs.perform_job, job, lambda _share, _message: None)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text("area,price\n" + "".join(f"{20 + n},{1000 + 31 * n}\n" for n in range(40)))
    return path


def dialog(driven: Drive) -> ReadingDialog:
    screen = driven.app.screen
    assert isinstance(screen, ReadingDialog)
    return screen


async def previewed(driven: Drive, *words: str) -> None:
    """Wait until the dialog shows these words."""
    await driven.until(lambda: all(word in driven.shown() for word in words), f"{words} in the dialog", PATIENCE)


async def put(driven: Drive, option: str, text: str) -> None:
    dialog(driven).query_one(f"#option-{option}", OptionRow).query_one(TypedLine).focus()
    await driven.pilot.pause()
    await driven.type(text)


async def test_an_option_shows_its_effect_and_is_how_the_table_is_loaded(prices: Path) -> None:
    async with drive(guided_app(Performing()), size=(120, 40)) as driven:
        await driven.give_path(prices)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("o")
        await driven.until(lambda: isinstance(driven.app.screen, ReadingDialog), "the dialog")
        await previewed(driven, "header: line 1", "area")
        await put(driven, "header", "none")
        await previewed(driven, "no header", "column_1")
        await driven.press("f9")
        await driven.until(lambda: driven.app.screen is driven.screen, "the step again")
        assert driven.session.source == FileSource(str(prices), options=ReadOptions(header=0))
        assert driven.session.state is State.CHOOSING_LOAD_OPTION
        await driven.press("enter")
        await driven.until(lambda: driven.session.state is State.CONFIRMING_SCHEMA, "the schema", PATIENCE)
        assert driven.session.table is not None
        assert driven.session.table.rows == 41
        await driven.at(State.CONFIRMING_SCHEMA)
        assert "no header" in driven.shown()


async def test_what_cannot_be_is_said_beside_its_field_and_escape_changes_nothing(prices: Path) -> None:
    async with drive(guided_app(Performing()), size=(120, 40)) as driven:
        await driven.give_path(prices)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("o")
        await driven.until(lambda: isinstance(driven.app.screen, ReadingDialog), "the dialog")
        await put(driven, "encoding", "utf-9")
        await driven.press("f9")
        await previewed(driven, "the name of an encoding")
        assert isinstance(driven.app.screen, ReadingDialog)
        await driven.press("escape")
        await driven.until(lambda: driven.app.screen is driven.screen, "the step again")
        assert driven.session.source == FileSource(str(prices))


async def test_a_table_that_was_loaded_is_read_again_in_another_way(prices: Path) -> None:
    async with drive(guided_app(Performing()), size=(120, 40)) as driven:
        await driven.give_path(prices)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await driven.until(lambda: driven.session.state is State.CONFIRMING_SCHEMA, "the schema", PATIENCE)
        await driven.at(State.CONFIRMING_SCHEMA)
        await driven.press("o")
        await driven.until(lambda: isinstance(driven.app.screen, ReadingDialog), "the dialog")
        await put(driven, "columns", "size,cost")
        await previewed(driven, "size", "cost")
        await driven.press("f9")
        await driven.until(lambda: driven.app.screen is driven.screen, "the step again")
        await driven.until(
            lambda: driven.session.table is not None and driven.session.table.profile.columns[0].name == "size",
            "the table with its new names",
            PATIENCE,
        )
        assert driven.session.state is State.CONFIRMING_SCHEMA
