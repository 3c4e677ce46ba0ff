"""What a guess would get: the best constant answer, and whether a model is better than that beyond doubt."""

from collections.abc import Callable
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import metrics
from tabsmith.modeling.results import Baseline, Metric

CERTAINTY: Final = 0.99
"""Share of the bootstrap draws in which a model has to beat the guess for the report to say that it does."""

DRAWS: Final = 1_000
MAX_CERTAIN_CLASSES: Final = 50


def best_constant(metric: Metric, y: Ints | Floats, classes: int) -> Floats:
    """The constant answer that scores best on `y`, as one row (1, classes or 1): of a class, the share of each or one
    of them for certain; of a number, the mean or the median."""
    if not classes:
        answers = [np.array([[float(np.mean(y))]]), np.array([[float(np.median(y))]])]
    else:
        counts = np.bincount(y.astype(np.int64), minlength=classes)
        certain = np.eye(classes)[np.argsort(-counts, kind="stable")[:MAX_CERTAIN_CLASSES]]
        answers = [(counts / counts.sum())[None, :], *(line[None, :] for line in certain)]
    best, best_score = answers[0], float("nan")
    for answer in answers:
        score = metrics.score(metric, y, _rows(answer, len(y)), classes)
        if metric.better(score, best_score):
            best, best_score = answer, score
    return best


def compare_with_baseline(
    metric: Metric,
    y: Ints | Floats,
    prediction: Floats,
    answer: Floats,
    classes: int,
    *,
    seed: int,
    groups: Ints | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Baseline | None:
    """The guess `answer` against `prediction` on the same rows, by a paired bootstrap in which groups are drawn whole;
    None where the metric is undefined for it. `enough` ends the drawing early, not before a tenth of it."""
    constant = _rows(answer, len(y))
    score = metrics.score(metric, y, constant, classes)
    if not np.isfinite(score):
        return None
    generator = np.random.default_rng(seed)
    members = None if groups is None else [np.flatnonzero(groups == each) for each in np.unique(groups)]
    won = drawn = 0
    for draw in range(DRAWS):
        if enough() and draw >= DRAWS // 10:
            break
        if members is None:
            index = generator.integers(len(y), size=len(y))
        else:
            index = np.concatenate([members[each] for each in generator.integers(len(members), size=len(members))])
        ours = metrics.score(metric, y[index], prediction[index], classes)
        theirs = metrics.score(metric, y[index], constant[index], classes)
        if theirs == theirs:  # ours may still be no number, and then it does not win
            drawn += 1
            won += metric.better(ours, theirs)
    share = won / drawn if drawn else 0.0
    return Baseline(score, "yes" if share >= CERTAINTY else "not shown", share)


def _rows(answer: Floats, rows: int) -> Floats:
    return np.broadcast_to(answer, (rows, answer.shape[1]))
