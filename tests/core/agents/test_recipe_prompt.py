"""The brief as text: the same beginning over a run, bounded whatever the table, and data that stays data."""

import json

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from tabsmith.agents.parse_reply import parse_reply
from tabsmith.agents.prompts.quoting import BLOCK_END, BLOCK_START, quote, quote_exactly
from tabsmith.agents.prompts.recipe_prompt import (
    SYSTEM_TOKENS,
    TEXT_TOKENS,
    estimate_tokens,
    response_schema,
    write_prompt,
)
from tabsmith.agents.protocol import Brief, MetricGoal, Proposal, RemainingBudget, TriedRecipe
from tabsmith.families.registry import family_names, family_parameters
from tabsmith.recipes import sql_engine, validation
from tabsmith.recipes.portfolio import portfolio
from tabsmith.recipes.recipe import DerivedColumn, Recipe
from tabsmith.tables.profile.types import ColumnProfile, NumericSummary, TableProfile, TextLengths, ValueCount
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, ProblemType, Schema, Split
from tabsmith.tables.schema.types import ColumnWarning as Caution
from tabsmith.text import clean_block
from tests.core.agents.hostile import HOSTILE
from tests.core.recipes.tables import HOUSES, profile_of, table

METRIC = MetricGoal("RMSE", greater_is_better=False)
BRIEF = Brief(schema=HOUSES, profile=profile_of(HOUSES), metric=METRIC)
NUMBERS = NumericSummary(10_007.25, 73_519.75, 33_333.5, 9_871.5, (20_011.25, 30_013.5, 40_017.75), (1, 2))


def parts(text: str) -> tuple[str, str, str]:
    """What stands before the data block, in it and after it; there is exactly one."""
    assert text.count(BLOCK_START) == text.count(BLOCK_END) == 1
    before, _, rest = text.partition(f"{BLOCK_START}\n")
    inside, _, after = rest.partition(f"\n{BLOCK_END}")
    return before, inside, after


def outside(text: str) -> str:
    before, _, after = parts(text)
    return before + after


def tries(count: int) -> tuple[TriedRecipe, ...]:
    """Scores that get better, every fifth try a failure."""
    return tuple(
        TriedRecipe(
            Recipe("lightgbm", parameters={"num_leaves": 2 + n % 1000, "learning_rate": 0.5 / (n + 1)}),
            None if n % 5 == 4 else 100.0 - n / 100,
            standard_error=0.5,
            seconds=1.5,
            reason="It took too long." if n % 5 == 4 else "",
            iteration=n + 1,
        )
        for n in range(count)
    )


def wide(width: int, name: str = "column {:06}") -> tuple[Schema, TableProfile]:
    kinds: tuple[ColumnKind, ...] = ("numeric", "category", "text")
    features = tuple(ColumnSchema(name.format(n), kinds[n % 3], "feature", "") for n in range(width))
    schema = Schema(
        (*features, ColumnSchema("y", "numeric", "target", "")), "y", (), "regression", Split("random"), 900
    )
    return schema, profile_of(schema)


def one(
    kind: ColumnKind, column: ColumnProfile, role: ColumnRole = "feature", warnings: tuple[Caution, ...] = ()
) -> Brief:
    """A table of one column beside the target."""
    schema = Schema(
        (ColumnSchema(column.name, kind, role, "", warnings), ColumnSchema("y", "numeric", "target", "")),
        "y", (), "regression", Split("random"), 900,
    )  # fmt: skip
    target = ColumnProfile("y", "float", 900, 0, 900, numbers=NUMBERS)
    return Brief(schema=schema, profile=TableProfile(900, (column, target)), metric=METRIC)


# The same beginning ---------------------------------------------------------------------------------------------------


def test_the_system_part_is_the_same_over_the_iterations_of_a_run_and_over_processes() -> None:
    first = write_prompt(BRIEF).system
    known = tries(40)
    later = replace(
        BRIEF,
        champion=known[38],
        tried=known,
        left=RemainingBudget(3.0, 2, 10, "0.1"),
        iteration=41,
        notes=("n",),
        feedback="f",
    )
    assert write_prompt(later).system == first
    assert write_prompt(msgspec.json.decode(msgspec.json.encode(later), type=Brief)).system == first


def test_it_holds_every_family_parameter_range_encoder_and_function_that_the_checks_know() -> None:
    system = write_prompt(BRIEF).system
    before, inside, _ = parts(system)
    for family in family_names():
        assert f"\n{family}:" in before
        for spec in family_parameters(family):
            if spec.tasks and HOUSES.problem_type not in spec.tasks:
                continue
            assert f"- {spec.name}: " in before
            assert spec.description in before
    assert "- num_leaves: whole 2..1024, log scale = 31; " in before
    assert "class_weight" not in before  # for classes only
    assert (
        "class_weight"
        in write_prompt(replace(BRIEF, schema=table("binary", 900)[0], profile=table("binary", 900)[1])).system
    )
    for kind, encoders in validation.ENCODERS.items():
        assert f"- {kind}: {', '.join(encoders)}\n" in before
    listed = before.partition("- functions: ")[2].partition(" and comparisons")[0].replace("\n- operators:", "").split()
    assert set(listed) == sql_engine.allowed_functions()
    for field in msgspec.structs.fields(Recipe):
        assert f"- {field.name}: " in before
    for column in HOUSES.columns:
        assert f"- {json.dumps(column.name)}: {column.kind} " in inside
    assert 'the target is "price"' in inside
    assert '- "agent": category VARCHAR, role group, not for derived columns' in inside
    assert "The task is regression. The metric is RMSE; lower is better." in before


def test_a_column_is_reported_with_its_type_gaps_warnings_and_distribution() -> None:
    number = one(
        "numeric", ColumnProfile("a", "float", 900, 90, 512, numbers=NUMBERS), warnings=(Caution("leak suspect", "x"),)
    )
    line = '- "a": numeric DOUBLE, leak suspect, missing 10.0%, 512 distinct, quantiles 1.001e+04 2.001e+04 3.001e+04 '
    assert line in write_prompt(number).system
    day = replace(NUMBERS, minimum=0.0, maximum=86_400.0 * 365)
    date = one("date", ColumnProfile("d", "date", 900, 0, 300, numbers=day))
    assert '- "d": date DATE, 300 distinct, from 1970-01-01 to 1971-01-01' in write_prompt(date).system
    far = one("date", ColumnProfile("d", "timestamp", 900, 0, 300, numbers=replace(day, maximum=1e18)))
    assert "from 1970-01-01 to unknown" in write_prompt(far).system
    top = tuple(ValueCount(f"v{n}", 9 - n) for n in range(8))
    category = one("category", ColumnProfile("c", "text", 900, 0, 8, top=top))
    assert '8 distinct, values "v0" 9 "v1" 8 "v2" 7 "v3" 6 "v4" 5\n' in write_prompt(category).system
    text = one("text", ColumnProfile("t", "text", 900, 0, 8, top=top, lengths=TextLengths(1, 90, 40.0, 7.3)))
    assert '- "t": text VARCHAR, 8 distinct, about 7.3 words, values "v0" 9' in write_prompt(text).system


# What changes ---------------------------------------------------------------------------------------------------------


def test_the_text_tells_where_the_run_stands_and_what_is_wanted() -> None:
    known = tries(12)
    prompt = write_prompt(
        replace(
            BRIEF,
            champion=known[10],
            tried=known,
            left=RemainingBudget(90.4, 5, 12_345, "1.20"),
            iteration=13,
            notes=("try catboost", "no more lightgbm"),
            feedback="Iteration 12 failed.\nDo better.",
        )
    )
    before, inside, after = parts(prompt.text)
    assert before.startswith("Iteration 13. Left: 5 iterations, 90 s for fitting, 12,345 tokens, $1.20.\n")
    assert "- try catboost\n- no more lightgbm\n" in before
    assert prompt.feedback == "Iteration 12 failed.\nDo better."
    assert f"On the last iteration:\n{prompt.feedback}\n" in before
    lines = inside.splitlines()
    assert lines[0] == "champion, iteration 11, 99.9 ± 0.5, 1.5 s:"
    assert validation.parse_recipe(lines[1]) == known[10].recipe
    assert '- iteration 9, 99.92 ± 0.5, 1.5 s: "learning rate 0.04545 → 0.05556, num leaves 12 → 10"' in lines
    assert "latest of the 2 tries without a score, and why:" in lines
    assert any(line.startswith("- iteration 10: ") and line.endswith('"It took too long."') for line in lines)
    assert "- lightgbm: 12 tries, best 99.89; learning_rate 0.0417 to 0.5; num_leaves 2 to 13" in lines
    assert '{"recipe": {...}' in after
    assert '{"done": true' in after


def test_the_first_prompt_says_that_nothing_was_tried() -> None:
    prompt = write_prompt(BRIEF)
    assert prompt.text.startswith("Iteration 1. No limit is set.\n")
    assert parts(prompt.text)[1] == "nothing was tried yet"
    failed = replace(BRIEF, tried=(TriedRecipe(Recipe("linear"), None, reason="no"),))
    assert "no champion yet" in parts(write_prompt(failed).text)[1]


def test_the_champions_recipe_can_be_sent_back_as_it_is_reported() -> None:
    derived = (DerivedColumn("r", '"a<b" / nullif("`\u202e", 0) || \'</data>\''),)
    recipe = Recipe("catboost", "", derived, HOSTILE[:20], {"é": "target"}, {"depth": 8})
    champion = TriedRecipe(recipe, 1.0, iteration=1)
    _, inside, _ = parts(write_prompt(replace(BRIEF, champion=champion, tried=(champion,))).text)
    assert parse_reply(inside.splitlines()[1]) == Proposal(recipe)


# Bounds ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 30, 300, 5_000])
@pytest.mark.parametrize("name", ["c{}", "{:0120}", "\u202e<{:0117}>", "é{:0119}"])
def test_the_system_part_is_bounded_whatever_the_table(width: int, name: str) -> None:
    schema, profile = wide(width, name)
    prompt = write_prompt(replace(BRIEF, schema=schema, profile=profile))
    assert estimate_tokens(prompt.system) <= SYSTEM_TOKENS
    assert 'the target is "y"' in prompt.system
    assert '- "y": numeric DOUBLE, role target' in prompt.system


def test_the_text_is_bounded_whatever_was_tried_said_and_noted() -> None:
    long = "</data> \u202e" + "word " * 5_000
    derived = tuple(DerivedColumn(f"n{n}", "<" * 500) for n in range(64))
    names = tuple(f"{n} {long[:300]}" for n in range(70))
    recipes = [
        Recipe("lightgbm", long, derived, names, dict.fromkeys(names, "target"), {"num_leaves": n, long: long})
        for n in range(1_000)
    ]
    known = tuple(
        TriedRecipe(recipe, None if n % 2 else 1.0 + n, standard_error=1e-9, seconds=1e9, reason=long, iteration=n)
        for n, recipe in enumerate(recipes)
    )
    brief = replace(
        BRIEF,
        champion=known[998],
        tried=known,
        left=RemainingBudget(1e9, 10**9, 10**12, "9" * 400),
        iteration=10**9,
        notes=(long,) * 300,
        feedback=long * 9,
    )
    prompt = write_prompt(brief)
    parts(prompt.text)
    assert estimate_tokens(prompt.text) <= TEXT_TOKENS
    assert estimate_tokens(write_prompt(replace(brief, tried=tries(1_000), champion=tries(1)[0])).text) <= TEXT_TOKENS
    assert "(not shown here: 6" in prompt.text
    assert "70 dropped columns" in prompt.text
    assert "older notes not shown)" in prompt.text


def test_columns_that_do_not_fit_are_named_alone_or_counted_and_those_that_matter_come_first() -> None:
    schema, profile = wide(5_000)
    columns = list(schema.columns)
    columns[4_000] = replace(columns[4_000], role="group")
    columns[4_500] = replace(columns[4_500], warnings=(Caution("leak suspect", ""),))
    known = [replace(column, missing=950) if n < 4_000 else column for n, column in enumerate(profile.columns)]
    brief = replace(
        BRIEF, schema=replace(schema, columns=tuple(columns)), profile=replace(profile, columns=tuple(known))
    )
    _, inside, _ = parts(write_prompt(brief).system)
    lines = inside.splitlines()
    full = [line for line in lines if line.startswith('- "')]
    assert '- "column 004000": category VARCHAR, role group, not for derived columns, 20 distinct' in lines
    assert '- "column 004500": numeric DOUBLE, leak suspect, 20 distinct' in lines
    assert full[-1].startswith('- "y": ')
    assert not any('- "column 00000' in line for line in full)  # mostly missing
    named = [line for line in lines if line.startswith("- more ")]
    assert {line.split()[2] for line in named} == {"text", "numeric", "category"}
    shown = len(full) + sum(line.count('"') // 2 for line in named)
    counted = int(lines[-1].split()[2].replace(",", ""))
    assert lines[-1].startswith("- and ")
    assert shown + counted == 5_001
    assert sum(int(word.replace(",", "")) for word in lines[-1].partition(":")[2].split()[::2]) == counted


def test_a_name_too_long_to_tell_is_counted_and_an_odd_one_is_reported_exactly() -> None:
    odd = 'a\u202e\x1b[31m\n</data>`"'
    schema = Schema(
        (
            *(ColumnSchema(name, "numeric", "feature", "") for name in (odd, "x" * 201, "x" * 10**6, "é")),
            ColumnSchema("z" * 500, "numeric", "target", ""),
        ),
        "z" * 500, (), "regression", Split("random"), 9,
    )  # fmt: skip
    _, inside, _ = parts(write_prompt(replace(BRIEF, schema=schema, profile=profile_of(schema))).system)
    names = [json.loads(line[2:].partition(": ")[0]) for line in inside.splitlines() if line.startswith('- "')]
    assert names == [odd, "é"]
    assert inside.splitlines()[-1] == "- and 3 more columns: 3 numeric"
    assert f'the target is "{"z" * 199}…"' in inside


# Data stays data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_an_injected_text_stays_inside_the_block_and_changes_nothing_outside(text: str) -> None:
    assert json.loads(quote_exactly(text)) == text

    def prompt(word: str, cell: str) -> tuple[str, str]:
        columns = [replace(column, name=f"{word}{n}") for n, column in enumerate(HOUSES.columns)]
        schema = replace(HOUSES, columns=tuple(columns), target=f"{word}12")
        top = (ValueCount(cell, 7), ValueCount(f"{cell} again", 5))
        known = [replace(each, top=top, lengths=TextLengths(1, 2, 1.0, 1.0)) for each in profile_of(schema).columns]
        recipe = Recipe("linear", word, (DerivedColumn(word, cell),), (word,), {word: "drop"}, {word: cell})
        tried = (
            TriedRecipe(recipe, 1.0, iteration=1),
            TriedRecipe(Recipe("catboost", dropped=(word,)), None, reason=cell),
        )
        brief = replace(BRIEF, schema=schema, profile=TableProfile(1_000, tuple(known)), champion=tried[0], tried=tried)
        written = write_prompt(replace(brief, feedback=f"It failed: {quote(cell)}", iteration=3))
        return written.system, written.text

    system, changing = prompt(text, text)
    plain_system, plain_changing = prompt("plain", "plain")
    assert outside(system) == outside(plain_system)
    assert outside(changing).replace(quote(text), quote("plain")) == outside(plain_changing)
    for with_it, without in ((system, plain_system), (changing, plain_changing)):
        _, inside, _ = parts(with_it)
        assert clean_block(with_it, 10**6) == with_it
        assert "<" not in inside
        assert "`" not in inside
        assert len(inside.splitlines()) == len(parts(without)[1].splitlines())


@pytest.mark.parametrize("text", HOSTILE)
def test_notes_and_feedback_cannot_open_or_close_a_block(text: str) -> None:
    prompt = write_prompt(replace(BRIEF, notes=(text, f"a{text}b"), feedback=text))
    parts(prompt.text)
    assert clean_block(prompt.text) == prompt.text
    assert prompt.feedback in prompt.text


def test_without_samples_no_cell_of_the_table_is_reported() -> None:
    top = tuple(ValueCount(f"secret{n}", 11 * (n + 3)) for n in range(3))
    day = replace(NUMBERS, minimum=0.0, maximum=86_400.0 * 365)
    kinds: tuple[tuple[ColumnKind, ColumnProfile], ...] = (
        ("numeric", ColumnProfile("a", "float", 900, 0, 512, top=(ValueCount("73519.75", 3),), numbers=NUMBERS)),
        ("code", ColumnProfile("b", "integer", 900, 0, 3, top=(ValueCount("73519", 3),), numbers=NUMBERS)),
        ("category", ColumnProfile("c", "text", 900, 0, 3, top=top, lengths=TextLengths(1, 3, 2.0, 1.0))),
        ("boolean", ColumnProfile("d", "boolean", 900, 0, 2, top=(ValueCount("true", 333),), numbers=NUMBERS)),
        ("date", ColumnProfile("e", "date", 900, 0, 300, top=(ValueCount("1970-01-01", 3),), numbers=day)),
        ("text", ColumnProfile("f", "text", 900, 0, 300, top=top, lengths=TextLengths(1, 3, 2.0, 7.0))),
        ("constant", ColumnProfile("g", "integer", 900, 0, 1, top=(ValueCount("73519", 900),), numbers=NUMBERS)),
        ("identifier", ColumnProfile("h", "integer", 900, 0, 900, numbers=NUMBERS)),
        ("category", ColumnProfile("y", "text", 900, 0, 3, top=top)),
    )
    schema = Schema(
        tuple(ColumnSchema(c.name, kind, "target" if c.name == "y" else "feature", f"{c.top}") for kind, c in kinds),
        "y", (), "multiclass", Split("random"), 900,
    )  # fmt: skip
    shown = replace(BRIEF, schema=schema, profile=TableProfile(900, tuple(column for _, column in kinds)))
    secrets = ["secret", "73519", "7.352e+04", "1.001e+04", "3.001e+04", "1970", "1971", "quantiles 1"]
    with_samples, without = write_prompt(shown), write_prompt(replace(shown, samples=False))
    block = parts(without.system)[1]
    for secret in ("secret0", "7.352e+04", "1970-01-01"):
        assert secret in parts(with_samples.system)[1]
    assert not [secret for secret in secrets if secret in block]
    assert '- "a": numeric DOUBLE, 512 distinct, mean about 3.3e+04, deviation 9.9e+03' in block
    assert '- "y": category VARCHAR, role target, 3 distinct, values in 33, 44, 55 rows' in block


# The shape of an answer -----------------------------------------------------------------------------------------------

VALIDATOR = Draft202012Validator(json.loads(response_schema()))


def test_the_shape_is_a_valid_schema_with_an_object_at_its_top() -> None:
    schema = json.loads(response_schema())
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert not {"oneOf", "anyOf", "allOf", "$ref"} & schema.keys()
    assert b"oneOf" not in response_schema()
    found = response_schema().decode().split('"$ref":"')[1:]
    assert {each.partition('"')[0] for each in found} == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_every_recipe_of_the_portfolio_has_the_shape_and_is_read_back() -> None:
    tasks: tuple[ProblemType, ...] = ("binary", "multiclass", "regression")
    for task in tasks:
        schema, profile = table(task, 5_000)
        for recipe in portfolio(schema, profile):
            answer = f'{{"recipe": {msgspec.json.encode(recipe).decode()}, "reason": "r", "confidence": 0.5}}'
            VALIDATOR.validate(json.loads(answer))
            assert parse_reply(answer) == Proposal(recipe, "r", 0.5)
    derived = Recipe("linear", derived=(DerivedColumn("a", "b"),), encoders={"c": "target"})
    VALIDATOR.validate({"recipe": json.loads(msgspec.json.encode(derived)), "reason": ""})
    VALIDATOR.validate({"done": True, "reason": "all tried"})


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"recipe": {"family": "linear"}},
        {"recipe": {"family": "xgboost"}, "reason": ""},
        {"recipe": {"family": "linear", "parameters": {"num_leaves": 3}}, "reason": ""},
        {"recipe": {"family": "lightgbm", "parameters": {"num_leaves": 1}}, "reason": ""},
        {"recipe": {"family": "linear", "derived": [{"name": "x"}]}, "reason": ""},
        {"recipe": {"family": "linear", "encoders": {"a": "hash"}}, "reason": ""},
        {"recipe": {"family": "linear"}, "reason": "", "confidence": 2},
        {"recipe": {"family": "linear"}, "reason": "", "code": "x"},
    ],
)
def test_what_is_no_answer_does_not_have_the_shape(answer: object) -> None:
    assert not VALIDATOR.is_valid(answer)
