"""States of a folder put together from two: what an agent made, with some paths as they were before."""

from collections.abc import Collection
from typing import Protocol

from tabsmith.workspaces.tree import FolderTree, TreeEntry


class IsProtected(Protocol):
    """Whether a path keeps its first state. `existed` says whether there was anything."""

    def __call__(self, path: str, *, existed: bool) -> bool: ...


def restore_protected(
    base: FolderTree, state: FolderTree, protected: IsProtected
) -> tuple[FolderTree, tuple[str, ...]]:
    """Return `state` with its protected files and links as in `base`, and the paths that differed."""
    restored = tuple(
        path
        for path in sorted(base.entries.keys() | state.entries.keys())
        if base.entries.get(path) != state.entries.get(path)
        and not (_is_folder(base, path) and _is_folder(state, path))
        and protected(path, existed=path in base.entries)
    )
    return without(state, base, restored), restored


def without(state: FolderTree, base: FolderTree, paths: Collection[str]) -> FolderTree:
    """Return `state` with these paths as they are in `base`; what stands in the way of one of them goes."""
    if not paths:
        return state
    entries: dict[str, TreeEntry] = dict(state.entries)
    for path in sorted(paths):
        first = base.entries.get(path)
        _drop(entries, path)
        if first is None:
            continue
        parts = path.split("/")
        for length in range(1, len(parts)):
            above = "/".join(parts[:length])
            if not (above in entries and entries[above].kind == "folder"):
                _drop(entries, above)
                entries[above] = base.entries[above]
        entries[path] = first
    return FolderTree(entries, state.left_out)


def _drop(entries: dict[str, TreeEntry], path: str) -> None:
    entry = entries.pop(path, None)
    if entry is not None and entry.kind == "folder":
        for below in [each for each in entries if each.startswith(f"{path}/")]:
            del entries[below]


def _is_folder(tree: FolderTree, path: str) -> bool:
    entry = tree.entries.get(path)
    return entry is not None and entry.kind == "folder"
