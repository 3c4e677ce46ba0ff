"""95 % intervals of effect sizes from noncentral distributions: the parameters under which what was seen is not yet rare.

The method is Steiger and Fouladi's (1997): an end of the interval is the noncentrality that puts the statistic at its
0.025 or 0.975 quantile. Where the library knows no value of a distribution, far out, that of Patnaik's approximation (1949;
for t, the normal one) stands in, which is near there. An end that
cannot be computed is NaN.
"""

import math
from collections.abc import Callable

_LOW, _HIGH = 0.025, 0.975


def noncentral_t(t: float, freedom: float) -> tuple[float, float]:
    """The noncentralities of Student's t."""
    from scipy.special import nctdtr, ndtr

    def cumulated(delta: float) -> float:
        exact = float(nctdtr(freedom, delta, t))
        if not math.isnan(exact):
            return exact
        return float(ndtr((t * (1 - 1 / (4 * freedom)) - delta) / math.sqrt(1 + t**2 / (2 * freedom))))

    width = 10 + abs(t)
    return (
        _solve(lambda delta: cumulated(delta) - _HIGH, t - width, t + width),
        _solve(lambda delta: cumulated(delta) - _LOW, t - width, t + width),
    )


def noncentral_f(f: float, first: float, second: float) -> tuple[float, float]:
    """The noncentralities of F; 0 where even no effect makes the statistic no rarer."""
    from scipy.special import fdtr, ncfdtr

    def cumulated(size: float) -> float:
        exact = float(ncfdtr(first, second, size, f))
        if not math.isnan(exact):
            return exact
        return float(fdtr((first + size) ** 2 / (first + 2 * size), second, f * first / (first + size)))

    return _ends(cumulated, 10 * f * first + 100)


def noncentral_chi_square(statistic: float, freedom: float) -> tuple[float, float]:
    """The noncentralities of chi-square; 0 where even no effect makes the statistic no rarer."""
    from scipy.special import chdtr, chndtr

    def cumulated(size: float) -> float:
        exact = float(chndtr(statistic, freedom, size))
        if not math.isnan(exact):
            return exact
        scale = (freedom + 2 * size) / (freedom + size)
        return float(chdtr((freedom + size) / scale, statistic / scale))

    return _ends(cumulated, 4 * statistic + 100)


def _ends(cumulated: Callable[[float], float], most: float) -> tuple[float, float]:
    at_zero = cumulated(0.0)
    low = 0.0 if at_zero <= _HIGH else _solve(lambda size: cumulated(size) - _HIGH, 0.0, most)
    high = 0.0 if at_zero <= _LOW else _solve(lambda size: cumulated(size) - _LOW, 0.0, most)
    return low, high


def _solve(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    ends = function(low), function(high)
    if any(math.isnan(end) for end in ends) or ends[0] * ends[1] > 0:
        return math.nan
    try:
        return float(brentq(function, low, high, xtol=1e-10))
    except ValueError:  # the distribution has no digits there
        return math.nan
