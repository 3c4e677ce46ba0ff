"""The user's edits of a detected schema. They are kept apart from it and applied to every new detection."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Final, NamedTuple, TypeAlias, TypeVar

from msgspec.structs import replace

from tabsmith.errors import SchemaError
from tabsmith.tables.schema import edits as edit
from tabsmith.tables.schema.corrections import SchemaEdits
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, Schema, Split
from tabsmith.text import clean
from tabsmith.workflow.session import WorkflowSession

T = TypeVar("T")

_PLAIN: Final = frozenset({"feature", "ignore"})  # roles that nothing else in a schema hangs on

_Change: TypeAlias = tuple[str, Callable[[Schema], Schema]]


class EditedSchema(NamedTuple):
    """A schema with the edits that fit it, and descriptions of the edits that do not."""

    schema: Schema
    left_out: tuple[str, ...]


def column_names(schema: Schema) -> tuple[str, ...]:
    """The names of the columns in the table's order; a column's number is its position here, from 1."""
    return tuple(column.name for column in schema.columns)


def apply_edits(detected: Schema, edits: SchemaEdits) -> EditedSchema:
    """`detected` with the user's edits. Edits of columns that it does not have are kept for another table."""
    schema = _with_plain_roles(detected, edits.roles)
    left_out: list[str] = []
    for description, change in _changes(schema, edits):
        try:
            schema = change(schema)
        except SchemaError:
            left_out.append(description)
    return EditedSchema(schema, tuple(left_out))


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
        if column.name in wanted and column.role not in _PLAIN:
            schema = edit.with_role(schema, column.name, "feature")
    roles: dict[str, ColumnRole] = {
        column.name: "feature" if column.name in wanted else "ignore"
        for column in schema.columns
        if column.role in _PLAIN
    }
    return _edited(session, _with_plain_roles(schema, roles))


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


def _with_plain_roles(schema: Schema, roles: Mapping[str, ColumnRole]) -> Schema:
    """Features and ignored columns in one pass: a table may have thousands, all chosen at once."""

    def changed(column: ColumnSchema) -> ColumnSchema:
        wanted = roles.get(column.name, column.role)
        plain = column.role in _PLAIN and wanted in _PLAIN
        return replace(column, role=wanted, evidence=edit.BY_HAND) if plain and wanted != column.role else column

    return replace(schema, columns=tuple(changed(column) for column in schema.columns))


def _changes(schema: Schema, edits: SchemaEdits) -> Iterator[_Change]:
    columns = {column.name: column for column in schema.columns}
    for name, kind in edits.kinds.items():
        if name in columns:
            yield f"{clean(name, 40)} as {kind}", partial(edit.with_kind, column=name, kind=kind)
    for name, role in edits.roles.items():
        if name in columns and columns[name].role != role:
            yield f"{clean(name, 40)} as {role}", partial(edit.with_role, column=name, role=role)
    if edits.split is not None and (not edits.split.by or edits.split.by in columns):
        yield f"{edits.split.kind} split", partial(edit.with_split, split=edits.split)
