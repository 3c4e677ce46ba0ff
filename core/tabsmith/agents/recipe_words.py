"""What a recipe may hold, in words for a model: made from the checks that it will have to pass, never kept by hand."""

from typing import Final

import msgspec

from tabsmith.recipes import check, engine, sql, tree
from tabsmith.recipes.families import FAMILIES, ParameterSpec, parameters
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.tables.schema import Task

_FIELDS: Final = {
    "family": "the family of the model; the only field that must be there",
    "name": "a few words for people",
    "derived": 'new columns: a list of {"name": ..., "sql": ...}',
    "dropped": "names of columns that the model does not see: a list",
    "encoders": 'how a column reaches the model: an object {"column": encoder}; what is left out is "auto"',
    "parameters": "an object of the family's parameters; what is left out has its default",
}


def recipe_words(task: Task) -> str:
    """The fields of a recipe, the families with their parameters for `task`, the encoders, the rules of derived SQL."""
    return "\n\n".join((_fields(), _families(task), _encoders(), _derived()))


def _fields() -> str:
    lines = [f"- {field.name}: {_FIELDS[field.name]}" for field in msgspec.structs.fields(Recipe)]
    return "\n".join(("Fields of a recipe (no others are allowed):", *lines))


def _families(task: Task) -> str:
    lines = ["Families, each with its parameters: range, = default, meaning."]
    seen: dict[tuple[ParameterSpec, ...], Family] = {}
    for name in FAMILIES:
        specs = parameters(name)
        if specs in seen:
            lines.append(f"{name}: the parameters of {seen[specs]}")
            continue
        seen[specs] = name
        lines.append(f"{name}:")
        lines += [_parameter(spec) for spec in specs if not spec.tasks or task in spec.tasks]
    return "\n".join(lines)


def _parameter(spec: ParameterSpec) -> str:
    if spec.kind == "choice":
        values = " | ".join(f'"{choice}"' for choice in spec.choices)
    elif spec.kind == "boolean":
        values = "true | false"
    else:
        values = f"{'whole ' if spec.kind == 'integer' else ''}{spec.low:.6g}..{spec.high:.6g}"
        values += ", log scale" if spec.scale == "log" else ""
    default = "" if spec.default is None else f" = {msgspec.json.encode(spec.default).decode()}"
    return f"- {spec.name}: {values}{default}; {spec.description}"


def _encoders() -> str:
    lines = [f"- {kind}: {', '.join(encoders)}" for kind, encoders in check.ENCODERS.items()]
    native = f'"native" on a code or category is for {" and ".join(check.NATIVE)} only.'
    return "\n".join(("Encoders by the column's kind:", *lines, native))


def _derived() -> str:
    names = [name for name in sorted(engine.functions()) if name[0].isalpha()]
    operators = [name for name in sorted(engine.functions()) if not name[0].isalpha()]
    lines = [
        f"Derived columns: at most {sql.MAX_DERIVED}. {tree.RULE[0].upper()}{tree.RULE[1:]}, in DuckDB's SQL.",
        f"- at most {tree.MAX_LENGTH} characters, {tree.MAX_NODES} parts and {tree.MAX_CASES} CASE each",
        "- columns by their exact names in double quotes; not the target, not another derived column",
        "- no subquery, aggregate, window, lambda, comment, semicolon or dollar sign",
        "- its name: 1 to 60 letters, digits and _, beginning with a letter, not the name of a column",
        "- its result: a number, a boolean, text or a date; casts only to such types",
        f"- a LIKE pattern with _ holds at most {tree.MAX_WILDCARDS} %; patterns and formats are written out",
        f"- functions: {' '.join(names)}",
        f"- operators: {' '.join(operators)} and comparisons, AND, OR, NOT, IN, BETWEEN, IS NULL, CASE, COALESCE, CAST",
    ]
    return "\n".join(lines)
