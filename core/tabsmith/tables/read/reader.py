"""A source becomes a table: estimated, guarded, recognised, read into a snapshot, profiled. An unchanged source is read once."""

from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import ReadError, TableChangedError
from tabsmith.tables import snapshot_store
from tabsmith.tables.database import connect, translate_errors
from tabsmith.tables.info import Estimate, TableInfo
from tabsmith.tables.profile.profiler import profile_snapshot
from tabsmith.tables.read.encoding import HEAD, unpack_head
from tabsmith.tables.read.formats.base import Progress, ReadRequest
from tabsmith.tables.read.formats.registry import format_named
from tabsmith.tables.read.frames import write_frame
from tabsmith.tables.read.guard import open_guarded
from tabsmith.tables.read.opened_file import GuardedFile, OpenedFile
from tabsmith.tables.read.sources import SAMPLE_SIZES, FileSource, FrameSource, SampleSource, Source, sample_frame


def _no_progress(_share: float, _message: str) -> None:
    pass


def read_source(
    source: Source, *, allowed: tuple[Path, ...], max_mb: float, progress: Progress = _no_progress
) -> TableInfo:
    """The table of `source`, read into a snapshot in the cache folder, or its earlier snapshot if it is unchanged.

    A file must lie in one of the folders `allowed` and be no larger than `max_mb`, packed and unpacked. `progress` is
    called with the share that is done (0 to 1) and what is being done. Raises PathError, ReadError, StorageError, and
    TableChangedError for a frame whose snapshot was removed.
    """
    if isinstance(source, SampleSource):
        return write_frame(sample_frame(source.name), source)
    if isinstance(source, FrameSource):
        known = snapshot_store.load_info(source.fingerprint)
        if known is None:
            raise TableChangedError(
                "The frame's snapshot was cleared away.", where=source.fingerprint, next_step="Give the frame again."
            )
        return known
    with open_guarded(source.path, allowed=allowed, max_mb=max_mb) as opened:
        return _read_file(source, opened, max_mb, progress)


def _read_file(source: FileSource, opened: OpenedFile, max_mb: float, progress: Progress) -> TableInfo:
    file = opened.file
    fingerprint = snapshot_store.fingerprint(
        file.path,
        file.size,
        file.modified_ns,
        file.format,
        source.as_text,
        source.options,
        snapshot_store.content_hash(opened.handle),
    )
    known = snapshot_store.load_info(fingerprint)
    if known is not None:
        progress(1.0, "read before")
        return msgspec.structs.replace(known, source=source)
    progress(0.0, "reading")
    with snapshot_store.scratch_folder() as scratch, translate_errors(file.display_path):
        out = scratch / "snapshot.parquet"
        with connect(spill=scratch) as database:
            request = ReadRequest(opened, out, database, scratch, source.as_text, max_mb, progress, source.options)
            result = format_named(file.format).read(request)
            progress(0.85, "profiling")
            profile = profile_snapshot(database, out, result.names, result.columns)
        if profile.rows == 0:
            raise ReadError(
                "The file has a header but no rows.",
                where=source.path,
                next_step="Choose a file with rows, or check this one.",
            )
        info = TableInfo(
            source=source,
            fingerprint=fingerprint,
            snapshot=str(snapshot_store.snapshot_path(fingerprint)),
            format=file.format,
            route=result.route,
            encoding=result.encoding,
            dialect=result.dialect,
            profile=profile,
            rejected=tuple(result.notes.rejected),
            repaired=tuple(result.notes.repaired),
            rejected_count=result.notes.rejected_count,
            repaired_count=result.notes.repaired_count,
            size=file.size,
            modified=file.modified,
            sheet=result.sheet,
            sheets=result.sheets,
        )
        snapshot_store.save_snapshot(info, out)
    progress(1.0, "read")
    return info


_CELL_BYTES: Final = 24  # of a cell in memory, about


def estimate_file(file: GuardedFile) -> Estimate:
    """About how many rows, columns and bytes of memory a file needs, without reading it.

    Raises TableChangedError if the file is gone.
    """
    try:
        with file.path.open("rb") as stream:
            head = unpack_head(stream.read(HEAD), file.compression)
    except OSError as error:
        raise TableChangedError(
            f"The file cannot be opened any more: {error.strerror}.",
            where=file.display_path,
            next_step="Choose it again.",
        ) from error
    rows, columns = format_named(file.format).estimate(file, head)
    return Estimate(file.size, rows, columns, rows * columns * _CELL_BYTES, file.format)


def estimate_sample(source: SampleSource) -> Estimate:
    """What loading a sample costs, which is known beforehand."""
    rows, columns = SAMPLE_SIZES[source.name]
    return Estimate(size=0, rows=rows, columns=columns, memory=rows * columns * 8, format="sample")
