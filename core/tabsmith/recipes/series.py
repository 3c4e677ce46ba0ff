"""Recipes for tables that are split by time: beside each family's first recipe, one that knows of trend or of earlier values.

Neither is better on every series: a trend that stops is better left to trees, and lags are worth less the further ahead
the rows lie. So both are tried, and the folds, which lie ahead too, decide.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from tabsmith.families.feature_steps import Lags
from tabsmith.families.registry import get_family
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import Schema


def with_series_recipes(recipes: Iterable[Recipe], schema: Schema) -> tuple[Recipe, ...]:
    """The recipes in their order, each family's first one followed by those made of it for a table split by time.

    Trees, which carry no line on, get a target without its trend; the others get lags, and so does the first of all trees
    beside its trend. Tables that are not split by time, or have several classes, get no more recipes.
    """
    recipes = tuple(recipes)
    if schema.split.kind != "forward" or schema.problem_type not in ("regression", "binary"):
        return recipes
    names = {column.name for column in schema.features}
    lags = (Lags(entity=schema.split.entity if names.issuperset(schema.split.entity) else ()),)
    numbers = schema.problem_type == "regression"
    found: list[Recipe] = []
    families: set[str] = set()
    trees = 0
    for recipe in recipes:
        found.append(recipe)
        if recipe.family in families or recipe.features or recipe.target != "none":
            continue
        families.add(recipe.family)
        name = recipe.name or recipe.family
        if get_family(recipe.family).requirements.scaling != "none":
            found.append(replace(recipe, name=f"{name}, lags", features=lags))
            continue
        trees += 1
        if numbers:
            found.append(replace(recipe, name=f"{name}, without trend", target="detrend"))
        if trees == 1:
            named = f"{name}, lags without trend" if numbers else f"{name}, lags"
            found.append(replace(recipe, name=named, features=lags, target="detrend" if numbers else "none"))
    return tuple(found)
