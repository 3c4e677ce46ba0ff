"""The columns that a person may want to predict, each with a confidence and the reason.

The name counts most, then the position (most tables keep the target last, some first), then the kind of the column,
then how well the other columns predict it. Keys and entities (a customer, a device) are no targets.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.dependence import predictability
from tabsmith.tables.schema.lexicon import (
    head_word,
    is_class_name,
    is_common_feature,
    is_entity_name,
    is_key_name,
    is_unlikely_target,
    name_words,
    number_family,
    target_weight,
)
from tabsmith.tables.schema.problem_type import holds_classes
from tabsmith.tables.schema.types import NUMBER_KINDS, TEXT_KINDS, ColumnKind, TargetCandidate

_MOST_CANDIDATES: Final = 6
_MEASURED: Final = 5  # candidates whose dependence on the other columns is measured
_MOST_CLASSES: Final = 50
_FAMILY: Final = 3  # columns that are only numbered: x1, x2, x3
_AMONG_FEATURES: Final = 0.5  # of the weight of a name that features have as often
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
    heads, families = (Counter(map(part, names)) for part in (head_word, number_family))
    table = _Table(kinds, usable, names, heads, families)
    scored = [_score(position, column, table) for position, column in enumerate(eligible)]
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
    if is_key_name(column.name) or is_entity_name(column.name):
        return False
    if kind == "category":
        return column.distinct <= _MOST_CLASSES and holds_classes(column)
    return column.storage != "text" or holds_classes(column)


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known of the whole table when its columns are scored."""

    kinds: Mapping[str, ColumnKind]
    usable: Sequence[ColumnProfile]  # neither keys of the rows nor constants
    names: Sequence[str]
    heads: Counter[str]  # of all names
    families: Counter[str]

    def is_last(self, column: ColumnProfile) -> bool:
        return len(self.usable) > 1 and column.name == self.usable[-1].name

    def is_first(self, column: ColumnProfile) -> bool:
        return len(self.usable) > 1 and column.name == self.usable[0].name


def _score(position: int, column: ColumnProfile, table: _Table) -> _Scored:
    """The score of a column before any row is read."""
    weight = _name_weight(column, table)
    reasons = ["the name suggests a target"] if weight >= 0.4 else []
    is_unlikely = is_unlikely_target(column.name) and weight < 0.4
    score = 0.62 * weight - 0.4 * column.missing_share - (0.15 if is_unlikely else 0.0)
    if table.families[number_family(column.name)] >= _FAMILY and number_family(column.name):
        score -= 0.15
    for points, reason in (*_position_points(column, table, is_unlikely), *_kind_points(column, table)):
        score += points
        if reason:
            reasons.append(reason)
    return _Scored(score, position, column, tuple(reasons))


def _name_weight(column: ColumnProfile, table: _Table) -> float:
    """How strongly the name suggests a target in this table."""
    weight = target_weight(column.name, table.names)
    head = head_word(column.name)
    if head and len(name_words(column.name)) > 1:  # several satisfactions, several ratings: each less likely
        weight /= 1.0 + 0.35 * (table.heads[head] - 1)
    if is_common_feature(column.name) and not table.is_last(column):
        is_label = table.is_first(column) and table.kinds[column.name] in ("category", "boolean", "code")
        weight *= 1.0 if is_label else _AMONG_FEATURES
    return weight


def _position_points(column: ColumnProfile, table: _Table, is_unlikely: bool) -> Iterator[tuple[float, str]]:
    if table.is_last(column):
        yield 0.05 if is_unlikely else 0.26, "it is the last column"
    elif table.is_first(column):
        yield 0.0 if is_unlikely else 0.14, "it is the first column"
        if _is_label_before_numbers(column, table) and target_weight(table.usable[-1].name, table.names) < 0.5:
            yield 0.22, "classes stand before columns of numbers"
        if _is_measured_before_conditions(column, table):
            yield 0.22, "a measurement stands before its conditions"


def _kind_points(column: ColumnProfile, table: _Table) -> Iterator[tuple[float, str]]:
    kind = table.kinds[column.name]
    if kind == "boolean" or column.distinct == 2:
        yield 0.06, "it has two values"
    elif kind == "category" or (kind == "code" and column.distinct <= _MOST_CLASSES):
        yield 0.04, f"it has {column.distinct} classes"
    elif kind in ("numeric", "embedded number"):
        yield 0.03, "it is a number"
    if kind == "category" and _is_only_text(column, table):
        yield 0.12, "it is the only text among numbers"
    if kind == "category" and column.distinct > 20 and not is_class_name(column.name):
        yield -0.08, ""


def _is_label_before_numbers(column: ColumnProfile, table: _Table) -> bool:
    """Whether the first column holds classes and all others hold numbers, as in many collections of tables."""
    rest = [other for other in table.usable if other.name != column.name]
    has_label_name = column.name.startswith("column_") or is_class_name(column.name)
    if not rest or (column.storage != "text" and not has_label_name):
        return False
    has_few_classes = 2 <= column.distinct <= 30 and column.rows >= 5 * column.distinct
    numbers = all(table.kinds[other.name] in NUMBER_KINDS for other in rest)
    continuous = sum(other.distinct > 30 for other in rest)
    return has_few_classes and numbers and continuous >= 0.6 * len(rest) and rest[-1].distinct > 10


def _is_measured_before_conditions(column: ColumnProfile, table: _Table) -> bool:
    """Whether the first column varies and all others have few values, as an experiment is written down."""
    rest = [other for other in table.usable if other.name != column.name]
    varies = table.kinds[column.name] == "numeric" and column.distinct > 10
    return varies and all(other.distinct <= 10 for other in rest)


def _is_only_text(column: ColumnProfile, table: _Table) -> bool:
    rest = [other for other in table.usable if other.name != column.name]
    return len(rest) >= 2 and all(table.kinds[other.name] in NUMBER_KINDS | {"boolean"} for other in rest)


def _with_dependence(
    candidate: _Scored, kinds: Mapping[str, ColumnKind], usable: Sequence[ColumnProfile], sample: RowSample
) -> _Scored:
    """The candidate scored again by how well the other columns predict it."""
    column = candidate.column
    kind = kinds[column.name]
    others = [other.name for other in usable if other.name != column.name and kinds[other.name] not in TEXT_KINDS]
    classes = kind in {"category", "boolean"} or column.distinct <= 6
    share = predictability(sample, column.name, others, classes=classes)
    reasons = candidate.reasons
    if share >= 0.1:
        reasons = (*reasons, f"the other columns predict {share:.0%} of it")
    return _Scored(candidate.score + 0.1 * min(share, 0.9), candidate.position, column, reasons)
