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
from tabsmith.modeling.decisions.predicted_rows import PredictedRows
from tabsmith.modeling.decisions.types import UNCALIBRATED, Calibration, Isotonic, Platt, Temperature, Uncalibrated
from tabsmith.modeling.metric_catalogue import Metric

MAX_ROWS: Final = 50_000  # that a calibration is fitted to, evenly spaced
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


def check_calibration(metric: Metric, rows: PredictedRows, folds: Sequence[Ints]) -> CalibrationCheck:
    """The calibration of `rows`, predicted out of fold, that the folds confirm; none if none is confirmed.

    `folds` are the positions of the rows of each fold, which together are all rows to look at.
    """
    looked_at = np.concatenate(list(folds))
    if len(looked_at) < MIN_ROWS or len(folds) < 2:
        return CalibrationCheck(UNCALIBRATED, 0.0, 0.0)
    best, best_fit = rows, None
    for fit in _methods(rows.take(looked_at)):
        crossed = rows.probabilities.copy()
        for position, fold in enumerate(folds):
            others = _thinned(np.concatenate([part for at, part in enumerate(folds) if at != position]))
            crossed[fold] = calibrate(fit(rows.take(others)), rows.probabilities[fold])
        found = rows.predicted_as(crossed)
        gain, error = _gain_and_error(best, found, looked_at)
        # Of methods that are alike, the simpler stays.
        if gain > error and not _suffers(metric, rows, found, folds):
            best, best_fit = found, fit
    gain, error = _gain_and_error(rows, best, looked_at)
    if best_fit is None or gain <= 2 * error:
        return CalibrationCheck(UNCALIBRATED, gain, error)
    return CalibrationCheck(best_fit(rows.take(_thinned(looked_at))), gain, error)


def _gain_and_error(before: PredictedRows, after: PredictedRows, looked_at: Ints) -> tuple[float, float]:
    """By how much the log loss of the rows `looked_at` is lower `after`, and the standard error of that."""
    gains = (_row_losses(before) - _row_losses(after))[looked_at]
    weights = np.ones(len(gains)) if before.weights is None else before.weights[looked_at]
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


def _methods(rows: PredictedRows) -> Iterable[Callable[[PredictedRows], Calibration]]:
    """The ways to fit a calibration, the simplest first."""
    yield _fit_temperature
    if rows.classes == 2:
        yield _fit_platt
        if np.bincount(rows.y, minlength=2).min() >= ISOTONIC_ROWS:
            yield _fit_isotonic


def _fit_temperature(rows: PredictedRows) -> Calibration:
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        calibrated = calibrate(Temperature(float(np.exp(log_temperature))), rows.probabilities)
        return rows.mean(_row_losses(rows.predicted_as(calibrated)))

    found = minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded", options={"xatol": 1e-3})
    return Temperature(float(np.exp(found.x)))


def _fit_platt(rows: PredictedRows) -> Calibration:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(rows.y)) < 2:
        return UNCALIBRATED
    # A penalty this weak only keeps classes that are told apart without error from an infinite slope.
    model = LogisticRegression(C=1e4)
    model.fit(_log_odds(rows.probabilities)[:, None], rows.y, sample_weight=rows.weights)
    return Platt(float(model.coef_[0, 0]), float(model.intercept_[0]))


def _fit_isotonic(rows: PredictedRows) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (len(rows) + 2)  # no row is certain (Laplace's rule of succession)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    model.fit(rows.probabilities[:, 1], rows.y, sample_weight=rows.weights)
    return Isotonic(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))


def _log_odds(probabilities: Floats) -> Floats:
    second = np.clip(probabilities[:, 1], _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(second / (1 - second)), dtype=np.float64)


def _row_losses(rows: PredictedRows) -> Floats:
    of_truth = rows.probabilities[np.arange(len(rows)), rows.y]
    return np.asarray(-np.log(np.clip(of_truth, _SMALLEST, None)), dtype=np.float64)


def _suffers(metric: Metric, before: PredictedRows, after: PredictedRows, folds: Sequence[Ints]) -> bool:
    """Whether the metric's mean over the folds is worse `after`, by more than rounding makes it."""

    def mean(rows: PredictedRows) -> float:
        scores = [rows.take(fold).score(metric) for fold in folds]
        defined = [score for score in scores if score == score]
        return float(np.mean(defined)) if defined else 0.0

    was, now = mean(before), mean(after)
    return metric.better(was, now) and abs(was - now) > 1e-6 * max(1.0, abs(was))


def _thinned(rows: Ints) -> Ints:
    """`rows` if they are at most `MAX_ROWS`, else evenly spaced ones of them."""
    return rows if len(rows) <= MAX_ROWS else np.sort(rows)[np.linspace(0, len(rows) - 1, MAX_ROWS).astype(np.int64)]
