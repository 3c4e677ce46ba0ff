"""Which column a person may want to predict: every column that could be, with a confidence and the reason.

The name counts most, then the place (most tables keep the target last, some first), then what the column is, then
how much the other columns tell of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.dependence import predictability
from tabsmith.tables.schema.lexicon import head_word, is_class_name, is_unlikely_target, name_words, target_weight
from tabsmith.tables.schema.types import ColumnKind, TargetCandidate

_SHOWN: Final = 6
_MEASURED: Final = 5  # candidates whose dependence on the others is measured
_MOST_CLASSES: Final = 50
_CANDIDATE_KINDS: Final = frozenset({"numeric", "code", "category", "boolean"})


def rank_targets(
    profile: TableProfile, kinds: Mapping[str, ColumnKind], sample: RowSample
) -> tuple[TargetCandidate, ...]:
    """The columns that may be the target, the likeliest first, at most six."""
    eligible = [column for column in profile.columns if _may_be(column, kinds[column.name])]
    if not eligible:
        return ()
    usable = [column for column in profile.columns if kinds[column.name] not in {"identifier", "constant"}]
    names = [column.name for column in profile.columns]
    heads = Counter(head_word(name) for name in names)
    places = {column.name: place for place, column in enumerate(usable)}
    scored: list[tuple[float, int, ColumnProfile, list[str]]] = []
    for place, column in enumerate(eligible):
        score, reasons = _first_score(column, kinds, usable, places, names, heads)
        scored.append((score, -place, column, reasons))
    scored.sort(key=lambda each: each[:2], reverse=True)
    return _with_dependence(scored, kinds, usable, sample)


def _may_be(column: ColumnProfile, kind: ColumnKind) -> bool:
    if kind not in _CANDIDATE_KINDS or column.missing_share > 0.9:
        return False
    return kind != "category" or column.distinct <= max(_MOST_CLASSES, 3)


def _first_score(
    column: ColumnProfile,
    kinds: Mapping[str, ColumnKind],
    usable: Sequence[ColumnProfile],
    places: Mapping[str, int],
    names: Sequence[str],
    heads: Counter[str],
) -> tuple[float, list[str]]:
    """A score before any row is looked at, and its reasons."""
    kind = kinds[column.name]
    reasons: list[str] = []
    alike = heads[head_word(column.name)] if head_word(column.name) else 1
    weight = target_weight(column.name, names)
    if len(name_words(column.name)) > 1:  # several satisfactions, several ratings: each less likely
        weight /= 1.0 + 0.35 * (alike - 1)
    if weight >= 0.4:
        reasons.append("its name is one that targets have")
    score = 0.62 * weight
    unlikely = is_unlikely_target(column.name) and weight < 0.4
    place = places.get(column.name, 0)
    if place == len(usable) - 1 and len(usable) > 1:
        score += 0.05 if unlikely else 0.26
        reasons.append("it is the last column")
    elif place == 0 and len(usable) > 1:
        score += 0.0 if unlikely else 0.14
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
    elif kind == "numeric":
        score += 0.03
        reasons.append("it is a number")
    if kind == "category" and _only_text(column, kinds, usable):
        score += 0.12
        reasons.append("it is the only text among numbers")
    if kind == "category" and column.distinct > 20 and not is_class_name(column.name):
        score -= 0.08
    if unlikely:
        score -= 0.15
    return score - 0.4 * column.missing_share, reasons


def _is_label_before_numbers(
    column: ColumnProfile, kinds: Mapping[str, ColumnKind], usable: Sequence[ColumnProfile]
) -> bool:
    """Classes in the first column, and numbers in all others: as many collections keep their tables."""
    rest = [each for each in usable if each.name != column.name]
    named = column.name.startswith("column_") or is_class_name(column.name)
    if column.storage != "text" and not named:
        return False
    few = 2 <= column.distinct <= 30 and column.rows >= 5 * column.distinct
    numbers = sum(kinds[each.name] in {"numeric", "code"} for each in rest)
    continuous = sum(each.distinct > 30 for each in rest)
    return few and bool(rest) and numbers == len(rest) and continuous >= 0.6 * len(rest) and rest[-1].distinct > 10


def _only_text(column: ColumnProfile, kinds: Mapping[str, ColumnKind], usable: Sequence[ColumnProfile]) -> bool:
    rest = [each for each in usable if each.name != column.name]
    return len(rest) >= 2 and all(kinds[each.name] in {"numeric", "code", "boolean"} for each in rest)


def _with_dependence(
    scored: Sequence[tuple[float, int, ColumnProfile, list[str]]],
    kinds: Mapping[str, ColumnKind],
    usable: Sequence[ColumnProfile],
    sample: RowSample,
) -> tuple[TargetCandidate, ...]:
    """The best few scored again by how much the other columns tell of each."""
    final: list[tuple[float, int, str, str]] = []
    for score, place, column, reasons in scored[:_MEASURED]:
        kind = kinds[column.name]
        others = [each.name for each in usable if each.name != column.name and kinds[each.name] != "text"]
        classes = kind in {"category", "boolean"} or column.distinct <= 6
        told = predictability(sample, column.name, others, classes=classes)
        if told >= 0.1:
            reasons = [*reasons, f"the other columns tell {told:.0%} of it"]
        final.append((score + 0.1 * min(told, 0.9), place, column.name, "; ".join(reasons)))
    final += [(score, place, column.name, "; ".join(reasons)) for score, place, column, reasons in scored[_MEASURED:]]
    final.sort(reverse=True)
    best = final[:_SHOWN]
    result = []
    for position, (score, _, name, reason) in enumerate(best):
        lead = score - best[1][0] if position == 0 and len(best) > 1 else 0.0
        confidence = round(min(0.99, max(0.02, score + 0.5 * lead)), 2)
        result.append(TargetCandidate(name, confidence, reason))
    return tuple(result)
