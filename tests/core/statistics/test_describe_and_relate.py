"""Descriptions and associations give published numbers, with ties, gaps, constants and groups."""

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from tabsmith.statistics.findings import Boxes, Histogram, Matrix, Points
from tabsmith.statistics.multiple_tests import holm
from tabsmith.statistics.operations.frequency import wilson_interval
from tabsmith.statistics.plan import Describe, Frequency, MissingValues, Outliers, Relate, RelateMethod, Rows, Trend
from tests.core.statistics.published import CARS, ask_of, cell, hair_and_eyes

IRIS = pd.DataFrame(load_iris().data, columns=["length", "width", "petal_length", "petal_width"]).assign(
    width=lambda frame: frame["width"].where(frame.index != 34, 3.1),
    species=[f"s{code}" for code in load_iris().target],
)
GAPS = pd.DataFrame({"x": [1.0, None, 4.0, 4.0, None, 7.0], "g": ["a", "a", "a", "b", "b", None]})


def test_a_column_of_numbers() -> None:
    """R: summary(mtcars$mpg), sd; pandas: skew, kurt."""
    findings = ask_of(CARS, Describe(columns=("mpg",)))
    expected = {
        "count": 32, "missing": 0, "distinct": 25, "mean": 20.09062, "median": 19.2, "mode": 10.4, "deviation": 6.026948,
        "minimum": 10.4, "first quartile": 15.425, "third quartile": 22.8, "maximum": 33.9, "range": 23.5,
        "skewness": CARS["mpg"].skew(), "kurtosis": CARS["mpg"].kurt(),
    }  # fmt: skip
    found = {name: cell(findings, "Numbers", "mpg", name) for name in expected}
    assert found == pytest.approx(expected, rel=1e-6)
    assert isinstance(findings.picture, Histogram)
    assert sum(findings.picture.counts[""]) == 32


def test_moments_keep_their_digits_far_from_zero() -> None:
    """NIST's NumAcc4: mean 10000000.2 and deviation 0.1 exactly."""
    frame = pd.DataFrame({"x": [10_000_000.2] + [10_000_000.1, 10_000_000.3] * 500, "g": "all"})
    whole = ask_of(frame, Describe(columns=("x",)))
    grouped = ask_of(frame, Describe(columns=("x",), by=("g",)))
    for findings, title in ((whole, "Numbers"), (grouped, "Numbers by group")):
        assert cell(findings, title, "x", "mean") == pytest.approx(10_000_000.2, abs=1e-8)
        assert cell(findings, title, "x", "deviation") == pytest.approx(0.1, abs=1e-8)


def test_groups_are_described_as_pandas_does() -> None:
    findings = ask_of(CARS, Describe(columns=("mpg",), by=("cyl",)))
    for cylinders, group in CARS.groupby("cyl")["mpg"]:
        for name, value in (
            ("mean", group.mean()),
            ("median", group.median()),
            ("variance", group.var()),
            ("skewness", group.skew()),
            ("kurtosis", group.kurt()),
        ):
            assert cell(findings, "Numbers by group", str(cylinders), name) == pytest.approx(value)
    assert findings.sentences[0].startswith("The mean of mpg is highest for 4 (26.66, 11 rows) and lowest for 8")


@pytest.mark.parametrize(
    ("rule", "mean"), [("leave out", 4.0), ("mean", 4.0), ("median", 4.0), ("zero", 16 / 6), ("forward", 21 / 6)]
)
def test_counts_stay_true_whatever_stands_in_for_missing_numbers(rule: str, mean: float) -> None:
    findings = ask_of(GAPS, Describe(columns=("x",), missing=rule))  # type: ignore[arg-type]
    assert cell(findings, "Numbers", "x", "mean") == pytest.approx(mean)
    assert [cell(findings, "Numbers", "x", name) for name in ("count", "missing", "distinct")] == [4, 2, 3]
    assert (rule == "leave out") == (findings.notes == ())


def test_chosen_rows_alone_are_looked_at() -> None:
    findings = ask_of(CARS, Describe(columns=("mpg",), rows=Rows("cyl", ("4",))))
    assert cell(findings, "Numbers", "mpg", "mean") == pytest.approx(CARS.query("cyl == 4")["mpg"].mean())


@pytest.mark.parametrize(
    ("method", "value", "p"),
    [("auto", -0.1175698, 0.1519), ("spearman", -0.1667777, 0.04137), ("kendall", -0.07699679, 0.1829)],
)
def test_length_and_width_of_iris(method: RelateMethod, value: float, p: float) -> None:
    """R: cor.test(iris$Sepal.Length, iris$Sepal.Width, method = ...)."""
    findings = ask_of(IRIS, Relate(columns=("length", "width"), method=method))
    assert findings.tests[0].size == pytest.approx(value, abs=5e-8)
    assert findings.tests[0].p == pytest.approx(p, abs=5e-5)
    if method == "auto":
        assert findings.tests[0].interval == pytest.approx((-0.27269325, 0.04351158), abs=5e-8)
        assert isinstance(findings.picture, Points)


def test_categories_by_cramers_v_and_numbers_between_groups_by_eta() -> None:
    """vcd::assocstats(HairEyeColor): 0.279; eta squared of Sepal.Length by Species: 0.6187."""
    v = ask_of(hair_and_eyes(), Relate(columns=("hair", "eye")))
    assert v.tests[0].size == pytest.approx(0.279, abs=5e-4)
    eta = ask_of(IRIS, Relate(columns=("species", "length")))
    assert eta.tests[0].size == pytest.approx(math.sqrt(0.6187), abs=5e-5)
    assert eta.tests[0].statistic == pytest.approx(119.3, abs=0.05)  # R: summary(aov(Sepal.Length ~ Species))
    assert isinstance(eta.picture, Boxes)


def test_a_matrix_names_its_strongest_and_weakest_pair_and_corrects_for_their_number() -> None:
    findings = ask_of(IRIS, Relate())
    assert isinstance(findings.picture, Matrix)
    assert findings.sentences[0].startswith(
        "Of 10 pairs, petal_length and species (correlation ratio (eta) = 0.97, very strong) go together most, length and width"
    )
    raw = [test.p for test in findings.tests]
    assert [row[8] for row in findings.tables[0].rows] == pytest.approx(holm(raw))


def test_a_constant_column_goes_together_with_nothing() -> None:
    findings = ask_of(CARS.assign(one=1.0), Relate(columns=("one", "mpg")))
    assert findings.tests == ()
    assert "Nothing can be said" in findings.sentences[0]


def test_direction_follows_the_sign() -> None:
    down = ask_of(CARS, Relate(columns=("mpg", "wt"))).sentences[0]
    up = ask_of(CARS.assign(wt=-CARS["wt"]), Relate(columns=("mpg", "wt"))).sentences[0]
    assert "come with lower values of wt" in down
    assert "come with higher values of wt" in up


def test_holms_correction() -> None:
    """R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_frequencies_count_missing_values_and_have_wilsons_intervals() -> None:
    """R: prop.test(15, 25, correct = FALSE)$conf.int."""
    findings = ask_of(GAPS, Frequency(columns=("g",)))
    assert {row[0]: row[1] for row in findings.tables[0].rows} == {"a": 3, "b": 2, "missing": 1}
    assert wilson_interval(15, 25) == pytest.approx((0.4074, 0.7660), abs=5e-5)


def test_gaps_are_counted_alone_and_together() -> None:
    frame = pd.DataFrame({"a": [1, None, None, 4], "b": [1, None, None, 4], "c": [1, 2, 3, None]})
    findings = ask_of(frame, MissingValues())
    assert [row[1] for row in findings.tables[0].rows] == [2, 2, 1]
    assert findings.tables[1].rows[0][:2] == ("a, b", 2)
    assert "1 row is complete (25.0 %)" in findings.sentences[0]
    assert "in the same rows (phi = 1" in findings.sentences[1]


@pytest.mark.parametrize(("method", "count"), [("iqr", 1), ("z_score", 0), ("mad", 0)])
def test_outliers_among_horsepowers(method: str, count: int) -> None:
    """R: boxplot.stats(mtcars$hp)$out is 335."""
    findings = ask_of(CARS, Outliers(columns=("hp",), method=method))  # type: ignore[arg-type]
    assert cell(findings, "Outliers", "hp", "above") == count
    if count:
        assert findings.tables[1].rows == (("hp", 335.0, 31),)


def test_a_trend_has_its_period_direction_and_size() -> None:
    days = pd.date_range("2020-01-06", periods=280)
    frame = pd.DataFrame({"day": days, "sold": 100 - np.arange(280) / 7 + np.tile([0.5, -0.5, 0, 0, 0, 0, 0], 40)})
    findings = ask_of(frame, Trend(time="day", value="sold"))
    assert findings.sentences[0].startswith("sold falls along day by about 1.0")
    assert findings.tables[0].rows[0][0] == pytest.approx(-1.0)
    counted = ask_of(frame, Trend(time="day"))
    assert "shows no clear direction" in counted.sentences[0] or "too few periods" in counted.sentences[0]
