"""Scans a folder into a `FolderTree`, or copies it, within limits; whoever changes it meanwhile cannot lead the scan out of it."""

import errno
import hashlib
import itertools
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tabsmith.errors import WorkspaceError, WorkspaceTooLargeError
from tabsmith.storage.files import storage_error
from tabsmith.text import plural
from tabsmith.workspaces.content_store import copy_bytes
from tabsmith.workspaces.folders import chunks, open_file, open_folder, open_root
from tabsmith.workspaces.tree import (
    REPOSITORY_FOLDER,
    FolderTree,
    LeftOut,
    LeftOutReason,
    TreeEntry,
    WorkspaceLimits,
    leads_out,
    safe_path,
)

OnUnreadable: TypeAlias = Literal["leave out", "refuse"]

MEGABYTE: Final = 1_000_000
_PERMISSIONS: Final = 0o777
_NO_ACCESS: Final = frozenset({errno.EACCES, errno.EPERM})


def scan_folder(folder: Path, limits: WorkspaceLimits, unreadable: OnUnreadable = "refuse") -> FolderTree:
    """Return the state of `folder`. Raises WorkspaceTooLargeError, and WorkspaceError if something cannot be read."""
    with open_root(folder) as handle:
        return FolderScan(folder, limits, unreadable).scan(handle)


class FolderScan:
    """One scan of a folder. `keep` is called with the path, the open file and the digest of each file, and returns the
    digest that counts; a subclass may override the `visit` methods."""

    def __init__(
        self,
        folder: Path,
        limits: WorkspaceLimits,
        unreadable: OnUnreadable,
        keep: Callable[[str, int, str], str] | None = None,
    ) -> None:
        self.entries: dict[str, TreeEntry] = {}
        self.left_out: list[LeftOut] = []
        self._folder = folder
        self._limits = limits
        self._unreadable = unreadable
        self._keep = keep
        self._bytes = 0

    def scan(self, handle: int) -> FolderTree:
        """Return the state of the open folder. Raises WorkspaceTooLargeError, WorkspaceError."""
        try:
            self._scan_folder(handle, "", 1)
        except OSError as error:
            raise WorkspaceError(
                f"The folder cannot be read: {error.strerror or error}.",
                where=str(self._folder),
                next_step="Check its disk and its permissions, and try again.",
            ) from error
        return FolderTree(self.entries, tuple(self.left_out))

    def visit_file(self, path: str, handle: int) -> str:
        """Return the digest of an open file."""
        digest = hashlib.sha256()
        for data in chunks(handle):
            self.count_bytes(len(data))
            digest.update(data)
        sha256 = digest.hexdigest()
        return sha256 if self._keep is None else self._keep(path, handle, sha256)

    def visit_folder(self, path: str, status: os.stat_result) -> None:
        """Do nothing; called for each folder before its contents."""

    def count_bytes(self, size: int) -> None:
        """Count `size` more bytes. Raises WorkspaceTooLargeError."""
        self._bytes += size
        if self._bytes > self._limits.megabytes * MEGABYTE:
            self._too_large(f"more than {self._limits.megabytes:,} MB")

    def _scan_folder(self, handle: int, prefix: str, level: int) -> None:
        if level > self._limits.levels:
            self._too_large(f"folders in folders, over {self._limits.levels} deep")
        room = self._limits.files - len(self.entries) - len(self.left_out)
        with os.scandir(handle) as listing:
            names = sorted(entry.name for entry in itertools.islice(listing, room + 1))
        if len(names) > room:
            self._too_large(f"more than {plural(self._limits.files, 'file')}")
        for name in names:
            try:
                self._scan_entry(handle, prefix + name, name, level)
            except FileNotFoundError:
                self._leave_out(prefix + name, "vanished")
            except OSError as error:
                self._refuse_unreadable(prefix + name, error)

    def _scan_entry(self, parent: int, path: str, name: str, level: int) -> None:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        mode = status.st_mode & _PERMISSIONS
        reason = self._reason_to_leave_out(path, name, status)
        if reason:
            self._leave_out(path, reason)
        elif stat.S_ISLNK(status.st_mode):
            self.entries[path] = TreeEntry("link", target=os.readlink(name, dir_fd=parent))
        elif stat.S_ISDIR(status.st_mode):
            handle = open_folder(parent, name)
            try:
                self.entries[path] = TreeEntry("folder", mode)
                self.visit_folder(path, status)
                self._scan_folder(handle, path + "/", level + 1)
            finally:
                os.close(handle)
        else:
            handle = open_file(parent, name)
            try:
                digest = self.visit_file(path, handle)
                status = os.fstat(handle)
                self.entries[path] = TreeEntry("file", mode, status.st_size, digest)
            finally:
                os.close(handle)

    def _reason_to_leave_out(self, path: str, name: str, status: os.stat_result) -> LeftOutReason | None:
        is_folder = stat.S_ISDIR(status.st_mode)
        if name == REPOSITORY_FOLDER:
            return "repository"
        if is_folder and name in self._limits.caches:
            return "cache"
        if name in self._limits.environments and (is_folder or stat.S_ISLNK(status.st_mode)):
            return "environment"
        if is_folder or stat.S_ISLNK(status.st_mode) or stat.S_ISREG(status.st_mode):
            return self._limits.kept_out(path, is_folder=is_folder)
        return "pipe, socket or device"

    def _leave_out(self, path: str, reason: LeftOutReason) -> None:
        self.left_out.append(LeftOut(path, reason))

    def _refuse_unreadable(self, path: str, error: OSError) -> None:
        if error.errno not in _NO_ACCESS or self._unreadable == "refuse":
            raise WorkspaceError(
                f"{safe_path(path)} cannot be read: {error.strerror or error}.",
                where=str(self._folder),
                next_step="Make it readable (chmod u+rwX), or remove it.",
            ) from error
        self.entries.pop(path, None)  # a folder that could not be listed
        self._leave_out(path, "not readable")

    def _too_large(self, what: str) -> None:
        raise WorkspaceTooLargeError(
            f"The folder holds {what}, which is more than a workspace may.",
            where=str(self._folder),
            next_step="Give the task a smaller folder, or raise the limit in the settings.",
        )


def copy_folder(origin: Path, to: Path, limits: WorkspaceLimits) -> FolderTree:
    """Copy `origin` into the new folder `to`. Return the tree of the copy, which names what was left out.

    Raises WorkspaceTooLargeError, WorkspaceError.
    """
    to.mkdir(mode=0o700)
    with open_root(origin) as handle:
        scan = _CopyingScan(origin, to, limits)
        tree = scan.scan(handle)
    kept = dict(tree.entries)
    left_out = list(tree.left_out)
    for path, entry in tree.entries.items():
        if entry.kind == "link" and leads_out(path, tree.entries):
            del kept[path]
            left_out.append(LeftOut(path, "leads out"))
        elif entry.kind == "link":
            (to / path).symlink_to(entry.target)
    scan.restore_folders()
    return FolderTree(kept, tuple(left_out))


class _CopyingScan(FolderScan):
    """A scan that copies what it meets."""

    def __init__(self, origin: Path, to: Path, limits: WorkspaceLimits) -> None:
        super().__init__(origin, limits, "leave out")
        self._to = to
        self._folders: dict[str, os.stat_result] = {}

    def visit_file(self, path: str, handle: int) -> str:
        to, status = self._to / path, os.fstat(handle)
        try:
            digest, _ = copy_bytes(handle, to, self.count_bytes)
            to.chmod(status.st_mode & 0o777)
            os.utime(to, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError as error:
            raise storage_error(error, to, "copy a file to") from error
        return digest

    def visit_folder(self, path: str, status: os.stat_result) -> None:
        (self._to / path).mkdir(mode=0o700)
        self._folders[path] = status

    def restore_folders(self) -> None:
        """Give the folders their permissions and times, now that nothing more is written into them."""
        for path, status in reversed(self._folders.items()):
            to = self._to / path
            if path not in self.entries:
                to.rmdir()  # it could not be listed
                continue
            os.utime(to, ns=(status.st_atime_ns, status.st_mtime_ns))
            to.chmod(status.st_mode & 0o777)
