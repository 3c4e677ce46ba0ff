"""The shell: keys by id, the palette, help, themes, copying, errors, leaving."""

import os
from itertools import takewhile

import pytest

from tabsmith.errors import PathNotFoundError
from tabsmith.presentation.summaries import exit_lines
from tabsmith.runs.events import RunState
from tabsmith_tui.actions import ACTIONS, check_keymap
from tabsmith_tui.clipboard import copy
from tabsmith_tui.screens.dialogs import ErrorScreen, QuestionScreen
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.screens.models import ModelsScreen
from tabsmith_tui.theme import theme_name
from tabsmith_tui.widgets.bars import KeysBar
from tests.tui.stage import FixedStore, notices, run_summary, settle

LIVE = FixedStore(runs=(run_summary(1, RunState.RUNNING),))


# Keys ----------------------------------------------------------------------------------------------------------------


def test_every_action_has_words_and_a_key() -> None:
    for action in ACTIONS.values():
        assert action.keys, action
        assert action.label, action
        assert action.help.endswith("."), action
        assert action.id.split(".")[0] in (action.scope, "app"), action


def test_a_rebound_key_that_another_action_has_is_refused_in_words() -> None:
    keymap = check_keymap({"home.new": "m"})
    assert "home.new" not in keymap.keys
    assert keymap.problems == (
        "ui.keymap: home.new cannot have 'm': home.models (models) has it already. home.new keeps n.",
    )


def test_two_actions_may_swap_their_keys() -> None:
    keymap = check_keymap({"home.new": "m", "home.models": "n"})
    assert keymap.problems == ()
    assert (keymap.keys["home.new"], keymap.keys["home.models"]) == ("m", "n")


def test_a_key_of_the_whole_app_clashes_with_one_of_a_screen() -> None:
    assert "home.new" in check_keymap({"app.quit": "n"}).problems[0]


def test_an_unknown_action_is_named_together_with_the_nearest() -> None:
    assert check_keymap({"home.modells": "k"}).problems == (
        "ui.keymap: there is no action 'home.modells'; the nearest is 'home.models'.",
    )


async def test_a_rebound_key_works_is_shown_and_the_old_one_does_nothing(make_app) -> None:
    app = make_app(home__models="g")
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        shown = {key.label: key.display for key in app.screen.query_one(KeysBar).keys}
        assert shown["models"] == "g"
        await pilot.press("m")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("g")
        await settle(pilot)
        assert isinstance(app.screen, ModelsScreen)


async def test_a_key_of_the_bottom_line_is_explained_under_the_mouse_and_pressed_by_a_click(make_app) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        bar = app.screen.query_one(KeysBar)
        before = list(takewhile(lambda key: key.label != "models", bar.keys))
        models, place = bar.keys[len(before)], sum(key.width for key in before)
        await pilot.hover(KeysBar, offset=(place, 0))
        assert bar.tooltip == models.tooltip != ""
        await pilot.click(KeysBar, offset=(place + models.width - 1, 0))
        assert isinstance(app.screen, HomeScreen)
        await pilot.click(KeysBar, offset=(place + models.width - 2, 0))
        await settle(pilot)
        assert isinstance(app.screen, ModelsScreen)


async def test_rebinding_one_of_several_actions_on_a_key_leaves_the_others_theirs(make_app) -> None:
    app = make_app(guided__next="f10")
    sharing = [action.id for action in ACTIONS.values() if action.scope == "guided" and "f9" in action.keys.split(",")]
    async with app.run_test() as pilot:
        await settle(pilot)
        keymap = check_keymap(app.settings.ui.keymap).keys
        assert keymap["guided.next"] == "f10"
        assert {keymap[name] for name in sharing if name != "guided.next"} == {ACTIONS[sharing[0]].keys}


async def test_a_clash_in_the_settings_is_told_on_the_screen(make_app) -> None:
    app = make_app(home__new="m")
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "home.new cannot have 'm'" in notices(app)


# Palette and help ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["f2", "colon", "ctrl+p"])
async def test_the_palette_opens_by_three_keys_and_does_any_action(make_app, key: str) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(key)
        await settle(pilot)
        await pilot.press(*"all models")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, ModelsScreen)


def test_palette(make_app, snap_compare) -> None:
    """Every action of home with its key and one sentence; no emoji."""
    assert snap_compare(make_app(), press=["f2"], terminal_size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
def test_help(make_app, snap_compare, size: tuple[int, int]) -> None:
    """The help covers the narrow screen: what a list is, what home is for, the keys in plain words."""
    assert snap_compare(make_app(), press=["f1"], terminal_size=size)


async def test_help_opens_and_closes_by_the_same_key(make_app) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("f1")
        await settle(pilot)
        assert len(app.screen.query("HelpBox")) == 1
        await pilot.press("f1")
        await settle(pilot)
        assert len(app.screen.query("HelpBox")) == 0


# Themes --------------------------------------------------------------------------------------------------------------


def test_no_color_takes_the_terminals_own_theme() -> None:
    assert theme_name("dark", {"NO_COLOR": "1"}) == "tabsmith-ansi"
    assert theme_name("light", {}) == "tabsmith-light"
    assert theme_name("tabsmith-light", {}) == "tabsmith-light"
    assert theme_name("", {}) == "tabsmith-dark"


async def test_no_color_leaves_no_colour_on_the_screen(make_app, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = make_app(LIVE)
    async with app.run_test() as pilot:
        await settle(pilot)
        assert {"tabsmith-ansi", "nocolor", "ansi"} <= {app.theme, *app.pseudo_classes}


async def test_the_theme_key_goes_round(make_app) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await settle(pilot)
        seen = [app.theme]
        for _ in range(3):
            await pilot.press("f3")
            await settle(pilot)
            seen.append(app.theme)
        assert seen == ["tabsmith-dark", "tabsmith-light", "tabsmith-ansi", "tabsmith-dark"]


# Errors and copying --------------------------------------------------------------------------------------------------


async def test_the_error_dialog_copies_its_details_to_a_file_where_there_is_no_clipboard(
    make_app, tabsmith_home, monkeypatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    app = make_app()
    async with app.run_test() as pilot:
        await settle(pilot)
        app.show_error(PathNotFoundError("There is no such file.", where="/tables/x.csv", next_step="Look again."))
        await settle(pilot)
        assert isinstance(app.screen, ErrorScreen)
        await pilot.press("c")
        await settle(pilot)
        path = tabsmith_home / "state" / "copied.txt"
        assert "There is no such file." in path.read_text()
        assert "/tables/x.csv" in path.read_text()
        assert str(path) in notices(app)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_a_clipboard_program_is_used_when_there_is_one(make_app, tmp_path) -> None:
    program = tmp_path / "xclip"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/clip"\n')
    program.chmod(0o755)
    app = make_app()
    async with app.run_test() as pilot:
        await settle(pilot)
        copied = await copy("words", app, {"DISPLAY": ":9", "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (tmp_path / "clip").read_text() == "words"
    assert "xclip" in copied


async def test_without_one_the_terminal_is_asked_and_that_is_said(make_app) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await settle(pilot)
        copied = await copy("words", app, {"TERM": "xterm-256color", "PATH": ""})
        assert "OSC 52" in copied
        assert app.clipboard == "words"


# Leaving -------------------------------------------------------------------------------------------------------------


async def test_leaving_asks_nothing_when_nothing_runs(make_app) -> None:
    app = make_app(FixedStore(runs=(run_summary(1, RunState.DONE),)))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("q")
    assert app.return_value is not None
    assert app.return_value == ()


async def test_with_a_living_run_leaving_asks_and_leave_lets_it_run(make_app) -> None:
    app = make_app(LIVE)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, QuestionScreen)
        await pilot.press("enter")
        await settle(pilot)
    assert app.return_value is not None
    assert any("continues in the background" in line for line in app.return_value)
    assert len(app.return_value) <= 5


async def test_stop_on_leaving_tells_the_run_to_stop(make_app) -> None:
    store = FixedStore(runs=(run_summary(1, RunState.RUNNING), run_summary(2, RunState.DONE)))
    app = make_app(store)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
    assert store.asked == [("send", store.all_runs[0].id, "Stop")]
    assert app.return_value is not None


async def test_back_on_leaving_stays(make_app) -> None:
    app = make_app(LIVE)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert app.return_value is None


def test_question_on_leaving(make_app, snap_compare) -> None:
    """The living run with its pill; leave running has the cursor, then stop, then back, each with what it does."""
    assert snap_compare(make_app(LIVE), press=["q"], terminal_size=(80, 24))


def test_the_farewell_says_how_to_come_back_in_five_lines() -> None:
    run = run_summary(1, RunState.RUNNING, source="\x1b]0;x\x07[/nope].csv")
    said = exit_lines((run, run_summary(2, RunState.PAUSED)), session="Schema", model_id="m-1")
    assert len(said) == 5
    assert f"tabsmith runs attach {run.id}" in "\n".join(said)
    assert "\x1b" not in "\n".join(said)
