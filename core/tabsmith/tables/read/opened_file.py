"""A file that passed the path guard: what is known of it before it is read, and the open handle to read it by."""

import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

from tabsmith.errors import FileTooLargeError

Compression: TypeAlias = Literal["none", "gzip", "zstd"]

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class GuardedFile:
    """A file that may be read, as it was when the guard checked it."""

    path: Path  # absolute, links resolved
    display_path: str  # the path as given, safe to show
    format: str  # the name of a registered file format
    compression: Compression
    size: int  # bytes
    modified: float  # seconds since 1970
    modified_ns: int = 0


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A guarded file, open.

    `handle` reads the file from its start. `name` is a path by which a library reaches the same opened file, even if
    the file's own path means another file by then.
    """

    file: GuardedFile
    handle: int
    name: str

    def open(self) -> BufferedReader:
        """A new stream over the opened file, from its first byte."""
        os.lseek(self.handle, 0, os.SEEK_SET)
        return os.fdopen(os.dup(self.handle), "rb")


def refuse_too_large(what: str, display_path: str) -> NoReturn:
    """Raise FileTooLargeError with the sentence `what`."""
    raise FileTooLargeError(
        what,
        where=display_path,
        next_step="Raise the setting `paths.max_mb` if this is meant, or take a part of the file.",
    )


def require_unpacked_size(size: int, max_mb: float, display_path: str) -> None:
    """Raise FileTooLargeError if packed text turns out, while it is unpacked, to be over the limit."""
    if size > max_mb * MEGABYTE:
        refuse_too_large(f"The file unpacks to more than the limit of {max_mb:,.0f} MB.", display_path)
