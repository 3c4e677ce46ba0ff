"""Distributions of many columns of numbers at once: a table of 20,000 columns costs about as much as one of as many cells.

Columns are the rows of a matrix that is sorted once; the distinct values, their counts, quartiles and bins are read off it.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from tabsmith.tables.profile.types import NumericSummary

Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = npt.NDArray[Any]
"""Whole numbers (int64) or floats (float64)."""

BINS: Final = 16
SAFE_TO_SQUARE: Final = 1e150
"""The square of a larger float overflows."""
_CELLS: Final = 500_000  # of a matrix
_SHARES: Final = (0.25, 0.5, 0.75)


class Moments(NamedTuple):
    """Minimum, maximum, mean and deviation over all rows of a column; None or NaN where there is none."""

    low: float | None
    high: float | None
    mean: float | None
    deviation: float | None


class _FiniteMoments(NamedTuple):
    """Moments that are all there."""

    low: float
    high: float
    mean: float
    deviation: float


class NumberDistribution(NamedTuple):
    """What the sampled values of a column of numbers show."""

    distinct: int
    values: Numbers  # the most frequent ones; of equally frequent ones the smallest first
    counts: npt.NDArray[np.int64]  # of these
    summary: NumericSummary | None


def profile_numbers(
    columns: Sequence[Numbers], step: int, moments: Sequence[Moments | None], most: int
) -> list[NumberDistribution]:
    """The profile of each of `columns`, which hold the present values of every `step`-th row, at least one each.

    `moments` are those over all rows, None for a column of which all rows are there. Up to `most` values are given.
    """
    result: dict[int, NumberDistribution] = {}
    for kind in "if":
        positions = [position for position, column in enumerate(columns) if column.dtype.kind == kind]
        for group in _groups([len(columns[position]) for position in positions]):
            chosen = [positions[index] for index in group]
            sorted_columns = _SortedColumns([columns[position] for position in chosen])
            summaries = sorted_columns.summaries(step, [moments[position] for position in chosen])
            frequent = sorted_columns.most_frequent(most)
            for position, summary, (distinct, values, counts) in zip(chosen, summaries, frequent, strict=True):
                result[position] = NumberDistribution(distinct, values, counts, summary)
    return [result[position] for position in range(len(columns))]


def _groups(lengths: Sequence[int]) -> Iterator[range]:
    """Ranges of columns whose matrix, as long as the longest of them, holds a limited number of cells."""
    start = longest = 0
    for index, length in enumerate(lengths):
        longest = max(longest, length)
        if index > start and longest * (index + 1 - start) > _CELLS:
            yield range(start, index)
            start, longest = index, length
    if lengths:
        yield range(start, len(lengths))


class _SortedColumns:
    """Columns of numbers, each sorted, as the rows of one matrix; each is filled up at its end."""

    def __init__(self, columns: Sequence[Numbers]) -> None:
        self._lengths = np.array([len(column) for column in columns])
        is_whole = columns[0].dtype.kind == "i"
        filler = np.iinfo(np.int64).max if is_whole else np.nan
        self._matrix = np.full((len(columns), int(self._lengths.max())), filler, np.int64 if is_whole else np.float64)
        for row, column in zip(self._matrix, columns, strict=True):
            row[: len(column)] = column
        self._matrix.sort(axis=1)
        self._present = np.arange(self._matrix.shape[1]) < self._lengths[:, None]

    def most_frequent(self, most: int) -> list[tuple[int, Numbers, npt.NDArray[np.int64]]]:
        """The number of distinct values of each column, its most frequent ones, and how often each of these occurs."""
        is_first = self._present.copy()
        is_first[:, 1:] &= self._matrix[:, 1:] != self._matrix[:, :-1]
        rows, starts = np.nonzero(is_first)
        ends = np.append(starts[1:], 0)
        is_last = np.append(rows[1:] != rows[:-1], [True])
        counts = np.where(is_last, self._lengths[rows], ends) - starts
        values = self._matrix[rows, starts]
        distinct = np.bincount(rows, minlength=len(self._lengths))
        order = np.lexsort((-counts, rows))  # stable, so that of equally frequent values the smallest comes first
        offsets = np.concatenate([[0], np.cumsum(distinct)])
        result = []
        for start, end in pairwise(offsets.tolist()):
            chosen = order[start : min(end, start + most)]
            result.append((end - start, values[chosen], counts[chosen]))
        return result

    def summaries(self, step: int, moments: Sequence[Moments | None]) -> list[NumericSummary | None]:
        """The summary of the finite values of each column; every number in it is finite, because it is saved as JSON."""
        matrix = self._matrix.astype(np.float64)
        finite = self._present & np.isfinite(matrix)
        counts = finite.sum(axis=1)
        firsts = finite.argmax(axis=1)  # behind minus infinity
        columns = np.arange(len(matrix))
        lows, highs = matrix[columns, firsts], matrix[columns, np.maximum(firsts + counts - 1, 0)]
        modest = finite & (np.abs(np.where(finite, matrix, 0)) < SAFE_TO_SQUARE)
        with np.errstate(all="ignore"):  # a column without such values gives NaN
            numbers = np.maximum(modest.sum(axis=1), 0)
            means = np.where(modest, matrix, 0).sum(axis=1) / numbers
            deviations = np.sqrt((np.where(modest, matrix - means[:, None], 0) ** 2).sum(axis=1) / numbers)
        own = [
            Moments(low, high, mean, deviation) if count else None
            for low, high, mean, deviation, count in zip(
                lows.tolist(), highs.tolist(), means.tolist(), deviations.tolist(), counts.tolist(), strict=True
            )
        ]
        known = [_finite(given or sampled) for given, sampled in zip(moments, own, strict=True)]
        bins = self._bins(matrix, finite, known)
        quartiles = _quartiles(matrix, firsts, counts)
        return [
            None if values is None else _summary(values, count * step, row * step, quarters)
            for values, count, row, quarters in zip(known, counts.tolist(), bins, quartiles.tolist(), strict=True)
        ]

    def _bins(
        self, matrix: Floats, finite: npt.NDArray[np.bool_], known: Sequence[_FiniteMoments | None]
    ) -> npt.NDArray[np.int64]:
        """How many finite values of each column lie in each of the bins of equal width from minimum to maximum."""
        lows = np.array([0.0 if moments is None else moments.low for moments in known])
        highs = np.array([0.0 if moments is None else moments.high for moments in known])
        with np.errstate(all="ignore"):
            places = np.floor((matrix - lows[:, None]) / (highs - lows)[:, None] * BINS)
        places = np.clip(np.nan_to_num(places), 0, BINS - 1).astype(np.int64)
        places += (np.arange(len(matrix)) * BINS)[:, None]
        counts = np.bincount(places[finite], minlength=len(matrix) * BINS)
        return counts.reshape(len(matrix), BINS)


def _finite(moments: Moments | None) -> _FiniteMoments | None:
    """The moments with a mean and a deviation that are finite; None without a minimum or maximum."""
    if moments is None or moments.low is None or moments.high is None:
        return None
    low, high = float(moments.low), float(moments.high)
    mean = math.nan if moments.mean is None else float(moments.mean)
    deviation = math.nan if moments.deviation is None else float(moments.deviation)
    return _FiniteMoments(
        low,
        high,
        mean if math.isfinite(mean) else low / 2 + high / 2,
        deviation if math.isfinite(deviation) else 0.0,
    )


def _summary(
    moments: _FiniteMoments, count: int, bins: npt.NDArray[np.int64], quartiles: Sequence[float]
) -> NumericSummary:
    low, high, mean, deviation = moments
    if not count:  # the sample holds only infinities
        return NumericSummary(low, high, mean, deviation, (mean, mean, mean), ())
    span = high - low
    shown = tuple(bins.tolist()) if math.isfinite(span) and span > 0 else (count,)
    return NumericSummary(low, high, mean, deviation, (quartiles[0], quartiles[1], quartiles[2]), shown)


def _quartiles(matrix: Floats, firsts: npt.NDArray[Any], counts: npt.NDArray[Any]) -> Floats:
    """The quartiles of each sorted column by linear interpolation, without a difference, which could overflow."""
    columns = np.arange(len(matrix))
    quartiles = np.zeros((len(matrix), len(_SHARES)))
    for index, share in enumerate(_SHARES):
        ranks = share * np.maximum(counts - 1, 0)
        below = ranks.astype(np.int64)
        weights = ranks - below
        above = np.minimum(below + 1, np.maximum(counts - 1, 0))
        with np.errstate(invalid="ignore"):
            quartiles[:, index] = (
                matrix[columns, firsts + below] * (1 - weights) + matrix[columns, firsts + above] * weights
            )
    return quartiles
