"""A person's recipes as files: one or several, checked before any run is made."""

from pathlib import Path

import pytest

from tabsmith.errors import RecipeError
from tabsmith.recipes.own_recipes import read_recipe_file
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
