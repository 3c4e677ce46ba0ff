"""Several files that are one table: a folder, a folder of `key=value` folders, or a pattern such as `sales-*.csv`."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast
from urllib.parse import unquote

import msgspec

from tabsmith.errors import PathIsFolderError, PathNotFoundError, ReadError
from tabsmith.tables.read.formats.registry import table_suffixes
from tabsmith.tables.read.guard import ANYWHERE, check_path, normalize_path, require_allowed
from tabsmith.tables.read.opened_file import MEGABYTE, GuardedFile, refuse_too_large
from tabsmith.tables.read.sources import FileSource, JoinSource, OneTable, Source
from tabsmith.text import clean

_MOST_FILES: Final = 10_000
_NULL_KEY: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class MemberFile:
    """One file of several, its name below their folder, and the keys that its `key=value` folders give."""

    path: Path
    name: str
    keys: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files that a path means together, in the order of their names."""

    folder: Path
    display_path: str
    members: tuple[MemberFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.path.stat().st_size for member in self.members)

    @property
    def modified(self) -> float:
        """The time of the latest change of a file, in seconds since 1970."""
        return max(member.path.stat().st_mtime for member in self.members)


def is_file_set(path: str) -> bool:
    """Whether `path` means a folder, or files by a pattern with `*`, `?` or `[...]`. Raises PathError."""
    requested = normalize_path(path)
    return requested.is_dir() or (glob.has_magic(str(requested)) and not os.path.lexists(requested))


def find_files(path: str, allowed: tuple[Path, ...]) -> FileSet:
    """The files that `path`, a folder or a pattern, means.

    Of a folder these are the files of known formats in it, and in its `key=value` folders. Raises PathError if there
    are none, if they lie outside the folders `allowed`, or if there are too many.
    """
    requested = normalize_path(path)
    display_path = clean(requested, 300)
    folder = _fixed_folder(requested)
    require_allowed(folder, allowed, display_path)
    if requested.is_dir():
        found = list(_files_below(requested))
    else:
        pattern = str(requested.relative_to(folder))
        found = [file for file in folder.glob(pattern) if file.is_file() and not file.name.startswith(".")]
    if not found:
        raise PathNotFoundError(
            "The folder holds no table." if requested.is_dir() else "No file has a name like this.",
            where=display_path,
            next_step="Check the path, and that the files are there.",
        )
    if len(found) > _MOST_FILES:
        raise PathIsFolderError(
            f"These are {len(found):,} files; tabsmith reads up to {_MOST_FILES:,} as one table.",
            where=display_path,
            next_step="Name fewer of them.",
        )
    members = tuple(MemberFile(file, str(file.relative_to(folder)), _keys(file, folder)) for file in sorted(found))
    return FileSet(folder, display_path, members)


def check_source_path(path: str, *, allowed: tuple[Path, ...], max_mb: float) -> GuardedFile:
    """The file, or the files taken together, that `path` means; checked as by `guard.check_path`. Raises PathError."""
    if not is_file_set(path):
        return check_path(path, allowed=allowed, max_mb=max_mb)
    files = find_files(path, allowed)
    size = files.size
    if size > max_mb * MEGABYTE:
        refuse_too_large(
            f"The files have {size / MEGABYTE:,.0f} MB together; the limit is {max_mb:,.0f} MB.", files.display_path
        )
    first = check_path(str(files.members[0].path), allowed=allowed, max_mb=max_mb)
    return GuardedFile(
        first.path, files.display_path, first.format, first.compression, size, files.modified, first.modified_ns
    )


def with_absolute_paths(source: Source, max_mb: float) -> Source:
    """`source` with the paths of its files made absolute, each checked as by `check_source_path`. Raises PathError."""
    match source:
        case FileSource(path=path):
            check_source_path(path, allowed=ANYWHERE, max_mb=max_mb)
            return msgspec.structs.replace(source, path=str(normalize_path(path)))
        case JoinSource(tables=tables):
            checked = tuple(cast(OneTable, with_absolute_paths(table, max_mb)) for table in tables)
            return msgspec.structs.replace(source, tables=checked)
        case _:
            return source


def size_and_time(source: FileSource | JoinSource) -> tuple[int, float]:
    """Bytes and time of the last change (seconds since 1970) of the files of a source; 0 for a join without files.

    Raises OSError and PathError if they are not there.
    """
    if isinstance(source, JoinSource):
        files = [size_and_time(table) for table in source.tables if isinstance(table, FileSource)]
        return sum(size for size, _ in files), max((time for _, time in files), default=0.0)
    if is_file_set(source.path):
        members = find_files(source.path, ANYWHERE)
        return members.size, members.modified
    status = normalize_path(source.path).stat()
    return status.st_size, status.st_mtime


def require_same_columns(files: FileSet, names: tuple[tuple[str, ...], ...]) -> None:
    """Raise ReadError if a file has other columns (`names`) than the first; their order may differ."""
    first = set(names[0])
    for member, columns in zip(files.members, names, strict=True):
        if set(columns) != first:
            missing, further = sorted(first - set(columns))[:5], sorted(set(columns) - first)[:5]
            what = f"lacks {', '.join(clean(name, 40) for name in missing)}" if missing else ""
            what += " and " if missing and further else ""
            what += f"has {', '.join(clean(name, 40) for name in further)}, too" if further else ""
            raise ReadError(
                f"The files have different columns: beside {clean(files.members[0].name, 100)}, "
                f"{clean(member.name, 100)} {what}.",
                where=files.display_path,
                next_step="Name one file, or with a pattern such as folder/sales-*.csv those that belong together.",
            )


def _fixed_folder(requested: Path) -> Path:
    """The folder in which all files lie: the path up to its first part with a wildcard."""
    if requested.is_dir():
        return requested
    folder = Path(requested.anchor)
    for part in requested.parts[1:]:
        if glob.has_magic(part):
            break
        folder /= part
    return folder


def _files_below(folder: Path) -> Iterator[Path]:
    """The files of known formats in a folder and in its `key=value` folders; hidden ones, and `_SUCCESS`, left out."""
    suffixes = table_suffixes()
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir() and "=" in entry.name:
            yield from _files_below(entry)
        elif entry.is_file() and entry.name.lower().endswith(suffixes):
            yield entry


def _keys(file: Path, folder: Path) -> dict[str, str | None]:
    """The keys of the `key=value` folders between `folder` and `file`; None is a missing value."""
    keys: dict[str, str | None] = {}
    for part in file.relative_to(folder).parts[:-1]:
        key, equals, value = part.partition("=")
        if equals and key:
            keys[unquote(key)] = None if value == _NULL_KEY else unquote(value)
    return keys
