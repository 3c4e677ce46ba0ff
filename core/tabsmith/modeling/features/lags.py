"""Lags: earlier values of a column in the row's own series, known at the time from which the row is predicted.

A model is asked for rows that lie one moment ahead of what it knows, or many. So each row of training is given what was
known a random number of moments before it, up to a horizon, and how many moments ago that was: the model learns what an
old value is worth. A lag of 7 is the latest known value a multiple of 7 moments before the row: the same weekday,
however far ahead the row lies. (Direct forecasting with the horizon as a feature; Ben Taieb and Hyndman 2012.)

Values of new rows are read from the history that is kept with the block, never from other new rows; nothing at or after
a row's own time is used.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from tabsmith.errors import RecipeError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.feature_steps import Lags
from tabsmith.families.spec import FamilyRequirements
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.scaling import centers_and_scales
from tabsmith.modeling.rows import RowArrays, TextColumn

MOST_KEPT: Final = 200_000
"""Values of the past that a block keeps: of more entities, those with the most moments."""
HORIZON_SHARE: Final = 0.2
"""Of the moments of the rows fitted on: how far ahead rows are predicted, unless a recipe says. Forward folds and the
hold-out lie that far ahead."""


class History(msgspec.Struct, frozen=True, dict=True):
    """The known values of a column, entity by entity, in the order of time, in one list."""

    entities: tuple[str, ...]
    counts: tuple[int, ...]  # values of each entity
    times: tuple[float, ...]
    values: tuple[float, ...]

    @cached_property
    def starts(self) -> Ints:
        """The position of each entity's first value, and one past the last of all."""
        return np.cumsum([0, *self.counts]).astype(np.int64)

    @cached_property
    def positions(self) -> dict[str, int]:
        """The place of each entity in `entities`."""
        return {entity: place for place, entity in enumerate(self.entities)}

    @cached_property
    def arrays(self) -> tuple[Floats, Floats]:
        """The times and the values as arrays, made once."""
        return np.asarray(self.times, dtype=np.float64), np.asarray(self.values, dtype=np.float64)

    @cached_property
    def _moments(self) -> Floats:
        return np.unique(self.arrays[0])

    @cached_property
    def _keys(self) -> Ints:
        """The place of each value by entity and moment, ascending."""
        entity = np.repeat(np.arange(len(self.entities)), self.counts)
        return entity * (len(self._moments) + 1) + np.searchsorted(self._moments, self.arrays[0])

    def known_before(self, entity: Ints, times: Floats) -> Ints:
        """For each row, one past the position of the entity's latest value before a time; its start if there is none."""
        moment = np.searchsorted(self._moments, times, side="left")
        return np.searchsorted(self._keys, entity * (len(self._moments) + 1) + moment, side="left").astype(np.int64)

    def latest(self, kept: int, most: int) -> "History":
        """The last `kept` values of each entity, for as many entities as `most` values allow: those with the most."""
        order = np.argsort(-np.asarray(self.counts, dtype=np.int64), kind="stable")[: max(1, most // max(1, kept))]
        chosen = np.sort(order).tolist()
        parts = [
            np.arange(max(self.starts[place], self.starts[place + 1] - kept), self.starts[place + 1])
            for place in chosen
        ]
        index = np.concatenate(parts).tolist() if parts else []
        return History(
            tuple(self.entities[place] for place in chosen),
            tuple(len(part) for part in parts),
            tuple(self.times[position] for position in index),
            tuple(self.values[position] for position in index),
        )


class LagBlock(msgspec.Struct, frozen=True, tag="lags", dict=True):
    """Earlier values of a column: one output a lag, the mean of each window of the latest values, and their age.

    The age is the number of moments since the latest known value.
    """

    column: str  # whose values the history holds; the target is none of the columns of new rows
    time: str
    entity: tuple[str, ...]  # the columns that name each row's series; empty where all rows are one
    lags: tuple[int, ...]
    windows: tuple[int, ...]
    step: float  # between two moments, in seconds or in the unit of the time column
    history: History
    fill: tuple[float, ...] = ()  # in place of missing values; empty: they stay
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()  # empty: not scaled

    @property
    def width(self) -> int:
        return len(self.lags) + len(self.windows) + 1

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns of a row that each output is computed from; the earlier values are the history's."""
        return ((self.time, *self.entity),) * self.width

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        """Fill `out` (rows, width) with what is known before each row."""
        entity = _positions(_series(rows, self.entity), self.history)
        out[:] = self.finished(self.known(entity, rows.floats(self.time)))

    def known(self, entity: Ints, times: Floats, ahead: Ints | None = None) -> Floats:
        """(rows, width): what is known before each row; with `ahead`, what was known that many moments before it."""
        cutoff = times if ahead is None else times - (ahead - 0.5) * self.step
        history = self.history
        out = np.full((len(times), self.width), np.nan)
        rows = np.flatnonzero((entity >= 0) & ~np.isnan(times))
        end = history.known_before(entity[rows], cutoff[rows])
        start = history.starts[entity[rows]]
        has_past = end > start
        rows, end, start = rows[has_past], end[has_past], start[has_past]
        if not len(rows):
            return out
        moments, values = history.arrays
        age = np.maximum(1, np.round((times[rows] - moments[end - 1]) / self.step)).astype(np.int64)
        for place, lag in enumerate(self.lags):
            position = end - 1 - (-age) % lag
            out[rows, place] = np.where(position >= start, values[np.maximum(position, 0)], np.nan)
        for place, window in enumerate(self.windows, len(self.lags)):
            # Not by differences of running sums, whose rounding would carry other rows' values into these.
            total = np.zeros(len(rows))
            for back in range(1, window + 1):
                total += np.where(end - back >= start, values[np.maximum(end - back, 0)], 0.0)
            out[rows, place] = total / np.minimum(window, end - start)
        out[rows, -1] = age
        return out

    def finished(self, values: Floats) -> Floats:
        """Known values filled and scaled as the estimator needs them."""
        if self.fill:
            values = np.where(np.isnan(values), np.asarray(self.fill), values)
        if self.scale:
            values = (values - np.asarray(self.center)) / np.asarray(self.scale)
        return values


def fit_lags(
    step: Lags, rows: RowArrays, time: str, column: str, values: Floats, generator: np.random.Generator
) -> tuple[LagBlock, Floats]:
    """The block of a column's earlier values, and (rows, width) what these rows know of it, neither filled nor scaled.

    `time` names the column of the rows' times, `column` the one that holds `values`.
    """
    series = _series(rows, step.entity)
    times = rows.floats(time)
    history = _history(series, times, values)
    between = _median_step(history)
    horizon = step.horizon or max(1, round(HORIZON_SHARE * len(np.unique(times[~np.isnan(times)]))))
    ahead = generator.integers(1, horizon + 1, len(rows))
    whole = LagBlock(column, time, step.entity, step.lags, step.windows, between, history)
    known = whole.known(_positions(series, history), times, ahead)
    kept = history.latest(max(*step.lags, *step.windows, 1), MOST_KEPT)
    return msgspec.structs.replace(whole, history=kept), known


def _series(rows: RowArrays, entity: Sequence[str]) -> TextColumn:
    """The series of each row: a text for each different entity; rows that lack a part of it have none."""
    if not entity:
        return TextColumn(np.zeros(len(rows), dtype=np.int64), ("",))
    columns = [rows.texts(name) for name in entity]
    if len(columns) == 1:
        return columns[0]
    codes = np.column_stack([column.codes for column in columns])
    places, place = np.unique(codes, axis=0, return_inverse=True)
    names = [
        json.dumps([column.levels[code] for column, code in zip(columns, codes, strict=True)])
        for codes in places.tolist()
    ]
    return TextColumn(np.where((codes < 0).any(axis=1), -1, place.reshape(-1)), tuple(names))


def _positions(series: TextColumn, history: History) -> Ints:
    """The place of each row's entity in the history; -1 for one that it does not know."""
    places = [history.positions.get(level, -1) for level in series.levels]
    return np.asarray([*places, -1], dtype=np.int64)[series.codes]


def _history(series: TextColumn, times: Floats, values: Floats) -> History:
    """The history of these rows: the mean of the values that an entity has at one time; rows without one are left out."""
    rows = np.flatnonzero((series.codes >= 0) & ~np.isnan(times) & ~np.isnan(values))
    moments, moment = np.unique(times[rows], return_inverse=True)
    keys, key, counts = np.unique(
        series.codes[rows] * (len(moments) + 1) + moment, return_inverse=True, return_counts=True
    )
    means = np.bincount(key, weights=values[rows], minlength=len(keys)) / counts
    owner, at = np.divmod(keys, len(moments) + 1)
    present, lengths = np.unique(owner, return_counts=True)
    return History(
        tuple(series.levels[code] for code in present.tolist()),
        tuple(lengths.tolist()),
        tuple(moments[at].tolist()),
        tuple(means.tolist()),
    )


def _median_step(history: History) -> float:
    """The median interval between two moments of an entity; 1 where no entity has two."""
    steps = np.diff(np.asarray(history.times))
    inside = np.ones(len(steps), dtype=bool)
    inside[history.starts[1:-1] - 1] = False
    return float(np.median(steps[inside])) if inside.any() else 1.0


def fit_lag_blocks(context: FeatureContext, step: Lags, time: str) -> list[tuple[LagBlock, Floats]]:
    """The blocks of a recipe's lags, each with (rows, width) what these rows themselves know of earlier values.

    `time` is the column of the rows' times, empty where there is none.

    Raises RecipeError where the rows have no time or the target is no number.
    """
    if not time:
        raise RecipeError(
            "Lags need a table that is split by time.",
            next_step="Give the column of times the role time, or leave the lags out.",
        )
    if not step.columns and context.classes > 2:
        raise RecipeError(
            "Lags of a target with more than two classes are no numbers.",
            next_step="Name numeric columns for the lags.",
        )
    generator = np.random.default_rng(context.seed)
    target = {"": np.asarray(context.y, dtype=np.float64)}
    fitted = []
    for name, values in ({name: context.rows.floats(name) for name in step.columns} or target).items():
        block, known = fit_lags(step, context.rows, time, name, values, generator)
        fitted.append(_finished_lags(block, known, context.requirements))
    return fitted


def _finished_lags(block: LagBlock, known: Floats, requirements: FamilyRequirements) -> tuple[LagBlock, Floats]:
    """The block that fills and scales as the family's estimator needs it, and the values of these rows so finished."""
    middle = [
        float(np.median(present)) if len(present) else 0.0
        for present in (column[~np.isnan(column)] for column in known.T)
    ]
    center, scale = centers_and_scales(np.where(np.isnan(known), middle, known), requirements.scaling)
    fill = () if requirements.missing else tuple(middle)
    block = msgspec.structs.replace(block, fill=fill, center=center, scale=scale)
    return block, block.finished(known)
