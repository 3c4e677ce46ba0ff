"""How strongly candidate features go with a target: Spearman's correlation on a sample of a fold's rows."""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.features.context import FeatureContext

SAMPLE_ROWS: Final = 2_500  # rows that candidates are measured on
SCREEN_ROWS: Final = 20_000  # rows that candidates are fitted to
MAX_MISSING: Final = 0.95
MAX_ONE_VALUE: Final = 0.90
MAX_KNOWN: Final = 300
_CHUNK: Final = 500  # features ranked at once
MAX_OF_THE_REST: Final = 10  # features that are kept for what they tell beside the strong ones
SAME: Final = 0.98
"""Two features whose ranks correlate more than this are one feature to a model of trees."""


Ranks: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class RankedFeatures:
    """Features as ranks over the sample: (features, rows), each centred and of length 1; missing cells are 0."""

    ranks: Ranks
    varied: npt.NDArray[np.bool_]  # whether enough cells of the feature are there, and enough of them differ


def rank_features(values: Floats) -> RankedFeatures:
    """Ranks of `values` (features, rows) with equal cells sharing their mean rank; in bounded memory."""
    parts = [_ranked(values[start : start + _CHUNK]) for start in range(0, max(1, len(values)), _CHUNK)]
    if len(parts) == 1:
        return parts[0]
    return RankedFeatures(
        np.concatenate([part.ranks for part in parts]), np.concatenate([part.varied for part in parts])
    )


def _ranked(values: Floats) -> RankedFeatures:
    features, rows = values.shape
    order = np.argsort(values, axis=1)  # missing cells come last
    ordered = np.take_along_axis(values, order, axis=1)
    present = rows - np.isnan(values).sum(axis=1)
    positions = np.arange(rows)
    begins = np.ones((features, rows), dtype=bool)
    begins[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(begins, positions, 0), axis=1)
    ends = np.ones((features, rows), dtype=bool)
    ends[:, :-1] = begins[:, 1:]
    last = np.minimum.accumulate(np.where(ends, positions, rows)[:, ::-1], axis=1)[:, ::-1]
    most_frequent = (np.where(np.isnan(ordered), 0, last - first) + 1).max(axis=1)
    centred = ((first + last - (present - 1)[:, None]) / 2).astype(np.float32)
    centred[np.isnan(ordered)] = 0.0
    ranks = np.empty_like(centred)
    np.put_along_axis(ranks, order, centred, axis=1)
    length = np.sqrt(np.einsum("fr,fr->f", ranks, ranks))
    ranks /= np.where(length > 0, length, 1.0)[:, None]
    varied = (present > (1 - MAX_MISSING) * rows) & (most_frequent <= MAX_ONE_VALUE * rows) & (length > 0)
    return RankedFeatures(ranks, varied)


@dataclass(frozen=True)
class Relevance:
    """What candidates are measured by: the target's ranks over a sample of the rows, and those of the features that
    are there already."""

    sample: Ints  # row positions
    target: Ranks  # (outputs, rows)
    known: Ranks  # (features, rows)

    def noise(self, candidates: int) -> float:
        """A correlation that the strongest of so many features without any meaning exceeds once in about twenty times:
        a bound on the maximum of that many normal variables of deviation 1/sqrt(rows)."""
        tries = 5 * max(2, candidates * len(self.target))
        return math.sqrt(2 * math.log(tries) / max(1, len(self.sample)))

    def screen(self, rows: int, seed: int) -> Ints:
        """Positions of at most `SCREEN_ROWS` of so many rows, those of the sample first: what candidates that learn from
        the rows are fitted to before the chosen ones are fitted to all."""
        others = np.setdiff1d(np.arange(rows), self.sample)
        drawn = np.random.default_rng(seed).permutation(others)[: SCREEN_ROWS - len(self.sample)]
        return np.concatenate([self.sample, drawn])

    def strength(self, features: RankedFeatures) -> Floats:
        """The largest absolute correlation of each feature's ranks with the target's; 0 for features of one value."""
        correlation = np.abs(features.ranks @ self.target.T).max(axis=1)
        return np.where(features.varied, correlation, 0.0).astype(np.float64)

    def choose(self, features: RankedFeatures, most: int, *, above: Floats | None = None) -> list[int]:
        """Positions of the features to keep, at most `most`: the strongest first, then a few that tell of the rest.

        A strong feature goes with the target more than noise does, and more than `above` (features): the strength of
        what it is made of. One that is nearly the same as a known or a chosen one is left out.
        """
        strength = self.strength(features)
        floor = self.noise(len(strength))
        strength[strength <= (floor if above is None else np.maximum(above, floor))] = 0.0
        chosen: list[int] = []
        others = self.known
        for position in np.argsort(-strength, kind="stable").tolist():
            if strength[position] == 0 or len(chosen) == most:
                break
            ranks = features.ranks[position]
            if np.abs(others @ ranks).max(initial=0) <= SAME:
                chosen.append(position)
                others = np.vstack([others, ranks])
        return [*chosen, *self._of_the_rest(features, others, min(MAX_OF_THE_REST, most - len(chosen)))]

    def _of_the_rest(self, features: RankedFeatures, known: Ranks, most: int) -> list[int]:
        """Positions of the features that tell most of what a sum of the `known` ones leaves of the target.

        Each choice is the feature that correlates most with what the known and the chosen ones leave (orthogonal
        matching pursuit, Pati et al. 1993, on ranks); it ends where that is no more than noise. So ratios are found
        that matter once a strong column is known, though less than that column does.
        """
        floor = self.noise(len(features.varied))
        left = self.target
        basis = known
        if len(known):
            basis = np.asarray(np.linalg.qr(known.T)[0].T, dtype=np.float32)
            left = _left_of(self.target, basis)
        different = features.varied & (np.abs(features.ranks @ known.T).max(axis=1, initial=0) <= SAME)
        chosen: list[int] = []
        while len(chosen) < most:
            agreement = np.abs(features.ranks @ left.T).max(axis=1) * different
            best = int(np.argmax(agreement))
            if agreement[best] <= floor:
                break
            chosen.append(best)
            different &= np.abs(features.ranks @ features.ranks[best]) <= SAME
            direction = _left_of(features.ranks[best : best + 1], basis)
            basis = np.vstack([basis, direction])
            left = _left_of(left, direction)
        return chosen


def _left_of(rows: Ranks, basis: Ranks) -> Ranks:
    """What orthogonal rows of length 1 leave of each of `rows`, again of length 1; nearly nothing becomes 0."""
    left = rows - (rows @ basis.T) @ basis
    length = np.sqrt((left * left).sum(axis=1, keepdims=True))
    return np.asarray(np.where(length > 1e-4, left / np.maximum(length, 1e-4), 0.0), dtype=np.float32)


def measure_relevance(context: FeatureContext, matrix: Floats) -> Relevance:
    """What candidates are measured by, on at most `SAMPLE_ROWS` of the rows; `matrix` holds the features so far."""
    rows = len(context.rows)
    sample = np.arange(rows)
    if rows > SAMPLE_ROWS:
        sample = np.sort(np.random.default_rng(context.seed).choice(rows, SAMPLE_ROWS, replace=False))
    target = rank_features(np.ascontiguousarray(context.target_columns()[sample].T)).ranks
    known = rank_features(np.ascontiguousarray(matrix[sample, :MAX_KNOWN].T))
    return Relevance(sample, target, known.ranks[known.varied])
