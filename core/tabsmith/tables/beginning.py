"""The beginning of a source, read as the whole would be, so that a person sees at once what the read options do."""

from pathlib import Path
from typing import Final

import msgspec

from tabsmith.tables import snapshot_store
from tabsmith.tables.info import Preview, TableInfo
from tabsmith.tables.read.encoding import unpacked
from tabsmith.tables.read.file_sets import find_files, is_file_set
from tabsmith.tables.read.formats.base import Progress
from tabsmith.tables.read.formats.registry import format_named
from tabsmith.tables.read.guard import ANYWHERE, open_guarded
from tabsmith.tables.read.opened_file import OpenedFile
from tabsmith.tables.read.reader import no_progress, read_source
from tabsmith.tables.read.sources import FileSource, Source
from tabsmith.tables.snapshot import preview

_BEGINNING: Final = 300_000  # bytes of a text


def read_beginning(
    source: Source, rows: int, *, allowed: tuple[Path, ...], max_mb: float, progress: Progress = no_progress
) -> tuple[TableInfo, Preview]:
    """The first `rows` rows of a source, and how it is read.

    Of a text only the first 300 kB are read, of several files only the first, of any other source all: then its
    snapshot is there when it is loaded. Raises as `read_source`.
    """
    if isinstance(source, FileSource):
        path: str | Path = source.path
        if is_file_set(source.path):
            path = find_files(source.path, allowed).members[0].path
        with open_guarded(path, allowed=allowed, max_mb=max_mb) as opened:
            if format_named(opened.file.format).is_lines:
                return _first_lines(source, opened, rows, max_mb, progress)
            source = msgspec.structs.replace(source, path=str(opened.file.path))
    info = read_source(source, allowed=allowed, max_mb=max_mb, progress=progress)
    return info, preview(info, rows)


def _first_lines(
    source: FileSource, opened: OpenedFile, rows: int, max_mb: float, progress: Progress
) -> tuple[TableInfo, Preview]:
    with snapshot_store.scratch_folder() as scratch:
        head = scratch / opened.file.path.name
        head.write_bytes(_beginning(opened))
        beginning = msgspec.structs.replace(source, path=str(head))
        info = read_source(beginning, allowed=ANYWHERE, max_mb=max_mb, progress=progress)
        try:
            return msgspec.structs.replace(info, source=source), preview(info, rows)
        finally:
            snapshot_store.remove_snapshot(info)


def _beginning(opened: OpenedFile) -> bytes:
    """The first whole lines of a text file, unpacked."""
    data = b""
    with opened.open() as stream:
        for piece in unpacked(stream, opened.file.compression, opened.file.display_path):
            data += piece
            if len(data) > _BEGINNING:
                return data[: data.rfind(b"\n", 0, _BEGINNING) + 1 or _BEGINNING]
    return data
