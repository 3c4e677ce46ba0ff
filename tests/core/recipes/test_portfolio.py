"""The portfolio: fitted to the table, valid on it, the same every time."""

import pytest
from msgspec.structs import replace

from tabsmith.families.feature_steps import Lags
from tabsmith.families.registry import family_names
from tabsmith.recipes.portfolio import portfolio
from tabsmith.recipes.recipe import Family
from tabsmith.recipes.validation import validate_recipe
from tabsmith.tables.schema.types import ProblemType, Split
from tests.core.recipes.tables import table

TABLES: list[tuple[ProblemType, int, int, int]] = [
    ("binary", 30, 4, 2),
    ("binary", 1_000, 12, 2),
    ("binary", 1_000_000, 20, 2),
    ("multiclass", 150, 4, 3),
    ("multiclass", 60_000, 50, 300),
    ("multiclass", 5_000, 20, 10),
    ("regression", 20, 3, 20),
    ("regression", 3_000, 2_000, 900),
    ("regression", 1_000_000, 10, 5_000),
]


@pytest.mark.parametrize(("task", "rows", "width", "classes"), TABLES)
def test_every_recipe_is_valid_and_no_two_are_alike(task: ProblemType, rows: int, width: int, classes: int) -> None:
    schema, profile = table(task, rows, width, classes)
    recipes = portfolio(schema, profile)
    assert 8 <= len(recipes) <= 36
    assert [validate_recipe(recipe, schema, profile).problems for recipe in recipes] == [()] * len(recipes)
    assert len({recipe.id for recipe in recipes}) == len({recipe.name for recipe in recipes}) == len(recipes)
    assert recipes == portfolio(schema, profile)
    quick = {recipe.family for recipe in recipes[:4]}
    assert "lightgbm" in quick or (task == "multiclass" and classes >= 10)


@pytest.mark.parametrize("family", family_names())
@pytest.mark.parametrize(("task", "rows", "width", "classes"), TABLES)
def test_a_family_asked_for_has_several_recipes_on_any_table(
    family: Family, task: ProblemType, rows: int, width: int, classes: int
) -> None:
    schema, profile = table(task, rows, width, classes)
    recipes = portfolio(schema, profile, only=(family,))
    assert len({recipe.id for recipe in recipes}) == len(recipes) >= 2
    assert {recipe.family for recipe in recipes} == {family}
    assert all(validate_recipe(recipe, schema, profile).valid for recipe in recipes)


def test_the_first_three_are_a_quick_baseline_and_the_two_strongest() -> None:
    names = [recipe.name for recipe in portfolio(*table("binary", 5_000))]
    assert names[:3] == ["linear, ridge", "LightGBM, quick", "CatBoost, default"]


def test_many_classes_begin_with_what_costs_the_same_for_any_number_of_them() -> None:
    families = [recipe.family for recipe in portfolio(*table("multiclass", 1_500, 60, 32), seconds=60)]
    first = {family: families.index(family) for family in set(families)}
    assert max(first["linear"], first["extra_trees"], first["neural_network"]) < min(
        first["lightgbm"], first["catboost"]
    )


def test_slow_families_are_left_out_where_they_would_not_end() -> None:
    def families(*size: object) -> set[str]:
        return {recipe.family for recipe in portfolio(*table(*size))}  # type: ignore[arg-type]

    assert "nearest_neighbors" in families("binary", 2_000, 8)
    assert "nearest_neighbors" not in families("binary", 100_000, 8)
    assert "nearest_neighbors" not in families("binary", 2_000, 2_000)
    assert "random_forest" not in families("multiclass", 60_000, 50, 300)
    assert len(portfolio(*table("binary", 100))) < len(portfolio(*table("binary", 1_000)))
    assert len(portfolio(*table("binary", 1_000))) < len(portfolio(*table("binary", 10_000)))


def test_rounds_are_those_that_the_time_can_pay_for() -> None:
    def trees(seconds: float, *size: object) -> int:
        found = portfolio(*table(*size), only=("catboost",), seconds=seconds)  # type: ignore[arg-type]
        return int(found[0].parameters["iterations"])

    def rate(seconds: float, *size: object) -> float:
        found = portfolio(*table(*size), only=("lightgbm",), seconds=seconds)  # type: ignore[arg-type]
        return float(found[1].parameters["learning_rate"])

    assert trees(300, "binary", 1_000) == 1000
    assert trees(60, "binary", 1_000_000) < trees(300, "binary", 1_000_000) < 1000
    assert trees(60, "multiclass", 50_000, 8, 100) == 30
    assert rate(300, "binary", 1_000) < 0.02 < rate(60, "binary", 100_000)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_a_series_is_also_tried_with_lags_and_without_its_trend(task: ProblemType) -> None:
    schema, profile = table(task, 3_000)
    assert not any(recipe.features or recipe.target == "detrend" for recipe in portfolio(schema, profile)[:6])
    time = replace(schema.features[0], kind="date", role="time")
    columns = tuple(time if column.name == time.name else column for column in schema.columns)
    series = replace(schema, columns=columns, split=Split("forward", by=time.name, entity=(schema.features[1].name,)))
    recipes = portfolio(series, profile)
    assert [validate_recipe(recipe, series, profile).problems for recipe in recipes] == [()] * len(recipes)
    assert len({recipe.id for recipe in recipes}) == len({recipe.name for recipe in recipes}) == len(recipes)
    assert {step.entity for recipe in recipes for step in recipe.features if isinstance(step, Lags)} == {
        (schema.features[1].name,)
    }
    first = [recipe.name for recipe in recipes[:6]]
    if task == "regression":
        assert first[:3] == ["linear, ridge", "linear, ridge, without trend", "linear, ridge, lags"]
        assert first[3:] == ["LightGBM, quick", "LightGBM, quick, without trend", "LightGBM, quick, lags without trend"]
    else:
        assert first[:4] == ["linear, ridge", "linear, ridge, lags", "LightGBM, quick", "LightGBM, quick, lags"]
