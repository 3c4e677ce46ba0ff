"""The explore screen: a table is asked, asks back, and keeps its answers."""

from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

import tabsmith
from tabsmith.runs.jobs import AskTable, Job, JobResult, TableAsked, perform_job
from tabsmith.statistics.kept.session import FindingsStore
from tabsmith.statistics.words.asking import ask
from tabsmith.statistics.words.reading import AskBack
from tabsmith.tables.info import TableInfo
from tabsmith_tui.screens.explore import export_answers
from tests.tui.stage import IdleSupervisor, screen_text, settle


class JobsHere(IdleSupervisor):
    """Performs each job at once, in this process."""

    async def job(self, job: Job, on_progress: Any) -> JobResult:
        self.jobs.append(job)
        return perform_job(job, lambda _share, _message: None)


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableInfo:
    lines = ["price,area,city"]
    lines += [f"{1_000 + 37 * row % 613},{50 + row % 13},{('Bern', 'Basel', 'Chur')[row % 3]}" for row in range(60)]
    (tmp_path / "homes.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tabsmith.read_table("homes.csv").info


async def open_on(pilot: Any, table: TableInfo) -> None:
    await settle(pilot)
    pilot.app.open_screen("explore", table)
    await settle(pilot)


async def type_and_enter(pilot: Any, text: str) -> None:
    pilot.app.screen.query_one("#question", Input).value = text
    await pilot.press("enter")
    await settle(pilot)


async def test_an_answer_is_shown_kept_and_there_again(make_app: Any, homes: TableInfo) -> None:
    app = make_app(supervisor=JobsHere())
    async with app.run_test(size=(120, 40)) as pilot:
        await open_on(pilot, homes)
        assert "mean of price by city" in screen_text(app)
        await type_and_enter(pilot, "how many per city?")
        assert "Number of rows for each value of city." in screen_text(app)
        await pilot.press("f6")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        await open_on(pilot, homes)
        assert "★ 1. Number of rows" in screen_text(app)


async def test_a_question_back_is_answered_by_a_number(make_app: Any, homes: TableInfo) -> None:
    supervisor = JobsHere()
    app = make_app(supervisor=supervisor)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_on(pilot, homes)
        await type_and_enter(pilot, "price and area")
        assert "Type a number" in screen_text(app)
        await type_and_enter(pilot, "3")
        assert "Description of price and area." in screen_text(app)
    first, second = supervisor.jobs
    assert isinstance(first, AskTable)
    assert isinstance(second, AskTable)
    assert (first.understood, second.question) == (None, "price and area")
    assert FindingsStore(homes, "local").load().kept[0].question == "price and area"


async def test_escape_cancels_what_is_computed_and_leaves_the_question(make_app: Any, homes: TableInfo) -> None:
    supervisor = IdleSupervisor()
    app = make_app(supervisor=supervisor)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_on(pilot, homes)
        app.screen.query_one("#question", Input).value = "how many per city?"
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("escape")
        await settle(pilot)
        assert supervisor.cancelled == 1
        assert app.screen.query_one("#question", Input).value == "how many per city?"


def test_answers_are_exported_as_text_numbers_and_pictures(homes: TableInfo, tmp_path: Path) -> None:
    store = FindingsStore(homes, "local")
    store.keep("q", ask(homes, "how many per city").findings[0])
    export_answers(store.load(), tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["1.csv", "1.png", "answers.md"]


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_an_answer_with_its_picture(make_app: Any, snap_compare: Any, homes: TableInfo, size: tuple[int, int]) -> None:
    """The plan as a heading, the question, sentences, bars, a table; wide: the answers so far at the left, the latest
    under the cursor. The line to ask in is at the bottom."""
    store = FindingsStore(homes, "local")
    for question in ("mean of price", "how many per city?"):
        store.keep(question, _timeless(ask(homes, question).findings[0]))

    async def walk(pilot: Any) -> None:
        await open_on(pilot, homes)

    assert snap_compare(make_app(), terminal_size=size, run_before=walk)


def test_a_question_back_with_choices(make_app: Any, snap_compare: Any, homes: TableInfo) -> None:
    """What is not clear, in the tone of a warning, and choices by number."""
    reading = AskBack("Is this “price” or “area”?", (), ("mean of price by city", "what is missing?"))

    async def walk(pilot: Any) -> None:
        await open_on(pilot, homes)
        await type_and_enter(pilot, "prce or area")

    assert snap_compare(
        make_app(supervisor=IdleSupervisor(TableAsked(reading))), terminal_size=(80, 24), run_before=walk
    )


def _timeless(findings: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(findings, seconds=0.5)
