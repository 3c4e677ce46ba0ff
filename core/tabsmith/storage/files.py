"""Files replaced whole and durably, and errors of the operating system as messages that say what to do.

After a crash a file holds its old content or its new content, never a mixture.
"""

import errno
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from tabsmith.errors import StorageError
from tabsmith.text import clean

_FOLDER_MODE: Final = 0o700
_PLAIN: Final = re.compile(r"(?!user-)[a-z0-9][a-z0-9_-]{0,63}")
# Some network file systems cannot sync a folder and say so; there the rename alone has to do.
_FOLDER_SYNC_UNKNOWN: Final = frozenset({errno.EINVAL, errno.ENOTSUP})
_SPACE: Final = "Free some space, or move tabsmith's folders with TABSMITH_HOME, and try again."
_REASONS: Final[dict[int, tuple[str, str]]] = {  # what happened, and what to do next
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
    """`error` as a StorageError, to be raised `from error`; `doing` is a verb such as "save".

    An error without an entry in the table above keeps the message of the operating system.
    """
    reason, next_step = _REASONS.get(
        error.errno or 0,
        (
            f"{error.strerror or error} ({errno.errorcode.get(error.errno or 0, 'no code')})",
            "Check the disk and try again.",
        ),
    )
    return StorageError(f"Could not {doing} {clean(path.name)}: {reason}.", where=str(path), next_step=next_step)


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
