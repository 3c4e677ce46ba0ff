"""The delivered estimator: per recipe the models of its folds, averaged, and the recipes by weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tabsmith.modeling import families
from tabsmith.modeling.evaluate import derived_columns
from tabsmith.modeling.families import Estimator
from tabsmith.modeling.features import Features
from tabsmith.modeling.rows import Floats, Rows
from tabsmith.recipes.recipe import Recipe


@dataclass(frozen=True)
class FoldModel:
    """What was fitted on one fold."""

    features: Features
    estimator: Estimator

    def predict(self, rows: Rows) -> Floats:
        """(rows, classes or 1); `rows` hold the recipe's derived columns."""
        return self.estimator.predict(self.features.transform(rows))

    @classmethod
    def load(cls, folder: Path) -> "FoldModel":
        """The fold model saved in `folder`. Raises ModelDamagedError."""
        return cls(Features.load(folder), families.load(folder))


@dataclass(frozen=True)
class BagMember:
    """A recipe's fold models and its weight."""

    recipe: Recipe
    weight: float
    models: tuple[FoldModel, ...]

    def predict(self, rows: Rows) -> Floats:
        """The mean over the fold models."""
        whole = rows.replaced(derived_columns(rows, self.recipe)) if self.recipe.derived else rows
        made = self.models[0].predict(whole)
        for model in self.models[1:]:
            made = made + model.predict(whole)
        return np.asarray(made / len(self.models), dtype=np.float64)


@dataclass(frozen=True)
class Bag:
    """All members."""

    members: tuple[BagMember, ...]

    def predict(self, rows: Rows) -> Floats:
        """(rows, classes or 1): the members' predictions by their weights, which sum to 1."""
        made = self.members[0].weight * self.members[0].predict(rows)
        for member in self.members[1:]:
            made = made + member.weight * member.predict(rows)
        return np.asarray(made, dtype=np.float64)


def load_bag(members: Sequence[tuple[Recipe, float, Sequence[Path]]]) -> Bag:
    """The bag whose members' fold models lie in the folders given. Raises ModelDamagedError."""
    return Bag(
        tuple(
            BagMember(recipe, weight, tuple(FoldModel.load(folder) for folder in folders))
            for recipe, weight, folders in members
        )
    )
