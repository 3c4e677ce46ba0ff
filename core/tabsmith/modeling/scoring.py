"""New rows that hold the target are scored: by the model's metrics, with the intervals that the hold-out has."""

import time
from typing import Any, Final, cast

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.holdout.predictions import HoldoutPredictions
from tabsmith.modeling.holdout.table import TargetReader, has_target
from tabsmith.modeling.metric_catalogue import reported_metrics
from tabsmith.modeling.new_rows import Cells, ColumnReader
from tabsmith.modeling.results import ModelReport, ModelScore, RowsScore, UnreadCells, UnseenLevels
from tabsmith.modeling.rows import RowArrays, TextColumn, cell_text
from tabsmith.modeling.training_data import ClassLabels

MAX_ROWS: Final = 200_000  # that are scored; of more, evenly spaced ones
_INTERVAL_SECONDS: Final = 5.0


class RowsScorer:
    """Gathers the truth and the predictions of new rows, batch by batch, and scores them at the end.

    Of rows beyond `MAX_ROWS` every second one is kept, then every fourth, so that memory stays bounded.
    """

    def __init__(self, report: ModelReport, labels: ClassLabels) -> None:
        target = report.schema.column(report.schema.target)
        self._report = report
        self._labels = labels
        words = [cell_text(label) for label in labels.classes]
        self._reader = TargetReader(target, words)
        weight = report.schema.weight
        self._weight_reader = ColumnReader(report.schema.column(weight), None) if weight else None
        self._weights: list[Floats] = []
        self._groups: dict[str, int] = {}
        self._truth: list[Ints | Floats] = []
        self._predictions: list[Floats] = []
        self._group_codes: list[Ints] = []
        self._stride = 1
        self._seen = 0

    @property
    def unread(self) -> UnreadCells:
        """The cells of the target that are no numbers."""
        return self._reader.unread

    @property
    def unseen(self) -> UnseenLevels:
        """The cells of the target that are none of the model's classes; their rows are not scored."""
        return self._reader.unseen

    def add(self, target: Cells, prediction: Floats, rows: RowArrays, weight: "Cells | None" = None) -> None:
        """Take the next rows: the target's cells, (rows, classes or 1) predictions, and the rows as they were read.

        `weight` holds the cells of the model's weight column, where the rows have it; a row without a positive weight is
        not scored then.
        """
        truth = self._reader.read(target)
        known = has_target(truth)
        known &= np.isfinite(prediction).all(axis=1)
        weights = np.empty(0)
        if weight is not None and self._weight_reader is not None:
            values = self._weight_reader.read(weight)
            assert not isinstance(values, TextColumn)
            weights = values.values
            known &= weights > 0
        kept = np.flatnonzero(known)
        kept = kept[(self._seen + np.arange(len(kept))) % self._stride == 0]
        self._seen += int(known.sum())
        self._truth.append(truth[kept])
        self._predictions.append(prediction[kept])
        if len(weights):
            self._weights.append(weights[kept])
        split = self._report.schema.split
        if split.kind == "grouped" and split.by in rows.columns:
            self._group_codes.append(self._group_positions(rows.texts(split.by))[kept])
        while sum(map(len, self._truth)) > MAX_ROWS:
            self._thin()

    def result(self) -> RowsScore | None:
        """The scores; None if no row holds a target that the model knows."""
        if not sum(map(len, self._truth)):
            return None
        y = cast("Ints | Floats", np.concatenate(self._truth))
        prediction = np.concatenate(self._predictions)
        measured = reported_metrics(self._report.metric, self._report.schema.problem_type)
        deadline = time.monotonic() + _INTERVAL_SECONDS
        intervals = metrics.bootstrap_intervals(
            measured,
            y,
            prediction,
            len(self._labels.classes),
            seed=0,
            groups=np.concatenate(self._group_codes) if self._group_codes else None,
            weights=np.concatenate(self._weights) if self._weights else None,
            enough=lambda: time.monotonic() >= deadline,
        )
        scores = tuple(
            ModelScore(each, interval.score, interval.low, interval.high)
            for each, interval in zip(measured, intervals, strict=True)
            if interval.score == interval.score
        )
        holdout = self._report.holdout
        weight = self._report.schema.weight if self._weights else ""
        return RowsScore(len(y), scores, holdout.scores if holdout is not None else (), weight=weight)

    def gathered(self) -> HoldoutPredictions | None:
        """The truth and the predictions of the rows that are scored; None if there are none."""
        if not sum(map(len, self._truth)):
            return None
        groups = np.concatenate(self._group_codes) if self._group_codes else None
        truth = cast("Ints | Floats", np.concatenate(self._truth))
        weights = np.concatenate(self._weights) if self._weights else None
        return HoldoutPredictions(truth, np.concatenate(self._predictions), groups, weights)

    def _group_positions(self, groups: TextColumn) -> Ints:
        """The group of each row, the same number in every batch; a row without one is in a group of all such rows."""
        positions = [self._groups.setdefault(level, len(self._groups)) for level in groups.levels]
        return np.asarray([*positions, -1], dtype=np.int64)[groups.codes]

    def _thin(self) -> None:
        """Keep every second of the rows."""
        lists: tuple[list[Any], ...] = (self._truth, self._predictions, self._group_codes, self._weights)
        for parts in lists:
            parts[:] = [np.concatenate(parts)[::2]] if parts else []
        self._stride *= 2
