"""The metrics that models are compared by, found by name. Imports no numerical library."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

import msgspec

from tabsmith.errors import UsageError
from tabsmith.modeling.decisions.label_rules import LabelRule, MostProbable
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean, nearest

_BOTH: Final[tuple[ProblemType, ...]] = ("binary", "multiclass")
_BINARY: Final[tuple[ProblemType, ...]] = ("binary",)
_MULTICLASS: Final[tuple[ProblemType, ...]] = ("multiclass",)
_REGRESSION: Final[tuple[ProblemType, ...]] = ("regression",)

_NAMES: Final = (
    "roc_auc", "roc_auc_ovr", "average_precision", "log_loss", "brier_score", "accuracy", "balanced_accuracy", "f1",
    "f1_macro", "f1_micro", "precision", "recall", "matthews_corrcoef", "cohen_kappa", "linear_weighted_kappa",
    "quadratic_weighted_kappa", "rmse", "mae", "median_ae", "r2", "mape", "rmsle",
)  # fmt: skip
_QUANTILE: Final = r"quantile:(?:0?\.\d{1,6})"
_NAME_PATTERN: Final = rf"(?:{'|'.join(_NAMES)}|{_QUANTILE})"

MetricName: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^{_NAME_PATTERN}$")]
"""The name of a metric, scikit-learn's where it has one; `quantile:0.9` names the loss of a quantile."""

MetricChoice: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^(?:default|{_NAME_PATTERN})$")]
"""The name of a metric, or `default` for the metric that fits the target."""


class Metric(msgspec.Struct, frozen=True):
    """A measure by which models are compared. Scores are in its own sign and unit, never negated.

    `event` is the position of the class that F1, precision, recall and average precision are about, where there are
    two classes. `rule` makes the labels that accuracy, F1 and their like compare with the truth.
    """

    name: MetricName
    label: str
    greater_is_better: bool
    tasks: tuple[ProblemType, ...]
    event: int = 1
    rule: LabelRule = MostProbable()

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` beats score `b`; NaN never beats anything, and everything beats NaN."""
        if a != a:
            return False
        if b != b:
            return True
        return a > b if self.greater_is_better else a < b

    @property
    def uses_labels(self) -> bool:
        """Whether labels are compared with the truth, and not probabilities or numbers."""
        return self.name in _OF_LABELS

    @property
    def quantile(self) -> float:
        """The level of a quantile loss; 0.5, the median's, for every other metric."""
        name, _, level = self.name.partition(":")
        return float(level) if name == "quantile" else 0.5

    def about(self, event: int, rule: LabelRule | None = None) -> "Metric":
        """The metric for another event class, and for labels made by `rule` if it is given."""
        return msgspec.structs.replace(self, event=event, rule=self.rule if rule is None else rule)


METRICS: Final[tuple[Metric, ...]] = (
    Metric("roc_auc", "ROC AUC", True, _BINARY),
    Metric("roc_auc_ovr", "ROC AUC, one against the rest", True, _MULTICLASS),
    Metric("log_loss", "log loss", False, _BOTH),
    Metric("accuracy", "accuracy", True, _BOTH),
    Metric("balanced_accuracy", "balanced accuracy", True, _BOTH),
    Metric("f1", "F1", True, _BINARY),
    Metric("f1_macro", "F1 macro", True, _BOTH),
    Metric("f1_micro", "F1 micro", True, _BOTH),
    Metric("average_precision", "average precision", True, _BINARY),
    Metric("precision", "precision", True, _BINARY),
    Metric("recall", "recall", True, _BINARY),
    Metric("matthews_corrcoef", "MCC", True, _BOTH),
    Metric("brier_score", "Brier score", False, _BOTH),
    Metric("cohen_kappa", "Cohen's kappa", True, _BOTH),
    Metric("linear_weighted_kappa", "linear weighted kappa", True, _MULTICLASS),
    Metric("quadratic_weighted_kappa", "quadratic weighted kappa", True, _MULTICLASS),
    Metric("rmse", "RMSE", False, _REGRESSION),
    Metric("mae", "MAE", False, _REGRESSION),
    Metric("median_ae", "median absolute error", False, _REGRESSION),
    Metric("r2", "R²", True, _REGRESSION),
    Metric("mape", "MAPE", False, _REGRESSION),
    Metric("rmsle", "RMSLE", False, _REGRESSION),
)
"""Every metric but the quantile losses, of which there is one for each level."""

METRIC_DESCRIPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "roc_auc": "how well the classes are told apart; higher is better",
        "roc_auc_ovr": "how well each class is told from the others; higher is better",
        "log_loss": "how good the probabilities are; lower is better",
        "accuracy": "share of rows predicted right; higher is better",
        "balanced_accuracy": "accuracy with every class counting the same; higher is better",
        "f1": "precision and recall together; higher is better",
        "f1_macro": "F1 with every class counting the same; higher is better",
        "f1_micro": "F1 with every row counting the same; higher is better",
        "average_precision": "for a rare class; higher is better",
        "precision": "share of the alarms that are right; higher is better",
        "recall": "share of the events that are found; higher is better",
        "matthews_corrcoef": "correlation of labels and truth; higher is better",
        "brier_score": "squared error of the probabilities; lower is better",
        "cohen_kappa": "agreement beyond chance; higher is better",
        "linear_weighted_kappa": "for ordered classes, far ones count more; higher is better",
        "quadratic_weighted_kappa": "for ordered classes, far ones count much more; higher is better",
        "rmse": "typical error, large ones count more; lower is better",
        "mae": "mean error in the target's unit; lower is better",
        "median_ae": "half of the rows are nearer; lower is better",
        "r2": "share of the variation explained; higher is better",
        "mape": "mean error as a share of the target; lower is better",
        "rmsle": "error as a ratio, for targets from 0 on; lower is better",
    }
)
"""What each metric says, for the person who chooses it."""

_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("auc", "rocauc", "auroc", "roc", "gini_auc"), "roc_auc"),
        **dict.fromkeys(("auc_ovr", "roc_auc_multiclass", "multiclass_auc"), "roc_auc_ovr"),
        **dict.fromkeys(("pr_auc", "auc_pr", "auprc", "prauc", "aucpr", "ap"), "average_precision"),
        **dict.fromkeys(("logloss", "logistic_loss", "cross_entropy", "crossentropy", "nll"), "log_loss"),
        **dict.fromkeys(("brier", "brier_score_loss"), "brier_score"),
        **dict.fromkeys(("acc",), "accuracy"),
        **dict.fromkeys(("bacc", "balanced_acc", "bal_acc"), "balanced_accuracy"),
        **dict.fromkeys(("f1_binary", "f_score", "fscore"), "f1"),
        **dict.fromkeys(("macro_f1",), "f1_macro"),
        **dict.fromkeys(("micro_f1",), "f1_micro"),
        **dict.fromkeys(("ppv", "positive_predictive_value"), "precision"),
        **dict.fromkeys(("sensitivity", "tpr", "hit_rate"), "recall"),
        **dict.fromkeys(("mcc", "matthews", "phi"), "matthews_corrcoef"),
        **dict.fromkeys(("kappa", "cohens_kappa"), "cohen_kappa"),
        **dict.fromkeys(("linear_kappa", "lwk"), "linear_weighted_kappa"),
        **dict.fromkeys(("quadratic_kappa", "qwk", "weighted_kappa"), "quadratic_weighted_kappa"),
        **dict.fromkeys(("root_mean_squared_error", "root_mean_square_error"), "rmse"),
        **dict.fromkeys(("mean_absolute_error", "l1"), "mae"),
        **dict.fromkeys(("median_absolute_error", "medae"), "median_ae"),
        **dict.fromkeys(("r²", "rsquared", "r_squared", "r_2"), "r2"),
        **dict.fromkeys(("mean_absolute_percentage_error",), "mape"),
        **dict.fromkeys(("root_mean_squared_log_error", "root_mean_squared_logarithmic_error"), "rmsle"),
    }
)

_OF_LABELS: Final = frozenset(
    {
        "accuracy", "balanced_accuracy", "f1", "f1_macro", "f1_micro", "precision", "recall", "matthews_corrcoef",
        "cohen_kappa", "linear_weighted_kappa", "quadratic_weighted_kappa",
    }
)  # fmt: skip

_FOR_MORE_CLASSES: Final[Mapping[str, str]] = MappingProxyType({"roc_auc": "roc_auc_ovr", "f1": "f1_macro"})
"""What a metric of two classes is among more classes."""

_REPORTED: Final[Mapping[ProblemType, tuple[str, ...]]] = MappingProxyType(
    {
        "binary": (
            "roc_auc", "average_precision", "log_loss", "brier_score", "accuracy", "balanced_accuracy", "f1",
            "matthews_corrcoef",
        ),
        "multiclass": ("log_loss", "accuracy", "balanced_accuracy", "f1_macro", "matthews_corrcoef"),
        "regression": ("rmse", "mae", "median_ae", "r2", "mape"),
    }
)  # fmt: skip

_DEFAULTS: Final[Mapping[ProblemType, MetricName]] = MappingProxyType(
    {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}
)


def get_metric(name: str, task: ProblemType | None = None) -> Metric:
    """The metric called `name`, under one of the names that people have for it: `auc`, `PR AUC`, `neg_log_loss`.

    A metric of two classes becomes that of more classes if `task` has more: `f1` is `f1_macro` there. Raises UsageError
    if there is no such metric, or none that fits `task`.
    """
    wanted = _plain(name)
    if wanted.startswith("quantile"):
        found: Metric | None = _quantile_loss(wanted)
    else:
        if task == "multiclass":
            wanted = _FOR_MORE_CLASSES.get(wanted, wanted)
        found = next((metric for metric in METRICS if metric.name == wanted), None)
    if found is not None and (task is None or task in found.tasks):
        return found
    fitting = [metric.name for metric in METRICS if task is None or task in metric.tasks]
    if task in (None, "regression"):
        fitting.append("quantile:0.9")
    if found is None:
        reason = "is not a metric that tabsmith knows"
        guess = nearest(wanted, (*fitting, *_ALIASES))
        hint = f" Did you mean {guess}?" if guess else ""
    else:
        reason, hint = f"does not fit a {task} task", ""
    raise UsageError(f'"{clean(name, 60)}" {reason}.{hint}', next_step=f"Choose one of: {', '.join(fitting)}.")


def _plain(name: str) -> str:
    """The catalogue's name for what a person typed, or the words themselves in its spelling."""
    word = re.sub(r"[\s-]+", "_", name.strip().lower()).removeprefix("neg_")
    word = re.sub(r"^(?:pinball|mean_pinball_loss|quantile_loss)(?=:|$)", "quantile", word)
    for candidate in (word, word.removesuffix("_score"), word.removesuffix("_loss")):
        if candidate in _NAMES:
            return candidate
        if candidate in _ALIASES:
            return _ALIASES[candidate]
    return word


def _quantile_loss(word: str) -> Metric | None:
    """The quantile loss that `word` names; `quantile` alone is that of the 0.9 quantile. None if it has no such level."""
    level_text = word.partition(":")[2] or "0.9"
    try:
        level = float(level_text)
    except ValueError:
        return None
    if not 0.000_001 <= level <= 0.999_999:
        return None
    text = f"{level:.6f}".rstrip("0")
    return Metric(f"quantile:{text}", f"quantile loss ({text})", False, _REGRESSION)


def default_metric(task: ProblemType) -> Metric:
    """ROC AUC for two classes, log loss for more, RMSE for numbers. Raises UsageError for the task "none"."""
    if task not in _DEFAULTS:
        raise UsageError("Without a target there is nothing to measure.", next_step="Choose a target column first.")
    return get_metric(_DEFAULTS[task])


def metrics_for(task: ProblemType) -> tuple[Metric, ...]:
    """All metrics of `task` but the quantile losses, its default first."""
    first = default_metric(task)
    return (first, *(metric for metric in METRICS if task in metric.tasks and metric != first))


def reported_metrics(metric: Metric, task: ProblemType) -> tuple[Metric, ...]:
    """`metric` and the metrics that a report on `task` gives beside it, all for its event class and its rule."""
    others: Iterable[Metric] = (get_metric(name) for name in _REPORTED[task] if name != metric.name)
    return (metric, *(each.about(metric.event, metric.rule) for each in others))
