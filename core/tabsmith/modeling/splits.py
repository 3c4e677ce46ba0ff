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


def _units(basis: SplitBasis) -> int:
    """The number of groups, copies counted as one row, or rows: what a part of a split holds whole."""
    return len(basis.y) if basis.groups is None else len(np.unique(basis.groups))


def _best_part(basis: SplitBasis, parts: int, share: float, seed: int) -> tuple[Ints, Ints]:
    """(the other rows, the part's rows) of a split into `parts`, of which one is set aside.

    Rows in no groups make parts of one size, and the first part is taken. Groups may differ in size and in classes: of
    their parts, the one is taken without which fewest classes are left, then one with two classes, then the one whose
    share of the rows is nearest to `share`, so that a huge group is rather learned from than set aside.
    """
    pairs = kfold_parts(basis, parts, seed)
    if basis.groups is None or basis.kind != "grouped":
        return next(pairs)
    classes = len(np.unique(basis.y)) if basis.task != "regression" else 0

    def cost(pair: tuple[Ints, Ints]) -> tuple[int, bool, float]:
        rest, part = pair
        distance = abs(len(part) / len(basis.y) - share)
        if not classes:
            return 0, False, distance
        return classes - len(np.unique(basis.y[rest])), len(np.unique(basis.y[part])) < 2, distance

    return min((pair for pair in pairs if len(pair[0]) and len(pair[1])), key=cost)


def split_holdout(basis: SplitBasis, share: float, seed: int) -> tuple[Ints, Ints]:
    """(training rows, hold-out rows). A forward split sets the last rows aside, and rows of one time stay together.

    The rows must be in two groups at least, if they are in groups.
    """
    all_rows = np.arange(len(basis.y), dtype=np.int64)
    if basis.kind == "forward" and basis.times is not None:
        order = np.argsort(basis.times, kind="stable")
        border = _between_times(basis.times[order], round(len(order) * (1 - share)))
        return np.sort(order[:border]), np.sort(order[border:])
    parts = max(2, min(round(1 / share), _units(basis)))
    train, holdout = _best_part(basis, parts, share, seed)
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
        largest = int(np.bincount(basis.groups).max())
        if groups > 2 and largest > rows / 2:
            notes.append(
                f"one group holds {largest / rows:.0%} of the rows to train on; the fold that predicts it is fitted to the others alone"
            )
        if basis.task != "regression":
            notes += _check_classes_in_groups(basis.y.astype(np.int64), basis.groups)
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


def _check_classes_in_groups(classes: Ints, groups: Ints) -> tuple[str, ...]:
    """A note on the classes that lie in one group alone. Raises TrainingError where fewer than two classes lie in more."""
    pairs = np.unique(np.column_stack([classes, groups]), axis=0)
    groups_of_class = np.bincount(pairs[:, 0])
    groups_of_class = groups_of_class[groups_of_class > 0]
    alone = int((groups_of_class == 1).sum())
    if len(groups_of_class) - alone < 2:
        raise TrainingError(
            f"{alone} of {len(groups_of_class)} classes lie in one group each, so a model that has not seen a group cannot "
            "know its class, and no two classes can be validated.",
            next_step="Choose a random split, another group column, or add groups with rows of several classes.",
        )
    if not alone:
        return ()
    verb = "lies" if alone == 1 else "lie"
    return (
        f"{alone} of {len(groups_of_class)} classes {verb} in one group each; the fold that scores one is fitted without it",
    )


def early_stopping_split(basis: SplitBasis, index: Ints, share: float, seed: int) -> tuple[Ints, Ints]:
    """Positions in `index`: (rows to fit on, rows to stop early by), split the way the folds are."""
    inner = basis.take(index)
    if basis.kind == "forward" and inner.times is not None:
        order = np.argsort(inner.times, kind="stable").astype(np.int64)
        border = max(1, min(len(order) - 1, math.floor(len(order) * (1 - share))))
        return order[:border], order[border:]
    parts = max(2, min(round(1 / share), len(index)))
    parts = min(parts, _units(inner))
    if parts < 2:
        inner = SplitBasis("random", "regression", inner.y.astype(np.float64), None, None)
        parts = max(2, min(round(1 / share), len(index)))
    fit, stop = _best_part(inner, parts, share, seed)
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
