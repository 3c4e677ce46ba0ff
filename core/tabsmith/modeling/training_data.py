"""A table made ready for training: rows with a target, the hold-out set aside, the folds fixed. Done once per run.

This module starts no thread and no OpenMP region: the process that prepares is forked afterwards, once per fit.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import SchemaError, TrainingError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import splits
from tabsmith.modeling.decisions.goals import (
    AUTOMATIC,
    CostByClass,
    LabelGoal,
    check_goal,
)
from tabsmith.modeling.decisions.thresholds import search_rule
from tabsmith.modeling.holdout.table import (
    MIN_HOLDOUT_ROWS,
    HoldoutOrigin,
    HoldoutTable,
    has_target,
    read_holdout_table,
)
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.metrics import require_defined
from tabsmith.modeling.results import TableSample
from tabsmith.modeling.rows import RowArrays, cell_text, read_rows, to_floats
from tabsmith.modeling.splits import SplitBasis
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema.embedded_numbers import embedded_number
from tabsmith.tables.schema.event import choose_event, find_class, find_event
from tabsmith.tables.schema.readiness import MIN_ROWS
from tabsmith.tables.schema.repeats import find_copies
from tabsmith.tables.schema.types import ColumnSchema, ProblemType, Schema, Split
from tabsmith.text import clean, plural

if TYPE_CHECKING:
    from pandas import DataFrame, Series


Label: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """The classes in the order of the probabilities' columns, in the type they came in; empty for regression."""

    classes: tuple[Label, ...]

    def decode(self, codes: Ints) -> npt.NDArray[Any]:
        """The labels at class positions."""
        return self.array()[codes]

    def array(self) -> npt.NDArray[Any]:
        """The classes as a numpy array of their own type; texts as objects."""
        textual = any(isinstance(label, str) for label in self.classes)
        return np.asarray(self.classes, dtype=object if textual else None)

    def words(self) -> tuple[str, ...]:
        """The classes as text."""
        return tuple(str(label) for label in self.classes)


def encode_classes(series: "Series[Any]") -> tuple[Ints, ClassLabels]:
    """The position of each cell's class, -1 where the label is missing; and the classes, sorted."""
    import pandas as pd

    codes, values = pd.factorize(series.array)
    labels: list[Label] = [_label(value) for value in values.tolist()]
    floats = [label for label in labels if isinstance(label, float)]
    # Integers beside missing cells arrive as floats.
    if len(floats) == len(labels) and (codes < 0).any() and all(label.is_integer() for label in floats):
        labels = [int(label) for label in floats]
    if len({type(label) for label in labels}) > 1:
        labels = [str(label) for label in labels]
    classes = tuple(sorted(set(labels)))  # all of one type by now
    positions = {label: position for position, label in enumerate(classes)}
    table = np.asarray([*(positions[label] for label in labels), -1], dtype=np.int64)
    return table[codes], ClassLabels(classes)


def _label(value: object) -> Label:
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float | str) else str(value)


_NAMED_ROWS = 8  # in an error
_MUCH_MORE = 1.5  # times the share that was asked for, from which the size of a test set is told


@dataclass(frozen=True)
class WholeTable:
    """The table that the rows are a sample of, on disk."""

    info: TableInfo
    sample: TableSample
    in_batches: bool  # whether models of all rows are fitted from there, by the families that can


@dataclass(frozen=True)
class TrainingData:
    """Everything that fitting and scoring need, the same for every recipe of a run."""

    schema: Schema
    metric: Metric
    seed: int
    labels: ClassLabels
    inputs: tuple[ColumnSchema, ...]  # the columns that models and derived columns may read
    rows: RowArrays  # for training and validation
    basis: SplitBasis  # the targets, groups and times of `rows`
    folds: tuple[tuple[Ints, Ints], ...]  # (rows to fit on, rows to score)
    held_rows: RowArrays
    holdout_basis: SplitBasis
    notes: tuple[str, ...]
    positions: Ints  # of `rows` in the table, counted from 0
    held_positions: Ints  # of `held_rows`
    goal: LabelGoal = AUTOMATIC  # what the labels of classes are to be good for
    weights: Floats | None = None  # of the training rows, with mean 1; None where all rows count the same
    holdout_weights: Floats | None = None  # in the same unit
    own_holdout: HoldoutOrigin | None = None  # that `held_rows` are from; None if they are rows of the same table
    whole: WholeTable | None = None  # that these rows are a sample of; None if they are all rows

    @property
    def task(self) -> ProblemType:
        return self.schema.problem_type

    @property
    def y(self) -> Ints | Floats:
        """Class positions, or numbers, of the training rows."""
        return self.basis.y

    @property
    def held_y(self) -> Ints | Floats:
        return self.holdout_basis.y

    @property
    def classes(self) -> int:
        """The number of classes; 0 for regression."""
        return len(self.labels.classes)

    @property
    def outputs(self) -> int:
        """The columns of a prediction: one per class, or 1."""
        return max(1, self.classes)

    @property
    def class_costs(self) -> Floats:
        """(classes,) what a row costs that is not recognised, by its class; 1 unless the goal says otherwise."""
        costs = np.ones(self.classes)
        if isinstance(self.goal, CostByClass):
            words = [cell_text(label) for label in self.labels.classes]
            for name, cost in self.goal.costs:
                costs[find_class(name, words, self.schema.target)] = cost
        return costs

    @property
    def train_rows(self) -> int:
        return len(self.rows)

    @property
    def holdout_rows(self) -> int:
        return len(self.held_rows)

    @property
    def all_rows(self) -> int:
        """The number of rows that a delivered model may learn from, those of `with_holdout`."""
        return self.train_rows + (self.holdout_rows if self.own_holdout is None else 0)

    @property
    def covered(self) -> npt.NDArray[np.bool_]:
        """Which training rows some fold predicts; all of them but in forward splits."""
        mask = np.zeros(len(self.rows), dtype=bool)
        for _, scored in self.folds:
            mask[scored] = True
        return mask

    def sampled(self, whole: WholeTable, drawn: Ints, note: str = "") -> "TrainingData":
        """The same data as a sample of a larger table, in which its rows stand at the positions `drawn`; `note` says so."""
        return replace(
            self,
            whole=whole,
            notes=(*self.notes, note) if note else self.notes,
            positions=drawn[self.positions],
            held_positions=drawn[self.held_positions] if self.own_holdout is None else self.held_positions,
        )

    def with_holdout(self) -> "TrainingData":
        """The same data with the hold-out among the rows to train on, and without folds: what a model that is already
        measured is fitted to.

        A table of a person's own is never learned from: whoever keeps a test set apart means to measure later models on
        it too, and compares them with each other; it may also be of another time or place than the rows that the model
        is for. Then these are the training rows alone.
        """
        if self.own_holdout is not None:
            return replace(
                self,
                folds=(),
                held_rows=self.held_rows.take(np.arange(0)),
                holdout_basis=self.holdout_basis.take(np.arange(0)),
                held_positions=self.held_positions[:0],
                holdout_weights=None,
            )
        both = self.weights is not None and self.holdout_weights is not None
        weights = np.concatenate([self.weights, self.holdout_weights]) if both else self.weights
        return replace(
            self,
            rows=self.rows.joined(self.held_rows),
            basis=self.basis.joined(self.holdout_basis),
            folds=(),
            held_rows=self.held_rows.take(np.arange(0)),
            holdout_basis=self.holdout_basis.take(np.arange(0)),
            positions=np.concatenate([self.positions, self.held_positions]),
            held_positions=self.held_positions[:0],
            weights=weights,
            holdout_weights=None,
        )

    @property
    def delivered_folds(self) -> tuple[int, ...]:
        """The folds whose models make up a finished model: all, or the later half of a forward split, whose models
        have seen the most and the latest rows."""
        count = len(self.folds)
        return tuple(range(count // 2 if self.basis.kind == "forward" else 0, count))


def input_columns(schema: Schema) -> tuple[ColumnSchema, ...]:
    """The columns that models and derived columns may read."""
    return tuple(column for column in schema.columns if column.role in ("feature", "time", "group"))


def prepare_training_data(
    frame: "DataFrame",
    schema: Schema,
    metric: Metric,
    *,
    seed: int,
    goal: LabelGoal = AUTOMATIC,
    folds_in_time: int = 0,
    holdout_table: HoldoutTable | None = None,
) -> TrainingData:
    """Rows with a target, the hold-out set aside first and then the folds, both as the schema's split says; of more than
    `folds_in_time` folds only so many, if it is given. With a `holdout_table`, that is the hold-out, and no rows of the
    frame are set aside.

    Raises SchemaError when the schema does not fit the frame, TrainingError when the rows allow no validation, and
    MissingColumnError when the hold-out table lacks a column.
    """
    _check_schema(frame, schema, metric, goal)
    notes: list[str] = []
    y, labels = _target(frame, schema, notes)
    inputs = input_columns(schema)
    read = read_rows(frame, inputs)
    notes += [
        f"{count} cells of {clean(name, 60)} do not fit its kind and are treated as missing"
        for name, count in read.unparsable.items()
    ]
    basis, usable = _split_basis(schema, read.rows, y, notes)
    without_target = int((~has_target(y)).sum())
    if without_target:
        notes.append(f"{without_target} rows without a target are left out")
    kept = np.flatnonzero(usable & has_target(y))
    _check_rows(kept, y, schema)
    require_defined(metric, y[kept])
    basis = _with_copies(basis.take(kept), read.rows.take(kept), schema, notes)
    weights, unit = _row_weights(frame, schema, kept), 1.0
    split = schema.split if holdout_table is None else msgspec.structs.replace(schema.split, holdout=0.0)
    train, held = _split_holdout(basis, split, seed, notes)
    if weights is not None:
        notes.append(f"rows count by {clean(schema.weight, 60)}, in every fit and every score")
        unit = weights[train].mean()
        weights = weights / unit
    basis, holdout_basis = basis.take(train), basis.take(held)
    data = TrainingData(
        schema=schema,
        metric=_about_event(metric, schema, y[kept[train]], labels, goal),
        seed=seed,
        labels=labels,
        inputs=inputs,
        rows=read.rows.take(kept[train]),
        basis=basis,
        folds=_folds(basis, schema, seed, folds_in_time, notes),
        held_rows=read.rows.take(kept[held]),
        holdout_basis=holdout_basis,
        notes=tuple(notes),
        goal=goal,
        weights=None if weights is None else weights[train],
        holdout_weights=None if weights is None else weights[held],
        positions=kept[train],
        held_positions=kept[held],
    )
    _ = data.class_costs  # raises SchemaError for a cost of a class that the target does not have
    return data if holdout_table is None else _measured_on(data, holdout_table, unit)


def _measured_on(data: TrainingData, table: HoldoutTable, unit: float) -> TrainingData:
    """`data` with the rows of `table` as its hold-out; weights are divided by `unit`."""
    words = [cell_text(label) for label in data.labels.classes]
    held = read_holdout_table(table, data.schema, words, data.rows, data.basis, data.inputs)
    return replace(
        data,
        held_rows=held.rows,
        holdout_basis=held.basis,
        holdout_weights=None if held.weights is None else held.weights / unit,
        held_positions=held.positions,
        own_holdout=table.origin,
        notes=(
            *data.notes,
            f"the test set is {clean(table.origin.source, 60)}, which no model learns from",
            *held.notes,
        ),
    )


def _check_schema(frame: "DataFrame", schema: Schema, metric: Metric, goal: LabelGoal) -> None:
    if schema.problem_type == "none" or not schema.target:
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
    check_goal(goal, schema.problem_type)
    if schema.problem_type not in metric.tasks:
        raise SchemaError(
            f"The metric {metric.label} does not fit a {schema.problem_type} task.", next_step="Choose another metric."
        )


def _target(frame: "DataFrame", schema: Schema, notes: list[str]) -> tuple[Ints | Floats, ClassLabels]:
    series = frame.iloc[:, [str(name) for name in frame.columns].index(schema.target)]
    if schema.problem_type == "regression":
        embedded = schema.column(schema.target).kind == "embedded number"
        y, unread = to_floats(series, embedded_number if embedded else None)
        if unread:
            notes.append(f"{unread} targets are not numbers and are treated as missing")
        return y, ClassLabels(())
    codes, labels = encode_classes(series)
    if schema.problem_type == "binary" and len(labels.classes) > 2:
        raise SchemaError(
            f'The target "{clean(schema.target, 60)}" has {len(labels.classes)} classes, not two.',
            next_step="Choose the task multiclass.",
        )
    return codes, labels


def _about_event(metric: Metric, schema: Schema, y: Ints | Floats, labels: ClassLabels, goal: LabelGoal) -> Metric:
    """`metric` for the event class of two, and by labels that tell recipes apart where the event is rare; as it is where
    there are not two classes. Raises SchemaError for an event that is no class."""
    if len(labels.classes) != 2:
        return metric
    words = [cell_text(label) for label in labels.classes]
    counts = np.bincount(y.astype(np.int64), minlength=2)
    if schema.event:
        event = find_event(schema.event, words, schema.target)
    else:
        event = choose_event(words, counts.tolist()).position
    metric = metric.about(event)
    return metric.about(event, search_rule(goal, metric, float(counts[event] / counts.sum())))


def _row_weights(frame: "DataFrame", schema: Schema, kept: Ints) -> Floats | None:
    """How much each of the rows `kept` counts; None without a weight column. Raises SchemaError."""
    name = schema.weight
    if not name:
        return None
    values = read_rows(frame, [schema.column(name)]).rows.floats(name)[kept]
    wrong = kept[~(values > 0)]  # a missing weight is NaN
    if len(wrong):
        listed = ", ".join(str(row + 1) for row in wrong[:_NAMED_ROWS].tolist())
        raise SchemaError(
            f"{plural(len(wrong), 'row')} {'has' if len(wrong) == 1 else 'have'} no positive number in the weight column "
            f'"{clean(name, 60)}": row {listed}{" ..." if len(wrong) > _NAMED_ROWS else ""}.',
            next_step="Give these rows a weight above 0, leave them out of the table, or give the column another role.",
        )
    return values


def _split_basis(
    schema: Schema, rows: RowArrays, y: Ints | Floats, notes: list[str]
) -> tuple[SplitBasis, npt.NDArray[np.bool_]]:
    """What the rows are split by, and a mask of the rows that the split can place."""
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
        no_group = codes < 0  # a row without a group is a group of its own
        codes[no_group] = codes.max(initial=0) + 1 + np.arange(int(no_group.sum()))
        return SplitBasis(split.kind, schema.problem_type, y, codes, None), usable
    if split.kind == "forward":
        times = rows.floats(split.by)
        usable = ~np.isnan(times)
        if not usable.all():
            notes.append(f"{int((~usable).sum())} rows without a time are left out")
        return SplitBasis(split.kind, schema.problem_type, y, None, times), usable
    kind = "random" if schema.problem_type == "regression" else split.kind
    return SplitBasis(kind, schema.problem_type, y, None, None), usable


def _with_copies(basis: SplitBasis, rows: RowArrays, schema: Schema, notes: list[str]) -> SplitBasis:
    """`basis` with copies of a row in one group, unless rows are grouped or ordered by a column anyway."""
    if basis.kind in ("grouped", "forward"):
        return basis
    features = [rows.comparable(column.name) for column in schema.features]
    copies = find_copies(features, basis.y.astype(np.float64))
    if copies is None:
        return basis
    notes.append(
        f"{plural(copies.copies, 'row')} identical to an earlier row in every feature; copies stay together in one part of the split"
    )
    return replace(basis, groups=copies.groups)


def _check_rows(kept: Ints, y: Ints | Floats, schema: Schema) -> None:
    if len(kept) < MIN_ROWS:
        raise TrainingError(
            f"Only {len(kept)} rows have a target; training needs at least {MIN_ROWS}.",
            next_step="Add rows, or choose another target.",
        )
    if len(np.unique(y[kept])) < 2:
        raise TrainingError(
            f'The target "{clean(schema.target, 60)}" has the same value in every row, so there is nothing to learn.',
            next_step="Choose another target.",
        )


def _split_holdout(basis: SplitBasis, split: Split, seed: int, notes: list[str]) -> tuple[Ints, Ints]:
    all_rows = np.arange(len(basis.y), dtype=np.int64)
    no_rows = all_rows[:0]
    if split.holdout <= 0:
        return all_rows, no_rows
    if split.kind == "grouped" and basis.groups is not None and len(np.unique(basis.groups)) < 3:
        raise TrainingError(
            f'The column "{clean(split.by, 60)}" has fewer than three groups: one is needed each for fitting, '
            "for validation and for the test set.",
            next_step="Choose a random split, or another group column.",
        )
    train, held = splits.split_holdout(basis, split.holdout, seed)
    if len(held) < MIN_HOLDOUT_ROWS or len(train) < MIN_ROWS:
        notes.append("no test set: the table is too small to spare one")
        return all_rows, no_rows
    if len(held) > _MUCH_MORE * split.holdout * len(all_rows):
        together = (
            "a group" if split.kind == "grouped" else "one time" if split.kind == "forward" else "copies of each other"
        )
        notes.append(
            f"the test set has {len(held) / len(all_rows):.0%} of the rows instead of {split.holdout:.0%}, because the rows of "
            f"{together} stay together"
        )
    return train.astype(np.int64), held.astype(np.int64)


def _folds(
    basis: SplitBasis, schema: Schema, seed: int, folds_in_time: int, notes: list[str]
) -> tuple[tuple[Ints, Ints], ...]:
    asked = max(2, schema.split.folds)
    if 2 <= folds_in_time < asked:
        notes.append(f"{folds_in_time} folds instead of {asked}, so that there is time for several recipes")
        asked = folds_in_time
    count, fold_notes = splits.fold_count(basis, asked)
    notes += fold_notes
    if basis.times is None:
        return tuple(
            (fit.astype(np.int64), scored.astype(np.int64)) for fit, scored in splits.kfold_parts(basis, count, seed)
        )
    folds = splits.forward_folds(basis.times, count)
    if not folds:
        raise TrainingError(
            "All rows have the same time, so no row comes before another.", next_step="Choose a random split."
        )
    return folds
