"""A recipe in plain words: its family, what it derives, drops and encodes, its parameters."""

from tabsmith.families.feature_steps import describe_step
from tabsmith.families.registry import family_label
from tabsmith.families.spec import ParameterValue
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.recipes.difference import recipe_changes
from tabsmith.recipes.recipe import Recipe
from tabsmith.text import clean, plural


def recipe_title(recipe: Recipe) -> str:
    """The recipe in a few words: its own name, or its family and what is special about it."""
    if recipe.name.strip():
        return clean(recipe.name, 80)
    parts = [family_label(recipe.family)]
    if recipe.derived:
        parts.append(f"+ {len(recipe.derived)} derived")
    if recipe.features:
        parts.append(f"+ {plural(len(recipe.features), 'step')}")
    if recipe.dropped:
        parts.append(f"{len(recipe.dropped)} dropped")
    return ", ".join(parts).replace(", + ", " + ")


def recipe_lines(recipe: Recipe, most: int = 40) -> tuple[Line, ...]:
    """Everything in the recipe, a line each; of every kind at most `most`, the rest counted."""
    lines: list[Line] = [(Span("family     ", "dim"), Span(family_label(recipe.family)))]
    _part(lines, "derived", [f"{clean(column.name, 60)} = {clean(column.sql, 200)}" for column in recipe.derived], most)
    _part(lines, "dropped", [clean(name, 80) for name in recipe.dropped], most)
    _part(lines, "encoded", [f"{clean(name, 60)}: {how}" for name, how in recipe.encoders.items()], most)
    _part(lines, "step", [clean(describe_step(step), 120) for step in recipe.features], most)
    if recipe.target != "none":
        _part(lines, "target", [recipe.target.replace("_", " ")], most)
    _part(lines, "monotone", [f"{clean(name, 60)}: {how}" for name, how in recipe.monotone.items()], most)
    _part(lines, "parameter", [f"{clean(name, 40)} = {_value(it)}" for name, it in recipe.parameters.items()], most)
    if len(lines) == 1:
        lines.append(line("           nothing else: the family's own defaults", "dim"))
    return tuple(lines)


def change_lines(old: Recipe, new: Recipe, most: int = 40) -> tuple[Line, ...]:
    """The changes from `old` to `new`, a line each; at most `most`, the rest counted."""
    changes = recipe_changes(old, new)
    if not changes:
        return (line("The recipes are the same.", "dim"),)
    lines = [line(f"· {change.text}{' = ' if change.sql else ''}{change.sql}") for change in changes[:most]]
    return (*lines, line(f"+{len(changes) - most} more", "dim")) if len(changes) > most else tuple(lines)


def _part(lines: list[Line], label: str, entries: list[str], most: int) -> None:
    for index, entry in enumerate(entries[:most]):
        lines.append((Span(f"{label if index == 0 else '':<11}", "dim"), span(entry)))
    if len(entries) > most:
        lines.append(line(f"{'':<11}+{len(entries) - most} more", "dim"))


def _value(value: ParameterValue) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.6g}"
        case _:
            return clean(value, 60)
