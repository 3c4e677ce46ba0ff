"""A person's recipes as files: one or several, checked before any run is made."""

from pathlib import Path

import pytest

from tabsmith.errors import RecipeError, UsageError
from tabsmith.families.registry import families, family_parameter
from tabsmith.recipes.own_recipes import parse_parameter, read_recipe_file, recipe_with, show_parameter
from tabsmith.recipes.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ('{"family": "linear"}', ["linear"]),
        (' \n[{"family": "linear"}, {"family": "catboost", "parameters": {"depth": 4}}, {"family": "linear", "name": "b"}]',
         ["linear", "catboost"]),
    ],
)  # fmt: skip
def test_a_file_holds_a_recipe_or_a_list_of_them_and_each_counts_once(
    tmp_path: Path, text: str, families: list[str]
) -> None:
    (tmp_path / "mine.json").write_text(text)
    recipes = read_recipe_file(tmp_path / "mine.json")
    assert [recipe.family for recipe in recipes] == families
    assert all(isinstance(recipe, Recipe) for recipe in recipes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("[]", "none"),
        ("[1", "not JSON"),
        ('[{"family": "linear"}, {"family": "magic"}]', "recipe 2"),
        ('{"family": "catboost", "parameters": {"depth": 99}}', "from 1 to"),
        ('{"family": "catboost", "parameters": {"depht": 9}}', 'Did you mean "depth"?'),
    ],
)
def test_what_is_no_recipe_is_refused_with_the_problem_the_place_and_an_example(
    tmp_path: Path, text: str, told: str
) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(RecipeError, match=told.replace("?", r"\?")) as refused:
        read_recipe_file(tmp_path / "mine.json")
    assert "mine.json" in refused.value.where
    assert "family" in refused.value.next_step


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="could not be read"):
        read_recipe_file(tmp_path / "nobody.json")


def test_a_typed_parameter_is_read_within_its_range_and_shown_as_it_is_typed() -> None:
    for spec in (each for family in families() for each in family.parameters if each.default is not None):
        assert parse_parameter(spec, show_parameter(spec.default)) == spec.default
    leaves = family_parameter("lightgbm", "num_leaves")
    assert leaves is not None
    assert parse_parameter(leaves, " 1,000 ") == 1000
    for text in ("many", "1.5", "0", "9e9"):
        with pytest.raises(UsageError, match="whole number from"):
            parse_parameter(leaves, text)


def test_another_family_keeps_what_a_recipe_says_of_columns_but_no_encoder_that_it_lacks() -> None:
    start = Recipe("catboost", dropped=("a",), encoders={"b": "native", "c": "target"}, parameters={"depth": 4})
    recipe = recipe_with(start, "linear", {"alpha": 0.5})
    assert (recipe.family, recipe.dropped, recipe.encoders) == ("linear", ("a",), {"c": "target"})
    assert recipe.parameters == {"alpha": 0.5}
