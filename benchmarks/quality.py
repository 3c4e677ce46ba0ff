"""The loss of a model after so many seconds beside scikit-learn's and, where they are installed, AutoGluon's and FLAML's.

    python -m benchmarks.quality [SECONDS] [TABLE ...]

The tables come with scikit-learn or are made by it, so that anybody can run this without a network: a fifth of each is kept
from all learners, and the loss on it is 1 - ROC AUC, log loss, or RMSE over the standard deviation. The learners run one
after the other, each in a process of its own. The last rows train on shuffled targets: what a model then claims on its own
folds and test set must be what a guess gets.
"""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from benchmarks.rows import Row, print_rows

if TYPE_CHECKING:
    import pandas as pd

SECONDS: Final = 20.0
BUDGET: Final = 1.0  # of the best other learner's loss
CHANCE: Final = 1.06  # of a guess's loss, what shuffled targets may come to by chance

LEARNERS: Final = ("tabsmith", "histogram boosting", "random forest", "autogluon", "flaml")
_PACKAGES: Final = {"autogluon": "autogluon.tabular", "flaml": "flaml"}


def tables() -> "dict[str, Callable[[], tuple[pd.DataFrame, str]]]":
    """Each table's name, and what makes it: (the rows with the target `target`, the problem type)."""
    from sklearn import datasets

    def bunch(load: Callable[..., Any], task: str) -> "Callable[[], tuple[pd.DataFrame, str]]":
        return lambda: (load(as_frame=True).frame, task)

    def made(make: Callable[..., Any], task: str, **options: Any) -> "Callable[[], tuple[pd.DataFrame, str]]":
        def frame() -> "tuple[pd.DataFrame, str]":
            import pandas as pd

            X, y = make(random_state=0, **options)
            return pd.DataFrame(X, columns=[f"x{n}" for n in range(X.shape[1])]).assign(target=y), task

        return frame

    return {
        "diabetes": bunch(datasets.load_diabetes, "regression"),
        "breast cancer": bunch(datasets.load_breast_cancer, "binary"),
        "wine": bunch(datasets.load_wine, "multiclass"),
        "digits": bunch(datasets.load_digits, "multiclass"),
        "friedman 1": made(datasets.make_friedman1, "regression", n_samples=3_000, noise=1.0),
        "friedman 3": made(datasets.make_friedman3, "regression", n_samples=3_000, noise=0.1),
        "clusters": made(datasets.make_classification, "binary", n_samples=4_000, n_features=20, n_informative=8,
                         n_clusters_per_class=4, flip_y=0.05),
        "many classes": made(datasets.make_classification, "multiclass", n_samples=1_500, n_features=16,
                             n_informative=10, n_classes=24, n_clusters_per_class=1),
    }  # fmt: skip


def fit(learner: str, name: str, seconds: float, *, shuffled: bool = False) -> dict[str, float]:
    """The loss of `learner` on the kept rows of a table, and, of tabsmith, the losses that it claims itself."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    frame, task = tables()[name]()
    if shuffled:
        frame = frame.assign(target=np.random.default_rng(1).permutation(frame["target"].to_numpy()))
    classes = frame["target"] if task != "regression" else None
    train, test = train_test_split(frame, test_size=0.2, random_state=0, stratify=classes)
    X, y = test.drop(columns="target"), test["target"].to_numpy()
    if learner == "tabsmith":
        import tabsmith

        model = tabsmith.train(train.reset_index(drop=True), "target", time_limit=seconds)
        predicted = model.predict(X) if task == "regression" else model.predict_proba(X)
        report = model.report
        held = report.holdout.scores[0].score if report.holdout else math.nan
        spread = float(train["target"].std()) if task == "regression" else 1.0
        claims = {"folds": _claim(task, report.cv_score, spread), "test set": _claim(task, held, spread)}
        return {"loss": _loss(task, y, np.asarray(predicted)), **claims}
    return {"loss": _loss(task, y, np.asarray(_peer(learner, train, X, task, seconds)))}


def _peer(learner: str, train: "pd.DataFrame", X: "pd.DataFrame", task: str, seconds: float) -> Any:
    """The predictions of another learner: probabilities, or numbers."""
    y = train["target"]
    if learner == "autogluon":
        import tempfile

        from autogluon.tabular import TabularPredictor

        metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "root_mean_squared_error"}[task]
        predictor = TabularPredictor("target", eval_metric=metric, verbosity=0, path=tempfile.mkdtemp())
        predictor.fit(train, time_limit=seconds, presets="best_quality")
        return predictor.predict(X) if task == "regression" else predictor.predict_proba(X)
    if learner == "flaml":
        from flaml import AutoML

        kind = "regression" if task == "regression" else "classification"
        metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
        model: Any = AutoML()
        model.fit(dataframe=train, label="target", task=kind, metric=metric, time_budget=seconds, verbose=0, seed=0)
        return model.predict(X) if task == "regression" else model.predict_proba(X)
    from sklearn import ensemble

    names = {"histogram boosting": "HistGradientBoosting", "random forest": "RandomForest"}
    ending = "Regressor" if task == "regression" else "Classifier"
    model = getattr(ensemble, names[learner] + ending)(random_state=0).fit(train.drop(columns="target"), y)
    return model.predict(X) if task == "regression" else model.predict_proba(X)


def _loss(task: str, truth: Any, predicted: Any) -> float:
    import numpy as np
    from sklearn.metrics import log_loss, roc_auc_score

    if task == "regression":
        return float(np.sqrt(np.mean((truth - predicted) ** 2)) / truth.std())
    if task == "binary":
        return float(1 - roc_auc_score(truth, predicted[:, 1]))
    return float(log_loss(truth, predicted))


def _claim(task: str, score: float, spread: float) -> float:
    """A score of tabsmith's as a loss."""
    return 1 - score if task == "binary" else score / spread


def measure(learner: str, name: str, seconds: float, *, shuffled: bool = False) -> dict[str, float]:
    """What `fit` returns, from a process of its own; a loss of NaN where the learner fails."""
    given = [learner, name, str(seconds), str(int(shuffled))]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.quality", "--one", *given], capture_output=True, text=True, check=False
    )
    try:
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    except (IndexError, ValueError):
        print(f"{learner} failed on {name}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return {"loss": math.nan}


def main(seconds: float = SECONDS, names: tuple[str, ...] = ()) -> Iterator[Row]:
    """A row a table against the best other learner, the geometric mean of their ratios, and the rows of shuffled targets."""
    others = [who for who in LEARNERS[1:] if who not in _PACKAGES or find_spec(_PACKAGES[who].split(".")[0])]
    ratios = []
    for name in names or tuple(tables()):
        ours = measure("tabsmith", name, seconds)["loss"]
        losses = {who: measure(who, name, seconds)["loss"] for who in others}
        best = min((who for who in others if losses[who] == losses[who]), key=lambda who: losses[who])
        ratios.append(ours / losses[best])
        yield Row(f"{name}, beside {best}", ours, "", losses[best], ratios[-1], BUDGET)
    mean = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
    yield Row(f"geometric mean of {len(ratios)} tables", mean, "", 1.0, mean, BUDGET)
    for name, chance in (("clusters", 0.5), ("friedman 1", 1.0)):
        claimed = measure("tabsmith", name, seconds, shuffled=True)
        for where in ("folds", "test set"):
            yield Row(f"{name}, shuffled: a guess beside the {where}", chance, "", claimed[where],
                      chance / claimed[where], CHANCE)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(fit(sys.argv[2], sys.argv[3], float(sys.argv[4]), shuffled=sys.argv[5] == "1")))
    else:
        print_rows(main(float(sys.argv[1]) if sys.argv[1:] else SECONDS, tuple(sys.argv[2:])))
