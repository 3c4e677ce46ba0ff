"""The path guard: which file a path means, and whether it may be read. Ten refusals, each with its own message.

The file is opened first and the opened file is checked then, so that a link exchanged in between leads nowhere.
"""

import contextlib
import errno
import fcntl
import os
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

from tabsmith.errors import (
    BrokenLinkError,
    EmptyFileError,
    EmptyPathError,
    PathIsFolderError,
    PathNotFoundError,
    PathOutsideError,
    PathUnreadableError,
    SpecialFileError,
    UnsupportedFormatError,
)
from tabsmith.tables.read.encoding import HEAD
from tabsmith.tables.read.formats.foreign import ZIP
from tabsmith.tables.read.formats.registry import Unsupported, readable_formats, recognise_format, table_suffixes
from tabsmith.tables.read.opened_file import MEGABYTE, GuardedFile, OpenedFile, refuse_too_large
from tabsmith.tables.read.sources import Asker
from tabsmith.tables.read.table_limits import SMALL_WORKBOOK, UNPACK_RATIO
from tabsmith.text import clean, nearest, plural

ANYWHERE: Final = (Path(os.sep),)
"""The folders of a person at this machine: they may open what their account may read."""

_KERNEL_FOLDERS: Final = ("/proc", "/sys")
_LONGEST_PATH: Final = 4_096
_LONGEST_NAME: Final = 255
_F_GETPATH: Final = 50  # macOS
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def folders_for(asker: Asker, readable: tuple[Path, ...]) -> tuple[Path, ...]:
    """The folders in which a file must lie; `readable` are those of the settings, which bound the bridge alone."""
    return readable if asker == "bridge" else ANYWHERE


def check_path(path: str | Path, *, allowed: tuple[Path, ...], max_mb: float) -> GuardedFile:
    """The file that `path` means: `~` expanded, pasted quotes and `file://` taken off, links resolved.

    The file must lie in one of the folders `allowed` and be no larger than `max_mb`. Raises one of the ten kinds of
    PathError.
    """
    with open_guarded(path, allowed=allowed, max_mb=max_mb) as opened:
        return opened.file


@contextlib.contextmanager
def open_guarded(
    path: str | Path, *, allowed: tuple[Path, ...], max_mb: float, display_path: str = ""
) -> Iterator[OpenedFile]:
    """The file that `path` means, opened and then checked as by `check_path`. Raises PathError.

    A text is what a person typed; a Path is taken as it is. Errors name the file `display_path` if that is given.
    """
    requested = path if isinstance(path, Path) else normalize_path(path)
    display_path = display_path or clean(requested, 300)
    folders = tuple(Path(os.path.realpath(folder.expanduser())) for folder in allowed)
    target = Path(os.path.realpath(requested))
    _require_inside(target, folders, display_path)
    _check_before_opening(requested, target, display_path)
    handle = _open(requested, target, display_path)
    try:
        status = os.fstat(handle)
        _require_regular(status.st_mode, target, display_path)
        real = _real_path(handle, target, display_path)
        _require_inside(real, folders, display_path)
        if any(real.is_relative_to(folder) for folder in _KERNEL_FOLDERS):
            _refuse_special(display_path, "a file of the system's own, made up while it is read")
        file = _checked_content(handle, status, target, display_path, max_mb)
        yield OpenedFile(file, handle, _handle_name(handle, target))
    finally:
        os.close(handle)


def require_allowed(path: Path, allowed: tuple[Path, ...], display_path: str) -> None:
    """Raise PathOutsideError if `path` does not lie in one of the folders `allowed`, links resolved."""
    folders = tuple(Path(os.path.realpath(folder.expanduser())) for folder in allowed)
    _require_inside(Path(os.path.realpath(path)), folders, display_path)


def normalize_path(path: str) -> Path:
    """`path`, as people type or paste it, made absolute; links are not resolved.

    Raises EmptyPathError, PathNotFoundError.
    """
    text = path.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        text = text[1:-1].strip()
    if text.lower().startswith("file:"):
        text = unquote(urlsplit(text).path)
    if not text:
        raise EmptyPathError("No path was given.", next_step="Type the path of a table, such as ~/data/houses.csv.")
    if _CONTROL.search(text):
        raise EmptyPathError(
            "The path holds characters that no path may hold (a null byte, a line break or another control character).",
            where=clean(text, 300),
            next_step="Type the path again, or paste it without what surrounds it.",
        )
    longest = max((len(os.fsencode(part)) for part in text.split("/")), default=0)
    if len(os.fsencode(text)) >= _LONGEST_PATH or longest > _LONGEST_NAME:
        raise PathNotFoundError(
            f"Nothing can be there: the path has {plural(len(text), 'character')}, more than a file system allows.",
            where=clean(text, 100),
            next_step="Give the path of a file, not its contents.",
        )
    result = Path(text)
    if text.startswith("~"):
        with contextlib.suppress(RuntimeError):  # an unknown user: then `~name` is a name like any other
            result = result.expanduser()
    if "\\" in text and not os.path.lexists(result):  # dragged into a terminal: "my\ table.csv"
        unescaped = Path(re.sub(r"\\(.)", r"\1", text)).expanduser()
        result = unescaped if os.path.lexists(unescaped) else result
    return Path(os.path.abspath(result))  # noqa: PTH100 - Path.absolute keeps `..`


def _require_inside(target: Path, folders: tuple[Path, ...], display_path: str) -> None:
    if any(target.is_relative_to(folder) for folder in folders):
        return
    names = ", ".join(clean(folder) for folder in folders) or "none"
    raise PathOutsideError(
        f"The path leads outside the folders that may be read through the bridge: it means {clean(target, 300)}.",
        where=display_path,
        next_step=f"Allowed are: {names}. Move the file there, or add its folder to the setting `paths.allowed`.",
    )


def _check_before_opening(requested: Path, target: Path, display_path: str) -> None:
    """Refuse what must not even be opened: opening a pipe waits for ever, opening a device may do something."""
    try:
        status = target.stat()
    except OSError as error:
        _refuse(error, requested, display_path)
    _require_regular(status.st_mode, target, display_path)


def _require_regular(mode: int, target: Path, display_path: str) -> None:
    if stat.S_ISDIR(mode):
        tables = _tables_in(target)
        hint = f"It holds {', '.join(tables)}. Add the name of one." if tables else "Give the path of a file in it."
        raise PathIsFolderError("This is a folder, not a file.", where=display_path, next_step=hint)
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a disk"),
    )
    for is_kind, description in kinds:
        if is_kind(mode):
            _refuse_special(display_path, description)


def _refuse_special(display_path: str, description: str) -> NoReturn:
    raise SpecialFileError(
        f"This is {description}, not a file with a table in it.",
        where=display_path,
        next_step="Save its content in an ordinary file first, and give the path of that.",
    )


def _open(requested: Path, target: Path, display_path: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | getattr(os, "O_NOCTTY", 0)
    try:
        return os.open(target, flags)
    except OSError as error:
        _refuse(error, requested, display_path)


def _refuse(error: OSError, requested: Path, display_path: str) -> NoReturn:
    if error.errno in {errno.EACCES, errno.EPERM}:
        raise PathUnreadableError(
            "The file is there, but you may not read it.",
            where=display_path,
            next_step=f"Allow it with: chmod u+r {display_path}  (or ask whoever owns it).",
        ) from error
    if error.errno == errno.ELOOP:
        raise BrokenLinkError(
            "The link leads in a circle.", where=display_path, next_step="Give the path of the file itself."
        ) from error
    if error.errno == errno.ENXIO:
        _refuse_special(display_path, "a socket or a device")
    if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}:
        raise PathUnreadableError(
            f"The file could not be opened: {error.strerror}.",
            where=display_path,
            next_step="Try again, or copy the file to another folder.",
        ) from error
    link = _broken_link(requested)
    if link is not None:
        raise BrokenLinkError(
            f"The link {clean(link, 300)} points to nothing: {clean(link.readlink(), 300)} is not there.",
            where=display_path,
            next_step="Give the path of the file itself, or make the link again.",
        ) from error
    raise PathNotFoundError(
        "There is no file at this path.", where=display_path, next_step=_nearest(requested)
    ) from error


def _broken_link(requested: Path) -> Path | None:
    """The first part of the path that is a link to nothing."""
    for part in (*reversed(requested.parents), requested):
        if part.is_symlink() and not part.exists():
            return part
    return None


def _nearest(requested: Path) -> str:
    """A hint: the existing name that is most like the given one, or how far the path is right."""
    folder = requested.parent
    if not folder.is_dir():
        while not folder.is_dir():
            folder = folder.parent
        return f"The path is right up to {clean(folder, 300)}: check what comes after it."
    names = _names_in(folder)
    close = nearest(requested.name, names, cutoff=0.4)
    if close:
        return f"Did you mean {clean(close)}?"
    tables = _tables_in(folder)
    return f"The folder holds {', '.join(tables)}." if tables else "Check the spelling of the name."


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(5_000), strict=False)]
    except OSError:
        return []


def _tables_in(folder: Path) -> list[str]:
    """The names of up to five files in `folder` that may hold tables."""
    return [clean(name, 60) for name in sorted(_names_in(folder)) if name.lower().endswith(table_suffixes())][:5]


def _real_path(handle: int, target: Path, display_path: str) -> Path:
    """The path at which the opened file lies."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(os.readlink(f"/proc/self/fd/{handle}"))  # noqa: PTH115 - may end in " (deleted)"
    if sys.platform == "darwin":
        buffer = fcntl.fcntl(handle, _F_GETPATH, b"\0" * 1024)
        return Path(os.fsdecode(buffer.rstrip(b"\0")))
    again = Path(os.path.realpath(target))
    try:
        same = os.path.samestat(os.fstat(handle), os.stat(again))
    except OSError:
        same = False
    if not same:
        raise BrokenLinkError(
            "The path was exchanged while it was opened.",
            where=display_path,
            next_step="Try again when nothing changes it.",
        )
    return again


def _handle_name(handle: int, target: Path) -> str:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if Path(folder, str(handle)).exists():
            return f"{folder}/{handle}"
    return str(target)


def _checked_content(
    handle: int, status: os.stat_result, target: Path, display_path: str, max_mb: float
) -> GuardedFile:
    if status.st_size == 0:
        raise EmptyFileError(
            "The file is empty: it holds no bytes.", where=display_path, next_step="Choose another file."
        )
    if status.st_size > max_mb * MEGABYTE:
        refuse_too_large(
            f"The file has {status.st_size / MEGABYTE:,.0f} MB; the limit is {max_mb:,.0f} MB.", display_path
        )
    head = os.pread(handle, HEAD, 0)
    zip_members: tuple[str, ...] = ()
    if head.startswith(ZIP):
        members = _zip_members(handle)
        zip_members = tuple(member.filename for member in members)
        _require_modest(sum(member.file_size for member in members), status.st_size, max_mb, display_path)
    recognised = recognise_format(head, target.name, zip_members=zip_members)
    if isinstance(recognised, Unsupported):
        raise UnsupportedFormatError(
            f"This is {recognised.description}; tabsmith cannot read it as a table.",
            where=display_path,
            next_step=f"It reads {readable_formats()}. Save or export the table in one of these.",
        )
    return GuardedFile(
        target,
        display_path,
        recognised.format.name,
        recognised.compression,
        status.st_size,
        status.st_mtime,
        status.st_mtime_ns,
    )


def _zip_members(handle: int) -> list[zipfile.ZipInfo]:
    """The members that a zip declares; none if its directory cannot be read."""
    with os.fdopen(os.dup(handle), "rb") as data:
        try:
            with zipfile.ZipFile(data) as archive:
                return archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return []


def _require_modest(declared: int, size: int, max_mb: float, display_path: str) -> None:
    """Refuse a workbook by the size to which it declares to unpack, before any of it is unpacked."""
    if declared > max_mb * MEGABYTE:
        refuse_too_large(
            f"The file unpacks to {declared / MEGABYTE:,.0f} MB; the limit is {max_mb:,.0f} MB.", display_path
        )
    if declared > SMALL_WORKBOOK and declared > UNPACK_RATIO * size:
        refuse_too_large(
            f"The file has {size / 1000:,.0f} kB but unpacks to {declared / MEGABYTE:,.0f} MB.", display_path
        )
