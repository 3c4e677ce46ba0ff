"""Probabilities calibrated: fitted to out-of-fold predictions, and kept only where other folds confirm it.

A calibration that is fitted and judged on the same rows always seems to help. So each method is fitted on all folds but
one and judged on that one, for every fold. It is applied where its log loss is lower than that of the probabilities as
they are by more than twice the standard error of the difference, and where the run's metric does not suffer.

Out-of-fold predictions come from one fold model each, while a delivered model averages over all of them; what is fitted
here corrects the former.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints, two_class_columns
from tabsmith.modeling.decisions.labelled_rows import LabelledRows, evenly_spaced, joined
from tabsmith.modeling.decisions.types import UNCALIBRATED, Calibration, Isotonic, Platt, Temperature, Uncalibrated
from tabsmith.modeling.metric_catalogue import Metric

MAX_ROWS: Final = 20_000  # that are looked at, evenly spaced over each fold; few numbers are to be found
MAX_CELLS: Final = 600_000  # rows times classes
MIN_ROWS: Final = 200  # below which nothing is calibrated: no gain could be told from chance
ISOTONIC_ROWS: Final = 1_000  # of the rarer class, from which on a free curve is worth a try
GROUPS: Final = 10
_SMALLEST: Final = 1e-7


@dataclass(frozen=True)
class CalibrationCheck:
    """The calibration to apply, and the gain in log loss of the best one (applied or not) with its standard error."""

    method: Calibration
    gain: float
    gain_error: float


def calibrate(method: Calibration, probabilities: Floats) -> Floats:
    """`probabilities` (rows, classes) calibrated; rows of NaN stay so."""
    match method:
        case Uncalibrated():
            return probabilities
        case Temperature(temperature):
            logs = np.log(np.clip(probabilities, _SMALLEST, None)) / temperature
            powers = np.exp(logs - logs.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)
        case Platt(slope, intercept):
            return two_class_columns(1 / (1 + np.exp(-(slope * _log_odds(probabilities) + intercept))))
        case Isotonic(given, calibrated):
            return two_class_columns(np.interp(probabilities[:, 1], given, calibrated))


def check_calibration(metric: Metric, rows: LabelledRows, folds: Sequence[Ints]) -> CalibrationCheck:
    """The calibration of `rows`, predicted out of fold, that the folds confirm; none if none is confirmed.

    `folds` are the positions of the rows of each fold, which together are all rows to look at.
    """
    if sum(map(len, folds)) < MIN_ROWS or len(folds) < 2:
        return CalibrationCheck(UNCALIBRATED, 0.0, 0.0)
    most = min(MAX_ROWS, MAX_CELLS // rows.classes) // len(folds)
    parts = [rows.take(evenly_spaced(fold, most)) for fold in folds]
    together = joined(parts)
    best, best_fit, nearest = parts, None, (float("-inf"), 0.0)
    for fit in _methods(together):
        found = [
            part.predicted_as(calibrate(fit(joined(parts[:at] + parts[at + 1 :])), part.probabilities))
            for at, part in enumerate(parts)
        ]
        nearest = max(nearest, _gain_and_error(together, joined(found)))
        gain, error = _gain_and_error(joined(best), joined(found))
        # Of methods that are alike, the simpler stays.
        if gain > error and not _suffers(metric, parts, found):
            best, best_fit = found, fit
    gain, error = nearest if best_fit is None else _gain_and_error(together, joined(best))
    if best_fit is None or gain <= 2 * error:
        return CalibrationCheck(UNCALIBRATED, gain, error)
    return CalibrationCheck(best_fit(together), gain, error)


def _gain_and_error(before: LabelledRows, after: LabelledRows) -> tuple[float, float]:
    """By how much the log loss of rows is lower `after`, and the standard error of that."""
    gains = _row_losses(before) - _row_losses(after)
    weights = np.ones(len(gains)) if before.weights is None else before.weights
    shares = weights / weights.sum()
    gain = float(shares @ gains)
    return gain, float(np.sqrt(shares**2 @ (gains - gain) ** 2))


def expected_error(probability: Floats, came_true: Floats) -> float:
    """The mean distance between probabilities and the share of rows in which they came true (Naeini et al. 2015).

    Rows are taken in `GROUPS` groups of equally many, by their probability. NaN without rows.
    """
    if not len(probability):
        return float("nan")
    parts = np.array_split(np.argsort(probability, kind="stable"), min(GROUPS, len(probability)))
    distances = [len(part) * abs(probability[part].mean() - came_true[part].mean()) for part in parts]
    return float(np.sum(distances) / len(probability))


# The methods ---------------------------------------------------------------------------------------------------------


def _methods(rows: LabelledRows) -> Iterable[Callable[[LabelledRows], Calibration]]:
    """The ways to fit a calibration, the simplest first."""
    yield _fit_temperature
    if rows.classes == 2:
        yield _fit_platt
        if np.bincount(rows.y, minlength=2).min() >= ISOTONIC_ROWS:
            yield _fit_isotonic


def _fit_temperature(rows: LabelledRows) -> Calibration:
    """The temperature of the lowest log loss, were one further row of another class (Laplace's rule of succession).

    Without it, classes that are told apart without error would make every row certain, however few rows there are.
    """
    from scipy.optimize import minimize_scalar

    doubt = 1 / (len(rows) + 2)

    def loss(log_temperature: float) -> float:
        calibrated = calibrate(Temperature(float(np.exp(log_temperature))), rows.probabilities)
        logs = -np.log(np.clip(calibrated, _SMALLEST, None))
        of_truth = logs[np.arange(len(rows)), rows.y]
        of_others = (logs.sum(axis=1) - of_truth) / (rows.classes - 1)
        return rows.mean((1 - doubt) * of_truth + doubt * of_others)

    found = minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded", options={"xatol": 1e-3})
    return Temperature(float(np.exp(found.x)))


def _fit_platt(rows: LabelledRows) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(rows.y)) < 2:
        return UNCALIBRATED
    # A penalty this weak only keeps classes that are told apart without error from an infinite slope.
    model = LogisticRegression(C=1e4)
    model.fit(_log_odds(rows.probabilities)[:, None], rows.y, sample_weight=rows.weights)
    return Platt(float(model.coef_[0, 0]), float(model.intercept_[0]))


def _fit_isotonic(rows: LabelledRows) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (len(rows) + 2)  # no row is certain (Laplace's rule of succession)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    model.fit(rows.probabilities[:, 1], rows.y, sample_weight=rows.weights)
    return Isotonic(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))


def _log_odds(probabilities: Floats) -> Floats:
    second = np.clip(probabilities[:, 1], _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(second / (1 - second)), dtype=np.float64)


def _row_losses(rows: LabelledRows) -> Floats:
    of_truth = rows.probabilities[np.arange(len(rows)), rows.y]
    return np.asarray(-np.log(np.clip(of_truth, _SMALLEST, None)), dtype=np.float64)


def _suffers(metric: Metric, before: Sequence[LabelledRows], after: Sequence[LabelledRows]) -> bool:
    """Whether the metric's mean over the folds is worse `after`, by more than rounding makes it."""

    def mean(parts: Sequence[LabelledRows]) -> float:
        scores = [part.score(metric) for part in parts]
        defined = [score for score in scores if score == score]
        return float(np.mean(defined)) if defined else 0.0

    was, now = mean(before), mean(after)
    return metric.better(was, now) and abs(was - now) > 1e-6 * max(1.0, abs(was))
