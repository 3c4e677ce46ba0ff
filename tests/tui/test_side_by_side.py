"""Several runs side by side: marked in the list, live in columns, opened from there."""

import contextlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tabsmith.presentation.spans import plain_text
from tabsmith.runs.events import RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith_tui.screens.run import RunScreen
from tabsmith_tui.screens.runs import RunsScreen
from tabsmith_tui.screens.side_by_side import RunColumn, SideBySideScreen
from tabsmith_tui.views.run_column import run_column
from tests.stories import agent_journals, journals
from tests.stories.agent_story import USED, AgentStory, asked_for
from tests.stories.hostile import MARKS
from tests.stories.journals import Story
from tests.tui.run_stage import append, until, worker_alive
from tests.tui.stage import NOW, FixedStore, run_summary, screen_text, settle

SIZES = {"middle": (80, 24), "large": (120, 40)}


def four() -> list[Story]:
    """A run that improves, one in which search has taken over, one without an agent, one whose prices are unknown."""
    improving, handed_over = agent_journals.improving(), agent_journals.handed_over()
    plain = journals.house_prices().end(journals.price_report())
    unpriced = AgentStory(asked_for("llm"))
    unpriced.begin()
    used = msgspec.structs.replace(USED, cost=Decimal(0), unpriced=1)
    unpriced.improve(journals.LINEAR, "ridge", 31_900, 820, wins=True, usage=used)
    return [improving, handed_over, plain, unpriced]


def put(stories: Sequence[Story]) -> list[RunFolder]:
    """Each story as a run of its own."""
    folders = []
    for number, story in enumerate(stories, 1):
        spec = msgspec.structs.replace(story.spec, id=f"20261120-14000{number}-7f3a0{number}")
        started = msgspec.structs.replace(story.events[0], spec=spec)  # type: ignore[call-overload]
        folders.append(journals.write([started, *story.events[1:]], spec))
    return folders


@contextlib.contextmanager
def at_work(folders: Sequence[RunFolder]) -> Any:
    """All of them have a worker."""
    with contextlib.ExitStack() as held:
        for folder in folders:
            held.enter_context(worker_alive(folder))
        yield


async def test_two_runs_are_marked_in_the_list_and_opened_side_by_side(make_app) -> None:
    folders = put(four())
    store = FixedStore(
        runs=tuple(msgspec.structs.replace(run_summary(1, RunState.DONE), id=each.id) for each in folders)
    )
    app = make_app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("v", "space")
        assert isinstance(app.screen, RunsScreen)
        assert "1 marked" in screen_text(app)
        await pilot.press("down", "space", "down", "space", "space", "v")
        await until(pilot, lambda: isinstance(app.screen, SideBySideScreen), "the columns")
        assert app.screen.shown == (folders[0].id, folders[1].id)
        await pilot.press("escape")
        await settle(pilot)
        assert app.screen.marked == [folders[0].id, folders[1].id]


async def test_a_fifth_run_is_not_marked(make_app) -> None:
    app = make_app(FixedStore(runs=tuple(run_summary(number, RunState.DONE) for number in range(1, 7))))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        for _ in range(5):
            await pilot.press("space", "down")
        assert len(app.screen.marked) == 4
        await pilot.press("up", "space")


@pytest.mark.parametrize(("width", "columns"), [(60, 1), (80, 2), (120, 3), (160, 4)])
async def test_as_many_columns_are_shown_as_there_is_room_for(make_app, width: int, columns: int) -> None:
    folders = put(four())
    app = make_app()
    with at_work(folders):
        async with app.run_test(size=(width, 24)) as pilot:
            screen = SideBySideScreen([each.id for each in folders])
            await app.push_screen(screen)
            await until(pilot, lambda: "RMSE" in screen_text(app), "the runs")
            assert len(screen.shown) == columns
            await pilot.press(*["right"] * 3)
            await until(pilot, lambda: screen.shown[-1] == folders[3].id, "the last column")
            assert len(screen.shown) == columns
            await pilot.press(*["left"] * 3)
            await until(pilot, lambda: screen.shown[0] == folders[0].id, "the first column")


async def test_a_column_follows_its_run_and_enter_opens_it(make_app) -> None:
    folders = put(four()[:2])
    app = make_app()
    with at_work(folders):
        async with app.run_test(size=(120, 40)) as pilot:
            screen = SideBySideScreen([each.id for each in folders])
            await app.push_screen(screen)
            await until(pilot, lambda: "fold 3/5" in screen_text(app), "the runs")
            more = AgentStory()
            more.events, more.at, more.iteration = [], journals.START + 300, 8
            more.measure(journals.CAT, 20_900, 330).crown(journals.CAT, 20_900, 330)
            append(folders[0], *more.events)
            await until(pilot, lambda: "20,900 ± 330" in screen.query(RunColumn).first().text, "the score")
            await pilot.press("right", "enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")
            assert app.screen.run_id == folders[1].id


async def test_a_run_taken_away_leaves_the_others_and_one_that_is_gone_says_so(make_app) -> None:
    folders = put(four()[:2])
    app = make_app()
    with at_work(folders):
        async with app.run_test(size=(120, 40)) as pilot:
            screen = SideBySideScreen([folders[0].id, "20261120-140009-nobody", folders[1].id])
            await app.push_screen(screen)
            await until(pilot, lambda: "There is no run" in screen_text(app), "the problem")
            await pilot.press("right", "delete")
            await until(pilot, lambda: len(screen.shown) == 2, "two columns")
            assert screen.shown == (folders[0].id, folders[1].id)


def lines_of(snapshot: RunSnapshot, width: int = 36, height: int = 30) -> str:
    return plain_text(run_column(snapshot, NOW, width, height))


def test_a_column_says_who_proposes_what_it_cost_and_why_another_took_over() -> None:
    improving, handed_over, plain, unpriced = (story.snapshot for story in four())
    assert "claude-code" in lines_of(improving)
    assert "$0.28" in lines_of(improving)
    assert "of $2.00" in lines_of(improving)
    assert "! for claude-code: 3 failures in a" in lines_of(handed_over)
    assert "no tokens" in lines_of(plain)
    assert "$" not in lines_of(plain)
    assert "price unknown" in lines_of(unpriced)
    assert "$0 " not in lines_of(unpriced)


@pytest.mark.parametrize(("width", "height"), [(36, 18), (36, 34), (56, 34), (20, 5), (1, 1)])
def test_a_column_keeps_to_its_size_also_with_hostile_names(width: int, height: int) -> None:
    for story in (*four(), agent_journals.hostile_agent(), Story()):
        made = run_column(story.snapshot, NOW, width, height)
        assert len(made) <= height
        assert not any(mark in plain_text(made).encode() for mark in MARKS)


@pytest.mark.parametrize("size", SIZES)
def test_columns(snap_compare, make_app, size: str) -> None:
    """Two or three columns, the first with the focus; in the same lines: pill and time, table, metric, champion, agent
    with tokens and cost, limits, plot, the last iterations; the second one says why search proposes."""
    folders = put(four())

    async def before(pilot: Any) -> None:
        screen = SideBySideScreen([each.id for each in folders])
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: all("RMSE" in each.text for each in screen.query(RunColumn) if each.display), "runs")
        await pilot.pause()

    with at_work(folders):
        assert snap_compare(make_app(), terminal_size=SIZES[size], run_before=before)
