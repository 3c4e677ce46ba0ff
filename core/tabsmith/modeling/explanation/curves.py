"""Curves of a classifier: receiver operating characteristic, precision and recall, calibration; and scores by class."""

from typing import Final

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.explanation.types import (
    CalibrationCurve,
    ClassCurves,
    ClassScores,
    PrecisionRecallCurve,
    RocCurve,
)

MAX_POINTS: Final = 100
MAX_CURVES: Final = 6  # classes
MAX_CLASSES: Final = 50  # whose scores are kept
GROUPS: Final = 10  # of a calibration curve
_ROWS_PER_GROUP: Final = 10


def class_curves(y: Ints, prediction: Floats, labels: tuple[str, ...], event: int) -> tuple[ClassCurves, ...]:
    """The curves of the event class of two, or of each of the six most frequent ones against all others.

    `y` holds class positions and `prediction` probabilities (rows, classes). A class that no row, or every row, is of
    has no curves.
    """
    counts = np.bincount(y, minlength=len(labels))
    drawn = [event] if len(labels) == 2 else np.argsort(-counts, kind="stable")[:MAX_CURVES].tolist()
    return tuple(
        _curves(labels[position], y == position, prediction[:, position])
        for position in drawn
        if 0 < counts[position] < len(y)
    )


def class_scores(y: Ints, predicted: Ints, labels: tuple[str, ...]) -> tuple[ClassScores, ...]:
    """Precision, recall, F1 and rows of the fifty most frequent classes; `y` and `predicted` hold class positions."""
    support = np.bincount(y, minlength=len(labels))
    taken = np.bincount(predicted, minlength=len(labels))
    right = np.bincount(y[y == predicted], minlength=len(labels))
    order = np.argsort(-support, kind="stable")[:MAX_CLASSES].tolist()
    return tuple(
        ClassScores(
            label=labels[place],
            precision=_share(right[place], taken[place]),
            recall=_share(right[place], support[place]),
            f1=_share(2 * right[place], support[place] + taken[place]),
            support=int(support[place]),
            predicted=int(taken[place]),
        )
        for place in order
    )


def _share(part: int, whole: int) -> float | None:
    return _rounded(part / whole) if whole else None


def _curves(label: str, positive: npt.NDArray[np.bool_], probability: Floats) -> ClassCurves:
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    false_rate, true_rate, _ = roc_curve(positive, probability)
    precision, recall, _ = precision_recall_curve(positive, probability)
    kept, shown = _spread(false_rate, true_rate), _spread(recall, precision)
    return ClassCurves(
        label,
        RocCurve(_numbers(false_rate[kept]), _numbers(true_rate[kept]), _rounded(auc(false_rate, true_rate))),
        PrecisionRecallCurve(
            _numbers(recall[shown]),
            _numbers(precision[shown]),
            _rounded(average_precision_score(positive, probability)),
        ),
        _calibration(positive, probability),
    )


def _spread(x: Floats, y: Floats) -> Ints:
    """Positions of up to 100 points of a curve, evenly spaced along it, its ends among them."""
    if len(x) <= MAX_POINTS:
        return np.arange(len(x))
    walked = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0.0, walked[-1], MAX_POINTS)
    kept = np.minimum(np.searchsorted(walked, wanted), len(x) - 1)
    kept[-1] = len(x) - 1
    return np.unique(kept)


def _calibration(positive: npt.NDArray[np.bool_], probability: Floats) -> CalibrationCurve:
    groups = max(1, min(GROUPS, len(positive) // _ROWS_PER_GROUP))
    parts = np.array_split(np.argsort(probability, kind="stable"), groups)
    return CalibrationCurve(
        _numbers(np.array([probability[part].mean() for part in parts])),
        _numbers(np.array([positive[part].mean() for part in parts])),
        tuple(len(part) for part in parts),
    )


def _numbers(values: Floats) -> tuple[float, ...]:
    return tuple(_rounded(value) for value in values.tolist())


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
