"""Copies a folder: files, folders and links with their permissions and times."""

import os
from pathlib import Path

from tabsmith.storage.files import storage_error
from tabsmith.workspaces.content_store import copy_bytes
from tabsmith.workspaces.folders import open_root
from tabsmith.workspaces.scan import FolderScan
from tabsmith.workspaces.tree import FolderTree, LeftOut, WorkspaceLimits, leads_out


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
