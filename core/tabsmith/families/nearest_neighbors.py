"""Nearest neighbours over scaled features."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.families.registry import register
from tabsmith.families.saved_values import SavedAttributes
from tabsmith.families.skops_files import SkopsModel
from tabsmith.families.spec import FamilyRequirements, FamilySpec, PortfolioEntry, TableSize, choice, entry, integer

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile, FitRequest, Floats

MAX_ROWS: Final = 20_000  # kept as neighbours: a prediction measures the distance to each
_CHUNK: Final = 2_000  # rows asked at once
_WEIGHTS: Final = "distance uniform"
_METRICS: Final = "euclidean manhattan cosine"


class NearestNeighborsModel(SkopsModel, frozen=True):
    """A fitted scikit-learn model of neighbours."""

    def predict(self, X: "Floats") -> "Floats":
        import numpy as np

        inputs = X.astype(np.float32)
        predict = self.model.predict_proba if hasattr(self.model, "classes_") else self.model.predict
        chunks = [predict(inputs[start : start + _CHUNK]) for start in range(0, max(1, len(X)), _CHUNK)]
        return np.concatenate(chunks).astype(np.float64).reshape(len(X), -1)

    @classmethod
    def load(cls, path: Path, file: "EstimatorFile", features: int) -> "NearestNeighborsModel":
        """The model saved in `path`, made again from its neighbours. Raises ModelDamagedError."""
        import numpy as np
        from sklearn import neighbors

        saved = SavedAttributes.read(path, "KNeighborsClassifier" if file.present else "KNeighborsRegressor")
        X = saved.numbers("_fit_X", None, features).astype(np.float32)
        y = saved.numbers("_y", len(X))
        if not np.isfinite(X).all():
            raise saved.wrong("_fit_X", "too large for the model's numbers")
        if file.present and not np.array_equal(np.unique(y), np.arange(file.model_outputs)):
            raise saved.wrong("_y", "of other classes than the model")
        model: Any = getattr(neighbors, saved.type)(
            n_neighbors=saved.integer("n_neighbors", 1, len(X)),
            weights=saved.text("weights", tuple(_WEIGHTS.split())),
            metric=saved.text("metric", tuple(_METRICS.split())),
            algorithm="brute",
        )
        return cls(model.fit(X, y.astype(np.int64) if file.present else y))


def fit(request: "FitRequest") -> NearestNeighborsModel:
    """Of more than 20,000 rows, that many drawn at random are the neighbours."""
    import numpy as np
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    index = np.arange(len(request.y))
    if len(index) > MAX_ROWS:
        drawn = np.random.default_rng(request.seed).choice(len(index), MAX_ROWS, replace=False)
        # One row of each class is kept, so that no class is lost.
        firsts = np.unique(request.y, return_index=True)[1] if request.classification else index[:0]
        index = np.union1d(drawn, firsts)
    model: Any = (KNeighborsClassifier if request.classification else KNeighborsRegressor)(
        n_neighbors=min(request.parameters.integer("n_neighbors"), len(index)),
        weights=request.parameters.text("weights"),
        metric=request.parameters.text("metric"),
        algorithm="brute",  # a search tree holds types of its own, and helps little beyond a few columns
        n_jobs=request.threads,
    )
    return NearestNeighborsModel(model.fit(request.X[index].astype(np.float32), request.y[index]))


def _portfolio(size: TableSize) -> list[PortfolioEntry]:
    most = max(1, size.rows // 4)
    counts = dict.fromkeys(min(count, most) for count in (15, 5, 50))
    return [
        *(
            entry(23 if count == 15 else 33, f"nearest neighbors, {count}", n_neighbors=count, weights="distance")
            for count in counts
        ),
        entry(30, "nearest neighbors, manhattan", n_neighbors=min(10, most), metric="manhattan"),
    ]


register(
    FamilySpec(
        name="nearest_neighbors",
        label="nearest neighbours",
        aliases="knn kneighbors nearestneighbours neighbors neighbours knearest nearest",
        parameters=(
            integer("n_neighbors", 1, 500, 15, "neighbours asked", log=True),
            choice("weights", _WEIGHTS, "whether nearer ones count more"),
            choice("metric", _METRICS, "what near means"),
        ),
        portfolio=_portfolio,
        suits=lambda size: size.rows <= 20_000 and size.width <= 100,
        requirements=FamilyRequirements(scaling="squash", missing=False),
        weighs_rows=False,
        fit=fit,
        load=NearestNeighborsModel.load,
        trusted_types=(
            "sklearn.neighbors._classification.KNeighborsClassifier",
            "sklearn.neighbors._regression.KNeighborsRegressor",
        ),
        preload=("sklearn.neighbors",),
    )
)
