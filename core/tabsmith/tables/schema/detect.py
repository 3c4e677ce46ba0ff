"""The schema of a table is detected: kinds and roles of its columns, target, problem type, split, and warnings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tabsmith.tables.info import TableInfo
from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.edits import unknown_column
from tabsmith.tables.schema.kinds import detect_kind
from tabsmith.tables.schema.leaks import Leak, find_leaks
from tabsmith.tables.schema.problem_type import problem_type_of, target_kind
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
)
from tabsmith.text import clean, plural

_MANY_VALUES: Final = 50
_MOSTLY: Final = 0.5
_RARE_CLASS: Final = 8  # rows: fewer than the folds
_IMBALANCED: Final = 0.05


def detect_schema(
    info: TableInfo, target: str | None = None, *, problem_type: RequestedProblemType = "detect"
) -> Schema:
    """The schema of a table, for the column `target` or for the likeliest target.

    `problem_type` is the one that a person asked for. Raises SchemaError if there is no column `target`, or if it
    cannot be predicted, or not as this type of problem.
    """
    profile = info.profile
    names = tuple(column.name for column in profile.columns)
    if target is not None and target not in names:
        raise unknown_column(target, names)
    sample = RowSample(info)
    detected = {column.name: detect_kind(column, sample) for column in profile.columns}
    kinds = {name: kind for name, (kind, _) in detected.items()}
    targets = rank_targets(profile, kinds, sample)
    if target is None:
        target = targets[0].name if targets else ""
    detected_type: ProblemType = "none"
    leaks: dict[str, Leak] = {}
    split = Split("random", holdout=holdout_share(profile.rows), reason="no target was found")
    if target:
        column = profile.column(target)
        kinds[target] = target_kind(column, kinds[target], sample, problem_type)
        detected_type = problem_type_of(column, kinds[target])
        leaks = find_leaks(profile, kinds, sample, target, detected_type)
        split = choose_split(profile, kinds, sample, detected_type, target, column.rows - column.missing)
    context = _Context(target, detected_type, split, leaks, _find_duplicates(profile, kinds, sample, target))
    columns = tuple(
        _column_schema(column, kinds[column.name], detected[column.name][1], context) for column in profile.columns
    )
    return Schema(columns, target, targets, detected_type, split, profile.rows)


# The columns ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Context:
    """What is known of the whole table when its columns are described."""

    target: str
    problem_type: ProblemType
    split: Split
    leaks: Mapping[str, Leak]
    duplicates: Mapping[str, str]  # the earlier column that has the same values


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
    if column.name == context.split.by:
        role = "group" if context.split.kind == "grouped" else "time"
    return ColumnSchema(column.name, kind, role, evidence, tuple(warnings), column.format)


def _warnings(column: ColumnProfile, kind: ColumnKind) -> list[ColumnWarning]:
    warnings: list[ColumnWarning] = []
    if kind == "identifier":
        warnings.append(ColumnWarning("identifier", "A key of the row that says nothing about other rows; left out."))
    if kind == "constant":
        warnings.append(ColumnWarning("constant", "The same value in all rows; left out."))
    if kind == "date":
        warnings.append(
            ColumnWarning("date", "To predict the future, split by time along this column: train on earlier rows.")
        )
    if kind == "category" and column.distinct > _MANY_VALUES:
        warnings.append(ColumnWarning("high cardinality", f"{plural(column.distinct, 'different value')}."))
    if kind != "constant" and column.missing_share > _MOSTLY:
        warnings.append(ColumnWarning("mostly missing", f"Missing in {column.missing_share:.0%} of the rows."))
    return warnings


def _target_warnings(column: ColumnProfile, problem_type: ProblemType) -> list[ColumnWarning]:
    warnings: list[ColumnWarning] = []
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
