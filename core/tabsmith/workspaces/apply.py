"""Applies steps to a folder, or reverts them. Every step can be repeated after a kill.

No link is followed: each path is opened name by name from the folder itself. A step first looks at its path: if the new
entry is there already nothing is done, and anything but the old or the new entry is a conflict.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from tabsmith.errors import StorageError, WorkspaceConflictError
from tabsmith.workspaces.content_store import ContentStore
from tabsmith.workspaces.folders import digest_of, open_file, open_folder, open_parent
from tabsmith.workspaces.tree import TreeEntry, safe_path

_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_OWNER_ACCESS: Final = 0o700  # what this user needs to work in a folder


class PathChange(msgspec.Struct, frozen=True):
    """One path with its entry before and after; None where there is none."""

    path: str
    before: TreeEntry | None
    after: TreeEntry | None

    def reverted(self) -> "PathChange":
        """Return the step in the other direction."""
        return PathChange(self.path, self.after, self.before)


def apply_steps(root: int, steps: Sequence[PathChange], store: ContentStore, token: str) -> tuple[str, ...]:
    """Apply all steps in the open folder `root`, with contents from `store`. `token` names the temporary files.

    Return the folders that had to stay because they hold files that the steps do not know. Raises
    WorkspaceConflictError, StorageError, OSError; then only some of the steps are applied.
    """
    runner = _StepRunner(root, store, token)
    for action, step in _in_order(runner, steps):
        action(step)
    return tuple(sorted(runner.stayed))


def revert_steps(root: int, steps: Sequence[PathChange], store: ContentStore, token: str) -> None:
    """Revert all steps, except where somebody else changed the path meanwhile. Raises StorageError, OSError."""
    remove_temporary_files(root, steps, token)
    for action, step in _in_order(_StepRunner(root, store, token), [step.reverted() for step in steps]):
        with contextlib.suppress(WorkspaceConflictError):
            action(step)


def _in_order(
    runner: "_StepRunner", steps: Sequence[PathChange]
) -> Iterator[tuple[Callable[[PathChange], None], PathChange]]:
    """Yield each action with its step: unlock folders, remove old entries deepest first, make new entries deepest last, and
    set the folders' own permissions."""
    shallow = sorted(steps, key=lambda step: step.path.count("/"))
    folders = [step for step in shallow if _is(step.after, "folder")]
    yield from ((runner.unlock, step) for step in folders if _is(step.before, "folder"))
    yield from (
        (runner.remove, step)
        for step in reversed(shallow)
        if step.before is not None and (step.after is None or _changes_kind(step))
    )
    yield from ((runner.make_folder, step) for step in folders)
    yield from ((runner.put, step) for step in shallow if step.after is not None and step.after.kind != "folder")
    yield from ((runner.permit, step) for step in reversed(folders))


def remove_temporary_files(root: int, steps: Sequence[PathChange], token: str) -> None:
    """Remove the temporary files that a killed process left behind. Raises OSError."""
    for step in steps:
        with _open_place(root, step.path) as (parent, _), contextlib.suppress(FileNotFoundError):
            if parent >= 0:
                os.unlink(_temporary(token), dir_fd=parent)


def sync_places(root: int, steps: Sequence[PathChange]) -> None:
    """Make the names that the steps have made, replaced or removed durable; the contents are already. Raises OSError."""
    for path in {step.path.rpartition("/")[0]: step.path for step in steps}.values():
        with _open_place(root, path) as (parent, _):
            if parent >= 0:
                os.fsync(parent)


def entry_at(root: int, path: str) -> TreeEntry | None:
    """Return the entry at `path`; None if there is none, or its folder is gone. Raises OSError."""
    with _open_place(root, path) as (parent, name):
        return None if parent < 0 else _entry(parent, name)


class _StepRunner:
    def __init__(self, root: int, store: ContentStore, token: str) -> None:
        self.stayed: list[str] = []
        self._root = root
        self._store = store
        self._token = token

    def remove(self, step: PathChange) -> None:
        """Remove the old entry."""
        with _open_place(self._root, step.path) as (parent, name):
            current = None if parent < 0 else _entry(parent, name)
            if current is None or (step.after is not None and current.kind == step.after.kind):
                return
            _require_known(step, current)
            if current.kind != "folder":
                os.unlink(name, dir_fd=parent)
                return
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                if step.after is not None:
                    raise _conflict(step.path, "holds files that were not copied") from error
                self.stayed.append(step.path)

    def make_folder(self, step: PathChange) -> None:
        """Make the folder, accessible to this user; its own permissions come last."""
        with _require_place(self._root, step.path) as (parent, name):
            current = _entry(parent, name)
            if current is None:
                os.mkdir(name, _OWNER_ACCESS, dir_fd=parent)
                _copy_owner(parent, name, os.stat(parent))
            elif current.kind != "folder":
                raise _conflict(step.path, "is there already")

    def unlock(self, step: PathChange) -> None:
        """Give this user access to a folder that stays, whatever permissions it has or will have."""
        self.permit(step, _OWNER_ACCESS)

    def permit(self, step: PathChange, more: int = 0) -> None:
        """Give a folder its permissions, and `more` in addition."""
        assert step.after is not None
        with _require_place(self._root, step.path) as (parent, name):
            handle = open_folder(parent, name)
            try:
                wanted = step.after.mode | more
                if stat.S_IMODE(os.fstat(handle).st_mode) & 0o777 != wanted:
                    os.fchmod(handle, wanted)
            finally:
                os.close(handle)

    def put(self, step: PathChange) -> None:
        """Put the file or link at its path, atomically."""
        assert step.after is not None
        with _require_place(self._root, step.path) as (parent, name):
            current = _entry(parent, name)
            if current == step.after:
                return
            if current is not None:
                _require_known(step, current)
            temporary = _temporary(self._token)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=parent)
            try:
                if step.after.kind == "link":
                    os.symlink(step.after.target, temporary, dir_fd=parent)
                else:
                    self._write(parent, temporary, step.after)
                like = os.stat(parent) if current is None else os.stat(name, dir_fd=parent, follow_symlinks=False)
                _copy_owner(parent, temporary, like)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
                raise

    def _write(self, parent: int, temporary: str, entry: TreeEntry) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600, dir_fd=parent)
        try:
            source = self._store.open(entry.sha256)
            try:
                while data := os.read(source, 1 << 20):
                    while data:
                        data = data[os.write(handle, data) :]
            finally:
                os.close(source)
            if digest_of(handle) != (entry.sha256, entry.size):
                raise StorageError("A stored content is damaged.", where=str(self._store.folder))
            os.fchmod(handle, entry.mode)
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _open_place(root: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the folder that holds `path`; yield it and the path's name, or -1 if there is no such folder."""
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(open_parent(root, path))
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            opened = (-1, "")
        yield opened


@contextlib.contextmanager
def _require_place(root: int, path: str) -> Iterator[tuple[int, str]]:
    with _open_place(root, path) as (parent, name):
        if parent < 0:
            raise _conflict(path, "lies in a folder that is gone or is not a folder any more")
        yield parent, name


def _entry(parent: int, name: str) -> TreeEntry | None:
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None
    mode = stat.S_IMODE(status.st_mode) & 0o777
    if stat.S_ISDIR(status.st_mode):
        return TreeEntry("folder", mode)
    if stat.S_ISLNK(status.st_mode):
        return TreeEntry("link", target=os.readlink(name, dir_fd=parent))
    if not stat.S_ISREG(status.st_mode):
        return TreeEntry("file", mode, target="pipe, socket or device")  # differs from everything that a tree holds
    handle = open_file(parent, name)
    try:
        digest, size = digest_of(handle)
    finally:
        os.close(handle)
    return TreeEntry("file", mode, size, digest)


def _require_known(step: PathChange, current: TreeEntry) -> None:
    """Raise WorkspaceConflictError if the entry is neither the old nor the new one."""
    for entry in (step.before, step.after):
        if entry is not None and current.kind == entry.kind and (current.kind == "folder" or current == entry):
            return
    raise _conflict(step.path, "was changed by others")


def _copy_owner(parent: int, name: str, like: os.stat_result) -> None:
    """Give what root makes in another user's folder to that user."""
    if os.geteuid() == 0:
        os.chown(name, like.st_uid, like.st_gid, dir_fd=parent, follow_symlinks=False)


def _changes_kind(step: PathChange) -> bool:
    """Whether a folder replaces a file or link, or the other way round."""
    return step.after is not None and _is(step.before, "folder") != _is(step.after, "folder")


def _is(entry: TreeEntry | None, kind: str) -> bool:
    return entry is not None and entry.kind == kind


def _temporary(token: str) -> str:
    return f".tabsmith-{token}.tmp"


def _conflict(path: str, what: str) -> WorkspaceConflictError:
    return WorkspaceConflictError(f"{safe_path(path)} {what}.", paths=(path,))
