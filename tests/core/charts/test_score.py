"""The score over the iterations as a picture."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.reports.score_chart import score_chart
from tabsmith.runs.snapshot import RunSnapshot
from tests.core.charts.pixels import ink, near, rows_of, size
from tests.stories.journals import AUC, BOOST, LINEAR, NEAR, RMSE, Story, house_prices, price_report
from tests.stories.journals import hostile as hostile_story


def two(mean: float = 31_900.0, error: float = 820.0, other: float = 31_500.0) -> RunSnapshot:
    return Story().begin().score(LINEAR, "a", mean, error, wins=True).score(NEAR, "b", other, 900.0).snapshot


def with_scores(scores: list[tuple[float, float]]) -> RunSnapshot:
    """The tries of a real run with these means and errors in place of theirs."""
    run = house_prices().snapshot
    tries = [each for each in run.trials if each.state == "scored"][: len(scores)]
    changed = tuple(
        replace(each, mean=mean, standard_error=error, won=place == 0, iteration=place + 1)
        for place, (each, (mean, error)) in enumerate(zip(tries, scores, strict=True))
    )
    return replace(run, settled=changed[:-1], latest=changed[-1])


def test_a_running_search_is_drawn_at_its_size() -> None:
    assert size(score_chart(house_prices().snapshot)) == (1000, 700)


def test_the_same_run_gives_the_same_bytes_and_another_run_others() -> None:
    assert score_chart(two()) == score_chart(two())
    assert score_chart(two()) != score_chart(two(other=31_450.0))


def test_the_error_band_grows_with_the_error() -> None:
    wide, narrow = (replace_errors(error) for error in (1_500.0, 300.0))
    assert ink(wide, figures.PALE) > 2 * ink(narrow, figures.PALE)


def replace_errors(error: float) -> bytes:
    return score_chart(with_scores([(31_900.0, error), (41_000.0, error), (42_000.0, 300.0)]))


def test_a_run_without_errors_has_no_band_beside_the_key() -> None:
    plain, banded = (score_chart(with_scores([(0.5, error), (0.7, error)])) for error in (math.nan, 0.1))
    assert ink(plain, figures.PALE) < 3_000 < 10_000 < ink(banded, figures.PALE)


def test_a_better_score_lies_higher_or_lower_as_the_numbers_say() -> None:
    falling = (
        Story(metric=RMSE).begin().score(LINEAR, "a", 30.0, 0.2, wins=True).score(BOOST, "b", 20.0, 0.2, wins=True)
    )
    rising = Story(metric=AUC).begin().score(LINEAR, "a", 0.7, 0.01, wins=True).score(BOOST, "b", 0.9, 0.01, wins=True)
    down, up = score_chart(falling.snapshot), score_chart(rising.snapshot)
    assert down != up
    assert champion_row(down) > 350 > champion_row(up)


def champion_row(picture: bytes) -> float:
    """The row at which the champion's line runs, near its right end."""
    return float(np.flatnonzero(near(picture, figures.BLUE)[140:600, 780]).mean()) + 140


def test_what_was_refused_or_failed_is_marked_at_the_bottom() -> None:
    story = Story().begin().score(LINEAR, "a", 31_900, 820, wins=True)
    before = score_chart(story.snapshot)
    after = score_chart(story.fail(NEAR, "b", "ValueError").snapshot)
    assert ink(before, figures.ORANGE) == 0
    plot = [row for row in rows_of(after, figures.ORANGE) if row < 600]
    assert plot
    assert min(plot) > 500


def test_the_hold_out_is_a_line_once_the_report_has_it() -> None:
    story = house_prices()
    assert ink(score_chart(story.snapshot), figures.GREEN) == 0
    done = score_chart(story.end(price_report()).snapshot)
    assert ink(done, figures.GREEN) > 800
    without = story.snapshot
    assert ink(score_chart(replace(without, report=price_report(holdout=None))), figures.GREEN) == 0


def test_a_try_without_a_number_is_marked_and_not_plotted() -> None:
    picture = score_chart(with_scores([(0.5, 0.1), (math.nan, 0.1), (math.inf, math.nan), (-math.inf, 0.1)]))
    assert ink(picture, figures.ORANGE) > 3 * 40


@pytest.mark.parametrize(
    "scores",
    [
        [(1e-300, 1e-301), (2e-300, 1e-301)],
        [(1e300, 1e299), (2e300, 1e299)],
        [(1.7e308, 1e308), (-1.7e308, 1e308)],
        [(5e-324, 5e-324), (0.0, 5e-324)],
        [(0.0, 0.0), (0.0, 0.0)],
        [(-3.0, 0.1), (1e300, 0.1), (-3.1, 0.1)],
        [(0.9999999999, 1e-12), (0.9999999998, 1e-12)],
        [(123_456_789.0, 1.0), (987_654_321.0, 1.0)],
    ],
)
def test_extreme_scores_are_drawn(scores: list[tuple[float, float]]) -> None:
    picture = score_chart(with_scores(scores))
    assert ink(picture, figures.BLUE) > 1_500


def test_a_single_try_is_drawn() -> None:
    picture = score_chart(Story().begin().score(LINEAR, "a", 31_900, 820, wins=True).snapshot)
    assert ink(picture, figures.BLUE) > 1_500


def test_hundreds_of_tries_are_drawn() -> None:
    story = Story(metric=AUC).begin()
    for place in range(300):
        story.score(LINEAR, "a", 0.6 + 0.001 * ((place * 37) % 290), 0.01, wins=place == 0)
    assert ink(score_chart(story.snapshot), figures.BLUE) > 1_500


def test_hostile_words_in_a_run_do_no_harm() -> None:
    assert size(score_chart(hostile_story().snapshot)) == (1000, 700)


def test_before_the_first_score_there_is_nothing_to_draw_and_a_next_step() -> None:
    for story in (Story(), Story().begin(), Story().begin().fail(NEAR, "a", "ValueError")):
        with pytest.raises(NothingToDrawError) as caught:
            score_chart(story.snapshot)
        assert caught.value.next_step
