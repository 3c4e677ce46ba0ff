"""Variations of a recipe's feature steps: one step added, taken away, or made of more or fewer columns."""

import random
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from tabsmith.families.feature_steps import (
    Arithmetic,
    Clip,
    Crosses,
    DateParts,
    FeatureStep,
    GroupStatistics,
    Lags,
    MissingFlags,
    Select,
    SubsetHashes,
    TargetEncoding,
    TextParts,
)
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import NUMBER_KINDS, TEXT_KINDS, ColumnKind, Schema

MOST_STEPS: Final = 4
"""More steps than these are never the result of adding one: each is learned anew in every fold."""

_FACTORS: Final = (0.5, 2.0)
_LEVEL_KINDS: Final[frozenset[ColumnKind]] = frozenset({"category", "code", "boolean"})


def vary_steps(parent: Recipe, schema: Schema, profile: TableProfile, rng: random.Random) -> Recipe | None:
    """`parent` with one feature step more, one fewer, or one of another size; None where the table allows no change.

    The same state of `rng` gives the same variation. Only steps that have columns to work on in this table are added, and
    lags are left as they are, because their entity and horizon follow from what is predicted. Only the steps change.
    """
    changed = [*_added(parent, schema, profile), *_without_one(parent), *_resized(parent)]
    return replace(parent, features=rng.choice(changed)) if changed else None


def fitting_steps(schema: Schema, profile: TableProfile) -> tuple[FeatureStep, ...]:
    """The steps, with their defaults, that have columns to work on in a table."""
    kinds = [column.kind for column in schema.features]
    names = {column.name for column in schema.features}
    numbers = sum(kind in NUMBER_KINDS for kind in kinds)
    levels = sum(kind in _LEVEL_KINDS for kind in kinds)
    suited: tuple[tuple[bool, FeatureStep], ...] = (
        (numbers >= 2, Arithmetic()),
        (levels >= 2, Crosses()),
        (levels >= 1, TargetEncoding()),
        (numbers >= 1 and levels >= 1, GroupStatistics()),
        ("date" in kinds, DateParts()),
        (any(kind in TEXT_KINDS for kind in kinds), TextParts()),
        (any(column.missing and column.name in names for column in profile.columns), MissingFlags()),
        (len(kinds) >= 3, SubsetHashes()),
        (numbers >= 1, Clip()),
    )
    return tuple(step for suits, step in suited if suits)


def _added(parent: Recipe, schema: Schema, profile: TableProfile) -> Iterator[tuple[FeatureStep, ...]]:
    if len(parent.features) >= MOST_STEPS:
        return
    present = {type(step) for step in parent.features}
    for step in fitting_steps(schema, profile):
        if type(step) not in present:
            yield (*parent.features, step)


def _without_one(parent: Recipe) -> Iterator[tuple[FeatureStep, ...]]:
    for position, step in enumerate(parent.features):
        if isinstance(step, Lags):
            continue
        yield (*parent.features[:position], *parent.features[position + 1 :])


def _resized(parent: Recipe) -> Iterator[tuple[FeatureStep, ...]]:
    """The steps with one that makes half or twice as many columns, within its bounds."""
    for position, step in enumerate(parent.features):
        match step:
            case Arithmetic() | Crosses() | GroupStatistics() | SubsetHashes():
                sizes = {max(1, min(500, round(step.most * factor))) for factor in _FACTORS}
            case Select():
                sizes = {max(1, min(20_000, round(step.most * factor))) for factor in _FACTORS}
            case _:
                continue
        for most in sorted(sizes - {step.most}):
            yield (*parent.features[:position], replace(step, most=most), *parent.features[position + 1 :])
