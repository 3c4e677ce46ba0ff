"""The columns that a person may want to predict, each with a confidence and the reason.

The name counts most, then the position (most tables keep the target last, some first), then the kind of the column,
then how well the other columns predict it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.dependence import predictability
from tabsmith.tables.schema.lexicon import head_word, is_class_name, is_unlikely_target, name_words, target_weight
from tabsmith.tables.schema.types import NUMBER_KINDS, ColumnKind, TargetCandidate

_MOST_CANDIDATES: Final = 6
_MEASURED: Final = 5  # candidates whose dependence on the other columns is measured
_MOST_CLASSES: Final = 50
_CANDIDATE_KINDS: Final = NUMBER_KINDS | {"category", "boolean"}


@dataclass(frozen=True, slots=True)
class _Scored:
    """A column with its score, before it is made a candidate."""

    score: float
    position: int  # among the columns that may be targets
    column: ColumnProfile
    reasons: tuple[str, ...]

    @property
    def rank(self) -> tuple[float, int]:
        return -self.score, self.position


def rank_targets(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample
) -> tuple[TargetCandidate, ...]:
    """The columns that may be the target, the likeliest first, at most six."""
    eligible = [column for column in profile.columns if _is_eligible(column, kinds[column.name])]
    usable = [column for column in profile.columns if kinds[column.name] not in {"identifier", "constant"}]
    names = [column.name for column in profile.columns]
    heads = Counter(head_word(name) for name in names)
    scored = [_score(position, column, kinds, usable, names, heads) for position, column in enumerate(eligible)]
    scored.sort(key=lambda candidate: candidate.rank)
    measured = [_with_dependence(candidate, kinds, usable, sample) for candidate in scored[:_MEASURED]]
    best = sorted([*measured, *scored[_MEASURED:]], key=lambda candidate: candidate.rank)[:_MOST_CANDIDATES]
    result = []
    for index, candidate in enumerate(best):
        lead = candidate.score - best[1].score if index == 0 and len(best) > 1 else 0.0
        confidence = round(min(0.99, max(0.02, candidate.score + 0.5 * lead)), 2)
        result.append(TargetCandidate(candidate.column.name, confidence, "; ".join(candidate.reasons)))
    return tuple(result)


def _is_eligible(column: ColumnProfile, kind: ColumnKind) -> bool:
    if kind not in _CANDIDATE_KINDS or column.missing_share > 0.9:
        return False
    return kind != "category" or column.distinct <= _MOST_CLASSES


def _score(
    position: int,
    column: ColumnProfile,
    kinds: Mapping[str, ColumnKind],
    usable: Sequence[ColumnProfile],
    names: Sequence[str],
    heads: Counter[str],
) -> _Scored:
    """The score of a column before any row is read."""
    kind = kinds[column.name]
    reasons: list[str] = []
    head = head_word(column.name)
    weight = target_weight(column.name, names)
    if head and len(name_words(column.name)) > 1:  # several satisfactions, several ratings: each less likely
        weight /= 1.0 + 0.35 * (heads[head] - 1)
    if weight >= 0.4:
        reasons.append("the name suggests a target")
    score = 0.62 * weight
    is_unlikely = is_unlikely_target(column.name) and weight < 0.4
    if len(usable) > 1 and column.name == usable[-1].name:
        score += 0.05 if is_unlikely else 0.26
        reasons.append("it is the last column")
    elif len(usable) > 1 and column.name == usable[0].name:
        score += 0.0 if is_unlikely else 0.14
        reasons.append("it is the first column")
        if _is_label_before_numbers(column, kinds, usable) and target_weight(usable[-1].name, names) < 0.5:
            score += 0.22
            reasons.append("classes stand before columns of numbers")
    if kind == "boolean" or column.distinct == 2:
        score += 0.06
        reasons.append("it has two values")
    elif kind == "category" or (kind == "code" and column.distinct <= _MOST_CLASSES):
        score += 0.04
        reasons.append(f"it has {column.distinct} classes")
    elif kind in ("numeric", "embedded number"):
        score += 0.03
        reasons.append("it is a number")
    if kind == "category" and _is_only_text(column, kinds, usable):
        score += 0.12
        reasons.append("it is the only text among numbers")
    if kind == "category" and column.distinct > 20 and not is_class_name(column.name):
        score -= 0.08
    if is_unlikely:
        score -= 0.15
    return _Scored(score - 0.4 * column.missing_share, position, column, tuple(reasons))


def _is_label_before_numbers(
    column: ColumnProfile, kinds: Mapping[str, ColumnKind], usable: Sequence[ColumnProfile]
) -> bool:
    """Whether the first column holds classes and all others hold numbers, as in many collections of tables."""
    rest = [other for other in usable if other.name != column.name]
    has_label_name = column.name.startswith("column_") or is_class_name(column.name)
    if not rest or (column.storage != "text" and not has_label_name):
        return False
    has_few_classes = 2 <= column.distinct <= 30 and column.rows >= 5 * column.distinct
    numbers = all(kinds[other.name] in NUMBER_KINDS for other in rest)
    continuous = sum(other.distinct > 30 for other in rest)
    return has_few_classes and numbers and continuous >= 0.6 * len(rest) and rest[-1].distinct > 10


def _is_only_text(column: ColumnProfile, kinds: Mapping[str, ColumnKind], usable: Sequence[ColumnProfile]) -> bool:
    rest = [other for other in usable if other.name != column.name]
    return len(rest) >= 2 and all(kinds[other.name] in NUMBER_KINDS | {"boolean"} for other in rest)


def _with_dependence(
    candidate: _Scored, kinds: Mapping[str, ColumnKind], usable: Sequence[ColumnProfile], sample: RowSample
) -> _Scored:
    """The candidate scored again by how well the other columns predict it."""
    column = candidate.column
    kind = kinds[column.name]
    others = [other.name for other in usable if other.name != column.name and kinds[other.name] != "text"]
    classes = kind in {"category", "boolean"} or column.distinct <= 6
    share = predictability(sample, column.name, others, classes=classes)
    reasons = candidate.reasons
    if share >= 0.1:
        reasons = (*reasons, f"the other columns predict {share:.0%} of it")
    return _Scored(candidate.score + 0.1 * min(share, 0.9), candidate.position, column, reasons)
