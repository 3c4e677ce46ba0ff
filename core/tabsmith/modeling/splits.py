"""Which rows are set aside and which fold a row is in: stratified, random, grouped, or forward in time."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from tabsmith.errors import TrainingError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.tables.schema.types import ProblemType, SplitKind

FIRST_SHARE = 0.5  # of the rows of a forward split: what its first fold is fitted on


@dataclass(frozen=True, slots=True)
class SplitBasis:
    """What rows are split by: the target, and the groups (as positions) or the times of a grouped or forward split.

    A random or stratified split may have groups too: rows that are copies of each other stay together.
    """

    kind: SplitKind
    task: ProblemType
    y: Ints | Floats
    groups: Ints | None
    times: Floats | None

    def take(self, index: Ints) -> "SplitBasis":
        groups = None if self.groups is None else self.groups[index]
        times = None if self.times is None else self.times[index]
        return SplitBasis(self.kind, self.task, self.y[index], groups, times)

    def joined(self, others: "SplitBasis") -> "SplitBasis":
        """What these rows and then `others` are split by; both were taken from the same rows."""
        groups = None if self.groups is None or others.groups is None else np.concatenate([self.groups, others.groups])
        times = None if self.times is None or others.times is None else np.concatenate([self.times, others.times])
        return SplitBasis(self.kind, self.task, np.concatenate([self.y, others.y]), groups, times)


def kfold_parts(basis: SplitBasis, parts: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """`parts` pairs of (the other rows, this part's rows); every row is in one part. Not for forward splits."""
    if basis.groups is not None and basis.kind != "grouped":
        yield from _parts_of_copies(basis, parts, seed)
        return
    # Where no class has a row for every part, there is nothing to stratify by.
    classes = basis.task != "regression" and int(np.bincount(basis.y.astype(int)).max()) >= parts
    rows = np.zeros(len(basis.y))
    splitter: Any
    if basis.kind == "grouped":
        splitter = (
            StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
            if classes
            else GroupKFold(parts, shuffle=True, random_state=seed)
        )
    elif classes and basis.kind == "stratified":
        splitter = StratifiedKFold(parts, shuffle=True, random_state=seed)
    else:
        splitter = KFold(parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class rarer than the parts: noted in words by `fold_count`
        yield from splitter.split(rows, basis.y, basis.groups)


def _parts_of_copies(basis: SplitBasis, parts: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """The parts of the different rows, each with all its copies."""
    originals, rows = _originals(basis)
    for _, part in kfold_parts(originals, parts, seed):
        chosen = np.isin(rows, part)
        yield np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _originals(basis: SplitBasis) -> tuple[SplitBasis, Ints]:
    """The first of all rows that are copies of each other, and for each row the position of its first."""
    assert basis.groups is not None
    _, first, rows = np.unique(basis.groups, return_index=True, return_inverse=True)
    return SplitBasis(basis.kind, basis.task, basis.y[first], None, None), rows


def split_holdout(basis: SplitBasis, share: float, seed: int) -> tuple[Ints, Ints]:
    """(training rows, hold-out rows). A forward split sets the last rows aside, and rows of one time stay together."""
    all_rows = np.arange(len(basis.y), dtype=np.int64)
    if basis.kind == "forward" and basis.times is not None:
        order = np.argsort(basis.times, kind="stable")
        border = _between_times(basis.times[order], round(len(order) * (1 - share)))
        return np.sort(order[:border]), np.sort(order[border:])
    parts = max(2, round(1 / share))
    train, holdout = next(kfold_parts(basis, parts, seed))
    if basis.task == "regression" or basis.kind == "grouped":
        return train, holdout
    lonely = holdout[~np.isin(basis.y[holdout], basis.y[train])]  # a class that training would never see
    holdout = holdout[~np.isin(holdout, lonely)]
    return np.setdiff1d(all_rows, holdout), holdout


def forward_folds(times: Floats, folds: int) -> tuple[tuple[Ints, Ints], ...]:
    """Forward chaining: each fold is predicted from all rows before it; the first half of the rows is never predicted.

    Rows of one time stay together, so there may be fewer folds than asked for.
    """
    order = np.argsort(times, kind="stable").astype(np.int64)
    ordered = times[order]
    first = FIRST_SHARE * len(order)
    borders = [_between_times(ordered, round(first + (len(order) - first) * k / folds)) for k in range(folds)]
    borders.append(len(order))
    return tuple((order[:start], order[start:end]) for start, end in pairwise(borders) if 0 < start < end)


def fold_count(basis: SplitBasis, asked: int) -> tuple[int, tuple[str, ...]]:
    """How many folds the rows allow, with notes where that is fewer than asked for.

    Raises TrainingError when the rows allow no fold.
    """
    if basis.groups is not None and basis.kind != "grouped":
        basis, _ = _originals(basis)
    rows = len(basis.y)
    folds, notes = max(2, min(asked, rows // 2)), []
    if basis.groups is not None:
        groups = len(np.unique(basis.groups))
        if groups < 2:
            raise TrainingError(
                "All rows left for training belong to one group, so none can be kept apart for validation.",
                next_step="Choose a random split, or another group column.",
            )
        folds = min(folds, groups)
    if basis.task != "regression":
        counts = np.bincount(basis.y.astype(int))
        counts = counts[counts > 0]
        if len(counts) < 2 or int((counts >= 2).sum()) < 2:
            raise TrainingError(
                "Fewer than two classes have the two rows that training and validation need.",
                next_step="Add rows of the rare classes, or choose another target.",
            )
        common = int(np.sort(counts)[-2])
        if basis.kind == "stratified":
            folds = min(folds, max(2, common))
        rare = int((counts < folds).sum())
        if rare:
            notes.append(
                f"{rare} of {len(counts)} classes {'has' if rare == 1 else 'have'} fewer rows than there are folds "
                f"({folds}); some folds are fitted or scored without them"
            )
    if folds < asked:
        notes.insert(0, f"{folds} folds instead of {asked}: the rows allow no more")
    return folds, tuple(notes)


def early_stopping_split(basis: SplitBasis, index: Ints, share: float, seed: int) -> tuple[Ints, Ints]:
    """Positions in `index`: (rows to fit on, rows to stop early by), split the way the folds are."""
    inner = basis.take(index)
    if basis.kind == "forward" and inner.times is not None:
        order = np.argsort(inner.times, kind="stable").astype(np.int64)
        border = max(1, min(len(order) - 1, math.floor(len(order) * (1 - share))))
        return order[:border], order[border:]
    parts = max(2, min(round(1 / share), len(index)))
    if inner.groups is not None:
        parts = min(parts, len(np.unique(inner.groups)))
    if parts < 2:
        inner = SplitBasis("random", "regression", inner.y.astype(np.float64), None, None)
        parts = max(2, min(round(1 / share), len(index)))
    fit, stop = next(kfold_parts(inner, parts, seed))
    return fit.astype(np.int64), stop.astype(np.int64)


def _between_times(ordered: Floats, border: int) -> int:
    """The position nearest to `border` where the time changes."""
    if not 0 < border < len(ordered) or ordered[border - 1] != ordered[border]:
        return border
    value = ordered[border]
    before = int(np.searchsorted(ordered, value, side="left"))
    after = int(np.searchsorted(ordered, value, side="right"))
    if after < len(ordered) and (before == 0 or after - border < border - before):
        return after
    return before or border
