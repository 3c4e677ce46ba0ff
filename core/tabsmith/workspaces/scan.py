"""A folder is looked through, streaming, within bounds; whoever fills it meanwhile cannot lead the look elsewhere."""

import errno
import hashlib
import itertools
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tabsmith.errors import WorkspaceError, WorkspaceTooLargeError
from tabsmith.text import plural
from tabsmith.workspaces.tree import (
    REPOSITORY_FOLDER,
    FolderTree,
    LeftOut,
    LeftOutReason,
    TreeEntry,
    WorkspaceLimits,
    safe_path,
)
from tabsmith.workspaces.walk import chunks, open_file, open_folder, open_root

OnUnreadable: TypeAlias = Literal["leave out", "refuse"]

MEGABYTE: Final = 1_000_000
_PERMISSIONS: Final = 0o777
_CLOSED: Final = frozenset({errno.EACCES, errno.EPERM})


def scan_folder(folder: Path, bounds: WorkspaceLimits, unreadable: OnUnreadable = "refuse") -> FolderTree:
    """`folder` as it is now. Raises WorkspaceTooLargeError, and WorkspaceError for what cannot be read."""
    with open_root(folder) as handle:
        return FolderScan(folder, bounds, unreadable).look(handle)


class FolderScan:
    """One look through a folder. `keep`, for who wants more of a file than a digest, is called with its path, the open
    file and the digest, and answers with the digest that counts."""

    def __init__(
        self,
        folder: Path,
        bounds: WorkspaceLimits,
        unreadable: OnUnreadable,
        keep: Callable[[str, int, str], str] | None = None,
    ) -> None:
        self.entries: dict[str, TreeEntry] = {}
        self.left_out: list[LeftOut] = []
        self._folder = folder
        self._bounds = bounds
        self._unreadable = unreadable
        self._keep = keep
        self._bytes = 0

    def look(self, handle: int) -> FolderTree:
        """The open folder as data. Raises WorkspaceTooLargeError, WorkspaceError."""
        try:
            self._inside(handle, "", 1)
        except OSError as error:
            raise WorkspaceError(
                f"The folder cannot be looked through: {error.strerror or error}.",
                where=str(self._folder),
                next_step="Check its disk and its permissions, and try again.",
            ) from error
        return FolderTree(self.entries, tuple(self.left_out))

    # What a copy does besides ---------------------------------------------------------------------------------------

    def take_file(self, path: str, handle: int) -> str:
        """The digest of an open file."""
        digest = hashlib.sha256()
        for data in chunks(handle):
            self.count(len(data))
            digest.update(data)
        found = digest.hexdigest()
        return found if self._keep is None else self._keep(path, handle, found)

    def take_folder(self, path: str, status: os.stat_result) -> None:
        """A folder was met; what is in it comes next."""

    def count(self, size: int) -> None:
        """So many more bytes. Raises WorkspaceTooLargeError."""
        self._bytes += size
        if self._bytes > self._bounds.megabytes * MEGABYTE:
            self._too_large(f"more than {self._bounds.megabytes:,} MB")

    # ----------------------------------------------------------------------------------------------------------------

    def _inside(self, handle: int, prefix: str, level: int) -> None:
        if level > self._bounds.levels:
            self._too_large(f"folders in folders, over {self._bounds.levels} deep")
        room = self._bounds.files - len(self.entries) - len(self.left_out)
        with os.scandir(handle) as listing:
            names = sorted(entry.name for entry in itertools.islice(listing, room + 1))
        if len(names) > room:
            self._too_large(f"more than {plural(self._bounds.files, 'file')}")
        for name in names:
            try:
                self._meet(handle, prefix + name, name, level)
            except FileNotFoundError:
                self._leave(prefix + name, "vanished")
            except OSError as error:
                self._closed(prefix + name, error)

    def _meet(self, parent: int, path: str, name: str, level: int) -> None:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        mode = status.st_mode & _PERMISSIONS
        why = self._why(name, status)
        if why:
            self._leave(path, why)
        elif stat.S_ISLNK(status.st_mode):
            self.entries[path] = TreeEntry("link", target=os.readlink(name, dir_fd=parent))
        elif stat.S_ISDIR(status.st_mode):
            handle = open_folder(parent, name)
            try:
                self.entries[path] = TreeEntry("folder", mode)
                self.take_folder(path, status)
                self._inside(handle, path + "/", level + 1)
            finally:
                os.close(handle)
        else:
            handle = open_file(parent, name)
            try:
                digest = self.take_file(path, handle)
                status = os.fstat(handle)
                self.entries[path] = TreeEntry("file", mode, status.st_size, digest)
            finally:
                os.close(handle)

    def _why(self, name: str, status: os.stat_result) -> LeftOutReason | None:
        is_folder = stat.S_ISDIR(status.st_mode)
        if name == REPOSITORY_FOLDER:
            return "repository"
        if is_folder and name in self._bounds.caches:
            return "cache"
        if name in self._bounds.environments and (is_folder or stat.S_ISLNK(status.st_mode)):
            return "environment"
        if is_folder or stat.S_ISLNK(status.st_mode) or stat.S_ISREG(status.st_mode):
            return None
        return "pipe, socket or device"

    def _leave(self, path: str, why: LeftOutReason) -> None:
        self.left_out.append(LeftOut(path, why))

    def _closed(self, path: str, error: OSError) -> None:
        if error.errno not in _CLOSED or self._unreadable == "refuse":
            raise WorkspaceError(
                f"{safe_path(path)} cannot be read: {error.strerror or error}.",
                where=str(self._folder),
                next_step="Make it readable (chmod u+rwX), or remove it.",
            ) from error
        self.entries.pop(path, None)  # a folder that was met, and could not be listed
        self._leave(path, "not readable")

    def _too_large(self, what: str) -> None:
        raise WorkspaceTooLargeError(
            f"The folder holds {what}, which is more than a workspace may.",
            where=str(self._folder),
            next_step="Give the task a smaller folder, or raise the limit in the settings.",
        )
