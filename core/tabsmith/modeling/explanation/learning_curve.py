"""What more rows would bring: the best single recipe fitted on a quarter, a half and all of a fold's rows, and scored."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import cross_validation, metrics
from tabsmith.modeling.explanation.types import LearningCurve, LearningPoint
from tabsmith.modeling.results import Evaluation
from tabsmith.modeling.splits import early_stopping_split
from tabsmith.modeling.training_data import TrainingData

SHARES: Final = (0.25, 0.5, 1.0)
MIN_ROWS: Final = 50  # of the smallest fit
AMPLE: Final = 3.0  # times the seconds that the fits should take must be left, where the time is limited
_LARGEST_SHARE: Final = 2**-0.5  # of a doubling's gain that the next doubling brings
DRAWS: Final = 200
_MAX_SCORED: Final = 10_000  # rows of a draw


def seconds_needed(champion: Evaluation, *, measured: bool) -> float:
    """About how long the fits of a learning curve take; `measured` ones need not be fitted on all rows again."""
    slowest = max(fold.fit_seconds + fold.predict_seconds for fold in champion.folds)
    return slowest * sum(share for share in SHARES if share < 1 or not measured)


def measure_learning_curve(
    data: TrainingData,
    champion: Evaluation,
    run_folder: Path | None,
    *,
    threads: int,
    seconds_left: Callable[[], float],
) -> LearningCurve | None:
    """The scores of `champion`'s recipe on its first fold, fitted on a quarter, a half and all of the fold's rows.

    The rows are drawn as the split draws them: with the same classes, whole groups, the latest times. The predictions of
    the model that has seen all of them are taken from `run_folder` if they are there. None for a table too small for
    that, or without ample time.
    """
    fold = champion.folds[0].fold
    fitted, scored = data.folds[fold]
    known = None if run_folder is None else cross_validation.fold_folder(run_folder / champion.folder, fold)
    measured = known is not None and (known / cross_validation.PREDICTIONS_FILE).is_file()
    if len(fitted) * SHARES[0] < MIN_ROWS or seconds_left() < AMPLE * seconds_needed(champion, measured=measured):
        return None
    parts = _nested_parts(data, fitted)
    with tempfile.TemporaryDirectory() as scratch:
        predictions = [
            np.load(known / cross_validation.PREDICTIONS_FILE, allow_pickle=False)
            if known is not None and measured and len(part) == len(fitted)
            else _prediction(data, champion, part, scored, Path(scratch) / str(place), threads, seconds_left)
            for place, part in enumerate(parts)
        ]
    return extrapolate(data, scored, [len(part) for part in parts], predictions)


def extrapolate(data: TrainingData, scored: Ints, rows: list[int], predictions: list[Floats]) -> LearningCurve:
    """The curve of the predictions of the rows `scored`, each made by a model fitted on so many `rows`.

    `rows` double from one to the next. As of a power law, each doubling is taken to bring the same share of the gain of
    the doubling before (Viering and Loog 2021, on the shapes of learning curves), but never more than where the error
    falls with the root of the rows: gains that seem to grow are noise.
    """
    y, sign = data.y[scored], 1.0 if data.metric.greater_is_better else -1.0

    def scores(index: Ints) -> list[float]:
        return [metrics.score(data.metric, y[index], prediction[index], data.classes) for prediction in predictions]

    everything = np.arange(len(y))
    points = scores(everything)
    gain = _next_gain([sign * score for score in points])
    curve = LearningCurve(
        tuple(LearningPoint(count, score) for count, score in zip(rows, points, strict=True) if score == score),
    )
    if gain is None:
        return curve
    generator = np.random.default_rng(data.seed)
    drawn = []
    for _ in range(DRAWS):
        gains = _next_gain([sign * score for score in scores(generator.choice(everything, min(len(y), _MAX_SCORED)))])
        drawn.append(0.0 if gains is None else gains)
    low, high = np.percentile(drawn, [5, 95]).tolist()
    ends = sorted(points[-1] + sign * bound for bound in (low, high))
    return msgspec.structs.replace(curve, doubled=points[-1] + sign * gain, doubled_low=ends[0], doubled_high=ends[1])


def _next_gain(scores: list[float]) -> float | None:
    """What the next doubling brings, of scores of which more is better; None where they do not rise."""
    first, second = (after - before for before, after in pairwise(scores[-3:]))
    if not first > 0 or not second > 0:  # also where a score is undefined
        return None
    share = min(_LARGEST_SHARE, second / first)
    return (first + second) * share**2 / (1 + share)


def _nested_parts(data: TrainingData, fitted: Ints) -> list[Ints]:
    """A quarter of the rows, a half, which holds that quarter, and all of them."""
    parts = [fitted]
    while len(parts) < len(SHARES):
        _, half = early_stopping_split(data.basis, parts[0], 0.5, data.seed)
        parts.insert(0, parts[0][half])
    return parts


def _prediction(
    data: TrainingData,
    champion: Evaluation,
    part: Ints,
    scored: Ints,
    folder: Path,
    threads: int,
    seconds_left: Callable[[], float],
) -> Floats:
    """(scored rows, classes or 1): the predictions of the recipe fitted on the rows `part`."""
    alone = replace(data, folds=((part, scored),))
    cross_validation.fit_fold(alone, champion.recipe, 0, folder, threads=threads, seconds_left=seconds_left)
    file = cross_validation.fold_folder(folder, 0) / cross_validation.PREDICTIONS_FILE
    return np.asarray(np.load(file, allow_pickle=False), dtype=np.float64)
