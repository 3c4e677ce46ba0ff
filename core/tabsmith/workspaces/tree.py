"""A folder as data: its files, folders and links by path, each with what is needed to see that it changed.

Where links lead: inside their folder, or out of it. Worked out on the tree alone, without following one on disk.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from tabsmith.errors import StorageError
from tabsmith.storage import write_atomic
from tabsmith.storage.files import storage_error
from tabsmith.text import clean

EntryKind: TypeAlias = Literal["file", "folder", "link"]
LeftOutReason: TypeAlias = Literal[
    "cache", "environment", "repository", "leads out", "not readable", "pipe, socket or device", "vanished"
]
T = TypeVar("T", bound=msgspec.Struct)

CACHE_FOLDERS: Final = (
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
)
ENVIRONMENT_FOLDERS: Final = (".venv", "venv", "node_modules", ".tox", ".nox")
REPOSITORY_FOLDER: Final = ".git"


class TreeEntry(msgspec.Struct, frozen=True):
    """What is at a path: the permission bits; of a file its bytes and their SHA-256; of a link where it points."""

    kind: EntryKind
    mode: int = 0
    size: int = 0
    sha256: str = ""
    target: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """What lies in a folder and is neither copied nor compared nor handed back."""

    path: str
    why: LeftOutReason


class FolderTree(msgspec.Struct, frozen=True):
    """A folder at one moment. Paths are relative, with `/`; a name that is not UTF-8 holds surrogate escapes."""

    entries: Mapping[str, TreeEntry] = {}
    left_out: tuple[LeftOut, ...] = ()


class WorkspaceLimits(msgspec.Struct, frozen=True):
    """How much a folder may hold, and which folders in it are left alone by their names: what programs rebuild for
    themselves, and installed packages, which would be most of the copy and none of the work."""

    files: int = 50_000
    megabytes: int = 2_000
    levels: int = 64
    caches: tuple[str, ...] = CACHE_FOLDERS
    environments: tuple[str, ...] = ENVIRONMENT_FOLDERS


def safe_path(path: str, limit: int = 200) -> str:
    """A path safe to show: bytes that are no text as escapes."""
    return clean(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), limit)


def list_paths(paths: list[str] | tuple[str, ...], most: int = 10) -> str:
    """Paths in a sentence, the first of them by name."""
    first = ", ".join(safe_path(path, 120) for path in paths[:most])
    return f"{first} and {len(paths) - most:,} more" if len(paths) > most else first


def save(path: Path, value: msgspec.Struct) -> None:
    """Put `value` in the file at `path`, whole. Raises StorageError."""
    # Not msgspec's encoder: a path that is not UTF-8 can only be written as escapes.
    write_atomic(path, json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode())


def load(path: Path, type_: type[T]) -> T | None:
    """The value in the file at `path`; None when there is no file. Raises StorageError."""
    try:
        return msgspec.convert(json.loads(path.read_bytes()), type_)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise storage_error(error, path, "read") from error
    except (ValueError, RecursionError) as error:
        raise StorageError(
            f"{clean(path.name)} is damaged: {clean(error)}.",
            where=str(path),
            next_step="The work of this run cannot be handed back from here; its folder is left as it is.",
        ) from error


_MOST: Final = 40  # links in a chain, as the kernel has it


def leads_out(path: str, entries: Mapping[str, TreeEntry], closed: Collection[str] = ()) -> bool:
    """Whether the link at `path` can lead to anything outside of the folder; an absolute link does, wherever it goes,
    and so does a circle, and one through the `closed` paths, of which the tree does not know what they hold."""
    place = path.split("/")[:-1]
    todo = _parts(entries[path].target)
    if todo is None:
        return True
    followed = 1
    while todo:
        part = todo.pop()
        if part == "..":
            if not place:
                return True
            place.pop()
            continue
        place.append(part)
        here = "/".join(place)
        if here in closed:
            return True
        met = entries.get(here)
        if met is None or met.kind != "link":
            continue
        followed += 1
        more = _parts(met.target)
        if more is None or followed > _MOST:
            return True
        place.pop()
        todo += more
    return False


def _parts(target: str) -> list[str] | None:
    """The names of a relative target, the last one first; None for an absolute one."""
    if target.startswith("/"):
        return None
    return [part for part in reversed(target.split("/")) if part not in ("", ".")]
