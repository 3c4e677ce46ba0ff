"""A source becomes a table: estimated, guarded, recognised, read into a snapshot, profiled. An unchanged source is read once."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, cast

import msgspec

from tabsmith.errors import ReadError, TableChangedError
from tabsmith.tables import snapshot_store
from tabsmith.tables.database import connect, translate_errors
from tabsmith.tables.info import Estimate, FormatName, TableInfo
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.read.encoding import HEAD, unpack_head
from tabsmith.tables.read.file_reader import Workplace, read_opened
from tabsmith.tables.read.file_set_reader import FileSetReader
from tabsmith.tables.read.file_sets import FileSet, check_source_path, find_files, is_file_set, size_and_time
from tabsmith.tables.read.formats.base import Progress, ReadResult
from tabsmith.tables.read.formats.registry import format_named
from tabsmith.tables.read.frames import write_frame
from tabsmith.tables.read.guard import ANYWHERE, check_path, open_guarded
from tabsmith.tables.read.join_reader import join_tables, require_joinable
from tabsmith.tables.read.opened_file import GuardedFile, OpenedFile
from tabsmith.tables.read.remote.database import read_database
from tabsmith.tables.read.remote.web_file import fetch
from tabsmith.tables.read.sources import (
    SAMPLE_SIZES,
    DatabaseSource,
    FileSource,
    FrameSource,
    JoinSource,
    OneTable,
    ReadOptions,
    RemoteSource,
    SampleSource,
    Source,
    describe_source,
    sample_frame,
)
from tabsmith.tables.read.values.whole_columns import finish_snapshot


def no_progress(_share: float, _message: str) -> None:
    """Tell nobody."""


def read_source(
    source: Source, *, allowed: tuple[Path, ...], max_mb: float, progress: Progress = no_progress
) -> TableInfo:
    """The table of `source`, read into a snapshot in the cache folder, or its earlier snapshot if it is unchanged.

    A file must lie in one of the folders `allowed` and be no larger than `max_mb`, packed and unpacked. `progress` is
    called with the share that is done (0 to 1) and what is being done. Raises PathError, ReadError, StorageError, and
    TableChangedError for a frame whose snapshot was removed.
    """
    match source:
        case SampleSource(name=name):
            return write_frame(sample_frame(name), source)
        case FrameSource(fingerprint=fingerprint):
            known = snapshot_store.load_info(fingerprint)
            if known is None:
                raise TableChangedError(
                    "The frame's snapshot was cleared away, or is damaged.",
                    where=fingerprint,
                    next_step="Give the frame again.",
                )
            return known
        case DatabaseSource():
            return _read_database(source, progress)
        case RemoteSource():
            return _read_remote(source, max_mb, progress)
        case JoinSource():
            return _read_join(source, allowed, max_mb, progress)
        case FileSource(path=path) if is_file_set(path):
            return _read_file_set(source, find_files(path, allowed), allowed, max_mb, progress)
        case FileSource(path=path):
            with open_guarded(path, allowed=allowed, max_mb=max_mb) as opened:
                return _read_file(source, opened, max_mb, progress)


class _SourceState(NamedTuple):
    """The state in which a source is read: what it is called, and what tells whether it has changed."""

    fingerprint: str
    format: FormatName
    display_path: str
    size: int = 0
    modified: float = 0.0


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
    state = _SourceState(fingerprint, file.format, file.display_path, file.size, file.modified)

    def read(place: Workplace) -> ReadResult:
        return read_opened(opened, place, source.as_text, source.options, max_mb, progress)

    return _make_snapshot(source, state, read, progress)


def _make_snapshot(
    source: Source, state: _SourceState, read: Callable[[Workplace], ReadResult], progress: Progress
) -> TableInfo:
    """The table of a source in a state, from its earlier snapshot, or written by `read` and profiled."""
    known = snapshot_store.load_info(state.fingerprint)
    if known is not None:
        progress(1.0, "read before")
        return msgspec.structs.replace(known, source=source)
    progress(0.0, "reading")
    with snapshot_store.scratch_folder() as scratch, translate_errors(state.display_path):
        out = scratch / "snapshot.parquet"
        with connect(spill=scratch) as database:
            result = read(Workplace(scratch, database, out))
            progress(0.85, "profiling")
            options = source.options if isinstance(source, FileSource | RemoteSource) else ReadOptions()
            profile = finish_snapshot(database, out, result.names, result.columns, options=options)
        if profile.rows == 0:
            raise ReadError(
                "The table has a header but no rows.",
                where=state.display_path,
                next_step="Choose a table with rows, or check this one.",
            )
        info = _table_info(source, state, result, profile)
        info = snapshot_store.save_snapshot(info, out)
    progress(1.0, "read")
    return info


def _table_info(source: Source, state: _SourceState, result: ReadResult, profile: TableProfile) -> TableInfo:
    return TableInfo(
        source=source,
        fingerprint=state.fingerprint,
        snapshot=str(snapshot_store.snapshot_path(state.fingerprint)),
        format=state.format,
        route=result.route,
        encoding=result.encoding,
        other_encodings=result.other_encodings,
        dialect=result.dialect,
        profile=profile,
        rejected=tuple(result.notes.rejected),
        repaired=tuple(result.notes.repaired),
        rejected_count=result.notes.rejected_count,
        repaired_count=result.notes.repaired_count,
        size=state.size,
        modified=state.modified,
        sheet=result.sheet,
        sheets=result.sheets,
        joins=result.joins,
    )


# Databases -----------------------------------------------------------------------------------------------------------


def _read_database(source: DatabaseSource, progress: Progress) -> TableInfo:
    """The table that was read from a database, or read now; its snapshot is named by the content that was read.

    Raises TableChangedError if it was read before, its snapshot is gone, and the database gives other rows now.
    """
    if source.fingerprint:
        known = snapshot_store.load_info(source.fingerprint)
        if known is not None:
            progress(1.0, "read before")
            return known
    progress(-1.0, "asking the database")
    with snapshot_store.scratch_folder() as scratch, translate_errors(source.url):
        out = scratch / "snapshot.parquet"
        with connect(spill=scratch) as database:
            result = read_database(source, Workplace(scratch, database, out), progress)
            progress(0.85, "profiling")
            profile = finish_snapshot(database, out, result.names, result.columns, options=source.options)
        with out.open("rb") as file:
            content = snapshot_store.content_hash(file.fileno())
        fingerprint = snapshot_store.fingerprint(source.url, source.options, source.as_text, result.names, content)
        if source.fingerprint and source.fingerprint != fingerprint:
            raise TableChangedError(
                "The database gives other rows than it did when it was read before.",
                where=source.url,
                next_step="Read it again: what was understood of it may no longer be right.",
            )
        state = _SourceState(fingerprint, "database", source.url, out.stat().st_size)
        info = _table_info(msgspec.structs.replace(source, fingerprint=fingerprint), state, result, profile)
        info = snapshot_store.save_snapshot(info, out)
    progress(1.0, "read")
    return info


# The web -------------------------------------------------------------------------------------------------------------


def _read_remote(source: RemoteSource, max_mb: float, progress: Progress) -> TableInfo:
    """The table of a file on the web, which is fetched each time; the same content is read once."""
    with snapshot_store.scratch_folder() as scratch, translate_errors(source.url):
        path = fetch(source.url, scratch, max_mb, progress)
        with open_guarded(path, allowed=ANYWHERE, max_mb=max_mb, display_path=source.url) as opened:
            content = snapshot_store.content_hash(opened.handle)
            fingerprint = snapshot_store.fingerprint(source.url, source.as_text, source.options, content)
            state = _SourceState(fingerprint, opened.file.format, source.url, opened.file.size)

            def read(place: Workplace) -> ReadResult:
                return read_opened(opened, place, source.as_text, source.options, max_mb, progress)

            return _make_snapshot(source, state, read, progress)


# Joins ---------------------------------------------------------------------------------------------------------------


def _read_join(source: JoinSource, allowed: tuple[Path, ...], max_mb: float, progress: Progress) -> TableInfo:
    require_joinable(source)
    tables = []
    for number, table in enumerate(source.tables):
        start = 0.7 * number / len(source.tables)

        def advance(share: float, message: str, start: float = start, table: OneTable = table) -> None:
            progress(start + 0.7 * max(0.0, share) / len(source.tables), f"{message} {describe_source(table)}")

        tables.append(read_source(table, allowed=allowed, max_mb=max_mb, progress=advance))
    source = msgspec.structs.replace(source, tables=tuple(cast(OneTable, table.source) for table in tables))
    state = _SourceState(
        snapshot_store.fingerprint(source.on, source.how, *(table.fingerprint for table in tables)),
        "join",
        describe_source(source),
        *size_and_time(source),
    )
    return _make_snapshot(source, state, lambda place: join_tables(source, tuple(tables), place), progress)


# Several files -------------------------------------------------------------------------------------------------------


def _read_file_set(
    source: FileSource, files: FileSet, allowed: tuple[Path, ...], max_mb: float, progress: Progress
) -> TableInfo:
    whole = check_source_path(source.path, allowed=allowed, max_mb=max_mb)
    hashes = []
    for member in files.members:
        with open_guarded(member.path, allowed=allowed, max_mb=max_mb) as opened:
            file = opened.file
            hashes.append((member.name, file.size, file.modified_ns, snapshot_store.content_hash(opened.handle)))
    fingerprint = snapshot_store.fingerprint(files.folder, source.as_text, source.options, *hashes)
    state = _SourceState(fingerprint, whole.format, files.display_path, whole.size, whole.modified)

    def read(place: Workplace) -> ReadResult:
        return FileSetReader(source, files, place, allowed, max_mb, progress).read()

    return _make_snapshot(source, state, read, progress)


# Estimates -----------------------------------------------------------------------------------------------------------


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


def estimate_path(path: str, *, allowed: tuple[Path, ...], max_mb: float) -> Estimate:
    """About what loading the file, or the files, that `path` means will cost: of several, by the first and their sizes.

    Raises PathError, TableChangedError.
    """
    if not is_file_set(path):
        return estimate_file(check_path(path, allowed=allowed, max_mb=max_mb))
    whole = check_source_path(path, allowed=allowed, max_mb=max_mb)
    first = estimate_file(check_path(whole.path, allowed=allowed, max_mb=max_mb))
    rows = round(first.rows * whole.size / max(1, first.size))
    return Estimate(whole.size, rows, first.columns, rows * first.columns * _CELL_BYTES, first.format)


def estimate_sample(source: SampleSource) -> Estimate:
    """What loading a sample costs, which is known beforehand."""
    rows, columns = SAMPLE_SIZES[source.name]
    return Estimate(size=0, rows=rows, columns=columns, memory=rows * columns * 8, format="sample")
