"""The families of models and their parameters: names, ranges, defaults, and the words a person may type for them."""

import difflib
import re
from collections.abc import Sequence
from functools import cache
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from tabsmith.errors import UsageError
from tabsmith.recipes.recipe import Family, ParameterValue
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean

ParameterKind: TypeAlias = Literal["integer", "number", "boolean", "choice"]

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)


class ParameterSpec(msgspec.Struct, frozen=True):
    """One parameter of a family, under its library's own name. A recipe that leaves it out means `default`;
    a default of None leaves the value to the library."""

    name: str
    kind: ParameterKind
    default: ParameterValue | None
    description: str
    low: float = 0.0  # of integers and numbers, inclusive
    high: float = 0.0
    choices: tuple[str, ...] = ()
    scale: Literal["linear", "log"] = "linear"  # how to vary it
    tasks: tuple[ProblemType, ...] = ()  # the tasks it is for; empty for all


def family_parameters(family: Family) -> tuple[ParameterSpec, ...]:
    """The parameters that a recipe of `find_family` may set, in the order of their weight."""
    return _PARAMETERS[family]


@cache
def family_parameter(family: Family, name: str) -> ParameterSpec | None:
    """The parameter of `find_family` called `name`, or None."""
    return next((spec for spec in family_parameters(family) if spec.name == name), None)


def family_label(family: Family) -> str:
    """The family in words for people: "random forest"."""
    return _LABELS[family]


def find_family(text: str) -> Family:
    """The family that a person means by `text`: its name, its label or a common short name, in any case.

    Raises UsageError naming the nearest word and listing all families.
    """
    wanted = _bare(text)
    if wanted in _WORDS:
        return _WORDS[wanted]
    guess = nearest(wanted, list(_WORDS))
    hint = f' Did you mean "{_WORDS[guess]}"?' if guess else ""
    raise UsageError(
        f'There is no model family "{clean(text, 60)}".{hint}',
        next_step=f"Choose one of: {', '.join(FAMILIES)}.",
    )


def nearest(word: str, words: Sequence[str]) -> str:
    """The one of `words` that is most like `word`, whatever the case; empty when none is like it."""
    lowered = {candidate[:80].lower(): candidate for candidate in reversed(words)}
    found = difflib.get_close_matches(word[:80].lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else ""


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text[:80].lower())


_LABELS: Final[dict[Family, str]] = {
    "linear": "linear model",
    "random_forest": "random forest",
    "extra_trees": "extra trees",
    "hist_gradient_boosting": "histogram boosting",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
    "neural_network": "neural network",
    "nearest_neighbors": "nearest neighbours",
}

_ALIASES: Final[dict[Family, str]] = {
    "linear": "ridge lasso logistic regression linearregression logisticregression logreg elasticnet ols lr glm",
    "random_forest": "rf forest randomforests",
    "extra_trees": "et xt extratree extremelyrandomizedtrees",
    "hist_gradient_boosting": "hgb hist hgbt histgbm histgradientboosting histgb sklearngbm",
    "lightgbm": "lgbm lgb gbm gbdt boosting gradientboosting",
    "catboost": "cat cb catb",
    "neural_network": "mlp nn net neuralnet neural perceptron multilayerperceptron",
    "nearest_neighbors": "knn kneighbors nearestneighbours neighbors neighbours knearest nearest",
}

_WORDS: Final[dict[str, Family]] = {
    _bare(word): name for name in FAMILIES for word in (name, _LABELS[name], *_ALIASES[name].split())
}


def _integer(
    name: str, low: int, high: int, default: int | None, description: str, *, log: bool = False
) -> ParameterSpec:
    scale: Literal["linear", "log"] = "log" if log else "linear"
    return ParameterSpec(name, "integer", default, description, low, high, scale=scale)


def _number(
    name: str, low: float, high: float, default: float | None, description: str, *, log: bool = False
) -> ParameterSpec:
    scale: Literal["linear", "log"] = "log" if log else "linear"
    return ParameterSpec(name, "number", default, description, low, high, scale=scale)


def _choice(name: str, choices: str, description: str, *tasks: ProblemType) -> ParameterSpec:
    """The first of `choices` is the default."""
    words = tuple(choices.split())
    return ParameterSpec(name, "choice", words[0], description, choices=words, tasks=tasks)


def _switch(name: str, description: str) -> ParameterSpec:
    return ParameterSpec(name, "boolean", False, description)


_CLASS_WEIGHT: Final = _choice(
    "class_weight", "none balanced", "balanced: rare classes weigh as much as frequent ones", "binary", "multiclass"
)

_FOREST: Final = (
    _integer("n_estimators", 10, 2000, 300, "trees", log=True),
    _integer("min_samples_leaf", 1, 500, 1, "fewest rows in a leaf", log=True),
    _number("max_features", 0.05, 1.0, None, "share of the columns tried at each split; left out: the library's own"),
    _integer("max_depth", 1, 64, None, "deepest level; left out: no limit"),
    _integer("min_samples_split", 2, 500, 2, "fewest rows to split", log=True),
    _CLASS_WEIGHT,
)

_PARAMETERS: Final[dict[Family, tuple[ParameterSpec, ...]]] = {
    "linear": (
        _choice("penalty", "l2 l1 elasticnet none", "which penalty holds the coefficients down"),
        _number("alpha", 1e-6, 1e4, 1.0, "strength of the penalty: more is a simpler model", log=True),
        _number("l1_ratio", 0.0, 1.0, 0.5, "share of l1 in the elasticnet penalty"),
        _integer("max_iter", 50, 20_000, 1000, "steps at most", log=True),
        _CLASS_WEIGHT,
    ),
    "random_forest": _FOREST,
    "extra_trees": _FOREST,
    "hist_gradient_boosting": (
        _number("learning_rate", 0.001, 1.0, 0.1, "how much each tree adds", log=True),
        _integer("max_iter", 10, 5000, 200, "trees", log=True),
        _integer("max_leaf_nodes", 2, 512, 31, "most leaves in a tree", log=True),
        _integer("min_samples_leaf", 1, 1000, 20, "fewest rows in a leaf", log=True),
        _number("l2_regularization", 0.0, 1000.0, 0.0, "l2 penalty on leaf values"),
        _number("max_features", 0.05, 1.0, 1.0, "share of the columns tried at each split"),
        _integer("max_depth", 1, 64, None, "deepest level; left out: no limit"),
        _integer("max_bins", 8, 255, 255, "bins per column"),
        _CLASS_WEIGHT,
    ),
    "lightgbm": (
        _number("learning_rate", 0.001, 1.0, 0.1, "how much each tree adds", log=True),
        _integer("n_estimators", 10, 10_000, 200, "trees", log=True),
        _integer("num_leaves", 2, 1024, 31, "most leaves in a tree", log=True),
        _integer("min_data_in_leaf", 1, 5000, 20, "fewest rows in a leaf", log=True),
        _number("feature_fraction", 0.05, 1.0, 1.0, "share of the columns each tree sees"),
        _number("bagging_fraction", 0.05, 1.0, 1.0, "share of the rows each tree sees; needs bagging_freq above 0"),
        _integer("bagging_freq", 0, 100, 0, "draw the rows anew every so many trees; 0: never"),
        _number("lambda_l1", 0.0, 1000.0, 0.0, "l1 penalty on leaf values"),
        _number("lambda_l2", 0.0, 1000.0, 0.0, "l2 penalty on leaf values"),
        _switch("extra_trees", "true: one random threshold per column at each split"),
        _integer("max_depth", 1, 64, None, "deepest level; left out: no limit"),
        _number("min_gain_to_split", 0.0, 100.0, 0.0, "smallest gain that makes a split"),
        _number("path_smooth", 0.0, 1000.0, 0.0, "how much a leaf is drawn to its parent"),
        _integer("max_bin", 8, 1024, 255, "bins per column", log=True),
        _number("cat_smooth", 0.0, 1000.0, 10.0, "smoothing of rare categories"),
        _number("cat_l2", 0.0, 1000.0, 10.0, "l2 penalty in splits of categories"),
        _CLASS_WEIGHT,
    ),
    "catboost": (
        _integer("iterations", 10, 10_000, 500, "trees", log=True),
        _number("learning_rate", 0.001, 1.0, None, "how much each tree adds; left out: catboost chooses", log=True),
        _integer("depth", 1, 12, 6, "levels of a tree"),
        _number("l2_leaf_reg", 0.0, 1000.0, 3.0, "l2 penalty on leaf values"),
        _number("random_strength", 0.0, 100.0, 1.0, "noise in the choice of splits"),
        _number("bagging_temperature", 0.0, 10.0, None, "how unevenly rows are weighted (Bayesian bootstrap)"),
        _number("rsm", 0.05, 1.0, 1.0, "share of the columns tried at each level"),
        _integer("one_hot_max_size", 2, 255, 2, "columns of at most so many categories become one-hot", log=True),
        _integer("border_count", 8, 1024, 254, "bins per column", log=True),
        _choice(
            "auto_class_weights",
            "None Balanced SqrtBalanced",
            "Balanced: rare classes weigh as much as frequent ones",
            "binary",
            "multiclass",
        ),
    ),
    "neural_network": (
        _choice("hidden_layer_sizes", "128,64 32 64 128 256 64,32 256,128 256,256 256,128,64", "neurons per layer"),
        _number("alpha", 1e-7, 10.0, 1e-4, "l2 penalty on weights", log=True),
        _number("learning_rate_init", 1e-5, 0.1, 1e-3, "first step size", log=True),
        _choice("activation", "relu tanh logistic", "what a neuron does with its sum"),
        _integer("batch_size", 8, 4096, None, "rows per step; left out: the library's own", log=True),
        _integer("max_iter", 5, 1000, 100, "passes over the rows at most", log=True),
        _switch("early_stopping", "true: stop when a tenth of the rows, set aside, improves no more"),
    ),
    "nearest_neighbors": (
        _integer("n_neighbors", 1, 500, 15, "neighbours asked", log=True),
        _choice("weights", "distance uniform", "whether nearer ones count more"),
        _choice("metric", "euclidean manhattan cosine", "what near means"),
    ),
}
