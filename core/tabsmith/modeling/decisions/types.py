"""What is decided about a model's predictions, saved with the model; and how it was measured, for the report.

Imports no numerical library.
"""

from typing import Final, TypeAlias

import msgspec

from tabsmith.modeling.decisions.goals import LabelGoal
from tabsmith.modeling.decisions.label_rules import LabelRule, MostProbable

# Calibration ---------------------------------------------------------------------------------------------------------


class Uncalibrated(msgspec.Struct, frozen=True, tag="none", tag_field="method"):
    """Probabilities are as the ensemble gives them."""


class Temperature(msgspec.Struct, frozen=True, tag="temperature", tag_field="method"):
    """Probabilities are raised to the power 1 / temperature and made to sum to 1 (Guo et al. 2017)."""

    temperature: float


class Platt(msgspec.Struct, frozen=True, tag="platt", tag_field="method"):
    """The log-odds of the second of two classes are `slope` times those of the ensemble plus `intercept` (Platt 1999)."""

    slope: float
    intercept: float


class Isotonic(msgspec.Struct, frozen=True, tag="isotonic", tag_field="method"):
    """The probability of the second of two classes is read from a rising line through points (Zadrozny and Elkan 2002)."""

    given: tuple[float, ...]
    calibrated: tuple[float, ...]


Calibration: TypeAlias = Uncalibrated | Temperature | Platt | Isotonic
UNCALIBRATED: Final = Uncalibrated()


# Intervals -----------------------------------------------------------------------------------------------------------


LEVEL: Final = 0.9
"""The level of an interval unless another is asked for: the share of new rows whose number it holds."""


class NoIntervals(msgspec.Struct, frozen=True, tag="none", tag_field="kind"):
    """The model has no intervals: it predicts classes, or was saved before models had them."""


class Difficulty(msgspec.Struct, frozen=True):
    """How far off predictions are, by the predicted number: a line through points; none where it is the same everywhere."""

    predicted: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()


class Conformal(msgspec.Struct, frozen=True, tag="conformal", tag_field="kind"):
    """Intervals by the residuals of out-of-fold predictions, each divided by the difficulty of its row.

    `residuals` are sorted; of more than `conformal.MAX_RESIDUALS`, evenly spaced ones of `count`. With `positive`, no
    target was below 0, and no interval goes there.
    """

    residuals: tuple[float, ...]
    count: int
    difficulty: Difficulty = Difficulty()
    positive: bool = False


IntervalRule: TypeAlias = NoIntervals | Conformal


class Decisions(msgspec.Struct, frozen=True):
    """What is done with the ensemble's predictions: calibrated first; then made labels, or given intervals."""

    calibration: Calibration = UNCALIBRATED
    rule: LabelRule = MostProbable()
    intervals: IntervalRule = NoIntervals()


# How they were measured ----------------------------------------------------------------------------------------------


class CalibrationReport(msgspec.Struct, frozen=True):
    """Whether the probabilities are right; the curve itself is `Explanation.curves`.

    `gain` is how much the best calibration lowers the log loss of out-of-fold predictions when it is fitted on the other
    folds, with its standard error; it is applied only where the gain is beyond doubt. `expected_error` is the mean
    distance between probability and share on the test set, or out of fold where there is none: of the event class if
    there are two, else of each row's most probable class.
    """

    method: Calibration
    gain: float
    gain_error: float
    expected_error: float


class ThresholdReport(msgspec.Struct, frozen=True):
    """The threshold by which the event is predicted, and what it brings on the test set beside a threshold of 0.5.

    `score` and `score_at_half` are values of the goal's metric, None where it is undefined, or costs per 1,000 rows.
    """

    goal: LabelGoal
    threshold: float
    rows: int
    score: float | None
    score_at_half: float | None


class ClassWeight(msgspec.Struct, frozen=True):
    """How much the probability of a class counts when the label is chosen, beside the largest weight, which is 1."""

    label: str
    weight: float


class ClassWeightsReport(msgspec.Struct, frozen=True):
    """The weights by which one of several classes becomes the label, and what they bring on the test set.

    `score` and `score_unweighted`, that of the most probable class, are values of `metric`, None where it is undefined; or
    costs per 1,000 rows, where the goal is to cost least and `metric` is empty.
    """

    goal: LabelGoal
    metric: str
    weights: tuple[ClassWeight, ...]
    rows: int
    score: float | None
    score_unweighted: float | None


class IntervalsReport(msgspec.Struct, frozen=True):
    """Prediction intervals checked: how many rows of the test set are in theirs, and how wide they are on average."""

    level: float
    rows: int
    covered: int
    mean_width: float  # in the target's unit
    by_difficulty: bool  # whether the width follows the predicted number


class DecisionReport(msgspec.Struct, frozen=True):
    """What was decided about a model's predictions. None stands where there was nothing to decide or to measure."""

    event: str = ""  # the event class of two; empty otherwise, and for models saved before it was chosen
    calibration: CalibrationReport | None = None
    threshold: ThresholdReport | None = None
    class_weights: ClassWeightsReport | None = None  # of several classes
    intervals: IntervalsReport | None = None
