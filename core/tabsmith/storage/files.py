"""A file replaced whole: after a crash there is the old content or the new, never a mixture.

What the operating system refused, said in words, with what the person can do about it.
"""

import errno
import os
import tempfile
from pathlib import Path
from typing import Final

from tabsmith.errors import StorageError
from tabsmith.text import clean

_SPACE: Final = "Free some space, or move tabsmith's folders with TABSMITH_HOME, and try again."
_KINDS: Final[dict[int, tuple[str, str]]] = {
    errno.ENOSPC: ("the disk is full", _SPACE),
    errno.EDQUOT: ("the disk quota of this user is used up", _SPACE),
    errno.EFBIG: (
        "the file would grow beyond the largest size allowed",
        "Raise the limit (`ulimit -f`), or move it away.",
    ),
    errno.EROFS: ("the file system is read-only", "Choose a folder that can be written to with TABSMITH_HOME."),
    errno.EACCES: ("this user has no permission", "Check who owns the file and its folder, and their permissions."),
    errno.EPERM: ("this user has no permission", "Check who owns the file and its folder, and their permissions."),
    errno.ENOENT: ("it is no longer there", "Check whether another program removed it, and try again."),
    errno.EISDIR: ("a folder stands in its place", "Move that folder away and try again."),
    errno.ENOTDIR: ("a part of its path is a file, not a folder", "Move that file away and try again."),
    errno.ENAMETOOLONG: ("its name is too long for the file system", "Choose a shorter name or folder."),
    errno.EIO: ("the disk reported an input/output error", "Check the disk; what was saved before is untouched."),
    errno.EMFILE: ("too many files are open", "Close other programs, or raise the limit (`ulimit -n`)."),
    errno.ENFILE: ("too many files are open", "Close other programs, or raise the limit (`ulimit -n`)."),
}


def storage_error(error: OSError, path: Path, doing: str) -> StorageError:
    """`error` as a StorageError: `doing` is a verb such as "save"; raise it `from error`.

    An error that has no words of its own here keeps those of the operating system.
    """
    words, next_step = _KINDS.get(
        error.errno or 0,
        (
            f"{error.strerror or error} ({errno.errorcode.get(error.errno or 0, 'no code')})",
            "Check the disk and try again.",
        ),
    )
    return StorageError(f"Could not {doing} {clean(path.name)}: {words}.", where=str(path), next_step=next_step)


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
