"""A table of a person's own as the hold-out: read as new rows are read, checked against the rows that are trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import MissingColumnError, TrainingError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.column_matching import match_columns
from tabsmith.modeling.new_rows import Cells, ColumnReader, NewRowsReader
from tabsmith.modeling.results import UnreadCells, UnseenLevels
from tabsmith.modeling.row_batches import NewRows
from tabsmith.modeling.rows import ColumnValues, RowArrays, TextColumn, missing_column
from tabsmith.modeling.splits import SplitBasis
from tabsmith.tables.schema.types import ColumnSchema, Schema
from tabsmith.text import clean, plural

MIN_HOLDOUT_ROWS: Final = 5
_MAX_LEVELS: Final = 10_000  # of a category, by which new spellings and values are recognized
_NAMED: Final = 8  # columns in an error


@dataclass(frozen=True)
class HoldoutOrigin:
    """The table that a person gave to measure the model on."""

    source: str  # in a few words
    fingerprint: str


@dataclass(frozen=True)
class HoldoutTable:
    """The rows of such a table, still to be read."""

    origin: HoldoutOrigin
    rows: NewRows


@dataclass(frozen=True)
class HeldRows:
    """The rows of a hold-out table that can be measured on."""

    rows: RowArrays
    basis: SplitBasis  # their targets, groups and times
    weights: Floats | None  # as they stand in the table; None where the schema has no weight column
    positions: Ints  # in the hold-out table, counted from 0
    notes: tuple[str, ...]


class TargetReader:
    """Reads the target's cells of new rows: as positions among the model's `classes`, or as numbers where there are none."""

    def __init__(self, target: ColumnSchema, classes: Sequence[str]) -> None:
        self._classes = {word: position for position, word in enumerate(classes)}
        number = "embedded number" if target.kind == "embedded number" else "numeric"
        self._reader = ColumnReader(
            msgspec.structs.replace(target, kind="category" if classes else number), classes or None
        )

    def read(self, cells: Cells) -> Ints | Floats:
        """The targets of the next rows; -1 for a missing or unknown class, NaN for a missing number."""
        values = self._reader.read(cells)
        if not isinstance(values, TextColumn):
            return values.values
        positions = [self._classes.get(level, -1) for level in values.levels]
        return np.asarray([*positions, -1], dtype=np.int64)[values.codes]

    @property
    def unread(self) -> UnreadCells:
        """The cells that are no numbers."""
        return self._reader.unread

    @property
    def unseen(self) -> UnseenLevels:
        """The cells that are none of the model's classes."""
        return self._reader.unseen


def has_target(y: Ints | Floats) -> npt.NDArray[np.bool_]:
    """Which rows have a target: a number, or the position of a class."""
    return ~np.isnan(y) if y.dtype.kind == "f" else np.asarray(y >= 0)


def training_levels(rows: RowArrays, columns: Sequence[ColumnSchema]) -> dict[str, tuple[str, ...]]:
    """The levels of each category among the training rows, sorted; by them new rows are told to hold others. A category
    of very many levels is left out."""
    levels: dict[str, tuple[str, ...]] = {}
    for column in columns:
        if column.kind == "category" and column.role == "feature":
            texts = rows.texts(column.name)
            present = np.unique(texts.codes[texts.codes >= 0]).tolist()
            if len(present) <= _MAX_LEVELS:
                levels[column.name] = tuple(sorted(texts.levels[code] for code in present))
    return levels


def needed_columns(schema: Schema) -> tuple[str, ...]:
    """The names of the columns that a hold-out table must have: the target, the weight, and what models may read."""
    roles = ("target", "weight", "feature", "time", "group")
    return tuple(column.name for column in schema.columns if column.role in roles)


def read_holdout_table(
    table: HoldoutTable,
    schema: Schema,
    classes: Sequence[str],
    train: RowArrays,
    basis: SplitBasis,
    inputs: Sequence[ColumnSchema],
) -> HeldRows:
    """The rows of `table`, each cell read as at prediction, without those that nothing can be measured on.

    `train` are the training rows, split by `basis`; `classes` are those of the target, as text. No column's importance
    is known before training, so every column that the model may read has to be there. Raises MissingColumnError where
    one is not, and TrainingError where too few rows are left.
    """
    _require_columns(table, schema)
    named = table.rows.names
    weight = schema.weight
    found = match_columns([schema.target, *([weight] if weight else [])], named).positions
    reader = NewRowsReader(inputs, named, training_levels(train, inputs))
    target = TargetReader(schema.column(schema.target), classes)
    weigher = ColumnReader(schema.column(weight), None) if weight else None
    parts: list[RowArrays] = []
    truth: list[Ints | Floats] = []
    weights: list[ColumnValues] = []
    unreadable: list[Ints] = []
    start = 0
    for batch in table.rows.batches:
        parts.append(reader.read(batch.cells, batch.count))
        truth.append(target.read(batch.cells[found[schema.target]]))
        if weigher is not None:
            weights.append(weigher.read(batch.cells[found[weight]]))
        unreadable.append(start + batch.bad)
        start += batch.count
    rows = _joined(parts, inputs)
    y = cast("Ints | Floats", np.concatenate(truth))
    usable = np.ones(len(rows), dtype=bool)
    notes = [str(each) for each in (*reader.unread, *reader.unseen)]

    def leave_out(excluded: npt.NDArray[np.bool_], why: str) -> None:
        count = int((excluded & usable).sum())
        if count:
            notes.append(f"{plural(count, 'row')} {why} {'is' if count == 1 else 'are'} left out")
        usable[excluded] = False

    bad = np.zeros(len(rows), dtype=bool)
    bad[np.concatenate(unreadable)] = True
    leave_out(bad, "that could not be read")
    if target.unseen.count:
        notes.append(str(target.unseen))
    leave_out(~has_target(y), "without a target that is known from training")
    values: Floats | None = None
    if weights:
        values = np.concatenate([each.values for each in weights if not isinstance(each, TextColumn)])
        leave_out(~(values > 0), "without a weight above 0")
    times = rows.floats(schema.split.by) if basis.times is not None else None
    if times is not None:
        leave_out(np.isnan(times), "without a time")
    kept = np.flatnonzero(usable)
    if len(kept) < MIN_HOLDOUT_ROWS:
        raise TrainingError(
            f"Only {plural(len(kept), 'row')} of the test set can be measured on; at least {MIN_HOLDOUT_ROWS} are needed."
            + (f" {'; '.join(notes)}." if notes else ""),
            where=table.origin.source,
            next_step="Give a test set with more rows whose target is known, or train without --test.",
        )
    groups = _groups(rows, schema) if basis.kind == "grouped" else None
    held = SplitBasis(basis.kind, basis.task, y, groups, times).take(kept)
    rows = rows.take(kept)
    notes += _leaks(train, basis, rows, held, schema)
    return HeldRows(
        rows=rows,
        basis=held,
        weights=None if values is None else values[kept],
        positions=kept,
        notes=tuple(f"test set: {note}" for note in notes),
    )


def _require_columns(table: HoldoutTable, schema: Schema) -> None:
    missing = match_columns(needed_columns(schema), table.rows.names).missing
    if not missing:
        return
    listed = ", ".join(f'"{clean(name, 60)}"' for name in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    target = ", the target among them" if schema.target in missing and len(missing) > 1 else ""
    raise MissingColumnError(
        f"The test set lacks {plural(len(missing), 'column')} of the table{target}: {listed}{more}.",
        where=table.origin.source,
        next_step="Add what is missing to it, or give columns that no new row will have the role ignore.",
    )


def _joined(parts: Sequence[RowArrays], inputs: Sequence[ColumnSchema]) -> RowArrays:
    rows = parts[0] if parts else RowArrays(0, {column.name: missing_column(column.kind, 0) for column in inputs})
    for part in parts[1:]:
        rows = rows.joined(part)
    return rows


def _groups(rows: RowArrays, schema: Schema) -> Ints:
    """The group of each row; a row without a group is a group of its own."""
    codes = rows.texts(schema.split.by).codes.copy()
    alone = codes < 0
    codes[alone] = codes.max(initial=0) + 1 + np.arange(int(alone.sum()))
    return codes


def _leaks(
    train: RowArrays, basis: SplitBasis, held: RowArrays, held_basis: SplitBasis, schema: Schema
) -> tuple[str, ...]:
    """What makes the score on the test set look better than the model is: rows, groups and times that it shares with
    the training rows."""
    notes: list[str] = []
    copies = _copies(train, basis.y, held, held_basis.y, schema)
    if copies:
        notes.append(
            f"{plural(copies, 'row')} identical to a training row, target included: the score on them is too good"
        )
    if basis.kind == "grouped":
        known, own = (rows.texts(schema.split.by) for rows in (train, held))
        seen = {known.levels[code] for code in np.unique(known.codes[known.codes >= 0]).tolist()}
        shared = np.asarray([*(level in seen for level in own.levels), False], dtype=bool)[own.codes]
        if shared.any():
            notes.append(
                f"{plural(int(shared.sum()), 'row')} of a {clean(schema.split.by, 60)} that the training rows have too"
            )
    if basis.times is not None and held_basis.times is not None:
        early = int((held_basis.times <= basis.times.max()).sum())
        if early:
            notes.append(f"{plural(early, 'row')} no later than the last training row")
    return tuple(notes)


def _copies(train: RowArrays, y: Ints | Floats, held: RowArrays, held_y: Ints | Floats, schema: Schema) -> int:
    """The number of held rows that a training row equals in every feature and in the target."""
    import pandas as pd

    both = train.joined(held)
    cells = {str(place): both.comparable(column.name) for place, column in enumerate(schema.features)}
    cells["y"] = np.concatenate([y, held_y]).astype(np.float64)
    hashes = pd.util.hash_pandas_object(pd.DataFrame(cells), index=False).to_numpy()
    return int(np.isin(hashes[len(train) :], hashes[: len(train)]).sum())
