"""What can be done with a run or a model from its list: what is offered, asked and carried out."""

from tabsmith.runs.events import RunState
from tabsmith_tui.screens.runs import RunsScreen
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.menu import Menu
from tests.tui.stage import FixedStore, model_summary, run_summary, settle


async def test_a_click_opens_what_it_hits(make_app) -> None:
    app = make_app(FixedStore(models=(model_summary(1),)))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        menu = app.screen.query_one(Menu)
        opened = []
        app.open_screen = lambda *what: opened.append(what)
        place = next(place for place, option in enumerate(menu.options) if option.id == "model housing-sale-price-01")
        await pilot.click(Menu, offset=(5, place))
        await settle(pilot)
        assert opened == [("result", "housing-sale-price-01")]


async def test_only_what_can_be_done_with_a_run_is_offered(make_app) -> None:
    store = FixedStore(runs=(run_summary(1, RunState.RUNNING), run_summary(2, RunState.INTERRUPTED)))
    app = make_app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(app.screen, RunsScreen)
        shown = {key.label for key in app.screen.query_one(KeysBar).keys}
        assert "stop" in shown
        assert not {"resume", "delete"} & shown
        await pilot.press("down")
        await settle(pilot)
        shown = {key.label for key in app.screen.query_one(KeysBar).keys}
        assert {"resume", "delete"} <= shown
        assert "stop" not in shown


async def test_a_run_is_deleted_only_after_a_yes(make_app) -> None:
    store = FixedStore(runs=(run_summary(1, RunState.FAILED),))
    app = make_app(store)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert store.asked == []
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert store.asked == [("delete run", run_summary(1).id)]
        assert app.screen.query_one(Menu).option_count == 0


async def test_a_model_is_exported_to_a_new_file_only(make_app, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FixedStore(models=(model_summary(1),))
    (tmp_path / "housing-sale-price-01.zip").write_text("precious")
    app = make_app(store)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        await pilot.press("e")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "already" in str(app.screen.query_one("#warning").content)
        await pilot.press("2", "enter")
        await settle(pilot)
        assert store.asked == [("export", "housing-sale-price-01", str(tmp_path / "housing-sale-price-01.zip2"))]


async def test_a_model_is_named_noted_and_promoted_and_compared_with_a_marked_one(make_app) -> None:
    store = FixedStore(models=(model_summary(1), model_summary(2)))
    app = make_app(store)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("m")
        await settle(pilot)
        for key, typed in (("n", "spring"), ("t", "before the move"), ("a", "")):
            await pilot.press(key)
            await settle(pilot)
            await pilot.press(*typed.replace(" ", "_"), "enter")
            await settle(pilot)
        first = store.all_models[0]
        assert (first.name, first.note, first.aliases) == ("spring", "before_the_move", ("production",))
        assert "compare" not in {key.label for key in app.screen.query_one(KeysBar).keys}
        await pilot.press("space", "down")
        await settle(pilot)
        await pilot.press("c")
        await settle(pilot)
        assert f"{first.id} is better." in str(app.screen.query_one(".what").content)
