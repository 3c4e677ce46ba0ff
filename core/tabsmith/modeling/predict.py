"""Predicting a file: its rows with the model's predictions beside them, streamed into CSV or Parquet."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tabsmith.errors import PredictionError, UsageError
from tabsmith.modeling.results import PredictedFile
from tabsmith.modeling.training_data import input_columns
from tabsmith.tables.export import BATCH_ROWS, TableWriter, open_table_writer, require_table_suffix
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import FileSource, describe_source
from tabsmith.text import clean

if TYPE_CHECKING:
    from pandas import DataFrame

    from tabsmith.families.estimator import Floats
    from tabsmith.modeling.model import Model


def predict_file(
    model: "Model",
    info: TableInfo,
    out: Path | None = None,
    *,
    progress: Callable[[float, str], None] = lambda _share, _message: None,
) -> PredictedFile:
    """Predict the rows of a table that was read, and write them to `out` with a column `prediction` and, for classes,
    one `probability of <label>` each; names that the table has already get a number.

    `out` ends in .csv or .parquet; None means `<source>-predictions.csv` in the current folder, or the next free name.
    In CSV, a text cell that a spreadsheet would take for a formula is led by an apostrophe. The file appears whole or
    not at all. Raises UsageError for another ending or the source itself, PredictionError when none of the model's
    columns is there, StorageError.
    """
    out = require_table_suffix(_free_name(info) if out is None else out)
    _check(model, info, out)
    with open_table_writer(out) as writer:
        predicted = _write(model, info, writer, progress=progress)
    return msgspec.structs.replace(predicted, out=str(out))


def frame_of_file(path: Path) -> "DataFrame":
    """A file's rows as a frame, read as every table is. Raises PathError and ReadError."""
    from tabsmith.tables.read.guard import ANYWHERE
    from tabsmith.tables.read.reader import read_source
    from tabsmith.tables.snapshot import load_frame

    info = read_source(FileSource(str(path)), allowed=ANYWHERE, max_mb=float("inf"))
    return load_frame(info)


def _check(model: "Model", info: TableInfo, out: Path) -> None:
    if (
        isinstance(info.source, FileSource)
        and Path(info.source.path).expanduser().absolute().resolve() == out.resolve()
    ):
        raise UsageError(
            "The predictions would replace the file that they are made from.",
            where=str(out),
            next_step="Choose another file to write to.",
        )
    names = [column.name for column in info.profile.columns]
    wanted = [column.name for column in input_columns(model.schema)]
    if not set(names) & set(wanted):
        raise PredictionError(
            "None of the model's columns is in the table.",
            where=clean(", ".join(names), 200),
            next_step=f"The model was trained on: {clean(', '.join(wanted), 300)}.",
        )


def _write(
    model: "Model", info: TableInfo, writer: TableWriter, *, progress: Callable[[float, str], None]
) -> PredictedFile:
    names = [column.name for column in info.profile.columns]
    labels = model.classes_.tolist()
    added = _added_names(names, labels)
    rows, unparsable = 0, 0
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    in_schema = {column.name for column in model.schema.columns}
    for table, frame in _batches(info, names):
        for read, prediction in model.predict_batches([frame]):
            missing, extra = read.missing, tuple(name for name in read.extra if name not in in_schema)
            unparsable += sum(read.unparsable.values())
            writer.write(_with_predictions(table, model, prediction, added))
        rows += len(frame)
        progress(rows / max(1, info.rows), f"{rows:,} rows predicted")
    return PredictedFile(model.id, rows, (*names, *added), "", missing, extra, unparsable)


def _batches(info: TableInfo, names: list[str]) -> Iterator[tuple[Any, "DataFrame"]]:
    """Pieces of the snapshot, as Arrow tables and as frames; one empty piece when there are no rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(info.snapshot) as file:
        empty = True
        for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
            empty = False
            yield _named(pa.Table.from_batches([batch]), names)
        if empty:
            yield _named(file.schema_arrow.empty_table(), names)


def _named(table: Any, names: list[str]) -> tuple[Any, "DataFrame"]:
    import pandas as pd
    import pyarrow as pa

    columns = {}
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if pa.types.is_date(field.type) or pa.types.is_timestamp(field.type):
            columns[index] = column.cast(pa.timestamp("us")).to_pandas(use_threads=False)
        elif pa.types.is_integer(field.type) and column.null_count:
            columns[index] = column.cast(pa.float64(), safe=False).to_pandas(use_threads=False)
        else:
            columns[index] = column.to_pandas(use_threads=False)
    frame = pd.DataFrame(columns, index=range(len(table)))
    frame.columns = pd.Index(names, dtype=object)
    return table.rename_columns(names), frame


def _with_predictions(table: Any, model: "Model", prediction: "Floats", names: tuple[str, ...]) -> Any:
    import pyarrow as pa

    decisions = model.decide(prediction)
    columns = [pa.array(decisions.tolist() if decisions.dtype == object else decisions)]
    if len(names) > 1:
        columns += [pa.array(np.ascontiguousarray(column)) for column in prediction.T]
    for name, column in zip(names, columns, strict=True):
        table = table.append_column(name, column)
    return table


def _added_names(names: list[str], labels: list[Any]) -> tuple[str, ...]:
    taken = set(names)
    added: list[str] = []
    for wanted in ("prediction", *(f"probability of {label}" for label in labels)):
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted} {number}", number + 1
        taken.add(name)
        added.append(name)
    return tuple(added)


def _free_name(info: TableInfo) -> Path:
    stem = describe_source(info.source).split(".", 1)[0].replace(" ", "-") or "rows"
    path, number = Path.cwd() / f"{stem}-predictions.csv", 2
    while path.exists():
        path, number = path.with_name(f"{stem}-predictions-{number}.csv"), number + 1
    return path
