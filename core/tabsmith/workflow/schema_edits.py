"""The user's edits of a detected schema. They are kept apart from it and applied to every new detection."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from msgspec.structs import replace

from tabsmith.tables.schema import edits as edit
from tabsmith.tables.schema.corrections import PLAIN_ROLES, SchemaEdits, with_plain_roles
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, Schema, Split
from tabsmith.workflow.session import WorkflowSession

T = TypeVar("T")


def column_names(schema: Schema) -> tuple[str, ...]:
    """The names of the columns in the table's order; a column's number is its position here, from 1."""
    return tuple(column.name for column in schema.columns)


def with_role(session: WorkflowSession, column: str, role: ColumnRole) -> WorkflowSession:
    """The session with the column in another role. Raises SchemaError if the schema does not allow it."""
    return _edited(session, edit.with_role(_schema_of(session), column, role))


def with_kind(session: WorkflowSession, column: str, kind: ColumnKind) -> WorkflowSession:
    """The session with the column taken as another kind. Raises SchemaError if the schema does not allow it."""
    return _edited(session, edit.with_kind(_schema_of(session), column, kind))


def with_split(session: WorkflowSession, split: Split) -> WorkflowSession:
    """The session with rows set aside in another way. Raises SchemaError if the schema does not allow it."""
    return _edited(session, edit.with_split(_schema_of(session), split))


def choosing_features(session: WorkflowSession, chosen: Collection[str]) -> WorkflowSession:
    """The session with exactly these columns as features; other features are ignored. Raises SchemaError."""
    schema, wanted = _schema_of(session), set(chosen)
    for column in schema.columns:
        if column.name in wanted and column.role not in PLAIN_ROLES:
            schema = edit.with_role(schema, column.name, "feature")
    roles: dict[str, ColumnRole] = {
        column.name: "feature" if column.name in wanted else "ignore"
        for column in schema.columns
        if column.role in PLAIN_ROLES
    }
    return _edited(session, with_plain_roles(schema, roles))


def _schema_of(session: WorkflowSession) -> Schema:
    assert session.schema is not None
    return session.schema


def _edited(session: WorkflowSession, schema: Schema) -> WorkflowSession:
    """The session with `schema`; its differences from the detected schema become the edits."""
    detected, before = session.detected, session.edits
    assert detected is not None
    found = {column.name: column for column in detected.columns}
    columns = tuple(_as_found(column, found[column.name]) for column in schema.columns)
    split = schema.split if _without_reason(schema.split) != _without_reason(detected.split) else None
    edits = SchemaEdits(
        target=before.target,
        roles=_elsewhere(before.roles, found) | {c.name: c.role for c in columns if c.role != found[c.name].role},
        kinds=_elsewhere(before.kinds, found) | {c.name: c.kind for c in columns if c.kind != found[c.name].kind},
        split=split,
    )
    return replace(session, edits=edits, schema=replace(schema, columns=columns, split=split or detected.split))


def _as_found(column: ColumnSchema, found: ColumnSchema) -> ColumnSchema:
    """The detected column with its evidence, if role and kind are those detected."""
    return found if (column.role, column.kind) == (found.role, found.kind) else column


def _without_reason(split: Split) -> Split:
    return replace(split, reason="")


def _elsewhere(edits: Mapping[str, T], present: Collection[str]) -> dict[str, T]:
    """The edits of columns that this table does not have."""
    return {name: value for name, value in edits.items() if name not in present}
