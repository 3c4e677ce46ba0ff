"""The schema of a table is detected: kinds and roles of its columns, target, problem type, split, and warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np

from tabsmith.tables.info import TableInfo
from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.edits import BY_HAND, unknown_column
from tabsmith.tables.schema.event import choose_event
from tabsmith.tables.schema.groups import EntityColumn, find_entities, group_warning
from tabsmith.tables.schema.kinds import detect_kind
from tabsmith.tables.schema.leaks import Leak, find_leaks
from tabsmith.tables.schema.lexicon import target_weight
from tabsmith.tables.schema.problem_type import problem_type_of, target_kind
from tabsmith.tables.schema.repeats import find_copies
from tabsmith.tables.schema.splits import choose_split, holdout_share
from tabsmith.tables.schema.target import rank_targets
from tabsmith.tables.schema.types import (
    ColumnKind,
    ColumnRole,
    ColumnSchema,
    ColumnWarning,
    ProblemType,
    RequestedProblemType,
    Schema,
    Split,
    TableWarning,
)
from tabsmith.text import clean, plural

_MANY_VALUES: Final = 50
_MOSTLY: Final = 0.5
_TARGET_NAME: Final = 0.7  # weight of a name that is rarely that of a feature
_RARE_CLASS: Final = 8  # rows: fewer than the folds
_IMBALANCED: Final = 0.05


def detect_schema(
    info: TableInfo,
    target: str | None = None,
    *,
    problem_type: RequestedProblemType = "detect",
    kinds_by_hand: Mapping[str, ColumnKind] = MappingProxyType({}),
) -> Schema:
    """The schema of a table, for the column `target` or for the likeliest target.

    `problem_type` and `kinds_by_hand` are those that a person asked for; a kind by hand wins over detection, and makes
    a column other than an identifier a feature. Raises SchemaError if there is no column `target`, or if it cannot be
    predicted, or not as this type of problem.
    """
    profile = info.profile
    names = tuple(column.name for column in profile.columns)
    if target is not None and target not in names:
        raise unknown_column(target, names)
    sample = RowSample(info)
    detected = {
        column.name: (kinds_by_hand[column.name], BY_HAND)
        if column.name in kinds_by_hand
        else detect_kind(column, sample)
        for column in profile.columns
    }
    kinds = {name: kind for name, (kind, _) in detected.items()}
    evidence = {name: why for name, (_, why) in detected.items()}
    targets = rank_targets(profile, kinds, sample)
    if target is None:
        target = targets[0].name if targets else ""
    if not target:
        split = Split("random", holdout=holdout_share(profile.rows), reason="no target was found")
        context = _Context(split=split, duplicates=_find_duplicates(profile, kinds, sample, ""))
        return Schema(_columns(profile, kinds, evidence, context), "", targets, "none", split, profile.rows)
    column = profile.column(target)
    if target not in kinds_by_hand or problem_type != "detect":
        kinds[target] = target_kind(column, kinds[target], sample, problem_type)
    detected_type = problem_type_of(column, kinds[target])
    others = [column for column in profile.columns if column.name != target]
    entities = find_entities(others, kinds, sample)
    split = choose_split(profile, kinds, sample, detected_type, target, entities)
    context = _Context(
        target=target,
        problem_type=detected_type,
        split=split,
        leaks=find_leaks(profile, kinds, sample, target, detected_type),
        duplicates=_find_duplicates(profile, kinds, sample, target),
        entities={entity.name: entity for entity in entities},
    )
    columns = _columns(profile, kinds, evidence, context)
    warnings = _table_warnings(columns, sample, target, profile.rows)
    event = _event_of(column) if detected_type == "binary" else ""
    return Schema(columns, target, targets, detected_type, split, profile.rows, warnings, event)


def _event_of(column: ColumnProfile) -> str:
    """The event among the two values of a target, in the order that their classes have in training."""
    if len(column.top) != 2:
        return ""
    values = sorted(column.top, key=lambda value: value.text)
    return values[choose_event([value.text for value in values], [value.count for value in values]).position].text


def _table_warnings(
    columns: Sequence[ColumnSchema], sample: RowSample, target: str, rows: int
) -> tuple[TableWarning, ...]:
    features = [sample.numbers(column.name) for column in columns if column.role == "feature"]
    copies = find_copies(features, sample.numbers(target))
    return () if copies is None else (copies.warning(rows),)


# The columns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What is known of the whole table when its columns are described."""

    target: str = ""
    problem_type: ProblemType = "none"
    split: Split
    leaks: Mapping[str, Leak] = field(default_factory=dict)
    duplicates: Mapping[str, str]  # the earlier column that has the same values
    entities: Mapping[str, EntityColumn] = field(default_factory=dict)


def _columns(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], evidence: Mapping[str, str], context: _Context
) -> tuple[ColumnSchema, ...]:
    return tuple(
        _column_schema(column, kinds[column.name], evidence[column.name], context) for column in profile.columns
    )


def _find_duplicates(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, target: str
) -> dict[str, str]:
    """The columns whose values are those of an earlier column, with that column's name."""
    similar: dict[tuple[object, ...], list[str]] = {}
    duplicates: dict[str, str] = {}
    for column in profile.columns:
        if kinds[column.name] == "constant" or column.name == target:
            continue
        summary = (column.storage, column.distinct, column.missing, column.top, column.numbers)
        earlier_columns = similar.setdefault(summary, [])
        for earlier in earlier_columns:
            if np.array_equal(sample.codes(earlier), sample.codes(column.name)):
                duplicates[column.name] = earlier
                break
        else:
            earlier_columns.append(column.name)
    return duplicates


def _column_schema(column: ColumnProfile, kind: ColumnKind, evidence: str, context: _Context) -> ColumnSchema:
    if column.name == context.target:
        warnings = _target_warnings(column, context.problem_type)
        return ColumnSchema(column.name, kind, "target", evidence, tuple(warnings), column.format)
    warnings = _warnings(column, kind)
    role: ColumnRole = "ignore" if kind in {"identifier", "constant"} else "feature"
    leak = context.leaks.get(column.name)
    if leak is not None:
        warnings.append(ColumnWarning("leak suspect", leak.message))
        role = "ignore" if leak.same else role
    if column.name in context.duplicates:
        duplicate = clean(context.duplicates[column.name], 40)
        warnings.append(ColumnWarning("duplicate", f"The same values as {duplicate}."))
        role = "ignore"
    if evidence == BY_HAND and kind != "identifier":
        role = "feature"
    if column.name == context.split.by:
        role = "group" if context.split.kind == "grouped" else "time"
        if role == "time" and kind == "identifier":
            kind, evidence, warnings = "numeric", "counts the moments of a series", []
    elif (entity := context.entities.get(column.name)) is not None:
        warnings.append(group_warning(entity))
    return ColumnSchema(column.name, kind, role, evidence, tuple(warnings), column.format)


def _warnings(column: ColumnProfile, kind: ColumnKind) -> list[ColumnWarning]:
    warnings: list[ColumnWarning] = []
    if kind == "identifier":
        warnings.append(ColumnWarning("identifier", "A key of the row that says nothing about other rows; left out."))
    if kind == "constant":
        warnings.append(ColumnWarning("constant", _constant_message(column)))
    if kind == "date":
        warnings.append(
            ColumnWarning("date", "To predict the future, split by time along this column: train on earlier rows.")
        )
    if kind == "category" and column.distinct > _MANY_VALUES:
        warnings.append(ColumnWarning("high cardinality", f"{plural(column.distinct, 'different value')}."))
    if column.note:
        warnings.append(ColumnWarning("read as", f"{column.note}."))
    if column.odd_count:
        warnings.append(_unread_cells(column))
    if kind != "constant" and column.missing_share > _MOSTLY:
        warnings.append(ColumnWarning("mostly missing", f"Missing in {column.missing_share:.0%} of the rows."))
    return warnings


def _constant_message(column: ColumnProfile) -> str:
    if target_weight(column.name) < _TARGET_NAME:
        return "The same value in all rows; left out."
    what = (
        "Its name is that of a target, but every value is missing"
        if column.missing == column.rows
        else ("Its name is that of a target, but it has the same value in all rows")
    )
    return f"{what}: a target needs at least two values, in two rows each. Left out."


def _unread_cells(column: ColumnProfile) -> ColumnWarning:
    """The warning of cells that do not fit the column, with the first few of them."""
    shown = ", ".join(
        f"{cell.text!r} in line {cell.line}" if cell.line else repr(cell.text) for cell in column.odd_cells[:3]
    )
    more = " ..." if column.odd_count > 3 else ""
    verb = "is" if column.odd_count == 1 else "are"
    return ColumnWarning(
        "unread cells",
        f"{plural(column.odd_count, 'cell')} {verb} not read as {column.format.name} and treated as missing{': ' if shown else ''}{shown}{more}.",
    )


def _target_warnings(column: ColumnProfile, problem_type: ProblemType) -> list[ColumnWarning]:
    warnings: list[ColumnWarning] = [_unread_cells(column)] if column.odd_count else []
    if column.note:
        warnings.append(ColumnWarning("read as", f"{column.note}."))
    if column.missing:
        rows = plural(column.missing, "row")
        warnings.append(ColumnWarning("target missing", f"{rows} without a target; left out of training."))
    if problem_type in {"binary", "multiclass"} and column.top:
        present = column.rows - column.missing
        counts = [value.count for value in column.top]
        shows_all_classes = column.distinct <= len(counts)
        other_rows = present - sum(counts)
        rarest = counts[-1] if shows_all_classes else max(1, other_rows // (column.distinct - len(counts)))
        if rarest < _RARE_CLASS:
            name = f"Class {column.top[-1].text}" if shows_all_classes else "The rarest class"
            warnings.append(ColumnWarning("class too rare", f"{name} has only {plural(rarest, 'row')}."))
        share = rarest / present if problem_type == "binary" else 1 - counts[0] / present
        if share < _IMBALANCED:
            subject = "The rarer class is" if problem_type == "binary" else "All classes but the commonest are"
            warnings.append(ColumnWarning("imbalanced", f"{subject} only {share:.1%} of the rows."))
    return warnings
