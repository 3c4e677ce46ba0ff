"""A sample of the training rows, each predicted by the fold models that have not seen it.

What many predictions are needed for is measured here and not on the hold-out: a row costs one fold model per member
instead of all of them, there are more rows, and the hold-out is opened once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.cross_validation import compute_derived_columns
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.types import UNCALIBRATED, Calibration
from tabsmith.modeling.ensemble import BaggedMember
from tabsmith.modeling.rows import ColumnValues, RowArrays
from tabsmith.modeling.training_data import TrainingData


@dataclass(frozen=True)
class OutOfFoldSample:
    """Rows in the order of the folds that predict them."""

    rows: RowArrays
    y: Ints | Floats
    positions: Ints  # of the rows among the training rows
    members: tuple[BaggedMember, ...]  # with the models of all folds, in the folds' order
    parts: tuple[slice, ...]  # the rows of each fold
    outputs: int
    weights: Floats | None = None  # how much each row counts; None where all count the same
    calibration: Calibration = UNCALIBRATED

    def __len__(self) -> int:
        return len(self.rows)

    def predict(self, rows: RowArrays) -> Floats:
        """(rows, classes or 1): the ensemble's calibrated prediction for the sampled rows, which `rows` may hold changed."""
        total = np.zeros((len(rows), self.outputs))
        for member in self.members:
            complete = rows.replaced(compute_derived_columns(rows, member.recipe)) if member.recipe.derived else rows
            for fold, part in enumerate(self.parts):
                if part.stop > part.start:
                    of_fold = complete.take(np.arange(part.start, part.stop))
                    total[part] += member.weight * member.models[fold].predict(of_fold)
        return calibrate(self.calibration, total)

    def predict_at(self, column: str, cells: ColumnValues, count: int) -> Floats:
        """(cells, rows, classes or 1): the predictions if every row had the first of the `count` cells in `column`, and
        so on."""
        found = np.empty((count, len(self), self.outputs))
        for fold, part in enumerate(self.parts):
            size = part.stop - part.start
            if not size:
                continue
            changed = cells.take(np.repeat(np.arange(count), size))
            rows = self.rows.take(np.tile(np.arange(part.start, part.stop), count)).replaced({column: changed})
            total = np.zeros((len(rows), self.outputs))
            for member in self.members:
                complete = rows.replaced(compute_derived_columns(rows, member.recipe))
                total += member.weight * member.models[fold].predict(complete)
            found[:, part] = calibrate(self.calibration, total).reshape(count, size, self.outputs)
        return found

    def first(self, count: int) -> "OutOfFoldSample":
        """About `count` of the rows, as many of each fold as its share of all."""
        share = min(1.0, count / max(1, len(self)))
        sizes = [max(1, round(share * (part.stop - part.start))) for part in self.parts]
        kept = [np.arange(part.start, part.stop)[:size] for part, size in zip(self.parts, sizes, strict=True)]
        index = np.concatenate(kept)
        return OutOfFoldSample(
            self.rows.take(index),
            self.y[index],
            self.positions[index],
            self.members,
            _spans(kept),
            self.outputs,
            metrics.taken(self.weights, index),
            self.calibration,
        )


def draw_sample(
    data: TrainingData,
    members: Sequence[BaggedMember],
    rows: int,
    generator: np.random.Generator,
    calibration: Calibration = UNCALIBRATED,
) -> OutOfFoldSample:
    """Up to about `rows` of the rows that the folds score, drawn at random, each fold by its share."""
    share = min(1.0, rows / max(1, data.train_rows))
    drawn = []
    for _, scored in data.folds:
        count = min(len(scored), max(1, round(share * len(scored))))
        drawn.append(generator.choice(scored, count, replace=False))
    index = np.concatenate(drawn)
    return OutOfFoldSample(
        data.rows.take(index),
        data.y[index],
        index,
        tuple(members),
        _spans(drawn),
        data.outputs,
        metrics.taken(data.weights, index),
        calibration,
    )


def _spans(parts: Sequence[Ints]) -> tuple[slice, ...]:
    """Where each part lies once all are put together."""
    return tuple(slice(start, end) for start, end in pairwise(np.cumsum([0, *map(len, parts)]).tolist()))
