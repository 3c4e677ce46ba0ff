"""The dashboard driven by keys and mouse over real journals: live, paused, dead, ended, replayed."""

import msgspec
import pytest
from textual.widgets import Input

from tabsmith.orchestration import events as loop
from tabsmith.runs import events as run
from tabsmith.runs.events import Pause, Resume, RunState, SetLimit, Stop, TryRecipe
from tabsmith.runs.spec import Limits
from tabsmith_tui.screens.dialogs import ErrorScreen, QuestionScreen
from tabsmith_tui.screens.recipe_dialog import FamilyRow, ParameterRow, RecipeDialog
from tabsmith_tui.screens.result import ResultScreen
from tabsmith_tui.screens.run import RunScreen
from tabsmith_tui.screens.trial import TrialScreen
from tabsmith_tui.store import Store
from tabsmith_tui.widgets.ask_bar import AskBar
from tests.stories import journals
from tests.stories.journals import Story, house_prices, price_report
from tests.tui.run_stage import append, running, until
from tests.tui.stage import FixedStore, IdleSupervisor, screen_text


def sent(folder) -> list[object]:
    """The commands that reached the worker, without their time."""
    return [msgspec.structs.replace(command, at=0.0) for command in folder.commands().read().values]


async def test_what_the_worker_writes_appears_without_a_key(make_app):
    story = house_prices()
    async with running(make_app(), story) as (pilot, screen, folder):
        assert "9 tries" in screen_text(pilot.app)
        before = len(story.events)
        story.score(journals.BOOST, "a better one", 19_900, 250, wins=True)
        append(folder, *story.events[before:])
        await until(pilot, lambda: "19,900" in screen_text(pilot.app), "the new champion")
        assert screen.live.champion == 13


async def test_the_run_is_drawn_again_only_when_it_has_changed(make_app):
    async with running(make_app(), house_prices()) as (pilot, screen, _):
        first = screen.live
        shown: list[object] = []
        screen.board.leaderboard.show = shown.append
        for _ in range(5):
            screen.take(screen.live)
        await pilot.pause(0.3)
        assert screen.live is first
        assert shown == []


async def test_space_pauses_and_goes_on(make_app):
    story = house_prices()
    async with running(make_app(Store()), story) as (pilot, screen, folder):
        await pilot.press("space")
        await until(pilot, lambda: sent(folder) == [Pause()], "the command")
        assert "pause asked for" in screen_text(pilot.app)
        append(folder, story.pause().events[-1])
        await until(pilot, lambda: screen.live.state is RunState.PAUSED)
        assert "‖ paused" in screen_text(pilot.app)
        await pilot.press("space")
        await until(pilot, lambda: sent(folder)[-1] == Resume(), "the command")


async def test_x_stops_after_the_iteration_and_shows_stopping_at_once(make_app):
    async with running(make_app(Store()), house_prices()) as (pilot, _, folder):
        await pilot.press("x")
        assert "stopping" in screen_text(pilot.app)
        assert "stops after this iteration" in screen_text(pilot.app)
        await until(pilot, lambda: sent(folder) == [Stop(when="after iteration")], "the command")


async def test_stop_now_asks_first_and_the_harmless_answer_has_the_cursor(make_app):
    async with running(make_app(Store()), house_prices()) as (pilot, screen, folder):
        await pilot.press("X")
        assert isinstance(pilot.app.screen, QuestionScreen)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")
        assert sent(folder) == []
        await pilot.press("X", "down", "down", "enter")
        await until(pilot, lambda: sent(folder) == [Stop(when="now")], "the command")
        assert "stopping" in screen_text(pilot.app)


async def test_more_time_is_asked_for_and_a_mistake_is_named_beside_it(make_app):
    async with running(make_app(Store()), house_prices()) as (pilot, screen, folder):
        await pilot.press("plus", *"soon", "enter")
        await pilot.pause()
        assert "not a length of time" in screen_text(pilot.app)
        assert screen.query_one(Input).value == "soon"
        await pilot.press(*["backspace"] * 4, *"+2 min", "enter")
        await until(pilot, lambda: sent(folder) == [SetLimit(limit="seconds", to="720")], "the command")
        assert screen.query_one(AskBar).asking == ""
        append(folder, run.LimitChanged(at=journals.START + 200, limits=Limits(seconds=720.0)))
        await until(pilot, lambda: "of 12:00" in screen_text(pilot.app), "the new limit")


async def test_keys_of_the_screen_do_not_act_while_an_answer_is_typed(make_app):
    async with running(make_app(Store()), house_prices()) as (pilot, screen, folder):
        await pilot.press("slash", "x", "space", "t", "X")
        assert screen.query_one(Input).value == "x tX"
        assert sent(folder) == []
        await pilot.press("escape")
        await until(pilot, lambda: screen.query_one(AskBar).asking == "", "the end of the question")
        assert pilot.app.screen is screen


async def test_the_filter_works_while_it_is_typed_and_escape_shows_everything(make_app):
    async with running(make_app(), house_prices()) as (pilot, screen, _):
        await pilot.press("slash", *"boost")
        await until(pilot, lambda: 'with "boost"' in screen_text(pilot.app), "the filter in the titles")
        assert screen.board.leaderboard.count == 2
        await pilot.press("enter")
        assert screen.board.leaderboard.count == 2
        await pilot.press("escape")
        await until(pilot, lambda: screen.board.leaderboard.count == 9, "all tries")
        assert pilot.app.screen is screen


async def test_enter_opens_a_try_which_goes_on_while_it_is_open(make_app):
    story = house_prices()
    async with running(make_app(), story) as (pilot, screen, folder):
        await pilot.press("t", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, TrialScreen), "details")
        assert "Folds  2 of 5" in screen_text(pilot.app)
        before = len(story.events)
        story.tell(journals.loop.FoldScored(iteration=12, score=journals.FoldScore(2, 20_000.0, 1.0, 0.1)), 1.0)
        append(folder, *story.events[before:])
        await until(pilot, lambda: "Folds  3 of 5" in screen_text(pilot.app), "the new fold")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")


async def test_the_cursor_stays_on_its_try_when_others_come_in_above_it(make_app):
    story = house_prices()
    async with running(make_app(), story) as (pilot, screen, folder):
        await pilot.press("down", "down")
        assert screen.board.leaderboard.key == "11"
        before = len(story.events)
        story.score(journals.BOOST, "a better one", 19_900, 250, wins=True)
        append(folder, *story.events[before:])
        await until(pilot, lambda: screen.board.leaderboard.count == 10, "the new try")
        assert screen.board.leaderboard.key == "11"


async def test_the_mouse_moves_the_cursor_and_a_second_click_opens(make_app):
    async with running(make_app(), house_prices()) as (pilot, screen, _):
        await pilot.click("#leaderboard-table", offset=(10, 3))
        assert screen.board.leaderboard.key == "11"
        await pilot.click("#leaderboard-table", offset=(10, 3))
        await until(pilot, lambda: isinstance(pilot.app.screen, TrialScreen), "details")


async def test_scrolling_the_log_pauses_following_and_end_goes_on(make_app):
    story = house_prices()
    async with running(make_app(), story) as (pilot, screen, folder):
        log = screen.board.log_view
        assert "Log  following" in screen_text(pilot.app)
        log.focus()
        await pilot.press("pageup")
        await until(pilot, lambda: "following paused, end to follow" in screen_text(pilot.app), "the words")
        still = [line for line in screen_text(pilot.app).splitlines() if "14:00:" in line]
        append(folder, journals.loop.Noted(at=story.at + 1, message="a new line"))
        await until(pilot, lambda: "1 newer" in screen_text(pilot.app), "the count of newer lines")
        assert [line for line in screen_text(pilot.app).splitlines() if "14:00:" in line] == still
        await pilot.press("end")
        await until(pilot, lambda: "a new line" in screen_text(pilot.app), "the new line")
        assert log.following


@pytest.mark.parametrize("key", ["r", "enter"])
async def test_a_dead_run_says_so_and_r_or_enter_resumes_it(make_app, key):
    supervisor = IdleSupervisor()
    async with running(make_app(supervisor=supervisor), house_prices(), (80, 24), alive=False) as (pilot, _, _folder):
        assert "! interrupted" in screen_text(pilot.app)
        assert "Its worker is gone" in screen_text(pilot.app)
        await pilot.press(key)
        await until(pilot, lambda: supervisor.started == [journals.RUN_ID], "the supervisor")
        assert "Asked to resume" in screen_text(pilot.app)


async def test_a_resumed_run_goes_on_in_the_same_screen(make_app):
    story = house_prices()
    async with running(make_app(), story, alive=False) as (pilot, screen, folder):
        await pilot.press("r")
        before = len(story.events)
        story.begin(attempt=2)
        append(folder, *story.events[before:])
        with folder.lock():
            await until(pilot, lambda: screen.live.state is RunState.RUNNING, "the run")
            assert "● running" in screen_text(pilot.app)
            assert "Asked to resume" not in screen_text(pilot.app)
            assert "attempt 2" in screen_text(pilot.app)


async def test_what_cannot_be_resumed_is_said_and_the_screen_stays(make_app):
    class Refusing(IdleSupervisor):
        async def resume_run(self, run_id):
            raise journals.run_state_error(run_id)

    async with running(make_app(supervisor=Refusing()), house_prices(), alive=False) as (pilot, screen, _):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorScreen), "the error")
        assert "somebody else works on it" in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen, "the dashboard")
        assert "Its worker is gone" in screen_text(pilot.app)


async def test_a_failed_run_shows_its_real_error_and_c_copies_the_details(make_app, monkeypatch, tabsmith_home):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    async with running(make_app(), Story().begin().end(error=journals.FAILURE), (80, 24)) as (pilot, _, folder):
        shown = screen_text(pilot.app)
        assert "✘ failed" in shown
        assert "no longer the one that was confirmed" in shown
        assert "/home/ada/data/housing.csv" in shown
        assert "Read it again and confirm its schema" in shown
        await pilot.press("c")
        copied = folder.root.parent.parent / "copied.txt"
        await until(pilot, copied.exists, "the copy")
        assert "TableChangedError" in copied.read_text()
        assert "Traceback" in copied.read_text()


async def test_a_run_that_is_done_leads_to_its_result(make_app):
    report = price_report()
    store = FixedStore(reports={report.model_id: report})
    async with running(make_app(store), house_prices().end(report), (80, 24)) as (pilot, _, _folder):
        assert "test set RMSE 21,020" in screen_text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultScreen), "the result")
        await until(pilot, lambda: "19,480 to 22,640" in screen_text(pilot.app), "the report")


async def test_a_run_that_ends_while_it_is_watched_is_the_newest_model(make_app):
    story = house_prices()
    async with running(make_app(), story) as (pilot, screen, folder):
        append(folder, story.end(price_report()).events[-1])
        await until(pilot, lambda: screen.live.state is RunState.DONE, "the end")
        assert pilot.app.newest_model == "sale-price-7f3a9c"
        assert "✔ done" in screen_text(pilot.app)


async def test_a_finished_run_is_replayed_and_stepped_through(make_app):
    story = house_prices().end(price_report())
    total = len(story.events)
    async with running(make_app(), story) as (pilot, screen, _):
        await pilot.press("r", "space")
        await until(pilot, lambda: screen.replay is not None and not screen.playing, "the replay, held")
        position = screen.replay.position
        await pilot.press("right", "right", "left")
        assert screen.replay.position == position + 1
        assert f"replay: event {position + 1} of {total}" in screen_text(pilot.app)
        await pilot.press("space")
        screen.replay.go(total - 1)
        await until(pilot, lambda: screen.replay.ended, "the end of the replay")
        assert screen.shown == screen.live
        await pilot.press("escape")
        await until(pilot, lambda: screen.replay is None, "the run as it is")
        assert "enter shows the result" in screen_text(pilot.app)


async def test_a_replay_starts_from_nothing_and_shows_the_time_of_its_events(make_app):
    async with running(make_app(), house_prices().end(price_report())) as (pilot, screen, _):
        await pilot.press("r")
        await until(pilot, lambda: screen.replay is not None, "the replay")
        screen.action_step(-10_000)
        assert screen.shown.attempt == 0
        screen.action_step(1)
        await pilot.pause()
        assert "0:00 of 10:00" in screen_text(pilot.app)


async def test_escape_leaves_the_run_running(make_app):
    async with running(make_app(Store()), house_prices()) as (pilot, _, folder):
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, RunScreen), "home")
        assert sent(folder) == []


async def test_keys_that_can_do_nothing_are_not_offered(make_app):
    async with running(make_app(), house_prices(), (160, 40)) as (pilot, _, _folder):
        footer = screen_text(pilot.app).splitlines()[-1]
        assert "space pause" in footer
        assert "resume" not in footer
        assert "replay" not in footer


async def test_of_a_done_run_the_footer_offers_result_and_replay(make_app):
    async with running(make_app(), house_prices().end(price_report()), (160, 40)) as (pilot, _, _folder):
        footer = screen_text(pilot.app).splitlines()[-1]
        assert "enter result" in footer
        assert "r replay" in footer
        assert "pause" not in footer
        assert "stop" not in footer


async def test_a_run_that_is_not_there_is_an_error_with_words(make_app):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(RunScreen("20261120-000000-nothere"))
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen), "the error")
        assert "There is no run" in screen_text(app)


async def test_e_writes_a_recipe_of_one_s_own_within_the_ranges_and_sends_it(make_app):
    async with running(make_app(Store()), house_prices()) as (pilot, screen, folder):
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, RecipeDialog), "the form")
        dialog = pilot.app.screen
        family = dialog.query_one(FamilyRow)
        family.entry.show(family.entry.options, "nearest_neighbors")
        family.entry.post_message(family.entry.Turned(family.entry))
        await until(pilot, lambda: "n_neighbors" in {row.spec.name for row in dialog.query(ParameterRow)}, "its rows")
        row = next(row for row in dialog.query(ParameterRow) if row.spec.name == "n_neighbors")
        row.put_value("many")
        await pilot.press("f9")
        await until(pilot, lambda: "whole number from" in screen_text(pilot.app), "what is wrong")
        assert sent(folder) == []
        row.put_value("3")
        await pilot.press("f9")
        await until(pilot, lambda: len(sent(folder)) == 1, "the command")
        (command,) = sent(folder)
        assert isinstance(command, TryRecipe)
        assert (command.recipe.family, command.recipe.parameters) == ("nearest_neighbors", {"n_neighbors": 3})
        assert pilot.app.screen is screen
        assert "a recipe of yours asked for" in screen_text(pilot.app)
        append(folder, loop.RecipeQueued(at=journals.START + 200, recipe=command.recipe))
        await until(pilot, lambda: screen.live.queued == (command.recipe,))
        await until(pilot, lambda: screen.pending is None, "the journal's word for it")
