"""Checks of a recipe's feature steps, target transformation and monotone columns on the columns of a table."""

from collections.abc import Iterator, Mapping
from typing import Final

from tabsmith.families.feature_steps import (
    Arithmetic,
    Clip,
    Crosses,
    DateParts,
    FeatureStep,
    GroupStatistics,
    Lags,
    MissingFlags,
    TargetEncoding,
    TextParts,
    step_name,
)
from tabsmith.families.registry import families, family_label, get_family
from tabsmith.recipes.recipe import Problem, Recipe
from tabsmith.tables.schema.types import NUMBER_KINDS, TEXT_KINDS, ColumnKind, ColumnSchema, Schema
from tabsmith.text import clean, nearest

_LEVEL_KINDS: Final[frozenset[ColumnKind]] = NUMBER_KINDS | {"category", "boolean", "identifier"}
_WORDY_KINDS: Final[frozenset[ColumnKind]] = TEXT_KINDS | {"category", "identifier"}


def step_problems(recipe: Recipe, schema: Schema) -> Iterator[Problem]:
    """The problems of the columns that the recipe's steps name, and of lags where the table has no time."""
    columns = {column.name: column for column in schema.columns}
    for step in recipe.features:
        if isinstance(step, Lags):
            yield from _lag_problems(recipe, step, columns, schema)
            continue
        for names, kinds in _named_columns(step):
            for name in names:
                yield from _named_problems(recipe, step, name, kinds, columns, schema)


def _named_columns(step: FeatureStep) -> Iterator[tuple[tuple[str, ...], frozenset[ColumnKind] | None]]:
    """The columns that a step names, with the kinds that they may have; None for any."""
    match step:
        case Arithmetic() | Clip():
            yield step.columns, NUMBER_KINDS
        case Crosses() | TargetEncoding():
            yield step.columns, _LEVEL_KINDS
        case GroupStatistics():
            yield step.by, _LEVEL_KINDS
            yield step.columns, NUMBER_KINDS
        case DateParts():
            yield step.columns, frozenset({"date"})
        case TextParts():
            yield step.columns, _WORDY_KINDS
        case MissingFlags():
            yield step.columns, None


def _named_problems(
    recipe: Recipe,
    step: FeatureStep,
    name: str,
    kinds: frozenset[ColumnKind] | None,
    columns: Mapping[str, ColumnSchema],
    schema: Schema,
) -> Iterator[Problem]:
    where = f"{step_name(step)} of {clean(name, 60)}"
    if name in recipe.dropped or recipe.encoders.get(name) == "drop":
        yield Problem(where, "The column is dropped; leave it out of the step, or keep the column.")
    elif any(column.name == name for column in recipe.derived):
        return
    elif name == schema.target or name not in columns:
        yield from missing_column(where, name, columns, schema)
    elif columns[name].role not in ("feature", "time"):
        yield Problem(where, f'Its role is "{columns[name].role}", so that models do not see it.')
    elif kinds is not None and columns[name].kind not in kinds:
        fitting = ", ".join(sorted(kinds))
        yield Problem(where, f"It is of kind {columns[name].kind}; the step is for {fitting}.")


def _lag_problems(recipe: Recipe, step: Lags, columns: Mapping[str, ColumnSchema], schema: Schema) -> Iterator[Problem]:
    if schema.split.kind != "forward":
        yield Problem("features, lags", f"Lags need rows that are split by time; these are {schema.split.kind}.")
    if not step.columns and schema.problem_type == "multiclass":
        yield Problem("features, lags", "A target of several classes is no number; name numeric columns.")
    derived = {column.name for column in recipe.derived}
    for name in (name for name in (*step.columns, *step.entity) if name not in derived):
        where = f"lags of {clean(name, 60)}"
        yield from missing_column(where, name, columns, schema)
        if name in columns and columns[name].role in ("ignore", "weight"):
            yield Problem(where, f'Its role is "{columns[name].role}", so that models do not see it.')
        elif name in step.columns and name in columns and columns[name].kind not in NUMBER_KINDS | {"boolean"}:
            yield Problem(where, f"It is of kind {columns[name].kind}, and lags are of numbers.")


def target_problems(recipe: Recipe, schema: Schema) -> Iterator[Problem]:
    """The problems of a transformation of a target that is no number, or has no trend."""
    if recipe.target != "none" and schema.problem_type not in ("regression", "none"):
        yield Problem("target", f"It is for regression targets; this one is {schema.problem_type}.")
    elif recipe.target == "detrend" and schema.split.kind != "forward":
        yield Problem("target", f'"detrend" needs rows that are split by time; these are {schema.split.kind}.')


def monotone_problems(recipe: Recipe, schema: Schema) -> Iterator[Problem]:
    """The problems of columns with which the prediction is to rise or fall."""
    if not recipe.monotone:
        return
    if not get_family(recipe.family).requirements.monotone:
        able = " and ".join(spec.label for spec in families() if spec.requirements.monotone)
        yield Problem("monotone", f"{family_label(recipe.family)} cannot be made to rise or fall; {able} can.")
    if schema.problem_type == "multiclass":
        yield Problem("monotone", "It is for numbers and two classes; this target has more.")
    columns = {column.name: column for column in schema.columns}
    derived = {column.name for column in recipe.derived}
    for name in recipe.monotone:
        where = f"monotone {clean(name, 60)}"
        if name in recipe.dropped or recipe.encoders.get(name, "auto") not in ("auto", "native"):
            yield Problem(where, "The column has to be a feature as it is: not dropped, and with no encoder.")
        elif name == schema.target or name not in {*columns, *derived}:
            yield from missing_column(where, name, columns, schema)
        elif name in columns and columns[name].kind not in NUMBER_KINDS | {"boolean"}:
            yield Problem(where, f"It is of kind {columns[name].kind}, which has no order; name a number.")


def missing_column(where: str, name: str, columns: Mapping[str, ColumnSchema], schema: Schema) -> Iterator[Problem]:
    """The problem of a column that a recipe names and the table does not have, or that is the target."""
    if name == schema.target:
        yield Problem(where, "It is the target, which is no feature.")
    elif name not in columns:
        guess = nearest(name, [column for column in columns if column != schema.target])
        hint = f' Did you mean "{clean(guess, 60)}"?' if guess else ""
        yield Problem(where, f"The table has no such column.{hint}")
