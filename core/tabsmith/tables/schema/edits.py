"""A schema changed by hand: roles, kinds, the split; what does not go together is refused in words. Light."""

import difflib
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import SchemaError
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, ProblemType, Schema, Split
from tabsmith.text import clean

_BY_HAND: Final = "chosen by hand"
_CLASS_KINDS: Final = frozenset({"category", "boolean", "text", "identifier"})
_ORDERED_KINDS: Final = frozenset({"date", "numeric", "code"})


def unknown_column(name: str, known: tuple[str, ...]) -> SchemaError:
    """The error for a column that the table does not have, with the nearest that it has."""
    folded = {each.lower(): each for each in known}
    close = [folded[each] for each in difflib.get_close_matches(name.lower(), folded, 3, 0.5)]
    shown = ", ".join(clean(each, 40) for each in close or known[:12])
    return SchemaError(
        f"The table has no column {clean(name, 60)!r}.",
        next_step=f"Did you mean {shown}?"
        if close
        else f"Its columns are: {shown}{' ...' if len(known) > 12 else ''}.",
    )


def with_role(schema: Schema, column: str, role: ColumnRole) -> Schema:
    """`schema` with `column` in another role.

    There is always at most one target, group and time column: the one before becomes a feature. A group or time
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
    changed = schema
    if role in {"target", "group", "time"}:
        for other in schema.columns:
            if other.role == role:
                changed = _put(changed, replace(other, role="feature", evidence=_BY_HAND))
    changed = _put(changed, replace(old, role=role, evidence=_BY_HAND))
    if role == "target":
        return _with_target(changed, column)
    return _with_fitting_split(changed, old)


def with_kind(schema: Schema, column: str, kind: ColumnKind) -> Schema:
    """`schema` with `column` of another kind; the target's kind decides the task. Raises SchemaError."""
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
    changed = _put(schema, replace(old, kind=kind, evidence=_BY_HAND))
    return _with_target(changed, column) if old.role == "target" else changed


def with_split(schema: Schema, split: Split) -> Schema:
    """`schema` with another split; its `by` column takes the role that goes with it. Raises SchemaError."""
    if not 0 <= split.holdout <= 0.5:
        raise SchemaError("The hold-out is a share of the rows from 0 to 0.5.", next_step="0.2 is usual.")
    if not 2 <= split.folds <= 20:
        raise SchemaError("There are from 2 to 20 folds.", next_step="5 or 8 are usual.")
    if split.kind == "stratified" and schema.problem_type == "regression":
        raise SchemaError("Only classes can be stratified, and the target is a number.", next_step="Choose random.")
    if split.kind not in {"grouped", "forward"}:
        freed = [replace(each, role="feature") if each.role in {"group", "time"} else each for each in schema.columns]
        return replace(schema, columns=tuple(freed), split=replace(split, by=""))
    if not split.by:
        raise SchemaError(f"A {split.kind} split needs a column.", next_step="Name the column to split by.")
    column = _column(schema, split.by)
    role: ColumnRole = "group" if split.kind == "grouped" else "time"
    if column.role != role:
        schema = with_role(schema, split.by, role)
    other = "time" if role == "group" else "group"
    freed = [replace(each, role="feature") if each.role == other else each for each in schema.columns]
    return replace(schema, columns=tuple(freed), split=split)


def merge_edits(old: Schema, new: Schema, edited: frozenset[str]) -> Schema:
    """`new` (the same table understood for another target) with the kinds and roles that a person gave in `old`.

    `edited` names the columns that a person changed; what no longer fits the new target is left as detected.
    """
    merged = new
    for column in old.columns:
        if column.name not in edited or column.name == new.target or column.name not in _names(new):
            continue
        wanted: ColumnRole = "feature" if column.role == "target" else column.role
        try:
            merged = with_role(with_kind(merged, column.name, column.kind), column.name, wanted)
        except SchemaError:  # an edit that made sense only for the old target
            continue
    return merged


def problem_type_of(kind: ColumnKind, classes: int) -> ProblemType:
    """The task that a target of this kind sets; `classes` counts its distinct values."""
    if kind == "numeric":
        return "regression"
    return "binary" if classes == 2 else "multiclass"


def _with_target(schema: Schema, name: str) -> Schema:
    kind = schema.column(name).kind
    task: ProblemType = schema.problem_type
    if kind in {"numeric", "date"}:
        task = "regression"
    elif kind == "boolean":
        task = "binary"
    elif name != schema.target or task == "regression":
        task = "multiclass"
    kind_of_split = schema.split.kind
    if kind_of_split in {"random", "stratified"}:
        kind_of_split = "random" if task == "regression" else "stratified"
    return replace(schema, target=name, problem_type=task, split=replace(schema.split, kind=kind_of_split))


def _with_fitting_split(schema: Schema, old: ColumnSchema) -> Schema:
    """The split that goes with the roles as they now are."""
    new = schema.column(old.name)
    plain = replace(
        schema.split, kind="random" if schema.problem_type == "regression" else "stratified", by="", reason=_BY_HAND
    )
    if new.role == "group":
        split = replace(schema.split, kind="grouped", by=new.name, reason=_BY_HAND)
        return _freed(replace(schema, split=split), "time")
    if new.role == "time":
        split = replace(schema.split, kind="forward", by=new.name, reason=_BY_HAND)
        return _freed(replace(schema, split=split), "group")
    return replace(schema, split=plain) if schema.split.by == old.name else schema


def _freed(schema: Schema, role: ColumnRole) -> Schema:
    freed = [replace(each, role="feature", evidence=_BY_HAND) if each.role == role else each for each in schema.columns]
    return replace(schema, columns=tuple(freed))


def _put(schema: Schema, column: ColumnSchema) -> Schema:
    return replace(schema, columns=tuple(column if each.name == column.name else each for each in schema.columns))


def _names(schema: Schema) -> tuple[str, ...]:
    return tuple(column.name for column in schema.columns)


def _column(schema: Schema, name: str) -> ColumnSchema:
    try:
        return schema.column(name)
    except KeyError:
        raise unknown_column(name, _names(schema)) from None
