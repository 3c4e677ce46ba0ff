"""Random forests and extremely randomized trees, grown in steps until their number or the deadline is reached."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.families.registry import register
from tabsmith.families.spec import (
    CLASS_WEIGHT,
    SMALL,
    TINY,
    FamilySpec,
    PortfolioEntry,
    TableSize,
    entry,
    integer,
    number,
)

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats

MAX_LEAVES: Final = 250_000  # of all trees of a fold: about 12 MB on disk
_TREES_PER_STEP: Final = 10
_CHUNK: Final = 100_000  # rows of a prediction in float32 at once


class ForestModel(msgspec.Struct, frozen=True):
    """The trees of a fitted scikit-learn forest, asked directly: for one row that is twenty times as quick, and on disk
    the trees alone are a third of the forest."""

    trees: Sequence[Any]

    @property
    def rounds(self) -> int:
        return 0

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        chunks = []
        for start in range(0, max(1, len(X)), _CHUNK):
            rows = np.ascontiguousarray(X[start : start + _CHUNK], dtype=np.float32)
            total = np.zeros((len(rows), self.trees[0].value.shape[2]))
            for tree in self.trees:
                total += tree.predict(rows).reshape(total.shape)
            chunks.append(total / len(self.trees))
        return np.concatenate(chunks)

    def save(self, path: Path) -> None:
        from tabsmith.families import skops_files

        skops_files.dump(list(self.trees), path)


def fit(request: "FitRequest") -> ForestModel:
    """A forest with as many trees as asked for, or as there was time for; ten at the least."""
    import numpy as np

    parameters = request.parameters
    trees = parameters.integer("n_estimators")
    model = _forest_class(request)(
        n_estimators=min(_TREES_PER_STEP, trees),
        warm_start=True,
        n_jobs=request.threads,
        random_state=request.seed,
        max_leaf_nodes=_max_leaves(trees, len(request.y)),
        **parameters.given("min_samples_leaf", "min_samples_split", "max_features", "max_depth"),
    )
    X = request.X.astype(np.float32)
    model.fit(X, request.y, sample_weight=request.weights)
    while len(model.estimators_) < trees and not request.out_of_time():
        model.set_params(n_estimators=min(trees, len(model.estimators_) + _TREES_PER_STEP))
        model.fit(X, request.y, sample_weight=request.weights)
    return ForestModel([tree.tree_ for tree in model.estimators_])


def load(path: Path, file: "EstimatorFile", features: int) -> ForestModel:
    """The forest saved in `path`. Raises ModelDamagedError, also for trees that do not lead to leaves."""
    from tabsmith.families import skops_files
    from tabsmith.families.saved_trees import forest_tree

    trees = skops_files.read(path)
    if not isinstance(trees, list) or not trees:
        raise skops_files.refused(path, "there is no list of trees")
    return ForestModel([forest_tree(path, tree, features, file.model_outputs) for tree in trees])


def _max_leaves(trees: int, rows: int) -> int | None:
    """A bound on each tree's leaves, where unbounded trees would make a model too large to keep; else None."""
    most = max(64, MAX_LEAVES // trees)
    return most if rows > most else None


def _forest_class(request: "FitRequest") -> Any:
    from sklearn import ensemble

    if request.family.name == "extra_trees":
        return ensemble.ExtraTreesClassifier if request.classification else ensemble.ExtraTreesRegressor
    return ensemble.RandomForestClassifier if request.classification else ensemble.RandomForestRegressor


def _portfolio(label: str, size: TableSize, ranks: tuple[int, int, int]) -> list[PortfolioEntry]:
    trees = 300 if size.rows < SMALL * 10 else 150
    default, smooth, columns = ranks
    return [
        entry(default, f"{label}, default", n_estimators=trees, min_samples_leaf=1),
        entry(smooth, f"{label}, smooth", n_estimators=trees, min_samples_leaf=5 if size.rows >= TINY else 3),
        entry(columns, f"{label}, many columns", n_estimators=trees, min_samples_leaf=2, max_features=0.5),
    ]


def _register(name: str, label: str, aliases: str, ranks: tuple[int, int, int]) -> None:
    register(
        FamilySpec(
            name=name,
            label=label,
            aliases=aliases,
            parameters=(
                integer("n_estimators", 10, 2000, 300, "trees", log=True),
                integer("min_samples_leaf", 1, 500, 1, "fewest rows in a leaf", log=True),
                number(
                    "max_features", 0.05, 1.0, None,
                    "share of the columns tried at each split; left out: the library's own",
                ),
                integer("max_depth", 1, 64, None, "deepest level; left out: no limit"),
                integer("min_samples_split", 2, 500, 2, "fewest rows to split", log=True),
                CLASS_WEIGHT,
            ),
            portfolio=lambda size: _portfolio(label, size, ranks),
            suits=lambda size: size.classes <= 50 and size.cells * max(1, size.outputs) <= 50_000_000,
            fit=fit,
            load=load,
            trusted_types=("sklearn.tree._tree.Tree",),
            preload=("sklearn.ensemble",),
        )
    )  # fmt: skip


_register("random_forest", "random forest", "rf forest randomforests", (27, 11, 32))
_register("extra_trees", "extra trees", "et xt extratree extremelyrandomizedtrees", (3, 28, 16))
