"""What a person changed in a detected schema, kept for that table: the next time it is read, it is corrected again.

A table is known by its source and the names of its columns, so that no correction reaches another file.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import SchemaError
from tabsmith.paths import folders
from tabsmith.storage import Document, Found, file_stem
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import FileSource, Source, describe_source
from tabsmith.tables.schema import edits as edit
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ColumnSchema, Schema, Split
from tabsmith.text import clean

if TYPE_CHECKING:
    from pathlib import Path

CORRECTIONS_VERSION: Final = 1
_SHOWN: Final = 6

PLAIN_ROLES: Final = frozenset({"feature", "ignore"})  # roles that nothing else in a schema hangs on

_Change: TypeAlias = tuple[str, Callable[[Schema], Schema]]


class SchemaEdits(msgspec.Struct, frozen=True):
    """What a person changed in the detected schema, by column name; applied to every later detection.

    `target` is the one they chose, "" while they took the detected one.
    """

    target: str = ""
    roles: dict[str, ColumnRole] = {}
    kinds: dict[str, ColumnKind] = {}
    split: Split | None = None

    def __bool__(self) -> bool:
        return bool(self.target or self.roles or self.kinds or self.split)

    def describe(self) -> str:
        """The edits in words: `target district, rooms as category, area as ignore`; at most six of them."""
        words = [f"target {clean(self.target, 40)}"] if self.target else []
        words += [f"{clean(name, 40)} as {kind}" for name, kind in self.kinds.items()]
        words += [f"{clean(name, 40)} as {role}" for name, role in self.roles.items()]
        words += [f"{self.split.kind} split"] if self.split else []
        return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


class EditedSchema(NamedTuple):
    """A schema with the edits that fit it, and descriptions of the edits that do not."""

    schema: Schema
    left_out: tuple[str, ...]


def apply_edits(detected: Schema, edits: SchemaEdits) -> EditedSchema:
    """`detected` with the user's edits. Edits of columns that it does not have are kept for another table."""
    schema = with_plain_roles(detected, edits.roles)
    left_out: list[str] = []
    for description, change in _changes(schema, edits):
        try:
            schema = change(schema)
        except SchemaError:
            left_out.append(description)
    return EditedSchema(schema, tuple(left_out))


def with_plain_roles(schema: Schema, roles: Mapping[str, ColumnRole]) -> Schema:
    """Features and ignored columns in one pass: a table may have thousands, all chosen at once."""

    def changed(column: ColumnSchema) -> ColumnSchema:
        wanted = roles.get(column.name, column.role)
        plain = column.role in PLAIN_ROLES and wanted in PLAIN_ROLES
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


class _Kept(msgspec.Struct, frozen=True):
    """The document of one table; `source` is for a person who looks into the folder."""

    source: str
    edits: SchemaEdits


def table_key(info: TableInfo) -> str:
    """The name under which the corrections of a table are kept: the same for the same source and column names."""
    names = [column.name for column in info.profile.columns]
    return hashlib.sha256(msgspec.json.encode((_source_key(info.source), names))).hexdigest()[:32]


def load_corrections(info: TableInfo, user: str) -> SchemaEdits:
    """What `user` changed in the schema of this table before; no edits if nothing is kept. Raises StorageError."""
    loaded = _document(info, user).load()
    return loaded.value.edits if isinstance(loaded, Found) else SchemaEdits()


def keep_corrections(info: TableInfo, user: str, edits: SchemaEdits) -> None:
    """Keep what `user` changed in the schema of this table. Raises StorageError."""
    _document(info, user).save(_Kept(describe_source(info.source), edits))


def _document(info: TableInfo, user: str) -> Document[_Kept]:
    path = folders().corrections / file_stem(user) / f"{table_key(info)}.json"
    return Document(path, _Kept, version=CORRECTIONS_VERSION, name="schema corrections")


def _source_key(source: Source) -> object:
    if not isinstance(source, FileSource):
        return source
    from tabsmith.tables.read.guard import normalize_path

    path: Path = normalize_path(source.path)
    # A file that is sent again lies in a new folder each time.
    return path.name if path.is_relative_to(folders().uploads) else str(path)
