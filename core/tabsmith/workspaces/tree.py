"""A folder as data: its files, folders and links by path, each with what is needed to see a change.

`leads_out` tells from the tree alone, without following links on disk, whether a link leads out of the folder.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from tabsmith.errors import StorageError
from tabsmith.path_patterns import matches_any
from tabsmith.storage import write_atomic
from tabsmith.storage.files import storage_error
from tabsmith.text import clean

EntryKind: TypeAlias = Literal["file", "folder", "link"]
LeftOutReason: TypeAlias = Literal[
    "cache",
    "environment",
    "repository",
    "leads out",
    "not readable",
    "secret",
    "not to be read",
    "pipe, socket or device",
    "vanished",
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
SECRET_FILES: Final = (
    ".env", ".env.*", "*.env", ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".gcloud", "id_rsa*", "id_dsa*",
    "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", ".netrc", "_netrc",
    ".pgpass", ".pypirc", ".git-credentials", ".htpasswd", "credentials.json", "service-account*.json", "secrets.toml",
    "secrets.yml", "secrets.yaml", "secrets.json", "*.tfstate", "*.tfvars",
)  # fmt: skip
"""Names of files and folders that hold passwords and keys."""
_NO_SECRETS: Final = ("*.example", "*.sample", "*.template", "*.dist", "*.pub")


class TreeEntry(msgspec.Struct, frozen=True):
    """A file, folder or link: its permission bits, a file's size and SHA-256, a link's target."""

    kind: EntryKind
    mode: int = 0
    size: int = 0
    sha256: str = ""
    target: str = ""


class LeftOut(msgspec.Struct, frozen=True):
    """A path that is neither copied nor compared nor merged back."""

    path: str
    why: LeftOutReason


class FolderTree(msgspec.Struct, frozen=True):
    """The state of a folder. Paths are relative, with `/`; a name that is not UTF-8 holds surrogate escapes."""

    entries: Mapping[str, TreeEntry] = {}
    left_out: tuple[LeftOut, ...] = ()


class WorkspaceLimits(msgspec.Struct, frozen=True):
    """How much a folder may hold, and the names of folders in it that are left out: caches, which programs rebuild, and
    installed packages, which would be most of the copy and none of the work."""

    files: int = 50_000
    megabytes: int = 2_000
    levels: int = 64
    caches: tuple[str, ...] = CACHE_FOLDERS
    environments: tuple[str, ...] = ENVIRONMENT_FOLDERS
    secrets: tuple[str, ...] = SECRET_FILES
    named: tuple[str, ...] = ()
    """Patterns of paths that are copied although they look like secrets."""
    readable: tuple[str, ...] = ("**",)
    """Patterns of the files that are copied."""

    def kept_out(self, path: str, *, is_folder: bool) -> LeftOutReason | None:
        """Why a path of the user's folder is not copied, by its name; None if it is."""
        if matches_any(path, self.secrets) and not matches_any(path, (*_NO_SECRETS, *self.named)):
            return "secret"
        return None if is_folder or matches_any(path, self.readable) else "not to be read"

    def of_copy(self) -> "WorkspaceLimits":
        """Return the limits for the copy, in which all that an agent makes counts, whatever its name."""
        return msgspec.structs.replace(self, secrets=(), readable=("**",))


def safe_path(path: str, limit: int = 200) -> str:
    """Return a path safe to show, with bytes that are not UTF-8 as escapes."""
    return clean(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"), limit)


def list_paths(paths: list[str] | tuple[str, ...], most: int = 10) -> str:
    """Return paths for a sentence: the first `most` by name, the rest counted."""
    first = ", ".join(safe_path(path, 120) for path in paths[:most])
    return f"{first} and {len(paths) - most:,} more" if len(paths) > most else first


def save(path: Path, value: msgspec.Struct) -> None:
    """Replace the file at `path` by `value`. Raises StorageError."""
    # Not msgspec's encoder: a path that is not UTF-8 can only be written as escapes.
    write_atomic(path, json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode())


def load(path: Path, type_: type[T]) -> T | None:
    """Return the value in the file at `path`; None if there is no file. Raises StorageError."""
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


_MAX_LINKS: Final = 40  # in a chain, as in the kernel


def leads_out(path: str, entries: Mapping[str, TreeEntry], closed: Collection[str] = ()) -> bool:
    """Whether the link at `path` may lead out of the folder. Absolute links and circles count as leading out, and so do
    links through the `closed` paths, whose contents the tree does not know."""
    position = path.split("/")[:-1]
    todo = _parts(entries[path].target)
    if todo is None:
        return True
    followed = 1
    while todo:
        part = todo.pop()
        if part == "..":
            if not position:
                return True
            position.pop()
            continue
        position.append(part)
        reached = "/".join(position)
        if reached in closed:
            return True
        entry = entries.get(reached)
        if entry is None or entry.kind != "link":
            continue
        followed += 1
        more = _parts(entry.target)
        if more is None or followed > _MAX_LINKS:
            return True
        position.pop()
        todo += more
    return False


def _parts(target: str) -> list[str] | None:
    """The names in a relative target, last one first; None for an absolute target."""
    if target.startswith("/"):
        return None
    return [part for part in reversed(target.split("/")) if part not in ("", ".")]
