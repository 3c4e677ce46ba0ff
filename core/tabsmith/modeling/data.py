"""A table made ready for training: rows with a target, the hold-out set aside, the folds fixed. Done once per run.

Nothing here starts a thread or an OpenMP region: the process that prepares is forked afterwards, once per fit.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tabsmith.errors import SchemaError, TrainingError
from tabsmith.modeling import splits
from tabsmith.modeling.labels import Labels, encode_classes, encode_numbers
from tabsmith.modeling.results import Metric
from tabsmith.modeling.rows import Floats, Ints, Rows, read_rows
from tabsmith.modeling.splits import Ground
from tabsmith.tables.schema import ColumnSchema, Schema, Task
from tabsmith.text import clean

if TYPE_CHECKING:
    from pandas import DataFrame

FEWEST_ROWS = 6
FEWEST_HELD_OUT = 5


@dataclass(frozen=True)
class Data:
    """Everything that fits and scores need, the same for every recipe of a run."""

    schema: Schema
    metric: Metric
    seed: int
    labels: Labels
    inputs: tuple[ColumnSchema, ...]  # the columns that models and derived columns may read
    rows: Rows  # for training and validation
    ground: Ground  # their targets, groups and times
    folds: tuple[tuple[Ints, Ints], ...]  # (rows to fit on, rows to score)
    held_rows: Rows
    held_ground: Ground
    without_target: int  # rows left out
    notes: tuple[str, ...]

    @property
    def task(self) -> Task:
        return self.schema.task

    @property
    def y(self) -> Ints | Floats:
        """Class positions, or numbers, of the training rows."""
        return self.ground.y

    @property
    def held_y(self) -> Ints | Floats:
        return self.held_ground.y

    @property
    def classes(self) -> int:
        """The number of classes; 0 for regression."""
        return len(self.labels.classes)

    @property
    def outputs(self) -> int:
        """The columns of a prediction: one per class, or 1."""
        return max(1, self.classes)

    @property
    def train_rows(self) -> int:
        return len(self.rows)

    @property
    def holdout_rows(self) -> int:
        return len(self.held_rows)

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Which training rows some fold predicts; all of them but in forward splits."""
        mask = np.zeros(len(self.rows), dtype=bool)
        for _, scored in self.folds:
            mask[scored] = True
        return mask

    @property
    def delivered_folds(self) -> tuple[int, ...]:
        """The folds whose models make up a finished model: all, or the later half of a forward split, whose models
        have seen the most and the latest rows."""
        count = len(self.folds)
        return tuple(range(count // 2 if self.ground.kind == "forward" else 0, count))


@dataclass(frozen=True)
class Conformed:
    """A frame cast to a schema's columns."""

    frame: "DataFrame"
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    unparsable: int


def input_columns(schema: Schema) -> tuple[ColumnSchema, ...]:
    """The columns that models and derived columns may read."""
    return tuple(column for column in schema.columns if column.role in ("feature", "time", "group"))


def conform(frame: "DataFrame", schema: Schema) -> Conformed:
    """`frame` cast to the kinds of the schema's input columns, in their order.

    A column that is missing holds missing values only, and a cell that cannot be read as its column's kind becomes
    one; both are counted, and so are columns that the schema does not know (the target is not one of them).
    """
    read = read_rows(frame, input_columns(schema))
    known = {column.name for column in schema.columns}
    extra = tuple(name for name in read.extra if name not in known)
    return Conformed(read.rows.frame(), read.missing, extra, sum(read.unparsable.values()))


def prepare(frame: "DataFrame", schema: Schema, metric: Metric, *, seed: int) -> Data:
    """Rows with a target, the hold-out set aside first and then the folds, both as the schema's split says.

    Raises SchemaError when the schema does not fit the frame, and TrainingError when the rows allow no validation.
    """
    _check(frame, schema, metric)
    notes: list[str] = []
    y, labels = _target(frame, schema, notes)
    inputs = input_columns(schema)
    read = read_rows(frame, inputs)
    notes += [
        f"{count} cells of {clean(name, 60)} are not of its kind and are taken as missing"
        for name, count in read.unparsable.items()
    ]
    ground, usable = _ground(schema, read.rows, y, notes)
    without_target = int((~_known(y)).sum())
    if without_target:
        notes.append(f"{without_target} rows without a target are left out")
    kept = np.flatnonzero(usable & _known(y))
    _check_rows(kept, y, schema)
    ground = ground.take(kept)
    train, held = _hold_out(ground, schema, seed, notes)
    ground, held_ground = ground.take(train), ground.take(held)
    return Data(
        schema=schema,
        metric=metric,
        seed=seed,
        labels=labels,
        inputs=inputs,
        rows=read.rows.take(kept[train]),
        ground=ground,
        folds=_folds(ground, schema, seed, notes),
        held_rows=read.rows.take(kept[held]),
        held_ground=held_ground,
        without_target=without_target,
        notes=tuple(notes),
    )


def _check(frame: "DataFrame", schema: Schema, metric: Metric) -> None:
    if schema.task == "none" or not schema.target:
        raise SchemaError("The schema names no target.", next_step="Choose the column to predict.")
    names = [str(name) for name in frame.columns]
    if schema.target not in names:
        raise SchemaError(
            f'The table has no column "{clean(schema.target, 60)}", which is the target.',
            next_step="Choose another target, or load the table again.",
        )
    if not any(column.role in ("feature", "time") for column in schema.columns):
        raise TrainingError(
            "No column is left to predict from.", next_step="Give at least one column the role feature."
        )
    if schema.task not in metric.tasks:
        raise SchemaError(
            f"The metric {metric.label} does not fit a {schema.task} task.", next_step="Choose another metric."
        )


def _target(frame: "DataFrame", schema: Schema, notes: list[str]) -> tuple[Ints | Floats, Labels]:
    series = frame.iloc[:, [str(name) for name in frame.columns].index(schema.target)]
    if schema.task == "regression":
        y, unread = encode_numbers(series)
        if unread:
            notes.append(f"{unread} targets are not numbers and are taken as missing")
        return y, Labels(())
    codes, labels = encode_classes(series)
    if schema.task == "binary" and len(labels.classes) > 2:
        raise SchemaError(
            f'The target "{clean(schema.target, 60)}" has {len(labels.classes)} classes, not two.',
            next_step="Choose the task multiclass.",
        )
    return codes, labels


def _known(y: Ints | Floats) -> npt.NDArray[np.bool_]:
    return ~np.isnan(y) if y.dtype.kind == "f" else np.asarray(y >= 0)


def _ground(schema: Schema, rows: Rows, y: Ints | Floats, notes: list[str]) -> tuple[Ground, npt.NDArray[np.bool_]]:
    """What the split goes by, and the rows that it can place."""
    split = schema.split
    usable = np.ones(len(y), dtype=bool)
    if split.kind in ("grouped", "forward") and split.by not in rows.columns:
        raise SchemaError(
            f'The {split.kind} split needs the column "{clean(split.by, 60)}" with the role '
            f"{'group' if split.kind == 'grouped' else 'time'}.",
            next_step="Choose the split's column again, or a random split.",
        )
    if split.kind == "grouped":
        codes = rows.texts(split.by).codes.copy()
        alone = codes < 0  # a row without a group is one of its own
        codes[alone] = codes.max(initial=0) + 1 + np.arange(int(alone.sum()))
        return Ground(split.kind, schema.task, y, codes, None), usable
    if split.kind == "forward":
        times = rows.floats(split.by)
        usable = ~np.isnan(times)
        if not usable.all():
            notes.append(f"{int((~usable).sum())} rows without a time are left out")
        return Ground(split.kind, schema.task, y, None, times), usable
    kind = "random" if schema.task == "regression" else split.kind
    return Ground(kind, schema.task, y, None, None), usable


def _check_rows(kept: Ints, y: Ints | Floats, schema: Schema) -> None:
    if len(kept) < FEWEST_ROWS:
        raise TrainingError(
            f"Only {len(kept)} rows have a target; training needs {FEWEST_ROWS} at the least.",
            next_step="Add rows, or choose another target.",
        )
    if len(np.unique(y[kept])) < 2:
        raise TrainingError(
            f'The target "{clean(schema.target, 60)}" has the same value in every row, so there is nothing to learn.',
            next_step="Choose another target.",
        )


def _hold_out(ground: Ground, schema: Schema, seed: int, notes: list[str]) -> tuple[Ints, Ints]:
    everything = np.arange(len(ground.y), dtype=np.int64)
    nothing = everything[:0]
    if schema.split.holdout <= 0:
        return everything, nothing
    if ground.groups is not None and len(np.unique(ground.groups)) < 3:
        raise TrainingError(
            f'The column "{clean(schema.split.by, 60)}" has fewer than three groups: one is needed each for fitting, '
            "for validation and for the hold-out.",
            next_step="Choose a random split, or another group column.",
        )
    train, held = splits.set_aside(ground, schema.split.holdout, seed)
    if len(held) < FEWEST_HELD_OUT or len(train) < FEWEST_ROWS:
        notes.append("no hold-out: the table is too small to spare one")
        return everything, nothing
    return train.astype(np.int64), held.astype(np.int64)


def _folds(ground: Ground, schema: Schema, seed: int, notes: list[str]) -> tuple[tuple[Ints, Ints], ...]:
    asked = max(2, schema.split.folds)
    count, said = splits.fold_count(ground, asked)
    notes += said
    if ground.times is None:
        return tuple((fit.astype(np.int64), scored.astype(np.int64)) for fit, scored in splits.cut(ground, count, seed))
    folds = splits.forward_folds(ground.times, count)
    if not folds:
        raise TrainingError(
            "All rows have the same time, so none comes before another.", next_step="Choose a random split."
        )
    return folds
