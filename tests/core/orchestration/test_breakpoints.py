"""Breakpoints fire when they should, once where they should, and stand where they stood after a resume."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.conditions import IterationMetrics
from tabsmith.errors import ConditionError
from tabsmith.orchestration.human_review import Breakpoints, Fired


def fired(breakpoints: Breakpoints, *facts: IterationMetrics) -> list[int]:
    """How many conditions fired in each iteration."""
    return [len(breakpoints.check(each)) for each in facts]


def test_a_condition_on_an_iteration_fires_in_each_in_which_it_is_true() -> None:
    iterations = [IterationMetrics(quality=quality) for quality in (0.4, 0.3, 0.8, 0.2)]
    assert fired(Breakpoints(["quality < 0.5"]), *iterations) == [1, 1, 0, 1]


def test_a_condition_on_what_grows_fires_when_it_becomes_true() -> None:
    iterations = [
        IterationMetrics(budget_used=used) for used in (0.5, 0.81, 0.9, 0.6, 0.85)
    ]  # a limit was raised between
    assert fired(Breakpoints(["budget 80 %"]), *iterations) == [0, 1, 0, 0, 1]


def test_a_mixed_condition_fires_like_one_on_an_iteration() -> None:
    iterations = [IterationMetrics(seconds=90.0, quality=quality) for quality in (0.4, 0.4)]
    assert fired(Breakpoints(["seconds > 60 and quality < 0.5"]), *iterations) == [1, 1]


def test_what_fired_says_which_and_why_with_the_values() -> None:
    breakpoints = Breakpoints(["low confidence", "iteration > 3"])
    assert breakpoints.check(IterationMetrics(iteration=7, confidence=0.21)) == (
        Fired("confidence < 0.3", "low confidence", "low confidence: confidence 0.21 < 0.3"),
        Fired("iteration > 3", "", "iteration 7 > 3"),
    )


def test_the_same_condition_given_twice_fires_once() -> None:
    assert len(Breakpoints(["rate limit", "Rate  Limit"]).check(IterationMetrics(rate_limits=1))) == 1


def test_what_cannot_be_computed_does_not_fire() -> None:
    assert Breakpoints(["tokens / iteration_tokens > 2"]).check(IterationMetrics(tokens=5)) == ()


def test_a_condition_with_an_unknown_name_is_refused_when_it_is_written() -> None:
    with pytest.raises(ConditionError, match="'quality'"):
        Breakpoints(["rate limit", "qualty < 0.5"])


def test_the_built_in_ones_fire_on_the_facts_of_a_bad_iteration() -> None:
    names = ["low confidence", "consecutive failures", "time", "rate limit", "budget 80 %", "budget 95 %",
             "champion changed", "agents disagree"]  # fmt: skip
    bad = IterationMetrics(
        confidence=0.1, failures=3, time_used=0.9, rate_limits=2, budget_used=0.97, champion_changed=True,
        disagreement=0.6,
    )  # fmt: skip
    breakpoints = Breakpoints(names)
    assert [each.name for each in breakpoints.check(bad)] == names
    assert breakpoints.check(IterationMetrics(confidence=1.0)) == ()


FACTS = st.builds(IterationMetrics, quality=st.floats(0, 1), time_used=st.floats(0, 1), budget_used=st.floats(0, 1))


@given(st.lists(FACTS, max_size=12), st.integers(0, 12))
def test_a_resumed_run_fires_what_it_would_have_fired(facts: list[IterationMetrics], cut: int) -> None:
    conditions = ["quality < 0.5", "time", "budget 80 %", "budget 95 %"]
    whole = Breakpoints(conditions)
    fired = [whole.check(each) for each in facts]
    resumed = Breakpoints(conditions).replay(facts[:cut])
    assert [resumed.check(each) for each in facts[cut:]] == fired[cut:]
