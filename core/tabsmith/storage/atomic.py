"""A file replaced whole: after a crash there is the old content or the new, never a mixture."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from tabsmith.storage.failures import storage_error

_FOLDER_MODE: Final = 0o700
# Some network file systems cannot sync a folder and say so; there the rename alone has to do.
_FOLDER_SYNC_UNKNOWN: Final = frozenset({errno.EINVAL, errno.ENOTSUP})


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace the file at `path` by `data`, durably: when this returns, a power cut does not lose it.

    A unique temporary file beside `path` is written, synced and renamed over it, then the folder is synced. Missing
    folders are made, for this user only. Raises StorageError; then the old content still stands, and the temporary
    file is gone.
    """
    try:
        make_folder(path.parent)
        handle, name = tempfile.mkstemp(prefix=".tabsmith-", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(error, path, "save") from error


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, each for this user only and each durably. Raises OSError."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        try:
            each.mkdir(mode=_FOLDER_MODE)
        except FileExistsError:
            if not each.is_dir():
                raise
            continue  # another process was quicker
        sync_folder(each.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: what was created, renamed or removed there. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _FOLDER_SYNC_UNKNOWN:
            raise
    finally:
        os.close(handle)
