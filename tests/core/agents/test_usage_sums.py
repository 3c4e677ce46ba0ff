"""Totals of sessions, to the token and to the last digit of the cost."""

import random
from decimal import Decimal
from fractions import Fraction

from tabsmith.agents.usage import NO_USAGE, Usage, total_usage


def test_a_total_is_the_sum_of_every_field() -> None:
    first, second = Usage(1, 2, 3, 4, 5, 6, Decimal("0.1"), 7), Usage(10, 20, 30, 40, 50, 60, Decimal("0.2"), 70)
    assert total_usage([first, second]) == Usage(11, 22, 33, 44, 55, 66, Decimal("0.3"), 77)
    assert total_usage([]) == NO_USAGE


def test_long_costs_are_added_without_rounding_in_any_order() -> None:
    chance = random.Random(3)
    costs = [Decimal(chance.randrange(10**28)).scaleb(-chance.randrange(20, 40)) for _ in range(500)]
    usages = [Usage(cost=cost) for cost in costs]
    assert Fraction(total_usage(usages).cost) == sum(Fraction(cost) for cost in costs)
    assert total_usage(reversed(usages)) == total_usage(usages)
