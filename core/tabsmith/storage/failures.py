"""What the operating system refused, said in words, with what the person can do about it."""

import errno
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
