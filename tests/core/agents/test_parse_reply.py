"""Replies as models really write them: what has one reading is read, what has not is refused in words."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tabsmith.agents.parse_reply import MAX_CHARACTERS, parse_reply
from tabsmith.agents.prompts.recipe_prompt import ANSWER_FORMAT
from tabsmith.agents.protocol import Exhausted, Proposal
from tabsmith.errors import AgentReplyError
from tabsmith.recipes.recipe import DerivedColumn, Recipe

RECIPE = '{"family": "lightgbm", "parameters": {"num_leaves": 63, "learning_rate": 0.05}}'
WANTED = Recipe("lightgbm", parameters={"num_leaves": 63, "learning_rate": 0.05})
ANSWERED = f'{{"recipe": {RECIPE}, "reason": "slower steps", "confidence": 0.6}}'


def proposal(text: str) -> Proposal:
    found = parse_reply(text)
    assert isinstance(found, Proposal)
    return found


def refusal(text: str) -> str:
    with pytest.raises(AgentReplyError) as caught:
        parse_reply(text)
    assert caught.value.next_step == ANSWER_FORMAT
    assert caught.value.trouble == "data"
    return caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        ANSWERED,
        f"  \n\ufeff{ANSWERED}\n\n",
        f"```json\n{ANSWERED}\n```",
        f"```\n{ANSWERED}\n```",
        f"```JSON5\r\n{ANSWERED}\r\n```",
        f"~~~\n{ANSWERED}\n~~~",
        f"```json\n{ANSWERED}",
        f"Sure! Here is the recipe:\n\n```json\n{ANSWERED}\n```\nLet me know how it goes {{or not}}.",
        f'The current champion uses {{depth: 6}}. I\'d say "smaller" {ANSWERED} Good luck!',
        f'<think>maybe {{"family"}} or {{ }}? no</think>{ANSWERED}',
        f'First idea:\n```json\n{{"recipe": {{"family": "linear"}}}}\n```\nBetter:\n```json\n{ANSWERED}\n```',
        f"[{ANSWERED}]",
        f'{{"answer": {ANSWERED}}}',
        f'{{"response": {{"output": {ANSWERED}}}}}',
        f'{{"name": "answer", "arguments": {ANSWERED}}}',
        f'{{"name": "answer", "arguments": {json.dumps(ANSWERED)}}}',
        json.dumps(ANSWERED),
        f"```json\n{json.dumps(ANSWERED)}\n```",
        f'{{"recipe": {json.dumps(RECIPE)}, "reason": "slower steps", "confidence": 0.6}}',
        f'{{"recipe": [{RECIPE}], "reason": "slower steps", "confidence": 0.6}}',
        f'{{"recipe": {{"recipe": {RECIPE}}}, "reason": "slower steps", "confidence": 0.6}}',
        RECIPE[:-1] + ', "reason": "slower steps", "confidence": 0.6}',
        f'{{"done": false, "recipe": {RECIPE}, "reason": "slower steps", "confidence": 0.6, "extra": [1]}}',
        f'{{"done": true, "recipe": {RECIPE}, "reason": "slower steps", "confidence": 0.6}}',
        ANSWERED.replace("63", "63.0"),
        ANSWERED.replace("63", '63, "max_depth": null'),
        ANSWERED.replace('"lightgbm"', '"LightGBM"'),
        ANSWERED.replace('{"family"', '{"name": null, "derived": null, "dropped": null, "encoders": null, "family"'),
        ANSWERED.replace("slower steps", "slower\n steps"),
        f'[1, 2] {{"note": "no recipe here"}} {ANSWERED} {{"note": "nor here"}}',
    ],
)
def test_a_reply_with_one_reading_is_read(text: str) -> None:
    found = proposal(text)
    assert found.recipe == WANTED
    assert found.recipe.id == WANTED.id
    assert found.reason.split() == ["slower", "steps"]
    assert found.confidence == 0.6


@pytest.mark.parametrize("text", [RECIPE, f"[{RECIPE}]", f"```\n{RECIPE}", f'{{"recipe": {RECIPE}}}'])
def test_a_bare_recipe_needs_neither_reason_nor_confidence(text: str) -> None:
    assert proposal(text) == Proposal(WANTED)


def test_of_several_recipes_the_last_that_can_be_read_counts() -> None:
    assert proposal('{"family": "linear"} {"family": "catboost"}').recipe.family == "catboost"
    assert proposal('{"family": "linear"} {"family": "xgboost"}').recipe.family == "linear"
    assert proposal('[{"family": "linear"}, {"family": "catboost"}]').recipe.family == "catboost"
    assert proposal('{"recipe": {"family": "linear"}} then {"done": true}').recipe.family == "linear"


def test_a_whole_recipe_is_taken_from_an_answer_that_is_cut_off_after_it() -> None:
    assert proposal(f'{{"recipe": {RECIPE}, "reason": "it is the l').recipe == WANTED
    assert proposal(f'{{"recipe": {RECIPE}, "reason": "it "quotes" itself"}}').recipe == WANTED


@pytest.mark.parametrize("length", range(len(RECIPE) - 1))
def test_a_recipe_that_is_cut_off_is_never_read_as_a_smaller_one(length: int) -> None:
    refusal(RECIPE[:length])
    refusal(f'{{"recipe": {RECIPE[:length]}')


def test_names_are_exact_and_sql_keeps_its_braces() -> None:
    derived = {"name": "r", "sql": '"a <b> {x}" / nullif("q\'\u202e", 0) || \'```\''}
    text = json.dumps({"recipe": {"family": "linear", "derived": [derived], "dropped": ["</data>", "é\u202e"]}})
    recipe = proposal(f"```json\n{text}\n```").recipe
    assert recipe.derived == (DerivedColumn(**derived),)
    assert recipe.dropped == ("</data>", "é\u202e")
    assert proposal('{"family": "linear", "dropped": ["\\u003c/data\\u003e"]}').recipe.dropped == ("</data>",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"done": true, "reason": "all is tried"}', "all is tried"),
        ('```json\n{"done": true, "reason": "all is tried", "recipe": null}\n```', "all is tried"),
        ('{"done": true, "recipe": {}, "reason": "all is tried"}', "all is tried"),
        ('{"answer": {"done": true, "reason": 5}}', "it has nothing more to propose"),
    ],
)
def test_an_agent_that_has_no_more_says_so(text: str, reason: str) -> None:
    assert parse_reply(text) == Exhausted(reason)


@pytest.mark.parametrize("given_", ["85", "-0.1", '"high"', '"0.8"', "true", "[0.5]"])
def test_a_confidence_that_is_none_is_left_out_and_the_reason_says_so(given_: str) -> None:
    found = proposal(f'{{"recipe": {RECIPE}, "reason": "why", "confidence": {given_}}}')
    assert found.confidence is None
    assert found.reason.startswith("why (its confidence, ")
    assert found.reason.endswith("is no number from 0 to 1 and was left out)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("I think we should try catboost with depth 8.", "no JSON object, only text"),
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("{}", "no JSON object"),
        ('{"thoughts": "hmm", "plan": []}', 'has "thoughts", "plan", but neither "recipe" nor "done"'),
        ('{"done": false}', "no recipe"),
        ('{"recipe": null, "reason": "x"}', "no recipe"),
        ('{"recipe": {}, "reason": "x"}', 'no "family"'),
        ('{"recipe": "lightgbm"}', '"recipe" must be an object, not text'),
        ('{"recipe": 5}', '"recipe" must be an object, not a number'),
        ('{"recipe": []}', '"recipe" must be an object, not a list'),
        ('{"recipe": {"parameters": {}}}', 'no "family"'),
        ('{"family": "xgboost"}', 'There is no model family "xgboost". Did you mean'),
        ('{"family": ["linear"]}', '"family" must be text, not a list'),
        ('{"family": "linear", "paramters": {}}', 'no field "paramters". Did you mean "parameters"?'),
        ('{"family": "linear", "program": "import os"}', 'no field "program". It has: family'),
        ('{"family": "linear", "encoders": {"a": "one-hot"}}', 'no encoder "one-hot". Did you mean "one_hot"?'),
        ('{"family": "linear", "encoders": {"a": 5}}', "recipe.encoders"),
        ('{"family": "linear", "encoders": ["a"]}', "recipe.encoders: Expected `object`, got `array`"),
        ('{"family": "linear", "dropped": "a"}', "recipe.dropped: Expected `array`, got `str`"),
        ('{"family": "linear", "derived": [{"name": "x"}]}', "missing required field `sql`"),
        ('{"family": "linear", "derived": [{"name": "x", "sql": "1", "type": "int"}]}', "unknown field `type`"),
        ('{"family": "linear", "parameters": {"alpha": [1]}}', "recipe.parameters"),
        ('{"family": "linear", "parameters": {"alpha": NaN}}', "NaN is no number of JSON"),
        ('{"family": "linear", "parameters": {"alpha": -Infinity}}', "-Infinity is no number"),
        ('{"family": "linear", "parameters": {"alpha": 1e999}}', "a number is too large"),
        ('{"family": "linear", "parameters": {"alpha": 1' + "0" * 5000 + "}}", "a number is too large"),
        ('{"family": "linear", "family": "catboost"}', 'the key "family" stands twice'),
        ('{"recipe": {"family": "linear"}, "recipe": {"family": "catboost"}}', 'the key "recipe" stands twice'),
        ('{"family": "linear", "parameters": {"alpha": 1,}}', "a comma stands before } (line 1"),
        ("{'family': 'linear'}", "no JSON object"),
        ('{"family": "linear" "name": "x"}', "Expecting ',' delimiter (line 1"),
        ('{"family": "linear", // fast\n "name": "x"}', "not valid JSON"),
        ('{"recipe": {"family": "lightgbm", "parameters": {"num_leaves": 63}', "ends before the object is complete"),
        ('{"family": "linear", "dropped": ["' + "x" * 1_200_000 + '"]}', "longer than 1,000,000 bytes"),
        ('{"family": "linear", "name": "\\ud800"}', "that JSON cannot hold"),
        ("x" * (MAX_CHARACTERS + 1), "at most 2,000,000 are read"),
    ],
)
def test_a_reply_without_a_recipe_is_refused_in_words_that_say_what_to_mend(text: str, words: str) -> None:
    assert words in refusal(text)


def test_text_for_a_number_is_left_to_the_check_which_names_the_parameter() -> None:
    found = proposal('{"family": "linear", "parameters": {"alpha": "0.05"}}')
    assert found.recipe.parameters == {"alpha": "0.05"}


def test_numbers_are_written_as_their_parameters_kind_so_that_equal_recipes_are_the_same() -> None:
    one = proposal('{"family": "lightgbm", "parameters": {"lambda_l2": 1, "num_leaves": 31.0}}').recipe
    other = proposal('{"family": "lightgbm", "parameters": {"lambda_l2": 1.0, "num_leaves": 31}}').recipe
    assert one.id == other.id
    assert (
        proposal('{"family": "lightgbm", "parameters": {"num_leaves": 31.5}}').recipe.parameters["num_leaves"] == 31.5
    )


def test_what_the_agent_says_is_cleaned() -> None:
    found = proposal(
        '{"recipe": {"family": "linear", "name": "a\\u001b[2J\\u202e"}, "reason": "b\\u001b]52;c;x\\u0007\\nc"}'
    )
    assert found.recipe.name == "a"
    assert found.reason == "b c"


@pytest.mark.parametrize(
    "text",
    [
        "{" * 1_000_000,
        '{"' * 500_000,
        '{"a":' * 200_000,
        '{"a":[' * 150_000,
        "[" * 1_000_000,
        '{"":1}' * 150_000,
        '{"family":"q"}' * 70_000,
        '"{\\"a' * 150_000,
        '{"a":' * 300 + "[" + "1," * 450_000,
        '{"a": "' + "x" * 1_000_000,
        "{" + " " * 1_000_000,
        '{"recipe":' * 400 + "1" + "}" * 400,
        "{" + ",".join(f'"{n}":1' for n in range(50_000)) + ',"0":1}',
        "\u202e\x1b[31m" * 100_000,
    ],
    ids=range(14),
)
def test_a_megabyte_of_nonsense_is_refused(text: str) -> None:
    assert len(refusal(text)) < 300


def test_an_answer_after_a_megabyte_of_thought_is_found() -> None:
    assert proposal('maybe {"x": {1} or {} ' * 40_000 + ANSWERED).recipe == WANTED


PIECES = st.sampled_from([
    "{", "}", "[", "]", '"', ",", ":", "\\", "\n", "```", "```json\n", "null", "true", "NaN", "1e999", "63.0", "-0",
    '"recipe":', '"family":', '"done":', '"lightgbm"', '"parameters":', '"encoders":', '"derived":', '"reason":', " ",
    RECIPE, ANSWERED, "\ud800", "\x00", "é", '"\\ud800"', '{"answer":',
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("lightgbm"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["recipe", "family", "parameters", "encoders", "dropped", "derived", "name", "sql", "done"])
            | st.sampled_from(["reason", "confidence", "answer", "num_leaves"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join), VALUES.map(json.dumps)))
@example('{"family": "linear", "parameters": {"max_iter": 1e300}}')
@example('{"family": "lightgbm", "parameters": {"num_leaves": 9007199254740993}}')
@example('{"recipe": {"family": "lightgbm", "dropped": [null]}}')
def test_whatever_comes_reading_it_ends_in_a_proposal_or_in_a_reply_error(text: str) -> None:
    found: Proposal | Exhausted | str
    try:
        found = parse_reply(text)
    except AgentReplyError as error:
        found = error.what
    assert found
    if isinstance(found, str):
        assert len(found) < 2_000
    elif isinstance(found, Proposal):
        parameters = found.recipe.parameters
        assert json.loads(json.dumps(parameters, allow_nan=False)) == parameters
