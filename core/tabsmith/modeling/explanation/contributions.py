"""What each column adds to each prediction: Shapley values (Lundberg and Lee 2017), whose sum with the base is the prediction.

They are in the prediction's own unit: the target's, or probabilities. A family that knows its own Shapley values gives
them exactly, in its margins; those of log-odds and class scores are carried over to probabilities along the straight
line from the base to the margin (Aumann and Shapley 1974; Sundararajan et al. 2017), which keeps the sum. All other
members are asked for predictions of rows that take their cells, column by column, from a background row (Castro et al.
2009, Štrumbelj and Kononenko 2014). A feature that is computed from several columns counts for each of them equally.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from tabsmith.families.estimator import AdditiveModel, Estimator, Floats, Ints, probabilities
from tabsmith.modeling.cross_validation import FoldModel, compute_derived_columns
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.types import UNCALIBRATED, Calibration, Uncalibrated
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel
from tabsmith.modeling.explanation.out_of_fold import OutOfFoldSample
from tabsmith.modeling.rows import RowArrays
from tabsmith.recipes.derived import source_columns

BACKGROUND_ROWS: Final = 50
MIN_WALKS: Final = 2
_WALKED_ROWS: Final = 1000  # predicted for each explained row, about
_CHUNK_ROWS: Final = 20_000  # predicted at once
_PIECE_ROWS: Final = 1_000  # explained at once
_CHUNK_CELLS: Final = 4_000_000  # in memory at once
_SMALL: Final = 1e-6  # a change of a margin below which the slope there is taken for that of the change
_STILL: Final = 1e-9  # a sum of contributions below which a prediction is the base
_GUESSED_ROWS: Final = 24  # by which columns are put in a first order; a deep CatBoost takes 20 ms for each
_NODES: Final = 24  # of the integral from the base to the margin
_TOLERANCE: Final = 1e-4  # of the largest prediction, by which exact contributions may miss it


@dataclass(frozen=True)
class Contributions:
    """Shapley values of some rows: `values` + `base` sum to the predictions (rows, classes or 1)."""

    columns: tuple[str, ...]
    values: Floats  # (rows, columns, classes or 1)
    base: Floats  # (classes or 1,): the prediction for a row of which nothing is known
    exact: bool  # False where some of the members were only asked for predictions

    @property
    def prediction(self) -> Floats:
        """(rows, classes or 1)."""
        return np.asarray(self.values.sum(axis=1) + self.base, dtype=np.float64)

    def of_outputs(self, outputs: Ints | np.int64) -> Floats:
        """(rows, columns): the contributions to one output, or to another one of each row."""
        return self.values[np.arange(len(self.values)), :, outputs]


class RowExplainer:
    """Gives the contributions of the columns to the predictions of `model`.

    A row is explained in the same way alone and in company. `background` holds the columns that the model reads.
    """

    def __init__(
        self, model: BaggedModel, background: RowArrays, *, seed: int = 0, calibration: Calibration = UNCALIBRATED
    ) -> None:
        self._calibration = calibration
        self.columns = tuple(background.columns)
        self._parts = [_explainer(member, background, self.columns, seed) for member in model.members]
        self.base = np.asarray(sum(part.weight * part.base for part in self._parts), dtype=np.float64)

    def explain(self, rows: RowArrays) -> Contributions:
        """The contributions of all `rows` at once; takes memory for rows x columns x classes."""
        values = np.zeros((len(rows), len(self.columns), len(self.base)))
        for part in self._parts:
            values += part.weight * part.values(rows)
        exact = all(isinstance(part, _ExactExplainer) for part in self._parts)
        return _calibrated(Contributions(self.columns, values, self.base, exact), self._calibration)

    def pieces(self, rows: RowArrays) -> Iterator[tuple[slice, Contributions]]:
        """The contributions of a few of the rows after the others, in bounded memory, and which rows these are."""
        chunk = max(1, min(_PIECE_ROWS, _CHUNK_CELLS // (max(1, len(self.columns)) * len(self.base))))
        for first in range(0, len(rows), chunk):
            piece = slice(first, min(first + chunk, len(rows)))
            yield piece, self.explain(rows.take(np.arange(piece.start, piece.stop)))


def _calibrated(found: Contributions, calibration: Calibration) -> Contributions:
    """The contributions to calibrated probabilities; their sum with the calibrated base is the calibrated prediction.

    Of two classes, calibration is a rising function of one number, along whose way from the base to the prediction every
    contribution shrinks or grows alike. Of more, what calibration adds is shared among the columns by the size of their
    contributions.
    """
    if isinstance(calibration, Uncalibrated):
        return found
    base = calibrate(calibration, found.base[None, :])[0]
    moved = found.values.sum(axis=1)
    wanted = calibrate(calibration, found.prediction) - base
    if len(base) == 2:
        still = np.abs(moved) < _STILL
        ratio = np.where(still, 1.0, wanted / np.where(still, 1.0, moved))
        return replace(found, values=found.values * ratio[:, None, :], base=base)
    sizes = np.abs(found.values)
    totals = sizes.sum(axis=1, keepdims=True)
    shares = np.where(totals > _STILL, sizes / np.maximum(totals, _STILL), 1 / len(found.columns))
    return replace(found, values=found.values + shares * (wanted - moved)[:, None, :], base=base)


def mean_contributions(sample: OutOfFoldSample, enough: Callable[[], bool]) -> dict[str, float] | None:
    """The mean size of each column's contributions to the predictions of a few rows of a sample's largest fold, over the
    members that give theirs exactly; None if none does. `enough` is asked before every member."""
    names = tuple(sample.rows.columns)
    fold = max(range(len(sample.parts)), key=lambda place: sample.parts[place].stop - sample.parts[place].start)
    part = sample.parts[fold]
    rows = sample.rows.take(np.arange(part.start, min(part.stop, part.start + _GUESSED_ROWS)))
    sizes: dict[str, float] | None = None
    for member in sample.members:
        model = member.models[fold]
        if not isinstance(model.estimator.model, AdditiveModel) or enough():
            continue
        X = model.features.transform(rows.replaced(compute_derived_columns(rows, member.recipe)))
        effects = _margins(model.estimator, X, X)[:, :, :-1]
        by_column = _by_column(model, effects, source_columns(member.recipe.derived, names), names)
        means = member.weight * model.estimator.file.scale * np.abs(by_column).mean(axis=0).sum(axis=1)
        sizes = {name: (sizes or {}).get(name, 0.0) + size for name, size in zip(names, means.tolist(), strict=True)}
    return sizes


class _Explainer(Protocol):
    """What gives the contributions of the columns to the predictions of one member."""

    weight: float
    base: Floats  # (classes or 1,)

    def values(self, rows: RowArrays) -> Floats:
        """(rows, columns, classes or 1)."""
        ...


def _explainer(member: BaggedMember, background: RowArrays, names: tuple[str, ...], seed: int) -> _Explainer:
    if all(
        model.estimator.model is None or isinstance(model.estimator.model, AdditiveModel) for model in member.models
    ):
        exact = _ExactExplainer(member, background, names)
        if exact.holds():
            return exact
    return _WalkingExplainer(member, background, names, seed)


# Families that know their own Shapley values -----------------------------------------------------------------------


class _ExactExplainer:
    """The mean over the fold models of a member, each of which gives its own Shapley values."""

    def __init__(self, member: BaggedMember, background: RowArrays, names: tuple[str, ...]) -> None:
        self.weight = member.weight
        self._member = member
        self._names = names
        self._derived = source_columns(member.recipe.derived, names)
        self._background = background
        complete = self._complete(background)
        self._compared = [model.features.transform(complete) for model in member.models]
        self._of_background = [
            _of_estimator(model.estimator, X, X) for model, X in zip(member.models, self._compared, strict=True)
        ]
        self.base = np.asarray(np.mean([found.base for found in self._of_background], axis=0), dtype=np.float64)

    def holds(self) -> bool:
        """Whether the contributions and the base of the background rows sum to their predictions."""
        for model, X, found in zip(self._member.models, self._compared, self._of_background, strict=True):
            prediction = model.estimator.predict(X)
            if not np.allclose(found.prediction, prediction, rtol=0, atol=_TOLERANCE * float(np.abs(prediction).max())):
                return False
        return True

    def values(self, rows: RowArrays) -> Floats:
        complete = self._complete(rows)
        total = np.zeros((len(rows), len(self._names), len(self.base)))
        for model, compared in zip(self._member.models, self._compared, strict=True):
            found = _of_estimator(model.estimator, model.features.transform(complete), compared)
            total += _by_column(model, found.values.swapaxes(1, 2), self._derived, self._names)
        return total / len(self._member.models)

    def _complete(self, rows: RowArrays) -> RowArrays:
        recipe = self._member.recipe
        return rows.replaced(compute_derived_columns(rows, recipe)) if recipe.derived else rows


def _of_estimator(estimator: Estimator, X: Floats, background: Floats) -> Contributions:
    """The contributions of the features to an estimator's predictions."""
    file = estimator.file
    features = tuple(map(str, range(X.shape[1])))
    if estimator.model is None:
        return Contributions(features, np.zeros((len(X), X.shape[1], file.outputs)), np.asarray(file.constant), True)
    margins = _margins(estimator, X, background)
    effects, base = margins[:, :, :-1], margins[:1, :, -1]
    if not file.present:
        slopes = _slopes(estimator.numbers, base[0, 0], effects.sum(axis=(1, 2)))
        return Contributions(features, effects.swapaxes(1, 2) * slopes[:, None, None], estimator.numbers(base)[0], True)
    values, start = _as_probabilities(effects, base)
    all_classes = np.zeros((len(X), X.shape[1], file.outputs))
    all_classes[:, :, list(file.present)] = values
    all_base = np.zeros(file.outputs)
    all_base[list(file.present)] = start
    return Contributions(features, all_classes, all_base, True)


def _margins(estimator: Estimator, X: Floats, background: Floats) -> Floats:
    """(rows, margins, features + 1): the contributions to the margins of an additive model, the base last.

    The trend of a target, which the model has not seen, adds its distance from the trend of the background.
    """
    assert isinstance(estimator.model, AdditiveModel)
    if not estimator.file.detrended:
        return estimator.model.contributions(X, background)
    rest = estimator.model.contributions(X[:, :-1], background[:, :-1])
    usual = background[:, -1].mean()
    trend = ((X[:, -1] - usual) / estimator.file.scale)[:, None, None]
    return np.concatenate([rest[:, :, :-1], trend, rest[:, :, -1:] + usual / estimator.file.scale], axis=2)


def _slopes(link: Callable[[Floats], Floats], base: float, change: Floats) -> Floats:
    """What `link`, a rising function of (rows, 1) margins, makes of each `change` from `base`, divided by that change.

    Along a straight line from the base, the share of each feature in the change is the same before and after the link.
    """
    least = _SMALL * max(1.0, abs(base))
    steps = np.where(np.abs(change) < least, least, change)  # where nothing changes, about the derivative
    return np.asarray((link(base + steps[:, None]) - link(np.array([[base]])))[:, 0] / steps, dtype=np.float64)


def _as_probabilities(effects: Floats, base: Floats) -> tuple[Floats, Floats]:
    """Contributions (rows, margins, features) to log-odds or class scores as those to probabilities.

    Returns (rows, features, classes), and the probabilities (classes,) at the base (1, margins).
    """
    change = effects.sum(axis=2)
    start, end = probabilities(base)[0], probabilities(base + change)
    if effects.shape[1] == 1:
        slopes = _slopes(lambda margins: probabilities(margins)[:, 1:], base[0, 0], change[:, 0])
        second = effects[:, 0, :] * slopes[:, None]
        return np.stack([-second, second], axis=2), start
    values = np.zeros((len(effects), effects.shape[2], effects.shape[1]))
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        p = probabilities(base + place * change)
        mean = np.einsum("nk,nkf->nf", p, effects)
        values += weight * p[:, None, :] * (effects.swapaxes(1, 2) - mean[:, :, None])
    # What the sum of finitely many places misses is spread by the size of the contributions.
    missed = end - start - values.sum(axis=1)
    size = np.abs(values)
    total = size.sum(axis=1, keepdims=True)
    values += missed[:, None, :] * np.divide(size, total, out=np.full_like(size, 1 / size.shape[1]), where=total > 0)
    return values, start


def _by_column(
    model: FoldModel, values: Floats, derived: Mapping[str, tuple[str, ...]], names: tuple[str, ...]
) -> Floats:
    """Contributions (rows, outputs, features) summed over the features of each column: (rows, columns, outputs)."""
    places = {name: place for place, name in enumerate(names)}
    shares = np.zeros((values.shape[2], len(names)))
    for feature, used in enumerate(model.features.sources):
        columns = [column for name in used for column in derived.get(name, (name,))]
        for column in columns:
            shares[feature, places[column]] += 1 / len(columns)
    return np.asarray((values @ shares).swapaxes(1, 2), dtype=np.float64)


# Any other family --------------------------------------------------------------------------------------------------


class _WalkingExplainer:
    """Shapley values sampled by walks: from a background row to the row, one column after the other in a random order.

    Every second walk takes the reversed order of the walk before, which halves the noise (Mitchell et al. 2022). All
    rows are explained by the same walks, so that the base, the mean prediction at their beginnings, is one number.
    """

    def __init__(self, member: BaggedMember, background: RowArrays, names: tuple[str, ...], seed: int) -> None:
        self.weight = member.weight
        self._member = member
        self._names = names
        self._used = _used_columns(member, names)
        count = max(MIN_WALKS, min(BACKGROUND_ROWS, _WALKED_ROWS // max(1, len(self._used))))
        generator = np.random.default_rng(seed)
        starts = generator.permutation(len(background))[np.arange(count) % len(background)]
        drawn = [generator.permutation(len(self._used)) for _ in range((count + 1) // 2)]
        self._orders = np.array([order for pair in drawn for order in (pair, pair[::-1])][:count], dtype=np.int64)
        self._background = background
        self._starts = starts
        self._begun = member.predict(background.take(starts))
        self.base = self._begun.mean(axis=0)

    def values(self, rows: RowArrays) -> Floats:
        values = np.zeros((len(rows), len(self._names), len(self.base)))
        walks, steps = self._orders.shape
        if not steps:
            return values
        both = rows.joined(self._background)
        places = np.array([self._names.index(name) for name in self._used])
        chunk = max(1, _CHUNK_CELLS // (walks * steps * len(self.base)))
        for first in range(0, len(rows), chunk):
            explained = np.arange(first, min(first + chunk, len(rows)))
            predicted = self._walk(both, explained, len(rows))
            changes = predicted - np.concatenate(
                [
                    np.broadcast_to(self._begun[None, :, None], (len(explained), walks, 1, len(self.base))),
                    predicted[:, :, :-1],
                ],
                axis=2,
            )
            for walk in range(walks):
                values[explained[:, None], places[self._orders[walk]]] += changes[:, walk] / walks
        return values

    def _walk(self, both: RowArrays, explained: Ints, background: int) -> Floats:
        """(explained rows, walks, steps, outputs): the prediction after each step. Background rows follow `background`
        rows in `both`."""
        walks, steps = self._orders.shape
        shape = (len(explained), walks, steps)
        rank = np.argsort(self._orders, axis=1)  # the step at which each column becomes the explained row's
        predicted = np.empty((int(np.prod(shape)), len(self.base)))
        chunk = max(1, min(_CHUNK_ROWS, _CHUNK_CELLS // steps))
        for first in range(0, len(predicted), chunk):
            flat = np.arange(first, min(first + chunk, len(predicted)))
            row, walk, step = np.unravel_index(flat, shape)
            own, other = explained[row], background + self._starts[walk]
            cells = {
                name: both.columns[name].take(np.where(rank[walk, place] <= step, own, other))
                for place, name in enumerate(self._used)
            }
            predicted[flat] = self._member.predict(both.take(other).replaced(cells))
        return predicted.reshape(*shape, -1)


def _used_columns(member: BaggedMember, names: tuple[str, ...]) -> tuple[str, ...]:
    """The table's columns that some fold model of a member reads, in the order of `names`."""
    derived = source_columns(member.recipe.derived, names)
    read = {
        column
        for model in member.models
        for used in model.features.sources
        for name in used
        for column in derived.get(name, (name,))
    }
    return tuple(name for name in names if name in read)
