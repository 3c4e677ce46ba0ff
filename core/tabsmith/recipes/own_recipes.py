"""The recipes of a person: read from their files, one or a list of them as JSON, or typed into a form."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tabsmith.errors import RecipeError, UsageError
from tabsmith.families.registry import family_label
from tabsmith.families.spec import ParameterSpec, ParameterValue
from tabsmith.recipes.recipe import Family, Problem, Recipe
from tabsmith.recipes.validation import parameter_problems, parse_recipe, value_problem
from tabsmith.text import clean

EXAMPLE = '{"family": "lightgbm", "parameters": {"num_leaves": 63}}'


def read_recipe_file(path: Path) -> tuple[Recipe, ...]:
    """The recipes in the file at `path`, in their order, each checked as far as it can be without a table.

    Raises RecipeError, which names every problem, also for a file that cannot be read.
    """
    path = path.expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"The file of recipes could not be read: {error.strerror}.",
            where=str(path),
            next_step=f"Name a file that holds a recipe, such as {EXAMPLE}.",
        ) from error
    recipes = read_recipes(data, where=str(path))
    if not recipes:
        raise _refused([Problem("recipes", "The file holds none.")], str(path))
    return recipes


def read_recipes(data: bytes | str, *, where: str = "") -> tuple[Recipe, ...]:
    """The recipes in a JSON text: one object, or a list of them. Raises RecipeError, which names every problem and
    `where` the text is from."""
    try:
        parts = msgspec.json.decode(data, type=list[msgspec.Raw]) if data[:200].lstrip()[:1] in ("[", b"[") else [data]
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _refused([Problem("recipes", clean(f"They are not JSON: {error}", 200))], where) from error
    problems: list[Problem] = []
    recipes: list[Recipe] = []
    for number, part in enumerate(parts, 1):
        led = f"recipe {number}, " if len(parts) > 1 else ""
        parsed = parse_recipe(bytes(part) if isinstance(part, msgspec.Raw) else part)
        if isinstance(parsed, Recipe):
            recipes.append(parsed)
        else:
            problems += [Problem(led + each.where, each.what) for each in parsed]
    if problems:
        raise _refused(problems, where)
    return checked_recipes(recipes, where=where)


def checked_recipes(recipes: Iterable[Recipe], *, where: str = "") -> tuple[Recipe, ...]:
    """The recipes, each once. Raises RecipeError for parameters that a family does not have or that are out of range;
    the rest is checked when the table is known."""
    different = tuple({recipe.id: recipe for recipe in recipes}.values())
    problems = [
        Problem(f"{clean(recipe.name or family_label(recipe.family), 60)}, {problem.where}", problem.what)
        for recipe in different
        for problem in parameter_problems(recipe)
    ]
    if problems:
        raise _refused(problems, where)
    return different


def parse_parameter(spec: ParameterSpec, text: str) -> ParameterValue:
    """The value of a parameter that a person typed. Raises UsageError, which says what it must be."""
    word = text.strip()
    value: ParameterValue = word
    try:
        if spec.kind == "boolean":
            value = {"true": True, "yes": True, "false": False, "no": False}.get(word.lower(), word)
        elif spec.kind == "integer":
            value = int(word.replace(",", ""))
        elif spec.kind == "number":
            value = float(word)
    except ValueError:
        value = word  # which is no number: the check below says what it must be
    if what := value_problem(spec, value):
        raise UsageError(what, next_step="Write another value, or nothing for the default.")
    return value


def show_parameter(value: ParameterValue) -> str:
    """A parameter's value as `parse_parameter` takes it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def recipe_with(start: Recipe, family: Family, parameters: Mapping[str, ParameterValue]) -> Recipe:
    """`start` with another family and parameters, and a name that says so. Its `native` encoders, which few families
    take, are left to the family."""
    encoders = start.encoders
    if family != start.family:
        encoders = {name: encoder for name, encoder in encoders.items() if encoder != "native"}
    name = f"{family_label(family)}, your own"
    return replace(start, family=family, name=name, parameters=dict(parameters), encoders=encoders)


def _refused(problems: list[Problem], where: str) -> RecipeError:
    return RecipeError(
        "; ".join(f"{problem.where}: {problem.what}" for problem in problems[:10]),
        where=where,
        next_step=f"Write a recipe, or a list of recipes, as JSON: {EXAMPLE}.",
    )
