"""Snapshots in use: as a pandas frame, as a preview, from a frame, and whether the source is still the one read.

`load_frame` and `preview` start no thread: they are called in processes that fork afterwards.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import SchemaError, TableChangedError
from tabsmith.tables import snapshot_store
from tabsmith.tables.info import Dialect, Preview, TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.read.sources import FileSource, FrameSource, SampleSource
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd

_CELL: Final = 120  # characters of a cell in a preview
_EXACT: Final = 2**53  # beyond, a float cannot hold every whole number
_SLACK: Final = 1e-3  # seconds; some file systems keep times no finer


def check_unchanged(info: TableInfo) -> None:
    """Nothing, when the source is still the one that was read. Raises TableChangedError. Light."""
    if not isinstance(info.source, FileSource):
        return
    from tabsmith.tables.read.guard import normalize_path

    place = normalize_path(info.source.path)
    shown = clean(place, 300)
    try:
        status = place.stat()
    except OSError as error:
        raise TableChangedError(
            "The file is gone: it was read before, and is no longer there.",
            where=shown,
            next_step="Put it back, or choose the file again.",
        ) from error
    if status.st_size != info.size or abs(status.st_mtime - info.modified) > _SLACK:
        changed = f"{info.size:,} bytes then, {status.st_size:,} now" if status.st_size != info.size else "written anew"
        raise TableChangedError(
            f"The file has changed since it was read ({changed}).",
            where=shown,
            next_step="Read it again: what was understood of it may no longer be right.",
        )


def ensure_snapshot(info: TableInfo) -> TableInfo:
    """`info` with its snapshot in place: made again from the unchanged source when it was cleared away.

    Raises TableChangedError when the source changed, or a frame's snapshot is gone.
    """
    if info.snapshot_path.exists():
        return info
    check_unchanged(info)
    from tabsmith.tables.read.guard import normalize_path
    from tabsmith.tables.read.reader import read_source

    allowed: tuple[Path, ...] = ()
    if isinstance(info.source, FileSource):  # it was let in before; only this file is
        allowed = (normalize_path(info.source.path).resolve(),)
    return read_source(info.source, allowed=allowed, max_mb=float("inf"))


def load_frame(info: TableInfo, columns: tuple[str, ...] | None = None) -> "pd.DataFrame":
    """The rows as a frame with the columns asked for (all by default), in that order, under their exact names.

    integer: int64, float64 with missing values (Int64 where a float is not exact). float: float64. boolean: bool, or
    nullable boolean. date, timestamp: datetime64[us]. text: pandas' own string type. Raises SchemaError for an
    unknown column, TableChangedError when the snapshot is gone and cannot be made again.
    """
    import pandas as pd
    import pyarrow.parquet as pq

    info = ensure_snapshot(info)
    places = {column.name: place for place, column in enumerate(info.profile.columns)}
    wanted = tuple(places) if columns is None else columns
    unknown = [name for name in wanted if name not in places]
    if unknown:
        raise SchemaError(
            f"The table has no column {clean(unknown[0])}.",
            next_step=f"It has: {', '.join(clean(name, 40) for name in list(places)[:20])}.",
        )
    # Not pq.read_table: that reads through a pool of threads even when it is told not to.
    with pq.ParquetFile(info.snapshot, memory_map=True, pre_buffer=False) as file:
        table = file.read(columns=[f"c{places[name]}" for name in wanted], use_threads=False)
    held = {
        f"c{places[name]}": _series(table.column(f"c{places[name]}"), info.profile.columns[places[name]])
        for name in wanted
    }
    frame = pd.DataFrame(
        {place: held[f"c{places[name]}"] for place, name in enumerate(wanted)}, index=range(len(table))
    )
    frame.columns = pd.Index(list(wanted), dtype=object)
    return frame


def _series(array: Any, column: ColumnProfile) -> Any:
    import pandas as pd
    import pyarrow as pa

    if column.storage in {"date", "timestamp"}:
        return array.cast(pa.timestamp("us")).to_pandas(use_threads=False)
    if column.storage == "integer" and column.missing:
        numbers = column.numbers
        if numbers is not None and max(abs(numbers.minimum), abs(numbers.maximum)) > _EXACT:
            return array.to_pandas(use_threads=False, types_mapper={pa.int64(): pd.Int64Dtype()}.get)
        return array.to_pandas(use_threads=False).astype("float64")
    if column.storage == "boolean" and column.missing:
        return array.to_pandas(use_threads=False, types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return array.to_pandas(use_threads=False)


def preview(info: TableInfo, rows: int = 200) -> Preview:
    """The first `rows` rows as cleaned text."""
    info = ensure_snapshot(info)
    return _previewed(info.snapshot_path, rows, [column.name for column in info.profile.columns])


def preview_file(path: Path, rows: int = 200) -> Preview:
    """The first `rows` rows of a CSV or Parquet file that tabsmith wrote itself, as cleaned text."""
    import csv
    from itertools import islice

    if path.suffix.lower() in {".parquet", ".pq"}:
        return _previewed(path, rows, None)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        names = tuple(clean(name) for name in next(reader, []))
        return Preview(names, tuple(tuple(clean(cell, _CELL) for cell in row) for row in islice(reader, rows)))


def _previewed(path: Path, rows: int, names: Sequence[str] | None) -> Preview:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        batch = next(file.iter_batches(batch_size=max(1, rows), use_threads=False), None)
        own = file.schema_arrow.names
    columns = [] if batch is None else [[_shown(cell) for cell in column.to_pylist()] for column in batch.columns]
    return Preview(
        tuple(clean(name) for name in (names if names is not None else own)), tuple(zip(*columns, strict=True))
    )


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return clean(value, _CELL)


def from_frame(frame: "pd.DataFrame") -> TableInfo:
    """Any frame as a table with a snapshot. The index is not part of it.

    Column names become text (SchemaError when two become the same); mixed objects become text, categories their
    values, times with a zone UTC. One thread, and none is started. Raises SchemaError, StorageError.
    """
    return write_frame(frame, None)


def write_frame(frame: "pd.DataFrame", sample: SampleSource | None) -> TableInfo:
    """Write `frame` as a snapshot: the frame of a sample, unless it is there already, or one handed over."""
    from tabsmith.tables.database import translate_errors
    from tabsmith.tables.read.arrow_columns import frame_columns
    from tabsmith.tables.read.formats.structured import arrow_table

    shown = "the frame" if sample is None else sample.name
    with translate_errors(shown):
        names, arrays = frame_columns(frame)
        table = arrow_table(arrays)
    with snapshot_store.scratch_folder() as scratch, translate_errors(shown):
        from tabsmith.tables.database import connect
        from tabsmith.tables.profile.profiler import profile_snapshot
        from tabsmith.tables.read.arrow_columns import convert_relation

        out = scratch / "snapshot.parquet"
        with connect(spill=scratch, threads=1) as database:
            database.register("given", table)
            storages = convert_relation(database, "given", out, as_text=False, read_texts=False)
            made = profile_snapshot(database, out, names, storages)
        with out.open("rb") as written:
            mark = snapshot_store.fingerprint(sample, names, snapshot_store.content_hash(written.fileno()))
        info = TableInfo(
            source=sample or FrameSource(mark),
            fingerprint=mark,
            snapshot=str(snapshot_store.snapshot_path(mark)),
            format="sample" if sample else "frame",
            route="fast",
            encoding="",
            dialect=Dialect(),
            profile=made,
        )
        snapshot_store.save_snapshot(info, out)
    return info
