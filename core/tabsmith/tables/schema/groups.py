"""Columns whose values name entities that have several rows each: persons, animals, machines, whatever has a key.

A model that is tested on rows of an entity it has seen looks better than it is on new entities.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.lexicon import is_class_name, is_entity_name, is_key_name, is_owner_name, is_period_name
from tabsmith.tables.schema.text_kinds import matching_share
from tabsmith.tables.schema.types import ColumnKind, ColumnWarning
from tabsmith.text import plural

_LEAST_GROUPS: Final = 5
_ROWS_PER_GROUP: Final = 1.5
_MOST_MISSING: Final = 0.05
_MATCHING: Final = 0.9  # of the texts
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_KEY: Final = re.compile(
    r"[A-Za-z]{1,4}[-_ ]?\d{2,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16,64}",
    re.IGNORECASE,
)


class EntityColumn(msgspec.Struct, frozen=True):
    """A column whose values name entities; `sure` if its rows should stay together unless a person says otherwise."""

    name: str
    groups: int
    rows_per_group: float
    sure: bool


def find_entities(
    columns: Sequence[ColumnProfile], kinds: Mapping[str, ColumnKind], sample: RowSample
) -> tuple[EntityColumn, ...]:
    """The columns that name entities with several rows each, the surest first, then in the table's order."""
    found = [
        EntityColumn(column.name, column.distinct, (column.rows - column.missing) / column.distinct, sure)
        for column in columns
        if _repeats(column, kinds[column.name]) and (sure := _evidence(column, kinds, sample, columns)) is not None
    ]
    return tuple(sorted(found, key=lambda entity: not entity.sure))


def group_warning(entity: EntityColumn) -> ColumnWarning:
    """The warning of a column that names entities while rows are not kept together by it."""
    return ColumnWarning(
        "possible group",
        f"Each of {plural(entity.groups, 'value')} has about {entity.rows_per_group:.0f} rows. With another split a model is tested on "
        "the same values that it was trained on. If new rows bring new ones, give this column the role group.",
    )


def _repeats(column: ColumnProfile, kind: ColumnKind) -> bool:
    if kind in {"constant", "date", "boolean", "text", "url", "list", "embedded number"} or column.storage == "float":
        return False
    present = column.rows - column.missing
    return _LEAST_GROUPS <= column.distinct <= present / _ROWS_PER_GROUP and column.missing_share < _MOST_MISSING


def _evidence(
    column: ColumnProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, columns: Sequence[ColumnProfile]
) -> bool | None:
    """Whether the column surely names entities; None if nothing says that it names any."""
    if is_entity_name(column.name):
        return True
    if is_class_name(column.name) or is_period_name(column.name):
        return None
    if column.storage == "text":
        texts = sample.texts(column.name)
        if matching_share(texts, _EMAIL) >= _MATCHING:
            return True
        if matching_share(texts, _KEY) >= _MATCHING and column.distinct > 2 * _LEAST_GROUPS:
            return False
    if _has_counter(column, kinds, sample, columns):
        return True
    return False if is_key_name(column.name) or is_owner_name(column.name) else None


def _has_counter(
    column: ColumnProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, columns: Sequence[ColumnProfile]
) -> bool:
    """Whether each value has one run of rows in which another column counts from its start: the cycles of an engine."""
    if sample.rows < column.rows:
        return False
    codes = sample.codes(column.name)
    starts = np.flatnonzero(np.diff(codes) != 0) + 1
    if len(starts) + 1 != column.distinct:
        return False
    inside = np.ones(len(codes) - 1, dtype=bool)
    inside[starts - 1] = False
    for other in columns:
        if other.storage != "integer" or other.name == column.name or kinds[other.name] == "identifier":
            continue
        values = sample.numbers(other.name)
        steps = np.diff(values)
        counts = bool(np.all(steps[inside] == 1)) and bool(np.all(steps[~inside] <= 0))
        if counts and len(np.unique(values[np.r_[0, starts]])) == 1:
            return True
    return False
