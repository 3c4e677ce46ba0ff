"""LightGBM's text of a booster, checked before LightGBM reads it.

LightGBM finds its trees by the sizes that the text declares and follows children, features and categories without looking.
What it reads here is put together from the parts that were checked; its parameters, which no prediction needs, are left
out. The format is that of LightGBM 4 (`version=v4`, written by `gbdt_model_text.cpp` and `tree.cpp`).
"""

import itertools
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from tabsmith.families.saved_trees import leads_to_leaves
from tabsmith.families.skops_files import refused

MAX_TREES: Final = 1_000_000
MAX_LEAVES: Final = 131_072  # LightGBM's own bound
_END: Final = "end of trees"
_OBJECTIVES: Final = r"regression|regression_l1|mape|quantile(?: alpha:[0-9.e+-]+)?"
_HEADER: Final = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "feature_names",
    "monotone_constraints", "feature_infos", "tree_sizes",
)  # fmt: skip
_OF_SPLITS: Final = (
    "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child", "internal_value",
    "internal_weight", "internal_count",
)  # fmt: skip
_OF_LEAVES: Final = ("leaf_value", "leaf_weight", "leaf_count")
_OF_TREE: Final = ("num_leaves", "num_cat", "cat_boundaries", "cat_threshold", "is_linear", "shrinkage")
_CATEGORICAL: Final = 1  # the bit of a split's decision type

Number = TypeVar("Number", int, float)


def checked_text(path: Path, features: int, outputs: int) -> str:
    """The booster's text in the file at `path`, without its parameters.

    `features` are the columns of the matrix; `outputs` is 1 for numbers, else the number of classes. Raises
    ModelDamagedError, naming what in the text contradicts itself.
    """
    try:
        text = path.read_text(encoding="ascii")
        return _Booster(text, features, outputs).checked()
    except _ContradictionError as error:
        raise refused(path, str(error)) from error
    except (OSError, ValueError, OverflowError) as error:  # of texts that are no numbers, too
        raise refused(path, "it is not the text of a booster") from error


class _ContradictionError(Exception):
    """Something in the text does not go with the rest."""


class _Booster:
    """The text of a booster."""

    def __init__(self, text: str, features: int, outputs: int) -> None:
        trees, end, _ = text.partition(f"{_END}\n")
        if not end or not trees.startswith("tree\n") or "\r" in trees:
            raise _ContradictionError("it is not the text of a booster")
        self._head, _, rest = trees.partition("\n\n")
        self._trees = rest
        self._features = features
        self._outputs = outputs

    def checked(self) -> str:
        header = _fields(self._head.removeprefix("tree\n"), _HEADER)
        in_round = self._outputs if self._outputs > 2 else 1
        numbers = {"num_class": in_round, "num_tree_per_iteration": in_round, "max_feature_idx": self._features - 1}
        if any(header.get(name) != str(number) for name, number in numbers.items()) or header.get("version") != "v4":
            raise _ContradictionError("it is of other features or classes than the model")
        objective = {1: _OBJECTIVES, 2: "binary sigmoid:1"}.get(self._outputs, f"multiclass num_class:{in_round}")
        if not re.fullmatch(objective, header.get("objective", "")):
            raise _ContradictionError("its objective is none that models of this kind have")
        for name in ("feature_names", "feature_infos"):
            if len(header.get(name, "").split(" ")) != self._features:
                raise _ContradictionError("it does not name its features")
        sizes = _numbers(header.get("tree_sizes", ""), int)
        if not 0 < len(sizes) <= MAX_TREES or len(sizes) % in_round or min(sizes) <= 0:
            raise _ContradictionError("it has another number of trees than it says")
        if sum(sizes) != len(self._trees):
            raise _ContradictionError("its trees are not as long as it says")
        begin = 0
        for number, size in enumerate(sizes):
            self._check_tree(number, self._trees[begin : begin + size])
            begin += size
        return f"{self._head}\n\n{self._trees}{_END}\n\npandas_categorical:null\n"

    def _check_tree(self, number: int, text: str) -> None:
        title, _, body = text.partition("\n")
        if title != f"Tree={number}" or not body.endswith("\n\n"):
            raise _ContradictionError("a tree does not begin where it should")
        tree = _fields(body.rstrip("\n"), (*_OF_TREE, *_OF_SPLITS, *_OF_LEAVES))
        leaves, categories = int(tree.get("num_leaves", "")), int(tree.get("num_cat", ""))
        if not 1 <= leaves <= MAX_LEAVES or not 0 <= categories < leaves or tree.get("is_linear", "0") != "0":
            raise _ContradictionError("a tree has an impossible number of leaves or categories")
        for name in _OF_LEAVES:
            _finite(tree, name, leaves, optional=name != "leaf_value" or leaves == 1)
        if leaves == 1:
            _finite(tree, "leaf_value", 1)
        else:
            self._check_splits(tree, leaves, categories)
        if not math.isfinite(float(tree.get("shrinkage", "1"))):
            raise _ContradictionError("a tree holds values that are no numbers")

    def _check_splits(self, tree: dict[str, str], leaves: int, categories: int) -> None:
        splits = leaves - 1
        left, right = (np.asarray(_counted(tree, name, splits)) for name in ("left_child", "right_child"))
        # A child below zero is the leaf ~child; put after the splits, leaves are nodes like any other.
        children = [np.where(child < 0, splits + ~child, child) for child in (left, right)]
        is_leaf = np.concatenate([np.zeros(splits, dtype=bool), np.ones(leaves, dtype=bool)])
        padded = [np.concatenate([child, np.full(leaves, -1)]) for child in children]
        if not leads_to_leaves(padded[0], padded[1], ~is_leaf):
            raise _ContradictionError("a tree of it does not lead to leaves")
        if not all(0 <= feature < self._features for feature in _counted(tree, "split_feature", splits)):
            raise _ContradictionError("a tree asks for a feature that is not there")
        thresholds = _numbers(tree.get("threshold", ""), float)
        kinds = _counted(tree, "decision_type", splits)
        if len(thresholds) != splits or any(math.isnan(threshold) for threshold in thresholds):
            raise _ContradictionError("a tree has another number of thresholds than splits")
        if not all(0 <= kind < 16 for kind in kinds):
            raise _ContradictionError("a tree splits in a way that there is not")
        for name in ("split_gain", "internal_value", "internal_weight", "internal_count"):
            _finite(tree, name, splits, optional=True)
        places = [threshold for threshold, kind in zip(thresholds, kinds, strict=True) if kind & _CATEGORICAL]
        if any(not place.is_integer() or not 0 <= place < categories for place in places):
            raise _ContradictionError("a tree asks for categories that are not there")
        if categories:
            bounds, sets = (
                _counted(tree, "cat_boundaries", categories + 1),
                _numbers(tree.get("cat_threshold", ""), int),
            )
            if bounds[0] != 0 or bounds[-1] != len(sets) or any(a > b for a, b in itertools.pairwise(bounds)):
                raise _ContradictionError("a tree asks for categories that are not there")
            if not all(0 <= bits < 1 << 32 for bits in sets):
                raise _ContradictionError("a tree holds categories that are none")
        elif "cat_boundaries" in tree or "cat_threshold" in tree:
            raise _ContradictionError("a tree holds categories and says that it has none")


def _fields(text: str, known: Sequence[str]) -> dict[str, str]:
    """The `name=value` lines of a text, each of a known name and there once."""
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if not equals or name not in known or name in fields:
            raise _ContradictionError(f"it holds the line {name[:40]!r}, which boosters do not have")
        fields[name] = value
    return fields


def _numbers(text: str, kind: Callable[[str], Number]) -> list[Number]:
    return [kind(word) for word in text.split(" ")] if text else []


def _counted(tree: dict[str, str], name: str, count: int) -> list[int]:
    values = _numbers(tree.get(name, ""), int)
    if len(values) != count or not all(-(1 << 31) <= value < 1 << 31 for value in values):
        raise _ContradictionError(f"a tree has another number of {name} than it says")
    return values


def _finite(tree: dict[str, str], name: str, count: int, *, optional: bool = False) -> None:
    """Require that a field holds so many finite numbers, or, where it is `optional`, none."""
    values = _numbers(tree.get(name, ""), float)
    if len(values) != count and not (optional and not values):
        raise _ContradictionError(f"a tree has another number of {name} than it says")
    if not all(map(math.isfinite, values)):
        raise _ContradictionError("a tree holds values that are no numbers")
