"""The dashboard under what is too much: damaged and huge journals, every size, hostile names."""

import msgspec
import pytest
from textual.widgets import Input

from tabsmith.runs.watch import RunWatch
from tabsmith_tui.screens.run import RunScreen
from tabsmith_tui.screens.trial import TrialScreen
from tabsmith_tui.widgets.drawing import Drawing
from tests.stories import journals
from tests.stories.journals import house_prices
from tests.tui.run_stage import append, running, until
from tests.tui.stage import screen_text


async def test_lines_of_the_journal_that_are_damaged_are_counted_on_the_screen(make_app):
    async with running(make_app(), house_prices()) as (pilot, screen, folder):
        with (folder.root / "events.jsonl").open("ab") as file:
            file.write(b'{"event": "torn\n')
        await until(pilot, lambda: screen.live.skipped == 1, "the damaged line")
        assert "1 journal line not understood" in screen_text(pilot.app)


async def test_a_journal_of_100_000_events_leaves_the_keys_alive(make_app):
    story = house_prices()
    folder = journals.write(story.events, story.spec)
    noise = msgspec.json.encode(journals.loop.Noted(at=story.at, message="one of very many")) + b"\n"
    with (folder.root / "events.jsonl").open("ab") as file:
        file.write(noise * 100_000)
    app = make_app()
    read: list[object] = []
    screen = RunScreen(journals.RUN_ID, RunWatch(journals.RUN_ID, app.clock, read.append))
    with folder.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await app.push_screen(screen)
            await until(pilot, lambda: len(screen.live.log) == 500, "the log")
            read.clear()
            last = journals.loop.Noted(at=story.at, message="the very last line")
            append(folder, last)
            await until(pilot, lambda: "the very last line" in screen_text(app), "the last line")
            assert read == [last]  # the whole journal takes seconds to fold; what is new, a moment
            await pilot.press("t")
            assert screen.board.table is screen.board.iterations


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (200, 60), (40, 12)])
async def test_every_size_shows_state_champion_and_a_table(make_app, size):
    async with running(make_app(), house_prices(), size) as (pilot, _, _folder):
        shown = screen_text(pilot.app)
        assert "21,480 ± 310" in shown
        assert "running" in shown
        await pilot.press("t", "down", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrialScreen), "details")


async def test_a_resize_draws_the_plot_anew(make_app):
    async with running(make_app(), house_prices(), (120, 40)) as (pilot, screen, _):
        wide = screen.query_one("#score-plot", Drawing).text
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: screen.query_one("#score-plot", Drawing).text != wide, "another plot")
        assert "RMSE, lower is better" in screen_text(pilot.app)


async def test_hostile_names_are_literal_everywhere_on_the_dashboard(make_app):
    async with running(make_app(), journals.hostile(), (120, 40)) as (pilot, screen, _):
        assert "[/nope]" in screen_text(pilot.app)
        for table in (screen.board.leaderboard, screen.board.iterations):
            table.focus()
            for _ in range(table.count):
                await pilot.press("down")
            await pilot.press("d")
            await until(pilot, lambda: isinstance(pilot.app.screen, TrialScreen), "details")
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")
        await pilot.press("slash")
        screen.query_one(Input).value = "[/nope]"
        await until(pilot, lambda: 'with "[/nope]"' in screen_text(pilot.app), "the filter")
        shown = screen_text(pilot.app)
        assert not any(character in shown for character in "\x1b\x07\x9b\x9d\u202e\u2066\x00\x7f")
