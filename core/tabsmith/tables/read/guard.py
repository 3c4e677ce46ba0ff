"""The path guard: which file a path means, and whether it may be read. Ten refusals, each in its own words.

The file is opened first and what was opened is checked then, so that a link exchanged in between leads nowhere.
"""

import contextlib
import difflib
import errno
import fcntl
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import unquote, urlsplit

from tabsmith.errors import (
    BrokenLinkError,
    EmptyFileError,
    EmptyPathError,
    FileTooLargeError,
    PathIsFolderError,
    PathNotFoundError,
    PathOutsideError,
    PathUnreadableError,
    SpecialFileError,
    UnsupportedFormatError,
)
from tabsmith.tables.info import FileFormat
from tabsmith.tables.read.formats.recognition import (
    HEAD,
    READABLE,
    Compression,
    ForeignFormat,
    is_zip,
    recognise_format,
    zip_members,
)
from tabsmith.text import clean, plural

MEGABYTE: Final = 1_000_000
_UNPACK_RATIO: Final = 200  # a workbook that declares more than this is made to fill the memory
_SMALL_WORKBOOK: Final = 20 * MEGABYTE  # below this, the ratio does not matter
_KERNEL_FOLDERS: Final = ("/proc", "/sys")
_LONGEST_PATH: Final = 4_096
_LONGEST_NAME: Final = 255
_F_GETPATH: Final = 50  # macOS
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class GuardedFile:
    """A file that may be read, as it was when it was looked at."""

    path: Path  # absolute, links resolved
    shown: str  # the path, safe to show
    format: FileFormat
    compression: Compression
    size: int  # bytes
    modified: float  # seconds since 1970
    modified_ns: int = 0


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A guarded file, open. `handle` reads it from the start; `name` is a path by which a library reaches the same
    opened file, whatever the file's own path means by then."""

    file: GuardedFile
    handle: int
    name: str

    def open(self) -> BufferedReader:
        """A new stream over the opened file, from its first byte."""
        os.lseek(self.handle, 0, os.SEEK_SET)
        return os.fdopen(os.dup(self.handle), "rb")


def check_path(path: str, *, allowed: tuple[Path, ...], max_mb: float) -> GuardedFile:
    """The file that `path` means: `~` expanded, pasted quotes and `file://` taken off, links resolved.

    Raises one of the ten kinds of PathError.
    """
    with open_guarded(path, allowed=allowed, max_mb=max_mb) as opened:
        return opened.file


@contextlib.contextmanager
def open_guarded(path: str, *, allowed: tuple[Path, ...], max_mb: float) -> Iterator[OpenedFile]:
    """The file that `path` means, opened and then checked. Raises one of the ten kinds of PathError."""
    wanted = normalize_path(path)
    shown = clean(wanted, 300)
    folders = tuple(Path(os.path.realpath(folder.expanduser())) for folder in allowed)
    target = Path(os.path.realpath(wanted))
    _require_inside(target, folders, shown)
    _look(wanted, target, shown)
    handle = _open(wanted, target, shown)
    try:
        status = os.fstat(handle)
        _require_regular(status.st_mode, target, shown)
        real = _real_path(handle, target, shown)
        _require_inside(real, folders, shown)
        if any(real.is_relative_to(folder) for folder in _KERNEL_FOLDERS):
            _special(shown, "a file of the system's own, made up while it is read")
        file = _guarded(handle, status, target, shown, max_mb)
        yield OpenedFile(file, handle, _handle_name(handle, target))
    finally:
        os.close(handle)


def normalize_path(path: str) -> Path:
    """`path` as people paste it, made absolute; links are not resolved. Raises EmptyPathError, PathNotFoundError."""
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
    place = Path(text)
    if text.startswith("~"):
        with contextlib.suppress(RuntimeError):  # an unknown user: then `~name` is a name like any other
            place = place.expanduser()
    if "\\" in text and not os.path.lexists(place):  # dragged into a terminal: "my\ table.csv"
        unescaped = Path(re.sub(r"\\(.)", r"\1", text)).expanduser()
        place = unescaped if os.path.lexists(unescaped) else place
    return Path(os.path.abspath(place))  # noqa: PTH100 - Path.absolute keeps `..`


def _require_inside(target: Path, folders: tuple[Path, ...], shown: str) -> None:
    if any(target.is_relative_to(folder) for folder in folders):
        return
    names = ", ".join(clean(folder) for folder in folders) or "none"
    raise PathOutsideError(
        f"The path leads outside the folders that tabsmith may read: it means {clean(target, 300)}.",
        where=shown,
        next_step=f"Allowed are: {names}. Move the file there, or add its folder to the setting `paths.allowed`.",
    )


def _look(wanted: Path, target: Path, shown: str) -> None:
    """Refuse what must not even be opened: opening a pipe waits for ever, opening a device may do something."""
    try:
        status = target.stat()
    except OSError as error:
        _refuse(error, wanted, shown)
    _require_regular(status.st_mode, target, shown)


def _require_regular(mode: int, target: Path, shown: str) -> None:
    if stat.S_ISDIR(mode):
        inside = _tables_in(target)
        hint = f"It holds {', '.join(inside)}. Add the name of one." if inside else "Give the path of a file in it."
        raise PathIsFolderError("This is a folder, not a file.", where=shown, next_step=hint)
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a disk"),
    )
    for is_kind, what in kinds:
        if is_kind(mode):
            _special(shown, what)


def _special(shown: str, what: str) -> NoReturn:
    raise SpecialFileError(
        f"This is {what}, not a file with a table in it.",
        where=shown,
        next_step="Save its content in an ordinary file first, and give the path of that.",
    )


def _open(wanted: Path, target: Path, shown: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | getattr(os, "O_NOCTTY", 0)
    try:
        return os.open(target, flags)
    except OSError as error:
        _refuse(error, wanted, shown)


def _refuse(error: OSError, wanted: Path, shown: str) -> NoReturn:
    if error.errno in {errno.EACCES, errno.EPERM}:
        raise PathUnreadableError(
            "The file is there, but you may not read it.",
            where=shown,
            next_step=f"Allow it with: chmod u+r {shown}  (or ask whoever owns it).",
        ) from error
    if error.errno == errno.ELOOP:
        raise BrokenLinkError(
            "The link leads in a circle.", where=shown, next_step="Give the path of the file itself."
        ) from error
    if error.errno == errno.ENXIO:
        _special(shown, "a socket or a device")
    if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}:
        raise PathUnreadableError(
            f"The file could not be opened: {error.strerror}.",
            where=shown,
            next_step="Try again, or copy the file to another folder.",
        ) from error
    link = _broken_link(wanted)
    if link is not None:
        raise BrokenLinkError(
            f"The link {clean(link, 300)} points to nothing: {clean(link.readlink(), 300)} is not there.",
            where=shown,
            next_step="Give the path of the file itself, or make the link again.",
        ) from error
    raise PathNotFoundError("There is no file at this path.", where=shown, next_step=_nearest(wanted)) from error


def _broken_link(wanted: Path) -> Path | None:
    for place in (*reversed(wanted.parents), wanted):
        if place.is_symlink() and not place.exists():
            return place
    return None


def _nearest(wanted: Path) -> str:
    """The existing name that is most like the one that was given, or how far the path is right."""
    folder = wanted.parent
    if not folder.is_dir():
        while not folder.is_dir():
            folder = folder.parent
        return f"The path is right up to {clean(folder, 300)}: check what comes after it."
    names = _names_in(folder)
    close = difflib.get_close_matches(wanted.name, names, 1, 0.5)
    if not close:
        folded = {name.lower(): name for name in names}
        close = [folded[name] for name in difflib.get_close_matches(wanted.name.lower(), folded, 1, 0.4)]
    if close:
        return f"Did you mean {clean(close[0])}?"
    inside = _tables_in(folder)
    return f"The folder holds {', '.join(inside)}." if inside else "Check the spelling of the name."


def _names_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(5_000), strict=False)]
    except OSError:
        return []


def _tables_in(folder: Path) -> list[str]:
    endings = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".xlsx", ".xls", ".gz", ".zst", ".txt", ".data")
    return [clean(name, 60) for name in sorted(_names_in(folder)) if name.lower().endswith(endings)][:5]


def _real_path(handle: int, target: Path, shown: str) -> Path:
    """Where the opened file really lies."""
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
            "The path was exchanged while it was opened.", where=shown, next_step="Try again when nothing changes it."
        )
    return again


def _handle_name(handle: int, target: Path) -> str:
    for folder in ("/proc/self/fd", "/dev/fd"):
        if Path(folder, str(handle)).exists():
            return f"{folder}/{handle}"
    return str(target)


def _guarded(handle: int, status: os.stat_result, target: Path, shown: str, max_mb: float) -> GuardedFile:
    if status.st_size == 0:
        raise EmptyFileError("The file is empty: it holds no bytes.", where=shown, next_step="Choose another file.")
    limit = max_mb * MEGABYTE
    if status.st_size > limit:
        _too_large(f"The file has {status.st_size / MEGABYTE:,.0f} MB; the limit is {max_mb:,.0f} MB.", shown)
    head = os.pread(handle, HEAD, 0)
    names: tuple[str, ...] = ()
    if is_zip(head):
        with os.fdopen(os.dup(handle), "rb") as data:
            members = zip_members(data)
        names = tuple(member.filename for member in members)
        _require_modest(sum(member.file_size for member in members), status.st_size, max_mb, shown)
    found = recognise_format(head, target.name, zip_names=names)
    if isinstance(found, ForeignFormat):
        raise UnsupportedFormatError(
            f"This is {found.what}; tabsmith cannot read it as a table.",
            where=shown,
            next_step=f"It reads {READABLE}. Save or export the table in one of these.",
        )
    return GuardedFile(
        target, shown, found.format, found.compression, status.st_size, status.st_mtime, status.st_mtime_ns
    )


def _require_modest(declared: int, size: int, max_mb: float, shown: str) -> None:
    """Refuse a workbook by what it says it unpacks to, before anything of it is unpacked."""
    if declared > max_mb * MEGABYTE:
        _too_large(f"The file unpacks to {declared / MEGABYTE:,.0f} MB; the limit is {max_mb:,.0f} MB.", shown)
    if declared > _SMALL_WORKBOOK and declared > _UNPACK_RATIO * size:
        _too_large(f"The file has {size / 1000:,.0f} kB but unpacks to {declared / MEGABYTE:,.0f} MB.", shown)


def _too_large(what: str, shown: str) -> NoReturn:
    raise FileTooLargeError(
        what, where=shown, next_step="Raise the setting `paths.max_mb` if this is meant, or take a part of the file."
    )


def refuse_unpacked(limit_mb: float, shown: str) -> NoReturn:
    """Raise FileTooLargeError for packed text that turned out, while unpacking, to be over the limit."""
    _too_large(f"The file unpacks to more than the limit of {limit_mb:,.0f} MB.", shown)
