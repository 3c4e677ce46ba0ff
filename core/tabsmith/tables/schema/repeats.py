"""Rows that are copies, or near-copies, of other rows: tested on copies of its training rows, a guess looks good.

Two rows are near-copies if each of their features is the same text, or a number within a thousandth of the column's
standard deviation. Where a table has few different rows by nature, equal rows are no copies: there, many rows differ in
just one feature too. A row's features are compared by the sum of their 64-bit hashes, so that a feature can be taken out.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.tables.schema.types import TableWarning
from tabsmith.text import plural

_CELLS_AT_ONCE: Final = 1_000_000
_GRID: Final = 1_000  # cells in a standard deviation
_LATTICE: Final = 0.3  # of the different rows differ from another in one feature only: such rows are equal by nature
_LATTICE_ROWS: Final = 5_000
_LATTICE_COLUMNS: Final = 30
_LEAST_DIFFERENT: Final = 20  # rows
_NEAR_CELLS: Final = 30_000_000  # of a larger table only equal rows are found, which takes a third of the time
_MOSTLY: Final = 0.5
_AGREEING: Final = 0.9  # of copies have their original's target

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]
Groups = npt.NDArray[np.int64]


class Copies(msgspec.Struct, frozen=True):
    """The copies among some rows: `groups` numbers the different rows, and is the same for a row and its copies."""

    groups: Groups
    different: int  # rows
    copies: int  # rows beyond the first of their group
    exact: int  # of the copies, those that are equal to the last digit

    def warning(self, rows: int) -> TableWarning:
        """The warning of a table of `rows` rows, of which these groups may be a sample."""
        sample = "" if rows == len(self.groups) else f"in a sample of {len(self.groups):,} rows, "
        verb = "is" if self.copies == 1 else "are"
        near = "" if self.exact == self.copies else ", or nearly so"
        said = f"{sample}{plural(self.copies, 'row')} {verb} identical to an earlier row in every feature{near}."
        return TableWarning(
            "repeated rows",
            f"{said[0].upper()}{said[1:]} Copies stay together in one part of the split, so that no model is tested on a "
            "row that it was trained on.",
        )


def find_copies(features: Sequence[Floats], target: Floats) -> Copies | None:
    """The copies among rows, or None if there are none, or equal rows are natural in this table.

    `features` are columns of (rows,) as numbers or as codes of texts, NaN where missing; so is `target`.
    """
    rows = len(target)
    if rows < 2 or not features:
        return None
    exact = _group(_row_hashes(features))
    steps = [_step(values) for values in features] if rows * len(features) <= _NEAR_CELLS else []
    groups = exact
    if any(steps):
        for shift in (0.0, 0.5):  # two numbers that a border of one grid parts share a cell of the other
            groups = _joined(groups, _group(_row_hashes(features, steps, shift)))
    different = int(groups.max()) + 1
    if different == rows or different < _LEAST_DIFFERENT:
        return None
    found = Copies(groups, different, rows - different, rows - int(exact.max()) - 1)
    return found if _are_copies(found, features, target) else None


def _are_copies(found: Copies, features: Sequence[Floats], target: Floats) -> bool:
    """Whether equal rows were copied, and are not equal because the features have few values."""
    first = np.unique(found.groups, return_index=True)[1]
    if _lattice_share(features, first) < _LATTICE:
        return True
    originals = target[first][found.groups]
    agree = (originals == target) | (np.isnan(originals) & np.isnan(target))
    copied = np.ones(len(target), dtype=bool)
    copied[first] = False
    return found.copies >= _MOSTLY * len(target) and bool(agree[copied].mean() >= _AGREEING)


def _lattice_share(features: Sequence[Floats], rows: Groups) -> float:
    """The share of different rows that differ from another one in one feature only."""
    rows = rows[:: max(1, len(rows) // _LATTICE_ROWS)]
    if len(features) < 2:
        return 1.0 if len(features[0]) > 2 * len(rows) else 0.0
    hashes = _hashes(np.stack([values[rows] for values in features]), np.arange(len(features)))
    total = hashes.sum(axis=0, dtype=np.uint64)
    alike = np.zeros(len(rows), dtype=bool)
    for without in hashes[:: max(1, len(hashes) // _LATTICE_COLUMNS)]:
        _, inverse, counts = np.unique(total - without, return_inverse=True, return_counts=True)
        alike |= counts[inverse] > 1
    return float(alike.mean())


# Hashes of rows ------------------------------------------------------------------------------------------------------


def _step(values: Floats) -> float:
    """The width of a cell of the grid; 0 for a column whose values are no closer to each other than that."""
    present = values[~np.isnan(values)]
    if not len(present):
        return 0.0
    step = float(present.std()) / _GRID
    return step if np.isfinite(step) and step > 0 and bool(np.any(present != np.round(present))) else 0.0


def _row_hashes(features: Sequence[Floats], steps: Sequence[float] = (), shift: float = 0.0) -> Hashes:
    """A number for each row, the same for rows with the same cells; with `steps`, the same for cells of one grid."""
    rows = len(features[0])
    total = np.zeros(rows, dtype=np.uint64)
    at_once = max(1, _CELLS_AT_ONCE // max(1, rows))
    for start in range(0, len(features), at_once):
        cells = np.stack(features[start : start + at_once])
        if steps:
            widths = np.array(steps[start : start + at_once])[:, None]
            cells = np.where(widths > 0, np.floor(cells / np.where(widths > 0, widths, 1.0) + shift), cells)
        total += _hashes(cells, np.arange(start, start + len(cells))).sum(axis=0, dtype=np.uint64)
    return total


def _hashes(columns: Floats, salts: npt.NDArray[np.int64]) -> Hashes:
    """The cells of columns, of (columns, rows), as evenly spread 64-bit numbers: the finalizer of SplitMix64 (Steele, Lea
    and Flood 2014), with a salt for each column.
    """
    bits = np.where(np.isnan(columns), np.nan, columns + 0.0).view(np.uint64)  # one NaN, and no negative zero
    with np.errstate(over="ignore"):
        bits = bits + ((salts.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))[:, None]
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)), dtype=np.uint64)


def _group(hashes: Hashes) -> Groups:
    return np.unique(hashes, return_inverse=True)[1].astype(np.int64)


def _joined(one: Groups, other: Groups) -> Groups:
    """The groups in which rows are together that are together in either."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = int(one.max()) + 1
    size = ones + int(other.max()) + 1
    edges = coo_array((np.ones(len(one), dtype=bool), (one, ones + other)), shape=(size, size))
    labels = connected_components(edges, directed=False)[1]
    return np.unique(labels[one], return_inverse=True)[1].astype(np.int64)
