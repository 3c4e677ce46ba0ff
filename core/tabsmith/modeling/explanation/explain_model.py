"""A model explained once it is measured: what its report says of why it predicts what it does, and where it errs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.decisions.types import Decisions
from tabsmith.modeling.ensemble import BaggedMember
from tabsmith.modeling.explanation.curves import class_curves, class_scores
from tabsmith.modeling.explanation.dependence import partial_dependence
from tabsmith.modeling.explanation.errors import worst_rows, worst_slices
from tabsmith.modeling.explanation.importance import MAX_ROWS, column_importance, measurable_columns
from tabsmith.modeling.explanation.out_of_fold import draw_sample
from tabsmith.modeling.explanation.types import ClassCurves, ClassScores, Explanation, LearningCurve
from tabsmith.modeling.results import ColumnImportance
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import TrainingData

SLICES_SHARE: Final = 0.2  # of the time at the most, which thousands of columns take
IMPORTANCE_SHARE: Final = 0.6  # of the time then left; partial dependence takes the rest
_MAX_SLICED_ROWS: Final = 50_000


@dataclass(frozen=True)
class MeasuredRows:
    """The rows that a model was measured on, with its predictions: the hold-out, or where there is none the training
    rows that the folds score."""

    rows: RowArrays
    y: Ints | Floats
    prediction: Floats  # (rows, classes or 1)
    positions: Ints  # in the table, counted from 0
    decisions: Decisions  # by which predictions are calibrated and made labels


def holdout_rows(data: TrainingData, prediction: Floats, decisions: Decisions) -> MeasuredRows:
    """The hold-out with the calibrated `prediction` of its rows."""
    return MeasuredRows(data.held_rows, data.held_y, prediction, data.held_positions, decisions)


class Explained(msgspec.Struct, frozen=True):
    """The importance of columns, most important first, and the rest."""

    importance: tuple[ColumnImportance, ...] = ()
    explanation: Explanation = Explanation()


def explain_model(
    data: TrainingData,
    members: tuple[BaggedMember, ...],
    measured: MeasuredRows,
    *,
    deadline: float,
    learning_curve: Callable[[], LearningCurve | None],
) -> Explained:
    """Explain the model that was measured on `measured`; `members` hold its models of all folds, in the folds' order.

    `deadline` is a time of time.monotonic(), at which what is not measured yet is left out. `learning_curve` is measured
    last.
    """
    generator = np.random.default_rng(data.seed)
    words, rule = data.labels.words(), measured.decisions.rule
    worst = worst_rows(measured.y, measured.prediction, words, measured.positions, rule)
    names = measurable_columns(data)
    sliced = _few(measured, generator)
    slices_end = time.monotonic() + SLICES_SHARE * (deadline - time.monotonic())
    slices = worst_slices(
        sliced.rows,
        names,
        sliced.y,
        sliced.prediction,
        data.metric.about(data.metric.event, rule),
        enough=lambda: time.monotonic() >= slices_end,
    )
    curves: tuple[ClassCurves, ...] = ()
    scores: tuple[ClassScores, ...] = ()
    if data.classes:
        truth = measured.y.astype(np.int64)
        curves = class_curves(truth, measured.prediction, words, data.metric.event)
        scores = class_scores(truth, choose_labels(rule, measured.prediction), words)
    sample = draw_sample(data, members, MAX_ROWS, generator, measured.decisions.calibration)
    importance_end = time.monotonic() + IMPORTANCE_SHARE * (deadline - time.monotonic())
    importance = column_importance(data, sample, generator=generator, enough=lambda: time.monotonic() >= importance_end)
    dependence = partial_dependence(
        data, sample, [column.column for column in importance], enough=lambda: time.monotonic() >= deadline
    )
    return Explained(
        importance,
        Explanation(
            columns=len(names),
            dependence=dependence,
            curves=curves,
            classes=scores,
            worst_rows=worst,
            worst_slices=slices,
            learning_curve=learning_curve(),
        ),
    )


def _few(measured: MeasuredRows, generator: np.random.Generator) -> MeasuredRows:
    """The measured rows, or as many of them as are looked at for slices."""
    if len(measured.rows) <= _MAX_SLICED_ROWS:
        return measured
    index = np.sort(generator.choice(len(measured.rows), _MAX_SLICED_ROWS, replace=False))
    return MeasuredRows(
        measured.rows.take(index),
        measured.y[index],
        measured.prediction[index],
        measured.positions[index],
        measured.decisions,
    )
