"""Makes a workspace as a git worktree, which is quick for a large repository, if nothing of the folder gets lost."""

import shutil
from pathlib import Path

from tabsmith.errors import WorkspaceError
from tabsmith.workspaces.folders import remove_tree
from tabsmith.workspaces.repository import GitError, run_git
from tabsmith.workspaces.scan import scan_folder
from tabsmith.workspaces.tree import FolderTree, TreeEntry, WorkspaceLimits, list_paths


class NoWorktreeError(Exception):
    """The folder cannot be worked on in a worktree; the message says why."""


def add_worktree(origin: Path, folder: Path, limits: WorkspaceLimits) -> FolderTree:
    """Make `folder` a detached worktree of the repository at `origin` that holds all of `origin`. Return its tree.

    Raises NoWorktreeError if that is impossible; then no worktree is left.
    """
    _require_suitable(origin)
    before = scan_folder(origin, limits, "leave out")
    try:
        # -f: a killed process may have left the same folder registered.
        _git(origin, "worktree", "add", "--detach", "-f", str(folder), "HEAD")
        for left in before.left_out:
            if left.why in ("secret", "not to be read"):
                _remove(folder / left.path)
        after = scan_folder(folder, limits)
        different = sorted(
            path
            for path in before.entries.keys() | after.entries.keys()
            if _compared(before.entries.get(path)) != _compared(after.entries.get(path))
        )
        _require_none(different)
        for path, entry in before.entries.items():
            if entry.kind != "link":  # git knows of permissions only whether a file can be run
                (folder / path).chmod(entry.mode)
    except BaseException:
        remove_worktree(origin, folder)
        raise
    return before


def remove_worktree(origin: Path, folder: Path) -> None:
    """Remove the worktree at `folder`, and the repository's record of it. Raises WorkspaceError."""
    remove_tree(folder)
    # Only after the folder is gone, so that git looks at nothing that an agent wrote there.
    try:
        _git(origin, "worktree", "remove", "--force", str(folder))
    except NoWorktreeError as error:
        if _registered(origin, folder):
            raise WorkspaceError(
                f"git still lists a worktree that is gone: {error}.",
                where=str(origin),
                next_step="Run `git worktree prune` there.",
            ) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _registered(origin: Path, folder: Path) -> bool:
    try:
        listing = _git(origin, "worktree", "list", "--porcelain", "-z")
    except NoWorktreeError:
        return False  # the repository is gone
    return f"worktree {folder}" in listing.split("\0")


def _require_suitable(origin: Path) -> None:
    if shutil.which("git") is None:
        raise NoWorktreeError("git is not on this machine")
    if not (origin / ".git").is_dir():
        raise NoWorktreeError("the folder is no git repository of its own")
    if _git(origin, "rev-parse", "--show-toplevel").removesuffix("\n") != str(origin):
        raise NoWorktreeError("the repository's files are elsewhere")
    try:
        filters = _git(origin, "config", "--local", "--get-regexp", r"^filter\.")
    except NoWorktreeError:
        filters = ""
    if filters:
        raise NoWorktreeError("the repository has programs that change files as they are checked out")
    changed = _git(origin, "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=none")
    if changed:
        first = [entry[3:] for entry in changed.split("\0") if entry]
        raise NoWorktreeError(f"it holds what is not committed ({list_paths(first, 3)})")


def _require_none(different: list[str]) -> None:
    if different:
        raise NoWorktreeError(f"the repository does not hold all of the folder as it is ({list_paths(different, 3)})")


def _compared(entry: TreeEntry | None) -> tuple[object, ...] | None:
    if entry is None:
        return None
    return entry.kind, entry.sha256, entry.target, entry.kind == "file" and bool(entry.mode & 0o100)


def _git(folder: Path, *words: str) -> str:
    try:
        return run_git(folder, *words)
    except GitError as error:
        raise NoWorktreeError(str(error)) from error
