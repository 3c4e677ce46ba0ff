"""Variations of feature steps: every one is a valid recipe, fits the table, and differs in one step."""

import random

from msgspec.structs import replace

from tabsmith.families.feature_steps import Arithmetic, Crosses, Lags, Select
from tabsmith.recipes.recipe import Recipe
from tabsmith.recipes.step_variations import MOST_STEPS, fitting_steps, vary_steps
from tabsmith.recipes.validation import validate_recipe
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split

KINDS = {"area": "numeric", "rooms": "numeric", "district": "category", "heating": "category", "sold": "date"}
COLUMNS = tuple(ColumnSchema(name, kind, "feature", "") for name, kind in KINDS.items())
SCHEMA = Schema((*COLUMNS, ColumnSchema("price", "numeric", "target", "")), "price", (), "regression", Split("random"))
PROFILE = TableProfile(100, tuple(ColumnProfile(name, "float", 100, 0, 50) for name in (*KINDS, "price")))


def test_a_long_walk_of_variations_stays_valid_and_changes_one_step_at_a_time() -> None:
    rng, recipe, seen = random.Random(0), Recipe("linear"), set()
    for _ in range(200):
        varied = vary_steps(recipe, SCHEMA, PROFILE, rng)
        assert varied is not None
        assert validate_recipe(varied, SCHEMA, PROFILE).valid
        assert abs(len(varied.features) - len(recipe.features)) <= 1
        assert len(varied.features) <= MOST_STEPS
        assert replace(varied, features=recipe.features) == recipe
        assert varied.id != recipe.id
        seen |= {type(step) for step in varied.features}
        recipe = varied
    assert seen == {type(step) for step in fitting_steps(SCHEMA, PROFILE)}


def test_only_steps_with_columns_to_work_on_are_added_and_lags_stay_as_they_are() -> None:
    alone = Schema((COLUMNS[4], SCHEMA.column("price")), "price", (), "regression", Split("random"))
    assert [type(step).__name__ for step in fitting_steps(alone, PROFILE)] == ["DateParts"]
    nothing = Schema((SCHEMA.column("price"),), "price", (), "regression", Split("random"))
    assert vary_steps(Recipe("linear"), nothing, PROFILE, random.Random(0)) is None
    lagged = Recipe("linear", features=(Lags(lags=(1,)), Crosses(), Arithmetic(), Select(most=1)))
    for seed in range(40):
        varied = vary_steps(lagged, SCHEMA, PROFILE, random.Random(seed))
        assert varied is not None
        assert Lags(lags=(1,)) in varied.features
