"""A recipe's verdict: every problem named, with what to do."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tabsmith.errors import UsageError
from tabsmith.families.feature_steps import Arithmetic, Clip, Crosses, DateParts, GroupStatistics, TextParts
from tabsmith.families.registry import family_label, family_names, family_parameters, find_family
from tabsmith.recipes.difference import describe_difference
from tabsmith.recipes.recipe import DerivedColumn, Encoder, ParameterValue, Recipe
from tabsmith.recipes.validation import parse_recipe, recipe_json_schema, validate_recipe
from tabsmith.tables.schema.types import Schema, Split
from tests.core.recipes.tables import HOUSES, column


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("lerning_rate", 0.1, 'Did you mean "learning_rate"'),
        ("zzz", 1, "It has: learning_rate"),
        ("learning_rate", 5.0, "Out of range"),
        ("learning_rate", float("nan"), "Out of range"),
        ("learning_rate", float("inf"), "Out of range"),
        ("learning_rate", "fast", "number from 0.001 to 1"),
        ("num_leaves", 31.5, "whole number from 2 to 1024"),
        ("num_leaves", True, "whole number"),
        ("num_leaves", 10**400, "Out of range"),
        ("extra_trees", 1, "true or false"),
        ("class_weight", "heavy", "none, balanced"),
        ("class_weight", "balanced", "for binary and multiclass targets; this one is regression"),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_it_must_be(name: str, value: ParameterValue, reason: str) -> None:
    found = validate_recipe(Recipe(family="lightgbm", parameters={name: value}), HOUSES)
    assert not found.valid
    assert reason in found.problems[0].what


@pytest.mark.parametrize("name", family_names())
def test_every_default_and_every_end_of_a_range_is_valid(name: str) -> None:
    binary = Schema((column("a", "numeric"), column("y", "category", "target")), "y", (), "binary", Split("random"))
    for spec in family_parameters(name):  # type: ignore[arg-type]
        ends: list[ParameterValue] = [*spec.choices]
        if spec.kind in ("integer", "number"):
            ends += [int(spec.low), int(spec.high)] if spec.kind == "integer" else [spec.low, spec.high]
        for value in [*ends, *([spec.default] if spec.default is not None else [])]:
            assert validate_recipe(Recipe(family=name, parameters={spec.name: value}), binary).valid  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("recipe", "where", "reason"),
    [
        (Recipe(family="linear", dropped=("stret",)), "dropped stret", 'Did you mean "street"'),
        (Recipe(family="linear", dropped=("price",)), "dropped price", "target"),
        (Recipe(family="linear", encoders={"nope": "one_hot"}), "encoder of nope", "no such column"),
        (Recipe(family="linear", encoders={"price": "target"}), "encoder of price", "target"),
        (Recipe(family="linear", encoders={"area": "tfidf"}), "encoder of area", "does not fit a numeric column"),
        (Recipe(family="linear", encoders={"street": "native"}), "encoder of street", "Only lightgbm and catboost"),
        (Recipe(family="linear", dropped=("note",), encoders={"note": "tfidf"}), "encoder of note", "dropped"),
    ],
)
def test_a_column_that_is_not_there_or_not_fit_is_refused(recipe: Recipe, where: str, reason: str) -> None:
    (problem,) = validate_recipe(recipe, HOUSES).problems
    assert problem.where == where
    assert reason in problem.what


def test_all_problems_are_named_at_once() -> None:
    recipe = Recipe(
        family="linear", derived=(DerivedColumn("x", "now()"),), dropped=("nope",), parameters={"alpha": -1.0}
    )
    assert len(validate_recipe(recipe, HOUSES).problems) == 3


def test_a_recipe_without_any_feature_is_incomplete_unless_it_derives_one() -> None:
    every = tuple(column.name for column in HOUSES.features)
    found = validate_recipe(Recipe(family="linear", dropped=every), HOUSES)
    assert (found.valid, found.complete) == (False, False)
    assert validate_recipe(Recipe(family="linear", dropped=every, derived=(DerivedColumn("x", "area"),)), HOUSES).valid


def test_a_table_without_target_cannot_be_fitted() -> None:
    nothing = Schema((column("a", "numeric"),), "", (), "none", Split("random"))
    assert not validate_recipe(Recipe(family="linear"), nothing).complete


def test_encoders_of_derived_columns_are_accepted() -> None:
    recipe = Recipe(family="linear", derived=(DerivedColumn("x", "upper(street)"),), encoders={"x": "target"})
    assert validate_recipe(recipe, HOUSES).valid


@pytest.mark.parametrize(
    ("text", "where", "reason"),
    [
        ('{"family": "xgboost"}', "recipe.family", "xgboost"),
        ('{"family": "linear", "code": "import os"}', "recipe", "code"),
        ('{"family": "linear", "parameters": {"alpha": [1]}}', "recipe.parameters[...]", "array"),
        ("{", "recipe", "JSON"),
        ("[" * 100_000, "recipe", ""),
        (" " * 1_100_000, "recipe", "longer"),
        ('{"family": "linear", "parameters": {"alpha": 1e999}}', "recipe.parameters[...]", "out of range"),
        ('{"family": "linear", "dropped": ["\\ud800"]}', "recipe", ""),
    ],
)
def test_text_that_is_no_recipe_says_why(text: str, where: str, reason: str) -> None:
    found = parse_recipe(text)
    assert isinstance(found, tuple)
    assert found[0].where == where
    assert reason in found[0].what


def test_a_recipe_survives_its_json() -> None:
    recipe = Recipe(family="lightgbm", derived=(DerivedColumn("x", "a + 1"),), parameters={"num_leaves": 7})
    assert parse_recipe(msgspec.json.encode(recipe)) == recipe


def test_the_json_schema_holds_every_family_with_its_parameters() -> None:
    document = json.loads(recipe_json_schema())
    by_title = {alternative["title"]: alternative["properties"] for alternative in document["oneOf"]}
    for name in family_names():
        shape = by_title[family_label(name)]
        assert shape["family"] == {"const": name}
        assert set(shape["parameters"]["properties"]) == {spec.name for spec in family_parameters(name)}
    text = recipe_json_schema().decode()
    assert '"discriminator"' not in text, "a word of OpenAPI, for which Claude Code refuses a schema"
    for reference in {part.split('"')[0] for part in text.split("#/$defs/")[1:]}:
        assert reference in document["$defs"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("ridge", "linear"),
        ("Logistic Regression", "linear"),
        ("RF", "random_forest"),
        ("random-forest", "random_forest"),
        ("ExtraTrees", "extra_trees"),
        ("hgb", "hist_gradient_boosting"),
        ("lgbm", "lightgbm"),
        ("gbm", "lightgbm"),
        ("CatBoost", "catboost"),
        ("mlp", "neural_network"),
        ("k-NN", "nearest_neighbors"),
        *((name, name) for name in family_names()),
    ],
)
def test_a_family_is_found_by_what_people_call_it(text: str, meant: str) -> None:
    assert find_family(text) == meant


def test_an_unknown_family_names_the_nearest_and_all() -> None:
    with pytest.raises(UsageError) as caught:
        find_family("catbost\x1b[31m")
    assert 'Did you mean "catboost"' in caught.value.what
    assert "\x1b" not in str(caught.value)
    assert all(name in caught.value.next_step for name in family_names())


OLD = Recipe(family="lightgbm", name="first", parameters={"learning_rate": 0.05})


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (Recipe(family="catboost"), "CatBoost instead of LightGBM"),
        (
            Recipe(family="lightgbm", parameters={"learning_rate": 0.02}, dropped=("Street",)),
            "learning rate 0.05 → 0.02, drop Street",
        ),
        (
            Recipe(
                family="lightgbm", parameters=OLD.parameters, derived=(DerivedColumn("price_per_room", "price / room"),)
            ),
            "+ price_per_room",
        ),
        (Recipe(family="lightgbm"), "learning rate 0.05 → 0.1"),
        (Recipe(family="lightgbm", parameters={**OLD.parameters, "extra_trees": True}), "extra trees off → on"),
        (
            Recipe(family="lightgbm", parameters={**OLD.parameters}, encoders={"[/nope]\x1b[0m": "target"}),
            "[/nope] auto → target",
        ),
        (Recipe(family="lightgbm", name="other", parameters=OLD.parameters), "the same"),
    ],
)
def test_a_difference_is_said_in_a_few_words(new: Recipe, words: str) -> None:
    assert describe_difference(OLD, new) == words


def test_the_first_recipe_is_called_by_its_name_and_long_differences_are_cut() -> None:
    assert describe_difference(None, OLD) == "first"
    assert describe_difference(None, Recipe(family="random_forest")) == "random forest"
    encoders: dict[str, Encoder] = {f"column {i}": "target" for i in range(50)}
    assert len(describe_difference(OLD, Recipe(family="lightgbm", encoders=encoders))) <= 120


def test_recipes_and_the_search_agent_are_light_to_import(tmp_path: Path) -> None:
    program = (
        "import sys, tabsmith.families.registry, tabsmith.recipes.validation, tabsmith.recipes.portfolio, "
        "tabsmith.recipes.difference, tabsmith.recipes.derived, tabsmith.agents.search\n"
        "print([m for m in ('duckdb', 'pandas', 'numpy', 'pyarrow', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[]"


def test_a_recipe_without_feature_steps_keeps_the_id_it_had_before_there_were_any() -> None:
    plain = Recipe(
        family="catboost",
        derived=(DerivedColumn("a", '"b"+1'),),
        dropped=("z", "y"),
        encoders={"q": "target", "a": "drop"},
        parameters={"learning_rate": 0.1, "depth": 6, "rsm": 1e-7},
    )
    assert plain.id == "764a3fccb99e"
    steps = msgspec.structs.replace(plain, features=(Arithmetic(),))
    assert len({plain.id, steps.id, msgspec.structs.replace(plain, target="log").id}) == 3
    assert msgspec.structs.replace(plain, features=(Arithmetic(order=2),)).id == steps.id


@pytest.mark.parametrize(
    ("fields", "where", "reason"),
    [
        ({"features": (Arithmetic(columns=("area", "street")),)}, "arithmetic of street", "for code, embedded number"),
        ({"features": (Crosses(columns=("stret",)),)}, "crosses of stret", 'Did you mean "street"'),
        ({"features": (Crosses(columns=("price",)),)}, "crosses of price", "target"),
        ({"features": (GroupStatistics(by=("agent",)),)}, "group_statistics of agent", 'role is "group"'),
        ({"features": (Clip(columns=("area",)),), "dropped": ("area",)}, "clip of area", "keep the column"),
        ({"features": (DateParts(columns=("area",)),)}, "dates of area", "for date"),
        ({"monotone": {"street": "increasing"}}, "monotone street", "no order"),
        ({"monotone": {"nope": "increasing"}}, "monotone nope", "no such column"),
        ({"monotone": {"Year Built": "decreasing"}, "encoders": {"Year Built": "target"}}, "monotone Year", "encoder"),
        ({"family": "linear", "monotone": {"area": "increasing"}}, "monotone", "LightGBM"),
    ],
)
def test_steps_and_monotone_columns_are_checked_against_the_table(fields: dict, where: str, reason: str) -> None:
    (problem,) = validate_recipe(Recipe(**{"family": "lightgbm", **fields}), HOUSES).problems
    assert problem.where.startswith(where)
    assert reason in problem.what


def test_steps_on_fitting_and_derived_columns_are_valid() -> None:
    recipe = Recipe(
        family="lightgbm",
        derived=(DerivedColumn("twice", '"area" * 2'),),
        features=(Arithmetic(columns=("twice", "rooms")), GroupStatistics(by=("street",)), TextParts(("note",))),
        target="log",
        monotone={"area": "increasing", "twice": "increasing"},
    )
    assert validate_recipe(recipe, HOUSES).valid
    assert parse_recipe(msgspec.json.encode(recipe)) == recipe
    classes = msgspec.structs.replace(HOUSES, problem_type="multiclass")
    assert [problem.where for problem in validate_recipe(recipe, classes).problems] == ["target", "monotone"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"step": "arithmetic", "order": 4}', "recipe.features[0].order"),
        ('{"step": "arithmetic", "operations": []}', "recipe.features[0].operations"),
        ('{"step": "sums"}', "recipe.features[0].step"),
        ('{"step": "crosses", "mist": 1}', "recipe.features[0]"),
    ],
)
def test_a_step_that_is_none_is_refused_with_its_place(text: str, where: str) -> None:
    (problem,) = parse_recipe(f'{{"family": "linear", "features": [{text}]}}')  # type: ignore[misc]
    assert problem.where == where


def test_the_difference_names_steps_target_and_monotone_columns() -> None:
    old = Recipe(family="lightgbm", features=(Arithmetic(), Clip()))
    new = Recipe(
        family="lightgbm", features=(Arithmetic(order=3), Clip()), target="log", monotone={"area": "increasing"}
    )
    assert describe_difference(old, new) == (
        "+ arithmetic, order 3, - arithmetic, target none → log, area free → increasing"
    )
    turned = msgspec.structs.replace(old, features=old.features[::-1])
    assert describe_difference(old, turned) == "feature steps in another order"
