"""The result screen driven by keys."""

import pytest

from tabsmith.errors import ModelNotFoundError
from tabsmith_tui.screens.dialogs import ErrorScreen
from tabsmith_tui.screens.result import ResultScreen
from tabsmith_tui.screens.run import RunScreen
from tests.stories import journals
from tests.stories.hostile import HOSTILE
from tests.stories.journals import class_report, explanation, house_prices, price_report
from tests.tui.run_stage import until
from tests.tui.stage import FixedStore, screen_text


async def opened(pilot, report):
    """The result screen over a report that the store reads."""
    screen = ResultScreen(report.model_id)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: screen.report is not None, "the report")
    return screen


def store_with(report):
    return FixedStore(reports={report.model_id: report})


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_the_hold_out_is_the_first_thing_one_sees(make_app, size):
    report = price_report()
    async with make_app(store_with(report)).run_test(size=size) as pilot:
        await opened(pilot, report)
        shown = screen_text(pilot.app)
        assert "RMSE, lower is better" in shown
        assert "586 rows" in shown
        assert "21,020" in shown


async def test_everything_can_be_reached_by_scrolling_with_keys(make_app):
    report = price_report()
    async with make_app(store_with(report)).run_test(size=(60, 20)) as pilot:
        await opened(pilot, report)
        assert "duration" not in screen_text(pilot.app)
        await pilot.press("end")
        await until(pilot, lambda: "duration" in screen_text(pilot.app), "the end of the page")


async def test_what_explains_a_model_has_a_panel_where_it_was_measured(make_app):
    explained = class_report(explanation=explanation())
    async with make_app().run_test(size=(80, 120)) as pilot:
        await pilot.app.push_screen(ResultScreen(explained.model_id, explained))
        await until(pilot, lambda: "Twice the rows would bring about 0.914" in screen_text(pilot.app), "the curve")
        assert "precision" in screen_text(pilot.app)
        await pilot.app.push_screen(ResultScreen("other", class_report()))
        await until(pilot, lambda: "The model" in screen_text(pilot.app), "the other report")
        assert not pilot.app.screen.query_one("#explanation").display


async def test_a_given_report_is_shown_without_reading(make_app):
    report = class_report()
    async with make_app().run_test(size=(80, 50)) as pilot:
        await pilot.app.push_screen(ResultScreen(report.model_id, report))
        await until(pilot, lambda: "ROC AUC, higher is better" in screen_text(pilot.app), "the report")


async def test_p_predicts_with_this_model(make_app, monkeypatch):
    report = price_report()
    app = make_app(store_with(report))
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(app, "open_screen", lambda *what: asked.append(what))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, report)
        await pilot.press("p")
        assert asked == [("predict", report.model_id)]


async def test_c_copies_commands_that_name_the_file_that_was_read(make_app, monkeypatch, tabsmith_home):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    report = price_report()
    folder = journals.write(house_prices().end(report).events)
    async with make_app(store_with(report)).run_test(size=(80, 24)) as pilot:
        await opened(pilot, report)
        await pilot.press("c")
        copied = folder.root.parent.parent / "copied.txt"
        await until(pilot, copied.exists, "the copy")
        assert "tabsmith train data/housing.csv --target Sale_Price --metric rmse" in copied.read_text()
        assert "tabsmith.load_model('sale-price-7f3a9c')" in copied.read_text()


async def test_r_opens_the_run_and_a_deleted_one_is_named(make_app):
    report = price_report()
    async with make_app(store_with(report)).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, report)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorScreen), "the error")
        assert "There is no run" in screen_text(pilot.app)
        await pilot.press("escape")
        journals.write(house_prices().end(report).events)
        await until(pilot, lambda: pilot.app.screen is screen, "the result")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen), "the run")


async def test_a_model_that_is_gone_is_an_error_with_words(make_app):
    class Bare(FixedStore):
        def report(self, model_id):
            raise ModelNotFoundError(f"There is no model {model_id}.", next_step="`tabsmith models` lists them.")

    async with make_app(Bare()).run_test(size=(80, 24)) as pilot:
        screen = ResultScreen("gone")
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: isinstance(pilot.app.screen, ErrorScreen), "the error")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen, "the result")
        assert "There is no model gone." in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ResultScreen), "home")


async def test_hostile_columns_and_classes_are_literal(make_app):
    for report in (price_report(HOSTILE, source=HOSTILE[4]), class_report(HOSTILE[:4]), class_report(HOSTILE)):
        async with make_app(store_with(report)).run_test(size=(120, 100)) as pilot:
            await opened(pilot, report)
            shown = screen_text(pilot.app)
            assert "[/nope]" in shown
            assert not any(character in shown for character in "\x1b\x07\x9b\x9d\u202e\u2066\x00\x7f")
