"""Zip archives: the one table file in it, or the one that was chosen, is unpacked and read as its own format."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeAlias

import msgspec

from tabsmith.errors import ReadError
from tabsmith.tables.read.encoding import HEAD
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.formats.foreign import ZIP
from tabsmith.tables.read.opened_file import GuardedFile, require_unpacked_size
from tabsmith.tables.read.table_choice import only_table
from tabsmith.text import clean

_CHUNK: Final = 1 << 20
_PACKED_ROW: Final = 20  # packed bytes of a row, about

FormatOf: TypeAlias = Callable[[bytes, str], FileFormat | None]
"""The format of a file by its first bytes and its name; None if it cannot be read."""


def zip_format(suffixes: Callable[[], tuple[str, ...]], format_of: FormatOf) -> FileFormat:
    """The format of zip archives that hold files with one of the `suffixes`, each in the format that `format_of` finds."""

    def recognises(head: FileHead) -> bool:
        return head.data.startswith(ZIP) and bool(table_members(head.zip_members, suffixes()))

    def read(request: ReadRequest) -> ReadResult:
        display_path = request.opened.file.display_path
        with _damage_told(display_path), request.opened.open() as stream, zipfile.ZipFile(stream) as archive:
            members = table_members(tuple(archive.namelist()), suffixes())
            member = only_table(request.options.sheet, members, "file", display_path)
            unpacked = request.scratch / f"member-{PurePosixPath(member).name}"
            with archive.open(member) as packed:
                _unpack(packed, unpacked, request.max_mb, display_path)
        inner = msgspec.structs.replace(request.options, sheet=None)
        result = request.read_file(unpacked, f"{display_path}/{clean(member, 200)}", inner)
        return replace(result, sheet=member, sheets=members)

    def estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
        try:
            with zipfile.ZipFile(file.path) as archive:
                names = table_members(tuple(archive.namelist()), suffixes())
                member = max((archive.getinfo(name) for name in names), key=lambda info: info.file_size)
                with archive.open(member) as packed:
                    head = packed.read(HEAD)
        except (zipfile.BadZipFile, OSError, RuntimeError, ValueError, NotImplementedError):
            return max(1, file.size // _PACKED_ROW), 1  # a damaged archive: reading it says how
        inner = format_of(head, member.filename)
        if inner is None or not inner.is_text:
            return max(1, file.size // _PACKED_ROW), 1
        return inner.estimate(replace(file, format=inner.name, size=member.file_size), head)

    return FileFormat("zip", "zip archives of these", (".zip",), recognises, read, estimate)


def table_members(names: tuple[str, ...], suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """The members of an archive that may hold tables, without what systems put beside them."""
    return tuple(
        name
        for name in names
        if name.lower().endswith(suffixes)
        and not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
    )


def _unpack(packed: IO[bytes], out: Path, max_mb: float, display_path: str) -> None:
    total = 0
    with out.open("wb") as file:
        while piece := packed.read(_CHUNK):
            total += len(piece)
            require_unpacked_size(total, max_mb, display_path)
            file.write(piece)


@contextlib.contextmanager
def _damage_told(display_path: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ReadError(
            f"The zip archive is damaged or packed in an unusual way: {clean(error, 200)}.",
            where=display_path,
            next_step="Get the file again, or unpack it and give the path of the table.",
        ) from error
    except RuntimeError as error:  # zipfile has no error of its own for a password
        raise ReadError(
            f"The zip archive cannot be opened: {clean(error, 200)}.",
            where=display_path,
            next_step="Unpack it, with its password if it has one, and give the path of the table.",
        ) from error
