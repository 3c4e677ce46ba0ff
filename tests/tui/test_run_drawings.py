"""Plot, banner, replay and log of a run, and foreign text in all of its views, without a terminal."""

import msgspec
import pytest
from rich.cells import cell_len

from tabsmith.presentation.events import run_log
from tabsmith.presentation.spans import Span, plain_text
from tabsmith.runs.snapshot import interrupted
from tabsmith_tui.views import leaderboard, run_cards, run_header, score_plot, trial_details
from tabsmith_tui.views.lines import fit, wrap, wrap_line
from tabsmith_tui.views.replay import Replay
from tabsmith_tui.views.run_header import run_banner
from tabsmith_tui.widgets.log_view import MOST_LINES, log_lines
from tests.stories import journals
from tests.stories.hostile import HOSTILE, MARKS
from tests.stories.journals import Story, house_prices, price_report

NO_REPLAY = {"replay": None, "playing": False, "resuming": False}


def text(lines) -> str:
    return plain_text(lines)


def rows(table) -> list[str]:
    return ["  ".join(cell.text for cell in table.cells(index)) for index in range(len(table))]


# Plot --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(24, 4), (40, 5), (76, 9), (200, 50)])
def test_the_plot_fills_exactly_the_size_it_is_given(width, height):
    drawn = score_plot.draw_curve(score_plot.curve(house_prices().snapshot), width, height)
    assert len(drawn) == height
    assert all(cell_len(text([line])) <= width for line in drawn)


def test_the_plot_labels_the_champions_score_and_marks_titles_and_tries():
    drawn = text(score_plot.draw_curve(score_plot.curve(house_prices().snapshot), 76, 10))
    assert "21,480 ┤" in drawn
    assert drawn.count("★") == 4 + 1  # and the legend
    assert drawn.count("•") == 5 + 1


def test_a_small_plot_is_a_sparkline_that_says_which_way_is_up():
    drawn = score_plot.draw_curve(score_plot.curve(house_prices().snapshot), 60, 1)
    assert len(drawn) == 1
    assert text(drawn).startswith("31,900 █")
    assert "RMSE, lower is better" in text(drawn)


def test_one_score_or_equal_scores_are_drawn_too():
    story = Story().begin()
    assert text(score_plot.draw_curve(score_plot.curve(story.snapshot), 60, 8)) == "no score yet"
    story.score(journals.LINEAR, "first", 0.0, 0.0, wins=True)
    assert "★" in text(score_plot.draw_curve(score_plot.curve(story.snapshot), 60, 8))
    story.score(journals.NEAR, "same", 0.0, 0.0)
    assert "0 ┤" in text(score_plot.draw_curve(score_plot.curve(story.snapshot), 60, 8))


# Banner, replay, log -----------------------------------------------------------------------------------------------


def test_an_interrupted_run_says_that_its_worker_is_gone_and_where_it_goes_on():
    shown = text(run_banner(interrupted(house_prices().snapshot), None, 0.0, **NO_REPLAY).lines)
    assert "Its worker is gone. 9 scored tries kept; it can resume at iteration 12." in shown
    assert "resumes it" in shown


def test_a_failed_run_says_what_where_and_what_next():
    shown = text(run_banner(Story().begin().end(error=journals.FAILURE).snapshot, None, 0.0, **NO_REPLAY).lines)
    assert "no longer the one that was confirmed" in shown
    assert "at /home/ada/data/housing.csv" in shown
    assert "Read it again" in shown


def test_a_run_that_is_done_leads_to_its_result():
    shown = text(run_banner(house_prices().end(price_report()).snapshot, None, 0.0, **NO_REPLAY).lines)
    assert "test set RMSE 21,020" in shown
    assert "enter shows the result" in shown


def test_a_replay_gives_every_position_forwards_and_backwards():
    story = Story().begin()
    for index in range(400):
        story.score(journals.BOOST, "again", 25_000 - index, 300, seconds=1.0, wins=index % 9 == 0)
    replay = Replay(story.events)
    assert len(replay) > 2_500
    for position in (10, 2_400, 1_001, 1_000, 999, 0, len(replay), 2_000):
        assert replay.go(position) == journals.reduce(story.events[:position])
        assert replay.position == position
    assert replay.go(10**9) == story.snapshot
    assert replay.ended
    assert replay.step(-1) == journals.reduce(story.events[:-1])


def test_playing_comes_to_the_end_in_the_time_of_a_replay():
    replay = Replay(house_prices().events)
    for _ in range(60):
        replay.play(0.1)
    assert replay.ended
    assert replay.words() == f"replay: event {len(replay)} of {len(replay)}"


def test_a_long_log_entry_is_wrapped_and_what_is_over_is_counted():
    entry = run_log(house_prices().snapshot)[0]
    entry = msgspec.structs.replace(entry, text="word " * 200)
    drawn = log_lines(entry, 60)
    assert len(drawn) == MOST_LINES
    assert text([drawn[-1]]).strip().endswith("lines")
    assert all(cell_len(text([line])) <= 60 for line in drawn)


# Foreign text ------------------------------------------------------------------------------------------------------


def test_no_view_lets_a_control_of_a_hostile_name_through():
    snapshot = journals.hostile().snapshot
    shown = [
        run_header.run_header(snapshot, HOSTILE[3], None, 0.0).title,
        text(run_cards.champion_card(snapshot)),
        text(run_cards.agent_card(snapshot)),
        text([run_cards.champion_line(snapshot), run_cards.agent_line(snapshot, 0.0)]),
        *rows(leaderboard.Leaderboard(snapshot)),
        *rows(leaderboard.Iterations(snapshot)),
        *(text(log_lines(entry, 80)) for entry in run_log(snapshot)),
        *(text(trial_details.trial_details(snapshot, str(each.iteration))[1]) for each in snapshot.trials),
        leaderboard.table_title("Iterations", 1, 2, HOSTILE[3]),
    ]
    for each in shown:
        assert not any(mark.decode() in each for mark in MARKS)
        assert not any(character in each for character in "\x1b\x07\x9b\x9d\u202e\u2066\x00\x7f")
        assert len(each) < 20_000


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_whatever_is_fitted_takes_exactly_its_width(name, width):
    assert cell_len(fit(name, width)) == width
    assert cell_len(fit("漢字かな" + name, width)) == width
    assert cell_len(fit(name, width, "right")) == width


def test_wrapping_breaks_at_spaces_and_never_exceeds_the_width():
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert all(cell_len(part) <= 5 for part in wrap("漢字かな漢字かな", 5))
    assert "".join(wrap("漢字かな漢字かな", 5)) == "漢字かな漢字かな"
    assert text(wrap_line((Span("ab "), Span("one two three")), 10)) == "ab one two\n   three"
