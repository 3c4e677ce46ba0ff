"""Trouble of the machine told from trouble of the work: what the operating system and libraries raise, as typed errors."""

import errno
from collections.abc import Iterator
from typing import Final, NamedTuple

from tabsmith.errors import (
    DiskFullError,
    DiskTroubleError,
    MachineError,
    MemoryShortError,
    NotAFileError,
    ReadOnlyError,
    ReportedError,
    ReportedMachineError,
    StorageError,
    TooManyFilesError,
)
from tabsmith.text import clean

_SPACE: Final = "Free some space (`tabsmith clean` shows what may go), or move tabsmith's folders with TABSMITH_HOME."
_OWNER: Final = "Check who owns the file and its folder, and their permissions."


class OsTrouble(NamedTuple):
    """What happened, what to do next, and the class of error that says so."""

    reason: str
    next_step: str
    error: type[StorageError]


_TROUBLES: Final[dict[int, OsTrouble]] = {
    errno.ENOSPC: OsTrouble("the disk is full", _SPACE, DiskFullError),
    errno.EDQUOT: OsTrouble("the disk quota of this user is used up", _SPACE, DiskFullError),
    errno.EFBIG: OsTrouble(
        "the file would grow beyond the largest size allowed",
        "Raise the limit (`ulimit -f`), or move it away.",
        DiskFullError,
    ),
    errno.EROFS: OsTrouble(
        "the file system is read-only", "Choose a folder that can be written to with TABSMITH_HOME.", ReadOnlyError
    ),
    errno.EACCES: OsTrouble("this user has no permission", _OWNER, ReadOnlyError),
    errno.EPERM: OsTrouble("this user has no permission", _OWNER, ReadOnlyError),
    errno.ENOENT: OsTrouble(
        "it is no longer there", "Check whether another program removed it, and try again.", StorageError
    ),
    errno.EISDIR: OsTrouble("a folder stands in its place", "Move that folder away and try again.", NotAFileError),
    errno.ENOTDIR: OsTrouble(
        "a part of its path is a file, not a folder", "Move that file away and try again.", NotAFileError
    ),
    errno.ENXIO: OsTrouble("a pipe or a device stands in its place", "Move it away and try again.", NotAFileError),
    errno.ENAMETOOLONG: OsTrouble(
        "its name is too long for the file system", "Choose a shorter name or folder.", StorageError
    ),
    errno.EIO: OsTrouble(
        "the disk reported an input/output error",
        "Check the disk; what was saved before is untouched.",
        DiskTroubleError,
    ),
    errno.EMFILE: OsTrouble(
        "too many files are open", "Close other programs, or raise the limit (`ulimit -n`).", TooManyFilesError
    ),
    errno.ENFILE: OsTrouble(
        "too many files are open", "Close other programs, or raise the limit (`ulimit -n`).", TooManyFilesError
    ),
}
_OF_MACHINE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)
"""Errors that no work brings about by itself; a missing permission, say, may be that of a person's own file."""

_TEXTS: Final = {
    "No space left on device": errno.ENOSPC,
    "Disk quota exceeded": errno.EDQUOT,
    "File too large": errno.EFBIG,
}
"""What libraries that raise errors of their own quote from the operating system."""

_OUT_OF_MEMORY: Final = ("bad_alloc", "bad allocation", "out of memory", "cannot allocate memory", "failed to allocate")


def describe_os_error(error: OSError) -> OsTrouble:
    """What `error` means in words, and which class of StorageError it is."""
    code = error.errno or 0
    known = _TROUBLES.get(code)
    if known is not None:
        return known
    message = f"{error.strerror or error} ({errno.errorcode.get(code, 'no code')})"
    return OsTrouble(message, "Check the disk and try again.", StorageError)


def machine_error_of(error: BaseException) -> MachineError | None:
    """The trouble of the machine that `error` comes from, by its own class or that of one of its causes; None if the
    machine is well.

    An error that another process has reported is judged by its name.
    """
    if isinstance(error, MachineError):
        return error
    if isinstance(error, ReportedError):
        return ReportedMachineError(error.original) if error.original.name in _names(MachineError) else None
    for cause in _causes(error):
        if isinstance(cause, MachineError):
            return cause
        text = str(cause)
        if isinstance(cause, MemoryError) or any(words in text.lower() for words in _OUT_OF_MEMORY):
            return MemoryShortError(
                f"The memory of this machine was too short: {clean(text, 200) or type(cause).__name__}.",
                next_step="Close other programs, or train on fewer rows or columns.",
            )
        code = cause.errno if isinstance(cause, OSError) else None
        code = next((number for words, number in _TEXTS.items() if words in text), code)
        if code in _OF_MACHINE:
            trouble = _TROUBLES[code]
            where = str(cause.filename or "") if isinstance(cause, OSError) else ""
            made = trouble.error(
                f"{trouble.reason[:1].upper()}{trouble.reason[1:]}.", where=where, next_step=trouble.next_step
            )
            assert isinstance(made, MachineError)
            return made
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from, each once."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _names(kind: type[BaseException]) -> frozenset[str]:
    """The names of a class of errors and all that derive from it."""
    return frozenset({kind.__name__}).union(*(_names(each) for each in kind.__subclasses__()))
