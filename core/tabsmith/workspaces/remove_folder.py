"""Removes a folder with all its contents, however deep it goes and whatever its permissions say."""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from tabsmith.storage.files import storage_error
from tabsmith.workspaces.walk import open_folder

_PATH_ONLY: Final = getattr(os, "O_PATH", None)


def remove_tree(folder: Path) -> None:
    """Remove `folder` if it is there. Links in it are removed, not followed.

    Inner folders are moved up beside `folder` before they are emptied, so depth costs nothing; folders that a killed
    process left there are removed as well. Raises StorageError.
    """
    try:
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        if not folder.parent.is_dir():
            return
        parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _remove(parent, folder.name)
        finally:
            os.close(parent)
    except OSError as error:
        raise storage_error(error, folder, "remove") from error


def _remove(parent: int, name: str) -> None:
    moving = f".{name}-removed-"
    waiting = [entry for entry in os.listdir(parent) if entry == name or entry.startswith(moving)]
    while waiting:
        current = waiting.pop()
        _unlock(parent, current)
        handle = open_folder(parent, current)
        try:
            with os.scandir(handle) as listing:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
            for inner, is_folder in entries:
                if not is_folder:
                    os.unlink(inner, dir_fd=handle)
                    continue
                _unlock(handle, inner)
                moved = moving + secrets.token_hex(8)
                os.rename(inner, moved, src_dir_fd=handle, dst_dir_fd=parent)
                waiting.append(moved)
        finally:
            os.close(handle)
        os.rmdir(current, dir_fd=parent)


def _unlock(parent: int, name: str) -> None:
    """Give this user access to the folder `name`; never through a link."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_IMODE(status.st_mode) & 0o700 == 0o700:
        return
    if _PATH_ONLY is None:
        with contextlib.suppress(NotImplementedError):
            os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    handle = os.open(name, _PATH_ONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
    finally:
        os.close(handle)
