"""Opens files and folders below a root so that no link can lead out: each name is opened in its parent folder, and links
are refused."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

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
