"""The folder that an agent works on instead of the real one: made, looked at after each iteration, handed back."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from tabsmith.errors import WorkspaceError
from tabsmith.storage import FileLock
from tabsmith.storage.files import make_folder, storage_error
from tabsmith.workspaces import changes as comparing
from tabsmith.workspaces import worktree
from tabsmith.workspaces.changes import FileChange
from tabsmith.workspaces.content_store import ContentStore
from tabsmith.workspaces.copy_folder import copy
from tabsmith.workspaces.merge_back import MergeBack, MergeResult, OnConflict
from tabsmith.workspaces.remove_folder import remove_tree
from tabsmith.workspaces.scan import FolderScan, scan_folder
from tabsmith.workspaces.tree import FolderTree, LeftOut, TreeEntry, WorkspaceLimits, load, safe_path, save
from tabsmith.workspaces.walk import chunks, digest_of, open_file, open_parent, open_root

WorkspaceMethod: TypeAlias = Literal["auto", "copy", "worktree"]
R = TypeVar("R")

_RECORD: Final = "workspace.json"
BASE: Final = 0
"""The number of the mark that holds the folder as it was before the first iteration."""


class WorkspaceInfo(msgspec.Struct, frozen=True):
    """How a workspace came about. `instead` says in words why a worktree was not possible; "" when none was wanted."""

    origin: str
    was_missing: bool
    how: Literal["copy", "worktree"]
    instead: str
    left_out: tuple[LeftOut, ...]
    bounds: WorkspaceLimits


class Workspace:
    """A workspace with its records in the folder `place`. Agents get `folder`, and nothing else of it.

    Iterations are marked: `mark(n)` keeps what changed, so each difference can be shown later, by another process as
    well. `hand_back(n)` brings the origin to a marked state, from what was kept and not from the folder, so whoever
    still writes there changes nothing of it. All methods block; none may run twice at once.
    """

    def __init__(self, place: Path, made: WorkspaceInfo) -> None:
        self.place = place
        self.made = made
        self.origin = Path(made.origin)
        self.folder = place / "folder"
        self._store = ContentStore(place / "contents")

    @classmethod
    def create(
        cls, origin: Path, place: Path, how: WorkspaceMethod = "auto", bounds: WorkspaceLimits | None = None
    ) -> "Workspace":
        """A workspace for `origin` in the folder `place`, which is made; an origin that is not there counts as empty.

        Called again on the same place after a kill, it starts anew unless the workspace was complete. Raises
        WorkspaceTooLargeError, WorkspaceError, StorageError.
        """
        origin, place = Path(os.path.realpath(origin)), Path(os.path.realpath(place))
        bounds = bounds or WorkspaceLimits()
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
            made, base = _make(origin, place / "folder", how, bounds, was_missing=was_missing)
            workspace = cls(place, made)
            save(workspace._mark_file(BASE), base)
            save(place / _RECORD, made)
            return workspace

    @classmethod
    def open(cls, place: Path) -> "Workspace":
        """The workspace at `place`, made by this process or another one. Raises WorkspaceError, StorageError."""
        place = Path(os.path.realpath(place))
        made = _made(place)
        if made is None:
            raise WorkspaceError("There is no workspace here.", where=str(place), next_step="Start the task again.")
        return cls(place, made)

    # Iterations -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> FolderTree:
        """The folder worked in, as it is now. Raises WorkspaceTooLargeError, WorkspaceError."""
        return scan_folder(self.folder, self.made.bounds)

    def mark(self, iteration: int) -> FolderTree:
        """Keep the folder as it is now as the state after `iteration` (1 or more); marked again, the last one counts.

        Raises WorkspaceTooLargeError, WorkspaceError, StorageError.
        """
        if iteration <= BASE:
            raise ValueError("iterations are counted from 1")
        base = self.tree(BASE)

        def keep(path: str, handle: int, digest: str) -> str:
            known = base.entries.get(path)
            if (known is not None and known.sha256 == digest) or self._store.has(digest):
                return digest
            return self._store.keep(handle)

        with open_root(self.folder) as handle:
            tree = FolderScan(self.folder, self.made.bounds, "refuse", keep).look(handle)
        self._keep_originals(base, tree)
        save(self._mark_file(iteration), tree)
        return tree

    def marks(self) -> tuple[int, ...]:
        """The iterations that are marked, with `BASE`."""
        return tuple(sorted(int(file.stem) for file in (self.place / "marks").glob("*.json")))

    def tree(self, iteration: int) -> FolderTree:
        """The folder as it was after an iteration, or before the first (`BASE`). Raises WorkspaceError."""
        tree = load(self._mark_file(iteration), FolderTree)
        if tree is None:
            raise WorkspaceError(f"Iteration {iteration} was not marked.", where=str(self.place))
        return tree

    def changes(self, before: FolderTree, after: FolderTree) -> tuple[FileChange, ...]:
        """What changed between two trees of this workspace."""
        return comparing.find_changes(before, after, self._content)

    def difference(self, before: FolderTree, after: FolderTree, *, limit: int = 100_000) -> str:
        """The same as a unified diff, bounded and safe to show."""
        return comparing.diff_text(before, after, self._content, limit)

    # The way back ---------------------------------------------------------------------------------------------------

    def hand_back(self, iteration: int, *, others: OnConflict = "refuse") -> MergeResult:
        """Bring the origin to the state after `iteration`, all of it or nothing; a second time does nothing, and after
        a kill it goes on.

        Raises WorkspaceConflictError when others changed the origin meanwhile, StorageError, WorkspaceError; then the
        origin is as it was.
        """
        with FileLock(self.place / "lock"):
            return self._handing_back().hand_back(
                iteration, self.tree(iteration), self.tree(BASE), was_missing=self.made.was_missing, others=others
            )

    def undo(self) -> None:
        """Take back a hand-back that a kill interrupted; nothing happens when there is none."""
        with FileLock(self.place / "lock"):
            self._handing_back().undo()

    @property
    def handing_back(self) -> Literal["not yet", "going", "done"]:
        """Where the way back stands: `going` means that a process was killed on it."""
        journal = self._handing_back().journal
        return "not yet" if journal is None else journal.state

    def discard(self) -> None:
        """Remove the folder worked in, and the worktree that it was; what was marked can still be shown and handed
        back. Raises StorageError, WorkspaceError."""
        with FileLock(self.place / "lock"):
            if self.made.how == "worktree":
                worktree.remove_worktree(self.origin, self.folder)
            else:
                remove_tree(self.folder)

    # ----------------------------------------------------------------------------------------------------------------

    def _handing_back(self) -> MergeBack:
        return MergeBack(self.origin, self.place, self._store, self.made.bounds)

    def _mark_file(self, iteration: int) -> Path:
        return self.place / "marks" / f"{iteration}.json"

    def _keep_originals(self, base: FolderTree, tree: FolderTree) -> None:
        """Keep the first content of files that changed, while the origin still has it: the old side of differences."""
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
    origin: Path, folder: Path, how: WorkspaceMethod, bounds: WorkspaceLimits, *, was_missing: bool
) -> tuple[WorkspaceInfo, FolderTree]:
    """Fill the folder to work in, by the way that was asked for or, where that is impossible, as a copy."""
    remove_tree(folder)  # of a process that was killed here
    try:
        make_folder(folder.parent)
        if was_missing:
            folder.mkdir(mode=0o700)
            return WorkspaceInfo(str(origin), True, "copy", "", (), bounds), FolderTree()
        instead = ""
        if how != "copy":
            try:
                tree = worktree.add_worktree(origin, folder, bounds)
                return WorkspaceInfo(str(origin), False, "worktree", "", tree.left_out, bounds), tree
            except worktree.NoWorktreeError as error:
                instead = str(error)
        tree = copy(origin, folder, bounds)
    except OSError as error:
        raise storage_error(error, folder, "make") from error
    except WorkspaceError:
        remove_tree(folder)
        raise
    return WorkspaceInfo(str(origin), False, "copy", instead, tree.left_out, bounds), tree


def _with_file(folder: Path, path: str, entry: TreeEntry, use: Callable[[int], R]) -> R | None:
    """What `use` makes of the file at `path` in `folder`; None when it is not that of `entry`, or any more."""
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
