"""Merges an accepted state back into the user's folder: checked first, journalled, all of it or nothing."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import StorageError, WorkspaceConflictError, WorkspaceError
from tabsmith.storage.files import storage_error, sync_folder
from tabsmith.workspaces.apply import (
    PathChange,
    apply_steps,
    entry_at,
    remove_temporary_files,
    revert_steps,
    sync_places,
)
from tabsmith.workspaces.content_store import ContentStore
from tabsmith.workspaces.folders import open_file, open_parent, open_root, split_path
from tabsmith.workspaces.scan import scan_folder
from tabsmith.workspaces.tree import FolderTree, LeftOut, TreeEntry, WorkspaceLimits, leads_out, list_paths, load, save

OnConflict: TypeAlias = Literal["refuse", "keep others"]
"""What to do if somebody else changed files of the folder that the work did not touch: refuse, or keep their versions. A
file that both changed is always refused."""

JOURNAL_FILE: Final = "hand-back.json"
_DISK_HINT: Final = "The folder is as it was before. Free some space or fix the permissions, then hand back again."


class MergeResult(msgspec.Struct, frozen=True):
    """The changed paths, the paths that were left out, new files of others (`beside`), and folders that `stayed` although the
    work removed them, because they hold files that were never copied."""

    iteration: int
    changed: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    beside: tuple[str, ...] = ()
    stayed: tuple[str, ...] = ()


class MergeJournal(msgspec.Struct, frozen=True):
    """A merge that is `going` on or `done`: enough to continue or undo it after a kill. `expected` is the folder's expected
    state, before the steps while `going`, after them when `done`. `earlier` is the result of the merge before."""

    state: Literal["going", "done"]
    token: str
    steps: tuple[PathChange, ...]
    result: MergeResult
    expected: FolderTree
    earlier: MergeResult | None = None
    made_folder: bool = False


def plan_steps(expected: FolderTree, state: FolderTree) -> tuple[tuple[PathChange, ...], tuple[LeftOut, ...]]:
    """Return the steps from the expected state to `state`, and the paths of `state` that are left out: links that lead
    out of the folder, pipes, and whatever is left out everywhere."""
    new_links = [
        path for path, entry in state.entries.items() if entry.kind == "link" and expected.entries.get(path) != entry
    ]
    unknown = {path.path for path in expected.left_out}
    out = [LeftOut(path, "leads out") for path in new_links if leads_out(path, state.entries, unknown)]
    left_out = (*out, *(path for path in state.left_out if path.why != "vanished"))
    # The user has a file of their own there, which was kept from the work.
    kept = tuple(path for path in expected.left_out if path.why in ("secret", "not to be read"))
    left_out += tuple(path for path in kept if path.path in state.entries)
    closed = {path.path for path in (*left_out, *state.left_out, *kept)}
    steps = tuple(
        PathChange(path, expected.entries.get(path), state.entries.get(path))
        for path in sorted(expected.entries.keys() | state.entries.keys())
        if expected.entries.get(path) != state.entries.get(path) and not _is_below(path, closed)
    )
    return steps, left_out


class MergeBack:
    """Merges from a workspace's records in the folder `place` back to `origin`."""

    def __init__(self, origin: Path, place: Path, store: ContentStore, limits: WorkspaceLimits) -> None:
        self._origin = origin
        self._journal = place / JOURNAL_FILE
        self._store = store
        self._limits = limits

    @property
    def journal(self) -> MergeJournal | None:
        """The last merge, or the one under way; None if there is none."""
        return load(self._journal, MergeJournal)

    def expected(self, base: FolderTree) -> FolderTree:
        """Return the folder's expected state: what was copied, or what was merged back last."""
        journal = self.journal
        return base if journal is None else journal.expected

    def merge(
        self, iteration: int, state: FolderTree, base: FolderTree, *, was_missing: bool, on_conflict: OnConflict
    ) -> MergeResult:
        """Bring the folder to `state`. Continue where a killed process stopped; do nothing if it is done already.

        Raises WorkspaceConflictError, StorageError, WorkspaceError; then the folder is as it was before.
        """
        journal = self.journal
        expected = self.expected(base)
        if journal is not None and journal.state == "done" and not plan_steps(expected, state)[0]:
            return replace(journal.result, iteration=iteration)
        if journal is not None and journal.state == "going" and journal.result.iteration != iteration:
            raise WorkspaceError(
                f"Iteration {journal.result.iteration} is being handed back already.",
                where=str(self._origin),
                next_step="Hand that one back to its end first.",
            )
        try:
            if journal is None or journal.state == "done":
                earlier = None if journal is None else journal.result
                journal = self._begin(iteration, state, expected, earlier, was_missing, on_conflict)
            return self._continue(journal)
        except OSError as error:
            raise storage_error(error, self._origin, "hand the work back to") from error

    def undo(self) -> None:
        """Undo a merge that is under way, if there is one.

        Raises WorkspaceConflictError, StorageError.
        """
        journal = self.journal
        if journal is None or journal.state == "done":
            return
        try:
            with open_root(self._origin) as root:
                revert_steps(root, journal.steps, self._store, journal.token)
            if journal.made_folder:
                self._origin.rmdir()
        except OSError as error:
            if not (journal.made_folder and not os.path.lexists(self._origin)):
                raise storage_error(error, self._origin, "take the work back from") from error
        if journal.earlier is None:
            self._journal.unlink()
        else:
            save(self._journal, MergeJournal("done", journal.token, (), journal.earlier, journal.expected))

    def _begin(
        self,
        iteration: int,
        state: FolderTree,
        expected: FolderTree,
        earlier: MergeResult | None,
        was_missing: bool,
        on_conflict: OnConflict,
    ) -> MergeJournal:
        steps, left_out = plan_steps(expected, state)
        self._require_inside(steps)
        missing = not os.path.lexists(self._origin)
        if missing and not was_missing:
            raise _conflict(self._origin, "The folder is gone.", ())
        current = FolderTree() if missing else scan_folder(self._origin, self._limits, "leave out")
        beside = self._check(steps, expected, current, on_conflict)
        if not missing:
            self._back_up(steps)
        changed = tuple(step.path for step in steps)
        result = MergeResult(iteration, changed, left_out, beside)
        self._store.sync()
        journal = MergeJournal("going", secrets.token_hex(4), steps, result, expected, earlier, missing)
        save(self._journal, journal)
        return journal

    def _check(
        self, steps: Sequence[PathChange], expected: FolderTree, current: FolderTree, on_conflict: OnConflict
    ) -> tuple[str, ...]:
        """Raise WorkspaceConflictError if the folder is not as expected; return changed and new files that do not matter."""
        touched = {step.path for step in steps}
        closed = {path.path for path in current.left_out}
        conflicts = {
            path
            for step in steps
            for path, wanted in _expected_on_path(step, expected.entries)
            if _differs(wanted, current.entries.get(path), path == step.path) or path in closed
        }
        changed = {
            path
            for path, entry in expected.entries.items()
            if path not in touched and current.entries.get(path) != entry
        }
        expected_paths = touched | expected.entries.keys() | {path.path for path in expected.left_out}
        beside = sorted(current.entries.keys() - expected_paths)
        if on_conflict == "refuse":
            conflicts |= changed
        if conflicts:
            paths = tuple(sorted(conflicts))
            raise _conflict(
                self._origin, f"The folder was changed while its copy was worked on: {list_paths(paths)}.", paths
            )
        return (*sorted(changed), *beside)

    def _require_inside(self, steps: Sequence[PathChange]) -> None:
        for step in steps:
            try:
                split_path(step.path)
            except ValueError as error:
                raise WorkspaceError(
                    f"The records of this workspace name a path that is not in its folder: {list_paths([step.path])}.",
                    where=str(self._journal.parent),
                    next_step="Nothing was handed back.",
                ) from error

    def _back_up(self, steps: Sequence[PathChange]) -> None:
        """Store what will be replaced or removed, so that the merge can be undone. Raises OSError."""
        with open_root(self._origin) as root:
            for step in steps:
                entry = step.before
                if entry is None or entry.kind != "file" or self._store.has(entry.sha256):
                    continue
                with open_parent(root, step.path) as (parent, name):
                    handle = open_file(parent, name)
                    try:
                        kept = self._store.keep(handle)
                    finally:
                        os.close(handle)
                if kept != entry.sha256:
                    raise _conflict(self._origin, f"{list_paths([step.path])} was changed just now.", (step.path,))

    def _continue(self, journal: MergeJournal) -> MergeResult:
        try:
            if journal.made_folder and not os.path.lexists(self._origin):
                self._origin.mkdir()
            with open_root(self._origin) as root:
                remove_temporary_files(root, journal.steps, journal.token)
                stayed = apply_steps(root, journal.steps, self._store, journal.token)
                self._verify(root, journal.steps, stayed)
                sync_places(root, journal.steps)
            if journal.made_folder:
                sync_folder(self._origin.parent)
        except (OSError, WorkspaceConflictError, StorageError) as error:
            self.undo()
            raise _undone_error(error, self._origin) from error
        result = replace(journal.result, stayed=stayed)
        done = replace(journal, state="done", result=result, expected=_after_steps(journal.expected, journal.steps))
        save(self._journal, done)
        return done.result

    def _verify(self, root: int, steps: Sequence[PathChange], stayed: Sequence[str]) -> None:
        wrong = tuple(
            step.path for step in steps if step.path not in stayed and entry_at(root, step.path) != step.after
        )
        if wrong:
            raise _conflict(self._origin, f"Others change the folder at this moment: {list_paths(wrong)}.", wrong)


def _expected_on_path(step: PathChange, expected: Mapping[str, TreeEntry]) -> list[tuple[str, TreeEntry | None]]:
    """The path itself and each expected folder above it, with its expected entry."""
    parts = step.path.split("/")
    above = ["/".join(parts[:length]) for length in range(1, len(parts))]
    return [(step.path, step.before), *((path, expected[path]) for path in above if path in expected)]


def _differs(wanted: TreeEntry | None, current: TreeEntry | None, exactly: bool) -> bool:
    if exactly or wanted is None or current is None:
        return wanted != current
    return wanted.kind != current.kind


def _after_steps(expected: FolderTree, steps: Sequence[PathChange]) -> FolderTree:
    entries = dict(expected.entries)
    for step in steps:
        if step.after is not None:
            entries[step.path] = step.after
        else:
            entries.pop(step.path, None)
    return FolderTree(entries, expected.left_out)


def _is_below(path: str, closed: set[str]) -> bool:
    if not closed:
        return False
    parts = path.split("/")
    return any("/".join(parts[:length]) in closed for length in range(1, len(parts) + 1))


def _conflict(origin: Path, what: str, paths: tuple[str, ...]) -> WorkspaceConflictError:
    return WorkspaceConflictError(
        what,
        where=str(origin),
        next_step="Nothing was handed back. Put those files back as they were and hand back again, or take the work "
        "from the run's own folder.",
        paths=paths,
    )


def _undone_error(error: Exception, origin: Path) -> WorkspaceError | StorageError:
    if isinstance(error, WorkspaceConflictError):
        return _conflict(origin, error.what, error.paths)
    if isinstance(error, OSError):
        error = storage_error(error, origin, "hand the work back to")
    assert isinstance(error, StorageError)
    return type(error)(error.what, where=str(origin), next_step=_DISK_HINT)
