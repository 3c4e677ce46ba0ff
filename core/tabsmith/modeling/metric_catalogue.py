"""The metrics that models are compared by, found by name. Imports no numerical library."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.errors import UsageError
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean

MetricName: TypeAlias = Literal[
    "roc_auc", "log_loss", "accuracy", "balanced_accuracy", "f1", "average_precision", "rmse", "mae", "median_ae", "r2"
]


class Metric(msgspec.Struct, frozen=True):
    """A measure by which models are compared. Scores are in its own sign and unit, never negated."""

    name: MetricName
    label: str
    greater_is_better: bool
    tasks: tuple[ProblemType, ...]

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` beats score `b`; NaN never beats anything, and everything beats NaN."""
        if a != a:
            return False
        if b != b:
            return True
        return a > b if self.greater_is_better else a < b


_BOTH: Final[tuple[ProblemType, ...]] = ("binary", "multiclass")

METRICS: Final[tuple[Metric, ...]] = (
    Metric("roc_auc", "ROC AUC", True, ("binary",)),
    Metric("log_loss", "log loss", False, _BOTH),
    Metric("accuracy", "accuracy", True, _BOTH),
    Metric("balanced_accuracy", "balanced accuracy", True, _BOTH),
    Metric("f1", "F1", True, _BOTH),
    Metric("average_precision", "average precision", True, ("binary",)),
    Metric("rmse", "RMSE", False, ("regression",)),
    Metric("mae", "MAE", False, ("regression",)),
    Metric("median_ae", "median absolute error", False, ("regression",)),
    Metric("r2", "R²", True, ("regression",)),
)

METRIC_DESCRIPTIONS: Final[Mapping[MetricName, str]] = MappingProxyType(
    {
        "roc_auc": "how well the classes are told apart; higher is better",
        "log_loss": "how good the probabilities are; lower is better",
        "accuracy": "share of rows predicted right; higher is better",
        "balanced_accuracy": "accuracy with every class counting the same; higher is better",
        "f1": "precision and recall together; higher is better",
        "average_precision": "for a rare class; higher is better",
        "rmse": "typical error, large ones count more; lower is better",
        "mae": "mean error in the target's unit; lower is better",
        "median_ae": "half of the rows are nearer; lower is better",
        "r2": "share of the variation explained; higher is better",
    }
)
"""What each metric says, for the person who chooses it."""

_DEFAULTS: Final[dict[ProblemType, MetricName]] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def get_metric(name: str, task: ProblemType | None = None) -> Metric:
    """The metric called `name`. Raises UsageError when there is none, or none that fits `task`."""
    wanted = name.strip().lower()
    fitting = {metric.name: metric for metric in METRICS if task is None or task in metric.tasks}
    for metric in fitting.values():
        if metric.name == wanted:
            return metric
    exists = any(metric.name == wanted for metric in METRICS)
    reason = f"does not fit a {task} task" if exists else "is not a metric that tabsmith knows"
    raise UsageError(f'"{clean(name, 60)}" {reason}.', next_step=f"Choose one of: {', '.join(fitting)}.")


def default_metric(task: ProblemType) -> Metric:
    """ROC AUC for two classes, log loss for more, RMSE for numbers. Raises UsageError for the task "none"."""
    if task not in _DEFAULTS:
        raise UsageError("Without a target there is nothing to measure.", next_step="Choose a target column first.")
    return get_metric(_DEFAULTS[task])


def metrics_for(task: ProblemType) -> tuple[Metric, ...]:
    """All metrics of `task`, its default first."""
    first = default_metric(task)
    return (first, *(metric for metric in METRICS if task in metric.tasks and metric != first))
