"""The step `arithmetic`: sums, differences, products and ratios of numeric columns, the strongest kept."""

from itertools import combinations, permutations
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats
from tabsmith.families.feature_steps import Arithmetic
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.generated_blocks import ArithmeticBlock, ArithmeticTerm
from tabsmith.modeling.features.relevance import RankedFeatures, Relevance, rank_features
from tabsmith.modeling.features.scaling import fit_robust_scaling

MIN_DISTINCT: Final = 3
BASE_COLUMNS: Final = 30  # strongest columns that are combined
BASE_TERMS: Final = 20  # strongest pairs that a third column is joined to
_CHUNK: Final = 500  # candidates ranked at once


def fit_arithmetic(
    context: FeatureContext, step: Arithmetic, names: tuple[str, ...], relevance: Relevance
) -> ArithmeticBlock | None:
    """The strongest combinations of the columns `names` on the context's rows; None when none is beyond noise."""
    numbers = {name: context.rows.floats(name) for name in names}
    sampled = {name: values[relevance.sample] for name, values in numbers.items()}
    names = tuple(name for name in names if _distinct(sampled[name]) >= MIN_DISTINCT)
    if len(names) < 2:
        return None
    columns = np.column_stack([sampled[name] for name in names])
    strength = relevance.strength(rank_features(np.ascontiguousarray(columns.T)))
    if len(names) > BASE_COLUMNS:
        kept = np.sort(np.argsort(-strength, kind="stable")[:BASE_COLUMNS])
        names = tuple(names[index] for index in kept.tolist())
        columns, strength = columns[:, kept], strength[kept]
    own = dict(zip(names, strength.tolist(), strict=True))
    terms = _pairs(step, names)
    if step.order == 3:
        terms += _triples(step, names, _strongest(terms, own, columns, relevance, BASE_TERMS))
    terms = _strongest(terms, own, columns, relevance, step.most)
    if not terms:
        return None
    block = ArithmeticBlock(names, tuple(terms))
    values = block.compute(np.column_stack([numbers[name] for name in names]))
    return ArithmeticBlock(names, tuple(terms), fit_robust_scaling(values, context.requirements))


def _distinct(values: Floats) -> int:
    return len(np.unique(values[~np.isnan(values)]))


def _pairs(step: Arithmetic, names: tuple[str, ...]) -> list[ArithmeticTerm]:
    terms = []
    for operation in step.operations:
        pairs = permutations(names, 2) if operation == "divide" else combinations(names, 2)
        terms += [ArithmeticTerm(pair, (operation,)) for pair in pairs]
    return terms


def _triples(step: Arithmetic, names: tuple[str, ...], pairs: list[ArithmeticTerm]) -> list[ArithmeticTerm]:
    return [
        ArithmeticTerm((*pair.columns, name), (*pair.operations, operation))
        for pair in pairs
        for operation in step.operations
        for name in names
        if name not in pair.columns
    ]


def _strongest(
    terms: list[ArithmeticTerm], own: dict[str, float], columns: Floats, relevance: Relevance, most: int
) -> list[ArithmeticTerm]:
    """The strongest terms beyond noise, at most `most`; `own` are the names of `columns` with the strength of each."""
    if not terms:
        return []
    parts = []
    for start in range(0, len(terms), _CHUNK):
        values = ArithmeticBlock(tuple(own), tuple(terms[start : start + _CHUNK])).compute(columns)
        parts.append(rank_features(np.ascontiguousarray(values.T)))
    ranked = RankedFeatures(
        np.concatenate([part.ranks for part in parts]), np.concatenate([part.varied for part in parts])
    )
    parts_strength = np.asarray([max(own[name] for name in term.columns) for term in terms])
    return [terms[index] for index in relevance.choose(ranked, most, above=parts_strength)]
