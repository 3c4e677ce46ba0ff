"""Files replaced whole and durably, and errors of the operating system as messages that say what to do.

After a crash a file holds its old content or its new content, never a mixture.
"""

import errno
import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from tabsmith.errors import NotAFileError, StorageError
from tabsmith.machine_trouble import describe_os_error
from tabsmith.text import clean

_FOLDER_MODE: Final = 0o700
_PLAIN: Final = re.compile(r"(?!user-)[a-z0-9][a-z0-9_-]{0,63}")
_SYNC_ALL_FROM: Final = 64
_LEAST_SPACE: Final = 1 << 16  # bytes without which nothing can be done
# Some network file systems cannot sync a folder and say so; there the rename alone has to do.
_FOLDER_SYNC_UNKNOWN: Final = frozenset({errno.EINVAL, errno.ENOTSUP})


def storage_error(error: OSError, path: Path, doing: str) -> StorageError:
    """`error` as a StorageError, to be raised `from error`; `doing` is a verb such as "save".

    An error that `machine_trouble` does not know keeps the message of the operating system.
    """
    reason, next_step, kind = describe_os_error(error)
    return kind(f"Could not {doing} {clean(path.name)}: {reason}.", where=str(path), next_step=next_step)


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace the file at `path` by `data`, durably: when this returns, a power cut does not lose it.

    A unique temporary file beside `path` is written, synced and renamed over it, then the folder is synced. Missing
    folders are made, for this user only. If it raises StorageError, the old content is unchanged and the temporary
    file is removed.
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


def read_plain_file(path: Path) -> bytes:
    """The bytes of the file at `path`, which is never waited for. Raises OSError, and NotAFileError for a pipe, a device or a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        require_plain_file(os.fstat(descriptor), path)
        return file.read()


def require_plain_file(status: os.stat_result, path: Path) -> None:
    """Raise NotAFileError if `status`, of what stands at `path`, is that of a pipe, a device or a folder."""
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or a pipe"
        raise NotAFileError(
            f"{clean(path.name)} is {kind}, not a file.", where=str(path), next_step="Move it away and try again."
        )


def sync_file(path: Path) -> None:
    """Make the contents of the file at `path` durable. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(paths: Collection[Path]) -> None:
    """Make the contents of many files, and their names in their folders, durable. Raises OSError.

    On Linux the whole machine is synced at once from `_SYNC_ALL_FROM` files on, in a tenth of a second where one file after
    the other takes 6 ms each; a disk that fails then is found by whoever verifies the contents.
    """
    if len(paths) >= _SYNC_ALL_FROM and sys.platform == "linux":  # elsewhere sync returns before it is done
        os.sync()
        return
    for path in paths:
        sync_file(path)
    for folder in {path.parent for path in paths}:
        sync_folder(folder)


def disk_trouble(folder: Path) -> StorageError | None:
    """Why nothing can be written into `folder` now: its disk is full or read-only, or it is not this user's; None if all is well."""
    try:
        status = os.statvfs(folder)
    except OSError as error:
        return storage_error(error, folder, "look at")
    if status.f_bavail * status.f_frsize < _LEAST_SPACE:
        code = errno.ENOSPC
    elif status.f_flag & os.ST_RDONLY:
        code = errno.EROFS
    elif not os.access(folder, os.W_OK):
        code = errno.EACCES
    else:
        return None
    return storage_error(OSError(code, os.strerror(code)), folder, "write into")


def make_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, for this user only, durably. Raises OSError."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        try:
            path.mkdir(mode=_FOLDER_MODE)
        except FileExistsError:
            if not path.is_dir():
                raise
            continue  # another process was quicker
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the entries of `folder` durable: files created, renamed or removed there. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _FOLDER_SYNC_UNKNOWN:
            raise
    finally:
        os.close(handle)


def file_stem(user: str) -> str:
    """The user's name as a file name: the name if it is a plain word, else its hash. It never is a path."""
    if _PLAIN.fullmatch(user):
        return user
    return f"user-{hashlib.sha256(user.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
