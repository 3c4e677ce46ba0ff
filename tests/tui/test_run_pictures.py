"""Golden pictures of the dashboard. The journal is real; the clock stands at 14:06:31."""

import contextlib

import pytest

from tabsmith.orchestration import events as loop
from tests.stories import agent_journals, journals
from tests.stories.journals import Story, house_prices, price_report
from tests.tui.run_stage import open_run, until, worker_alive

SMALL, MIDDLE, LARGE = (60, 20), (80, 24), (120, 40)


def picture(compare, app, story, size, *keys, dead=False):
    """Compare the dashboard over this story after these keys."""
    folder = journals.write(story.events, story.spec)

    async def before(pilot):
        screen = await open_run(pilot, dead=dead)
        await until(pilot, lambda: screen.live == screen.shown, "the run")
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    with contextlib.nullcontext() if dead else worker_alive(folder):
        return compare(app, terminal_size=size, run_before=before)


def at(app, now: float):
    """The same app at another time of its clock."""
    app.clock = lambda: now
    return app


def done() -> Story:
    story = house_prices()
    story.tell(
        loop.EnsembleBuilt(recipes=("a", "b", "c"), weights=(0.6, 0.3, 0.1), score=21_190, standard_error=305), 1
    )
    return story.end(price_report())


def test_running_large(snap_compare, make_app):
    """Champion, agent and the selected try on the left; plot, leaderboard and iterations on the right; the log below;
    state and time above, the keys at the bottom."""
    assert picture(snap_compare, make_app(), house_prices(), LARGE)


def test_running_middle(snap_compare, make_app):
    """Champion and agent in a line each, the plot with axes, the leaderboard, three lines of log."""
    assert picture(snap_compare, make_app(), house_prices(), MIDDLE)


def test_running_small(snap_compare, make_app):
    """The plot is a sparkline with the metric's direction; leaderboard and log still have some lines."""
    assert picture(snap_compare, make_app(), house_prices(), SMALL)


def test_iterations_middle(snap_compare, make_app):
    """After t: the iterations, newest first, one being fitted, one refused, one failed."""
    assert picture(snap_compare, make_app(), house_prices(), MIDDLE, "t")


def test_running_light(snap_compare, make_app):
    """The same as large, on light ground; every tone can be read."""
    assert picture(snap_compare, make_app(theme="light"), house_prices(), LARGE)


def test_running_terminal_colours(snap_compare, make_app):
    """The same as middle, in the terminal's own colours."""
    assert picture(snap_compare, make_app(theme="ansi"), house_prices(), MIDDLE)


def test_beginning_middle(snap_compare, make_app):
    """Nothing is scored: the panels say so in words, no 0 stands for what is not known."""
    assert picture(snap_compare, make_app(), Story().begin(), MIDDLE)


def test_paused(snap_compare, make_app):
    """Paused in glyph, word and colour; a line says that this time is not counted, and the key to go on."""
    assert picture(snap_compare, make_app(), house_prices().pause(), MIDDLE)


def test_failed(snap_compare, make_app):
    """The real error: what, where, what next, and the key to copy its details; the log has the room of the tables."""
    assert picture(snap_compare, make_app(), Story().begin().end(error=journals.FAILURE), SMALL)


def test_interrupted(snap_compare, make_app):
    """The worker is gone; what is kept, where it can go on, the keys to resume and replay; time stands still."""
    assert picture(snap_compare, make_app(), house_prices(), MIDDLE, dead=True)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_done(snap_compare, make_app, size):
    """Done: the hold-out score and the key that leads to the result; the ensemble above the leaderboard."""
    assert picture(snap_compare, make_app(), done(), size)


def test_details_middle(snap_compare, make_app):
    """A try over the dashboard: recipe, difference to the champion, folds."""
    assert picture(snap_compare, make_app(), house_prices(), MIDDLE, "down", "d")


def test_more_time_middle(snap_compare, make_app):
    """A question in one line above the keys; the mistake stands beside what was typed."""
    assert picture(snap_compare, make_app(), house_prices(), MIDDLE, "plus", *"soon", "enter")


def test_hostile_large(snap_compare, make_app):
    """Names of markup and escape sequences are literal, cut, and disturb no column."""
    assert picture(snap_compare, make_app(), journals.hostile(), LARGE)


# Runs with an agent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_agent_running(snap_compare, make_app, size):
    """Who proposes, with which model; tokens by kind, sessions, turns, cost, quality and confidence; the cost of its
    limit above; what each iteration cost, and what was decided about it where that was not to go on."""
    assert picture(snap_compare, make_app(), agent_journals.improving(), size, "t")


@pytest.mark.parametrize("size", [MIDDLE, LARGE], ids=["middle", "large"])
def test_agent_waiting_for_a_retry(snap_compare, make_app, size):
    """Waiting in the pill; the trouble, which retry it is, and how long until then."""
    story = agent_journals.waiting()
    assert picture(snap_compare, at(make_app(), story.at + 4), story, size, "t")


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_agent_handed_over(snap_compare, make_app, size):
    """Search proposes; planned, actual and the reason on every size of screen."""
    assert picture(snap_compare, make_app(), agent_journals.handed_over(), size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_asked_at_a_breakpoint(snap_compare, make_app, size):
    """A bar above the keys: what happened, the condition, what the run cost so far, the keys that answer."""
    assert picture(snap_compare, make_app(), agent_journals.at_breakpoint(), size)


def test_asked_for_more_money(snap_compare, make_app):
    """The spent limit in red; a mistake is named beside what was typed."""
    assert picture(snap_compare, make_app(), agent_journals.out_of_money(), MIDDLE, "enter", *"much", "enter")


def test_asked_to_fit_a_proposal(snap_compare, make_app):
    """The recipe that was proposed and why; c fits it."""
    assert picture(snap_compare, make_app(), agent_journals.proposing(), LARGE)


def test_hostile_agent(snap_compare, make_app):
    """Whatever an agent, its server or its person wrote is literal and cut; the bar stays a bar."""
    assert picture(snap_compare, make_app(), agent_journals.hostile_agent(), LARGE, "t")
