"""Ways into a folder that no link can bend: every step is opened by name in the folder before it, links refused."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CHUNK_BYTES: Final = 1 << 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PASSING: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextlib.contextmanager
def open_root(folder: Path) -> Iterator[int]:
    """A descriptor of `folder`, an absolute path with its links resolved long ago. Raises OSError when a part of it is
    a link by now, or is gone."""
    handle = os.open(folder.anchor, _PASSING)
    try:
        for number, name in enumerate(folder.parts[1:], 2):
            following = os.open(name, _FOLDER if number == len(folder.parts) else _PASSING, dir_fd=handle)
            os.close(handle)
            handle = following
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def open_parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """A descriptor of the folder that `path` (relative to `root`) lies in, and the path's own name. Raises OSError."""
    *folders, name = split_path(path)
    handle = os.dup(root)
    try:
        for each in folders:
            following = open_folder(handle, each)
            os.close(handle)
            handle = following
        yield handle, name
    finally:
        os.close(handle)


def split_path(path: str) -> list[str]:
    """The names of a relative path. Raises ValueError for one that could lead elsewhere."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"not a path inside a folder: {path!r}")
    return parts


def open_folder(parent: int, name: str) -> int:
    """A descriptor of the folder `name`, no link. Raises OSError."""
    return os.open(name, _FOLDER, dir_fd=parent)


def open_file(parent: int, name: str) -> int:
    """A descriptor of the regular file `name`, no link and nothing else. Raises OSError."""
    handle = os.open(name, _FILE, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{name!r} is no file")
    return handle


def chunks(handle: int) -> Iterator[bytes]:
    """The bytes of an open file, from its first."""
    os.lseek(handle, 0, os.SEEK_SET)
    while data := os.read(handle, CHUNK_BYTES):
        yield data


def digest_of(handle: int) -> tuple[str, int]:
    """The digest of an open file's bytes, and how many there are."""
    digest, size = hashlib.sha256(), 0
    for data in chunks(handle):
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size
