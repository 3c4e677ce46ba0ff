"""What a person changed in a detected schema, kept for that table: the next time it is read, it is corrected again.

A table is known by its source and the names of its columns, so that no correction reaches another file.
"""

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.paths import folders
from tabsmith.storage import Document, Found, file_stem
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import FileSource, Source, describe_source
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, Split
from tabsmith.text import clean

if TYPE_CHECKING:
    from pathlib import Path

CORRECTIONS_VERSION: Final = 1
_SHOWN: Final = 6


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
