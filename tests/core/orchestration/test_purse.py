"""The purse: warnings at 80, 95 and 100 %, once each, and which limit is spent."""

from decimal import Decimal

import msgspec
import pytest

from tabsmith.orchestration.events import BudgetWarned
from tabsmith.orchestration.limits.budget import Budget, BudgetAmounts
from tabsmith.orchestration.questions import LimitName


def dollars(text: str) -> BudgetAmounts:
    return BudgetAmounts(dollars=Decimal(text))


def shares(warnings: tuple[BudgetWarned, ...]) -> list[tuple[LimitName, float]]:
    return [(warning.limit, warning.share) for warning in warnings]


def test_each_threshold_warns_once() -> None:
    purse = Budget(dollars("2.00"))
    steps = ["0.50", "1.60", "1.70", "1.90", "1.95", "2.00", "2.10"]
    assert [shares(purse.book(dollars(step))) for step in steps] == [
        [], [("dollars", 0.8)], [], [("dollars", 0.95)], [], [("dollars", 1.0)], [],
    ]  # fmt: skip


def test_a_leap_over_several_thresholds_warns_of_the_highest() -> None:
    assert shares(Budget(BudgetAmounts(iterations=2)).book(BudgetAmounts(iterations=2))) == [("iterations", 1.0)]


def test_after_an_extension_the_thresholds_warn_again() -> None:
    purse = Budget(dollars("2.00"))
    purse.book(dollars("2.00"))
    purse.extend(dollars("4.00"))
    assert purse.spent() is None
    assert shares(purse.book(dollars("3.20"))) == [("dollars", 0.8)]
    purse.extend(dollars("3.60"))  # 89 % of it are used: nothing new
    assert shares(purse.book(dollars("3.25"))) == []
    assert shares(purse.book(dollars("3.60"))) == [("dollars", 1.0)]


def test_the_same_limits_again_are_no_extension() -> None:
    purse = Budget(dollars("2.00"), [BudgetWarned(limit="dollars", share=0.8, words="")])
    purse.extend(dollars("2.00"))
    assert purse.book(dollars("1.70")) == ()


def test_a_resumed_run_is_not_warned_again_of_what_it_was_warned_of() -> None:
    first = Budget(dollars("2.00"))
    past = first.book(dollars("1.70"))
    resumed = Budget(dollars("2.00"), past)
    assert resumed.book(dollars("1.75")) == ()
    assert shares(resumed.book(dollars("1.95"))) == [("dollars", 0.95)]


def test_failures_that_an_answer_ended_warn_again_when_they_come_back() -> None:
    purse = Budget(BudgetAmounts(failures=5))
    counts = [4, 0, 4]
    assert [shares(purse.book(BudgetAmounts(failures=count))) for count in counts] == [
        [("failures", 0.8)], [], [("failures", 0.8)],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "spent", "which"),
    [
        (BudgetAmounts(iterations=3), BudgetAmounts(iterations=3), "iterations"),
        (BudgetAmounts(seconds=60.0), BudgetAmounts(seconds=60.5), "seconds"),
        (BudgetAmounts(tokens=1_000), BudgetAmounts(tokens=1_000), "tokens"),
        (dollars("0.30"), dollars("0.30"), "dollars"),
        (BudgetAmounts(failures=2), BudgetAmounts(failures=2), "failures"),
        (dollars("0.30"), dollars("0.2999"), None),
        (BudgetAmounts(), BudgetAmounts(iterations=9, seconds=9.0, tokens=9, dollars=Decimal(9), failures=9), None),
    ],
)
def test_a_limit_that_is_reached_is_spent(limits: BudgetAmounts, spent: BudgetAmounts, which: LimitName | None) -> None:
    purse = Budget(limits)
    purse.book(spent)
    assert purse.spent() == which


def test_cents_add_up_exactly() -> None:
    purse = Budget(dollars("1.00"))
    purse.book(BudgetAmounts(dollars=sum([Decimal("0.10")] * 10, Decimal(0))))
    assert purse.spent() == "dollars"
    assert purse.budget_used == 1.0


def test_the_share_of_time_is_apart_from_that_of_the_others() -> None:
    purse = Budget(BudgetAmounts(seconds=100.0, tokens=1_000, iterations=10))
    purse.book(BudgetAmounts(seconds=90.0, tokens=250, iterations=4))
    assert (purse.time_used, purse.budget_used) == (0.9, 0.4)


def test_the_words_hold_the_numbers_and_never_round_up_to_spent() -> None:
    purse = Budget(BudgetAmounts(dollars=Decimal("2.00"), iterations=20, seconds=600.0, tokens=200_000, failures=5))
    spending = BudgetAmounts(dollars=Decimal("1.999"), iterations=16, seconds=481.0, tokens=190_000, failures=4)
    words = {warning.limit: warning.words for warning in purse.book(spending)}
    assert words == {
        "dollars": "$1.999 of $2.00 spent (99 %)",
        "iterations": "16 of 20 iterations used (80 %)",
        "seconds": "481 of 600 s used (80 %)",
        "tokens": "190,000 of 200,000 tokens used (95 %)",
        "failures": "4 of 5 failures in a row (80 %)",
    }


def test_a_price_that_is_not_known_is_said_and_never_0() -> None:
    purse = Budget(dollars("2.00"))
    (warning,) = purse.book(dollars("1.62"), unpriced=3)
    assert warning.words == "$1.62 of $2.00 spent (81 %), price of 3 replies unknown"
    assert msgspec.json.decode(msgspec.json.encode(warning), type=BudgetWarned) == warning
