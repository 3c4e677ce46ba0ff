"""Checks of a recipe: what keeps a text from being one, and every problem it has on a table, for agents and people."""

from collections.abc import Iterator
from typing import Final

import msgspec

from tabsmith.families.registry import families, family_label, family_parameter, family_parameters
from tabsmith.families.spec import ParameterSpec, ParameterValue
from tabsmith.recipes import sql
from tabsmith.recipes.recipe import Encoder, Family, Problem, Recipe, Verdict
from tabsmith.recipes.step_validation import missing_column, monotone_problems, step_problems, target_problems
from tabsmith.tables.profile.types import StorageType, TableProfile
from tabsmith.tables.schema.types import ColumnKind, ColumnSchema, ProblemType, Schema
from tabsmith.text import clean, nearest

MAX_BYTES: Final = 1_000_000
MAX_FEATURES: Final = 20_000

_SQL_TYPES: Final[dict[ColumnKind, tuple[str, ...]]] = {
    "numeric": ("DOUBLE", "BIGINT"),
    "code": ("BIGINT", "VARCHAR", "DOUBLE"),
    "category": ("VARCHAR", "BIGINT", "DOUBLE"),
    "boolean": ("BOOLEAN", "VARCHAR", "BIGINT"),
    "date": ("TIMESTAMP", "DATE", "VARCHAR"),
    "text": ("VARCHAR",),
    "identifier": ("BIGINT", "VARCHAR"),
    "constant": ("DOUBLE", "VARCHAR", "BOOLEAN"),
    "url": ("VARCHAR",),
    "list": ("VARCHAR",),
    "embedded number": ("DOUBLE",),
}

_STORAGE_TYPES: Final[dict[StorageType, str]] = {
    "integer": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "text": "VARCHAR",
}

ENCODERS: Final[dict[ColumnKind, tuple[Encoder, ...]]] = {
    "numeric": ("auto", "native", "drop"),
    "code": ("auto", "one_hot", "ordinal", "target", "frequency", "native", "drop"),
    "category": ("auto", "one_hot", "ordinal", "target", "frequency", "native", "drop"),
    "boolean": ("auto", "one_hot", "ordinal", "native", "drop"),
    "date": ("auto", "drop"),
    "text": ("auto", "tfidf", "target", "frequency", "drop"),
    "identifier": ("auto", "target", "frequency", "drop"),
    "constant": ("auto", "drop"),
    "url": ("auto", "tfidf", "target", "frequency", "drop"),
    "list": ("auto", "tfidf", "target", "frequency", "drop"),
    "embedded number": ("auto", "native", "drop"),
}
"""The encoders that make sense for a column of each kind."""


def native_families() -> tuple[Family, ...]:
    """The families that split on categories by themselves."""
    return tuple(spec.name for spec in families() if spec.requirements.native_levels)


def validate_recipe(recipe: Recipe, schema: Schema, profile: TableProfile | None = None) -> Verdict:
    """Every problem of `recipe` on the table of `schema`; valid without any.

    With the profile, derived columns are checked against the columns' true types; without it, against the types that
    their kinds may have.
    """
    unfinished = tuple(_incomplete(recipe, schema))
    problems = (
        *unfinished,
        *parameter_problems(recipe, schema.problem_type),
        *_column_problems(recipe, schema),
        *step_problems(recipe, schema),
        *target_problems(recipe, schema),
        *monotone_problems(recipe, schema),
        *sql.check_derived(recipe.derived, sql_columns(schema, profile)),
    )
    return Verdict(valid=not problems, complete=not unfinished, problems=problems)


def parse_recipe(data: bytes | str) -> Recipe | tuple[Problem, ...]:
    """The recipe in a text that came from outside, or the problems that keep the text from being one. Never raises."""
    if len(data) > MAX_BYTES:
        return (Problem("recipe", f"It is longer than {MAX_BYTES:,} bytes."),)
    try:
        return msgspec.json.decode(data, type=Recipe)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        return (Problem(clean(where.strip("`").replace("$", "recipe"), 80) or "recipe", clean(what, 200)),)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return (Problem("recipe", clean(f"It is not JSON: {error}", 200)),)


def sql_columns(schema: Schema, profile: TableProfile | None = None) -> tuple[sql.SqlColumn, ...]:
    """The columns of a table as derived columns see them: with their SQL types, and why some may not be used."""
    stored = {column.name: _STORAGE_TYPES[column.storage] for column in profile.columns} if profile else {}
    # A model reads `12 kg` as 12 before any derived column sees it.
    stored |= {column.name: "DOUBLE" for column in schema.columns if column.kind == "embedded number"}
    return tuple(
        sql.SqlColumn(
            name=column.name,
            types=(stored[column.name],) if column.name in stored else _SQL_TYPES[column.kind],
            withheld=_withheld(column, schema),
        )
        for column in schema.columns
    )


def recipe_json_schema() -> bytes:
    """The JSON Schema of a recipe, one alternative per family with that family's parameters and their ranges."""
    _, definitions = msgspec.json.schema_components([Recipe], ref_template="#/$defs/{name}")
    shared = definitions["Recipe"]["properties"]
    alternatives = [
        {
            "title": family.label,
            "type": "object",
            "properties": {
                **shared,
                "family": {"const": family.name},
                "parameters": {
                    "type": "object",
                    "properties": {spec.name: _parameter_schema(spec) for spec in family.parameters},
                    "additionalProperties": False,
                },
            },
            "required": ["family"],
            "additionalProperties": False,
        }
        for family in families()
    ]
    del definitions["Recipe"]
    return msgspec.json.encode(_json_schema_alone({"title": "Recipe", "oneOf": alternatives, "$defs": definitions}))


def _json_schema_alone(part: object) -> object:
    """`part` of a schema without OpenAPI's `discriminator`, which JSON Schema does not know and strict readers refuse."""
    if isinstance(part, dict):
        return {key: _json_schema_alone(value) for key, value in part.items() if key != "discriminator"}
    return [_json_schema_alone(each) for each in part] if isinstance(part, list) else part


def _parameter_schema(spec: ParameterSpec) -> dict[str, object]:
    schema: dict[str, object] = {"description": spec.description}
    if spec.default is not None:
        schema["default"] = spec.default
    if spec.kind == "choice":
        return {**schema, "enum": list(spec.choices)}
    if spec.kind == "boolean":
        return {**schema, "type": "boolean"}
    if spec.kind == "integer":
        return {**schema, "type": "integer", "minimum": int(spec.low), "maximum": int(spec.high)}
    return {**schema, "type": "number", "minimum": spec.low, "maximum": spec.high}


def _withheld(column: ColumnSchema, schema: Schema) -> str:
    if column.name == schema.target or column.role == "target":
        return "it is the target"
    if column.role in ("ignore", "group", "weight"):
        return f'its role is "{column.role}"'
    return ""


def _incomplete(recipe: Recipe, schema: Schema) -> Iterator[Problem]:
    if not schema.target or schema.problem_type == "none":
        yield Problem("schema", "The table has no target yet; nothing can be fitted.")
    used = [
        column
        for column in (*schema.features, *(column for column in schema.columns if column.role == "time"))
        if column.name not in recipe.dropped and recipe.encoders.get(column.name) != "drop"
    ]
    if not used and not recipe.derived:
        yield Problem("dropped", "Every feature is dropped; keep at least one.")
    if len(used) + len(recipe.derived) > MAX_FEATURES:
        yield Problem("dropped", f"More than {MAX_FEATURES:,} features are left; drop some.")


def parameter_problems(recipe: Recipe, task: ProblemType | None = None) -> Iterator[Problem]:
    """The problems of the recipe's parameters; whether they are for the `task` is not asked without one."""
    for name, value in recipe.parameters.items():
        where = f"parameter {clean(name, 60)}"
        spec = family_parameter(recipe.family, name)
        if spec is None:
            names = [spec.name for spec in family_parameters(recipe.family)]
            guess = nearest(name, names)
            hint = f'Did you mean "{guess}"?' if guess else f"It has: {', '.join(names)}."
            yield Problem(where, f"The family {family_label(recipe.family)} has no such parameter. {hint}")
        elif what := value_problem(spec, value):
            yield Problem(where, what)
        elif task and spec.tasks and task not in spec.tasks and value != spec.default:
            yield Problem(where, f"It is for {' and '.join(spec.tasks)} targets; this one is {task}.")


def value_problem(spec: ParameterSpec, value: ParameterValue) -> str:
    """Why a parameter cannot have this value, in a sentence; "" if it can."""
    if spec.kind == "boolean":
        return "" if isinstance(value, bool) else "It must be true or false."
    if spec.kind == "choice":
        return "" if value in spec.choices else f"It must be one of: {', '.join(spec.choices)}."
    whole = spec.kind == "integer"
    wanted = f"a {'whole ' if whole else ''}number from {spec.low:g} to {spec.high:g}"
    if isinstance(value, bool | str) or (whole and not isinstance(value, int)):
        return f"It must be {wanted}."
    return "" if spec.low <= value <= spec.high else f"Out of range: it must be {wanted}."


def _column_problems(recipe: Recipe, schema: Schema) -> Iterator[Problem]:
    columns = {column.name: column for column in schema.columns}
    for name in recipe.dropped:
        yield from missing_column(f"dropped {clean(name, 60)}", name, columns, schema)
    for name, encoder in recipe.encoders.items():
        where = f"encoder of {clean(name, 60)}"
        if any(column.name == name for column in recipe.derived):
            continue
        missing = list(missing_column(where, name, columns, schema))
        yield from missing
        if missing:
            continue
        kind = columns[name].kind
        if encoder not in ENCODERS[kind]:
            fitting = ", ".join(ENCODERS[kind])
            yield Problem(where, f'"{encoder}" does not fit a {kind} column; use one of: {fitting}.')
        elif encoder == "native" and recipe.family not in native_families() and kind in ("code", "category"):
            yield Problem(
                where, f'Only {" and ".join(native_families())} take categories as they are; use another than "native".'
            )
        elif name in recipe.dropped and encoder not in ("auto", "drop"):
            yield Problem(where, "The column is dropped; leave out its encoder, or keep the column.")
