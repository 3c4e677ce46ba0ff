"""95 % intervals of effect sizes from noncentral distributions: the parameters under which what was seen is not yet rare.

The method is Steiger and Fouladi's (1997): an end of the interval is the noncentrality that puts the statistic at its
0.025 or 0.975 quantile.
"""

import math
from collections.abc import Callable

_LOW, _HIGH = 0.025, 0.975


def noncentral_t(t: float, freedom: float) -> tuple[float, float]:
    """The noncentralities of Student's t."""
    from scipy.special import nctdtr

    width = 10 + abs(t)
    return (
        _solve(lambda delta: float(nctdtr(freedom, delta, t)) - _HIGH, t - width, t + width),
        _solve(lambda delta: float(nctdtr(freedom, delta, t)) - _LOW, t - width, t + width),
    )


def noncentral_f(f: float, first: float, second: float) -> tuple[float, float]:
    """The noncentralities of F; 0 where even no effect makes the statistic no rarer."""
    from scipy.special import ncfdtr

    most = 10 * f * first + 100
    return _ends(lambda size: float(ncfdtr(first, second, size, f)), most)


def noncentral_chi_square(statistic: float, freedom: float) -> tuple[float, float]:
    """The noncentralities of chi-square; 0 where even no effect makes the statistic no rarer."""
    from scipy.special import chndtr

    return _ends(lambda size: float(chndtr(statistic, freedom, size)), 4 * statistic + 100)


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
    return float(brentq(function, low, high, xtol=1e-10))
