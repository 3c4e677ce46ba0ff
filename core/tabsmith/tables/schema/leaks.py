"""Columns that tell the target too well: re-codings of it, near-perfect single features, parts of a sum.

Columns that add up: which others give the target by adding and subtracting, and which total it is a part of.

Least squares on the correlations of a sample, so that every column can be tried as the total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from tabsmith.tables.profile.row_sample import Floats, RowSample
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.dependence import is_linear, is_recoding, single_feature_score
from tabsmith.tables.schema.types import ColumnKind, ProblemType
from tabsmith.text import clean

_COLUMNS: Final = 40
_LEAST_COMPLETE_ROWS: Final = 30
_PART: Final = 0.9  # of the variance, that parts must explain of their sum
_TOTAL: Final = 0.985
_EXACT: Final = 0.99999
_WEIGHT: Final = 0.05  # standard deviations by which a part must matter
_NEAR: Final = 0.05  # by which a coefficient may miss 1


@dataclass(frozen=True, slots=True)
class Sums:
    """What adds up around a target. `parts` give it, explaining the share `explained`; `totals` hold it."""

    parts: tuple[str, ...] = ()
    explained: float = 0.0
    totals: tuple[str, ...] = ()


def find_sums(sample: RowSample, target: str, numeric: Sequence[str]) -> Sums:
    """The columns whose coefficients are 1 or -1 in the regression of the target; or the columns in whose
    regression the target has about 1, which without it are explained far worse."""
    moments = _moments(sample, [target, *numeric[:_COLUMNS]])
    if moments is None or len(moments.names) < 3 or moments.names[0] != target:
        return Sums()
    others = moments.names[1:]
    fit = moments.regression(target, others)
    if fit.explained >= _PART:
        parts = fit.added(_NEAR if fit.explained < _EXACT else 0.002)
        if len(parts) >= 2:
            return Sums(parts, fit.explained)
    return Sums(totals=tuple(name for name in others if _holds(moments, name, target, others)))


def _holds(moments: "_Moments", total: str, target: str, others: Sequence[str]) -> bool:
    rest = [name for name in others if name != total]
    fit = moments.regression(total, [target, *rest])
    if fit.explained < _TOTAL or not 0.75 <= fit.slopes[target] <= 1.3 or fit.effects[target] < _WEIGHT:
        return False
    if not [name for name in fit.added(_NEAR) if name != target]:
        return False
    without = moments.regression(total, rest)
    return 1 - without.explained > 3 * (1 - fit.explained) + 1e-9


@dataclass(frozen=True, slots=True)
class _Fit:
    slopes: dict[str, float]
    effects: dict[str, float]  # standard deviations
    explained: float

    def added(self, tolerance: float) -> tuple[str, ...]:
        """The columns that are added or subtracted as they are, and matter."""
        return tuple(
            name
            for name, slope in self.slopes.items()
            if abs(abs(slope) - 1) < tolerance and self.effects[name] > _WEIGHT
        )


@dataclass(frozen=True, slots=True)
class _Moments:
    names: list[str]
    deviations: Floats
    correlations: Floats

    def regression(self, wanted: str, names: Sequence[str]) -> _Fit:
        places = [self.names.index(name) for name in names]
        place = self.names.index(wanted)
        inner = self.correlations[np.ix_(places, places)]
        with_wanted = self.correlations[places, place]
        weights = np.linalg.pinv(inner, rcond=1e-9, hermitian=True) @ with_wanted
        explained = float(np.clip(2 * weights @ with_wanted - weights @ inner @ weights, 0, 1))
        slopes = weights * self.deviations[place] / self.deviations[places]
        return _Fit(
            dict(zip(names, slopes.tolist(), strict=True)),
            dict(zip(names, np.abs(weights).tolist(), strict=True)),
            explained,
        )


def _moments(sample: RowSample, names: Sequence[str]) -> _Moments | None:
    """Deviations and correlations over the rows that have all values; a column that lacks many is left out."""
    used = [name for name in names if np.isnan(sample.numbers(name)).mean() < 0.2]
    if len(used) < 3:
        return None
    table = np.column_stack([sample.numbers(name) for name in used])
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < max(_LEAST_COMPLETE_ROWS, 3 * len(used)):
        return None
    deviations = table.std(axis=0)
    varied = deviations > 0
    used = [name for name, varies in zip(used, varied, strict=True) if varies]
    scaled = (table[:, varied] - table[:, varied].mean(axis=0)) / deviations[varied]
    return _Moments(used, deviations[varied], scaled.T @ scaled / len(scaled))


_ALONE_CLASSES: Final = 0.97  # of the errors of always guessing the commonest class
_ALONE_NUMBERS: Final = 0.985  # of the variance
_FEW: Final = 50
_LEAST_ROWS: Final = 30


class Leak(msgspec.Struct, frozen=True):
    """Why a column is suspected; `same` when it says exactly what the target says, in other words."""

    message: str
    same: bool = False


def find_leaks(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, target: str, task: ProblemType
) -> dict[str, Leak]:
    """The columns that may not be known when a prediction is wanted, because they are made from the target."""
    if sample.rows < _LEAST_ROWS:
        return {}
    leaks: dict[str, Leak] = {}
    names = [
        column.name
        for column in profile.columns
        if column.name != target and kinds[column.name] not in {"identifier", "constant", "text"}
    ]
    shown = clean(target, 40)
    classes = task != "regression"
    distinct = {column.name: column.distinct for column in profile.columns}
    for name in names:
        if _is_same(sample, name, target, kinds, distinct, classes):
            leaks[name] = Leak(f"Says the same as {shown} in other words: it would give the answer away.", same=True)
            continue
        discrete = kinds[name] in {"category", "boolean"} or distinct[name] <= _FEW
        told = single_feature_score(sample, name, target, classes=classes, discrete=discrete)
        if told >= (_ALONE_CLASSES if classes else _ALONE_NUMBERS):
            leaks[name] = Leak(f"Tells {told:.1%} of {shown} all by itself: is it known before {shown} is?")
    if not classes:
        numeric = [name for name in names if kinds[name] in {"numeric", "code", "boolean"} and name not in leaks]
        leaks |= _sums(sample, target, numeric)
    return leaks


def _is_same(
    sample: RowSample,
    name: str,
    target: str,
    kinds: Mapping[str, ColumnKind],
    distinct: Mapping[str, int],
    classes: bool,
) -> bool:
    if classes:
        return distinct[name] == distinct[target] and is_recoding(sample.codes(name), sample.codes(target))
    if kinds[name] in {"numeric", "code"} and kinds[target] in {"numeric", "code"}:
        return is_linear(sample.numbers(name), sample.numbers(target))
    return False


def _sums(sample: RowSample, target: str, numeric: Sequence[str]) -> dict[str, Leak]:
    """Parts that add up to the target, or a total that holds it: fare + tip + tolls = total."""
    shown = clean(target, 40)
    sums = find_sums(sample, target, numeric)
    if not sums.parts:
        message = f"Looks like a total that {shown} is a part of: is it known before {shown} is?"
        return {total: Leak(message) for total in sums.totals}
    how = "exactly" if sums.explained > 0.99999 else f"to {sums.explained:.0%}"
    listed = ", ".join(clean(part, 40) for part in sums.parts)
    message = f"{shown} follows {how} from {listed} by adding and subtracting: are all of them known beforehand?"
    return {part: Leak(message) for part in sums.parts}
