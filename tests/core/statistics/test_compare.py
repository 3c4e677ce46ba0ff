"""Comparisons give the numbers that R and its packages publish, check what they assume, and say which side is higher."""

import numpy as np
import pandas as pd
import pytest

from tabsmith.formatting import MINUS
from tabsmith.statistics.operations.compare_numbers import dunn, kruskal_wallis
from tabsmith.statistics.plan import Compare, CompareMethod
from tests.core.statistics.published import CARS, PAIRED_SLEEP, PLANTS, SLEEP, ask_of, cell, hair_and_eyes, rows_of

INTERVAL = f"95 % interval {MINUS}0.2055 to 3.365"  # of the difference of Welch's test, in R


@pytest.mark.parametrize(
    ("method", "statistic", "freedom", "p"),
    [
        ("auto", -1.8608, 17.776, 0.07939),  # R: t.test(extra ~ group, data = sleep)
        ("t", -1.8608, 18, 0.07919),  # var.equal = TRUE
        ("mann_whitney", 25.5, None, 0.06933),  # wilcox.test, with its warning about ties
    ],
)
def test_two_groups_of_sleepers(method: CompareMethod, statistic: float, freedom: float | None, p: float) -> None:
    test = ask_of(SLEEP, Compare(value="extra", by="group", method=method)).tests[0]
    assert test.statistic == pytest.approx(statistic, abs=5e-5)
    assert test.p == pytest.approx(p, abs=5e-6)
    assert test.freedom == (() if freedom is None else (pytest.approx(freedom, abs=5e-4),))


def test_the_same_sleepers_twice() -> None:
    """R: t.test(Pair(first, second) ~ 1) and wilcox.test(first, second, paired = TRUE) with its zero difference left out."""
    paired = ask_of(PAIRED_SLEEP, Compare(value="first", paired_with="second"))
    assert paired.tests[0].statistic == pytest.approx(-4.0621, abs=5e-5)
    assert paired.tests[0].p == pytest.approx(0.002833, abs=5e-7)
    assert paired.tests[1].p == pytest.approx(0.009091, abs=5e-7)  # the differences are not normal
    assert "1.580 lower" in paired.sentences[0]


def test_cohens_d_and_ranks_of_cars_with_their_intervals() -> None:
    """The R package effectsize: cohens_d(mpg ~ am), rank_biserial(mpg ~ am)."""
    d = ask_of(CARS, Compare(value="mpg", by="am", method="t")).tests[0]
    assert (d.size, d.interval) == (
        pytest.approx(-1.48, abs=5e-3),
        (pytest.approx(-2.27, abs=5e-3), pytest.approx(-0.67, abs=5e-3)),
    )
    ranks = ask_of(CARS, Compare(value="mpg", by="am", method="mann_whitney")).tests[0]
    assert ranks.size == pytest.approx(-0.66, abs=5e-3)
    assert ranks.interval == (pytest.approx(-0.84, abs=5e-3), pytest.approx(-0.36, abs=5e-3))


@pytest.mark.parametrize(
    ("method", "statistic", "p"),
    [
        ("anova", 4.846, 0.01591),
        ("auto", 5.181, 0.01739),
        ("kruskal", 7.9882, 0.01842),
    ],  # aov, oneway.test, kruskal.test
)
def test_three_groups_of_plants(method: CompareMethod, statistic: float, p: float) -> None:
    test = ask_of(PLANTS, Compare(value="weight", by="group", method=method)).tests[0]
    assert test.statistic == pytest.approx(statistic, abs=5e-4)
    assert test.p == pytest.approx(p, abs=5e-6)


def test_pairs_of_groups_after_an_analysis_of_variance() -> None:
    """R: TukeyHSD(aov(weight ~ group, PlantGrowth))."""
    findings = ask_of(PLANTS, Compare(value="weight", by="group", method="anova"))
    pairs = next(table for table in findings.tables if table.title.startswith("Pairs"))
    ps = {(row[0], row[1]): row[-1] for row in pairs.rows}
    assert ps["ctrl", "trt1"] == pytest.approx(0.3908711, abs=2e-5)
    assert ps["ctrl", "trt2"] == pytest.approx(0.1979960, abs=2e-5)
    assert ps["trt1", "trt2"] == pytest.approx(0.0120064, abs=2e-5)
    assert "1 of 3 pairs differ clearly: trt1 and trt2" in findings.sentences[1]


def test_equal_variances_of_plants() -> None:
    """R: bartlett.test(weight ~ group, PlantGrowth)."""
    tests = ask_of(PLANTS, Compare(value="weight", by="group", method="equal_variances")).tests
    assert (tests[1].statistic, tests[1].p) == (pytest.approx(2.8786, abs=5e-5), pytest.approx(0.2371, abs=5e-5))


def test_dunns_test_of_two_groups_is_kruskals() -> None:
    """With two groups z squared is H, ties or not, and a single pair needs no correction."""
    groups = [np.array([1.0, 2, 2, 3, 5]), np.array([2.0, 4, 5, 5, 6, 7])]
    assert dunn(groups)[0].p == pytest.approx(kruskal_wallis(groups).p, rel=1e-12)


def test_hair_and_eyes_by_chi_square() -> None:
    """R: chisq.test(margin.table(HairEyeColor, 1:2)), and vcd::assocstats."""
    test = ask_of(hair_and_eyes(), Compare(value="eye", by="hair")).tests[0]
    assert (test.statistic, test.freedom, test.size) == (
        pytest.approx(138.29, abs=5e-3),
        (9.0,),
        pytest.approx(0.279, abs=5e-4),
    )


def test_the_lady_and_her_tea_by_fishers_test() -> None:
    """R: fisher.test(TeaTasting); few rows choose it unasked."""
    counts = {("milk", "milk"): 3, ("milk", "tea"): 1, ("tea", "milk"): 1, ("tea", "tea"): 3}
    findings = ask_of(rows_of(counts, ("truth", "guess")), Compare(value="guess", by="truth"))
    test = findings.tests[0]
    assert (test.p, test.size) == (pytest.approx(0.4857, abs=5e-5), pytest.approx(6.408309, rel=1e-4))
    assert test.interval == (pytest.approx(0.2117329, rel=1e-3), pytest.approx(621.9337505, rel=1e-3))


def test_approval_before_and_after_by_mcnemars_test() -> None:
    """R: mcnemar.test(Performance), after Agresti."""
    counts = {("yes", "yes"): 794, ("yes", "no"): 150, ("no", "yes"): 86, ("no", "no"): 570}
    test = ask_of(rows_of(counts, ("before", "after")), Compare(value="before", paired_with="after")).tests[0]
    assert (test.statistic, test.p) == (pytest.approx(16.8178, abs=5e-4), pytest.approx(4.115e-05, rel=1e-3))


def test_two_proportions() -> None:
    """R: prop.test(c(15, 25), c(50, 50), correct = FALSE), X-squared = 4.1667."""
    counts = {("a", "1"): 15, ("a", "0"): 35, ("b", "1"): 25, ("b", "0"): 25}
    findings = ask_of(rows_of(counts, ("arm", "well")).astype({"well": int}), Compare(value="well", by="arm"))
    assert findings.tests[0].statistic ** 2 == pytest.approx(4.1667, abs=5e-5)
    assert findings.tests[0].p == pytest.approx(0.04123, abs=5e-6)
    assert findings.sentences[0] == "well is 1 for 50.0 % of b (50 rows) and 30.0 % of a (50 rows)."


def test_a_failed_assumption_brings_the_robust_test() -> None:
    skewed = pd.DataFrame(
        {"x": [float(2**i) for i in range(12)] + [float(3**i) for i in range(12)], "g": ["a"] * 12 + ["b"] * 12}
    )
    findings = ask_of(skewed, Compare(value="x", by="g"))
    assert [test.name for test in findings.tests] == ["Welch's t-test", "Mann-Whitney test"]
    assert any("Not normal" in note for note in findings.notes)


def test_groups_without_spread_fall_back_to_ranks_and_a_constant_is_said() -> None:
    still = pd.DataFrame({"x": [1.0] * 5 + [2.0] * 5, "c": [3.0] * 10, "g": ["a"] * 5 + ["b"] * 5})
    findings = ask_of(still, Compare(value="x", by="g", method="welch"))
    assert (findings.plan.method, findings.tests[0].name) == ("mann_whitney", "Mann-Whitney test")
    assert any("ranks were tested" in note for note in findings.notes)
    constant = ask_of(still, Compare(value="c", by="g", method="welch"))
    assert constant.tests == ()
    assert "does not vary" in constant.sentences[0]


def test_missing_values_and_single_rows_are_counted_as_dropped() -> None:
    frame = pd.DataFrame({"x": [1.0, 2, 3, None, 5, 6, 7, 9], "g": ["a", "a", "a", "a", "b", "b", None, "z"]})
    findings = ask_of(frame, Compare(value="x", by="g"))
    assert (findings.rows_used, findings.rows_dropped) == (5, 3)


def test_the_sentence_follows_the_numbers_and_not_the_order_of_groups() -> None:
    turned = SLEEP.assign(extra=-SLEEP["extra"])
    assert f"1.580 higher ({INTERVAL}) for two" in ask_of(SLEEP, Compare(value="extra", by="group")).sentences[0]
    assert f"1.580 higher ({INTERVAL}) for one" in ask_of(turned, Compare(value="extra", by="group")).sentences[0]
    groups = cell(ask_of(SLEEP, Compare(value="extra", by="group")), "Groups", "two", "mean")
    assert groups == pytest.approx(2.33)
