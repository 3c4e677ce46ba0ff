"""Tests of numbers in groups: t, Welch, paired, ranks, analyses of variance, with effect sizes and comparisons of pairs."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tabsmith.statistics.effect_intervals import noncentral_chi_square, noncentral_f, noncentral_t
from tabsmith.statistics.findings import SignificanceTest
from tabsmith.statistics.multiple_tests import holm
from tabsmith.statistics.selected_rows import Floats

_Z: Final = 1.959963984540054  # the 0.975 quantile of the normal distribution
_EXACT_RANKS: Final = 50  # values in a group up to which ranks without ties are tested exactly, as in R
_SHAPIRO_ROWS: Final = 5_000
_NORMAL_FREEDOM: Final = 5_000.0  # degrees of freedom from which the noncentral t is taken as normal
_NORMAL_T: Final = 30.0


@dataclass(frozen=True, slots=True)
class PairTest:
    """One pair of groups (by position) after a test of several: its difference, its interval, and its corrected p."""

    first: int
    second: int
    difference: float
    interval: tuple[float, float] | None
    p: float


def t_test(a: Floats, b: Floats, *, equal_variances: bool) -> tuple[SignificanceTest, tuple[float, float] | None]:
    """Student's or Welch's t-test with Cohen's d, and the interval of the difference of means.

    d is by the pooled deviation (Student), or by the root of the mean variance (Welch; Delacre and others 2021).
    """
    from scipy.stats import ttest_ind

    found = ttest_ind(a, b, equal_var=equal_variances)
    ends = found.confidence_interval()
    first, second = a.var(ddof=1), b.var(ddof=1)
    if equal_variances:
        spread = math.sqrt(((len(a) - 1) * first + (len(b) - 1) * second) / (len(a) + len(b) - 2))
        unit = math.sqrt(1 / len(a) + 1 / len(b))
    else:
        spread = math.sqrt((first + second) / 2)
        unit = math.sqrt(first / len(a) + second / len(b)) / spread if spread else math.nan
    size = float((a.mean() - b.mean()) / spread) if spread else math.nan
    t, freedom = float(found.statistic), float(found.df)
    test = SignificanceTest(
        "Student's t-test" if equal_variances else "Welch's t-test",
        t, float(found.pvalue), (freedom,), "Cohen's d", size, _d_interval(t, freedom, size, unit, len(a) + len(b)),
    )  # fmt: skip
    return test, _finite(float(ends.low), float(ends.high))


def paired_t_test(a: Floats, b: Floats) -> tuple[SignificanceTest, tuple[float, float] | None]:
    """The paired t-test with Cohen's d of the differences (d_z), and the interval of the mean difference."""
    from scipy.stats import ttest_rel

    found = ttest_rel(a, b)
    ends = found.confidence_interval()
    differences = a - b
    spread = float(differences.std(ddof=1))
    size = float(differences.mean() / spread) if spread else math.nan
    t, freedom = float(found.statistic), float(len(a) - 1)
    test = SignificanceTest(
        "paired t-test", t, float(found.pvalue), (freedom,), "Cohen's d of the differences", size,
        _d_interval(t, freedom, size, 1 / math.sqrt(len(a)), len(a)),
    )  # fmt: skip
    return test, _finite(float(ends.low), float(ends.high))


def mann_whitney(a: Floats, b: Floats) -> SignificanceTest:
    """The Mann-Whitney test: exact without ties below 50 values a group, else normal with continuity correction, as in R.

    The effect is the rank-biserial correlation (Kerby 2014): above 0 where the first group is higher.
    """
    from scipy.stats import mannwhitneyu

    both = np.concatenate([a, b])
    exact = len(np.unique(both)) == len(both) and max(len(a), len(b)) < _EXACT_RANKS
    found = mannwhitneyu(a, b, alternative="two-sided", method="exact" if exact else "asymptotic")
    size = 2 * float(found.statistic) / (len(a) * len(b)) - 1
    error = math.sqrt((len(a) + len(b) + 1) / (3 * len(a) * len(b)))
    return SignificanceTest(
        "Mann-Whitney test",
        float(found.statistic),
        float(found.pvalue),
        (),
        "rank-biserial correlation",
        size,
        _atanh(size, error),
    )


def wilcoxon(a: Floats, b: Floats) -> SignificanceTest:
    """Wilcoxon's signed-rank test; differences of 0 are left out. `statistic` is the sum of the positive ranks, R's V."""
    from scipy.stats import rankdata
    from scipy.stats import wilcoxon as signed_rank

    differences = (a - b)[a != b]
    count = len(differences)
    if count == 0:
        return SignificanceTest("Wilcoxon signed-rank test", math.nan, math.nan)
    exact = count == len(a) < _EXACT_RANKS and len(np.unique(np.abs(differences))) == count
    found = signed_rank(differences, correction=not exact, method="exact" if exact else "asymptotic")
    ranks = rankdata(np.abs(differences))
    positive = float(ranks[differences > 0].sum())
    total = count * (count + 1) / 2
    size = 2 * positive / total - 1
    error = math.sqrt((2 * count**3 + 3 * count**2 + count) / 6) / total
    return SignificanceTest(
        "Wilcoxon signed-rank test", positive, float(found.pvalue), (), "matched-pairs rank-biserial correlation", size, _atanh(size, error)
    )  # fmt: skip


def analysis_of_variance(groups: Sequence[Floats], *, equal_variances: bool) -> SignificanceTest:
    """Fisher's or Welch's analysis of variance with eta squared, its interval by noncentral F (Steiger 2004)."""
    from scipy.stats import f_oneway

    found = f_oneway(*groups, equal_var=equal_variances)
    f, first = float(found.statistic), float(len(groups) - 1)
    total = sum(map(len, groups))
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    everything = np.concatenate(groups)
    size = 1 - within / float(((everything - everything.mean()) ** 2).sum())
    second = float(total - len(groups))
    if not equal_variances:
        weights = np.array([len(group) / group.var(ddof=1) if group.var() else math.inf for group in groups])
        parts = (1 - weights / weights.sum()) ** 2 / (np.array(list(map(len, groups))) - 1)
        second = float((len(groups) ** 2 - 1) / (3 * parts.sum()))
    interval = None
    if math.isfinite(f) and math.isfinite(second):
        low, high = (noncentrality / (noncentrality + total) for noncentrality in noncentral_f(f, first, second))
        interval = _finite(low, high)
    return SignificanceTest(
        "analysis of variance" if equal_variances else "Welch's analysis of variance",
        f, float(found.pvalue), (first, second), "eta squared", size, interval,
    )  # fmt: skip


def kruskal_wallis(groups: Sequence[Floats]) -> SignificanceTest:
    """The Kruskal-Wallis test, corrected for ties, with epsilon squared, H / (n - 1) (Kelley 1935)."""
    from scipy.stats import kruskal

    found = kruskal(*groups)
    h, freedom, total = float(found.statistic), float(len(groups) - 1), sum(map(len, groups))
    low, high = (noncentrality / (total - 1) for noncentrality in noncentral_chi_square(h, freedom))
    return SignificanceTest(
        "Kruskal-Wallis test",
        h,
        float(found.pvalue),
        (freedom,),
        "epsilon squared",
        h / (total - 1),
        _finite(low, min(1.0, high)),
    )


def tukey(groups: Sequence[Floats], *, equal_variances: bool) -> list[PairTest]:
    """All pairs of groups: Tukey and Kramer's test, or Games and Howell's without equal variances."""
    from scipy.stats import tukey_hsd

    found = tukey_hsd(*groups, equal_var=equal_variances)
    ends = found.confidence_interval()
    return [
        PairTest(
            i,
            j,
            float(found.statistic[i, j]),
            _finite(float(ends.low[i, j]), float(ends.high[i, j])),
            float(found.pvalue[i, j]),
        )
        for i, j in itertools.combinations(range(len(groups)), 2)
    ]


def dunn(groups: Sequence[Floats]) -> list[PairTest]:
    """All pairs of groups by Dunn's test (1964) of mean ranks, corrected for ties, p by Holm."""
    from scipy.special import ndtr
    from scipy.stats import rankdata

    everything = np.concatenate(groups)
    ranks = rankdata(everything)
    total = len(everything)
    ties = np.unique(everything, return_counts=True)[1].astype(np.float64)
    variance = total * (total + 1) / 12 - float((ties**3 - ties).sum()) / (12 * (total - 1))
    ends = np.cumsum([len(group) for group in groups])
    means = [float(part.mean()) for part in np.split(ranks, ends[:-1])]
    pairs = list(itertools.combinations(range(len(groups)), 2))
    ps = []
    for i, j in pairs:
        error = math.sqrt(variance * (1 / len(groups[i]) + 1 / len(groups[j])))
        ps.append(2 * float(ndtr(-abs(means[i] - means[j]) / error)) if error else math.nan)
    return [PairTest(i, j, means[i] - means[j], None, p) for (i, j), p in zip(pairs, holm(ps), strict=True)]


def shapiro_wilk(values: Floats) -> SignificanceTest:
    """Shapiro and Wilk's test of normality, of at most 5,000 evenly drawn values; NaN for fewer than three or constant ones."""
    from scipy.stats import shapiro

    thinned = values[:: max(1, -(-len(values) // _SHAPIRO_ROWS))]
    if len(thinned) < 3 or thinned.min() == thinned.max():
        return SignificanceTest("Shapiro-Wilk test of normality", math.nan, math.nan)
    found = shapiro(thinned)
    return SignificanceTest("Shapiro-Wilk test of normality", float(found.statistic), float(found.pvalue))


def brown_forsythe(groups: Sequence[Floats]) -> SignificanceTest:
    """Brown and Forsythe's test of equal variances: Levene's, around medians."""
    from scipy.stats import levene

    found = levene(*groups, center="median")
    return SignificanceTest(
        "Brown-Forsythe test of equal variances", float(found.statistic), float(found.pvalue),
        (float(len(groups) - 1), float(sum(map(len, groups)) - len(groups))),
    )  # fmt: skip


def bartlett(groups: Sequence[Floats]) -> SignificanceTest:
    """Bartlett's test of equal variances, which takes the groups to be normal."""
    from scipy.stats import bartlett as test

    found = test(*groups)
    return SignificanceTest(
        "Bartlett's test of equal variances", float(found.statistic), float(found.pvalue), (float(len(groups) - 1),)
    )


def _d_interval(t: float, freedom: float, size: float, unit: float, total: int) -> tuple[float, float] | None:
    """The interval of a standardised difference, by noncentral t; by its normal approximation where that has no digits."""
    if not math.isfinite(t) or not math.isfinite(size) or not math.isfinite(unit):
        return None
    if freedom < _NORMAL_FREEDOM and abs(t) < _NORMAL_T:
        low, high = noncentral_t(t, freedom)
        if math.isfinite(low) and math.isfinite(high):
            return low * unit, high * unit
    error = math.sqrt(unit**2 + size**2 / (2 * total))
    return size - _Z * error, size + _Z * error


def _atanh(value: float, error: float) -> tuple[float, float]:
    if abs(value) >= 1:
        return (value, value)
    middle = math.atanh(value)
    return (math.tanh(middle - _Z * error), math.tanh(middle + _Z * error))


def _finite(low: float, high: float) -> tuple[float, float] | None:
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None
