"""A source becomes a table: guard, sniff, read, snapshot, profile; an unchanged source is not read twice."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from tabsmith.errors import ReadError, TableChangedError
from tabsmith.tables import snapshot_store
from tabsmith.tables.database import connect, translate_errors
from tabsmith.tables.info import Dialect, TableInfo
from tabsmith.tables.profile.profiler import profile_snapshot
from tabsmith.tables.profile.types import StorageType, TableProfile
from tabsmith.tables.read.arrow_columns import convert_relation
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.formats.delimited import read_delimited
from tabsmith.tables.read.guard import OpenedFile, open_guarded
from tabsmith.tables.read.samples import sample_frame
from tabsmith.tables.read.sources import FileSource, FrameSource, SampleSource, Source

if TYPE_CHECKING:
    import duckdb

Progress = Callable[[float, str], None]


def _silent(_share: float, _message: str) -> None:
    """Progress that nobody watches."""


def read_source(source: Source, *, allowed: tuple[Path, ...], max_mb: float, progress: Progress = _silent) -> TableInfo:
    """The table that `source` points at, read into a snapshot in the cache folder, or the snapshot of before.

    `progress` is called with a share (0..1) and what is being done. Raises PathError, ReadError, StorageError.
    """
    if isinstance(source, SampleSource):
        from tabsmith.tables.snapshot import write_frame

        return write_frame(sample_frame(source.name), source)
    if isinstance(source, FrameSource):
        return _frame_again(source)
    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(open_guarded(source.path, allowed=allowed, max_mb=max_mb))
        return _read_file(source, opened, max_mb, progress)


def _frame_again(source: FrameSource) -> TableInfo:
    known = snapshot_store.load_info(source.fingerprint)
    if known is None:
        raise TableChangedError(
            "The frame's snapshot was cleared away.", where=source.fingerprint, next_step="Give the frame again."
        )
    return known


def _read_file(source: FileSource, opened: OpenedFile, max_mb: float, progress: Progress) -> TableInfo:
    file = opened.file
    mark = snapshot_store.fingerprint(
        file.path, file.size, file.modified_ns, file.format, source.as_text, snapshot_store.content_hash(opened.handle)
    )
    known = snapshot_store.load_info(mark)
    if known is not None:
        progress(1.0, "read before")
        return msgspec.structs.replace(known, source=source)
    progress(0.0, "reading")
    with snapshot_store.scratch_folder() as scratch, translate_errors(file.shown):
        out = scratch / "snapshot.parquet"
        blank = TableInfo(
            source=source, fingerprint=mark, snapshot=str(snapshot_store.snapshot_path(mark)), format=file.format,
            route="fast", encoding="", dialect=Dialect(), profile=TableProfile(0, ()),
            size=file.size, modified=file.modified,
        )  # fmt: skip
        info = _into_snapshot(blank, opened, out, scratch, max_mb, progress)
        snapshot_store.save_snapshot(info, out)
    progress(1.0, "read")
    return info


def _into_snapshot(
    blank: TableInfo, opened: OpenedFile, out: Path, scratch: Path, max_mb: float, progress: Progress
) -> TableInfo:
    source = cast(FileSource, blank.source)
    format_ = blank.format
    if format_ in {"csv", "tsv"}:
        text = read_delimited(opened, out, as_text=source.as_text, max_mb=max_mb, scratch=scratch, progress=progress)
        info = msgspec.structs.replace(
            blank, route=text.route, encoding=text.encoding, dialect=text.dialect, repaired=text.repaired,
            rejected=text.rejected, repaired_count=text.repaired_count, rejected_count=text.rejected_count,
        )  # fmt: skip
        with connect(spill=scratch) as database:
            return _profiled(info, database, out, text.names, cast("tuple[StorageType, ...]", text.storages), progress)
    with connect(spill=scratch) as database:
        if format_ == "parquet":
            from tabsmith.tables.read.formats.structured import read_parquet

            names, storages = read_parquet(database, opened, out, as_text=source.as_text)
            return _profiled(blank, database, out, names, storages, progress)
        info, names, arrays = _values(blank, opened, max_mb, progress)
        from tabsmith.tables.read.formats.structured import arrow_table

        database.register("given", arrow_table(arrays))
        storages = convert_relation(database, "given", out, as_text=source.as_text, read_texts=True)
        return _profiled(info, database, out, names, storages, progress)


def _values(
    blank: TableInfo, opened: OpenedFile, max_mb: float, progress: Progress
) -> tuple[TableInfo, tuple[str, ...], list[Any]]:
    """The names and columns of a format that is read value by value."""
    source = cast(FileSource, blank.source)
    if blank.format in {"xlsx", "xls"}:
        from tabsmith.tables.read.formats.excel import read_sheet

        names, arrays, sheet = read_sheet(opened, as_text=source.as_text)
        return msgspec.structs.replace(blank, sheet=sheet), names, arrays
    from tabsmith.tables.read.formats.structured import read_json, read_jsonl

    if blank.format == "json":
        names, arrays = read_json(opened, max_mb=max_mb)
        return msgspec.structs.replace(blank, encoding="utf-8"), names, arrays
    notes = LineNotes()
    names, arrays = read_jsonl(opened, notes, max_mb=max_mb, advance=lambda _: progress(0.3, "reading"))
    info = msgspec.structs.replace(
        blank, encoding="utf-8", rejected=tuple(notes.rejected), rejected_count=notes.rejected_count,
        route="careful" if notes.rejected else "fast",
    )  # fmt: skip
    return info, names, arrays


def _profiled(
    info: TableInfo,
    database: "duckdb.DuckDBPyConnection",
    out: Path,
    names: tuple[str, ...],
    storages: tuple[StorageType, ...],
    progress: Progress,
) -> TableInfo:
    progress(0.85, "profiling")
    made = profile_snapshot(database, out, names, storages)
    if made.rows == 0:
        where = info.source.path if isinstance(info.source, FileSource) else ""
        raise ReadError(
            "The file has a header but no rows.", where=where, next_step="Choose a file with rows, or check this one."
        )
    return msgspec.structs.replace(info, profile=made)
