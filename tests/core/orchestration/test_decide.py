"""The decision: five actions, their thresholds, their words, and an end to every repetition."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.agents.protocol import AgentErrorKind
from tabsmith.orchestration.decisions import Decision, DecisionAction, Thresholds
from tabsmith.orchestration.loop.decide import STUCK_AFTER, DecisionInput, DecisionStreak, NearlySpent, decide


def situation(quality: float = 0.78, *, valid: bool = True, **more: object) -> DecisionInput:
    return DecisionInput(valid=valid, quality=quality, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("quality", "valid", "action", "rule"),
    [
        (0.78, True, "proceed", "valid, quality 0.78 ≥ 0.70"),
        (0.7, True, "proceed", "valid, quality 0.70 ≥ 0.70"),
        (0.6999, True, "clarify", "valid, quality 0.6999 between 0.5000 and 0.7000"),
        (0.61, True, "clarify", "valid, quality 0.61 between 0.50 and 0.70"),
        (0.5, True, "clarify", "valid, quality 0.50 between 0.50 and 0.70"),
        (0.42, True, "escalate", "valid, but quality 0.42 < 0.50"),
        (0.9, False, "escalate", "not valid, quality 0.90"),
        (float("nan"), True, "escalate", "valid, but its quality is not a number"),
    ],
)
def test_the_default_rule_in_words_with_numbers(quality: float, valid: bool, action: DecisionAction, rule: str) -> None:
    decision = decide(situation(quality, valid=valid))
    assert (decision.action, decision.rule, decision.by) == (action, rule, "rule")
    assert decision.thresholds == Thresholds()


def test_other_thresholds_are_obeyed_and_named() -> None:
    decision = decide(situation(0.78, thresholds=Thresholds(proceed=0.9, escalate=0.2)))
    assert (decision.action, decision.rule) == ("clarify", "valid, quality 0.78 between 0.20 and 0.90")


def test_the_confidence_is_how_far_the_nearest_threshold_is() -> None:
    assert decide(situation(0.7)).confidence == 0.0
    assert decide(situation(1.0)).confidence == 1.0
    assert decide(situation(0.6)).confidence == 1.0
    assert decide(situation(0.5)).confidence == 0.0
    assert decide(situation(0.0)).confidence == 1.0
    assert decide(situation(0.25)).confidence == 0.5


def test_the_agents_own_confidence_speaks_for_going_on_and_against_holding_up() -> None:
    for quality, sign in ((0.85, 1), (0.6, -1), (0.3, -1)):
        sure, unsure = (decide(situation(quality, own_confidence=own)).confidence for own in (1.0, 0.0))
        assert (sure - unsure) * sign > 0


def test_trouble_that_stays_escalates() -> None:
    over = decide(situation(0.0, valid=False, trouble="access"))
    assert over.action == "escalate"
    assert "access" in over.rule


def test_a_limit_that_is_nearly_spent_is_a_checkpoint_but_never_hides_an_escalation() -> None:
    near = NearlySpent("dollars", 0.95)
    decision = decide(situation(0.78, near=near))
    assert (decision.action, decision.confidence) == ("checkpoint", 1.0)
    assert decision.rule == "95 % of the limit of dollars is used; valid, quality 0.78 ≥ 0.70"
    assert decide(situation(0.3, near=near)).action == "escalate"


def history(qualities: list[float], *, improved: tuple[int, ...] = ()) -> list[Decision]:
    """The decisions of iterations of these qualities; those numbered in `improved`, from 1, found a champion."""
    repeats, made = DecisionStreak(), []
    for number, quality in enumerate(qualities, 1):
        won = number in improved
        decision = decide(situation(quality, improved=won, streak=repeats))
        repeats = repeats.after(decision, progress=won)
        made.append(decision)
    return made


def test_a_decision_that_repeats_without_progress_ends_in_escalate() -> None:
    made = history([0.6] * 30)
    assert [decision.action for decision in made[:3]] == ["clarify", "clarify", "escalate"]
    assert "clarify 3 times in a row without progress" in made[2].rule
    longest = max(len(list(group)) for _, group in itertools.groupby(decision.action for decision in made))
    assert longest < STUCK_AFTER


def test_progress_or_another_decision_between_starts_the_count_anew() -> None:
    assert [each.action for each in history([0.6, 0.6, 0.8, 0.6, 0.6])] == [
        "clarify", "clarify", "proceed", "clarify", "clarify",
    ]  # fmt: skip
    assert [each.action for each in history([0.8] * 5, improved=(3,))] == ["proceed"] * 5
    assert history([0.8] * 3)[-1].action == "escalate"


def test_a_persons_decision_is_a_new_start() -> None:
    twice = DecisionStreak("clarify", 2)
    assert twice.after(Decision("clarify", 1.0, "you said so", by="person"), progress=False) == DecisionStreak()


@given(st.lists(st.floats(0, 1), max_size=20), st.integers(0, 20))
def test_a_resumed_run_counts_the_same(qualities: list[float], cut: int) -> None:
    whole = history(qualities)
    repeats = DecisionStreak()
    for decision in whole[:cut]:
        repeats = repeats.after(decision, progress=False)
    resumed = []
    for quality in qualities[cut:]:
        decision = decide(situation(quality, streak=repeats))
        repeats = repeats.after(decision, progress=False)
        resumed.append(decision)
    assert resumed == whole[cut:]


@given(
    st.builds(
        DecisionInput,
        valid=st.booleans(),
        quality=st.floats(),
        own_confidence=st.none() | st.floats(),
        improved=st.booleans(),
        trouble=st.sampled_from(["", *get_args(AgentErrorKind)]),
        near=st.none() | st.builds(NearlySpent, st.sampled_from(["dollars", "tokens"]), st.floats(0.9, 1)),
        streak=st.builds(DecisionStreak, st.sampled_from(["", *get_args(DecisionAction)]), st.integers(0, 5)),
        thresholds=st.builds(Thresholds, st.floats(0.5, 1), st.floats(0, 0.5)),
    )
)
def test_there_is_always_a_decision_with_a_confidence_and_a_rule(given_: DecisionInput) -> None:
    decision = decide(given_)
    assert 0.0 <= decision.confidence <= 1.0
    assert decision.rule
