"""A schema changed by hand: roles, kinds, the split. A combination that makes no sense is refused with the reason."""

from typing import Final

from msgspec.structs import replace

from tabsmith.errors import SchemaError
from tabsmith.tables.schema.types import (
    NUMBER_KINDS,
    ColumnKind,
    ColumnRole,
    ColumnSchema,
    ColumnWarning,
    ProblemType,
    Schema,
    Split,
    SplitKind,
)
from tabsmith.text import clean, similar

BY_HAND: Final = "chosen by hand"
"""The evidence for what a person chose."""
_LOST_GROUP: Final = ColumnWarning(
    "possible group",
    "Its rows are no longer kept together, so a model is tested on the same values that it was trained on. If new rows "
    "bring new ones, give this column the role group.",
)
_ORDERED_KINDS: Final = NUMBER_KINDS | {"date"}
_ONE_COLUMN_ROLES: Final = frozenset[ColumnRole]({"target", "group", "time", "weight"})


def unknown_column(name: str, columns: tuple[str, ...]) -> SchemaError:
    """The error for a column that the table does not have, with the nearest of its `columns`."""
    close = similar(name, columns, cutoff=0.5)
    listed = ", ".join(clean(column, 40) for column in close or columns[:12])
    if close:
        next_step = f"Did you mean {listed}?"
    else:
        next_step = f"Its columns are: {listed}{' ...' if len(columns) > 12 else ''}."
    return SchemaError(f"The table has no column {clean(name, 60)!r}.", next_step=next_step)


def with_role(schema: Schema, column: str, role: ColumnRole) -> Schema:
    """`schema` with `column` in another role.

    A schema has at most one target, group, time and weight column each: an earlier one becomes a feature. A group or time
    column sets the split. Raises SchemaError.
    """
    old = _column(schema, column)
    if old.role == role:
        return schema
    if old.role == "target":
        raise SchemaError(
            f"{clean(column, 60)} is the target.", next_step="Choose another target first; then this column is free."
        )
    if role == "time" and old.kind not in _ORDERED_KINDS:
        raise SchemaError(
            f"{clean(column, 60)} cannot order the rows in time: it is of kind {old.kind}.",
            next_step="Choose a column of dates or numbers.",
        )
    if role == "weight" and old.kind not in NUMBER_KINDS:
        raise SchemaError(
            f"{clean(column, 60)} cannot say how much a row counts: it is of kind {old.kind}.",
            next_step="Choose a column of positive numbers, or give this one the kind numeric first.",
        )
    changed = schema
    if role in _ONE_COLUMN_ROLES:
        changed = _without_roles(schema, role, evidence=BY_HAND)
    if role == "group":
        old = replace(old, warnings=tuple(warning for warning in old.warnings if warning.kind != "possible group"))
    elif old.role == "group":
        old = _freed(old, BY_HAND)
    changed = _with_column(changed, replace(old, role=role, evidence=BY_HAND))
    return _with_target(changed, column) if role == "target" else _with_fitting_split(changed, column)


def with_kind(schema: Schema, column: str, kind: ColumnKind) -> Schema:
    """`schema` with `column` of another kind; the target's kind decides the problem type.

    A column that was left out because of its kind becomes a feature. Raises SchemaError.
    """
    old = _column(schema, column)
    if old.kind == kind:
        return schema
    if kind == "constant":
        raise SchemaError(
            f"{clean(column, 60)} has several values, so it is not constant.",
            next_step="Choose the role ignore instead.",
        )
    if old.role == "time" and kind not in _ORDERED_KINDS:
        raise SchemaError(
            f"{clean(column, 60)} orders the rows in time, so it must be a date or a number.",
            next_step="Give it another role first.",
        )
    if old.role == "weight" and kind not in NUMBER_KINDS:
        raise SchemaError(
            f"{clean(column, 60)} says how much each row counts, so it must be a number.",
            next_step="Give it another role first.",
        )
    left_out_by_kind = old.role == "ignore" and old.kind in {"identifier", "constant"} and kind != "identifier"
    role: ColumnRole = "feature" if left_out_by_kind else old.role
    changed = _with_column(schema, replace(old, kind=kind, role=role, evidence=BY_HAND))
    return _with_target(changed, column) if old.role == "target" else changed


def with_split(schema: Schema, split: Split) -> Schema:
    """`schema` with another split, whose column `by` takes the role that the split needs. Raises SchemaError.

    The series that were found for the column `by` stay known; those of another column do not.
    """
    same = (split.kind, split.by) == (schema.split.kind, schema.split.by)
    split = replace(split, entity=schema.split.entity if same else ())
    if not 0 <= split.holdout <= 0.5:
        raise SchemaError("The test set is a share of the rows from 0 to 0.5.", next_step="0.2 is usual.")
    if not 2 <= split.folds <= 20:
        raise SchemaError("There are from 2 to 20 folds.", next_step="5 or 8 are usual.")
    if split.kind == "stratified" and schema.problem_type == "regression":
        raise SchemaError("Only classes can be stratified, and the target is a number.", next_step="Choose random.")
    if split.kind not in {"grouped", "forward"}:
        return replace(_without_roles(schema, "group", "time"), split=replace(split, by=""))
    if not split.by:
        raise SchemaError(f"A {split.kind} split needs a column.", next_step="Name the column to split by.")
    role: ColumnRole = "group" if split.kind == "grouped" else "time"
    if _column(schema, split.by).role != role:
        schema = with_role(schema, split.by, role)
    return replace(_without_roles(schema, "time" if role == "group" else "group"), split=split)


def with_problem_type(schema: Schema, problem_type: ProblemType) -> Schema:
    """`schema` with the target as another type of problem. Raises SchemaError if the target cannot be a number."""
    column = schema.column(schema.target)
    if problem_type == "regression" and column.kind not in NUMBER_KINDS | {"boolean"}:
        raise SchemaError(
            f"{clean(column.name, 60)} cannot be the target of a regression: it is of kind {column.kind}.",
            next_step="Leave the task out, or choose a target that is a number.",
        )
    split = schema.split
    if split.kind in {"random", "stratified"}:
        split = replace(split, kind=_default_split_kind(problem_type), reason=BY_HAND)
    kind: ColumnKind = column.kind
    if problem_type == "regression":
        kind = "embedded number" if kind == "embedded number" else "numeric"
    elif kind == "numeric":
        kind = "category"
    changed = _with_column(schema, replace(column, kind=kind))
    return replace(changed, problem_type=problem_type, split=split)


def with_event(schema: Schema, event: str) -> Schema:
    """`schema` with the class `event` of its target as the event; whether it is a class is seen when rows are read.

    Raises SchemaError if the target has no two classes.
    """
    if schema.problem_type != "binary":
        raise SchemaError(
            f'"{clean(event, 60)}" cannot be the event: the target {clean(schema.target, 60)} has no two classes.',
            next_step="Leave the event out, or choose a target with two classes.",
        )
    return replace(schema, event=event)


def _default_split_kind(problem_type: ProblemType) -> SplitKind:
    return "random" if problem_type == "regression" else "stratified"


def _with_target(schema: Schema, name: str) -> Schema:
    kind = schema.column(name).kind
    problem_type: ProblemType = schema.problem_type
    if kind in {"numeric", "date", "embedded number"}:
        problem_type = "regression"
    elif kind == "boolean":
        problem_type = "binary"
    elif name != schema.target or problem_type == "regression":
        problem_type = "multiclass"
    split = schema.split
    if split.kind in {"random", "stratified"}:
        split = replace(split, kind=_default_split_kind(problem_type))
    event = schema.event if name == schema.target else ""
    return replace(schema, target=name, problem_type=problem_type, split=split, event=event)


def _with_fitting_split(schema: Schema, changed: str) -> Schema:
    """`schema` with the split that its roles need, after the role of the column `changed` has changed."""
    role = schema.column(changed).role
    if role == "group":
        split = replace(schema.split, kind="grouped", by=changed, reason=BY_HAND)
        return _without_roles(replace(schema, split=split), "time", evidence=BY_HAND)
    if role == "time":
        split = replace(schema.split, kind="forward", by=changed, reason=BY_HAND, entity=())
        return _without_roles(replace(schema, split=split), "group", evidence=BY_HAND)
    if schema.split.by != changed:
        return schema
    plain_kind = _default_split_kind(schema.problem_type)
    return replace(schema, split=replace(schema.split, kind=plain_kind, by="", reason=BY_HAND))


def _without_roles(schema: Schema, *roles: ColumnRole, evidence: str = "") -> Schema:
    """`schema` with the columns of these roles as features; `evidence` replaces theirs, if given."""
    columns = tuple(
        _freed(column, evidence or column.evidence) if column.role in roles else column for column in schema.columns
    )
    return replace(schema, columns=columns)


def _freed(column: ColumnSchema, evidence: str) -> ColumnSchema:
    """The column as a feature; one that kept its rows together is warned of as a possible group."""
    warnings = column.warnings
    if column.role == "group" and not any(warning.kind == "possible group" for warning in warnings):
        warnings = (*warnings, _LOST_GROUP)
    return replace(column, role="feature", evidence=evidence, warnings=warnings)


def _with_column(schema: Schema, changed: ColumnSchema) -> Schema:
    columns = tuple(changed if column.name == changed.name else column for column in schema.columns)
    return replace(schema, columns=columns)


def _column(schema: Schema, name: str) -> ColumnSchema:
    try:
        return schema.column(name)
    except KeyError:
        raise unknown_column(name, tuple(column.name for column in schema.columns)) from None
