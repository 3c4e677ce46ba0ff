"""Predicting a file: its rows, each as it stands there, with the model's predictions beside them, in CSV or Parquet."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from tabsmith import formatting
from tabsmith.errors import UsageError
from tabsmith.modeling.column_matching import match_columns
from tabsmith.modeling.decisions.conformal import measure_intervals
from tabsmith.modeling.decisions.types import Conformal
from tabsmith.modeling.results import ModelReport, PredictedFile, RowsScore, UnreadRow
from tabsmith.modeling.row_batches import RowBatch, new_rows_source, snapshot_batches
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.scoring import RowsScorer
from tabsmith.tables.export import TableWriter, is_text, open_table_writer, require_table_suffix
from tabsmith.tables.info import REASON_COLUMN, Preview, TableInfo
from tabsmith.tables.read.sources import FileSource, Source, describe_source
from tabsmith.text import clean

if TYPE_CHECKING:
    import pyarrow as pa

    from tabsmith.families.estimator import Floats
    from tabsmith.modeling.model import Model

PREDICTION: Final = "prediction"
_BAD_ROWS: Final = 100  # kept in the report


def source_to_predict(model: "Model", source: Source) -> Source:
    """The source as it is to be read for predictions of `model`: by the model's names, each line a row of texts."""
    return new_rows_source(source, model.column_names, as_text=model.knows_formats)


def predict_file(
    model: "Model",
    info: TableInfo,
    out: Path | None = None,
    *,
    column: str = "",
    level: float | None = None,
    allow_missing: bool = False,
    explain: int = 0,
    progress: Callable[[float, str], None] = lambda _share, _message: None,
) -> PredictedFile:
    """Predict the rows of a table, and write them to `out` in their order, one for each row of the table.

    `info` is the table as read from `source_to_predict`. Beside its columns, whose cells stay as they stand in the file,
    there is a column `column`, or `prediction` (with a number if the table has such a column), and for classes one
    `probability of <label>` each; for numbers and a `level`, such as 0.9, `prediction low` and `prediction high` are the
    ends of an interval of that level. A row that could not be read has an empty prediction, and then there is a column
    `reason`. If the table holds the target, the predictions are scored.

    With `explain`, that many columns that moved a row's prediction most stand in `contributor 1`, `contributor 2` ...,
    and by how much and in which direction in `contribution 1` ... (see `Model.explain`).

    `out` ends in .csv or .parquet; None means `<source>-predictions.csv` in the current folder, or the next free name.
    In CSV, a text cell that a spreadsheet would take for a formula is led by an apostrophe. The file appears whole or
    not at all. Raises UsageError for another ending, the source itself, or a `column` that the table has already;
    PredictionError when none of the model's columns is there or the model has no intervals of this level, MissingColumnError when an important one is not, unless
    `allow_missing`; StorageError.
    """
    out = require_table_suffix(_free_name(info) if out is None else out)
    _check_replaces_nothing(info, out)
    names = [each.name for each in info.profile.columns]
    if column and column in names:
        raise UsageError(
            f'The table has a column "{clean(column, 60)}" already.',
            next_step="Choose another name for the column of predictions.",
        )
    with open_table_writer(out) as writer:
        predicted = _Prediction(model, info, names, column, level, allow_missing, explain).write(writer, progress)
    return msgspec.structs.replace(predicted, out=str(out))


def preview_predictions(report: ModelReport, prediction: PredictedFile, rows: int) -> Preview:
    """The first `rows` rows of the written file, with the predictions and reasons first.

    A predicted number has as many digits as the model's error on the hold-out allows; a probability has three.
    """
    from tabsmith.tables.snapshot import preview_file

    written = preview_file(Path(prediction.out), rows)
    first = [prediction.columns.index(name) for name in prediction.added]
    if prediction.bad_row_count:
        first.append(len(prediction.columns) - 1)
    order = [*first, *(position for position in range(len(prediction.columns)) if position not in first)]
    error = report.typical_error
    body = []
    for row in written.rows:
        cells = list(row)
        for place, position in enumerate(first[: len(prediction.added)]):
            if place or not report.classes:
                cells[position] = _short_number(cells[position], 0.01 if report.classes else error)
        body.append(tuple(cells[position] for position in order))
    return Preview(tuple(written.names[position] for position in order), tuple(body))


def _short_number(cell: str, error: float) -> str:
    return formatting.plus_minus_parts(float(cell), error)[0] if cell else ""


class _Prediction:
    """The rows of one table being predicted."""

    def __init__(
        self,
        model: "Model",
        info: TableInfo,
        names: list[str],
        column: str,
        level: float | None,
        allow_missing: bool,
        explain: int,
    ) -> None:
        self._model = model
        self._info = info
        self._names = names
        self._reader = model.reader(names, allow_missing=allow_missing)
        self._labels = model.classes_.tolist()
        self._level = level
        if level is not None:  # a level that the model cannot give is refused before anything is read
            model.intervals(np.zeros((0, 1)), level)
        self._added = _added_names(names, column, self._labels, intervals=level is not None)
        self._explained = _explained_names((*names, *self._added), explain)
        others = self._reader.match.extra
        target = match_columns([model.schema.target], others)
        self._target = "".join(others[position] for position in target.positions.values())  # empty if it is not there
        self._weight = model.schema.weight if model.schema.weight in names else ""
        self._matched = (*self._reader.match.matched, *target.matched)
        self._scorer = RowsScorer(model.report, model.labels) if self._target else None
        self._bad_rows: list[UnreadRow] = []
        self._bad_count = 0

    def write(self, writer: TableWriter, progress: Callable[[float, str], None]) -> PredictedFile:
        """Write all rows with their predictions, and return the report, which does not know the file's name."""
        rows = 0
        columns: tuple[str, ...] = ()
        keeps_every_row = False
        for table, batch in snapshot_batches(self._info):
            read = self._reader.read(batch.cells, batch.count)
            prediction = self._model.predict_arrays(read)
            prediction[batch.bad] = np.nan
            if self._scorer is not None:
                weight = batch.cells[self._names.index(self._weight)] if self._weight else None
                self._scorer.add(batch.cells[self._names.index(self._target)], prediction, read, weight)
            written = self._with_predictions(_as_it_stands(table), prediction)
            if self._explained:
                done = rows

                def explained(count: int, done: int = done) -> None:
                    progress((done + count) / max(1, self._info.rows), f"{done + count:,} rows explained")

                written = self._with_contributions(written, read, batch, explained)
            if batch.has_reasons:
                written = written.append_column(_free(REASON_COLUMN, written.column_names), _reasons(batch))
            self._note_bad_rows(rows, batch.bad.tolist(), batch.reasons)
            writer.write(written)
            columns = tuple(written.column_names)
            keeps_every_row |= batch.has_reasons
            rows += batch.count
            progress(rows / max(1, self._info.rows), f"{rows:,} rows predicted")
        if not keeps_every_row:
            self._note_lost_rows()
        return self._report(rows, columns)

    def _report(self, rows: int, columns: tuple[str, ...]) -> PredictedFile:
        scorer, reader = self._scorer, self._reader
        unread = (*reader.unread, *((scorer.unread,) if scorer is not None and scorer.unread.count else ()))
        unseen = (*reader.unseen, *((scorer.unseen,) if scorer is not None and scorer.unseen.count else ()))
        in_schema = {each.name for each in self._model.schema.columns}
        return PredictedFile(
            model_id=self._model.id,
            rows=rows,
            columns=columns,
            out="",
            missing=reader.match.missing,
            extra=tuple(name for name in reader.match.extra if name not in in_schema and name != self._target),
            unparsable=sum(each.count for each in unread),
            added=self._added,
            explained=self._explained,
            explains=self._explains() if self._explained else "",
            matched=self._matched,
            unread=unread,
            unseen=unseen,
            assumed=reader.assumed,
            bad_rows=tuple(self._bad_rows),
            bad_row_count=self._bad_count,
            score=self._score(),
        )

    def _score(self) -> RowsScore | None:
        """The scores of the rows that hold the target, and whether their numbers are in the intervals that were asked for."""
        score = None if self._scorer is None else self._scorer.result()
        rules = self._model.decisions.intervals
        rows = None if self._scorer is None else self._scorer.gathered()
        if score is None or rows is None or self._level is None or not isinstance(rules, Conformal):
            return score
        truth = np.asarray(rows.truth, dtype=np.float64)
        checked = measure_intervals(rules, truth, rows.prediction[:, 0], self._level)
        return msgspec.structs.replace(score, intervals=checked)

    def _with_predictions(self, table: "pa.Table", prediction: "Floats") -> "pa.Table":
        import pyarrow as pa

        without = np.isnan(prediction).any(axis=1)
        if self._labels:
            positions = np.where(without, 0, self._model.label_positions(prediction))
            columns = [pa.array(self._labels).take(pa.array(positions, mask=without))]
            columns += [pa.array(np.ascontiguousarray(values), mask=without) for values in prediction.T]
        else:
            columns = [pa.array(prediction[:, 0], mask=without)]
            if self._level is not None:
                ends = self._model.intervals(prediction, self._level)
                columns += [pa.array(np.ascontiguousarray(values), mask=without) for values in ends.T]
        for name, values in zip(self._added, columns, strict=True):
            table = table.append_column(name, values)
        return table

    def _with_contributions(
        self, table: "pa.Table", rows: RowArrays, batch: RowBatch, progress: Callable[[int], None]
    ) -> "pa.Table":
        import pyarrow as pa

        count = len(self._explained) // 2
        columns = np.full((len(rows), count), -1)
        sizes = np.zeros((len(rows), count))
        explainer = self._model.row_explainer
        for part, found in explainer.pieces(rows):
            values = found.of_outputs(self._model.explained_outputs(found.prediction))
            order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :count]
            columns[part, : order.shape[1]] = order
            sizes[part, : order.shape[1]] = np.take_along_axis(values, order, axis=1)
            progress(part.stop)
        without = sizes == 0
        without[batch.bad] = True
        names = pa.array(explainer.columns, pa.string())
        for place in range(count):
            mask = without[:, place]
            positions = pa.array(np.where(mask, 0, columns[:, place]), mask=mask)
            table = table.append_column(self._explained[2 * place], names.take(positions))
            values = pa.array(np.ascontiguousarray(sizes[:, place]), mask=mask)
            table = table.append_column(self._explained[2 * place + 1], values)
        return table

    def _explains(self) -> str:
        """What the contributions add up to."""
        if not self._labels:
            return self._model.schema.target
        if len(self._labels) > 2:
            return "probability of the predicted class"
        return f"probability of {self._labels[self._model.report.metric.event]}"

    def _note_lost_rows(self) -> None:
        """Note the lines that reading left out, as it does where tables are joined."""
        self._bad_count += self._info.rejected_count
        for note in self._info.rejected[:_BAD_ROWS]:
            self._bad_rows.append(UnreadRow(0, clean(f"line {note.line}: {note.reason}", 300)))

    def _note_bad_rows(self, rows_before: int, bad: list[int], reasons: Sequence[str]) -> None:
        self._bad_count += len(bad)
        for row, reason in zip(bad, reasons, strict=True):
            if len(self._bad_rows) < _BAD_ROWS:
                self._bad_rows.append(UnreadRow(rows_before + row + 1, clean(reason, 300)))


def _as_it_stands(table: "pa.Table") -> "pa.Table":
    """The table with its empty texts missing, so that an empty cell is written as an empty cell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [
        pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column) if is_text(column.type) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)


def _reasons(batch: RowBatch) -> "pa.Array":
    import pyarrow as pa

    reasons: list[str | None] = [None] * batch.count
    for row, reason in zip(batch.bad.tolist(), batch.reasons, strict=True):
        reasons[row] = reason
    return pa.array(reasons, pa.string())


def _check_replaces_nothing(info: TableInfo, out: Path) -> None:
    if (
        isinstance(info.source, FileSource)
        and Path(info.source.path).expanduser().absolute().resolve() == out.resolve()
    ):
        raise UsageError(
            "The predictions would replace the file that they are made from.",
            where=str(out),
            next_step="Choose another file to write to.",
        )


def _added_names(names: list[str], column: str, labels: list[Any], *, intervals: bool) -> tuple[str, ...]:
    added: list[str] = []
    first = column or PREDICTION
    ends = (f"{first} low", f"{first} high") if intervals else ()
    for wanted in (first, *(f"probability of {label}" for label in labels), *ends):
        added.append(_free(wanted, (*names, *added)))
    return tuple(added)


def _explained_names(taken: Sequence[str], count: int) -> tuple[str, ...]:
    added: list[str] = []
    for number in range(1, count + 1):
        for wanted in (f"contributor {number}", f"contribution {number}"):
            added.append(_free(wanted, (*taken, *added)))
    return tuple(added)


def _free(wanted: str, taken: Sequence[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} {number}", number + 1
    return name


def _free_name(info: TableInfo) -> Path:
    stem = describe_source(info.source).split(".", 1)[0].replace(" ", "-") or "rows"
    path, number = Path.cwd() / f"{stem}-predictions.csv", 2
    while path.exists():
        path, number = path.with_name(f"{stem}-predictions-{number}.csv"), number + 1
    return path
