"""What features are fitted to: a fold's rows and targets, the recipe, and the columns that its steps may read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.spec import FamilyRequirements
from tabsmith.modeling.features.blocks import TextAnalyzer
from tabsmith.modeling.rows import RowArrays
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import ColumnKind, ProblemType

TARGET_CLASSES: Final = 10  # beyond, a target encoding has too many columns
ENCODING_PARTS: Final = 5  # parts that the rows are cut into to encode each by the target of the others


@dataclass(frozen=True)
class FeatureContext:
    """What features are fitted to: the rows and targets of a fold, and the recipe."""

    rows: RowArrays
    y: Ints | Floats
    task: ProblemType
    classes: int
    recipe: Recipe
    requirements: FamilyRequirements  # of the recipe's family
    seed: int

    def target_columns(self) -> Floats:
        """(rows, outputs): the target as numbers, a column for each class but the first of two; the most frequent
        `TARGET_CLASSES` classes where there are more."""
        if self.task == "regression":
            return np.asarray(self.y, dtype=np.float64).reshape(-1, 1)
        counts = np.bincount(np.asarray(self.y, dtype=np.int64), minlength=self.classes)
        classes = [1] if self.classes == 2 else np.sort(np.argsort(-counts, kind="stable")[:TARGET_CLASSES])
        return np.column_stack([np.asarray(self.y == label, dtype=np.float64) for label in classes])

    def encoding_parts(self) -> Ints:
        """The part of each row, from 0, when rows are encoded by the target of the other parts."""
        count = len(self.rows)
        order = np.random.default_rng(self.seed).permutation(count)
        parts = np.empty(count, dtype=np.int64)
        parts[order] = np.arange(count) % max(2, min(ENCODING_PARTS, count))
        return parts


@dataclass(frozen=True)
class StepColumns:
    """The columns that feature steps may read, by what can be made of them. A dropped column is none of them, nor one
    whose effect is to be monotone, because what is made of it would undo that."""

    numbers: tuple[str, ...]
    levels: tuple[str, ...]  # categories, codes and booleans
    dates: tuple[str, ...]
    time: str  # the column that rows are split by; empty where there is none
    texts: tuple[tuple[str, ColumnKind], ...]
    vectorized: frozenset[tuple[str, TextAnalyzer]]  # texts that are features without any step
    everything: tuple[str, ...]

    def named_levels(self, asked: Sequence[str]) -> tuple[str, ...]:
        """The columns whose cells are taken as levels: those asked for, of whatever kind, or all that are levels."""
        return chosen_columns(asked, self.everything if asked else self.levels)


def chosen_columns(asked: Sequence[str], possible: Sequence[str]) -> tuple[str, ...]:
    """The columns of `possible` that a step asks for; all of them where it names none."""
    return tuple(name for name in possible if not asked or name in asked)
