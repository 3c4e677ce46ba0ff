"""How strongly two columns go together: a coefficient with its interval and p for each pair of kinds."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tabsmith.statistics.effect_intervals import noncentral_chi_square, noncentral_f
from tabsmith.statistics.selected_rows import Floats

Codes = npt.NDArray[np.int64]
"""Categories as whole numbers from 0."""

_Z = 1.959963984540054  # the 0.975 quantile of the normal distribution
_PERMUTATIONS = 99
INFORMATION_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Association:
    """A coefficient of two columns; `value` and `p` are NaN where one of them is constant."""

    value: float
    p: float
    statistic: float
    freedom: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None


NO_ASSOCIATION = Association(math.nan, math.nan, math.nan)


def pearson(x: Floats, y: Floats) -> Association:
    """Pearson's r with Fisher's interval and the p of Student's t, as R's cor.test."""
    if _constant(x) or _constant(y):
        return NO_ASSOCIATION
    from scipy.stats import pearsonr

    found = pearsonr(x, y)
    r, freedom = float(found.statistic), len(x) - 2
    statistic = r * math.sqrt(freedom / (1 - r * r)) if freedom and abs(r) < 1 else math.copysign(math.inf, r)
    return Association(
        r,
        float(found.pvalue),
        statistic,
        (float(freedom),),
        _fisher_interval(r, 1 / math.sqrt(len(x) - 3)) if len(x) > 3 else None,
    )


def spearman(x: Floats, y: Floats) -> Association:
    """Spearman's rho, mean ranks for ties; p by Student's t, interval by Bonett and Wright (2000)."""
    if _constant(x) or _constant(y):
        return NO_ASSOCIATION
    from scipy.stats import spearmanr

    found = spearmanr(x, y)
    rho = float(found.statistic)
    error = math.sqrt((1 + rho * rho / 2) / (len(x) - 3)) if len(x) > 3 else math.nan
    return Association(rho, float(found.pvalue), rho, (), _fisher_interval(rho, error))


def kendall(x: Floats, y: Floats) -> Association:
    """Kendall's tau-b; p exact without ties in few rows, interval by Fieller, Hartley and Pearson (1957)."""
    if _constant(x) or _constant(y):
        return NO_ASSOCIATION
    from scipy.stats import kendalltau

    found = kendalltau(x, y)
    tau = float(found.statistic)
    error = math.sqrt(0.437 / (len(x) - 4)) if len(x) > 4 else math.nan
    return Association(tau, float(found.pvalue), tau, (), _fisher_interval(tau, error))


def contingency(first: Codes, second: Codes) -> npt.NDArray[np.int64]:
    """Rows by the categories of two columns, without categories that no row has."""
    width = int(second.max()) + 1
    counts = np.bincount(first * width + second, minlength=(int(first.max()) + 1) * width).reshape(-1, width)
    kept: npt.NDArray[np.int64] = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    return kept


def cramers_v(counts: npt.NDArray[np.int64]) -> Association:
    """Cramér's V of a table of counts, p by Pearson's chi-square, interval by noncentral chi-square."""
    if min(counts.shape) < 2:
        return NO_ASSOCIATION
    from scipy.stats import chi2_contingency

    found = chi2_contingency(counts, correction=False)
    most = float(counts.sum() * (min(counts.shape) - 1))
    low, high = noncentral_chi_square(float(found.statistic), float(found.dof))
    return Association(
        math.sqrt(found.statistic / most),
        float(found.pvalue),
        float(found.statistic),
        (float(found.dof),),
        _interval(math.sqrt(low / most), min(1.0, math.sqrt(high / most))),
    )


def correlation_ratio(codes: Codes, numbers: Floats) -> Association:
    """The correlation ratio eta (the root of the share of variance between groups), with the F test of equal means."""
    sizes = np.bincount(codes)
    groups = int((sizes > 0).sum())
    if groups < 2 or groups >= len(numbers) or _constant(numbers):
        return NO_ASSOCIATION
    from scipy.special import fdtrc

    centered = numbers - numbers.mean()
    sums = np.bincount(codes, weights=centered)
    between = float((sums[sizes > 0] ** 2 / sizes[sizes > 0]).sum())
    total = float((centered**2).sum())
    within = max(0.0, total - between)
    first, second = groups - 1, len(numbers) - groups
    f = (between / first) / (within / second) if within > 0 else math.inf
    interval = None
    if math.isfinite(f):
        low, high = (size / (size + len(numbers)) for size in noncentral_f(f, first, second))
        interval = _interval(math.sqrt(low), math.sqrt(high))
    return Association(
        math.sqrt(between / total),
        float(fdtrc(first, second, f)) if math.isfinite(f) else 0.0,
        f,
        (float(first), float(second)),
        interval,
    )


def mutual_information(
    first: Floats | Codes, second: Floats | Codes, *, numbers: tuple[bool, bool], permuted: bool
) -> Association:
    """Mutual information as a strength from 0 to 1, sqrt(1 - exp(-2 I)) (Linfoot 1957), of at most 2,000 rows.

    `statistic` is the information in nats: by counts between categories, by nearest neighbours (Kraskov 2004, Ross 2014)
    with numbers. With `permuted`, p comes of 99 shuffles (seeded).
    """
    step = max(1, -(-len(first) // INFORMATION_ROWS))
    first, second = first[::step], second[::step]
    information = _information(first, second, numbers)
    p = math.nan
    if permuted:
        shuffle = np.random.default_rng(0)
        reached = sum(
            _information(shuffle.permutation(first), second, numbers) >= information for _ in range(_PERMUTATIONS)
        )
        p = (1 + reached) / (1 + _PERMUTATIONS)
    return Association(math.sqrt(1 - math.exp(-2 * information)), p, information)


def _information(first: Floats | Codes, second: Floats | Codes, numbers: tuple[bool, bool]) -> float:
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression
    from sklearn.metrics import mutual_info_score

    if not any(numbers):
        return max(0.0, float(mutual_info_score(first, second)))
    if all(numbers):
        return float(mutual_info_regression(first.reshape(-1, 1), second, random_state=0)[0])
    values, codes = (first, second) if numbers[0] else (second, first)
    return float(mutual_info_classif(values.reshape(-1, 1), codes, random_state=0)[0])


def _constant(values: Floats) -> bool:
    return len(values) < 2 or bool((values == values[0]).all())


def _fisher_interval(value: float, error: float) -> tuple[float, float] | None:
    if not math.isfinite(error):
        return None
    if abs(value) >= 1:
        return (value, value)
    middle = math.atanh(value)
    return (math.tanh(middle - _Z * error), math.tanh(middle + _Z * error))


def _interval(low: float, high: float) -> tuple[float, float] | None:
    return None if math.isnan(low) or math.isnan(high) else (low, high)
