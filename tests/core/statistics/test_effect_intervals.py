"""Intervals of effect sizes, also where the library's noncentral distributions have no value any more."""

import math

import pytest

from tabsmith.statistics.effect_intervals import noncentral_chi_square, noncentral_f, noncentral_t


@pytest.mark.parametrize("f", [50.0, 5_000.0, 200_000.0])
def test_with_many_rows_an_interval_of_f_is_that_of_a_normal_root(f: float) -> None:
    low, high = noncentral_f(f, 1, 10_000_000)
    assert low == pytest.approx((math.sqrt(f) - 1.96) ** 2, rel=0.003)
    assert high == pytest.approx((math.sqrt(f) + 1.96) ** 2, rel=0.003)


def test_one_group_more_or_less_is_the_same_interval_for_t_f_and_chi_square() -> None:
    t = 60.0
    low, high = noncentral_t(t, 1e6)
    assert noncentral_f(t**2, 1, 1e6) == pytest.approx((low**2, high**2), rel=0.002)
    assert noncentral_chi_square(t**2, 1) == pytest.approx((low**2, high**2), rel=0.002)
