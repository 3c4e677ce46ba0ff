"""The budget: shares, warnings, what is used up and what is left, exact in cents; for a run and for one of its tasks."""

import math
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from tabsmith.agents.protocol import RemainingBudget
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.limits import LimitName, Limits
from tabsmith.orchestration.events import BudgetWarned
from tabsmith.orchestration.limits import Budget, NearlySpent, TaskBudget, UsageTracker, nearly_spent


class Run:
    """A run whose limits, clock and usage a test sets, and the tracker that looks at them."""

    def __init__(self, limits: Limits, *, warnings: tuple[BudgetWarned, ...] = (), warns_of_time: bool = True) -> None:
        self.limits = limits
        self.seconds = 0.0
        self.reserve = 0.0
        self.tracker = UsageTracker(
            lambda: self.limits,
            lambda: self.seconds,
            self._seconds_left,
            warns_of_time=warns_of_time,
            warnings=warnings,
        )

    def _seconds_left(self) -> float:
        return self.limits.seconds - self.reserve - self.seconds if self.limits.seconds else math.inf

    def spend(self, dollars: str) -> list[tuple[LimitName, float]]:
        """The warnings once so many dollars are spent in all."""
        self.tracker.usage = replace(self.tracker.usage, cost=Decimal(dollars))
        return shares(self.tracker.due_warnings())


def shares(warnings: tuple[BudgetWarned, ...]) -> list[tuple[LimitName, float]]:
    return [(warning.limit, warning.share) for warning in warnings]


def dollars(text: str) -> Limits:
    return Limits(dollars=text)


def tokens(count: int) -> Usage:
    return Usage(input_tokens=count, turns=1)


def test_each_threshold_warns_once() -> None:
    run = Run(dollars("2.00"))
    steps = ["0.50", "1.60", "1.70", "1.90", "1.95", "2.00", "2.10"]
    assert [run.spend(step) for step in steps] == [
        [], [("dollars", 0.8)], [], [("dollars", 0.95)], [], [("dollars", 1.0)], [],
    ]  # fmt: skip


def test_a_leap_over_several_thresholds_warns_of_the_highest() -> None:
    run = Run(Limits(iterations=2))
    run.tracker.count(2, 0)
    assert shares(run.tracker.due_warnings()) == [("iterations", 1.0)]


def test_after_an_extension_the_thresholds_warn_again() -> None:
    run = Run(dollars("2.00"))
    run.spend("2.00")
    run.limits = dollars("4.00")
    assert run.tracker.used_up() is None
    assert run.spend("3.20") == [("dollars", 0.8)]
    run.limits = dollars("3.60")  # 89 % of it are used: nothing new
    assert run.spend("3.25") == []
    assert run.spend("3.60") == [("dollars", 1.0)]


def test_the_same_limits_again_are_no_extension() -> None:
    run = Run(dollars("2.00"), warnings=(BudgetWarned(limit="dollars", share=0.8, words=""),))
    run.limits = dollars("2.00")
    assert run.spend("1.70") == []


def test_a_resumed_run_is_not_warned_again_of_what_it_was_warned_of() -> None:
    first = Run(dollars("2.00"))
    first.tracker.book(Usage(cost=Decimal("1.70")))
    resumed = Run(dollars("2.00"), warnings=first.tracker.due_warnings())
    assert resumed.spend("1.75") == []
    assert resumed.spend("1.95") == [("dollars", 0.95)]


def test_failures_that_an_answer_ended_warn_again_when_they_come_back() -> None:
    run = Run(Limits(failures=5))
    found = []
    for count in (4, 0, 4):
        run.tracker.count(0, count)
        found.append(shares(run.tracker.due_warnings()))
    assert found == [[("failures", 0.8)], [], [("failures", 0.8)]]


def test_a_search_is_not_warned_of_its_time_limit_which_is_its_plan() -> None:
    search, agent = Run(Limits(seconds=10.0), warns_of_time=False), Run(Limits(seconds=10.0))
    search.seconds = agent.seconds = 9.0
    assert shares(search.tracker.due_warnings()) == []
    assert shares(agent.tracker.due_warnings()) == [("seconds", 0.8)]


def test_time_is_used_up_when_only_the_time_for_finishing_is_left() -> None:
    run = Run(Limits(seconds=60.0))
    run.seconds, run.reserve = 56.0, 4.0
    assert run.tracker.used_up() == "seconds"
    assert run.tracker.budget().share("seconds") < 1


@pytest.mark.parametrize(
    ("budget", "which"),
    [
        (Budget(limits=Limits(iterations=3), iterations=3), "iterations"),
        (Budget(limits=Limits(seconds=60.0), seconds=60.5), "seconds"),
        (Budget(limits=Limits(tokens=1_000), usage=tokens(1_000)), "tokens"),
        (Budget(limits=dollars("0.30"), usage=Usage(cost=Decimal("0.30"))), "dollars"),
        (Budget(limits=Limits(failures=2), failures=2), "failures"),
        (Budget(limits=dollars("0.30"), usage=Usage(cost=Decimal("0.2999"))), None),
        (Budget(iterations=9, seconds=9.0, failures=9, usage=Usage(input_tokens=9, cost=Decimal(9))), None),
    ],
)
def test_a_limit_that_is_reached_is_used_up(budget: Budget, which: LimitName | None) -> None:
    assert budget.used_up() == which


def test_cents_add_up_exactly() -> None:
    run = Run(dollars("1.00"))
    for _ in range(10):
        run.tracker.book(Usage(cost=Decimal("0.10")))
    assert run.tracker.used_up() == "dollars"
    assert run.tracker.budget().largest_share == 1.0


def test_the_share_of_time_is_apart_from_that_of_the_others() -> None:
    limits = Limits(seconds=100.0, tokens=1_000, iterations=10)
    budget = Budget(limits=limits, seconds=90.0, usage=tokens(250), iterations=4)
    assert (budget.time_share, budget.largest_share) == (0.9, 0.4)


def test_the_sentences_hold_the_numbers_and_never_round_up_to_spent() -> None:
    budget = Budget(
        limits=Limits(dollars="2.00", iterations=20, seconds=600.0, tokens=200_000, failures=5),
        usage=Usage(input_tokens=190_000, cost=Decimal("1.999")),
        iterations=16,
        seconds=481.0,
        failures=4,
    )
    assert {name: budget.sentence(name) for name in ("dollars", "iterations", "seconds", "tokens", "failures")} == {
        "dollars": "$1.999 of $2.00 spent (99 %)",
        "iterations": "16 of 20 iterations used (80 %)",
        "seconds": "481 of 600 s used (80 %)",
        "tokens": "190,000 of 200,000 tokens used (95 %)",
        "failures": "4 of 5 failures in a row (80 %)",
    }


def test_a_price_that_is_not_known_is_said_and_never_0() -> None:
    run = Run(dollars("2.00"))
    run.tracker.book(Usage(cost=Decimal("1.62"), unpriced=3))
    (warning,) = run.tracker.due_warnings()
    assert warning.words == "$1.62 of $2.00 spent (81 %), price of 3 replies unknown"
    assert msgspec.json.decode(msgspec.json.encode(warning), type=BudgetWarned) == warning


def test_an_agent_is_told_what_is_left_and_never_less_than_nothing() -> None:
    budget = Budget(limits=Limits(iterations=3, dollars="1.00"), iterations=5, usage=Usage(cost=Decimal("0.75")))
    assert budget.remaining(math.inf) == RemainingBudget(None, 0, None, "0.25")
    assert Budget(limits=Limits(tokens=10), usage=tokens(4)).remaining(2.5) == RemainingBudget(2.5, None, 6, None)


def test_only_cost_that_is_newly_nearly_spent_ends_in_a_checkpoint() -> None:
    def warned(limit: LimitName, share: float) -> BudgetWarned:
        return BudgetWarned(limit=limit, share=share, words="")

    assert nearly_spent([warned("tokens", 0.95), warned("dollars", 0.95)]) == NearlySpent("dollars", 0.95)
    assert nearly_spent([warned("dollars", 0.8), warned("tokens", 1.0), warned("iterations", 0.95)]) is None


def test_a_task_has_its_own_limits_within_those_of_its_file() -> None:
    run = Run(Limits(dollars="1.00"))
    run.tracker.book(Usage(cost=Decimal("0.40")))
    run.tracker.count(3, 0)
    run.seconds = 20.0
    task = TaskBudget(
        Limits(iterations=2, seconds=5.0, dollars="0.50"), run.tracker, first=4, before=run.tracker.usage, started=20.0
    )
    assert (task.dollars_left(), task.seconds_left(), task.budget().used_up()) == ("0.50", 5.0, None)
    run.tracker.book(Usage(cost=Decimal("0.30")))
    run.tracker.count(5, 0)
    assert (task.dollars_left(), task.budget().used_up(), task.spent()) == ("0.20", "iterations", False)
    run.tracker.book(Usage(cost=Decimal("0.20")))
    assert task.spent()


def test_a_task_without_limits_of_its_own_ends_with_its_file() -> None:
    run = Run(Limits(tokens=100))
    task = TaskBudget(Limits(), run.tracker, first=1, before=NO_USAGE, started=0.0)
    assert (task.dollars_left(), task.seconds_left(), task.spent()) == ("", math.inf, False)
    run.tracker.book(tokens(100))
    assert (task.spent(), task.budget().used_up()) == (True, None)
