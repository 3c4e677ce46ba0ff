"""Prediction intervals of numbers: split-conformal on out-of-fold residuals, which is the CV+ idea.

For rows drawn as the training rows were, an interval of level 0.9 holds the truth in about nine of ten (Vovk et al. 2005;
Barber et al. 2021, Predictive inference with the jackknife+, guarantee at least 1 - 2 * (1 - level) for residuals of
K-fold models). Both ends have residuals of their own, so that a skewed error gives a skewed interval. Where errors grow
with the predicted number, residuals are divided by a scale that does so too (Papadopoulos et al. 2008), if the interval
score of other folds confirms it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from tabsmith.errors import PredictionError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.decisions.labelled_rows import evenly_spaced
from tabsmith.modeling.decisions.types import LEVEL, Conformal, Difficulty, IntervalsReport

MAX_ROWS: Final = 200_000  # whose residuals are looked at, evenly spaced over each fold
MAX_RESIDUALS: Final = 2_001  # that are kept
_BIN_ROWS: Final = 50  # of out-of-fold predictions, at the least, for a point of the difficulty
_MAX_BINS: Final = 20
_LEAST_SCALE: Final = 0.1  # of the mean residual: no row is taken to be certain


def fit_intervals(y: Floats, prediction: Floats, folds: Sequence[Ints]) -> Conformal:
    """The intervals by out-of-fold `prediction` (rows,) of the numbers `y`; `folds` hold each fold's row positions."""
    folds = [evenly_spaced(fold, MAX_ROWS // len(folds)) for fold in folds]
    rows = np.concatenate(folds)
    difficulty = _difficulty(y[rows], prediction[rows])
    if difficulty.predicted and not _is_confirmed(y, prediction, folds):
        difficulty = Difficulty()
    return _conformal(y[rows], prediction[rows], difficulty)


def intervals_of(conformal: Conformal, prediction: Floats, level: float = LEVEL) -> Floats:
    """(rows, 2): the lower and the upper end around each predicted number of `prediction` (rows,); NaN stays NaN.

    Raises PredictionError for a level outside 0..1, or so high that the model has too few residuals to know it.
    """
    if not 0 < level < 1:
        raise PredictionError(f"The level {level:g} is not between 0 and 1.", next_step="Give a share such as 0.9.")
    low, high = _residual_bounds(conformal, level)
    scale = _scale(conformal.difficulty, prediction)
    ends = np.column_stack([prediction + low * scale, prediction + high * scale])
    return np.asarray(np.maximum(ends, 0.0) if conformal.positive else ends, dtype=np.float64)


def measure_intervals(conformal: Conformal, y: Floats, prediction: Floats, level: float = LEVEL) -> IntervalsReport:
    """How many of the numbers `y` are in the intervals around `prediction` (rows,). Raises as `intervals_of` does."""
    ends = intervals_of(conformal, prediction, level)
    covered = int(np.count_nonzero((ends[:, 0] <= y) & (y <= ends[:, 1])))
    width = float((ends[:, 1] - ends[:, 0]).mean())
    return IntervalsReport(level, len(y), covered, width, bool(conformal.difficulty.predicted))


def interval_score(y: Floats, ends: Floats, level: float) -> Floats:
    """The width of each row's interval, plus a penalty for a truth outside it; lower is better (Gneiting and Raftery
    2007)."""
    low, high = ends[:, 0], ends[:, 1]
    outside = np.maximum(low - y, 0) + np.maximum(y - high, 0)
    return np.asarray(high - low + 2 / (1 - level) * outside, dtype=np.float64)


def knows_level(conformal: Conformal, level: float) -> bool:
    """Whether the model has enough residuals for intervals of this level."""
    return _lower_rank(conformal, level) >= 1


def _lower_rank(conformal: Conformal, level: float) -> int:
    """The rank of the lower residual, of 1 to `count`; 0 if there are too few for the level."""
    return int(np.floor((conformal.count + 1) * (1 - level) / 2 + 1e-9))


def _residual_bounds(conformal: Conformal, level: float) -> tuple[float, float]:
    """The residuals that bound the middle `level`, counted so that a new row is outside in at most 1 - level."""
    count, kept = conformal.count, conformal.residuals
    lower_rank = _lower_rank(conformal, level)
    if lower_rank < 1:
        needed = int(np.ceil(2 / (1 - level))) - 1
        raise PredictionError(
            f"Intervals of level {level:g} need {needed:,} out-of-fold rows; the model has {count:,}.",
            next_step="Ask for a lower level, such as 0.9 or 0.8.",
        )
    upper_rank = count + 1 - lower_rank
    ranks = np.linspace(1, count, len(kept)).round().astype(np.int64)
    low = int(np.searchsorted(ranks, lower_rank, side="right")) - 1
    high = int(np.searchsorted(ranks, upper_rank, side="left"))
    return kept[low], kept[high]


def _conformal(y: Floats, prediction: Floats, difficulty: Difficulty) -> Conformal:
    residuals = np.sort((y - prediction) / _scale(difficulty, prediction))
    count = len(residuals)
    if count > MAX_RESIDUALS:
        residuals = residuals[np.linspace(1, count, MAX_RESIDUALS).round().astype(np.int64) - 1]
    return Conformal(tuple(residuals.tolist()), count, difficulty, positive=bool(y.min() >= 0))


def _difficulty(y: Floats, prediction: Floats) -> Difficulty:
    """The mean absolute residual by the predicted number, in bins of equally many rows, smoothed over three."""
    bins = min(_MAX_BINS, len(y) // _BIN_ROWS)
    if bins < 3:
        return Difficulty()
    order = np.argsort(prediction, kind="stable")
    parts = np.array_split(order, bins)
    centers = np.asarray([np.median(prediction[part]) for part in parts])
    sizes = np.asarray([np.abs(y[part] - prediction[part]).mean() for part in parts])
    padded = np.concatenate([sizes[:1], sizes, sizes[-1:]])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    mean = float(np.abs(y - prediction).mean())
    if not mean or np.any(np.diff(centers) <= 0):
        return Difficulty()
    return Difficulty(tuple(centers.tolist()), tuple(np.maximum(smooth, _LEAST_SCALE * mean).tolist()))


def _scale(difficulty: Difficulty, prediction: Floats) -> Floats:
    if not difficulty.predicted:
        return np.ones(len(prediction))
    return np.asarray(np.interp(prediction, difficulty.predicted, difficulty.scale), dtype=np.float64)


def _is_confirmed(y: Floats, prediction: Floats, folds: Sequence[Ints]) -> bool:
    """Whether intervals by difficulty have a better interval score on each fold when fitted on the others, by more than
    twice the standard error of the difference."""
    gains = []
    for position, fold in enumerate(folds):
        others = np.concatenate([part for at, part in enumerate(folds) if at != position] or [fold])
        by_difficulty = _conformal(y[others], prediction[others], _difficulty(y[others], prediction[others]))
        plain = _conformal(y[others], prediction[others], Difficulty())
        scores = [
            interval_score(y[fold], intervals_of(each, prediction[fold], LEVEL), LEVEL)
            for each in (plain, by_difficulty)
        ]
        gains.append(scores[0] - scores[1])
    all_gains = np.concatenate(gains)
    return bool(all_gains.mean() > 2 * all_gains.std(ddof=1) / np.sqrt(len(all_gains)))
