"""Reads and writes files of one folder for an agent that must not reach outside it.

A path is resolved first, so that links inside the folder work. The resolved path is then opened folder by folder without
following any link, so that a link put there in between leads nowhere.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Final

MAX_FILE_BYTES: Final = 10_000_000  # bytes of a file that is read

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not wait for a writer
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def path_inside(folder: Path, path: str) -> PurePath | None:
    """Resolve `path`, absolute or relative to `folder`. Return it relative to `folder`, or None if it is outside."""
    try:
        root = Path(os.path.realpath(folder))
        return PurePath(os.path.realpath(root / path)).relative_to(root)
    except ValueError:  # outside, or holding a zero byte
        return None


def read_text(folder: Path, path: PurePath) -> str:
    """Return the text of the file at `path`, a result of `path_inside`. Raises OSError."""
    with _parent(folder, path, make=False) as parent:
        handle = os.open(path.name, _READ, dir_fd=parent)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("it is not a file")
            if status.st_size > MAX_FILE_BYTES:
                raise OSError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
            return file.read(MAX_FILE_BYTES).decode("utf-8", "replace")


def write_text(folder: Path, path: PurePath, text: str) -> None:
    """Make or replace the file at `path`, a result of `path_inside`, and the folders above it. Raises OSError.

    A new file replaces the old one, so that neither a link nor another name of the old file is written to.
    """
    with _parent(folder, path, make=True) as parent:
        new = f".tabsmith-{secrets.token_hex(8)}"
        handle = os.open(new, _NEW, _mode(path.name, parent), dir_fd=parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
            os.replace(new, path.name, src_dir_fd=parent, dst_dir_fd=parent)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(new, dir_fd=parent)
            raise


def _mode(name: str, parent: int) -> int:
    """The permissions of the file that is replaced, or of a new one."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode & 0o777
    except FileNotFoundError:
        return 0o666


@contextmanager
def _parent(folder: Path, path: PurePath, *, make: bool) -> Iterator[int]:
    """Open the folder that holds `path`."""
    handle = os.open(os.path.realpath(folder), _FOLDER)
    try:
        for part in path.parts[:-1]:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            deeper = os.open(part, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = deeper
        yield handle
    finally:
        os.close(handle)
