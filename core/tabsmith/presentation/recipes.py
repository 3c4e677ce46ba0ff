"""A recipe in plain words: its family, what it derives, drops and encodes, its parameters."""

from tabsmith.families.registry import family_label
from tabsmith.families.spec import ParameterValue
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.recipes.recipe import Recipe
from tabsmith.text import clean


def recipe_title(recipe: Recipe) -> str:
    """The recipe in a few words: its own name, or its family and what is special about it."""
    if recipe.name.strip():
        return clean(recipe.name, 80)
    parts = [family_label(recipe.family)]
    if recipe.derived:
        parts.append(f"+ {len(recipe.derived)} derived")
    if recipe.dropped:
        parts.append(f"{len(recipe.dropped)} dropped")
    return ", ".join(parts).replace(", + ", " + ", 1)


def recipe_lines(recipe: Recipe, most: int = 40) -> tuple[Line, ...]:
    """Everything in the recipe, a line each; of every kind at most `most`, the rest counted."""
    lines: list[Line] = [(Span("family     ", "dim"), Span(family_label(recipe.family)))]
    _part(lines, "derived", [f"{clean(each.name, 60)} = {clean(each.sql, 200)}" for each in recipe.derived], most)
    _part(lines, "dropped", [clean(name, 80) for name in recipe.dropped], most)
    _part(lines, "encoded", [f"{clean(name, 60)}: {how}" for name, how in recipe.encoders.items()], most)
    _part(lines, "parameter", [f"{clean(name, 40)} = {_value(it)}" for name, it in recipe.parameters.items()], most)
    if len(lines) == 1:
        lines.append(line("           nothing else: the family's own defaults", "dim"))
    return tuple(lines)


def recipe_difference(recipe: Recipe, other: Recipe) -> tuple[str, ...]:
    """What `recipe` does otherwise than `other`, a sentence each; empty when they are the same but for the name."""
    said: list[str] = []
    if recipe.family != other.family:
        said.append(f"{family_label(recipe.family)} instead of {family_label(other.family)}")
    mine, theirs = ({each.name: each.sql for each in it.derived} for it in (recipe, other))
    for name, sql in mine.items():
        if theirs.get(name) != sql:
            said.append(
                f"{'derives' if name not in theirs else 'derives otherwise'} {clean(name, 60)} = {clean(sql, 200)}"
            )
    said.extend(f"does not derive {clean(name, 60)}" for name in theirs if name not in mine)
    said.extend(f"drops {clean(name, 60)}" for name in recipe.dropped if name not in other.dropped)
    said.extend(f"keeps {clean(name, 60)}" for name in other.dropped if name not in recipe.dropped)
    for name in dict.fromkeys([*recipe.encoders, *other.encoders]):
        encoded, was = recipe.encoders.get(name, "auto"), other.encoders.get(name, "auto")
        if encoded != was:
            said.append(f"encodes {clean(name, 60)} as {encoded}, not {was}")
    for name in dict.fromkeys([*recipe.parameters, *other.parameters]):
        if recipe.parameters.get(name) != other.parameters.get(name):
            after = _value(recipe.parameters[name]) if name in recipe.parameters else "the default"
            before = _value(other.parameters[name]) if name in other.parameters else "the default"
            said.append(f"{clean(name, 40)} is {after}, not {before}")
    return tuple(said)


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
