"""Folders are walked and removed so that no link can lead out: each name is opened in its parent folder, links are refused."""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tabsmith.storage.files import storage_error

CHUNK_BYTES: Final = 1 << 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASS_THROUGH: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def open_root(folder: Path) -> Iterator[int]:
    """Open `folder`, an absolute path whose links were resolved before. Raises OSError if a part of it is a link by now,
    or gone."""
    handle = os.open(folder.anchor, _PASS_THROUGH)
    try:
        for number, name in enumerate(folder.parts[1:], 2):
            following = os.open(name, _FOLDER if number == len(folder.parts) else _PASS_THROUGH, dir_fd=handle)
            os.close(handle)
            handle = following
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def open_parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the folder that holds `path`, relative to `root`, and yield it with the path's own name. Raises OSError."""
    *folders, name = split_path(path)
    handle = os.dup(root)
    try:
        for folder in folders:
            following = open_folder(handle, folder)
            os.close(handle)
            handle = following
        yield handle, name
    finally:
        os.close(handle)


def split_path(path: str) -> list[str]:
    """Return the names in a relative path. Raises ValueError for a path that could lead out."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"not a path inside a folder: {path!r}")
    return parts


def open_folder(parent: int, name: str) -> int:
    """Open the folder `name`. Raises OSError, also for a link."""
    return os.open(name, _FOLDER, dir_fd=parent)


def open_file(parent: int, name: str) -> int:
    """Open the regular file `name`. Raises OSError, also for a link or anything else."""
    handle = os.open(name, _FILE, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{name!r} is not a file")
    return handle


def chunks(handle: int) -> Iterator[bytes]:
    """Yield the bytes of an open file from its beginning."""
    os.lseek(handle, 0, os.SEEK_SET)
    while data := os.read(handle, CHUNK_BYTES):
        yield data


def digest_of(handle: int) -> tuple[str, int]:
    """Return the SHA-256 of an open file's bytes, and their number."""
    digest, size = hashlib.sha256(), 0
    for data in chunks(handle):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


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
