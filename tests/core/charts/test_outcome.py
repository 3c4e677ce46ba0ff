"""Confusion matrices and residuals as pictures."""

import math

import pytest

from tabsmith.modeling.results import Confusion, Residuals
from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.reports.outcome_chart import outcome_chart
from tests.core.charts.pixels import ink, size
from tests.stories.hostile import HOSTILE
from tests.stories.journals import class_report, price_report


def matrix(*counts: tuple[int, ...], names: tuple[str, ...] = ()) -> bytes:
    classes = names or tuple(f"class {place}" for place in range(len(counts)))
    return outcome_chart(class_report(("a", "b"), outcome=Confusion(classes, counts)))


def cloud(truth: tuple[float, ...], predicted: tuple[float, ...], **changes: object) -> bytes:
    rest = [a - b for a, b in zip(truth, predicted, strict=True)]
    shown = Residuals(truth, predicted, (0.0, 0.0, 0.0), (1,) * 20, min(rest), max(rest))
    return outcome_chart(price_report(outcome=shown, **changes))


def test_right_rows_are_blue_and_wrong_ones_orange() -> None:
    right, wrong = matrix((9, 0), (0, 9)), matrix((0, 9), (9, 0))
    assert ink(right, figures.BLUE) > 20_000
    assert ink(right, figures.ORANGE) == 0
    assert ink(wrong, figures.ORANGE) > 20_000
    assert ink(wrong, figures.BLUE) == 0


def test_a_class_is_coloured_by_its_own_share_however_rare_it_is() -> None:
    assert ink(matrix((10_000, 0), (0, 1)), figures.BLUE) > 1.9 * ink(matrix((10_000, 0), (1, 0)), figures.BLUE)


@pytest.mark.parametrize("classes", [1, 2, 3, 5, 10, 12])
def test_matrices_of_every_size_keep_to_the_sheet(classes: int) -> None:
    width, height = size(outcome_chart(class_report([f"class {place}" for place in range(classes)])))
    assert width == 1000
    assert 400 <= height <= 1_300


@pytest.mark.parametrize("classes", [13, 60, 1_000])
def test_of_many_classes_the_worst_confusions_are_shown(classes: int) -> None:
    counts = tuple(tuple(9 if row == column else 0 for column in range(classes)) for row in range(classes))
    one_wrong = ((*counts[0][:-1], 40), *counts[1:])
    faultless, faulty = matrix(*counts), matrix(*one_wrong)
    assert ink(faultless, figures.ORANGE) == 0
    assert ink(faulty, figures.ORANGE) > 4_000


def test_large_and_missing_counts_are_drawn() -> None:
    assert size(matrix((10**15, 7), (999_950, 0)))[0] == 1000
    assert size(matrix((0, 0), (3, 1)))[0] == 1000
    assert size(matrix((5,), (3,)))[0] == 1000


def test_hostile_class_names_do_no_harm() -> None:
    names = ("$x$", "漢字", "😀", "עברית", "e\u0301", "", *HOSTILE)
    for start in range(0, len(names), 6):
        assert size(outcome_chart(class_report(names[start : start + 6])))[0] == 1000
    assert size(outcome_chart(class_report(names)))[0] == 1000


def test_a_dollar_sign_in_a_class_name_is_drawn() -> None:
    assert matrix((5, 1), (1, 5), names=("$x$", "y")) != matrix((5, 1), (1, 5), names=("x", "y"))


def test_residuals_have_a_dot_for_each_row() -> None:
    few = cloud(tuple(range(5)), tuple(range(5)))
    more = cloud(tuple(range(20)), tuple(range(20)))
    tint = figures.blend(figures.BLUE, 0.9)
    assert ink(more, tint) > ink(few, tint) + 15 * 80


def test_the_distribution_of_the_errors_has_a_bar_for_each_bin() -> None:
    shown = price_report().outcome
    assert isinstance(shown, Residuals)
    even = Residuals(shown.truth, shown.predicted, shown.quartiles, (9,) * 20, -1.0, 1.0)
    lone = Residuals(shown.truth, shown.predicted, shown.quartiles, (9, *[0] * 19), -1.0, 1.0)
    even_ink, lone_ink = (ink(outcome_chart(price_report(outcome=each)), figures.BLUE) for each in (even, lone))
    assert even_ink > 10 * lone_ink > 0


@pytest.mark.parametrize("size_of", [0.0, 1e-300, 1.0, 1e300, 1.7e308])
def test_residuals_of_any_size_are_drawn(size_of: float) -> None:
    truth = tuple(size_of * (place % 7) / 7 for place in range(400))
    assert size(cloud(truth, truth[::-1])) == (1000, 1080)


def test_one_row_is_enough_and_what_is_no_number_is_left_out() -> None:
    one, padded = (
        outcome_chart(price_report(outcome=Residuals(truth, predicted, (-1.0, -1.0, -1.0), (1,), -1.0, -1.0)))
        for truth, predicted in (((3.0,), (4.0,)), ((3.0, math.nan, 1.0), (4.0, 1.0, math.inf)))
    )
    assert one == padded
    assert ink(one, figures.blend(figures.BLUE, 0.9)) > 80


def test_without_rows_there_is_nothing_to_draw() -> None:
    for none in (
        Residuals((), (), (0.0, 0.0, 0.0), (), 0.0, 0.0),
        Residuals((math.nan,), (1.0,), (0.0, 0.0, 0.0), (0,), math.nan, math.nan),
        Confusion((), ()),
        Confusion(("a", "b"), ((0, 0), (0, 0))),
    ):
        with pytest.raises(NothingToDrawError) as caught:
            outcome_chart(price_report(outcome=none))
        assert caught.value.next_step
