"""Columns that predict the target too well: re-codings of it, single features that suffice, parts of a sum.

Every suspect is named with its own number: how well that column alone predicts the target. Sums are found by least squares on the correlations of a sample, so that every column can be tried as the total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from tabsmith.tables.profile.row_sample import Floats, RowSample
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.dependence import is_linear, is_recoding, rank_correlation, roc_auc, single_feature_score
from tabsmith.tables.schema.types import NUMBER_KINDS, TEXT_KINDS, ColumnKind, ProblemType
from tabsmith.text import clean

_ALONE_CLASSES: Final = 0.97  # of the errors of always predicting the commonest class
_ALONE_NUMBERS: Final = 0.985  # of the variance
_ALONE_AUC: Final = 0.995
_ALONE_RANKS: Final = 0.995
_WORTH_RANKING: Final = 0.3  # of a feature that predicts less, the ranks predict little too
_FEW_VALUES: Final = 50
_ROWS_PER_VALUE: Final = 5
_LEAST_ROWS: Final = 15
_LEAST_SUM_ROWS: Final = 30

_SUM_COLUMNS: Final = 40
_EXPLAINED_BY_PARTS: Final = 0.9  # of the variance of their sum
_EXPLAINED_TOTAL: Final = 0.985
_EXACT: Final = 0.99999
_LEAST_EFFECT: Final = 0.05  # standard deviations by which a part must matter
_TOLERANCE: Final = 0.05  # by which a coefficient may differ from 1
_EXACT_TOLERANCE: Final = 0.002


class Leak(msgspec.Struct, frozen=True):
    """Why a column is suspected; `same` if it holds exactly the information of the target."""

    message: str
    same: bool = False


def find_leaks(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample, target: str, problem_type: ProblemType
) -> dict[str, Leak]:
    """The columns that may be made from the target, and so may not be known when a prediction is wanted."""
    if sample.rows < _LEAST_ROWS:
        return {}
    leaks: dict[str, Leak] = {}
    names = [
        column.name
        for column in profile.columns
        if column.name != target and kinds[column.name] not in TEXT_KINDS | {"identifier", "constant"}
    ]
    target_name = clean(target, 40)
    classes = problem_type != "regression"
    distinct = {column.name: column.distinct for column in profile.columns}
    for name in names:
        if _is_same(sample, name, target, kinds, distinct, classes):
            leaks[name] = Leak(f"Another form of {target_name}: it would give the answer away.", same=True)
            continue
        ordered = kinds[name] in NUMBER_KINDS | {"boolean", "date"}
        discrete = not ordered or distinct[name] <= min(_FEW_VALUES, sample.rows // _ROWS_PER_VALUE)
        strength = _strength(sample, name, target, problem_type, discrete=discrete, ordered=ordered)
        if strength.is_too_good:
            leaks[name] = Leak(f"{strength}: is it known before {target_name} is?")
    if not classes:
        numeric = [name for name in names if kinds[name] in NUMBER_KINDS | {"boolean"} and name not in leaks]
        leaks |= _sum_leaks(sample, target, numeric)
    return leaks


@dataclass(frozen=True, slots=True)
class _Strength:
    """How well a column alone predicts the target, by one measure; as text, a sentence's beginning."""

    words: str
    value: float
    limit: float

    @property
    def is_too_good(self) -> bool:
        return self.value >= self.limit

    def __str__(self) -> str:
        return self.words.format(self.value)


def _strength(
    sample: RowSample, name: str, target: str, problem_type: ProblemType, *, discrete: bool, ordered: bool
) -> _Strength:
    """The measure by which the column comes closest to its limit, or passes it farthest."""
    classes = problem_type != "regression"
    score = single_feature_score(sample, name, target, classes=classes, discrete=discrete)
    if classes:
        measures = [_Strength("Alone, it saves {:.1%} of the errors of a guess", score, _ALONE_CLASSES)]
    else:
        measures = [_Strength("Alone, it explains the target with an R² of {:.3f}", score, _ALONE_NUMBERS)]
    ordered = ordered and score >= _WORTH_RANKING
    if ordered and problem_type == "binary":
        labels = sample.codes(target)
        present = labels >= 0
        area = roc_auc(sample.numbers(name)[present], labels[present] == labels[present].max(initial=0))
        measures.append(_Strength("Alone, it tells the classes apart with an AUC of {:.3f}", area, _ALONE_AUC))
    if ordered and not classes:
        rho = rank_correlation(sample.numbers(name), sample.numbers(target))
        measures.append(_Strength("Alone, it follows the target with a rank correlation of {:.3f}", rho, _ALONE_RANKS))
    return max(measures, key=lambda measure: (1 - measure.limit) / max(1e-9, 1 - measure.value))


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
    if kinds[name] in NUMBER_KINDS and kinds[target] in NUMBER_KINDS:
        return is_linear(sample.numbers(name), sample.numbers(target))
    return False


# Sums ----------------------------------------------------------------------------------------------------------------


def _sum_leaks(sample: RowSample, target: str, numeric: Sequence[str]) -> dict[str, Leak]:
    """Parts that add up to the target, or a total that the target is a part of: fare + tip + tolls = total."""
    target_name = clean(target, 40)
    sums = _find_sums(sample, target, numeric)
    if not sums.parts:
        message = f"Looks like a total that {target_name} is a part of: is it known before {target_name} is?"
        return {total: Leak(f"{message} {_alone(sample, total, target)}") for total in sums.totals}
    how = "exactly" if sums.explained > _EXACT else f"to {sums.explained:.0%}"
    parts = ", ".join(clean(part, 40) for part in sums.parts)
    message = f"{target_name} is {how} a sum of {parts}: are all of them known beforehand?"
    return {part: Leak(f"{message} {_alone(sample, part, target)}") for part in sums.parts}


def _alone(sample: RowSample, name: str, target: str) -> str:
    rho = rank_correlation(sample.numbers(name), sample.numbers(target))
    return f"{clean(name, 40)} alone has a rank correlation of {rho:.2f} with it."


@dataclass(frozen=True, slots=True)
class _Sums:
    """The sums around a target: `parts` add up to it, explaining the share `explained`, or it is in `totals`."""

    parts: tuple[str, ...] = ()
    explained: float = 0.0
    totals: tuple[str, ...] = ()


def _find_sums(sample: RowSample, target: str, numeric: Sequence[str]) -> _Sums:
    """The columns that are parts of the target, or totals of it.

    Parts have coefficients of 1 or -1 in the regression of the target. In the regression of a total the target has a
    coefficient of about 1, and without the target the total is explained far worse.
    """
    moments = _moments(sample, [target, *numeric[:_SUM_COLUMNS]])
    if moments is None or len(moments.names) < 3 or moments.names[0] != target:
        return _Sums()
    others = moments.names[1:]
    fit = moments.regression(target, others)
    if fit.explained >= _EXPLAINED_BY_PARTS:
        parts = fit.summands(_TOLERANCE if fit.explained < _EXACT else _EXACT_TOLERANCE)
        if len(parts) >= 2:
            return _Sums(parts, fit.explained)
    return _Sums(totals=tuple(name for name in others if _is_total(moments, name, target, others)))


def _is_total(moments: "_Moments", total: str, target: str, others: Sequence[str]) -> bool:
    rest = [name for name in others if name != total]
    fit = moments.regression(total, [target, *rest])
    if fit.explained < _EXPLAINED_TOTAL or not 0.75 <= fit.slopes[target] <= 1.3:
        return False
    if fit.effects[target] < _LEAST_EFFECT or not any(name != target for name in fit.summands(_TOLERANCE)):
        return False
    without_target = moments.regression(total, rest)
    return 1 - without_target.explained > 3 * (1 - fit.explained) + 1e-9


@dataclass(frozen=True, slots=True)
class _Fit:
    slopes: dict[str, float]
    effects: dict[str, float]  # standard deviations of the regressed column
    explained: float

    def summands(self, tolerance: float) -> tuple[str, ...]:
        """The columns that are added or subtracted with a coefficient of 1, and matter."""
        return tuple(
            name
            for name, slope in self.slopes.items()
            if abs(abs(slope) - 1) < tolerance and self.effects[name] > _LEAST_EFFECT
        )


@dataclass(frozen=True, slots=True)
class _Moments:
    names: list[str]
    deviations: Floats
    correlations: Floats

    def regression(self, regressed: str, names: Sequence[str]) -> _Fit:
        """The least-squares regression of a column on the columns `names`."""
        indices = [self.names.index(name) for name in names]
        index = self.names.index(regressed)
        among = self.correlations[np.ix_(indices, indices)]
        with_regressed = self.correlations[indices, index]
        weights = np.linalg.pinv(among, rcond=1e-9, hermitian=True) @ with_regressed
        explained = float(np.clip(2 * weights @ with_regressed - weights @ among @ weights, 0, 1))
        slopes = weights * self.deviations[index] / self.deviations[indices]
        return _Fit(
            dict(zip(names, slopes.tolist(), strict=True)),
            dict(zip(names, np.abs(weights).tolist(), strict=True)),
            explained,
        )


def _moments(sample: RowSample, names: Sequence[str]) -> _Moments | None:
    """Deviations and correlations over the rows that have all values; columns with many missing are left out."""
    used = [name for name in names if np.isnan(sample.numbers(name)).mean() < 0.2]
    if len(used) < 3:
        return None
    table = np.column_stack([sample.numbers(name) for name in used])
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < max(_LEAST_SUM_ROWS, 3 * len(used)):
        return None
    deviations = table.std(axis=0)
    varies = deviations > 0
    used = [name for name, is_used in zip(used, varies, strict=True) if is_used]
    scaled = (table[:, varies] - table[:, varies].mean(axis=0)) / deviations[varies]
    return _Moments(used, deviations[varies], scaled.T @ scaled / len(scaled))
