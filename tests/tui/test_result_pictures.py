"""Golden pictures of the result screen."""

import pytest

from tabsmith_tui.screens.result import ResultScreen
from tests.stories.hostile import HOSTILE
from tests.stories.journals import class_report, price_report
from tests.tui.run_stage import until

SMALL, MIDDLE, LARGE, PAGE = (60, 20), (80, 24), (120, 40), (120, 62)


@pytest.fixture(autouse=True)
def a_home_with_a_name(monkeypatch):
    """The picture shows where the model lies: nothing is written there."""
    monkeypatch.setenv("TABSMITH_HOME", "/home/ada/tabsmith")


def picture(compare, app, report, size, *keys):
    """Compare the result screen over this report after these keys."""

    async def before(pilot):
        screen = ResultScreen(report.model_id, report)
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.is_attached, "the screen")
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_regression(snap_compare, make_app, size):
    """Hold-out scores with intervals first, then the cloud of residuals."""
    assert picture(snap_compare, make_app(), price_report(), size)


def test_classes_middle(snap_compare, make_app):
    """Hold-out scores, one without an interval; the confusion matrix."""
    assert picture(snap_compare, make_app(), class_report(), MIDDLE)


def test_whole_page(snap_compare, make_app):
    """All of it: score, errors, importance, members, what to know, the model and where it lies."""
    assert picture(snap_compare, make_app(), price_report(), PAGE)


def test_end_of_page_middle(snap_compare, make_app):
    """Scrolled to its end: what to know, and the model."""
    assert picture(snap_compare, make_app(), price_report(), MIDDLE, "end")


def test_many_classes_middle(snap_compare, make_app):
    """Of twelve classes the worst confusions."""
    assert picture(snap_compare, make_app(), class_report([f"class {place}" for place in range(12)]), MIDDLE)


def test_without_hold_out_middle(snap_compare, make_app):
    """No hold-out: said in words where the score would be."""
    report = price_report(holdout=None, importance=())
    assert picture(snap_compare, make_app(), report, MIDDLE)


def test_hostile_large(snap_compare, make_app):
    """Columns of markup and escape sequences are literal, cut, and disturb nothing."""
    assert picture(snap_compare, make_app(), price_report(HOSTILE), PAGE)
