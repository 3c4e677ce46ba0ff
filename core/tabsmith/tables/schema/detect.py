"""A table is understood: kinds and roles of its columns, target, task, split, and what a person should look at."""

from collections.abc import Mapping
from typing import Final

from tabsmith.errors import SchemaError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.dependence import same_values
from tabsmith.tables.schema.edits import unknown_column
from tabsmith.tables.schema.kinds import detect_kind, is_whole
from tabsmith.tables.schema.leaks import Leak, find_leaks
from tabsmith.tables.schema.lexicon import is_class_name
from tabsmith.tables.schema.splits import choose_split
from tabsmith.tables.schema.target import rank_targets
from tabsmith.tables.schema.types import (
    ColumnKind,
    ColumnRole,
    ColumnSchema,
    ProblemType,
    RequestedProblemType,
    Schema,
    Split,
)
from tabsmith.tables.schema.types import ColumnWarning as Caution
from tabsmith.text import clean, plural

_MANY_VALUES: Final = 50
_MOSTLY: Final = 0.5
_RARE_CLASS: Final = 8  # rows: fewer than the folds
_IMBALANCED: Final = 0.05
_ORDINAL: Final = 6  # whole numbers with more distinct values are taken as numbers
_MOST_CLASSES: Final = 1_000
_CLASS_NAMED: Final = 100


def detect_schema(info: TableInfo, target: str | None = None, *, task: RequestedProblemType = "detect") -> Schema:
    """What tabsmith understands of a table, for the column `target` or for the one it finds.

    `task` is what a person said it to be. Raises SchemaError when there is no column `target`, or when it cannot be
    predicted (so).
    """
    profile = info.profile
    names = tuple(column.name for column in profile.columns)
    if target is not None and target not in names:
        raise unknown_column(target, names)
    sample = RowSample(info)
    found = {column.name: detect_kind(column, sample) for column in profile.columns}
    kinds = {name: kind for name, (kind, _) in found.items()}
    targets = rank_targets(profile, kinds, sample)
    chosen = target if target is not None else (targets[0].name if targets else "")
    found_task: ProblemType = "none"
    leaks: dict[str, Leak] = {}
    split = Split("random", holdout=0.0 if profile.rows < 40 else 0.2, reason="no target was found")
    if chosen:
        column = profile.column(chosen)
        kinds[chosen] = _asked_kind(column, kinds[chosen], task) or _target_kind(column, kinds[chosen], sample)
        found_task = _problem_type(column, kinds[chosen])
        leaks = find_leaks(profile, kinds, sample, chosen, found_task)
        split = choose_split(profile, kinds, sample, found_task, chosen, column.rows - column.missing)
    copies = _copies(profile, kinds, sample, chosen)
    columns = tuple(
        _column_schema(column, kinds, found[column.name][1], chosen, found_task, split, leaks, copies)
        for column in profile.columns
    )
    return Schema(columns, chosen, targets, found_task, split, profile.rows)


def _asked_kind(column: ColumnProfile, kind: ColumnKind, task: RequestedProblemType) -> ColumnKind | None:
    """The kind of the target that makes the task the one asked for; None where that is left to detection."""
    if task == "detect" or kind == "constant":
        return None
    if task == "regression":
        if column.storage in ("text", "date", "timestamp"):
            raise SchemaError(
                f"{clean(column.name, 60)} cannot be the target of a regression: it holds no numbers.",
                next_step="Leave the task out, or choose a target that is a number.",
            )
        return "numeric"
    return "boolean" if kind == "boolean" else "category"


def _target_kind(column: ColumnProfile, kind: ColumnKind, sample: RowSample) -> ColumnKind:
    """The kind of a column once it is the target; it decides the task. Raises SchemaError."""
    name = clean(column.name, 60)
    if kind == "constant":
        raise SchemaError(f"{name} cannot be the target: it has only one value.", next_step="Choose another target.")
    if kind == "date":
        raise SchemaError(
            f"{name} cannot be the target: it is a date.", next_step="Choose a number or a column of classes."
        )
    if column.storage == "text":
        if column.distinct > _MOST_CLASSES or column.distinct > 0.5 * (column.rows - column.missing):
            raise SchemaError(
                f"{name} cannot be the target: it has {plural(column.distinct, 'different text')}.",
                next_step="Choose a number or a column of a few classes.",
            )
        return kind if kind == "boolean" else "category"
    if kind == "boolean" or column.distinct == 2:
        return "boolean" if kind == "boolean" else "category"
    if is_whole(column, sample) and column.distinct <= (_CLASS_NAMED if is_class_name(column.name) else _ORDINAL):
        return "category" if is_class_name(column.name) or not _is_amount(column) else "numeric"
    return "numeric"


def _is_amount(column: ColumnProfile) -> bool:
    """Whether whole numbers of a few values measure something, like a quality from 3 to 8, rather than name it."""
    numbers = column.numbers
    return column.distinct >= 5 and numbers is not None and numbers.maximum - numbers.minimum == column.distinct - 1


def _problem_type(column: ColumnProfile, kind: ColumnKind) -> ProblemType:
    if kind in {"numeric", "code"}:
        return "regression"
    return "binary" if column.distinct == 2 else "multiclass"


def _copies(profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, target: str) -> dict[str, str]:
    """Columns whose values are those of an earlier column."""
    seen: dict[tuple[object, ...], list[str]] = {}
    copies: dict[str, str] = {}
    for column in profile.columns:
        if kinds[column.name] == "constant" or column.name == target:
            continue
        alike = seen.setdefault((column.storage, column.distinct, column.missing, column.top, column.numbers), [])
        for earlier in alike:
            if same_values(sample.codes(earlier), sample.codes(column.name)):
                copies[column.name] = earlier
                break
        else:
            alike.append(column.name)
    return copies


def _column_schema(
    column: ColumnProfile,
    kinds: Mapping[str, ColumnKind],
    evidence: str,
    target: str,
    task: ProblemType,
    split: Split,
    leaks: Mapping[str, Leak],
    copies: Mapping[str, str],
) -> ColumnSchema:
    kind = kinds[column.name]
    if column.name == target:
        return ColumnSchema(column.name, kind, "target", evidence, tuple(_target_warnings(column, task)))
    warnings = _warnings(column, kind)
    role: ColumnRole = "ignore" if kind in {"identifier", "constant"} else "feature"
    leak = leaks.get(column.name)
    if leak is not None:
        warnings.append(Caution("leak suspect", leak.message))
        role = "ignore" if leak.same else role
    if column.name in copies:
        warnings.append(Caution("duplicate", f"The same values as {clean(copies[column.name], 40)}."))
        role = "ignore"
    if column.name == split.by:
        role = "group" if split.kind == "grouped" else "time"
    return ColumnSchema(column.name, kind, role, evidence, tuple(warnings))


def _warnings(column: ColumnProfile, kind: ColumnKind) -> list[Caution]:
    warnings: list[Caution] = []
    if kind == "identifier":
        warnings.append(Caution("identifier", "Names the row and tells nothing about others; left out."))
    if kind == "constant":
        warnings.append(Caution("constant", "The same everywhere; left out."))
    if kind == "date":
        warnings.append(Caution("date", "If what is predicted lies in the future, split forward along this column."))
    if kind == "category" and column.distinct > _MANY_VALUES:
        warnings.append(Caution("high cardinality", f"{plural(column.distinct, 'different value')}."))
    if kind != "constant" and column.missing_share > _MOSTLY:
        warnings.append(Caution("mostly missing", f"Missing in {column.missing_share:.0%} of the rows."))
    return warnings


def _target_warnings(column: ColumnProfile, task: ProblemType) -> list[Caution]:
    warnings: list[Caution] = []
    if column.missing:
        rows = plural(column.missing, "row")
        warnings.append(Caution("target missing", f"{rows} without a target; left out of training."))
    if task in {"binary", "multiclass"} and column.top:
        present = column.rows - column.missing
        counts = [value.count for value in column.top]
        rest = present - sum(counts)
        rarest = counts[-1] if column.distinct <= len(counts) else max(1, rest // (column.distinct - len(counts)))
        if rarest < _RARE_CLASS:
            name = f"Class {column.top[-1].text}" if column.distinct <= len(counts) else "The rarest class"
            warnings.append(Caution("class too rare", f"{name} has only {plural(rarest, 'row')}."))
        share = rarest / present if task == "binary" else 1 - counts[0] / present
        if share < _IMBALANCED:
            what = "The rarer class is" if task == "binary" else "All classes but the commonest are"
            warnings.append(Caution("imbalanced", f"{what} only {share:.1%} of the rows."))
    return warnings
