"""A pandas frame becomes a table with a snapshot, whatever its columns hold: frames from Python, and the samples."""

from typing import TYPE_CHECKING, Any

from tabsmith.errors import SchemaError
from tabsmith.tables import snapshot_store
from tabsmith.tables.database import connect, translate_errors
from tabsmith.tables.info import Dialect, TableInfo
from tabsmith.tables.read.arrow_columns import column_array, plain_value, write_columns
from tabsmith.tables.read.sources import FrameSource, SampleSource
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd


def from_frame(frame: "pd.DataFrame") -> TableInfo:
    """Any frame as a table with a snapshot. The index is not part of the table.

    Column names become text (SchemaError if two become the same); mixed objects become text, categories their
    values, times with a zone UTC. No thread is started. Raises SchemaError, StorageError.
    """
    return write_frame(frame, None)


def write_frame(frame: "pd.DataFrame", sample: SampleSource | None) -> TableInfo:
    """Write `frame` as a snapshot: the frame of `sample`, or one handed over from Python."""
    from tabsmith.tables.read.values.whole_columns import finish_snapshot

    described = "the frame" if sample is None else sample.name
    with translate_errors(described):
        names, columns = _frame_columns(frame)
    with snapshot_store.scratch_folder() as scratch, translate_errors(described):
        out = scratch / "snapshot.parquet"
        with connect(spill=scratch, threads=1) as database:
            stored = write_columns(database, columns, out, as_text=False)
            profile = finish_snapshot(database, out, names, stored)
        with out.open("rb") as file:
            fingerprint = snapshot_store.fingerprint(sample, names, snapshot_store.content_hash(file.fileno()))
        info = TableInfo(
            source=sample or FrameSource(fingerprint),
            fingerprint=fingerprint,
            snapshot=str(snapshot_store.snapshot_path(fingerprint)),
            format="sample" if sample else "frame",
            route="fast",
            encoding="",
            dialect=Dialect(),
            profile=profile,
        )
        return snapshot_store.save_snapshot(info, out)


def _frame_columns(frame: "pd.DataFrame") -> tuple[tuple[str, ...], list[Any]]:
    """The column names as text and the columns as Arrow arrays. Raises SchemaError."""
    names = tuple(_column_name(label) for label in frame.columns)
    if not names:
        raise SchemaError("The frame has no columns.", next_step="Give a frame with at least one column.")
    for position, name in enumerate(names):
        if name in names[:position]:
            raise SchemaError(
                f"Two columns of the frame are called {clean(name)}.", next_step="Give every column a name of its own."
            )
    return names, [arrow_array(frame.iloc[:, position]) for position in range(len(names))]


def _column_name(label: object) -> str:
    if isinstance(label, tuple):
        return "_".join(str(part) for part in label if str(part))
    return str(label).encode("utf-8", "replace").decode()


def arrow_array(series: "pd.Series[Any]") -> Any:
    """The values of a column of a frame as an Arrow array."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series))
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if series.notna().all() else object)
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype) or series.dtype.kind in "mc":
        return pa.array([None if missing else str(value) for value, missing in _values(series)], pa.large_string())
    if series.dtype == object:
        return column_array([None if missing else plain_value(value) for value, missing in _values(series)])
    if str(series.dtype) in {"float16", "float128"}:
        series = series.astype("float64")
    return pa.Array.from_pandas(series)


def _values(series: "pd.Series[Any]") -> list[tuple[Any, bool]]:
    """The values of a series, each with whether it is missing."""
    return list(zip(series.tolist(), series.isna().tolist(), strict=True))
