"""How much of one column the others tell, and which columns tell it too well: measured on a sample of rows."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from tabsmith.tables.profile.row_sample import Codes, Floats, RowSample

_ROWS: Final = 1_000
_COLUMNS: Final = 40
_BINS: Final = 40


def predictability(sample: RowSample, target: str, others: Sequence[str], *, classes: bool) -> float:
    """How well a few shallow trees tell `target` from `others` on rows they have not seen: 0 not at all, 1 fully.

    For classes the share of the errors of always guessing the commonest that is saved; for numbers the explained
    variance.
    """
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    raw = sample.codes(target).astype(np.float64) if classes else sample.numbers(target)
    known = ~np.isnan(raw) & (raw >= 0 if classes else True)
    places = np.flatnonzero(known)[:: max(1, int(known.sum()) // _ROWS)]
    if len(places) < 30 or not others:
        return 0.0
    table = np.column_stack([np.nan_to_num(sample.numbers(name)[places], nan=-1e9) for name in others[:_COLUMNS]])
    truth = raw[places]
    order = np.random.default_rng(0).permutation(len(places))
    half = len(places) // 2
    saved = 0.0
    for fitted, tested in ((order[:half], order[half:]), (order[half:], order[:half])):
        if classes:
            tree = DecisionTreeClassifier(max_depth=6, min_samples_leaf=3, random_state=0)
        else:
            tree = DecisionTreeRegressor(max_depth=6, min_samples_leaf=5, random_state=0)
        tree.fit(table[fitted], truth[fitted])
        guess = tree.predict(table[tested])
        saved += _saved(truth[tested], guess, truth[fitted], classes) / 2
    return float(np.clip(saved, 0.0, 1.0))


def _saved(truth: Floats, guess: Floats, seen: Floats, classes: bool) -> float:
    if classes:
        values, counts = np.unique(seen, return_counts=True)
        plain = float(np.mean(truth != values[np.argmax(counts)]))
        return 1 - float(np.mean(truth != guess)) / plain if plain else 0.0
    spread = float(np.sum((truth - seen.mean()) ** 2))
    return 1 - float(np.sum((truth - guess) ** 2)) / spread if spread else 0.0


def is_recoding(one: Codes, other: Codes) -> bool:
    """Whether two columns of codes say the same: each value of one goes with one value of the other, and back."""
    if not np.array_equal(one < 0, other < 0):
        return False
    both = one >= 0
    pairs = np.unique(np.stack([one[both], other[both]]), axis=1).shape[1]
    return bool(pairs == len(np.unique(one[both])) == len(np.unique(other[both])))


def is_linear(one: Floats, other: Floats) -> bool:
    """Whether `other` is `one` times a number plus a number, exactly."""
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < 20 or not np.array_equal(np.isnan(one), np.isnan(other)):
        return False
    a, b = one[both], other[both]
    if a.std() == 0 or b.std() == 0:
        return False
    slope, start = np.polyfit((a - a.mean()) / a.std(), b, 1)
    rest = b - (slope * (a - a.mean()) / a.std() + start)
    return bool(np.max(np.abs(rest)) <= 1e-6 * b.std())


def single_feature_score(sample: RowSample, feature: str, target: str, *, classes: bool, discrete: bool) -> float:
    """How much of `target` this one feature tells (0 to 1, as in `predictability`).

    The feature's values, or 40 bins of it, each stand for one guess; cells of few rows are discounted.
    """
    if discrete:
        cells = sample.codes(feature)
    else:
        values = sample.numbers(feature)
        ordered = np.sort(values[~np.isnan(values)])
        places = np.linspace(0, max(0, len(ordered) - 1), _BINS + 1)[1:-1].astype(np.int64)
        edges: Any = np.unique(ordered[places]) if len(ordered) else []
        cells = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
    cells = cells - cells.min()
    count = int(cells.max()) + 1
    if classes:
        truth = sample.codes(target)
        known = truth >= 0
        truth, cells = truth[known], cells[known]
        if len(truth) == 0 or count > len(truth) / 5:
            return 0.0
        classes_seen = int(truth.max()) + 1
        table = np.bincount(cells * classes_seen + truth, minlength=count * classes_seen).reshape(count, classes_seen)
        plain = len(truth) - table.sum(axis=0).max()
        wrong = len(truth) - table.max(axis=1).sum()
        return float(1 - wrong / plain) if plain else 0.0
    numbers = sample.numbers(target)
    known = ~np.isnan(numbers)
    numbers, cells = numbers[known], cells[known]
    if len(numbers) == 0 or count > len(numbers) / 5:
        return 0.0
    sizes = np.bincount(cells, minlength=count)
    means = np.bincount(cells, numbers, minlength=count) / np.maximum(sizes, 1)
    spread = float(np.sum((numbers - numbers.mean()) ** 2))
    return float(1 - np.sum((numbers - means[cells]) ** 2) / spread) if spread else 0.0


def same_values(one: Codes, other: Codes) -> bool:
    return bool(np.array_equal(one, other))
