"""The steps `crosses`, `target_encoding` and `subset_hashes`: combinations of cells, encoded by the target's mean.

The mean is drawn towards that of all rows where a combination has few (Micci-Barreca 2001). A fold's own rows are
encoded in five parts, each by the target of the others, so a combination of noise looks like noise to the estimator.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.feature_steps import Crosses, SubsetHashes, TargetEncoding
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.generated_blocks import CrossBlock, Keys, cross_keys
from tabsmith.modeling.features.relevance import RankedFeatures, Relevance, rank_features
from tabsmith.modeling.features.scaling import fit_scaling

MAX_CANDIDATES: Final = 200
MAX_KEYS: Final = 2_000  # combinations of a cross that are kept, the most frequent ones
MIN_ROWS: Final = 2  # rows that a combination needs to be one of its own

CrossColumns: TypeAlias = tuple[str, ...]


def fit_target_encoding(
    context: FeatureContext, step: TargetEncoding, names: tuple[str, ...]
) -> tuple[CrossBlock, Floats] | None:
    """Each of the columns `names` encoded, and the cross-fitted values of the context's rows; None without columns."""
    return _fit_block(context, [(name,) for name in names], step.smoothing, None)


def fit_crosses(
    context: FeatureContext, step: Crosses, names: tuple[str, ...], relevance: Relevance
) -> tuple[CrossBlock, Floats] | None:
    """The crosses of the columns `names` that go with the target more than each column by itself does, the strongest
    ones, and the cross-fitted values of the context's rows; None when there is none."""
    if len(names) < 2:
        return None
    screen = _Screen(context, step.smoothing, relevance)
    singles = screen.encoded([(name,) for name in names], None)
    strength = relevance.strength(singles)
    own = {names[index]: float(strength[index]) for index in np.argsort(-strength, kind="stable").tolist()}
    crosses = [cross for size in range(2, step.order + 1) for cross in combinations(own, size)][:MAX_CANDIDATES]
    above = np.asarray([max(own[name] for name in cross) for cross in crosses])
    known = np.concatenate([relevance.known, singles.ranks[singles.varied]])
    chosen = replace(relevance, known=known).choose(screen.encoded(crosses, None), step.most, above=above)
    return _fit_block(context, [crosses[index] for index in chosen], step.smoothing, None)


def fit_subset_hashes(
    context: FeatureContext, step: SubsetHashes, names: tuple[str, ...], relevance: Relevance
) -> tuple[CrossBlock, Floats] | None:
    """Random subsets of the columns `names` whose combinations recur and go with the target beyond noise, and the
    cross-fitted values of the context's rows; None when there is none."""
    if len(names) < 2:
        return None
    generator = np.random.default_rng(context.seed)
    subsets: dict[CrossColumns, None] = {}
    for _ in range(4 * step.most):
        size = int(generator.integers(2, len(names) + 1))
        picked = np.sort(generator.choice(len(names), size, replace=False))
        subsets.setdefault(tuple(names[index] for index in picked.tolist()))
        if len(subsets) == step.most:
            break
    tried = list(subsets)
    encoded = _Screen(context, step.smoothing, relevance).encoded(tried, step.decimals)
    chosen = relevance.choose(encoded, step.most)
    return _fit_block(context, [tried[index] for index in chosen], step.smoothing, step.decimals)


class _Screen:
    """Candidates tried on a sample of the context's rows."""

    def __init__(self, context: FeatureContext, smoothing: float, relevance: Relevance) -> None:
        index = relevance.screen(len(context.rows), context.seed)
        self._rows = context.rows.take(index)
        self._y = context.target_columns()[index]
        self._parts = context.encoding_parts()[index]
        self._smoothing = smoothing
        self._target = relevance.target

    def encoded(self, crosses: Sequence[CrossColumns], decimals: int | None) -> RankedFeatures:
        """The ranks (crosses, rows) of each cross's encoding of the class that it goes with most. An encoding that goes
        against what it encodes is noise, and counts as one value."""
        ranks = np.zeros((len(crosses), len(self._target[0])), dtype=np.float32)
        varied = np.zeros(len(crosses), dtype=bool)
        for index, cross in enumerate(crosses):
            keys = cross_keys(self._rows, (cross,), decimals)[:, 0]
            encoded = _Encoding.of(keys, self._y, self._smoothing).crossed(self._parts)
            ranked = rank_features(np.ascontiguousarray(encoded[: len(self._target[0])].T))
            agreement = (ranked.ranks * self._target).sum(axis=1) * ranked.varied
            best = int(np.argmax(agreement))
            ranks[index] = ranked.ranks[best]
            varied[index] = agreement[best] > 0
        return RankedFeatures(ranks, varied)


class _Encoding:
    """The sums of the target at each combination of one cross."""

    def __init__(self, codes: Ints, keys: Keys, y: Floats, smoothing: float) -> None:
        self._codes = codes
        self._y = y
        self._smoothing = smoothing
        self.keys = keys
        self.counts = np.bincount(codes, minlength=len(keys))

    @classmethod
    def of(cls, keys: Keys, y: Floats, smoothing: float) -> "_Encoding":
        """The encoding of rows with these keys by the columns of `y` (rows, classes)."""
        distinct, codes = np.unique(keys, return_inverse=True)
        return cls(codes, distinct, y, smoothing)

    def crossed(self, parts: Ints) -> Floats:
        """(rows, classes): each row's combination encoded by the rows of the other parts."""
        out = np.empty_like(self._y)
        total = self._sums(np.ones(len(parts), dtype=bool))
        for part in range(int(parts.max()) + 1):
            here = parts == part
            own = self._sums(here)
            table = self._means(total[0] - own[0], total[1] - own[1])
            out[here] = table[self._codes[here]]
        return out

    def table(self) -> Floats:
        """(combinations, classes): the encoding by all rows."""
        return self._means(*self._sums(np.ones(len(self._codes), dtype=bool)))

    def _sums(self, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        codes = self._codes[rows]
        count = np.bincount(codes, minlength=len(self.keys)).astype(np.float64)
        sums = [np.bincount(codes, weights=column[rows], minlength=len(self.keys)) for column in self._y.T]
        return count, np.column_stack(sums)

    def _means(self, counts: Floats, sums: Floats) -> Floats:
        prior = sums.sum(axis=0) / max(1.0, counts.sum())
        weight = np.maximum(counts + self._smoothing, 1e-12)[:, None]
        means = (sums + self._smoothing * prior) / weight
        return np.asarray(np.where(counts[:, None] > 0, means, prior), dtype=np.float64)


def _fit_block(
    context: FeatureContext, crosses: Sequence[CrossColumns], smoothing: float, decimals: int | None
) -> tuple[CrossBlock, Floats] | None:
    if not crosses:
        return None
    y = context.target_columns()
    parts = context.encoding_parts()
    prior = y.mean(axis=0)
    row_keys = cross_keys(context.rows, tuple(crosses), decimals)
    keys, values, crossed = [], [], []
    for column in row_keys.T:
        encoding = _Encoding.of(column, y, smoothing)
        frequent = np.sort(np.argsort(-encoding.counts, kind="stable")[:MAX_KEYS])
        frequent = frequent[encoding.counts[frequent] >= MIN_ROWS]
        keys.append(encoding.keys[frequent])
        values.append(encoding.table()[frequent])
        crossed.append(encoding.crossed(parts))
    all_keys, all_values = np.concatenate(keys), np.concatenate(values)
    order = np.argsort(all_keys, kind="stable")
    matrix = np.concatenate(crossed, axis=1)
    scaling = fit_scaling(matrix, context.requirements)
    block = CrossBlock(
        crosses=tuple(crosses),
        keys=tuple(all_keys[order].tolist()),
        table=tuple(tuple(row) for row in all_values[order].tolist()),
        other=tuple(prior.tolist()),
        decimals=decimals,
        scaling=scaling,
    )
    scaling.apply(matrix)
    return block, matrix
