"""Fitted blocks of feature steps: arithmetic, crosses, group statistics, missing flags and lengths of texts, as data.

Like the blocks of a column (`blocks.py`) they are JSON, and each is a few array operations for all its outputs, so that
a single row passes through forty of them in a few milliseconds. A row has the same values alone and in any company.
"""

import hashlib
from functools import cached_property, lru_cache
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.feature_steps import ArithmeticOperation, GroupStatistic
from tabsmith.modeling.features.blocks import NumberScaling, level_positions
from tabsmith.modeling.rows import RowArrays, TextColumn

Keys: TypeAlias = npt.NDArray[np.uint64]

RANK_POINTS: Final = 9  # quantiles of a group that ranks within it are read from


class ArithmeticTerm(msgspec.Struct, frozen=True):
    """Two or three columns joined from left to right: `columns[0] operations[0] columns[1] operations[1] columns[2]`,
    the first two in brackets."""

    columns: tuple[str, ...]
    operations: tuple[ArithmeticOperation, ...]


class ArithmeticBlock(msgspec.Struct, frozen=True, tag="arithmetic", dict=True):
    """Terms of numeric columns, one output each. A division by zero and an overflow are missing."""

    columns: tuple[str, ...]
    terms: tuple[ArithmeticTerm, ...]
    scaling: NumberScaling = NumberScaling()

    @property
    def width(self) -> int:
        return len(self.terms)

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return tuple(term.columns for term in self.terms)

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        base = np.empty((len(rows), len(self.columns)))
        for index, name in enumerate(self.columns):
            base[:, index] = rows.floats(name)
        out[:] = self.compute(base)
        self.scaling.apply(out)

    def compute(self, base: Floats) -> Floats:
        """(rows, terms): the terms of `base` (rows, columns), not scaled."""
        values = base[:, self._first]
        with np.errstate(all="ignore"):
            for places, operation, operands in self._joins:
                right = base[:, operands]
                match operation:
                    case "add":
                        values[:, places] += right
                    case "subtract":
                        values[:, places] -= right
                    case "multiply":
                        values[:, places] *= right
                    case "divide":
                        values[:, places] /= right
        values[~np.isfinite(values)] = np.nan
        return values

    @cached_property
    def _first(self) -> Ints:
        return np.asarray([self.columns.index(term.columns[0]) for term in self.terms], dtype=np.int64)

    @cached_property
    def _joins(self) -> list[tuple[Ints, ArithmeticOperation, Ints]]:
        """(positions of terms, operation, positions of the columns on its right), the inner operations first."""
        joins: dict[tuple[int, ArithmeticOperation], list[tuple[int, int]]] = {}
        position = {name: index for index, name in enumerate(self.columns)}
        for place, term in enumerate(self.terms):
            for depth, operation in enumerate(term.operations):
                joins.setdefault((depth, operation), []).append((place, position[term.columns[depth + 1]]))
        return [
            (np.asarray([place for place, _ in pairs]), operation, np.asarray([right for _, right in pairs]))
            for (_, operation), pairs in sorted(joins.items())
        ]


class CrossBlock(msgspec.Struct, frozen=True, tag="crosses", dict=True):
    """Combinations of columns, each encoded by the target's mean at its values: one output per cross and class.

    A combination is found by a key of 64 bits made from its cells, so a cross of any columns takes one look-up.
    """

    crosses: tuple[tuple[str, ...], ...]
    keys: tuple[int, ...]  # of the combinations of all crosses, ascending
    table: tuple[tuple[float, ...], ...]  # for each key, the target's mean, a value per class
    other: tuple[float, ...]  # for combinations that training had not
    decimals: int | None = None  # numbers are rounded to so many places; None: they are not
    scaling: NumberScaling = NumberScaling()

    @property
    def width(self) -> int:
        return len(self.crosses) * len(self.other)

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return tuple(cross for cross in self.crosses for _ in self.other)

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        keys = cross_keys(rows, self.crosses, self.decimals)
        known, values = self._known
        positions = np.searchsorted(known, keys.ravel())
        positions[known[positions] != keys.ravel()] = len(known) - 1
        out[:] = values[positions].reshape(len(rows), -1)
        self.scaling.apply(out)

    @cached_property
    def _known(self) -> tuple[Keys, Floats]:
        """The keys with the largest one behind them, and their values with `other` behind them."""
        keys = np.asarray([*self.keys, 2**64 - 1], dtype=np.uint64)
        return keys, np.asarray([*self.table, self.other], dtype=np.float64)


def cross_keys(rows: RowArrays, crosses: tuple[tuple[str, ...], ...], decimals: int | None) -> Keys:
    """(rows, crosses): a key for each row's combination of cells, which is another one in each cross."""
    names = sorted({name for cross in crosses for name in cross})
    cells = {name: _cell_keys(rows, name, decimals) for name in names}
    keys = np.zeros((len(rows), len(crosses)), dtype=np.uint64)
    for depth in range(max(len(cross) for cross in crosses)):
        places = [index for index, cross in enumerate(crosses) if len(cross) > depth]
        joined = np.column_stack([cells[crosses[index][depth]] for index in places])
        keys[:, places] = _mixed(keys[:, places]) ^ joined
    salt = _mixed(np.arange(1, len(crosses) + 1, dtype=np.uint64))
    return np.minimum(_mixed(keys ^ salt), np.uint64(2**64 - 2))


def _cell_keys(rows: RowArrays, name: str, decimals: int | None) -> Keys:
    """A key for each cell: equal for equal cells, 0 for missing ones."""
    column = rows.columns[name]
    if isinstance(column, TextColumn):
        return np.asarray([*(_text_key(level) for level in column.levels), 0], dtype=np.uint64)[column.codes]
    values = column.values if decimals is None else np.round(column.values, decimals)
    keys = _mixed((values + 0.0).view(np.uint64))  # -0.0 becomes 0.0
    keys[np.isnan(values)] = 0
    return keys


@lru_cache(maxsize=100_000)
def _text_key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def _mixed(keys: Keys) -> Keys:
    """The keys with their bits spread: the finisher of SplitMix64 (Steele, Lea and Flood 2014)."""
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


class GroupOutput(msgspec.Struct, frozen=True):
    """One statistic of a number within its group; the count has no number."""

    statistic: GroupStatistic
    column: str = ""


class GroupBlock(msgspec.Struct, frozen=True, tag="groups", dict=True):
    """Numbers compared with the group of their row, a level of the column `by`; groups that training had not, or too
    few rows of, count as all rows together."""

    by: str
    levels: tuple[str, ...]
    outputs: tuple[GroupOutput, ...]
    columns: tuple[str, ...]
    counts: tuple[float, ...]  # for each level, then for other levels, then for missing cells
    means: tuple[tuple[float, ...], ...]  # of each of `columns`, in the same order of levels
    quantiles: tuple[tuple[tuple[float, ...], ...], ...]  # `RANK_POINTS` of each of `columns`
    scaling: NumberScaling = NumberScaling()

    @property
    def width(self) -> int:
        return len(self.outputs)

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return tuple((self.by, output.column) if output.column else (self.by,) for output in self.outputs)

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        positions = level_positions(rows, self.by, self._positions)
        counts, means, quantiles = self._statistics
        for index, output in enumerate(self.outputs):
            if output.statistic == "count":
                out[:, index] = counts[positions]
                continue
            column = self.columns.index(output.column)
            mean = means[positions, column]
            if output.statistic == "mean":
                out[:, index] = mean
                continue
            values = rows.floats(output.column)
            if output.statistic == "ratio":
                with np.errstate(all="ignore"):
                    ratio = values / mean
                out[:, index] = np.where(np.isfinite(ratio), ratio, np.nan)
            else:
                out[:, index] = rank_within(values, quantiles[positions, column])
        self.scaling.apply(out)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {level: position for position, level in enumerate(self.levels)}

    @cached_property
    def _statistics(self) -> tuple[Floats, Floats, Floats]:
        return np.asarray(self.counts), np.asarray(self.means), np.asarray(self.quantiles)


def rank_within(values: Floats, quantiles: Floats) -> Floats:
    """The share, from 0 to 1, of a group that lies below each of `values` (rows), read between the group's
    `quantiles` (rows, points); NaN where the value is missing."""
    below = (values[:, None] > quantiles).sum(axis=1)
    upper = np.clip(below, 1, quantiles.shape[1] - 1)
    rows = np.arange(len(values))
    low, high = quantiles[rows, upper - 1], quantiles[rows, upper]
    with np.errstate(all="ignore"):
        between = np.where(high > low, (values - low) / (high - low), 0.5)
    rank = (upper - 1 + np.clip(between, 0.0, 1.0)) / (quantiles.shape[1] - 1)
    return np.where(np.isnan(values), np.nan, rank)


class MissingBlock(msgspec.Struct, frozen=True, tag="missing"):
    """1 where a flagged column is missing, an output each; then the number of missing cells among `counted`."""

    flagged: tuple[str, ...]
    counted: tuple[str, ...]
    scaling: NumberScaling = NumberScaling()

    @property
    def width(self) -> int:
        return len(self.flagged) + 1

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return (*((name,) for name in self.flagged), self.counted)

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        out[:] = 0.0
        flags = {name: index for index, name in enumerate(self.flagged)}
        for name in self.counted:
            missing = is_missing_cell(rows, name)
            out[:, -1] += missing
            if name in flags:
                out[:, flags[name]] = missing
        self.scaling.apply(out)


def is_missing_cell(rows: RowArrays, name: str) -> npt.NDArray[np.bool_]:
    """Which cells of a column are missing."""
    column = rows.columns[name]
    return column.codes < 0 if isinstance(column, TextColumn) else np.isnan(column.values)


class LengthBlock(msgspec.Struct, frozen=True, tag="lengths"):
    """What a text looks like: its words, digits, capitals and punctuation marks, counted."""

    column: str
    scaling: NumberScaling = NumberScaling()

    @property
    def width(self) -> int:
        return 4

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return ((self.column,),) * self.width

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        texts = rows.texts(self.column)
        counts = [*(_text_counts(level) for level in texts.levels), (0, 0, 0, 0)]
        out[:] = np.asarray(counts, dtype=np.float64)[texts.codes]
        self.scaling.apply(out)


def _text_counts(text: str) -> tuple[int, int, int, int]:
    return (
        len(text.split()),
        sum(character.isdigit() for character in text),
        sum(character.isupper() for character in text),
        sum(not character.isalnum() and not character.isspace() for character in text),
    )
