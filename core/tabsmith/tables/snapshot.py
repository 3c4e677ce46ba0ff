"""Snapshots in use: as a pandas frame, as a preview, made again if they are gone, checked against their source.

`load_frame` and `preview` start no thread: they are called in processes that fork afterwards.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import PathError, SchemaError, TableChangedError
from tabsmith.tables.info import Preview, TableInfo
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.read.sources import FileSource, JoinSource, describe_source
from tabsmith.tables.snapshot_store import is_intact
from tabsmith.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

_CELL: Final = 120  # characters of a cell in a preview
_EXACT: Final = 2**53  # beyond, a float cannot hold every whole number
_TIME_TOLERANCE: Final = 1e-3  # seconds; some file systems keep times no finer


def check_unchanged(info: TableInfo) -> None:
    """Raise TableChangedError if the source is a file, or a join of files, that is gone or has changed since it was read."""
    if not isinstance(info.source, FileSource | JoinSource):
        return
    from tabsmith.tables.read.file_sets import size_and_time

    display_path = clean(describe_source(info.source), 300)
    try:
        size, modified = size_and_time(info.source)
    except (OSError, PathError) as error:
        raise TableChangedError(
            "The file is gone: it was read before, and is no longer there.",
            where=display_path,
            next_step="Put it back, or choose the file again.",
        ) from error
    if size != info.size or abs(modified - info.modified) > _TIME_TOLERANCE:
        change = f"{info.size:,} bytes then, {size:,} now" if size != info.size else "written anew"
        raise TableChangedError(
            f"The file has changed since it was read ({change}).",
            where=display_path,
            next_step="Read it again: what was understood of it may no longer be right.",
        )


def ensure_snapshot(info: TableInfo) -> TableInfo:
    """`info` with its snapshot in place: made again from the unchanged source if it was cleared away, or is not as it was
    written.

    Raises TableChangedError if the source changed, or if the snapshot of a frame is gone.
    """
    if is_intact(info):
        return info
    check_unchanged(info)
    from tabsmith.tables.read.guard import ANYWHERE
    from tabsmith.tables.read.reader import read_source

    return read_source(info.source, allowed=ANYWHERE, max_mb=float("inf"))  # it was allowed when it was read first


def load_frame(
    info: TableInfo, columns: tuple[str, ...] | None = None, rows: "npt.NDArray[np.int64] | None" = None
) -> "pd.DataFrame":
    """The rows as a frame with the columns asked for (all by default), in that order, under their exact names. `rows` are
    the positions of the rows asked for, rising; all by default.

    integer: int64, float64 with missing values (Int64 where a float is not exact). float: float64. boolean: bool, or
    nullable boolean. date, timestamp: datetime64[us]. text: pandas' own string type. Raises SchemaError for an
    unknown column, TableChangedError if the snapshot is gone and cannot be made again.
    """
    import pyarrow.parquet as pq

    info = ensure_snapshot(info)
    positions = _positions(info, columns)
    # Not pq.read_table: that reads through a pool of threads even when it is told not to. Of a table that is larger than
    # memory, a map of the file would be held as well.
    with pq.ParquetFile(info.snapshot, memory_map=rows is None, pre_buffer=False) as file:
        names = [f"c{position}" for position in positions.values()]
        table = file.read(columns=names, use_threads=False) if rows is None else _taken(file, names, rows)
    return _frame(table, info, positions)


def iterate_frames(info: TableInfo, columns: tuple[str, ...], batch_rows: int) -> "Iterator[pd.DataFrame]":
    """The rows as frames like those of `load_frame`, `batch_rows` at a time: no more of them are in memory.

    Raises SchemaError for an unknown column, TableChangedError if the snapshot is gone and cannot be made again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    info = ensure_snapshot(info)
    positions = _positions(info, columns)
    names = [f"c{position}" for position in positions.values()]
    with pq.ParquetFile(info.snapshot, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=batch_rows, columns=names, use_threads=False):
            yield _frame(pa.Table.from_batches([batch]), info, positions)


def _positions(info: TableInfo, columns: tuple[str, ...] | None) -> dict[str, int]:
    """The places of the columns asked for in the table, in the order asked for. Raises SchemaError."""
    positions = {column.name: position for position, column in enumerate(info.profile.columns)}
    selected = tuple(positions) if columns is None else columns
    for name in selected:
        if name not in positions:
            raise SchemaError(
                f"The table has no column {clean(name)}.",
                next_step=f"It has: {', '.join(clean(name, 40) for name in list(positions)[:20])}.",
            )
    return {name: positions[name] for name in selected}


def _taken(file: "pq.ParquetFile", names: list[str], rows: "npt.NDArray[np.int64]") -> "pa.Table":
    """The rows at the rising positions `rows`, one row group after the other."""
    import numpy as np
    import pyarrow as pa

    parts = []
    start = 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        first, last = np.searchsorted(rows, [start, end])
        if last > first:
            parts.append(file.read_row_group(group, columns=names, use_threads=False).take(rows[first:last] - start))
        start = end
    return pa.concat_tables(parts)


def _frame(table: "pa.Table", info: TableInfo, positions: dict[str, int]) -> "pd.DataFrame":
    """The Arrow table of a snapshot as a frame, with the columns of `positions`."""
    import pandas as pd

    series = {
        place: _series(table.column(f"c{place}"), info.profile.columns[place]) for place in set(positions.values())
    }
    frame = pd.DataFrame(
        {index: series[place] for index, place in enumerate(positions.values())}, index=range(len(table))
    )
    frame.columns = pd.Index(list(positions), dtype=object)
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
    if not info.snapshot_path.exists():  # the checksum of a large table would cost more than its first rows
        info = ensure_snapshot(info)
    return _preview_parquet(info.snapshot_path, rows, [column.name for column in info.profile.columns])


def preview_file(path: Path, rows: int = 200) -> Preview:
    """The first `rows` rows of a CSV or Parquet file that tabsmith wrote itself, as cleaned text."""
    import csv
    from itertools import islice

    if path.suffix.lower() in {".parquet", ".pq"}:
        return _preview_parquet(path, rows, None)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        names = tuple(clean(name) for name in next(reader, []))
        return Preview(names, tuple(tuple(clean(cell, _CELL) for cell in row) for row in islice(reader, rows)))


def _preview_parquet(path: Path, rows: int, names: Sequence[str] | None) -> Preview:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False) as file:
        columns = None if names is None else [f"c{position}" for position in range(len(names))]
        batch = next(file.iter_batches(batch_size=max(1, rows), columns=columns, use_threads=False), None)
        names = file.schema_arrow.names if names is None else names
    texts = [] if batch is None else [[_cell_text(cell) for cell in column.to_pylist()] for column in batch.columns]
    return Preview(tuple(clean(name) for name in names), tuple(zip(*texts, strict=True)))


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return clean(value, _CELL)
