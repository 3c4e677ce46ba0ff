"""Known-good recipes for a table, the quick and strong ones first, fitted to its size, problem type and columns.

The order and the ranges follow the published portfolios of AutoGluon (Tabular Zeroshot 2023): boosting with its
defaults first, then extra-trees variants, small learning rates, small and large leaves; forests, a network and
neighbours for variety in the ensemble.
"""

from collections.abc import Collection

from tabsmith.families.registry import families, get_family
from tabsmith.families.spec import HUGE, SMALL, TINY, TableSize
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema


def portfolio(
    schema: Schema, profile: TableProfile, *, only: Collection[Family] = (), exclude: Collection[Family] = ()
) -> tuple[Recipe, ...]:
    """The recipes to try on this table, in order, no two alike, none of a family in `exclude`; those of the families in
    `only`, if there are any, and then all of them, also where a family is slow on such a table: it was asked for."""
    size = measure_table(schema, profile)
    chosen = [get_family(name) for name in only] or [spec for spec in families() if spec.suits(size)]
    entries = [(entry, spec.name) for spec in chosen if spec.name not in exclude for entry in spec.portfolio(size)]
    entries.sort(key=lambda pair: pair[0].rank)
    if not only:
        entries = entries[: _max_recipes(size)]
    return tuple(
        Recipe(family=name, name=entry.name, parameters=entry.parameters, features=entry.features, target=entry.target)
        for entry, name in entries
    )


def measure_table(schema: Schema, profile: TableProfile) -> TableSize:
    """The table's size as the portfolio sees it."""
    columns = {column.name: column for column in profile.columns}
    width = 0
    for column in schema.features:
        profiled = columns.get(column.name)
        width += min(profiled.distinct, 50) if profiled and column.kind in ("category", "code") else 1
    target = columns.get(schema.target)
    classes = target.distinct if target and schema.problem_type in ("binary", "multiclass") else 0
    return TableSize(rows=profile.rows or schema.rows, width=max(1, width), classes=classes)


def _max_recipes(size: TableSize) -> int:
    if size.rows < TINY:
        return 10
    if size.rows < SMALL:
        return 16
    return 24 if size.rows < HUGE else 12
