"""What explains a model, as data that every surface can draw. Imports no numerical library.

Every part is bounded, so that a report stays small; a part that was not computed is empty or None.
"""

from typing import Literal, TypeAlias

import msgspec


class DependencePoint(msgspec.Struct, frozen=True):
    """The mean prediction if every row had `value` in a column, and the share of the rows that are near that value."""

    value: float | str  # a number; a level; a date as 2024-01-31; "" for a missing cell
    prediction: tuple[float, ...]  # a number, or the probability of each of `PartialDependence.classes`
    share: float


class PartialDependence(msgspec.Struct, frozen=True):
    """How the mean prediction changes with one column (Friedman 2001), at no more than 20 of its values."""

    column: str
    kind: Literal["number", "date", "level"]
    points: tuple[DependencePoint, ...]  # numbers and dates rising, levels the most frequent first
    classes: tuple[str, ...] = ()  # whose probabilities are predicted; empty for regression


class RocCurve(msgspec.Struct, frozen=True):
    """The share of a class's rows that are found, against that of the other rows that are taken for it."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    area: float


class PrecisionRecallCurve(msgspec.Struct, frozen=True):
    """The share of rows taken for a class that are of it, against the share of the class's rows that are found."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]
    average_precision: float


class CalibrationCurve(msgspec.Struct, frozen=True):
    """Rows in up to ten groups of equal size by their probability of a class: its mean, and the class's true share."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]


class ClassCurves(msgspec.Struct, frozen=True):
    """The curves of one class against all others, each of at most 100 points."""

    label: str
    roc: RocCurve
    precision_recall: PrecisionRecallCurve
    calibration: CalibrationCurve


class ClassScores(msgspec.Struct, frozen=True):
    """How well a class is told from the others; None where no row is of it, or none was predicted to be."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int  # rows of the class
    predicted: int  # rows predicted to be of it


class WorstRow(msgspec.Struct, frozen=True):
    """A row that the model predicts badly."""

    row: int  # of the table, counted from 1 without its header and without lines that could not be read
    truth: float | str
    predicted: float | str
    error: float  # truth minus prediction; of a class, 1 minus its probability


ErrorMeasure: TypeAlias = Literal["log loss", "error rate", "RMSE", "MAE"]


class WorstSlice(msgspec.Struct, frozen=True):
    """Rows that have something in common in one column, and that the model predicts worse than the others."""

    column: str
    values: str  # a level, a range such as "12 to 30", or "missing"
    rows: int
    error: float
    elsewhere: float  # the error on all other rows
    measure: ErrorMeasure
    p_value: float  # of no difference (Mann and Whitney), times the number of slices looked at (Bonferroni)
    expected: float | None = None  # the error that the model's own probabilities say; None for regression


class LearningPoint(msgspec.Struct, frozen=True):
    """The score of the best single recipe, fitted on so many rows."""

    rows: int
    score: float


class LearningCurve(msgspec.Struct, frozen=True):
    """The score on one fold by the number of rows fitted on, and the score that twice the rows would bring.

    The gain of a doubling is taken to shrink as it did from the last but one to the last (a power law); None where the
    scores rise and fall without an order.
    """

    points: tuple[LearningPoint, ...]  # the fewest rows first
    doubled: float | None = None
    doubled_low: float | None = None  # 90 % interval, from a bootstrap of the scored rows
    doubled_high: float | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What explains a model beside the importance of columns; measured where its score was measured."""

    columns: int = 0  # whose importance can be measured
    dependence: tuple[PartialDependence, ...] = ()  # of the most important columns
    curves: tuple[ClassCurves, ...] = ()  # of the event class of two, or of the most frequent ones
    classes: tuple[ClassScores, ...] = ()  # the most frequent first
    worst_rows: tuple[WorstRow, ...] = ()
    worst_slices: tuple[WorstSlice, ...] = ()
    learning_curve: LearningCurve | None = None
    trouble: str = ""  # why nothing was measured, where the work for it failed


BackgroundCells: TypeAlias = dict[str, tuple[float | str | None, ...]]
"""The cells of a few training rows by column, as `model.json` holds them; None is a missing cell."""
