"""How well columns predict each other, measured on a sample of rows."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tabsmith.tables.profile.row_sample import Codes, Floats, RowSample

_ROWS: Final = 1_000
_COLUMNS: Final = 40
_BINS: Final = 40
_ROWS_PER_BIN: Final = 5
_LEAST_PAIRS: Final = 15  # rows that have both values
_LEAST_OF_A_CLASS: Final = 5  # rows


def predictability(sample: RowSample, target: str, features: Sequence[str], *, classes: bool) -> float:
    """How well a shallow tree predicts `target` from `features` on rows that it was not fitted on, from 0 to 1.

    For classes, the share of errors saved against always predicting the commonest class; for numbers, the explained
    variance (R squared).
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    raw = sample.codes(target).astype(np.float64) if classes else sample.numbers(target)
    present = ~np.isnan(raw) & (raw >= 0 if classes else True)
    rows = np.flatnonzero(present)[:: max(1, int(present.sum()) // _ROWS)]
    if len(rows) < 30 or not features:
        return 0.0
    X = np.column_stack([np.nan_to_num(sample.numbers(name)[rows], nan=-1e9) for name in features[:_COLUMNS]])
    y = raw[rows]
    order = np.random.default_rng(0).permutation(len(rows))
    half = len(rows) // 2
    score = 0.0
    for fitted, tested in ((order[:half], order[half:]), (order[half:], order[:half])):
        if classes:
            tree = DecisionTreeClassifier(max_depth=6, min_samples_leaf=3, random_state=0)
        else:
            tree = DecisionTreeRegressor(max_depth=6, min_samples_leaf=5, random_state=0)
        tree.fit(X[fitted], y[fitted])
        score += _skill(y[tested], tree.predict(X[tested]), y[fitted], classes) / 2
    return float(np.clip(score, 0.0, 1.0))


def unexplained(sample: RowSample, target: str, features: Sequence[str], *, classes: bool) -> Floats:
    """The part of the target that a shallow tree, fitted on the other half of the rows, does not predict.

    One number for each row of the sample, NaN where the target is missing. For classes, the target is whether a row is
    of the commonest class.
    """
    from sklearn.tree import DecisionTreeRegressor

    if classes:
        codes = sample.codes(target)
        commonest = np.argmax(np.bincount(codes[codes >= 0]))
        y = np.where(codes < 0, np.nan, (codes == commonest).astype(np.float64))
    else:
        y = sample.numbers(target).copy()
    present = np.flatnonzero(~np.isnan(y))
    if not features:
        return y
    X = np.column_stack([np.nan_to_num(sample.numbers(name), nan=-1e9) for name in features[:_COLUMNS]])
    order = np.random.default_rng(0).permutation(present)
    half = len(order) // 2
    rest = y.copy()
    for fitted, other in ((order[:half], order[half:]), (order[half:], order[:half])):
        if len(fitted) and len(other):
            tree = DecisionTreeRegressor(max_depth=6, min_samples_leaf=5, random_state=0).fit(X[fitted], y[fitted])
            rest[other] = y[other] - tree.predict(X[other])
    return rest


def _skill(truth: Floats, predicted: Floats, fitted: Floats, classes: bool) -> float:
    """The share of the error of a constant prediction, made from the target of the `fitted` rows, that is saved."""
    if classes:
        values, counts = np.unique(fitted, return_counts=True)
        baseline = float(np.mean(truth != values[np.argmax(counts)]))
        return 1 - float(np.mean(truth != predicted)) / baseline if baseline else 0.0
    baseline = float(np.sum((truth - fitted.mean()) ** 2))
    return 1 - float(np.sum((truth - predicted) ** 2)) / baseline if baseline else 0.0


def single_feature_score(sample: RowSample, feature: str, target: str, *, classes: bool, discrete: bool) -> float:
    """How well one feature predicts `target`, from 0 to 1, as in `predictability` but on the same rows.

    Each value of the feature, or of a feature that is not `discrete` each of up to 40 bins, has one prediction. A
    feature with fewer than five rows a value scores 0.
    """
    if discrete:
        cells = sample.codes(feature)
    else:
        values = sample.numbers(feature)
        ordered = np.sort(values[~np.isnan(values)])
        bins = max(1, min(_BINS, len(ordered) // _ROWS_PER_BIN - 1))
        edges = ordered[_inner_ranks(len(ordered), bins)]
        edges = edges[np.append(True, edges[1:] != edges[:-1])] if len(edges) else edges
        cells = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
    cells = cells - cells.min()
    count = int(cells.max()) + 1
    truth: Any = sample.codes(target) if classes else sample.numbers(target)
    present = truth >= 0 if classes else ~np.isnan(truth)
    truth, cells = truth[present], cells[present]
    if len(truth) == 0 or count > len(truth) / _ROWS_PER_BIN:
        return 0.0
    if classes:
        class_count = int(truth.max()) + 1
        table = np.bincount(cells * class_count + truth, minlength=count * class_count).reshape(count, class_count)
        baseline = len(truth) - table.sum(axis=0).max()
        errors = len(truth) - table.max(axis=1).sum()
        return float(1 - errors / baseline) if baseline else 0.0
    sizes = np.bincount(cells, minlength=count)
    means = np.bincount(cells, truth, minlength=count) / np.maximum(sizes, 1)
    variance = float(np.sum((truth - truth.mean()) ** 2))
    return float(1 - np.sum((truth - means[cells]) ** 2) / variance) if variance else 0.0


@lru_cache(maxsize=64)
def _inner_ranks(count: int, bins: int) -> npt.NDArray[np.int64]:
    """The ranks among `count` values at which `bins` bins of equally many values meet."""
    ranks = np.linspace(0, max(0, count - 1), bins + 1)[1:-1].astype(np.int64)
    ranks.setflags(write=False)
    return ranks


def rank_correlation(feature: Floats, target: Floats) -> float:
    """The absolute rank correlation (Spearman 1904) of two columns over the rows that have both, from 0 to 1.

    0 with fewer than 15 such rows.
    """
    present = ~np.isnan(feature) & ~np.isnan(target)
    if present.sum() < _LEAST_PAIRS:
        return 0.0
    one, other = _ranks(feature[present]), _ranks(target[present])
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(abs(np.corrcoef(one, other)[0, 1]))


def roc_auc(feature: Floats, is_positive: npt.NDArray[np.bool_]) -> float:
    """The area under the ROC curve of a number as a score of one class against the rest, in the better direction.

    0.5 with fewer than five rows of either side.
    """
    present = ~np.isnan(feature)
    positive = int(is_positive[present].sum())
    negative = int(present.sum()) - positive
    if min(positive, negative) < _LEAST_OF_A_CLASS:
        return 0.5
    rank_sum = float(_ranks(feature[present])[is_positive[present]].sum())
    area = (rank_sum - positive * (positive + 1) / 2) / (positive * negative)
    return max(area, 1 - area)


def _ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs. Without scipy's checks, which cost more on few rows."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    means: Floats = np.cumsum(counts) - (counts - 1) / 2
    return means[inverse]


def is_recoding(one: Codes, other: Codes) -> bool:
    """Whether each value of one column goes with exactly one value of the other, and the other way round."""
    if not np.array_equal(one < 0, other < 0):
        return False
    present = one >= 0
    pairs = np.unique(np.stack([one[present], other[present]]), axis=1).shape[1]
    return bool(pairs == len(np.unique(one[present])) == len(np.unique(other[present])))


def is_linear(one: Floats, other: Floats) -> bool:
    """Whether `other` is an exact linear function of `one`, missing values in the same rows."""
    present = ~np.isnan(one) & ~np.isnan(other)
    if present.sum() < 20 or not np.array_equal(np.isnan(one), np.isnan(other)):
        return False
    a, b = one[present], other[present]
    if a.std() == 0 or b.std() == 0:
        return False
    scaled = (a - a.mean()) / a.std()
    slope, intercept = np.polyfit(scaled, b, 1)
    return bool(np.max(np.abs(b - (slope * scaled + intercept))) <= 1e-6 * b.std())
