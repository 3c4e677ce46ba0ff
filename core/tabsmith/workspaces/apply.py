"""A folder is brought, step by step, from what it was to what it shall be; or back. Every step can be repeated.

Nothing is followed: each path is opened name by name from the folder itself. A step first looks: what is there already
is left, what is neither the old nor the new stops it.
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
from tabsmith.workspaces.tree import TreeEntry, safe_path
from tabsmith.workspaces.walk import digest_of, open_file, open_folder, open_parent

_NOT_THERE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_OWN: Final = 0o700  # what this user needs to work in a folder


class PathStep(msgspec.Struct, frozen=True):
    """One path, as it was and as it shall be; None when nothing is there."""

    path: str
    before: TreeEntry | None
    after: TreeEntry | None

    def back(self) -> "PathStep":
        """The way back."""
        return PathStep(self.path, self.after, self.before)


def apply_steps(root: int, steps: Sequence[PathStep], store: ContentStore, token: str) -> tuple[str, ...]:
    """Take all steps in the folder open as `root`, contents from `store`; the folders that had to stay, because they
    hold what the steps know nothing of. `token` names the temporary files.

    Raises WorkspaceConflictError, StorageError, OSError; then some steps are taken and others not.
    """
    bringing = _StepRunner(root, store, token)
    for take, step in _in_order(bringing, steps):
        take(step)
    return tuple(sorted(bringing.stayed))


def revert_steps(root: int, steps: Sequence[PathStep], store: ContentStore, token: str) -> None:
    """The other way, as far as it goes: what others changed meanwhile is left to them. Raises StorageError, OSError."""
    remove_temporary_files(root, steps, token)
    for take, step in _in_order(_StepRunner(root, store, token), [step.back() for step in steps]):
        with contextlib.suppress(WorkspaceConflictError):
            take(step)


def _in_order(
    bringing: "_StepRunner", steps: Sequence[PathStep]
) -> Iterator[tuple[Callable[[PathStep], None], PathStep]]:
    """Each thing to do: folders opened for this user, then what goes, the deepest first; then what comes, the deepest
    last; then the folders' own permissions."""
    shallow = sorted(steps, key=lambda step: step.path.count("/"))
    folders = [step for step in shallow if _is(step.after, "folder")]
    yield from ((bringing.unlock, step) for step in folders if _is(step.before, "folder"))
    yield from (
        (bringing.remove, step)
        for step in reversed(shallow)
        if step.before is not None and (step.after is None or _swaps(step))
    )
    yield from ((bringing.make_folder, step) for step in folders)
    yield from ((bringing.put, step) for step in shallow if step.after is not None and step.after.kind != "folder")
    yield from ((bringing.permit, step) for step in reversed(folders))


def remove_temporary_files(root: int, steps: Sequence[PathStep], token: str) -> None:
    """Remove the temporary files that a killed process left. Raises OSError."""
    for step in steps:
        with _place(root, step.path) as (parent, _), contextlib.suppress(FileNotFoundError):
            if parent >= 0:
                os.unlink(_temporary(token), dir_fd=parent)


def entry_at(root: int, path: str) -> TreeEntry | None:
    """What is at `path` now; None when nothing is, or its folder is no folder any more. Raises OSError."""
    with _place(root, path) as (parent, name):
        return None if parent < 0 else _entry(parent, name)


class _StepRunner:
    def __init__(self, root: int, store: ContentStore, token: str) -> None:
        self.stayed: list[str] = []
        self._root = root
        self._store = store
        self._token = token

    def remove(self, step: PathStep) -> None:
        """Take away what was at the path."""
        with _place(self._root, step.path) as (parent, name):
            found = None if parent < 0 else _entry(parent, name)
            if found is None or (step.after is not None and found.kind == step.after.kind):
                return
            _require_known(step, found)
            if found.kind != "folder":
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

    def make_folder(self, step: PathStep) -> None:
        """Make the folder, open for this user; its own permissions come last."""
        with _must(self._root, step.path) as (parent, name):
            found = _entry(parent, name)
            if found is None:
                os.mkdir(name, _OWN, dir_fd=parent)
                _hand_over(parent, name, os.stat(parent))
            elif found.kind != "folder":
                raise _conflict(step.path, "is there already")

    def unlock(self, step: PathStep) -> None:
        """Open a folder that stays for this user, whatever permissions it has or shall have."""
        self.permit(step, _OWN)

    def permit(self, step: PathStep, more: int = 0) -> None:
        """Give a folder its permissions, and `more` of them."""
        assert step.after is not None
        with _must(self._root, step.path) as (parent, name):
            handle = open_folder(parent, name)
            try:
                wanted = step.after.mode | more
                if stat.S_IMODE(os.fstat(handle).st_mode) & 0o777 != wanted:
                    os.fchmod(handle, wanted)
            finally:
                os.close(handle)

    def put(self, step: PathStep) -> None:
        """Put the file or the link at its path, in one motion."""
        assert step.after is not None
        with _must(self._root, step.path) as (parent, name):
            found = _entry(parent, name)
            if found == step.after:
                return
            if found is not None:
                _require_known(step, found)
            temporary = _temporary(self._token)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=parent)
            try:
                if step.after.kind == "link":
                    os.symlink(step.after.target, temporary, dir_fd=parent)
                else:
                    self._write(parent, temporary, step.after)
                like = os.stat(parent) if found is None else os.stat(name, dir_fd=parent, follow_symlinks=False)
                _hand_over(parent, temporary, like)
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
                raise StorageError("A kept content is damaged.", where=str(self._store.folder))
            os.fchmod(handle, entry.mode)
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _place(root: int, path: str) -> Iterator[tuple[int, str]]:
    """The folder that `path` lies in and its name there; -1 when there is no such folder."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(open_parent(root, path))
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            found = (-1, "")
        yield found


@contextlib.contextmanager
def _must(root: int, path: str) -> Iterator[tuple[int, str]]:
    with _place(root, path) as (parent, name):
        if parent < 0:
            raise _conflict(path, "lies in a folder that is gone, or is none any more")
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
        return TreeEntry("file", mode, target="pipe, socket or device")  # equal to nothing that a tree holds
    handle = open_file(parent, name)
    try:
        digest, size = digest_of(handle)
    finally:
        os.close(handle)
    return TreeEntry("file", mode, size, digest)


def _require_known(step: PathStep, found: TreeEntry) -> None:
    """Only what was there before, or shall be, is replaced."""
    for known in (step.before, step.after):
        if known is not None and found.kind == known.kind and (found.kind == "folder" or found == known):
            return
    raise _conflict(step.path, "was changed by others")


def _hand_over(parent: int, name: str, like: os.stat_result) -> None:
    """What root makes in another user's folder is that user's."""
    if os.geteuid() == 0:
        os.chown(name, like.st_uid, like.st_gid, dir_fd=parent, follow_symlinks=False)


def _swaps(step: PathStep) -> bool:
    """Whether a folder takes the place of something else, or the other way round."""
    return step.after is not None and _is(step.before, "folder") != _is(step.after, "folder")


def _is(entry: TreeEntry | None, kind: str) -> bool:
    return entry is not None and entry.kind == kind


def _temporary(token: str) -> str:
    return f".tabsmith-{token}.tmp"


def _conflict(path: str, what: str) -> WorkspaceConflictError:
    return WorkspaceConflictError(f"{safe_path(path)} {what}.", paths=(path,))
