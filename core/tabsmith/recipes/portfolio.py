"""Known-good recipes for a table, the quick and strong ones first, fitted to its size, problem type and columns.

A line and a quick boosting come first, so that there is a model at once; then the order follows AutoGluon's published
portfolio for CPUs (December 2025), CatBoost with its defaults before all others; forests, networks and neighbours stand
between for variety in the ensemble. Rounds and learning rates are those that the given time can pay for.
"""

from collections.abc import Collection
from typing import Final

from msgspec.structs import replace

from tabsmith.families.registry import families, get_family
from tabsmith.families.spec import HUGE, SMALL, TINY, TableSize
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.recipes.series import with_series_recipes
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema, usual_folds

AMPLE_SECONDS: Final = 600.0
"""What a run without a time limit is taken to have, where recipes are fitted to the time."""


def portfolio(
    schema: Schema,
    profile: TableProfile,
    *,
    only: Collection[Family] = (),
    exclude: Collection[Family] = (),
    seconds: float = 0.0,
    cores: int = 2,
) -> tuple[Recipe, ...]:
    """The recipes to try on this table, in order, no two alike, none of a family in `exclude`; those of the families in
    `only`, if there are any, and then all of them, also where a family is slow on such a table: it was asked for. `seconds` is the
    time limit of the run, 0 for none."""
    size = measure_table(schema, profile, seconds=seconds, cores=cores)
    chosen = [get_family(name) for name in only] or [spec for spec in families() if spec.suits(size)]
    entries = [(entry, spec.name) for spec in chosen if spec.name not in exclude for entry in spec.portfolio(size)]
    entries.sort(key=lambda pair: pair[0].rank)
    if not only:
        entries = entries[: _max_recipes(size)]
    recipes = (
        Recipe(family=name, name=entry.name, parameters=entry.parameters, features=entry.features, target=entry.target)
        for entry, name in entries
    )
    return with_series_recipes(recipes, schema)


def measure_table(schema: Schema, profile: TableProfile, *, seconds: float = 0.0, cores: int = 2) -> TableSize:
    """The table's size as the portfolio sees it."""
    columns = {column.name: column for column in profile.columns}
    width = 0
    for column in schema.features:
        profiled = columns.get(column.name)
        width += min(profiled.distinct, 50) if profiled and column.kind in ("category", "code") else 1
    target = columns.get(schema.target)
    classes = target.distinct if target and schema.problem_type in ("binary", "multiclass") else 0
    size = TableSize(
        rows=profile.rows or schema.rows,
        width=max(1, width),
        classes=classes,
        columns=max(1, len(schema.features)),
        folds=schema.split.folds,
        seconds=seconds or AMPLE_SECONDS,
        cores=cores,
    )
    return replace(size, folds=folds_in_time(schema, size))


def folds_in_time(schema: Schema, size: TableSize) -> int:
    """The folds of a run on this table: those of the schema, or, unless a person has set them, as many as the time can
    pay for."""
    asked = schema.split.folds
    return size.affordable_folds(asked) if asked == usual_folds(schema.rows) else asked


def _max_recipes(size: TableSize) -> int:
    if size.rows < TINY:
        return 10
    if size.rows < SMALL:
        return 20
    return 36 if size.rows < HUGE else 12
