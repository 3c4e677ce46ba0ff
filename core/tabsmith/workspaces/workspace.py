"""A workspace: the folder that an agent works on instead of the user's. It is made, scanned after each iteration, and
merged back."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from tabsmith.errors import WorkspaceError
from tabsmith.storage import FileLock
from tabsmith.storage.files import make_folder, storage_error
from tabsmith.workspaces import changes as comparing
from tabsmith.workspaces import worktree
from tabsmith.workspaces.changes import FileChange
from tabsmith.workspaces.content_store import ContentStore, copy_bytes
from tabsmith.workspaces.folders import chunks, digest_of, open_file, open_parent, open_root, remove_tree
from tabsmith.workspaces.merge_back import MergeBack, MergeResult, OnConflict
from tabsmith.workspaces.repository import make_repository, objects_folder
from tabsmith.workspaces.restore import IsProtected, restore_protected, without
from tabsmith.workspaces.scan import FolderScan, copy_folder
from tabsmith.workspaces.tree import (
    FolderTree,
    LeftOut,
    TreeEntry,
    WorkspaceLimits,
    leads_out,
    load,
    safe_path,
    save,
)

WorkspaceMethod: TypeAlias = Literal["auto", "copy", "worktree"]
R = TypeVar("R")

_RECORD: Final = "workspace.json"
BASE: Final = 0
"""The number of the mark with the folder's state before the first iteration."""


class WorkspaceInfo(msgspec.Struct, frozen=True):
    """How a workspace was made. `instead` says why a worktree was not possible; "" if none was wanted."""

    origin: str
    was_missing: bool
    how: Literal["copy", "worktree"]
    instead: str
    left_out: tuple[LeftOut, ...]
    bounds: WorkspaceLimits


class Workspace:
    """A workspace with its records in the folder `place`. Agents get only `folder` of it.

    `mark(n)` stores what iteration `n` changed, so that each difference can be shown later, also by another process.
    `merge_back(n)` brings the origin to a marked state from what was stored, not from the folder, so that whoever still
    writes there cannot change the result. All methods block; none may run twice at once.
    """

    def __init__(self, place: Path, made: WorkspaceInfo) -> None:
        self.place = place
        self.made = made
        self.origin = Path(made.origin)
        self.folder = place / "folder"
        self._store = ContentStore(place / "contents")

    @classmethod
    def create(
        cls, origin: Path, place: Path, how: WorkspaceMethod = "auto", limits: WorkspaceLimits | None = None
    ) -> "Workspace":
        """Make a workspace for `origin` in the new folder `place`; an origin that does not exist counts as empty.

        After a kill the same call begins anew, unless the workspace was complete. Raises WorkspaceTooLargeError,
        WorkspaceError, StorageError.
        """
        origin, place = Path(os.path.realpath(origin)), Path(os.path.realpath(place))
        limits = limits or WorkspaceLimits()
        was_missing = not os.path.lexists(origin)
        if not was_missing and not origin.is_dir():
            raise WorkspaceError("This is a file, not a folder.", where=safe_path(str(origin)))
        if place.is_relative_to(origin) or origin.is_relative_to(place):
            raise WorkspaceError(
                "A folder cannot be worked on in a place inside itself.",
                where=safe_path(str(origin)),
                next_step="Choose a folder that does not hold tabsmith's own, or move those with TABSMITH_HOME.",
            )
        with FileLock(place / "lock"):
            if (complete := _made(place)) is not None:
                return cls(place, complete)
            made, base = _make(origin, place / "folder", how, limits, was_missing=was_missing)
            workspace = cls(place, made)
            save(workspace._mark_file(BASE), base)
            save(place / _RECORD, made)
            return workspace

    @classmethod
    def open(cls, place: Path) -> "Workspace":
        """Open the workspace at `place`, made by this process or another. Raises WorkspaceError, StorageError."""
        place = Path(os.path.realpath(place))
        made = _made(place)
        if made is None:
            raise WorkspaceError("There is no workspace here.", where=str(place), next_step="Start the task again.")
        return cls(place, made)

    def renew_repository(self) -> tuple[Path, ...]:
        """Give the folder a fresh git repository, so that nothing which an agent wrote into one is obeyed. Return the folders
        outside that must be readable for git to work in it. Raises StorageError, WorkspaceError."""
        make_repository(self.origin, self.folder)
        objects = objects_folder(self.origin)
        return () if objects is None else (objects,)

    # Iterations -----------------------------------------------------------------------------------------------------

    def mark(self, iteration: int) -> FolderTree:
        """Store the folder's current state as the one after `iteration` (1 or more); the last mark counts.

        Raises WorkspaceTooLargeError, WorkspaceError, StorageError.
        """
        if iteration <= BASE:
            raise ValueError("iterations are counted from 1")
        base = self.tree(BASE)

        def keep(path: str, handle: int, digest: str) -> str:
            original = base.entries.get(path)
            if (original is not None and original.sha256 == digest) or self._store.has(digest):
                return digest
            return self._store.keep(handle)

        with open_root(self.folder) as handle:
            tree = FolderScan(self.folder, self.made.bounds.of_copy(), "refuse", keep).scan(handle)
        self._keep_originals(base, tree)
        self._store.sync()
        save(self._mark_file(iteration), tree)
        return tree

    def marks(self) -> tuple[int, ...]:
        """Return the marked iterations, including `BASE`."""
        return tuple(sorted(int(file.stem) for file in (self.place / "marks").glob("*.json")))

    def tree(self, iteration: int) -> FolderTree:
        """Return the folder's state after an iteration, or before the first (`BASE`). Raises WorkspaceError."""
        tree = load(self._mark_file(iteration), FolderTree)
        if tree is None:
            raise WorkspaceError(f"Iteration {iteration} was not marked.", where=str(self.place))
        return tree

    def tree_before(self, iteration: int) -> FolderTree:
        """Return the state that an iteration began with: that of the mark before it. Raises WorkspaceError."""
        return self.tree(max((mark for mark in self.marks() if mark < iteration), default=BASE))

    def changes(self, before: FolderTree, after: FolderTree) -> tuple[FileChange, ...]:
        """Return the changes between two states of this workspace."""
        return comparing.find_changes(before, after, self._content)

    def difference(self, before: FolderTree, after: FolderTree, *, limit: int = 100_000) -> str:
        """Return the changes as a unified diff, bounded and safe to show."""
        return comparing.diff_text(before, after, self._content, limit)

    # Acceptance ----------------------------------------------------------------------------------------------------

    def check_out(self, iteration: int, to: Path, protected: IsProtected) -> tuple[str, ...]:
        """Make the new folder `to` as the one after `iteration`, with protected files as they were before the first one.

        The state that was made is the one that `merge_back(iteration)` brings back from then on. Return the protected paths
        that had been changed. Raises StorageError, WorkspaceError.
        """
        base, state = self.tree(BASE), self.tree(iteration)
        accepted, restored = restore_protected(base, state, protected)
        remove_tree(to)
        make_folder(to)
        for path, entry in sorted(accepted.entries.items()):
            target = to / path
            if entry.kind == "folder":
                target.mkdir(mode=0o700)
            elif entry.kind == "link":
                if not leads_out(path, accepted.entries):
                    target.symlink_to(entry.target)
            else:
                self._write_file(path, entry, target)
        for path, entry in sorted(accepted.entries.items(), reverse=True):
            if entry.kind == "folder":
                (to / path).chmod(entry.mode)
        make_repository(self.origin, to)
        save(self._accepted_file(iteration), accepted)
        return restored

    def accepted_tree(self, iteration: int) -> FolderTree:
        """Return the state that acceptance saw after `iteration`; that of its mark if acceptance did not run."""
        return load(self._accepted_file(iteration), FolderTree) or self.tree(iteration)

    # Merging back ---------------------------------------------------------------------------------------------------

    def merge_back(
        self, iteration: int, *, on_conflict: OnConflict = "refuse", leave: Collection[str] = ()
    ) -> MergeResult:
        """Bring the origin to the state that was accepted after `iteration`, but for the paths in `leave`: all of it or
        nothing. A second call does nothing; a call after
        a kill continues.

        Raises WorkspaceConflictError if somebody else changed the origin meanwhile, StorageError, WorkspaceError; then
        the origin is as it was.
        """
        with FileLock(self.place / "lock"):
            return self.merging().merge(
                iteration,
                without(self.accepted_tree(iteration), self.tree(BASE), leave),
                self.tree(BASE),
                was_missing=self.made.was_missing,
                on_conflict=on_conflict,
            )

    def merging(self) -> MergeBack:
        """Return what merges back, with the journal of a merge that was begun and is not over."""
        return MergeBack(self.origin, self.place, self._store, self.made.bounds)

    # ----------------------------------------------------------------------------------------------------------------

    def _write_file(self, path: str, entry: TreeEntry, target: Path) -> None:
        """Write the content of `entry` from the store, or from a folder that still has it."""

        def write(handle: int) -> bool:
            copy_bytes(handle, target)
            target.chmod(entry.mode)
            return True

        if self._store.has(entry.sha256):
            handle = self._store.open(entry.sha256)
            try:
                write(handle)
            finally:
                os.close(handle)
        elif not any(_with_file(folder, path, entry, write) for folder in (self.folder, self.origin)):
            raise WorkspaceError(
                f"The content of {safe_path(path)} is gone from the copy and from the folder.",
                where=str(self.origin),
                next_step="Start the task again.",
            )

    def _accepted_file(self, iteration: int) -> Path:
        return self.place / "accepted" / f"{iteration}.json"

    def _mark_file(self, iteration: int) -> Path:
        return self.place / "marks" / f"{iteration}.json"

    def _keep_originals(self, base: FolderTree, tree: FolderTree) -> None:
        """Store the first content of changed files while the origin still has it: the old side of differences."""
        for path, entry in base.entries.items():
            if entry.kind != "file" or tree.entries.get(path) == entry or self._store.has(entry.sha256):
                continue
            _with_file(self.origin, path, entry, self._store.keep)

    def _content(self, path: str, entry: TreeEntry) -> bytes | None:
        kept = self._store.read(entry.sha256, comparing.MAX_TEXT_BYTES)
        if kept is not None:
            return kept
        for folder in (self.folder, self.origin):
            data = _with_file(folder, path, entry, _bytes)
            if data is not None:
                return data
        return None


def _made(place: Path) -> WorkspaceInfo | None:
    return load(place / _RECORD, WorkspaceInfo)


def _make(
    origin: Path, folder: Path, how: WorkspaceMethod, limits: WorkspaceLimits, *, was_missing: bool
) -> tuple[WorkspaceInfo, FolderTree]:
    """Fill the folder by the method that was asked for or, if that is impossible, as a copy."""
    remove_tree(folder)  # of a process that was killed here
    try:
        make_folder(folder.parent)
        if was_missing:
            folder.mkdir(mode=0o700)
            return WorkspaceInfo(str(origin), True, "copy", "", (), limits), FolderTree()
        instead = ""
        if how != "copy":
            try:
                tree = worktree.add_worktree(origin, folder, limits)
                return WorkspaceInfo(str(origin), False, "worktree", "", tree.left_out, limits), tree
            except worktree.NoWorktreeError as error:
                instead = str(error)
        tree = copy_folder(origin, folder, limits)
    except OSError as error:
        raise storage_error(error, folder, "make") from error
    except WorkspaceError:
        remove_tree(folder)
        raise
    return WorkspaceInfo(str(origin), False, "copy", instead, tree.left_out, limits), tree


def _with_file(folder: Path, path: str, entry: TreeEntry, use: Callable[[int], R]) -> R | None:
    """Return what `use` makes of the file at `path`; None if the file is not the one of `entry` (any more)."""
    try:
        with open_root(folder) as root, open_parent(root, path) as (parent, name):
            handle = open_file(parent, name)
            try:
                return use(handle) if digest_of(handle) == (entry.sha256, entry.size) else None
            finally:
                os.close(handle)
    except OSError:
        return None


def _bytes(handle: int) -> bytes:
    return b"".join(chunks(handle))
