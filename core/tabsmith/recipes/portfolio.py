"""Known-good recipes for a table, the quick and strong ones first, fitted to its size, problem type and columns.

The order and the ranges follow the published portfolios of AutoGluon (Tabular Zeroshot 2023): boosting with its
defaults first, then extra-trees variants, small learning rates, small and large leaves; forests, a network and
neighbours for variety in the ensemble.
"""

from tabsmith.families.registry import families, get_family
from tabsmith.families.spec import HUGE, SMALL, TINY, TableSize
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema


def portfolio(schema: Schema, profile: TableProfile, *, family: Family | None = None) -> tuple[Recipe, ...]:
    """The recipes to try on this table, in order, no two alike; only those of `family` when one is given, and then
    also where the family is slow on such a table, because it was asked for."""
    size = measure_table(schema, profile)
    chosen = [spec for spec in families() if spec.suits(size)] if family is None else [get_family(family)]
    entries = [(entry, spec.name) for spec in chosen for entry in spec.portfolio(size)]
    if family is None:
        entries.sort(key=lambda pair: pair[0].rank)
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
