"""Tests of counts: chi-square, Fisher, McNemar and two proportions, with effect sizes and their intervals."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from tabsmith.statistics.association import cramers_v
from tabsmith.statistics.findings import SignificanceTest
from tabsmith.statistics.operations.frequency import wilson_interval

Counts = npt.NDArray[np.int64]

_RESAMPLES: Final = 9_999
_EXACT_CHANGES: Final = 25  # changed pairs below which McNemar's test is exact


def expected_counts(counts: Counts) -> npt.NDArray[np.float64]:
    """The counts that independence of rows and columns would give."""
    expected: npt.NDArray[np.float64] = (
        counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
    )
    return expected


def are_counts_enough(counts: Counts) -> bool:
    """Whether chi-square may be trusted: no expected count below 1, and at most a fifth below 5 (Cochran 1954)."""
    expected = expected_counts(counts)
    return bool(expected.min() >= 1 and (expected < 5).mean() <= 0.2)


def chi_square(counts: Counts) -> SignificanceTest:
    """Pearson's chi-square test without continuity correction, with Cramér's V."""
    found = cramers_v(counts)
    return SignificanceTest(
        "chi-square test", found.statistic, found.p, found.freedom, "Cramér's V", found.value, found.interval
    )


def fisher(counts: Counts) -> SignificanceTest:
    """Fisher's exact test: of 2 x 2 counts with the conditional odds ratio; of more by 9,999 seeded random tables."""
    from scipy.stats import MonteCarloMethod, fisher_exact
    from scipy.stats.contingency import odds_ratio

    if counts.shape == (2, 2):
        p = float(fisher_exact(counts).pvalue)
        found = odds_ratio(counts)
        ends = found.confidence_interval()
        size = float(found.statistic)
        return SignificanceTest(
            "Fisher's exact test", size, p, (), "odds ratio", size, (float(ends.low), float(ends.high))
        )
    strength = cramers_v(counts)
    sampled = fisher_exact(counts, method=MonteCarloMethod(n_resamples=_RESAMPLES, rng=np.random.default_rng(0)))
    return SignificanceTest(
        "Fisher's exact test (simulated)", strength.statistic, float(np.ravel(sampled.pvalue)[0]), (), "Cramér's V", strength.value,
        strength.interval,
    )  # fmt: skip


def two_proportions(counts: Counts) -> SignificanceTest:
    """The z-test of two proportions, rows being groups and the last column the success; no continuity correction.

    The effect is the difference of the shares, first minus second, with Newcombe's interval (1998, method 10).
    """
    totals = counts.sum(axis=1)
    shares = counts[:, 1] / totals
    pooled = counts[:, 1].sum() / totals.sum()
    error = math.sqrt(pooled * (1 - pooled) * (1 / totals[0] + 1 / totals[1]))
    difference = float(shares[0] - shares[1])
    z = difference / error if error else math.nan
    first, second = (wilson_interval(int(counts[i, 1]), int(totals[i])) for i in (0, 1))
    low = difference - math.hypot(shares[0] - first[0], second[1] - shares[1])
    high = difference + math.hypot(first[1] - shares[0], shares[1] - second[0])
    from scipy.special import ndtr

    return SignificanceTest(
        "test of two proportions",
        z,
        2 * float(ndtr(-abs(z))),
        (),
        "difference of shares",
        difference,
        (float(low), float(high)),
    )


def mcnemar(counts: Counts) -> SignificanceTest:
    """McNemar's test of 2 x 2 paired counts: exact below 25 changes, else chi-square with continuity correction, as in R.

    The effect is the odds ratio of the changes, with the exact interval of their share (Clopper and Pearson 1934).
    """
    from scipy.special import chdtrc
    from scipy.stats import binomtest

    first, second = int(counts[0, 1]), int(counts[1, 0])
    changes = first + second
    if changes == 0:
        return SignificanceTest("McNemar's test", math.nan, math.nan)
    exact = binomtest(first, changes)
    ends = exact.proportion_ci()
    low, high = (share / (1 - share) if share < 1 else math.inf for share in (float(ends.low), float(ends.high)))
    size = first / second if second else math.inf
    if changes < _EXACT_CHANGES:
        return SignificanceTest(
            "McNemar's exact test", float(first), float(exact.pvalue), (), "odds ratio of changes", size, (low, high)
        )
    statistic = (abs(first - second) - 1) ** 2 / changes
    return SignificanceTest(
        "McNemar's test", statistic, float(chdtrc(1, statistic)), (1.0,), "odds ratio of changes", size, (low, high)
    )


def adjusted_residuals(counts: Counts) -> npt.NDArray[np.float64]:
    """How far each count is from independence, in standard errors (Haberman 1973)."""
    expected, total = expected_counts(counts), counts.sum()
    rows, columns = counts.sum(axis=1, keepdims=True) / total, counts.sum(axis=0, keepdims=True) / total
    residuals: npt.NDArray[np.float64] = (counts - expected) / np.sqrt(expected * (1 - rows) * (1 - columns))
    return residuals
