"""Known-good recipes for a table, the quick and strong ones first, fitted to its size, task and columns.

The order and the ranges follow the published portfolios of AutoGluon (Tabular Zeroshot 2023): boosting with its
defaults first, then extra-trees variants, small learning rates, small and large leaves; forests, a network and
neighbours for variety in the ensemble.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tabsmith.recipes.recipe import Family, ParameterValue, Recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema

TINY: Final = 300  # rows below which few candidates are tried: each one more is a chance to be fooled by noise
SMALL: Final = 2_000
LARGE: Final = 100_000
HUGE: Final = 500_000


class TableSize(msgspec.Struct, frozen=True):
    """What decides which recipes suit a table. `width` is the columns after one-hot encoding, about."""

    rows: int
    width: int
    classes: int

    @property
    def outputs(self) -> int:
        """Trees grown per round."""
        return self.classes if self.classes > 2 else 1


def portfolio(schema: Schema, profile: TableProfile, *, family: Family | None = None) -> tuple[Recipe, ...]:
    """The recipes to try on this table, in order, no two alike; only those of `family` when one is given, and then
    also where the family is slow on such a table, because it was asked for."""
    size = measure_table(schema, profile)
    if family is not None:
        return tuple(_RECIPES[family](size))
    recipes = [recipe for name in _RECIPES if _suits(name, size) for recipe in _RECIPES[name](size)]
    rank = {name: place for place, name in enumerate(_ORDER)}
    ordered = sorted(recipes, key=lambda recipe: rank.get(recipe.name, len(rank)))
    return tuple(ordered[: _count(size)])


def measure_table(schema: Schema, profile: TableProfile) -> TableSize:
    """The table's size as the portfolio sees it."""
    columns = {column.name: column for column in profile.columns}
    width = 0
    for column in schema.features:
        known = columns.get(column.name)
        one_hot = column.kind in ("category", "code") and known is not None
        width += min(known.distinct, 50) if one_hot and known else 1
    target = columns.get(schema.target)
    classes = target.distinct if target and schema.problem_type in ("binary", "multiclass") else 0
    return TableSize(rows=profile.rows or schema.rows, width=max(1, width), classes=classes)


def _count(size: TableSize) -> int:
    if size.rows < TINY:
        return 10
    if size.rows < SMALL:
        return 16
    return 24 if size.rows < HUGE else 12


def _suits(family: Family, size: TableSize) -> bool:
    cells = size.rows * size.width
    match family:
        case "random_forest" | "extra_trees":
            return size.classes <= 50 and cells * max(1, size.outputs) <= 50_000_000
        case "nearest_neighbors":
            return size.rows <= 20_000 and size.width <= 100
        case "neural_network":
            return size.rows >= 100 and cells <= 20_000_000
        case "linear":
            return cells * max(1, size.outputs) <= 500_000_000
        case "catboost":
            return size.outputs <= 100
        case _:
            return True


def _rounds(size: TableSize, plain: int) -> int:
    """Trees: fewer where each is dear (many rows, many classes) or where more would only learn noise."""
    if size.rows < TINY:
        plain //= 3
    elif size.rows < SMALL:
        plain = plain * 2 // 3
    if size.outputs > 10:
        plain = max(30, plain * 10 // size.outputs)
    return max(20, plain)


def _leaf(size: TableSize, plain: int) -> int:
    """Fewest rows in a leaf: less on a tiny table, where the plain number would allow no split at all."""
    return max(1, min(plain, size.rows // 20))


def _linear(size: TableSize) -> list[Recipe]:
    recipes = [
        _recipe("linear", "linear, ridge", penalty="l2", alpha=1.0),
        _recipe("linear", "linear, strong ridge", penalty="l2", alpha=30.0),
    ]
    if size.rows <= LARGE and size.outputs <= 20:
        recipes.append(_recipe("linear", "linear, lasso", penalty="l1", alpha=0.1))
        recipes.append(_recipe("linear", "linear, elastic net", penalty="elasticnet", alpha=0.1, l1_ratio=0.5))
    return recipes


def _lightgbm(size: TableSize) -> list[Recipe]:
    leaf = _leaf(size, 20)

    def lightgbm(name: str, trees: int, rate: float, leaves: int, **more: ParameterValue) -> Recipe:
        values: dict[str, ParameterValue] = {"min_data_in_leaf": leaf, **more}
        return _recipe(
            "lightgbm", name, n_estimators=_rounds(size, trees), learning_rate=rate, num_leaves=leaves, **values
        )

    drawn: dict[str, ParameterValue] = {"bagging_freq": 1}
    return [
        lightgbm("lightgbm, default", 200, 0.1 if size.rows < LARGE else 0.15, 31),
        lightgbm("lightgbm, extra trees", 300, 0.07, 31, extra_trees=True, feature_fraction=0.9),
        lightgbm("lightgbm, slow", 600, 0.03, 31, feature_fraction=0.7, bagging_fraction=0.8, **drawn),
        lightgbm("lightgbm, small leaves", 500, 0.04, 15, feature_fraction=0.6, lambda_l2=1.0,
                 **{**drawn, "bagging_fraction": 0.9, "min_data_in_leaf": _leaf(size, 5)}),
        lightgbm("lightgbm, stumps", 500, 0.05, 5, feature_fraction=0.8, lambda_l1=0.1),
        lightgbm("lightgbm, large", 300, 0.03, 128 if size.rows >= SMALL else 63, feature_fraction=0.9,
                 min_data_in_leaf=_leaf(size, 3)),
        lightgbm("lightgbm, extra trees slow", 800, 0.03, 96, extra_trees=True, feature_fraction=0.6, lambda_l2=0.5),
        lightgbm("lightgbm, few columns", 500, 0.05, 63, feature_fraction=0.4, bagging_fraction=0.7,
                 lambda_l1=0.5, lambda_l2=2.0, **drawn),
    ]  # fmt: skip


def _catboost(size: TableSize) -> list[Recipe]:
    large = size.rows >= LARGE or size.outputs > 10
    trees = 500 if not large else 250
    deep = 8 if size.rows >= SMALL and size.outputs <= 10 else 5

    def catboost(name: str, count: int, depth: int, **more: ParameterValue) -> Recipe:
        return _recipe("catboost", name, iterations=_rounds(size, count), depth=depth, **more)

    return [
        catboost("catboost, default", trees, 6),
        catboost("catboost, shallow", trees, 4, l2_leaf_reg=2.0, learning_rate=0.08),
        catboost("catboost, deep", trees, deep, l2_leaf_reg=4.0, learning_rate=0.05, rsm=0.8),
        catboost("catboost, slow", trees * 2, 6, learning_rate=0.03, random_strength=2.0),
        catboost("catboost, smooth", trees, 6, l2_leaf_reg=10.0, bagging_temperature=1.0, learning_rate=0.06),
        catboost("catboost, one-hot", trees, 5, one_hot_max_size=25, learning_rate=0.06),
    ]


def _forests(family: Family, word: str, size: TableSize) -> list[Recipe]:
    trees = 300 if size.rows < SMALL * 10 else 150
    return [
        _recipe(family, f"{word}, default", n_estimators=trees, min_samples_leaf=1),
        _recipe(family, f"{word}, smooth", n_estimators=trees, min_samples_leaf=5 if size.rows >= TINY else 3),
        _recipe(family, f"{word}, many columns", n_estimators=trees, min_samples_leaf=2, max_features=0.5),
    ]


def _random_forest(size: TableSize) -> list[Recipe]:
    return _forests("random_forest", "random forest", size)


def _extra_trees(size: TableSize) -> list[Recipe]:
    return _forests("extra_trees", "extra trees", size)


def _hist(size: TableSize) -> list[Recipe]:
    leaf = _leaf(size, 20)
    return [
        _recipe("hist_gradient_boosting", "hist boosting, default",
                max_iter=_rounds(size, 150), learning_rate=0.1, min_samples_leaf=leaf),
        _recipe("hist_gradient_boosting", "hist boosting, slow",
                max_iter=_rounds(size, 400), learning_rate=0.03, max_features=0.7, min_samples_leaf=leaf),
        _recipe("hist_gradient_boosting", "hist boosting, small trees",
                max_iter=_rounds(size, 400), learning_rate=0.06, max_leaf_nodes=8, l2_regularization=1.0,
                min_samples_leaf=leaf),
    ]  # fmt: skip


def _network(size: TableSize) -> list[Recipe]:
    epochs = 100 if size.rows < 20_000 else 30
    early = size.rows >= SMALL  # a tenth of a small table is too few rows to stop by
    return [
        _recipe("neural_network", "neural network, default",
                hidden_layer_sizes="128,64", max_iter=epochs, early_stopping=early),
        _recipe("neural_network", "neural network, small",
                hidden_layer_sizes="32", alpha=0.01, max_iter=epochs, early_stopping=early),
        _recipe("neural_network", "neural network, wide",
                hidden_layer_sizes="256,128", alpha=0.001, max_iter=epochs, early_stopping=early),
    ]  # fmt: skip


def _neighbors(size: TableSize) -> list[Recipe]:
    most = max(1, size.rows // 4)
    counts = dict.fromkeys(min(count, most) for count in (15, 5, 50))
    return [
        *(
            _recipe("nearest_neighbors", f"nearest neighbors, {count}", n_neighbors=count, weights="distance")
            for count in counts
        ),
        _recipe("nearest_neighbors", "nearest neighbors, manhattan", n_neighbors=min(10, most), metric="manhattan"),
    ]


def _recipe(family: Family, name: str, **values: ParameterValue) -> Recipe:
    return Recipe(family=family, name=name, parameters=values)


_RECIPES: Final[dict[Family, Callable[[TableSize], list[Recipe]]]] = {
    "linear": _linear,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
    "extra_trees": _extra_trees,
    "random_forest": _random_forest,
    "hist_gradient_boosting": _hist,
    "neural_network": _network,
    "nearest_neighbors": _neighbors,
}

_ORDER: Final = (
    "linear, ridge",
    "lightgbm, default",
    "catboost, default",
    "extra trees, default",
    "lightgbm, extra trees",
    "catboost, shallow",
    "random forest, smooth",
    "lightgbm, small leaves",
    "linear, strong ridge",
    "nearest neighbors, 15",
    "hist boosting, slow",
    "lightgbm, slow",
    "catboost, smooth",
    "neural network, default",
    "lightgbm, stumps",
    "extra trees, many columns",
    "catboost, deep",
    "lightgbm, extra trees slow",
    "lightgbm, few columns",
    "catboost, slow",
    "random forest, default",
    "catboost, one-hot",
    "lightgbm, large",
    "neural network, small",
    "linear, lasso",
)
