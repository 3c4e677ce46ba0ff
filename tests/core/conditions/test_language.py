"""The language of conditions: what it says, what it refuses and where, and that nothing else ever comes out of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.conditions import (
    BUILT_IN,
    MAX_DEPTH,
    MAX_LENGTH,
    VARIABLES,
    IterationMetrics,
    compile_expression,
    parse_condition,
)
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import ConditionError, UsageError

FACTS = IterationMetrics(iteration=4, valid=True, quality=0.42, gain=-0.1, tokens=100, failures=2)


def refusal(text: str) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        compile_expression(text)
    assert isinstance(caught.value, UsageError)
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("quality < 0.5", True),
        ("quality < 0.5 and iteration > 4", False),
        ("quality < 0.1 or iteration >= 4", True),
        ("not valid or gain < -0.05", True),
        ("0.4 < quality <= 0.5", True),
        ("0.5 < quality <= 0.6", False),
        ("0 < iteration < 9 < tokens", True),
        ("0 < 200 < iteration", False),
        ("2 + 3 * 4 == 14", True),
        ("(2 + 3) * 4 == 20", True),
        ("10 - 4 - 3 == 3", True),
        ("12 / 3 / 2 == 2", True),
        ("-(-iteration) == +4", True),
        ("not quality < 0.5", False),
        ("not (quality < 0.5 and not valid)", True),
        ("valid == true", True),
        ("scored != True", True),
        ("valid", True),
        ("scored", False),
        ("false or TRUE", True),
        ("iteration*25==tokens", True),
        ("iteration == 004 AND NOT scored", True),
        (".5 > quality and 1e2 == tokens", True),
        ("true or false and false", True),
    ],
)
def test_a_condition_means_what_it_says(text: str, held: bool) -> None:
    assert compile_expression(text).holds(FACTS).held is held


def test_the_outcome_shows_the_condition_with_its_values() -> None:
    assert (
        compile_expression("quality < 0.5 and iteration > 3").holds(FACTS).why
        == "quality 0.42 < 0.5 and iteration 4 > 3"
    )
    assert compile_expression("not valid").holds(FACTS).why == "not valid true"


@pytest.mark.parametrize(
    ("text", "character", "words"),
    [
        ("", 1, "empty"),
        ("qualty < 0.5", 1, "'quality'"),
        ("valid and iteration > limit", 23, "nearest one is"),
        ("quality and iteration > 3", 1, "a number"),
        ("iteration > 3 and quality", 19, "a number"),
        ("valid > 1", 1, "compares numbers"),
        ("1 > valid", 5, "like with like"),
        ("valid == 1", 10, "like with like"),
        ("not quality", 5, "`not`"),
        ("-valid < 1", 2, "numbers"),
        ("valid + 1 > 1", 1, "computes with numbers"),
        ("quality", 1, "true or false"),
        ("quality = 1", 9, "'='"),
        ("quality <", 10, "breaks off"),
        ("(quality < 1", 1, "not closed"),
        ("quality < 1)", 12, "not expected"),
        ("quality < 1 iteration > 1", 13, "not expected"),
        ("tokens > 5k", 10, "neither a number nor a name"),
        ("tokens > 1.2.3", 10, "neither a number nor a name"),
        ("1e999 > tokens", 1, "too large"),
        ("abs(gain) > 1", 1, "calls nothing"),
        ("gain.real > 1", 5, "'.'"),
        ("gain[0] > 1", 5, "'['"),
        ("tokens > 'a'", 10, '"\'"'),
        ("1 if valid else 0", 3, "not expected"),
        ("(valid := true)", 8, "':'"),
        ("tokens ** 9 > 1", 9, "not expected"),
        ("lambda: true", 7, "':'"),
        ("valid and", 10, "breaks off"),
        ("quality is 1", 9, "'is'"),
        ("(valid scored)", 2, "is missing"),
        ("tokens > 0x10", 10, "neither a number nor a name"),
        ("tokens > 1_000", 10, "neither a number nor a name"),
        ("None", 1, "not expected"),
        ("()", 1, "not expected"),
        ("[x for x in tokens]", 1, "'['"),
        ("__import__ > 1", 1, "nearest one is"),
        ("budget_used > 80%", 17, "'%'"),
        ("valid\x1b[2J", 6, "cannot be seen"),
        ("quality ≥ 1", 9, "'≥'"),
    ],
)
def test_what_is_no_condition_is_refused_at_its_place(text: str, character: int, words: str) -> None:
    error = refusal(text)
    assert error.where.startswith(f"character {character} ")
    assert words in error.what
    assert "\x1b" not in str(error)


def test_length_and_depth_are_bounded() -> None:
    assert compile_expression("+".join(["1"] * 140) + " > 1").holds(FACTS).held
    assert compile_expression("+".join(["(1)"] * (MAX_DEPTH + 1)) + " > 1").holds(FACTS).held
    assert "longer" in refusal("1 <" * MAX_LENGTH).what
    deep = "(" * (MAX_DEPTH + 1) + "valid" + ")" * (MAX_DEPTH + 1)
    assert "stand in each other" in refusal(deep).what
    assert "stand in each other" in refusal("not " * (MAX_DEPTH + 1) + "valid").what
    assert "stand in each other" in refusal("-" * (MAX_DEPTH + 1) + "1 < 2").what
    assert compile_expression("(" * MAX_DEPTH + "valid" + ")" * MAX_DEPTH).holds(FACTS).held


@pytest.mark.parametrize(
    ("text", "facts", "words"),
    [
        ("tokens / (iteration - 4) > 1", FACTS, "division by zero"),
        ("not tokens / (iteration - 4) > 1", FACTS, "division by zero"),
        ("1e300 * 1e300 > 1", FACTS, "too large"),
        ("quality < 0.5", IterationMetrics(quality=math.nan), "quality is not a finite number"),
        ("tokens > 1", IterationMetrics(tokens=10**400), "tokens is not a finite number"),
    ],
)
def test_what_cannot_be_computed_is_false_and_says_so(text: str, facts: IterationMetrics, words: str) -> None:
    outcome = compile_expression(text).holds(facts)
    assert not outcome.held
    assert not outcome.computed
    assert words in outcome.why


def test_a_division_can_be_guarded() -> None:
    outcome = compile_expression("iteration > 4 and tokens / (iteration - 4) > 1").holds(FACTS)
    assert (outcome.held, outcome.computed) == (False, True)


def test_only_what_speaks_of_nothing_but_growing_numbers_is_running() -> None:
    assert compile_expression("seconds > 60 or tokens > 5").running
    assert not compile_expression("seconds > 60 and quality < 0.5").running
    assert not compile_expression("true").running


def test_the_fields_of_the_facts_are_the_names_and_each_is_described() -> None:
    assert tuple(VARIABLES) == IterationMetrics.__struct_fields__
    assert all(name.description for name in VARIABLES.values())
    for name in VARIABLES.values():
        outcome = compile_expression(f"{name.name} == {name.name}").holds(IterationMetrics())
        assert outcome.held


@pytest.mark.parametrize(
    ("name", "quiet", "loud"),
    [
        ("low confidence", IterationMetrics(confidence=0.3), IterationMetrics(confidence=0.29)),
        ("consecutive failures", IterationMetrics(failures=2), IterationMetrics(failures=3)),
        ("time", IterationMetrics(time_used=0.79), IterationMetrics(time_used=0.8)),
        ("rate limit", IterationMetrics(), IterationMetrics(rate_limits=1)),
        ("budget 80 %", IterationMetrics(budget_used=0.79), IterationMetrics(budget_used=0.8)),
        ("budget 95 %", IterationMetrics(budget_used=0.94), IterationMetrics(budget_used=0.95)),
        ("champion changed", IterationMetrics(), IterationMetrics(champion_changed=True)),
        ("task accepted", IterationMetrics(), IterationMetrics(accepted=True)),
        ("task rejected", IterationMetrics(accepted=True), IterationMetrics(rejected=True)),
        ("agents disagree", IterationMetrics(disagreement=0.49), IterationMetrics(disagreement=0.5)),
    ],
)
def test_every_built_in_condition_is_true_and_false_where_it_should(
    name: str, quiet: IterationMetrics, loud: IterationMetrics
) -> None:
    condition = parse_condition(name)
    assert (condition.name, condition.text) == (name, BUILT_IN[name].expression)
    assert not condition.holds(quiet).held
    assert condition.holds(loud).held


def test_the_built_in_names_are_all_tried_above_and_understood_as_people_write_them() -> None:
    assert len(BUILT_IN) == 10
    assert parse_condition("  Budget 80% ").name == "budget 80 %"
    assert parse_condition("quality < 0.5").name == ""
    assert all(parse_condition(text).name == text for text in AgentSettings().breakpoints)


def test_a_misspelt_built_in_names_the_nearest_one() -> None:
    with pytest.raises(ConditionError, match="'low confidence'"):
        parse_condition("low confidense")
    with pytest.raises(ConditionError, match="'quality'"):
        parse_condition("qualty < 0.5")


SIGNS = ["(", ")", "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/"]
WORDS = [*VARIABLES, *SIGNS, "and", "or", "not", "true", "false", "0", "1", "0.5", "1e308", "3"]


@given(st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join))
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    try:
        condition = parse_condition(text)
    except ConditionError:
        return
    assert isinstance(condition.holds(FACTS).held, bool)


NUMBERS = st.sampled_from([name.name for name in VARIABLES.values() if name.kind == "number"]) | st.floats(
    0, 1e300
).map(lambda value: f"{value:.6g}")
SUMS = st.recursive(
    NUMBERS,
    lambda below: st.tuples(below, st.sampled_from("+-*/"), below).map(lambda parts: f"({''.join(parts)})"),
    max_leaves=6,
)
COMPARED = st.tuples(SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS).map(" ".join)
LOGIC = st.recursive(
    COMPARED,
    lambda below: (
        st.tuples(below, st.sampled_from(["and", "or"]), below).map(lambda parts: f"({' '.join(parts)})")
        | below.map(lambda part: f"not {part}")
    ),
    max_leaves=3,
)
ANY_FACTS = st.builds(
    IterationMetrics,
    quality=st.floats(),
    gain=st.floats(),
    seconds=st.floats(),
    dollars=st.floats(),
    iteration=st.integers(-(10**400), 10**400),
    tokens=st.integers(0, 10**12),
    valid=st.booleans(),
)


@given(LOGIC.filter(lambda text: len(text) <= MAX_LENGTH), ANY_FACTS)
def test_every_condition_has_an_outcome_on_any_facts(text: str, facts: IterationMetrics) -> None:
    outcome = compile_expression(text).holds(facts)
    assert isinstance(outcome.held, bool)
    assert outcome.computed or not outcome.held


def test_a_nested_chain_is_checked_in_one_pass_and_not_twice_a_level() -> None:
    levels = (MAX_LENGTH - len("valid")) // len("true==()==true")
    assert compile_expression("true==(" * levels + "valid" + ")==true" * levels).holds(FACTS).held
