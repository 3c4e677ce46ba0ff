"""New rows taken in batches, from a file, a table or a frame, each column still as it stands there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import msgspec
import numpy as np

from tabsmith.errors import PredictionError
from tabsmith.families.estimator import Ints
from tabsmith.modeling.new_rows import Cells
from tabsmith.tables.info import REASON_COLUMN, TableInfo
from tabsmith.tables.read.sources import (
    DatabaseSource,
    FileSource,
    FrameSource,
    JoinSource,
    RemoteSource,
    SampleSource,
    Source,
    parse_source,
)
from tabsmith.tables.snapshot import check_unchanged, ensure_snapshot

if TYPE_CHECKING:
    import pyarrow as pa
    from pandas import DataFrame

BATCH_ROWS = 20_000  # rows in memory at once


class TableLike(Protocol):
    """A table once read: anything with `to_pandas()`."""

    def to_pandas(self) -> "DataFrame": ...


Predictable: TypeAlias = "DataFrame | TableLike | str | Path"


@dataclass(frozen=True)
class RowBatch:
    """Some rows one after the other."""

    cells: Sequence[Cells]  # by column
    count: int
    bad: Ints  # positions of the rows that could not be read
    reasons: Sequence[str]  # why, for each of `bad`
    has_reasons: bool = False  # whether any row of the table, of this batch or another, could not be read


@dataclass(frozen=True)
class NewRows:
    """The columns' names of some new rows, and the rows in batches, of which there is at least one."""

    names: tuple[str, ...]
    batches: Iterable[RowBatch]


def new_rows_source(source: Source, expected: Sequence[str], *, as_text: bool = True) -> Source:
    """The source as it is read for prediction: every line a row, and every text as it stands, unless not `as_text`.

    `expected` are the names of the model's columns.
    """
    match source:
        case FileSource(options=given) | DatabaseSource(options=given) | RemoteSource(options=given):
            options = msgspec.structs.replace(given, expected=tuple(expected), every_row=True)
            return msgspec.structs.replace(source, as_text=as_text, options=options)
        case JoinSource(tables=tables):  # a line that cannot be read has no keys to join by
            texts = (
                table if isinstance(table, SampleSource) else msgspec.structs.replace(table, as_text=as_text)
                for table in tables
            )
            return msgspec.structs.replace(source, tables=tuple(texts))
        case SampleSource() | FrameSource():
            return source


def open_rows(rows: Predictable, expected: Sequence[str], *, as_text: bool = True) -> NewRows:
    """The rows of a frame, of a table, or of the file at a path, which is read as by `new_rows_source`.

    Raises PredictionError for anything else, PathError, ReadError and TableChangedError.
    """
    if isinstance(rows, str | Path):
        return snapshot_rows(_read_anywhere(new_rows_source(parse_source(str(rows)), expected, as_text=as_text)))
    if hasattr(rows, "columns") and hasattr(rows, "iloc"):
        return frame_rows(cast("DataFrame", rows))
    info = getattr(rows, "info", None)
    if isinstance(info, TableInfo):
        return snapshot_rows(_texts_of_table(info) if as_text else ensure_snapshot(info))
    if hasattr(rows, "to_pandas"):
        return frame_rows(rows.to_pandas())
    raise PredictionError(
        f"Rows cannot be read from a {type(rows).__name__}.", next_step="Give a pandas DataFrame, a table or a path."
    )


def frame_rows(frame: "DataFrame") -> NewRows:
    """The rows of a frame."""
    names = tuple(str(name) for name in frame.columns)

    def batches() -> Iterable[RowBatch]:
        for start in range(0, max(1, len(frame)), BATCH_ROWS):
            part = frame.iloc[start : start + BATCH_ROWS]
            cells = [part.iloc[:, position] for position in range(len(names))]
            yield RowBatch(cells, len(part), np.zeros(0, dtype=np.int64), ())

    return NewRows(names, batches())


def snapshot_rows(info: TableInfo) -> NewRows:
    """The rows of a table's snapshot."""
    names = tuple(column.name for column in info.profile.columns)
    return NewRows(names, (batch for _, batch in snapshot_batches(info)))


def snapshot_batches(info: TableInfo) -> "Iterable[tuple[pa.Table, RowBatch]]":
    """The pieces of a snapshot, as Arrow tables under the columns' names and as batches; one empty piece if it has no rows.
    Starts no thread."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [column.name for column in info.profile.columns]
    positions = [f"c{position}" for position in range(len(names))]
    with pq.ParquetFile(info.snapshot, pre_buffer=False) as file:  # buffering starts threads
        has_reasons = REASON_COLUMN in file.schema_arrow.names
        empty = True
        for piece in file.iter_batches(BATCH_ROWS, use_threads=False):
            empty = False
            table = pa.Table.from_batches([piece])
            reasons = table.column(REASON_COLUMN).to_pylist() if has_reasons else []
            yield _named(table.select(positions), names, reasons, has_reasons=has_reasons)
        if empty:
            yield _named(file.schema_arrow.empty_table().select(positions), names, [], has_reasons=has_reasons)


def _named(
    table: "pa.Table", names: list[str], reasons: list[str | None], *, has_reasons: bool
) -> "tuple[pa.Table, RowBatch]":
    bad = [row for row, reason in enumerate(reasons) if reason]
    batch = RowBatch(
        cells=table.columns,
        count=len(table),
        bad=np.asarray(bad, dtype=np.int64),
        reasons=[str(reasons[row]) for row in bad],
        has_reasons=has_reasons,
    )
    return table.rename_columns(names), batch


def _read_anywhere(source: Source) -> TableInfo:
    """The table of `source`, wherever it lies: whoever calls Python may read what their account may read."""
    from tabsmith.tables.read.guard import ANYWHERE
    from tabsmith.tables.read.reader import read_source

    return read_source(source, allowed=ANYWHERE, max_mb=float("inf"))


def _texts_of_table(info: TableInfo) -> TableInfo:
    """The table's own rows as the texts of its file, if it is a text. Raises TableChangedError if that has changed."""
    from tabsmith.tables.read.formats.registry import holds_texts

    if not isinstance(info.source, FileSource) or not holds_texts(info.format):
        return ensure_snapshot(info)
    check_unchanged(info)
    return _read_anywhere(msgspec.structs.replace(info.source, as_text=True))
