"""The importance of columns as a picture."""

import math
import warnings

import numpy as np
import pytest

from tabsmith.modeling.results import ColumnImportance
from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.reports.importance_chart import importance_chart
from tests.core.charts.pixels import ink, near, pixels, rows_of, size
from tests.stories.hostile import HOSTILE
from tests.stories.journals import class_report, price_report

FOREIGN = (
    "$x$",
    "$\\frac{1}{0}$",
    "$",
    "$$",
    "_{^",
    "\\alpha",
    "漢字の列名",
    "😀 🏳️\u200d🌈 👨\u200d👩\u200d👧",
    "עברית שם",
    "اسم العمود",
    "हिन्दी नाम",
    "ไทย",
    "e\u0301\u0302\u0303",
    "\u0301",
    "\ue000\uffff\U0010ffff",
    "",
    " \u3000 ",
    "%s {0} {x}",
    "a" * 300,
    *HOSTILE,
)


def drawn(*shown: tuple[str, float, float], most: int = 15) -> bytes:
    return importance_chart(price_report(importance=tuple(ColumnImportance(*each) for each in shown)), most)


def test_a_bar_twice_as_long_takes_twice_the_ink() -> None:
    whole = ink(drawn(("a", 10.0, 0.0)), figures.BLUE)
    both = ink(drawn(("a", 10.0, 0.0), ("b", 5.0, 0.0)), figures.BLUE)
    assert both / whole == pytest.approx(1.5, abs=0.1)


def test_the_deviation_is_a_whisker_and_a_bar_within_it_is_grey() -> None:
    certain, uncertain = drawn(("a", 10.0, 2.0)), drawn(("a", 2.0, 10.0))
    assert ink(certain, figures.INK) > ink(drawn(("a", 10.0, 0.0)), figures.INK) + 200
    assert ink(certain, figures.BLUE) > 5_000
    assert ink(uncertain, figures.BLUE) == 0


def test_only_the_most_important_columns_have_bars() -> None:
    many = [(f"column {place}", 100.0 - place, 1.0) for place in range(40)]
    few, more = drawn(*many, most=5), drawn(*many)
    assert ink(more, figures.BLUE) > 1.5 * ink(few, figures.BLUE)
    assert size(few)[0] == size(more)[0] == 1000
    assert size(few)[1] < size(more)[1] <= 1000


def test_dollar_signs_in_names_are_letters_and_no_formula() -> None:
    with figures.drawing():
        literal, letter = figures.width("$x$", figures.TEXT), figures.width("x", figures.TEXT)
    assert literal > 2 * letter
    for name, wide in (("$x$", literal), ("x", letter)):
        assert name_width(drawn((name, 10.0, 0.0))) == pytest.approx(wide, abs=6)


def name_width(picture: bytes) -> int:
    """How many pixels the name takes that stands before the only bar."""
    rows = slice(min(rows_of(picture, figures.BLUE)), max(rows_of(picture, figures.BLUE)))
    bar = int(np.flatnonzero(near(picture, figures.BLUE).any(axis=0))[0])
    lettered = np.flatnonzero((pixels(picture)[rows, : bar - 4].max(axis=2) < 150).any(axis=0))
    return int(lettered[-1] - lettered[0])


@pytest.mark.parametrize("name", FOREIGN, ids=range(len(FOREIGN)))
def test_a_foreign_name_is_drawn_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = drawn((name, 10.0, 1.0), ("b", 5.0, 1.0))
    assert ink(picture, figures.BLUE) > 5_000


def test_characters_that_the_font_lacks_are_boxes() -> None:
    with figures.drawing():
        assert figures.showable("a漢b") == "a□b"
        assert figures.showable("é Ω ж א ب") == "é Ω ж א ب"
        assert figures.showable(" ") == "(empty)"


def test_every_character_that_counts_as_showable_draws_without_a_warning() -> None:
    text = "".join(map(chr, [*range(0x20, 0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x1FB00)]))
    with figures.drawing():
        known = [figures.showable(each, 10) for each in text]
        drawn_lines = figures.new_figure(700, "Every letter of the font")
        for start in range(0, len(known), 400):
            line = "".join(each for each in known[start : start + 400] if len(each) == 1 and each != figures.ABSENT)
            if line:
                drawn_lines.text(0, 0.1, line)
        assert size(figures.to_png(drawn_lines)) == (1000, 700)


def test_a_long_name_is_cut_to_its_room_and_keeps_its_end() -> None:
    with figures.drawing():
        cut = figures.fit("measurement of the temperature 17", 200, figures.TEXT)
        assert cut.startswith("meas")
        assert "…" in cut
        assert cut.endswith("17")
        assert 150 < figures.width(cut, figures.TEXT) <= 200
        assert figures.width(figures.fit("W" * 200, 200, figures.TEXT), figures.TEXT) <= 200
        assert figures.fit("short", 200, figures.TEXT) == "short"


@pytest.mark.parametrize("size_of", [1e-300, 1e300, 1.7e308, math.inf, 5e-324])
def test_extreme_importances_are_drawn(size_of: float) -> None:
    assert ink(drawn(("a", size_of, 0.0), ("b", size_of / 2, math.nan)), figures.BLUE) > 5_000


def test_columns_that_make_no_difference_have_no_bar() -> None:
    picture = drawn(("a", 0.0, 0.0), ("b", -1.0, 0.5), ("c", math.nan, math.nan))
    assert picture == drawn(("other", 0.0, 0.0), ("names", -2.0, 1.0), ("unseen", math.nan, 0.0))
    assert ink(picture, figures.BLUE) == 0
    assert ink(picture, figures.INK) > 1_000


def test_a_classifier_has_its_own_words() -> None:
    assert importance_chart(class_report()) != importance_chart(price_report(importance=class_report().importance))


def test_without_a_measurement_there_is_nothing_to_draw() -> None:
    with pytest.raises(NothingToDrawError, match="not measured"):
        drawn()
